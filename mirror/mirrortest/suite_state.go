package mirrortest

import (
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// StateSuite runs the conformance suite of mirror.State. open is called once a
// test, or several times, and returns a state that is new and empty, and what
// closes it and opens it again.
func StateSuite(t *testing.T, open func(t *testing.T) (mirror.State, func() mirror.State)) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, d *stateDesk)
	}{
		{"Empty", testStateEmpty},
		{"Round trip", testStateRoundTrip},
		{"Order", testStateOrder},
		{"Rows", testStateRows},
		{"Within", testStateWithin},
		{"Alike", testStateAlike},
		{"Replace", testStateReplace},
		{"Drop", testStateDrop},
		{"Drop before put", testStateDropBeforePut},
		{"Intent IDs", testStateIntentIDs},
		{"Forget", testStateForget},
		{"Drop mailbox", testStateDropMailbox},
		{"Rename mailbox", testStateRename},
		{"Runs", testStateRuns},
		{"Refused", testStateRefused},
		{"Copies", testStateCopies},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &stateDesk{}
			d.State, d.reopen = open(t)
			c.test(t, d)
		})
	}
	t.Run("Model", func(t *testing.T) { testStateModel(t, open) })
}

// stateDesk is a state under test.
type stateDesk struct {
	mirror.State
	reopen func() mirror.State
}

