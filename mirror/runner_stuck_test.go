package mirror_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// cutOnBadBody appends like an IMAP client that must close its connection when
// a body ends early.
func cutOnBadBody(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
	var cut error
	list, err := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
		for in := range batch {
			octets, err := io.ReadAll(in.Body.Reader)
			if err != nil {
				out = append(out, mirror.Appended{Source: in.Source, Err: fmt.Errorf("append message: %w: %w", mirror.ErrShortBody, err)})
				cut = fmt.Errorf("append message: %w", mirror.ErrCut)
				return
			}
			in.Body.Reader = bytesReader(octets)
			if !yield(in) {
				return
			}
		}
	})
	if cut != nil {
		err = cut
	}
	return append(list, out...), err
}

// TestPoisonThatCutsTheConnection: an unreadable file does not spoil every run.
func TestPoisonThatCutsTheConnection(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	for i := range 5 {
		p.deliverNear(nametrans.Inbox, letter(50+i), mirror.Flags{})
	}
	poison := p.servers[mirror.Near].Messages(nametrans.Inbox)[5].Base
	p.hook(mirror.Near, &hooks{fetch: func(b mirror.Body) (mirror.Body, error) {
		if b.Base == poison {
			b.Reader = &brokenReader{err: errors.New("input/output error")}
		}
		return b, nil
	}})
	p.hook(mirror.Far, &hooks{append: cutOnBadBody})
	var exits []int
	before := p.clock.now
	for range 4 {
		r, err := p.try()
		exits = append(exits, mirror.Exit(r, err))
	}
	if got := p.count(mirror.Far, nametrans.Inbox); got != 7 {
		t.Errorf("far holds %d, want 7", got)
	}
	if exits[3] != 0 {
		t.Errorf("exits %v, want the last to be 0: the message is in quarantine", exits)
	}
	if n := len(p.snapshot().Intents); n > 0 {
		t.Errorf("%d intents are left, %v waited", n, p.clock.now.Sub(before))
	}
	p.wrap = nil
	p.clock.now = p.clock.now.Add(3 * time.Hour)
	p.try()
	p.settle()
	p.alike()
}

// TestIntentInMissingMailbox: an open intent whose mailbox somebody removed, or
// that is no longer selected, does not make every run wait.
func TestIntentInMissingMailbox(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"removed on the target", "removed on the source", "not selected"} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		for i := range 3 {
			p.deliverNear(box("Archive"), letter(50+i), mirror.Flags{})
		}
		p.servers[mirror.Far].CutAppend(1, mirrortest.Fate{})
		if r, err := p.try(); mirror.Exit(r, err) != 75 || len(p.snapshot().Intents) == 0 {
			t.Fatalf("no open intent (%v)", err)
		}
		var which func(mirror.Name) bool
		want := mirror.ExitPartly // a known mailbox is missing
		switch how {
		case "removed on the target":
			p.servers[mirror.Far].DeleteMailbox(box("Archive"))
		case "removed on the source":
			p.servers[mirror.Near].DeleteMailbox(box("Archive"))
		default:
			which = func(n mirror.Name) bool { return n != box("Archive") }
			want = mirror.ExitDone
		}
		before := p.clock.now
		p.only(want, which)
		p.only(want, which)
		if waited := p.clock.now.Sub(before); waited > time.Minute {
			t.Errorf("%s: two runs waited %v", how, waited)
		}
	}
}

