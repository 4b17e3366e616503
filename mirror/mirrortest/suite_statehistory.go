package mirrortest

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"

	"mailtwin/mirror"
)

// twoMailboxes has two mailboxes with two records each, and in each a tomb, a
// quarantined message and an intent of every direction.
func twoMailboxes() mirror.Changes {
	var c mirror.Changes
	for _, name := range []mirror.Name{suiteBox, suiteOther} {
		for _, side := range mirror.Sides {
			c.Mailboxes = append(c.Mailboxes, mirror.MailboxRow{Side: side, Name: name, Checkpoint: mirror.Checkpoint{UIDValidity: 9}})
			for _, uid := range []imap.UID{1, 2, 3, 4} {
				c.Messages = append(c.Messages, small(side, name, uid))
			}
			c.Tombs = append(c.Tombs, mirror.Tomb{Side: side, Mailbox: name, UID: 4})
			c.Quarantine = append(c.Quarantine, mirror.Quarantined{Side: side, Mailbox: name, UID: 3})
			c.Intents = append(c.Intents, &mirror.Intent{Kind: mirror.CopyIntent, Side: side, Mailbox: name, Source: mirror.Ref{UID: 3}, Target: name})
		}
		c.Records = append(c.Records, record(name, 1, 2), record(name, 2, 1))
	}
	return c
}

// withoutMailbox takes out of want what Forget drops: everything that names
// UIDs of that mailbox on that side. Intents are its own by their source.
func (want *contents) withoutMailbox(k mirror.MailboxKey) {
	delete(want.Messages, k)
	delete(want.Records, k.Name)
	delete(want.Counts, k.Name)
	s := &want.Snapshot
	s.Tombs = slices.DeleteFunc(s.Tombs, func(x mirror.Tomb) bool { return x.Side == k.Side && x.Mailbox == k.Name })
	s.Quarantine = slices.DeleteFunc(s.Quarantine, func(x mirror.Quarantined) bool { return x.Side == k.Side && x.Mailbox == k.Name })
	s.Intents = slices.DeleteFunc(s.Intents, func(x mirror.Intent) bool { return x.Side == k.Side && x.Mailbox == k.Name })
}

func testStateForget(t *testing.T, d *stateDesk) {
	for _, side := range mirror.Sides {
		d.commit(t, twoMailboxes())
		want := read(t, d)
		k := mirror.MailboxKey{Side: side, Name: suiteBox}
		d.commit(t, mirror.Changes{Forget: []mirror.MailboxKey{k}, Messages: []mirror.MessageRow{small(side, suiteBox, 7)}})
		want.withoutMailbox(k)
		want.Messages[k] = []mirror.Message{small(side, suiteBox, 7).Message}
		d.check(t, want)
	}
}

func testStateDropMailbox(t *testing.T, d *stateDesk) {
	d.commit(t, twoMailboxes())
	want := read(t, d)
	for _, side := range mirror.Sides {
		k := mirror.MailboxKey{Side: side, Name: suiteBox}
		d.commit(t, mirror.Changes{DropMailboxes: []mirror.MailboxKey{k}})
		want.withoutMailbox(k)
		want.Snapshot.Mailboxes = slices.DeleteFunc(want.Snapshot.Mailboxes, func(r mirror.MailboxRow) bool { return r.Side == side && r.Name == suiteBox })
		d.check(t, want)
	}
	// Its place is free again, and nothing of the old one is in it.
	d.commit(t, mirror.Changes{Mailboxes: []mirror.MailboxRow{row(mirror.Near, suiteBox)}})
	want.Snapshot.Mailboxes = slices.Insert(want.Snapshot.Mailboxes, 0, row(mirror.Near, suiteBox))
	d.check(t, want)
}

