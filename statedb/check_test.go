package statedb

import (
	"strings"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// breakers break the invariant of their name, in a state of everyField.
var breakers = map[string]func(*writer) error{
	"file": func(w *writer) error {
		return w.drop(messageTable, w.ids[inbox(mirror.Far)], "mailbox = ? AND uid = 1", w.ids[inbox(mirror.Far)])
	},
	"rows": func(w *writer) error { return w.file.exec("UPDATE message SET flags = 'x' WHERE uid = 60") },
	"record-mailbox": func(w *writer) error {
		far, near := w.ids[inbox(mirror.Far)], w.ids[mirror.MailboxKey{Side: mirror.Near, Name: "Lists\x00go"}]
		for _, mailbox := range []int64{far, near} {
			if err := w.put(messageTable, messageValues(mailbox, mirror.Message{Ref: mirror.Ref{UID: 80}})...); err != nil {
				return err
			}
		}
		return w.put(recordTable, recordValues(far, near, mirror.Record{UID: [2]mirror.UID{80, 80}})...)
	},
	"record-masked": func(w *writer) error {
		r := batch("INBOX", 1, 1).Records[0]
		r.Masked[mirror.Near] = mirror.MakeFlags("none")
		return w.putRecords([]mirror.Record{r})
	},
	"at-rest": func(w *writer) error {
		row := both("INBOX")[mirror.Near]
		row.AtRest = true
		return w.putMailbox(row)
	},
	"message-base": func(w *writer) error {
		return w.put(messageTable, messageValues(w.ids[inbox(mirror.Near)], mirror.Message{Ref: mirror.Ref{UID: 70, Base: baseName(1)}})...)
	},
	"intent-source": func(w *writer) error {
		_, err := w.putIntents([]*mirror.Intent{
			{Kind: mirror.CopyIntent, Side: mirror.Near, Mailbox: "INBOX", Source: mirror.Ref{UID: 71, Base: "gone"}},
		})
		return err
	},
	"tomb-record": func(w *writer) error {
		return w.put(tombTable, tombValues(w.ids[inbox(mirror.Near)], mirror.Tomb{UID: 2})...)
	},
	"quarantine-message": func(w *writer) error {
		return w.put(quarantineTable, quarantineValues(w.ids[inbox(mirror.Near)], mirror.Quarantined{UID: 72})...)
	},
	"quarantine-record": func(w *writer) error {
		return w.put(quarantineTable, quarantineValues(w.ids[inbox(mirror.Far)], mirror.Quarantined{UID: 2})...)
	},
	"tally-mailbox": func(w *writer) error {
		t := tally{1, 1}
		return w.exec(putTally, recordTable.kind, 99, 1, 1, t.checksum(tallyKey{recordTable.kind, 99}))
	},
}

func inbox(side mirror.Side) mirror.MailboxKey { return mirror.MailboxKey{Side: side, Name: "INBOX"} }

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, i := range invariants {
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, t.TempDir(), Options{})
			commit(t, d, everyField())
			// A ghost outlives its source.
			commit(t, d, &mirror.Changes{Intents: []*mirror.Intent{
				{Kind: mirror.GhostIntent, Side: mirror.Near, Mailbox: "INBOX", Source: mirror.Ref{UID: 90, Base: "gone"}},
			}})
			if err := d.Check(); err != nil {
				t.Fatalf("got %v, want a sound state", err)
			}
			if err := d.file.exec("PRAGMA foreign_keys = OFF"); err != nil {
				t.Fatal(err)
			}
			w, err := d.file.begin()
			if err != nil {
				t.Fatal(err)
			}
			breakIt := breakers[i.name]
			if breakIt == nil {
				t.Fatal("no test breaks this invariant")
			}
			if err := breakIt(w); err != nil {
				t.Fatal(err)
			}
			if err := w.commit(); err != nil {
				t.Fatal(err)
			}
			err = d.Check()
			if err == nil || !strings.Contains(err.Error(), "invariant "+i.name+":") || strings.Count(err.Error(), "invariant ") != 1 {
				t.Errorf("got %v, want that invariant only", err)
			}
			d.opts.CheckOnClose = true
			if err := d.Close(); err == nil {
				t.Error("close: got no error")
			}
		})
	}
	if len(breakers) != len(invariants) {
		t.Errorf("got %d tests for %d invariants", len(breakers), len(invariants))
	}
}

// What is at rest, and the state made of maps finds the same.
func TestCheckAtRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*mirror.Message, *mirror.Record, *mirror.MailboxRow, mirror.Side)
		broken bool
	}{
		"alike": {func(*mirror.Message, *mirror.Record, *mirror.MailboxRow, mirror.Side) {}, false},
		"a flag masked": {func(_ *mirror.Message, r *mirror.Record, _ *mirror.MailboxRow, s mirror.Side) {
			r.Base = [2]mirror.Flags{mirror.MakeFlags(`\Seen`, "a"), mirror.MakeFlags(`\Seen`, "a")}
			r.Masked[s] = mirror.MakeFlags("a")
		}, false},
		"a flag that did not travel": {func(_ *mirror.Message, r *mirror.Record, _ *mirror.MailboxRow, s mirror.Side) {
			r.Base[s.Other()] = mirror.MakeFlags("a")
		}, true},
		"a flag in the base": {func(_ *mirror.Message, r *mirror.Record, _ *mirror.MailboxRow, s mirror.Side) {
			r.Base[s] = mirror.MakeFlags(`\Seen`, "a")
		}, true},
		"a flag on the message": {func(m *mirror.Message, _ *mirror.Record, _ *mirror.MailboxRow, _ mirror.Side) {
			m.Flags = mirror.MakeFlags(`\Seen`, "a")
		}, true},
		"announced, to be listed": {func(_ *mirror.Message, r *mirror.Record, b *mirror.MailboxRow, s mirror.Side) {
			r.State[s], b.Checkpoint.UIDNext = mirror.Unconfirmed, 1
		}, false},
		"announced, not listed": {func(_ *mirror.Message, r *mirror.Record, b *mirror.MailboxRow, s mirror.Side) {
			r.State[s], b.Checkpoint.UIDNext = mirror.Unconfirmed, 2
		}, true},
		"departed": {func(_ *mirror.Message, r *mirror.Record, _ *mirror.MailboxRow, s mirror.Side) {
			r.State[s] = mirror.Departed
		}, true},
		"departed on the other side": {func(_ *mirror.Message, r *mirror.Record, _ *mirror.MailboxRow, s mirror.Side) {
			r.State[s.Other()] = mirror.Departed
		}, false},
		"departed, and not marked": {func(_ *mirror.Message, r *mirror.Record, b *mirror.MailboxRow, s mirror.Side) {
			r.State[s], b.AtRest = mirror.Departed, false
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, side := range mirror.Sides {
				changes := batch("INBOX", 1, 2)
				changes.Mailboxes = both("INBOX")
				changes.Mailboxes[side].AtRest = true
				c.change(&changes.Messages[side].Message, &changes.Records[0], &changes.Mailboxes[side], side)
				d, model := open(t, t.TempDir(), Options{}), mirrortest.NewState()
				commit(t, d, changes)
				if err := model.Commit(changes); err != nil {
					t.Fatal(err)
				}
				for _, err := range []error{d.Check(), model.Check()} {
					if (err != nil) != c.broken || c.broken && !strings.HasPrefix(err.Error(), "invariant at-rest: ") {
						t.Errorf("%s: got %v, want it broken: %v", side, err, c.broken)
					}
				}
			}
		})
	}
}
