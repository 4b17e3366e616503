package mirror_test

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestStopOutlivesBlockedRun in which the mailbox could not be looked into.
func TestStopOutlivesBlockedRun(t *testing.T) {
	t.Parallel()
	p := inStep(t, 30, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	before := near.Messages(nametrans.Inbox)
	for _, m := range before[:12] {
		near.Remove(nametrans.Inbox, m.ID)
	}
	p.sync(mirror.ExitStopped)
	p.hook(mirror.Near, &hooks{view: func(mirror.Name, *mirror.View) error { return mirror.ErrDenied }})
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	for _, m := range before[:4] {
		near.Deliver(nametrans.Inbox, m.Body, m.Flags, m.Date)
	}
	p.try()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 30 {
		t.Errorf("far holds %d, want 30: 8 messages are gone that nobody confirmed", got)
	}
}

// TestStopOutlivesCut of the run that stopped.
func TestStopOutlivesCut(t *testing.T) {
	t.Parallel()
	p := inStep(t, 30, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	before := near.Messages(nametrans.Inbox)
	for _, m := range before[:12] {
		near.Remove(nametrans.Inbox, m.ID)
	}
	p.deliverNear(box("Archive"), letter(90), mirror.Flags{})
	far.CutAppend(0, mirrortest.Fate{})
	p.sync(mirror.ExitStopped)
	for _, m := range before[:4] {
		near.Deliver(nametrans.Inbox, m.Body, m.Flags, m.Date)
	}
	p.try()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 30 {
		t.Errorf("far holds %d, want 30: 8 messages are gone that nobody confirmed", got)
	}
}

// TestMovingAllIsNoStop since nothing is missing.
func TestMovingAllIsNoStop(t *testing.T) {
	t.Parallel()
	p := inStep(t, 30, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	for _, m := range near.Messages(nametrans.Inbox) {
		near.Move(nametrans.Inbox, m.ID, box("Archive"))
	}
	p.try()
	p.settle()
	p.alike()
}