// testStateRename: everything of a mailbox stands under its new name, what stood there is
// gone, and a mailbox that is not known on both sides is refused.
func testStateRename(t *testing.T, d *stateDesk) {
	d.commit(t, twoMailboxes())
	var c mirror.Changes
	for _, in := range read(t, d).Snapshot.Intents {
		c.DropIntents = append(c.DropIntents, in.ID)
	}
	d.commit(t, c)
	old := read(t, d)
	rename := mirror.MailboxRename{From: suiteBox, To: suiteChild}
	for _, side := range mirror.Sides {
		rename.Rows[side] = row(side, suiteChild)
		rename.Rows[side].Origin = "elsewhere"
	}
	missing := mirror.MailboxRename{From: "never", To: suiteChild, Rows: rename.Rows}
	if err := d.Commit(&mirror.Changes{Renames: []mirror.MailboxRename{missing}}); err == nil {
		t.Error("rename what is not known: got no error")
	}
	d.commit(t, mirror.Changes{Renames: []mirror.MailboxRename{rename}})
	now := read(t, d)
	for _, side := range mirror.Sides {
		from, to := mirror.MailboxKey{Side: side, Name: suiteBox}, mirror.MailboxKey{Side: side, Name: suiteChild}
		if len(now.Messages[from]) != 0 || len(old.Messages[from]) == 0 || !reflect.DeepEqual(now.Messages[to], old.Messages[from]) {
			t.Errorf("%s: got messages %v under the new name, want %v", side, now.Messages[to], old.Messages[from])
		}
	}
	if got, want := len(now.Records[suiteChild]), len(old.Records[suiteBox]); got != want || want == 0 || len(now.Records[suiteBox]) != 0 || now.Records[suiteChild][0].Mailbox != suiteChild {
		t.Errorf("got %d records under the new name, want %d", got, want)
	}
	for _, m := range now.Snapshot.Mailboxes {
		if m.Name == suiteBox || m.Name == suiteChild && m.Origin != "elsewhere" {
			t.Errorf("got row %+v", m)
		}
	}
	for i, tomb := range now.Snapshot.Tombs {
		if tomb.Mailbox == suiteBox {
			t.Errorf("tomb %d stayed behind", i)
		}
	}
}

// testStateRuns: the state is fresh until a run has ended; the last run is the
// one that was written last.
func testStateRuns(t *testing.T, d *stateDesk) {
	d.commit(t, twoMailboxes())
	if got := read(t, d).Snapshot; !got.Fresh || got.LastRun != nil {
		t.Errorf("got fresh %v, last run %v before a run ended; want true, none", got.Fresh, got.LastRun)
	}
	for exit := range 3 {
		run := mirror.RunRow{Start: afterNoon(0), End: afterNoon(time.Second), Exit: exit}
		want := read(t, d)
		d.commit(t, mirror.Changes{Run: &run})
		want.Snapshot.Fresh, want.Snapshot.LastRun = false, &run
		d.check(t, want)
	}
}

// testStateRefused: a transaction that would break a key changes nothing, not
// even the intents that it was given.
func testStateRefused(t *testing.T, d *stateDesk) {
	d.commit(t, twoMailboxes())
	want := read(t, d)
	tomb := func(uid imap.UID, name mirror.Name) []mirror.Tomb { return []mirror.Tomb{{Mailbox: name, UID: uid}} }
	for name, c := range map[string]mirror.Changes{
		"message without mailbox":    {Messages: []mirror.MessageRow{small(mirror.Far, Inbox, 1)}},
		"message without UID":        {Messages: []mirror.MessageRow{small(mirror.Far, suiteBox, 0)}},
		"tomb without mailbox":       {Tombs: tomb(1, Inbox)},
		"quarantine without mailbox": {Quarantine: []mirror.Quarantined{{Side: mirror.Near, Mailbox: Inbox, UID: 1}}},
		"record without far":         {Records: []mirror.Record{record(suiteBox, 9, 3)}},
		"record without near":        {Records: []mirror.Record{record(suiteBox, 3, 9)}},
		"record without mailbox":     {Records: []mirror.Record{record(Inbox, 1, 1)}},
		"far in two records":         {Records: []mirror.Record{record(suiteBox, 1, 3)}},
		"near in two records":        {Records: []mirror.Record{record(suiteBox, 3, 1)}},
		"drop of a far message":      {DropMessages: []mirror.MessageKey{{Side: mirror.Far, Mailbox: suiteBox, UID: 1}}},
		"drop of a near message":     {DropMessages: []mirror.MessageKey{{Side: mirror.Near, Mailbox: suiteBox, UID: 1}}},
		"drop and put again": {DropMessages: []mirror.MessageKey{{Side: mirror.Near, Mailbox: suiteBox, UID: 1}},
			Messages: []mirror.MessageRow{small(mirror.Near, suiteBox, 1)}},
		"mailbox without name": {Mailboxes: []mirror.MailboxRow{row(mirror.Far, "")}},
	} {
		t.Run(name, func(t *testing.T) {
			intent := &mirror.Intent{Kind: mirror.CopyIntent, Mailbox: suiteBox, Source: mirror.Ref{UID: 3}, Target: suiteBox}
			c.Intents = []*mirror.Intent{intent}
			c.DropRecords = append(c.DropRecords, record(suiteOther, 1, 2).Key())
			c.Messages = append(c.Messages, small(mirror.Near, suiteOther, 20))
			c.Run = &mirror.RunRow{Exit: 1}
			if err := d.Commit(&c); err == nil {
				t.Error("got no error")
			}
			if intent.ID != 0 {
				t.Errorf("got ID %d for an intent that was not stored", intent.ID)
			}
			same(t, read(t, d), want)
		})
	}
	d.check(t, want)
}

