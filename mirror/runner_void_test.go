package mirror_test

import (
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestVoidRemovalWithoutTrash interrupts a removal by way of a trash that is not selected; what was
// removed is back, and the trash may be gone: the pair goes on.
func TestVoidRemovalWithoutTrash(t *testing.T) {
	t.Parallel()
	for k := 1; k <= 8; k++ {
		for _, when2 := range []mirrortest.Point{mirrortest.Before, mirrortest.After, mirrortest.Inside} {
			for _, drop := range []bool{true, false} {
				t.Run(fmt.Sprint(k, when2, drop), func(t *testing.T) {
					defer func() {
						if r := recover(); r != nil {
							t.Errorf("panic: %v", r)
						}
					}()
					p := newPair(t, mirrortest.Options{NoUIDPlus: true, NoMove: true}, maildirLike())
					far, near := p.servers[mirror.Far], p.servers[mirror.Near]
					far.CreateMailbox(box("Trash"), `\Trash`)
					noTrash := func(n mirror.Name) bool { return n != box("Trash") }
					for i := range 4 {
						p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
					}
					p.only(mirror.ExitDone, noTrash)
					p.only(mirror.ExitDone, noTrash)
					m := near.Messages(nametrans.Inbox)[1]
					before := m
					near.Move(nametrans.Inbox, m.ID, nametrans.Inbox) // keep the box there
					m = near.Messages(nametrans.Inbox)[len(near.Messages(nametrans.Inbox))-1]
					_ = before
					near.CreateMailbox(box("x"), "")
					id := near.Move(nametrans.Inbox, m.ID, box("x"))
					sel := func(n mirror.Name) bool { return n != box("Trash") && n != box("x") }
					p.inject(mirrortest.NewFault(k, when2))
					p.tryOnly(sel)
					p.inject(nil)
					near.Move(box("x"), id, nametrans.Inbox)
					if drop {
						far.DeleteMailbox(box("Trash"))
					}
					for range 3 {
						p.tryOnly(sel)
					}
					p.checkState()
					if got := p.count(mirror.Near, nametrans.Inbox); got != 4 {
						t.Errorf("near %d", got)
					}
				})
			}
		}
	}
}

// TestMarkGoesWithoutFlags takes our \Deleted away where flags do not travel.
func TestMarkGoesWithoutFlags(t *testing.T) {
	t.Parallel()
	for k := 1; k <= 7; k++ {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			p := inStep(t, 4, bareIMAP(), maildirLike())
			p.policy.Flags = mirror.None
			p.settle()
			far, near := p.servers[mirror.Far], p.servers[mirror.Near]
			id := near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
			p.inject(mirrortest.NewFault(k, mirrortest.Inside))
			p.try()
			p.inject(nil)
			near.Move(box("Archive"), id, nametrans.Inbox)
			for range 4 {
				p.try()
			}
			for _, m := range far.Messages(nametrans.Inbox) {
				if m.Flags.Has(`\Deleted`) {
					t.Errorf("our mark stays: %v", p.servers[mirror.Far].Dump())
				}
			}
		})
	}
}

// TestMoveAfterPolicyChange leaves the source of a one-way pair alone, whatever was begun on it.
func TestMoveAfterPolicyChange(t *testing.T) {
	t.Parallel()
	for k := 1; k <= 8; k++ {
		for _, o := range []mirrortest.Options{bareIMAP(), {NoMove: true}} {
			t.Run(fmt.Sprint(k), func(t *testing.T) {
				p := inStep(t, 4, o, maildirLike())
				far, near := p.servers[mirror.Far], p.servers[mirror.Near]
				_ = far
				near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
				p.inject(mirrortest.NewFault(k, mirrortest.Inside))
				p.try()
				p.inject(nil)
				n := len(p.snapshot().Intents)
				p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
				before := fmt.Sprint(p.servers[mirror.Far].Dump())
				for range 4 {
					p.try()
				}
				p.checkState()
				if got := fmt.Sprint(p.servers[mirror.Far].Dump()); got != before {
					t.Errorf("intents %d: the source of a one-way pair was changed:\n%s\n%s", n, before, got)
				}
			})
		}
	}
}

// TestSourceGoneWhileUncertain ends: no intent is left.
func TestSourceGoneWhileUncertain(t *testing.T) {
	t.Parallel()
	for _, kind := range []mirrortest.Options{{}, bareIMAP()} {
		p := inStep(t, 4, kind, maildirLike())
		near := p.servers[mirror.Near]
		p.servers[mirror.Far].CutAppend(0, mirrortest.Fate{Never: true})
		id := near.Deliver(nametrans.Inbox, fileOf(letter(77)), mirror.Flags{}, when)
		p.try()
		near.Remove(nametrans.Inbox, id)
		p.deliverNear(box("Archive"), letter(84), mirror.Flags{})
		for range 3 {
			p.try()
		}
		p.settle()
		p.alike()
		for _, in := range p.snapshot().Intents {
			if in.Kind != mirror.GhostIntent { // the other letter has its size and date
				t.Errorf("left: %+v", in)
			}
		}
	}
}