func (d *stateDesk) commit(t *testing.T, c mirror.Changes) {
	t.Helper()
	if err := d.Commit(&c); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// check reads the state, as it is and opened again, and compares.
func (d *stateDesk) check(t *testing.T, want contents) {
	t.Helper()
	same(t, read(t, d), want)
	d.State = d.reopen()
	same(t, read(t, d), want)
}

func testStateEmpty(t *testing.T, d *stateDesk) {
	want := contents{Snapshot: mirror.Snapshot{Fresh: true}, Messages: map[mirror.MailboxKey][]mirror.Message{},
		Records: map[mirror.Name][]mirror.Record{}, Counts: map[mirror.Name]int{}}
	d.check(t, want)
	d.commit(t, mirror.Changes{})
	d.check(t, want)
}

// testStateRoundTrip: every field of every row comes back.
func testStateRoundTrip(t *testing.T, d *stateDesk) {
	c := everything()
	d.commit(t, c)
	want := contents{
		Snapshot: mirror.Snapshot{Sides: [2]mirror.SideRow{c.Sides[0].Row, c.Sides[1].Row}, Mailboxes: c.Mailboxes,
			Intents: []mirror.Intent{*c.Intents[0], *c.Intents[1]}, Tombs: c.Tombs, Quarantine: c.Quarantine, LastRun: c.Run},
		Messages: map[mirror.MailboxKey][]mirror.Message{
			{Side: mirror.Far, Name: suiteChild}:  {c.Messages[0].Message},
			{Side: mirror.Near, Name: suiteChild}: {c.Messages[1].Message, c.Messages[2].Message}},
		Records: map[mirror.Name][]mirror.Record{suiteChild: c.Records},
		Counts:  map[mirror.Name]int{suiteChild: 1},
	}
	d.check(t, want)
}

// testStateOrder: lists are sorted however they were written.
func testStateOrder(t *testing.T, d *stateDesk) {
	var c mirror.Changes
	for _, uid := range []imap.UID{5, 1, 4, 2, 3} {
		c.Messages = append(c.Messages, small(mirror.Far, suiteBox, uid), small(mirror.Near, suiteBox, 10-uid))
		c.Records = append(c.Records, record(suiteBox, uid, 10-uid))
	}
	c.Mailboxes = []mirror.MailboxRow{row(mirror.Near, suiteOther), row(mirror.Far, suiteOther), row(mirror.Near, suiteBox), row(mirror.Far, suiteBox)}
	d.commit(t, c)
	got := read(t, d)
	if want := []mirror.MailboxRow{row(mirror.Far, suiteBox), row(mirror.Near, suiteBox), row(mirror.Far, suiteOther), row(mirror.Near, suiteOther)}; !slices.Equal(got.Snapshot.Mailboxes, want) {
		t.Errorf("got mailboxes %v, want %v", got.Snapshot.Mailboxes, want)
	}
	if n := got.Counts[suiteBox]; n != 5 || len(got.Counts) != 1 {
		t.Errorf("got counts %v, want 5 records", got.Counts)
	}
	for _, side := range mirror.Sides {
		list := got.Messages[mirror.MailboxKey{Side: side, Name: suiteBox}]
		if len(list) != 5 || !slices.IsSortedFunc(list, func(a, b mirror.Message) int { return byUID(a.Ref, b.Ref) }) {
			t.Errorf("%s: got %v, want five by UID", side, refsOf(list))
		}
	}
	for i, r := range got.Records[suiteBox] {
		if r.UID[mirror.Far] != imap.UID(i+1) || r.UID[mirror.Near] != imap.UID(9-i) {
			t.Errorf("got record %d of %v, want far %d", i, r.UID, i+1)
		}
	}
}

// testStateReplace: a row that is put again takes the place of the first.
func testStateReplace(t *testing.T, d *stateDesk) {
	d.commit(t, everything())
	want := read(t, d)
	m := &want.Messages[mirror.MailboxKey{Side: mirror.Far, Name: suiteChild}][0]
	m.Flags, m.Size = mirror.MakeFlags(imap.FlagDraft), 5
	r := &want.Records[suiteChild][0]
	r.Base[mirror.Far], r.State = mirror.MakeFlags("Custom"), [2]mirror.Confirmation{}
	s := &want.Snapshot
	s.Mailboxes[0].Subscribed, s.Mailboxes[0].Checkpoint = false, mirror.Checkpoint{UIDValidity: 8}
	s.Mailboxes[1].AtRest = false
	s.Sides[mirror.Near].Bytes = mirror.NotProbed
	s.Intents[0].Accepted = false
	s.Tombs[0].Since = afterNoon(time.Hour)
	s.Quarantine[0].Tries = 4
	d.commit(t, mirror.Changes{
		Sides:      []mirror.SideChange{{Side: mirror.Near, Row: s.Sides[mirror.Near]}},
		Mailboxes:  s.Mailboxes,
		Messages:   []mirror.MessageRow{{Side: mirror.Far, Mailbox: suiteChild, Message: *m}},
		Records:    []mirror.Record{*r},
		Intents:    []*mirror.Intent{&s.Intents[0]},
		Tombs:      s.Tombs,
		Quarantine: s.Quarantine,
	})
	d.check(t, want)
}

// testStateDrop: a row that is dropped is gone, and one that is not there may
// be dropped.
func testStateDrop(t *testing.T, d *stateDesk) {
	c := everything()
	d.commit(t, c)
	want := read(t, d)
	for range 2 {
		d.commit(t, mirror.Changes{
			DropRecords:    []mirror.RecordKey{c.Records[0].Key()},
			DropMessages:   []mirror.MessageKey{key(c.Messages[0]), {Side: mirror.Far, Mailbox: suiteBox, UID: 3}},
			DropIntents:    []int64{want.Snapshot.Intents[0].ID, 1 << 40},
			DropTombs:      []mirror.MessageKey{{Side: mirror.Far, Mailbox: suiteChild, UID: 77}, {Side: mirror.Near, Mailbox: Inbox, UID: 1}},
			DropQuarantine: []mirror.MessageKey{{Side: mirror.Near, Mailbox: suiteChild, UID: 2}},
			DropMailboxes:  []mirror.MailboxKey{{Side: mirror.Near, Name: suiteOther}},
			Forget:         []mirror.MailboxKey{{Side: mirror.Near, Name: suiteOther}},
		})
	}
	clear(want.Records)
	clear(want.Counts)
	delete(want.Messages, mirror.MailboxKey{Side: mirror.Far, Name: suiteChild})
	want.Snapshot.Intents = want.Snapshot.Intents[1:]
	want.Snapshot.Tombs, want.Snapshot.Quarantine = nil, nil
	d.check(t, want)
}

// testStateDropBeforePut: in one transaction, two records change partners.
func testStateDropBeforePut(t *testing.T, d *stateDesk) {
	c := mirror.Changes{Mailboxes: []mirror.MailboxRow{row(mirror.Far, suiteBox), row(mirror.Near, suiteBox)}}
	for _, uid := range []imap.UID{1, 2} {
		c.Messages = append(c.Messages, small(mirror.Far, suiteBox, uid), small(mirror.Near, suiteBox, uid))
		c.Records = append(c.Records, record(suiteBox, uid, uid))
	}
	d.commit(t, c)
	want := read(t, d)
	swapped := []mirror.Record{record(suiteBox, 1, 2), record(suiteBox, 2, 1)}
	d.commit(t, mirror.Changes{Records: swapped, DropRecords: []mirror.RecordKey{c.Records[0].Key(), c.Records[1].Key()}})
	want.Records[suiteBox] = swapped
	d.check(t, want)
	// The message under a new number: the old one may go once its record did.
	d.commit(t, mirror.Changes{DropRecords: []mirror.RecordKey{swapped[0].Key()}, DropMessages: []mirror.MessageKey{key(c.Messages[0])},
		Messages: []mirror.MessageRow{small(mirror.Far, suiteBox, 3)}, Records: []mirror.Record{record(suiteBox, 3, 2)}})
	want.Records[suiteBox] = []mirror.Record{swapped[1], record(suiteBox, 3, 2)}
	want.Messages[mirror.MailboxKey{Side: mirror.Far, Name: suiteBox}] = []mirror.Message{small(mirror.Far, suiteBox, 2).Message, small(mirror.Far, suiteBox, 3).Message}
	d.check(t, want)
}

// testStateIntentIDs: set in place, ascending, and never given twice.
func testStateIntentIDs(t *testing.T, d *stateDesk) {
	var last int64
	for range 3 {
		two := []*mirror.Intent{{Kind: mirror.CopyIntent, Mailbox: suiteBox, Source: mirror.Ref{UID: 1}, Target: suiteBox},
			{Kind: mirror.RemoveIntent, Mailbox: suiteBox, Source: mirror.Ref{UID: 2}}}
		d.commit(t, mirror.Changes{Intents: two})
		for _, i := range two {
			if i.ID <= last {
				t.Errorf("got ID %d after %d, want a larger one", i.ID, last)
			}
			last = i.ID
		}
		d.commit(t, mirror.Changes{DropIntents: []int64{two[0].ID, two[1].ID}})
		d.State = d.reopen()
	}
	if left := read(t, d).Snapshot.Intents; len(left) != 0 {
		t.Errorf("got intents %v, want none", left)
	}
}
