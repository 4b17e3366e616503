package mirror_test

import (
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestInterruptedFirstRunKeepsTwins of two mailboxes apart.
func TestInterruptedFirstRunKeepsTwins(t *testing.T) {
	t.Parallel()
	for k := 1; k <= 12; k++ {
		for _, pt := range mirrortest.Points {
			t.Run(fmt.Sprint(k, pt), func(t *testing.T) {
				p := newPair(t, mirrortest.Options{}, maildirLike())
				for _, s := range mirror.Sides {
					p.servers[s].CreateMailbox(box("Zoo"), "")
				}
				p.deliverNear(nametrans.Inbox, letter(1), mirror.Flags{})
				p.deliverFar(box("Zoo"), letter(1), mirror.Flags{})
				p.inject(mirrortest.NewFault(k, pt))
				p.try()
				p.inject(nil)
				for range 3 {
					p.try()
				}
				p.checkState()
				p.alike()
				if a, b := p.count(mirror.Near, nametrans.Inbox), p.count(mirror.Near, box("Zoo")); a != 1 || b != 1 {
					t.Errorf("near INBOX %d, Archive %d, want 1 and 1", a, b)
				}
			})
		}
	}
}

// TestRestoredFromBackup is new mail, not a rename.
func TestRestoredFromBackup(t *testing.T) {
	t.Parallel()
	p := inStep(t, 4, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	m := near.Messages(nametrans.Inbox)[1]
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID)
	near.Remove(nametrans.Inbox, m.ID)
	near.Deliver(nametrans.Inbox, m.Body, m.Flags, m.Date)
	p.settle()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 4 {
		t.Errorf("near INBOX holds %d, want 4: what was put back is removed", got)
	}
}

// TestMailboxOfExtraOnly is emptied by a strict mirror.
func TestMailboxOfExtraOnly(t *testing.T) {
	t.Parallel()
	for _, near := range []mirrortest.Options{{}, maildirLike()} {
		p := newPair(t, mirrortest.Options{}, near)
		p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
		p.policy.RemoveExtra = true
		for _, s := range mirror.Sides {
			p.servers[s].CreateMailbox(box("Archive"), "")
		}
		p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
		p.deliverNear(box("Archive"), letter(2), mirror.Flags{})
		for range 5 {
			p.try()
		}
		if got := p.count(mirror.Near, box("Archive")); got != 0 {
			t.Errorf("near Archive holds %d after five runs, want 0", got)
		}
	}
}

// TestQuietWithLeftovers costs a listing, also with messages too big, held or departed.
func TestQuietWithLeftovers(t *testing.T) {
	t.Parallel()
	p := inStep(t, 4, mirrortest.Options{MaxSize: 400}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	big := append(letter(5), make([]byte, 500)...)
	p.deliverNear(nametrans.Inbox, big, mirror.Flags{})
	p.try()
	far.DropNext(1)
	near.Deliver(nametrans.Inbox, fileOf(letter(77)), mirror.Flags{}, when)
	p.try()
	p.try()
	p.policy.Deletions = mirror.DeleteNothing
	p.try()
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID)
	for range 3 {
		p.try()
	}
	hs := [2]*hooks{{}, {}}
	for _, s := range mirror.Sides {
		p.hook(s, hs[s])
	}
	p.try()
	for _, s := range mirror.Sides {
		if len(hs[s].viewed)+len(hs[s].opened) > 0 {
			t.Errorf("%v: viewed %v, opened %v", s, hs[s].viewed, hs[s].opened)
		}
	}
}
