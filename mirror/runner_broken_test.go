package mirror_test

import (
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestCutOnceIsForgotten when the message could be read after all: later runs cost a listing.
func TestCutOnceIsForgotten(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{})
	p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.settle()
	id := p.servers[mirror.Near].Deliver(nametrans.Inbox, letter(2), mirror.Flags{}, when)
	p.deliverFar(nametrans.Inbox, letter(3), mirror.Flags{})
	once := true
	h := &hooks{identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
		for i, m := range list {
			if m.UID == id && once {
				once = false
				return list[:i], mirror.ErrCut
			}
		}
		return list, nil
	}}
	p.hook(mirror.Near, h)
	p.sync(mirror.ExitTemporary)
	p.settle()
	h.viewed = nil
	p.settle()
	p.settle()
	if n := h.viewed[nametrans.Inbox]; n > 0 {
		t.Errorf("two runs without news viewed INBOX %d times, want none", n)
	}
}

// TestBreaksWithoutResults has a server that breaks off and tells nothing of what it read before:
// the message at fault is found within days.
func TestBreaksWithoutResults(t *testing.T) {
	t.Parallel()
	p := inStep(t, 1, mirrortest.Options{}, maildirLike())
	for i := range 60 {
		p.deliverFar(nametrans.Inbox, letter(10+i), mirror.Flags{})
	}
	id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(200), mirror.Flags{}, when)
	p.deliverNear(nametrans.Inbox, letter(203), mirror.Flags{})
	p.hook(mirror.Far, &hooks{
		fetch: func(b mirror.Body) (mirror.Body, error) {
			if b.UID == id {
				return b, mirror.ErrCut
			}
			return b, nil
		},
		identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
			for _, m := range list {
				if m.UID == id {
					return nil, mirror.ErrCut
				}
			}
			return list, nil
		}})
	for range 960 { // ten days, every quarter of an hour
		r, err := p.try()
		if mirror.Exit(r, err) != mirror.ExitTemporary {
			return
		}
		p.clock.now = p.clock.now.Add(15 * time.Minute)
	}
	t.Errorf("960 runs end 75; near holds %d, kept aside: %d", p.count(mirror.Near, nametrans.Inbox), len(p.snapshot().Quarantine))
}

// TestBreaksAtCopy breaks off at the copy of an append that was cut: it is never sent twice.
func TestBreaksAtCopy(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.CutAppend(0, mirrortest.Fate{})
	near.Deliver(nametrans.Inbox, fileOf(letter(77)), mirror.Flags{}, when)
	p.try()
	ms := far.Messages(nametrans.Inbox)
	id := ms[len(ms)-1].ID
	p.hook(mirror.Far, breaksAt(id))
	for range 40 {
		p.try()
		p.clock.now = p.clock.now.Add(6 * time.Hour)
	}
	if got := p.count(mirror.Far, nametrans.Inbox); got != 3 {
		t.Errorf("far holds %d, want 3", got)
	}
}

// TestUnreadableBlocksOnlyItself refuses one message for ever; what is new on the other side passes.
func TestUnreadableBlocksOnlyItself(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(10), mirror.Flags{}, when.Add(time.Hour))
	p.hook(mirror.Far, &hooks{identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
		for i := range list {
			if list[i].UID == id {
				list[i].Err = mirror.ErrRefused
			}
		}
		return list, nil
	}, fetch: func(b mirror.Body) (mirror.Body, error) {
		if b.UID == id {
			b.Reader = &brokenReader{err: mirror.ErrRefused}
		}
		return b, nil
	}})
	for i := range 8 {
		p.deliverNear(nametrans.Inbox, letter(30+i), mirror.Flags{})
		p.try()
	}
}

// TestDryRunOfBrokenWritesNothing also where a mailbox was renumbered.
func TestDryRunOfBrokenWritesNothing(t *testing.T) {
	t.Parallel()
	p := inStep(t, 4, mirrortest.Options{}, maildirLike())
	id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(10), mirror.Flags{}, when)
	p.deliverNear(nametrans.Inbox, letter(11), mirror.Flags{})
	p.servers[mirror.Far].Renumber(box("Archive"), 44)
	p.hook(mirror.Far, breaksAt(id))
	before := p.state.Commits()
	p.dry = true
	for range 3 {
		p.try()
	}
	if got := p.state.Commits(); got != before {
		t.Errorf("the state was written %d times, want none", got-before)
	}
}

// TestSameDateAsBroken: new mail of the date of a message that cannot be read may
// be that message: it waits, is named, and goes when the other can be read.
func TestSameDateAsBroken(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(10), mirror.Flags{}, when)
	p.hook(mirror.Far, breaksAt(id))
	p.sync(mirror.ExitTemporary)
	p.sync(mirror.ExitTemporary)
	p.sync(mirror.ExitDone)
	p.deliverNear(nametrans.Inbox, letter(17), mirror.Flags{})
	for range 4 {
		r := p.sync(mirror.ExitPartly)
		if len(r.Problems) == 0 {
			t.Error("the message that waits is not named")
		}
		if got := p.count(mirror.Far, nametrans.Inbox); got != 3 {
			t.Errorf("far holds %d, want 3: it may be there already", got)
		}
	}
	p.wrap = nil
	p.clock.now = p.clock.now.AddDate(0, 0, 8)
	p.settle()
	p.alike()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 4 {
		t.Errorf("far holds %d, want 4", got)
	}
}
