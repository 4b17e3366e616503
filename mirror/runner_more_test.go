package mirror_test

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRenamedMailbox is new under its new name; the old one is named, nothing
// is removed, and nothing is there twice on one side.
func TestBlockedMailboxOnly(t *testing.T) {
	t.Parallel()
	for _, s := range mirror.Sides {
		p := inStep(t, 4, mirrortest.Options{}, maildirLike())
		p.deliverFar(box("Archive"), letter(60), mirror.Flags{})
		p.deliverNear(box("Archive"), letter(61), mirror.Flags{})
		p.deliverFar(nametrans.Inbox, letter(62), mirror.Flags{})
		p.deliverNear(nametrans.Inbox, letter(63), mirror.Flags{})
		p.hook(s, &hooks{open: func(n mirror.Name) error {
			if n == box("Archive") {
				return mirror.ErrDenied
			}
			return nil
		}})
		p.sync(mirror.ExitPartly)
		if f, n := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); f != 6 || n != 6 {
			t.Errorf("INBOX: far %d, near %d, want 6", f, n)
		}
		r := p.sync(mirror.ExitPartly)
		if len(r.Problems) != 1 {
			t.Errorf("named %d times: %v", len(r.Problems), r.Problems)
		}
		p.wrap = nil
		p.settle()
		p.alike()
		p.quiet()
	}
}

// TestCreateFails for one mailbox: the others are made, and it is once it can.
func TestCreateFails(t *testing.T) {
	t.Parallel()
	for _, err := range []error{mirror.ErrName, mirror.ErrDenied, mirror.ErrOverQuota} {
		p := inStep(t, 2, mirrortest.Options{}, maildirLike())
		for _, n := range []string{"a", "b", "c"} {
			p.servers[mirror.Far].CreateMailbox(box(n), "")
			p.deliverFar(box(n), letter(int(n[0])), mirror.Flags{})
		}
		p.hook(mirror.Near, &hooks{create: func(n mirror.Name) error {
			if n == box("b") {
				return err
			}
			return nil
		}})
		for range 2 {
			r, e := p.try()
			if got := mirror.Exit(r, e); got != 3 && got != 75 {
				t.Errorf("exit %d (%v)", got, e)
			}
		}
		if p.count(mirror.Near, box("c")) != 1 {
			t.Error("c was not mirrored")
		}
		p.wrap = nil
		p.settle()
		p.alike()
		p.quiet()
	}
}

// TestCreatePolicyChanges: a mailbox that was not to be made is filled in the
// run that is allowed to make it.
func TestCreatePolicyChanges(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	p.servers[mirror.Far].CreateMailbox(box("a"), "")
	p.deliverFar(box("a"), letter(60), mirror.Flags{})
	p.policy.Create = mirror.None
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	p.policy.Create = mirror.Both
	p.sync(mirror.ExitDone)
	p.alike()
	p.quiet()
}

// TestNewPolicyChanges: mail that was not to travel does once it may.
func TestNewPolicyChanges(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	p.policy.New = mirror.ToNear
	p.deliverNear(nametrans.Inbox, letter(60), mirror.Flags{})
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	p.policy.New = mirror.Both
	p.sync(mirror.ExitDone)
	p.alike()
}

// TestGonePolicyChanges: a removal that was not to travel may later, or is
// forgotten, but flags of what is left do not fail.
func TestGoneIsNone(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	p.policy.Gone = mirror.None
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID)
	p.sync(mirror.ExitDone)
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, flags(`\Flagged`))
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	p.quiet()
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID)
	p.sync(mirror.ExitDone)
	p.quiet()
	if records, _ := p.state.Records(nametrans.Inbox); len(records) != 4 {
		t.Errorf("%d records, want 4", len(records))
	}
}

