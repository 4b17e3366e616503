package statedb

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailtwin/mirror"
)

// TestManyRows puts so many rows at once that they go in bulks: new ones and some
// that are there, close together and far apart, twice in one commit. What is read
// back is what a state in memory holds, and the tallies match.
func TestManyRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(rt)
		h.commit(&mirror.Changes{Mailboxes: both("INBOX", "B")})
		for range rapid.IntRange(1, 3).Draw(rt, "commits") {
			c := drawMany(rt)
			h.commit(&c)
			h.compare(h.db)
		}
		h.close()
		h.open()
		h.compare(h.db)
	})
}

// drawMany makes up rows of two mailboxes: a record of each message, its flags drawn,
// the UIDs from one on or a hundred apart.
func drawMany(t *rapid.T) (c mirror.Changes) {
	any := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for _, name := range []mirror.Name{"INBOX", "B"} {
		first, step := rapid.IntRange(1, 40).Draw(t, "first"), rapid.SampledFrom([]int{1, 1, 2, 100}).Draw(t, "step")
		for i := range rapid.IntRange(0, 3*bulk).Draw(t, "rows") {
			uid := mirror.UID(first + i*step)
			m := mirror.Message{Ref: mirror.Ref{UID: uid}, Size: any.Int64N(9), Date: time.Unix(int64(i), 0).UTC(), Flags: mirror.MakeFlags(`\Seen`)}
			for _, side := range mirror.Sides {
				c.Messages = append(c.Messages, mirror.MessageRow{Side: side, Mailbox: name, Message: m})
			}
			if any.IntN(10) == 0 {
				m.Size = 77
				c.Messages = append(c.Messages, mirror.MessageRow{Side: mirror.Far, Mailbox: name, Message: m})
			}
			r := mirror.Record{Mailbox: name, UID: [2]mirror.UID{uid, uid}}
			r.State[mirror.Near] = mirror.Confirmation(any.IntN(4))
			c.Records = append(c.Records, r)
			c.Intents = append(c.Intents, &mirror.Intent{Kind: mirror.CopyIntent, Mailbox: name, Source: m.Ref, Size: m.Size})
		}
	}
	return c
}

// TestManyRefused: of many records one is wrong; it is told which, and nothing is
// written.
func TestManyRefused(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{CheckOnClose: true})
	c := mirror.Changes{Mailboxes: both("INBOX")}
	for uid := mirror.UID(1); uid <= 2*bulk; uid++ {
		for _, side := range mirror.Sides {
			c.Messages = append(c.Messages, mirror.MessageRow{Side: side, Mailbox: "INBOX", Message: mirror.Message{Ref: mirror.Ref{UID: uid}}})
		}
		c.Records = append(c.Records, mirror.Record{Mailbox: "INBOX", UID: [2]mirror.UID{uid, uid}})
	}
	commit(t, d, &c)
	before := mustRead(t, d)
	for name, uids := range map[string][2]mirror.UID{"is in a record with": {99, 5}, "message is not there": {99, 99}} {
		again := mirror.Changes{Messages: []mirror.MessageRow{{Side: mirror.Far, Mailbox: "INBOX", Message: mirror.Message{Ref: mirror.Ref{UID: 99}}}}}
		for uid := mirror.UID(100); uid < 100+2*bulk; uid++ {
			for _, side := range mirror.Sides {
				again.Messages = append(again.Messages, mirror.MessageRow{Side: side, Mailbox: "INBOX", Message: mirror.Message{Ref: mirror.Ref{UID: uid}}})
			}
			again.Records = append(again.Records, mirror.Record{Mailbox: "INBOX", UID: [2]mirror.UID{uid, uid}})
		}
		again.Records[3].UID = uids
		if err := d.Commit(&again); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), fmt.Sprint(uids[mirror.Near])) {
			t.Errorf("got error %v, want that it %s", err, name)
		}
		same(t, mustRead(t, d), before)
	}
	closeDB(t, d)
}
