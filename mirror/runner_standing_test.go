package mirror_test

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestStopStands: a side that lost all its mail is not whole again because the
// run that stopped for it copied a new message there.
func TestStopStands(t *testing.T) {
	t.Parallel()
	p := inStep(t, 8, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	for _, m := range near.Messages(nametrans.Inbox) {
		near.Remove(nametrans.Inbox, m.ID)
	}
	p.sync(mirror.ExitStopped)
	p.deliverFar(nametrans.Inbox, letter(50), mirror.Flags{})
	p.sync(mirror.ExitStopped)
	r := p.sync(mirror.ExitStopped)
	if got := p.count(mirror.Far, nametrans.Inbox); got != 9 {
		t.Fatalf("far holds %d messages, want all 9", got)
	}
	// One more removal is the user's own, and goes on.
	for _, m := range near.Messages(nametrans.Inbox) {
		near.Remove(nametrans.Inbox, m.ID)
	}
	p.deliverFar(nametrans.Inbox, letter(51), mirror.Flags{})
	p.sync(mirror.ExitStopped)
	r = p.sync(mirror.ExitStopped)
	p.confirm = r.Plan.Token
	p.sync(mirror.ExitDone)
	p.confirm = ""
	p.settle()
	p.alike()
	p.quiet()
}

// TestStopEndsWhenAllIsBack: nobody needs to confirm anything then.
func TestStopEndsWhenAllIsBack(t *testing.T) {
	t.Parallel()
	p := inStep(t, 8, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	before := near.Messages(nametrans.Inbox)
	for _, m := range before {
		near.Remove(nametrans.Inbox, m.ID)
	}
	p.sync(mirror.ExitStopped)
	for _, m := range before {
		near.Deliver(nametrans.Inbox, m.Body, m.Flags, m.Date)
	}
	p.settle()
	p.alike()
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
	p.settle()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 7 {
		t.Errorf("far holds %d messages, want 7: an ordinary removal after the stop ended", got)
	}
	p.alike()
}

// TestTombRenumberedTwice: near moves a message; a server without UIDPLUS keeps
// the original, marked \Deleted. The mailbox is renumbered, the run that sees it
// is stopped, and the mailbox renumbered again: the original stays away.
func TestTombRenumberedTwice(t *testing.T) {
	t.Parallel()
	for k := 1; k <= 4; k++ {
		p := newPair(t, bareIMAP(), maildirLike())
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		far.CreateMailbox(box("Lists"), "")
		p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
		p.deliverFar(nametrans.Inbox, letter(2), mirror.Flags{})
		p.settle()
		near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, box("Lists"))
		p.settle()
		far.Renumber(nametrans.Inbox, 77)
		p.inject(mirrortest.NewFault(k, mirrortest.After))
		p.try()
		p.inject(nil)
		far.Renumber(nametrans.Inbox, 78)
		p.settle()
		if got := p.count(mirror.Near, nametrans.Inbox); got != 1 {
			t.Errorf("stopped after effect %d: near INBOX holds %d, want 1: %v", k, got, p.dump(mirror.Near))
		}
	}
}

// TestRenamedOnBothSides: what is new on both sides and equals what is gone on
// both becomes one record again, not two.
func TestRenamedOnBothSides(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, maildirLike(), mirrortest.Options{})
	for _, s := range mirror.Sides {
		m := p.servers[s].Messages(nametrans.Inbox)[1]
		p.servers[s].Remove(nametrans.Inbox, m.ID)
		p.servers[s].Deliver(nametrans.Inbox, m.Body, m.Flags, m.Date)
	}
	p.settle()
	p.alike()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 3 {
		t.Errorf("far holds %d messages, want 3", got)
	}
}