// TestCopyMode: later changes on the target stay, departures are not refilled,
// and nothing fails for it.
func TestCopyMode(t *testing.T) {
	t.Parallel()
	for _, target := range mirror.Sides {
		p := newPair(t, mirrortest.Options{}, maildirLike())
		p.policy = mirror.NewPolicy(mirror.OneWayCopy, target)
		from, to := p.servers[target.Other()], p.servers[target]
		for i := range 5 {
			p.deliver(target.Other(), nametrans.Inbox, letter(i), mirror.Flags{})
		}
		p.settle()
		to.Remove(nametrans.Inbox, to.Messages(nametrans.Inbox)[1].ID)
		p.sync(mirror.ExitDone)
		from.SetFlags(nametrans.Inbox, from.Messages(nametrans.Inbox)[1].ID, flags(`\Flagged`))
		p.sync(mirror.ExitDone)
		for range 4 {
			to.Remove(nametrans.Inbox, to.Messages(nametrans.Inbox)[0].ID)
			p.try()
		}
		p.deliver(target.Other(), nametrans.Inbox, letter(9), mirror.Flags{})
		p.try()
		if got := p.count(target, nametrans.Inbox); got != 1 {
			t.Errorf("target %s holds %d, want the new one alone", target, got)
		}
	}
}

// TestMirrorMode: the target is made like the source again.
func TestMirrorMode(t *testing.T) {
	t.Parallel()
	for _, target := range mirror.Sides {
		p := newPair(t, mirrortest.Options{}, maildirLike())
		p.policy = mirror.NewPolicy(mirror.OneWayMirror, target)
		to := p.servers[target]
		for i := range 15 {
			p.deliver(target.Other(), nametrans.Inbox, letter(i), flags(`\Seen`))
		}
		p.settle()
		to.Remove(nametrans.Inbox, to.Messages(nametrans.Inbox)[1].ID)
		to.SetFlags(nametrans.Inbox, to.Messages(nametrans.Inbox)[2].ID, flags(`\Flagged work`))
		p.settle()
		p.alike()
		p.quiet()
	}
}

// TestUnconfirmedThenRenumbered, Stale and DropsHeld servers stay sound.
func TestDroppedUploads(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{DropsHeld: true}, {DropsHeld: true, Stale: true}, {DropsHeld: true, ObjectIDs: true}} {
		p := inStep(t, 4, o, maildirLike())
		near := p.servers[mirror.Near]
		for range 2 {
			p.deliverNear(nametrans.Inbox, letter(77), mirror.Flags{}) // twins: the server keeps one
		}
		for range 3 {
			p.try()
			p.checkState()
		}
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[5].ID, flags(`\Flagged`))
		p.try()
		p.try()
		p.deliverFar(nametrans.Inbox, letter(78), mirror.Flags{})
		p.try()
		p.try()
		p.checkState()
		if got := p.count(mirror.Near, nametrans.Inbox); got != 7 {
			t.Errorf("%+v: near holds %d, want 7", o, got)
		}
		if got := p.servers[mirror.Far].Count(mirrortest.OpAppend); got > 2 {
			t.Errorf("%+v: %d appends, want 2", o, got)
		}
	}
}

// TestChangingServer: a server that alters what it stores.
func TestChangingServer(t *testing.T) {
	t.Parallel()
	alter := func(body []byte) []byte { return append([]byte("X-Server: was here\r\n"), body...) }
	for _, o := range []mirrortest.Options{{Alter: alter}, {Alter: alter, NoUIDPlus: true, NoMove: true}} {
		p := inStep(t, 4, o, maildirLike())
		for i := range 4 {
			p.deliverNear(nametrans.Inbox, letter(50+i), mirror.Flags{})
		}
		p.settle()
		p.quiet()
		if f, n := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); f != 8 || n != 8 {
			t.Errorf("far %d, near %d, want 8 each", f, n)
		}
		if p.snapshot().Sides[mirror.Far].Bytes != mirror.ChangesBytes && !o.NoUIDPlus {
			t.Error("not noticed")
		}
		p.state = mirrortest.NewState()
		p.settle()
		p.quiet()
		if f, n := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); f != 8 || n != 8 {
			t.Errorf("after a lost state: far %d, near %d, want 8 each", f, n)
		}
	}
}
