package statedb

import (
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// Random changes do to the file what they do to a state made of maps, and one
// refuses what the other does.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(rt)
		h.commit(&mirror.Changes{Mailboxes: both(names...)})
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			if rapid.IntRange(0, 5).Draw(rt, "reopen") == 0 {
				h.close()
				h.open()
			} else {
				h.commit(h.changes())
			}
			h.compare(h.db)
		}
		h.close()
		h.openWith(Options{ReadOnly: true})
		h.compare(h.db)
	})
}

// A history is a state and its model, both after the same changes.
type history struct {
	t     *rapid.T
	dir   string
	db    *DB
	model *mirrortest.State
}

// newHistory begins with a state that was just made.
func newHistory(t *rapid.T) *history {
	dir, err := os.MkdirTemp("", "statedb-test-")
	if err != nil {
		t.Fatal(err)
	}
	h := &history{t: t, dir: dir, model: mirrortest.NewState()}
	h.open()
	t.Cleanup(func() {
		_ = h.db.Close()
		os.RemoveAll(dir)
	})
	return h
}

func (h *history) open() { h.openWith(Options{}) }

func (h *history) openWith(opts Options) {
	d, err := Open(h.dir, pair, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	if r := d.Rebuilt(); r != nil {
		h.t.Fatalf("got a rebuilt state: %v", r.Reason)
	}
	h.db = d
}

func (h *history) close() {
	if err := h.db.file.testTables(); err != nil {
		h.t.Fatal(err)
	}
	if err := h.db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// testTables tests what holds whatever the caller commits; the other invariants
// are the caller's to keep.
func (f *file) testTables() error {
	kept := map[string]bool{"file": true, "rows": true, "record-mailbox": true, "tally-mailbox": true}
	for _, i := range invariants {
		if faults, err := i.test(f); kept[i.name] && (err != nil || len(faults) > 0) {
			return broken("invariant %s: %q, error %v", i.name, faults, err)
		}
	}
	return nil
}

func (h *history) commit(c *mirror.Changes) {
	other := *c
	other.Intents = nil
	for _, i := range c.Intents {
		intent := *i
		other.Intents = append(other.Intents, &intent)
	}
	want, got := h.model.Commit(&other), h.db.Commit(c)
	if (got == nil) != (want == nil) {
		h.t.Fatalf("commit %+v: got error %v, want %v", c, got, want)
	}
	if !reflect.DeepEqual(c, &other) {
		h.t.Fatalf("intents: got %+v, want %+v", c.Intents, other.Intents)
	}
}

func (h *history) compare(d *DB) {
	want, err := read(h.model)
	if err != nil {
		h.t.Fatal(err)
	}
	got, err := read(d)
	if err != nil {
		h.t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		h.t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// Few names and UIDs, so that changes meet.
var names = []mirror.Name{"INBOX", "A\x00B", "Ünï"}

var (
	someSide = rapid.SampledFrom(mirror.Sides[:])
	someName = rapid.SampledFrom(names)
	someUID  = rapid.Uint32Range(1, 4)
	someTime = rapid.Int64Range(0, 9)
	someBase = rapid.SampledFrom([]string{"", "a", "b\xff"})
	someFlag = rapid.SampledFrom([]imap.Flag{`\Seen`, `\Deleted`, "$Junk", "b"})
	someSet  = rapid.Custom(func(t *rapid.T) mirror.Flags {
		return mirror.MakeFlags(rapid.SliceOfN(someFlag, 0, 3).Draw(t, "flags")...)
	})
	someUIDs = rapid.Custom(func(t *rapid.T) [2]mirror.UID {
		return [2]mirror.UID{mirror.UID(someUID.Draw(t, "far")), mirror.UID(someUID.Draw(t, "near"))}
	})
	someMailbox = rapid.Custom(func(t *rapid.T) mirror.MailboxKey {
		return mirror.MailboxKey{Side: someSide.Draw(t, "side"), Name: someName.Draw(t, "name")}
	})
	someKey = rapid.Custom(func(t *rapid.T) mirror.MessageKey {
		m := someMailbox.Draw(t, "mailbox")
		return mirror.MessageKey{Side: m.Side, Mailbox: m.Name, UID: mirror.UID(someUID.Draw(t, "uid"))}
	})
	someDigest = rapid.Custom(func(t *rapid.T) mirror.Digest {
		return mirror.Digest{31: byte(rapid.IntRange(0, 2).Draw(t, "digest"))}
	})
)

var (
	someMessage = rapid.Custom(func(t *rapid.T) mirror.MessageRow {
		k := someKey.Draw(t, "key")
		return mirror.MessageRow{Side: k.Side, Mailbox: k.Mailbox, Message: mirror.Message{
			Ref:   mirror.Ref{UID: k.UID, Base: someBase.Draw(t, "base")},
			Flags: someSet.Draw(t, "set"), Size: rapid.Int64Range(0, 1<<40).Draw(t, "size"), Date: at(someTime.Draw(t, "date")),
			Identity: mirror.Identity{Header: someDigest.Draw(t, "header"), Body: someDigest.Draw(t, "body"), Decisive: k.UID > 2},
		}}
	})
	someRecord = rapid.Custom(func(t *rapid.T) mirror.Record {
		return mirror.Record{
			Mailbox: someName.Draw(t, "name"), UID: someUIDs.Draw(t, "uids"),
			Base:   [2]mirror.Flags{someSet.Draw(t, "far"), someSet.Draw(t, "near")},
			Masked: [2]mirror.Flags{someSet.Draw(t, "far"), someSet.Draw(t, "near")},
			State:  [2]mirror.Confirmation{mirror.Confirmation(someUID.Draw(t, "state") % 5), 0}, Altered: rapid.Bool().Draw(t, "altered"),
		}
	})
	someRow = rapid.Custom(func(t *rapid.T) mirror.MailboxRow {
		m := someMailbox.Draw(t, "mailbox")
		return mirror.MailboxRow{Side: m.Side, Name: m.Name, Subscribed: rapid.Bool().Draw(t, "subscribed"), Checkpoint: mirror.Checkpoint{
			UIDValidity: someUID.Draw(t, "validity"), HighestModSeq: rapid.Uint64().Draw(t, "modseq"), Stamps: someBase.Draw(t, "stamps"),
		}, Compared: at(rapid.Int64Range(0, 1<<40).Draw(t, "compared")), AtRest: rapid.Bool().Draw(t, "at rest")}
	})
)

func some[T any](t *rapid.T, what *rapid.Generator[T], most int) []T {
	if rapid.IntRange(0, 2).Draw(t, "any") > 0 {
		return nil
	}
	return rapid.SliceOfN(what, 0, most).Draw(t, "list")
}

// changes draws changes that the model mostly takes: records of messages that
// come with them, tombs and quarantine of mailboxes that have a row.
func (h *history) changes() *mirror.Changes {
	t := h.t
	c := &mirror.Changes{
		Forget: some(t, someMailbox, 1), DropMailboxes: some(t, someMailbox, 1),
		DropMessages: some(t, someKey, 2), DropTombs: some(t, someKey, 3), DropQuarantine: some(t, someKey, 3),
		Mailboxes: some(t, someRow, 3), Messages: some(t, someMessage, 6), Records: some(t, someRecord, 3),
	}
	for _, uids := range some(t, someUIDs, 4) {
		c.DropRecords = append(c.DropRecords, mirror.RecordKey{Mailbox: someName.Draw(t, "name"), UID: uids})
	}
	if len(c.DropMailboxes) > 0 {
		c.Mailboxes = append(c.Mailboxes, both(names...)...) // the row changes
	}
	for _, r := range c.Records {
		for _, side := range mirror.Sides {
			if rapid.IntRange(0, 9).Draw(t, "without") > 0 {
				c.Messages = append(c.Messages, mirror.MessageRow{
					Side: side, Mailbox: r.Mailbox, Message: mirror.Message{Ref: mirror.Ref{UID: r.UID[side]}, Size: 5},
				})
			}
		}
	}
	h.small(c)
	return c
}

// small draws the changes to the small tables.
func (h *history) small(c *mirror.Changes) {
	t := h.t
	for _, side := range some(t, someSide, 2) {
		c.Sides = append(c.Sides, mirror.SideChange{Side: side, Row: mirror.SideRow{Identity: someBase.Draw(t, "identity"), Bytes: mirror.KeepsBytes, Memory: someBase.Draw(t, "memory"), Quiet: rapid.Bool().Draw(t, "quiet"),
			Pause: time.Duration(rapid.IntRange(0, 99).Draw(t, "pause")) * time.Second, PauseUntil: at(rapid.Int64Range(0, 1<<40).Draw(t, "until"))}})
	}
	for _, k := range some(t, someKey, 3) {
		since := at(someTime.Draw(t, "since"))
		c.Tombs = append(c.Tombs, mirror.Tomb{Side: k.Side, Mailbox: k.Mailbox, UID: k.UID, Since: since})
		c.Quarantine = append(c.Quarantine, mirror.Quarantined{Side: k.Side, Mailbox: k.Mailbox, UID: k.UID + 1, Reason: "r", Since: since, Tries: 2})
	}
	for _, k := range some(t, someKey, 3) {
		id := rapid.Int64Range(-5, 4).Draw(t, "id")
		c.Intents = append(c.Intents, &mirror.Intent{
			ID: max(id, 0), Kind: mirror.CopyIntent, Side: k.Side, Mailbox: k.Mailbox, Source: mirror.Ref{UID: k.UID}, Target: k.Mailbox,
		})
	}
	c.DropIntents = some(t, rapid.Int64Range(1, 6), 3)
	if rapid.IntRange(0, 5).Draw(t, "run") == 0 {
		c.Run = &mirror.RunRow{Start: at(someTime.Draw(t, "start")), Exit: 3, Summary: mirror.Summary{Paired: 2}}
	}
}