// testStateCopies: what was given and what was returned are the caller's.
func testStateCopies(t *testing.T, d *stateDesk) {
	c := everything()
	d.commit(t, c)
	want := read(t, d)
	c.Messages[0].Size, c.Records[0].Altered, c.Mailboxes[0].Role = 1, false, ""
	c.Intents[0].Accepted, c.Tombs[0].UID, c.Quarantine[0].Tries, c.Run.Exit = false, 1, 9, 9
	same(t, read(t, d), want)
	raw, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
	raw.Mailboxes[0].Role, raw.Intents[0].Accepted, raw.LastRun.Exit = "", false, 9
	got := read(t, d)
	got.Messages[mirror.MailboxKey{Name: suiteChild}][0].Size, got.Records[suiteChild][0].Altered = 1, false
	got.Counts[suiteChild] = 9
	same(t, read(t, d), want)
}

// testStateModel compares the state with State over random histories.
func testStateModel(t *testing.T, open func(t *testing.T) (mirror.State, func() mirror.State)) {
	rapid.Check(t, func(rt *rapid.T) {
		state, reopen := open(t)
		model := NewState()
		for range rapid.IntRange(1, 12).Draw(rt, "commits") {
			c := randomChanges(rt, model)
			mine, theirs := copyOf(c), copyOf(c)
			wanted, err := model.Commit(&mine), state.Commit(&theirs)
			if (err == nil) != (wanted == nil) {
				rt.Fatalf("commit %+v: got %v, want %v", c, err, wanted)
			}
			for i := range mine.Intents {
				if mine.Intents[i].ID != theirs.Intents[i].ID {
					rt.Fatalf("got intent ID %d, want %d", theirs.Intents[i].ID, mine.Intents[i].ID)
				}
			}
			if rapid.IntRange(0, 9).Draw(rt, "reopen") == 0 {
				state = reopen()
			}
			same(rt, read(rt, state), read(rt, model))
			for _, name := range stateNames[:2] {
				agree(rt, state, name, randomSet(rt))
			}
		}
	})
}

// copyOf gives c intents of its own.
func copyOf(c mirror.Changes) mirror.Changes {
	var intents []*mirror.Intent
	for _, i := range c.Intents {
		double := *i
		intents = append(intents, &double)
	}
	c.Intents = intents
	return c
}

// randomSet draws UIDs out of those of randomChanges and what follows them.
func randomSet(rt *rapid.T) (set imap.UIDSet) {
	for _, uid := range rapid.SliceOfN(rapid.Uint32Range(1, 5), 0, 3).Draw(rt, "set") {
		set.AddNum(imap.UID(uid))
	}
	if first := rapid.Uint32Range(1, 9).Draw(rt, "from"); first < 5 {
		set.AddRange(imap.UID(first), math.MaxUint32)
	}
	return set
}

