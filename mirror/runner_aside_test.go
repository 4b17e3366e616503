package mirror_test

import (
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// refuseAppends answers every message with a refusal.
func refuseAppends(err error) *hooks {
	return &hooks{append: func(_ mirror.Name, _ ctxT, _ mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
		for in := range batch {
			out = append(out, mirror.Appended{Source: in.Source, Err: err})
		}
		return out, nil
	}}
}

// TestRefusedRefill: a message that is changed here and removed there is copied
// back; where that is refused the state stays sound and the runs become quiet.
func TestRefusedRefill(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[4].ID)
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[4].ID, flags(`\Flagged`))
	p.hook(mirror.Far, refuseAppends(errNotDoneRefused))
	p.sync(mirror.ExitPartly)
	p.sync(mirror.ExitDone)
	p.quiet()
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[4].ID)
	p.wrap = nil
	p.settle()
	p.quiet()
	if q := p.snapshot().Quarantine; len(q) != 0 {
		t.Errorf("quarantine outlives its message: %+v", q)
	}
	near.Deliver(nametrans.Inbox, fileOf(letter(50)), mirror.Flags{}, when)
	p.settle()
	p.alike()
}

func (p *pair) snapshot() mirror.Snapshot {
	p.t.Helper()
	s, err := p.state.Load()
	if err != nil {
		p.t.Fatalf("load: %v", err)
	}
	return s
}

// TestQuarantineGoesWithItsMessage: and a message that takes the number of a
// quarantined one is not kept aside for it.
func TestQuarantineGoesWithItsMessage(t *testing.T) {
	t.Parallel()
	for _, remove := range []bool{false, true} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		near := p.servers[mirror.Near]
		id := near.Deliver(nametrans.Inbox, fileOf(letter(9)), mirror.Flags{}, when)
		p.hook(mirror.Far, refuseAppends(errNotDoneRefused))
		p.sync(mirror.ExitPartly)
		p.wrap = nil
		p.sync(mirror.ExitDone)
		p.quiet()
		if remove {
			near.Remove(nametrans.Inbox, id)
		} else {
			near.Move(nametrans.Inbox, id, box("Archive"))
		}
		p.sync(mirror.ExitDone)
		if q := p.snapshot().Quarantine; len(q) != 0 {
			t.Errorf("quarantine outlives its message: %+v", q)
		}
		near.Deliver(nametrans.Inbox, fileOf(letter(50)), mirror.Flags{}, when)
		p.settle()
		p.alike()
		p.quiet()
	}
}

// TestPoisonDoesNotStopItsMailbox: whatever one message's error is.
func TestPoisonDoesNotStopItsMailbox(t *testing.T) {
	t.Parallel()
	for _, err := range []error{mirror.ErrTooBig, mirror.ErrNUL, mirror.ErrRefused, mirror.ErrShortBody} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		for i := range 3 {
			p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
		}
		poison := p.servers[mirror.Near].Messages(nametrans.Inbox)[3].Base
		p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
			var out []mirror.Appended
			list, e := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
				for in := range batch {
					if in.Source.Base == poison {
						out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(err)})
					} else if !yield(in) {
						return
					}
				}
			})
			return append(out, list...), e
		}})
		before := p.clock.now
		p.sync(mirror.ExitPartly)
		if got := p.count(mirror.Far, nametrans.Inbox); got != 5 {
			t.Errorf("%v: far holds %d, want 5", err, got)
		}
		p.sync(mirror.ExitDone)
		p.quiet()
		if p.clock.now != before {
			t.Errorf("%v: waited", err)
		}
		p.clock.now = p.clock.now.Add(2 * time.Hour)
		p.wrap = nil
		p.sync(mirror.ExitDone)
		p.settle()
		p.alike()
		p.quiet()
	}
}

// TestUncertainRefusal: a message whose outcome is not known is not quarantined
// and not doubled.
func TestUncertainRefusal(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	tries := 0
	p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
		tries++
		list, e := m.Append(ctx, batch) // it was stored, the answer was garbled
		for i := range list {
			list[i].Target, list[i].Err = mirror.Ref{}, mirror.ErrRefused
		}
		return list, e
	}})
	p.try()
	p.wrap = nil
	p.settle()
	p.alike()
	if tries != 1 || p.count(mirror.Far, nametrans.Inbox) != 4 {
		t.Errorf("sent %d times, far holds %d", tries, p.count(mirror.Far, nametrans.Inbox))
	}
}

// TestUncertainRefusalForEver: a message whose outcome is never known, and that
// is never there, does not make each run send it again and again.
func TestUncertainRefusalForEver(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	tries := 0
	p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, _ ctxT, _ mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
		for in := range batch {
			tries++
			out = append(out, mirror.Appended{Source: in.Source, Err: mirror.ErrRefused})
		}
		return out, nil
	}})
	before := p.clock.now
	r, err := p.try()
	t.Logf("exit %d tries %d waited %v", mirror.Exit(r, err), tries, p.clock.now.Sub(before))
	if tries > 2 {
		t.Errorf("sent %d times in one run, want at most twice (once, and once more after settling)", tries)
	}
	if ghosts := len(p.snapshot().Intents); ghosts > 2 {
		t.Errorf("%d intents", ghosts)
	}
}