// TestCrashedMoveAndRenumbering: a move that was cut, and its target renumbered.
func TestCrashedMoveAndRenumbering(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{}, {NoMove: true}, {NoUIDPlus: true, NoMove: true}, {NoUIDPlus: true}} {
		for _, name := range []mirror.Name{box("Archive")} {
			prepare := func() *pair {
				p := inStep(t, 8, o, maildirLike())
				for i := range 5 {
					p.deliverFar(box("Archive"), letter(70+i), mirror.Flags{})
				}
				p.settle()
				near := p.servers[mirror.Near]
				near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[4].ID, box("Archive"))
				return p
			}
			p := prepare()
			fault := mirrortest.NewFault(0, mirrortest.Before)
			p.inject(fault)
			p.sync(mirror.ExitDone)
			for k := 1; k <= fault.Effects(); k++ {
				p := prepare()
				p.inject(mirrortest.NewFault(k, mirrortest.After))
				p.try()
				p.inject(nil)
				far := p.servers[mirror.Far]
				if l := far.Messages(name); len(l) > 0 {
					far.Remove(name, l[0].ID) // so that the numbers go back
				}
				far.Renumber(name, 9)
				p.settle()
				p.alike()
				n := [2]int{len(p.dump(mirror.Far)[nametrans.Inbox]), len(p.dump(mirror.Far)[box("Archive")])}
				want := [2]int{7, 6}
				if n[0]+n[1] > 13 {
					t.Errorf("%+v renumbered %q after effect %d: INBOX, Archive hold %v, want at most %v", o, name.String(), k, n, want)
				}
				p.quiet()
				if t.Failed() {
					return
				}
			}
		}
	}
}

// TestLostState adopts both sides without transfer or removal.
func TestLostState(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}} {
		p := inStep(t, 40, o, maildirLike())
		for range 3 {
			p.deliverNear(nametrans.Inbox, letter(500), mirror.Flags{}) // twins
		}
		p.settle()
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID, flags(`\Seen`))
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, flags(`\Flagged`))
		p.removeNear(7)
		p.state = mirrortest.NewState()
		r := p.sync(mirror.ExitDone)
		if !r.First || r.Summary.Removed != [2]int{} || r.Summary.Copied != [2]int{0, 1} {
			t.Errorf("%+v: %+v, first %v; want one copy back to near, nothing removed", o, r.Summary, r.First)
		}
		p.settle()
		p.alike()
		if got := p.count(mirror.Near, nametrans.Inbox); got != 43 {
			t.Errorf("near holds %d, want 43", got)
		}
		p.quiet()
	}
}

// TestWrongAccount stops, changes no mail, and goes on once it is confirmed.
func TestWrongAccount(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	for i := range 30 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
		p.deliverNear(nametrans.Inbox, letter(100+i), mirror.Flags{})
	}
	p.deliverFar(nametrans.Inbox, letter(100), mirror.Flags{})
	p.servers[mirror.Far].CreateMailbox(box("only"), "")
	r := p.sync(mirror.ExitStopped)
	r2 := p.sync(mirror.ExitStopped)
	if len(p.writes()) != 0 {
		t.Errorf("changed: %v", p.writes())
	}
	if r.Plan.Token != r2.Plan.Token {
		t.Errorf("the same set has two tokens")
	}
	p.confirm = r2.Plan.Token
	p.sync(mirror.ExitDone)
	p.confirm = ""
	p.settle()
	p.alike()
	p.quiet()
}

// TestEmptiedSide stops; the rest is done; the run after as well.
func TestEmptiedSide(t *testing.T) {
	t.Parallel()
	for _, s := range mirror.Sides {
		p := inStep(t, 15, mirrortest.Options{}, maildirLike())
		sv := p.servers[s]
		for _, m := range sv.Messages(nametrans.Inbox) {
			sv.Remove(nametrans.Inbox, m.ID)
		}
		r := p.sync(mirror.ExitStopped)
		r2 := p.sync(mirror.ExitStopped)
		if got := p.count(s.Other(), nametrans.Inbox); got != 15 {
			t.Errorf("%s emptied: %s holds %d, want 15", s, s.Other(), got)
		}
		if r.Plan.Token != r2.Plan.Token || r.Plan.Token == "" {
			t.Errorf("tokens %q and %q", r.Plan.Token, r2.Plan.Token)
		}
		p.confirm = r2.Plan.Token
		p.sync(mirror.ExitDone)
		p.confirm = ""
		p.settle()
		if got := p.count(s.Other(), nametrans.Inbox); got != 0 {
			t.Errorf("%s emptied and confirmed: %s holds %d, want 0", s, s.Other(), got)
		}
		p.quiet()
	}
}
