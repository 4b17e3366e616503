package mirror_test

import (
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRenumberedIsNoMove renumbers a mailbox that holds the equal of a message that is
// removed elsewhere, without rest (0) or stopped after an effect: nothing is moved.
func TestRenumberedIsNoMove(t *testing.T) {
	t.Parallel()
	for k := 0; k <= 4; k++ {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			p := inStep(t, 5, mirrortest.Options{}, maildirLike())
			far, near := p.servers[mirror.Far], p.servers[mirror.Near]
			p.deliverFar(box("Archive"), letter(2), mirror.Flags{})
			p.deliverFar(box("Archive"), letter(60), mirror.Flags{})
			p.settle()
			far.Renumber(box("Archive"), 99)
			far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[2].ID)
			if k == 0 { // not interrupted, but the mailboxes do not rest once
				once := true
				p.hook(mirror.Near, &hooks{view: func(mirror.Name, *mirror.View) error {
					if once {
						once = false
						p.deliverNear(nametrans.Inbox, letter(33), mirror.Flags{})
					}
					return nil
				}})
				p.deliverFar(nametrans.Inbox, letter(34), mirror.Flags{})
				near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Seen`))
			} else {
				p.inject(mirrortest.NewFault(k, mirrortest.After))
			}
			p.try()
			p.inject(nil)
			for range 3 {
				p.try()
			}
			p.alike()
			if got := p.count(mirror.Far, box("Archive")); got != 2 {
				t.Errorf("far Archive %d, want 2", got)
			}
			if got := p.count(mirror.Near, box("Archive")); got != 2 {
				t.Errorf("near Archive %d, want 2", got)
			}
		})
	}
}

// TestExtraStaysInRenumberingRun holds also where that run looks twice.
func TestExtraStaysInRenumberingRun(t *testing.T) {
	t.Parallel()
	p := inStep(t, 6, mirrortest.Options{}, mirrortest.Options{})
	p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
	p.policy.RemoveExtra = true
	p.settle()
	near := p.servers[mirror.Near]
	near.Renumber(nametrans.Inbox, 91)
	p.deliverNear(nametrans.Inbox, letter(70), mirror.Flags{})
	p.deliverFar(nametrans.Inbox, letter(71), mirror.Flags{})
	once := true
	p.hook(mirror.Far, &hooks{view: func(mirror.Name, *mirror.View) error {
		if once {
			once = false
			p.deliverFar(box("Archive"), letter(72), mirror.Flags{})
		}
		return nil
	}})
	r := p.sync(mirror.ExitDone)
	if r.Summary.Removed[mirror.Near] > 0 {
		t.Errorf("the run that saw the renumbering removed %v", r.Summary.Removed)
	}
}

// TestExtraGoesAfterRenumbering shows that what a renumbering left to the next run is done there.
func TestExtraGoesAfterRenumbering(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
	p.policy.RemoveExtra = true
	p.settle()
	p.deliverNear(nametrans.Inbox, letter(50), mirror.Flags{})
	p.servers[mirror.Far].Renumber(nametrans.Inbox, 91)
	p.settle()
	p.settle()
	p.alike()
}

// TestEqualTombsRenumbered has two removed messages of equal size and date under new UIDs: they
// stay away.
func TestEqualTombsRenumbered(t *testing.T) {
	t.Parallel()
	p := newPair(t, bareIMAP(), maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.CreateMailbox(box("Lists"), "")
	for _, i := range []int{1, 8, 3} {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, box("Lists"))
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, box("Lists"))
	p.settle()
	far.Renumber(nametrans.Inbox, 77)
	p.settle()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 1 {
		t.Errorf("near INBOX holds %d, want 1: %v", got, p.dump(mirror.Near))
	}
}
