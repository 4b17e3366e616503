package mirror

import "testing"

// TestRecordsAtRest: a record is left out of what the planner is shown only where
// nothing can follow from it. What was neither seen nor proved gone may be a message
// that was moved, and is new elsewhere; where an effect was interrupted any record
// may say what became of it.
func TestRecordsAtRest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(x *run, b *box)
		shown  bool
	}{
		{"both are there", func(*run, *box) {}, false},
		{"gone", func(_ *run, b *box) { b.sides[Far].gone[7] = true }, true},
		{"neither seen nor proved gone", func(_ *run, b *box) { b.sides[Far].unknown[7] = true }, true},
		{"not known", func(_ *run, b *box) { delete(b.sides[Near].messages, 3) }, true},
		{"announced only", func(_ *run, b *box) { b.records[0].State[Far] = Unconfirmed }, true},
		{"departed before", func(_ *run, b *box) { b.records[0].State[Near] = Departed }, true},
		{"a mailbox that cannot be worked in", func(_ *run, b *box) { b.sides[Near].blocked = "busy" }, true},
		{"a mailbox that is missing", func(_ *run, b *box) { b.sides[Far].listed = nil }, true},
		{"a flag was set", func(_ *run, b *box) { b.sides[Near].messages[3].Flags = MakeFlags(`\Seen`) }, true},
		{"both set the same flag", func(_ *run, b *box) {
			b.sides[Far].messages[7].Flags, b.sides[Near].messages[3].Flags = MakeFlags(`\Seen`), MakeFlags(`\Seen`)
		}, true},
		{"an effect was interrupted here", func(x *run, _ *box) {
			x.snapshot.Intents = []Intent{{ID: 1, Kind: MoveIntent, Mailbox: "box", Target: "other"}}
		}, true},
		{"an effect was interrupted that leads here", func(x *run, _ *box) {
			x.snapshot.Intents = []Intent{{ID: 1, Kind: MoveIntent, Mailbox: "other", Target: "box"}}
		}, true},
		{"an effect was interrupted elsewhere", func(x *run, _ *box) {
			x.snapshot.Intents = []Intent{{ID: 1, Kind: CopyIntent, Mailbox: "other"}}
		}, false},
	} {
		b := &box{name: "box", visited: true, count: 1, records: []Record{{Mailbox: "box", UID: [2]UID{7, 3}}}}
		for _, s := range Sides {
			uid := b.records[0].UID[s]
			b.sides[s] = boxSide{listed: &Listed{Name: "box"}, row: &MailboxRow{Side: s, Name: "box"}, view: &View{Keeps: AllFlags()},
				messages: map[UID]*Message{uid: {Ref: Ref{UID: uid}}}, gone: map[UID]bool{}, unknown: map[UID]bool{}}
		}
		x := &run{Runner: &Runner{Policy: NewPolicy(TwoWay, 0)}}
		c.change(x, b)
		if got := len(x.mailboxInput(nil, b).Records) == 1; got != c.shown {
			t.Errorf("%s: got it shown %v, want %v", c.name, got, c.shown)
		}
	}
}

// TestKnownAfterCopies: once there are copies of ours, the checkpoint's UIDNEXT is above
// them, and its number of messages is not that of the same moment.
func TestKnownAfterCopies(t *testing.T) {
	b := &box{name: "box"}
	b.sides[Far].row = &MailboxRow{Name: "box", Checkpoint: Checkpoint{UIDValidity: 7, UIDNext: 12, Messages: 4, HighestModSeq: 13}}
	b.sides[Far].last = 11
	if got := b.known(Far, nil); got != b.sides[Far].row.Checkpoint {
		t.Errorf("got %+v, want the checkpoint as it is", got)
	}
	b.sides[Far].last = 12
	if got, want := b.known(Far, nil), (Checkpoint{UIDValidity: 7, UIDNext: 13, HighestModSeq: 13}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