// randomChanges draws a transaction over two mailboxes and four UIDs, so that
// it often meets rows that are there.
func randomChanges(rt *rapid.T, model *State) mirror.Changes {
	name := rapid.SampledFrom([]mirror.Name{suiteBox, suiteOther})
	side := rapid.SampledFrom(mirror.Sides[:])
	uid := rapid.Custom(func(rt *rapid.T) imap.UID { return imap.UID(rapid.IntRange(1, 4).Draw(rt, "uid")) })
	flags := rapid.Map(rapid.SampledFrom([]string{"", `\Seen`, `\Seen $A`, "$A b"}), mirror.ParseFlags)
	mailbox := rapid.Custom(func(rt *rapid.T) mirror.MailboxKey {
		return mirror.MailboxKey{Side: side.Draw(rt, "side"), Name: name.Draw(rt, "name")}
	})
	message := rapid.Custom(func(rt *rapid.T) mirror.MessageKey {
		return mirror.MessageKey{Side: side.Draw(rt, "side"), Mailbox: name.Draw(rt, "name"), UID: uid.Draw(rt, "uid")}
	})
	pair := rapid.Custom(func(rt *rapid.T) mirror.RecordKey {
		return mirror.RecordKey{Mailbox: name.Draw(rt, "name"), UID: [2]imap.UID{uid.Draw(rt, "far"), uid.Draw(rt, "near")}}
	})
	some := func(label string, odds int) bool { return rapid.IntRange(1, odds).Draw(rt, label) == 1 }
	var c mirror.Changes
	if some("forget", 6) {
		c.Forget = append(c.Forget, mailbox.Draw(rt, "forget"))
	}
	if some("drop mailbox", 8) {
		c.DropMailboxes = append(c.DropMailboxes, mailbox.Draw(rt, "drop mailbox"))
	}
	if some("rename", 8) {
		r := mirror.MailboxRename{From: suiteBox, To: suiteOther}
		if some("the other way", 2) {
			r.From, r.To = r.To, r.From
		}
		for _, s := range mirror.Sides {
			r.Rows[s] = mirror.MailboxRow{Side: s, Name: r.To, Checkpoint: mirror.Checkpoint{UIDValidity: uint32(rapid.IntRange(0, 3).Draw(rt, "validity"))}}
		}
		c.Renames = append(c.Renames, r)
	}
	c.DropRecords = rapid.SliceOfN(pair, 0, 3).Draw(rt, "drop records")
	c.DropMessages = rapid.SliceOfN(message, 0, 1).Draw(rt, "drop messages")
	c.DropTombs = rapid.SliceOfN(message, 0, 1).Draw(rt, "drop tombs")
	c.DropQuarantine = rapid.SliceOfN(message, 0, 1).Draw(rt, "drop quarantine")
	for _, k := range rapid.SliceOfN(mailbox, 0, 3).Draw(rt, "mailboxes") {
		origin := rapid.SampledFrom([]mirror.Name{"", "elsewhere"}).Draw(rt, "origin")
		c.Mailboxes = append(c.Mailboxes, mirror.MailboxRow{Side: k.Side, Name: k.Name, Origin: origin, Subscribed: some("subscribed", 2), AtRest: some("at rest", 2)})
	}
	for _, k := range rapid.SliceOfN(message, 0, 6).Draw(rt, "messages") {
		m := small(k.Side, k.Mailbox, k.UID)
		m.Flags = flags.Draw(rt, "flags")
		c.Messages = append(c.Messages, m)
	}
	for _, k := range rapid.SliceOfN(pair, 0, 2).Draw(rt, "records") {
		c.Records = append(c.Records, mirror.Record{Mailbox: k.Mailbox, UID: k.UID, Altered: some("altered", 2)})
	}
	for _, k := range rapid.SliceOfN(message, 0, 1).Draw(rt, "tombs") {
		c.Tombs = append(c.Tombs, mirror.Tomb{Side: k.Side, Mailbox: k.Mailbox, UID: k.UID})
	}
	for _, k := range rapid.SliceOfN(message, 0, 1).Draw(rt, "quarantine") {
		c.Quarantine = append(c.Quarantine, mirror.Quarantined{Side: k.Side, Mailbox: k.Mailbox, UID: k.UID, Tries: 1})
	}
	for _, k := range rapid.SliceOfN(message, 0, 2).Draw(rt, "intents") {
		c.Intents = append(c.Intents, &mirror.Intent{Kind: mirror.CopyIntent, Side: k.Side, Mailbox: k.Mailbox, Source: mirror.Ref{UID: k.UID}, Target: k.Mailbox})
	}
	snapshot, _ := model.Load()
	for _, i := range snapshot.Intents {
		if some("drop intent", 3) {
			c.DropIntents = append(c.DropIntents, i.ID)
		}
	}
	if some("run", 6) {
		c.Run = &mirror.RunRow{Exit: rapid.IntRange(0, 4).Draw(rt, "exit")}
	}
	return c
}
