package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRenumberingForgetsTombs: a tomb of the old numbers hides nothing under
// the new ones.
func TestRenumberingForgetsTombs(t *testing.T) {
	t.Parallel()
	p := inStep(t, 6, mirrortest.Options{NoUIDPlus: true, NoMove: true}, maildirLike())
	p.policy.Deletions = mirror.DeleteForGood
	far := p.servers[mirror.Far]
	victim := far.Messages(nametrans.Inbox)[1].ID
	p.removeNear(1)
	p.settle()
	far.Remove(nametrans.Inbox, victim) // the tomb's message goes, and then:
	far.Renumber(nametrans.Inbox, 77)
	p.sync(mirror.ExitDone)
	p.settle()
	if f, n := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); f != 5 || n != 5 {
		t.Errorf("far holds %d, near %d, want 5 each", f, n)
	}
}

// TestRenumberingForgetsQuarantine: the same for a quarantined number.
func TestRenumberingForgetsQuarantine(t *testing.T) {
	t.Parallel()
	p := inStep(t, 6, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	id := far.Deliver(nametrans.Inbox, letter(30), mirror.Flags{}, when)
	p.hook(mirror.Near, refuseAppends(errNotDoneRefused))
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	far.Remove(nametrans.Inbox, id)
	p.deliverFar(nametrans.Inbox, letter(31), mirror.Flags{})
	far.Renumber(nametrans.Inbox, 78)
	p.sync(mirror.ExitDone)
	p.alike()
	p.quiet()
}

// TestRenumbering of either or both sides removes and doubles nothing, reads no
// body where headers decide, and survives a crash at any effect.
func TestRenumbering(t *testing.T) {
	t.Parallel()
	for _, validity := range []uint32{1, 5000, 1001} {
		for _, which := range [][]mirror.Side{{mirror.Far}, {mirror.Near}, {mirror.Far, mirror.Near}} {
			if validity == 1001 && which[0] == mirror.Near {
				continue // the near numbers do not go back: nothing shows, and nothing changed
			}
			run := func(k int, point mirrortest.Point) (int, bool) {
				p := inStep(t, 12, mirrortest.Options{}, mirrortest.Options{})
				far := p.servers[mirror.Far]
				p.deliver(mirror.Near, nametrans.Inbox, letter(40), flags(`\Flagged`))
				far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[3].ID)
				for _, s := range which {
					p.servers[s].Renumber(nametrans.Inbox, validity)
				}
				fault := mirrortest.NewFault(k, point)
				p.inject(fault)
				for _, s := range mirror.Sides {
					p.servers[s].ClearLog()
				}
				r, err := p.try()
				if k == 0 && (mirror.Exit(r, err) != 0 || r.Summary.Fetched != 0 || r.Summary.Removed != [2]int{}) {
					t.Errorf("%v %d: exit %d, %+v", which, validity, mirror.Exit(r, err), r.Summary)
				}
				p.inject(nil)
				p.settle()
				p.alike()
				if got := p.count(mirror.Far, nametrans.Inbox); got != 13 {
					t.Errorf("%v %d crash %d %v: far holds %d, want 13 (12, one new, one refilled)", which, validity, k, point, got)
				}
				p.quiet()
				return fault.Effects(), !t.Failed()
			}
			effects, ok := run(0, mirrortest.Before)
			for k := 1; ok && k <= effects; k++ {
				for _, point := range mirrortest.Points {
					if _, ok = run(k, point); !ok {
						break
					}
				}
			}
		}
	}
}

// TestTokenOfAllRounds: what a later round withholds does not replace what the
// first one withheld.
func TestTokenOfAllRounds(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{NoUIDPlus: true}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.CreateMailbox(box("other"), "")
	for i := range 40 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
		p.deliverFar(box("other"), letter(100+i), mirror.Flags{})
	}
	p.settle()
	for i := range 15 {
		_ = i
		near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
		near.Remove(box("other"), near.Messages(box("other"))[0].ID)
	}
	p.deliverNear(nametrans.Inbox, letter(200), mirror.Flags{}) // without UIDPLUS: a second round looks at INBOX alone
	first := p.sync(mirror.ExitStopped)
	if got := len(first.Plan.Withheld); got != 30 {
		t.Errorf("%d actions withheld, want all 30 (stops %v)", got, first.Plan.Stops)
	}
	p.confirm = first.Plan.Token
	r := p.sync(mirror.ExitDone)
	if got := r.Summary.Removed[mirror.Far] + r.Summary.Pending[mirror.Far]; got != 30 {
		t.Errorf("confirmed: %d removed, want 30", got)
	}
	p.confirm = ""
	p.settle()
	if got := p.count(mirror.Far, box("other")); got != 25 {
		t.Errorf("other holds %d, want 25", got)
	}
}

// TestDryRunTouchesNothing: no effect, no row, also on a first run.
func TestDryRunTouchesNothing(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		p := newPair(t, mirrortest.Options{}, maildirLike())
		if !first {
			for i := range 6 {
				p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
			}
			p.settle()
			p.servers[mirror.Far].Renumber(nametrans.Inbox, 4)
			changeFlags(p)
			p.removeNear(5)
		}
		p.servers[mirror.Far].CreateMailbox(box("Lists"), "")
		p.deliverFar(box("Lists"), letter(50), mirror.Flags{})
		p.deliverNear(nametrans.Inbox, letter(51), mirror.Flags{})
		commits, writes := p.state.Commits(), len(p.writes())
		p.dry = true
		r := p.sync(mirror.ExitDone)
		p.dry = false
		if p.state.Commits() != commits || len(p.writes()) != writes {
			t.Errorf("first %v: the dry run changed something", first)
		}
		if len(r.Plan.Actions) == 0 || r.Changed {
			t.Errorf("first %v: plan %v, changed %v", first, r.Plan.Actions, r.Changed)
		}
	}
}

// TestDryRunBeforeTheRootExists shows the plan of a first run, too.
func TestDryRunBeforeTheRootExists(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.servers[mirror.Near].SetRootMissing(true)
	p.dry = true
	r, err := p.try()
	if err != nil || len(r.Plan.Actions) == 0 {
		t.Errorf("got %v and %d actions, want the plan of the first run", err, len(r.Plan.Actions))
	}
}

// TestSourceIsNeverWritten in one-way modes, whatever changes.
func TestSourceIsNeverWritten(t *testing.T) {
	t.Parallel()
	for _, mode := range []mirror.Mode{mirror.OneWayMirror, mirror.OneWayCopy} {
		for _, target := range mirror.Sides {
			for _, extra := range []bool{false, true} {
				p := newPair(t, mirrortest.Options{}, maildirLike())
				p.policy = mirror.NewPolicy(mode, target)
				p.policy.RemoveExtra = extra && mode == mirror.OneWayMirror
				source := target.Other()
				for i := range 20 {
					p.deliver(source, nametrans.Inbox, letter(i), mirror.Flags{})
				}
				p.deliver(target, nametrans.Inbox, letter(60), flags(`\Flagged`))
				p.settle()
				for _, s := range mirror.Sides {
					sv := p.servers[s]
					base := 3
					if s == target {
						base = 8
					}
					list := sv.Messages(nametrans.Inbox)
					sv.SetFlags(nametrans.Inbox, list[base].ID, flags(`\Flagged`))
					sv.Remove(nametrans.Inbox, list[base+1].ID)
					sv.CreateMailbox(box("New", fmt.Sprint(base)), "")
					sv.Move(nametrans.Inbox, list[base+2].ID, box("New", fmt.Sprint(base)))
				}
				p.settle()
				p.quiet()
				if got := p.servers[source].Effects(); len(got) != 0 {
					t.Errorf("mode %d target %s: the source was written: %v", mode, target, got)
				}
				p.checkState()
				if mode == mirror.OneWayMirror && extra {
					p.servers[source].DeleteMailbox(box("New", "3"))
				}
			}
		}
	}
}

// TestQuietRuns open nothing that is unchanged and write no row.
func TestQuietRuns(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}, {Gap: 2}} {
		p := inStep(t, 6, o, maildirLike())
		p.deliverNear(nametrans.Inbox, letter(50), mirror.Flags{})
		p.settle()
		p.sync(mirror.ExitDone)
		commits := p.state.Commits()
		for _, s := range mirror.Sides {
			p.servers[s].ClearLog()
		}
		p.sync(mirror.ExitDone)
		for _, s := range mirror.Sides {
			for _, c := range p.servers[s].Log() {
				if c.Op != mirrortest.OpConnect && c.Op != mirrortest.OpList {
					t.Errorf("%+v: a quiet run did %v on %s", o, c, s)
				}
			}
		}
		if got := p.state.Commits(); got != commits {
			t.Errorf("%+v: a quiet run wrote %d transactions", o, got-commits)
		}
	}
}

// cancelling cancels a context at its n-th call and counts.
type cancelling struct {
	n, at  int
	cancel context.CancelFunc
}

func (c *cancelling) hit() {
	if c.n++; c.n == c.at {
		c.cancel()
	}
}

// TestCancelAtAnyEvent: the run ends, nothing is left running, and the next one
// goes on without loss or double.
func TestCancelAtAnyEvent(t *testing.T) {
	for _, o := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}} {
		total := 1
		for at := 0; at <= total; at++ {
			p := inStep(t, 8, o, maildirLike())
			changeFlags(p)
			move(p)
			p.removeNear(5)
			for i := range 4 {
				p.deliverNear(nametrans.Inbox, letter(50+i), mirror.Flags{})
				p.deliverFar(nametrans.Inbox, letter(60+i), mirror.Flags{})
			}
			ctx, cancel := context.WithCancel(context.Background())
			c := &cancelling{at: at, cancel: cancel}
			r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: p.policy, Now: p.clock.Now, Sleep: p.clock.Sleep,
				Report: func(mirror.Event) { c.hit() }}
			for _, s := range mirror.Sides {
				r.Repositories[s] = p.servers[s].Repository()
			}
			before := goleak.IgnoreCurrent()
			done := make(chan error, 1)
			go func() { _, err := r.Run(ctx); done <- err }()
			select {
			case err := <-done:
				if at > 0 && c.n >= at && err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("at %d: %v", at, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("at %d: the run hangs", at)
			}
			cancel()
			if err := goleak.Find(before); err != nil {
				t.Fatalf("at %d: %v", at, err)
			}
			if at == 0 {
				total = c.n
			}
			p.checkState()
			p.settle()
			p.alike()
			if got := p.count(mirror.Near, nametrans.Inbox); got != 12 {
				t.Errorf("at %d: near INBOX holds %d, want 12", at, got)
			}
			p.quiet()
			if t.Failed() {
				return
			}
		}
	}
}

// TestProviderWindow: what a window hides is unknown.
func TestProviderWindow(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1000, 2000} {
		p := newPair(t, mirrortest.Options{NoUIDPlus: true}, maildirLike())
		far := p.servers[mirror.Far]
		for i := range n {
			p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
		}
		p.settle()
		ids := far.Messages(nametrans.Inbox)
		for i := range 5 {
			far.Remove(nametrans.Inbox, ids[i].ID)
			p.deliverFar(nametrans.Inbox, letter(n+i), mirror.Flags{})
		}
		p.sync(mirror.ExitDone)
		p.sync(mirror.ExitDone)
		if got := p.count(mirror.Near, nametrans.Inbox); got != n+5 {
			t.Errorf("near holds %d, want %d: what the window of %d hides was removed", got, n+5, n)
		}
		p.quiet()
	}
}

// TestNoSelectOnOneSide: a name that holds no mail there is made a mailbox.
func TestNoSelectOnOneSide(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.servers[mirror.Far].CreateMailbox(box("Lists", "go"), "") // Lists is \NoSelect
	p.servers[mirror.Near].CreateMailbox(box("Lists"), "")
	p.deliverNear(box("Lists"), letter(1), mirror.Flags{})
	p.settle()
	p.alike()
	p.quiet()
}

// TestConfirmedTokenIsForExactlyThatSet.
func TestConfirmedTokenIsForExactlyThatSet(t *testing.T) {
	t.Parallel()
	p := inStep(t, 60, mirrortest.Options{}, maildirLike())
	for range 20 {
		p.removeNear(0)
	}
	p.deliverNear(nametrans.Inbox, letter(200), mirror.Flags{})
	r := p.sync(mirror.ExitStopped)
	if p.count(mirror.Far, nametrans.Inbox) != 61 {
		t.Errorf("far holds %d, want 61: the rest is to be done, the withheld part not", p.count(mirror.Far, nametrans.Inbox))
	}
	p.removeNear(0)
	p.confirm = r.Plan.Token
	r2 := p.sync(mirror.ExitStopped)
	if r2.Plan.Token == r.Plan.Token {
		t.Error("another set has the same token")
	}
	p.confirm = r2.Plan.Token
	p.sync(mirror.ExitDone)
	if p.count(mirror.Far, nametrans.Inbox) != 40 {
		t.Errorf("far holds %d, want 40", p.count(mirror.Far, nametrans.Inbox))
	}
	p.settle()
	p.alike()
	p.quiet()
}

// TestExit checks the order of codes where several hold.
func TestExit(t *testing.T) {
	t.Parallel()
	join := errors.Join
	for _, c := range []struct {
		err  error
		r    mirror.Result
		want int
	}{
		{nil, mirror.Result{}, 0},
		{nil, mirror.Result{Problems: []mirror.Problem{{}}}, 3},
		{nil, mirror.Result{Problems: []mirror.Problem{{}}, Open: 1}, 75},
		{mirror.ErrCut, mirror.Result{Problems: []mirror.Problem{{}}}, 75},
		{mirror.ErrSignIn, mirror.Result{Open: 1}, 1},
		{mirror.ErrCertificate, mirror.Result{}, 1},
		{&mirror.LockedError{}, mirror.Result{}, 5},
		{join(&mirror.LockedError{}, mirror.ErrCut), mirror.Result{}, 75},
		{join(mirror.ErrSignIn, mirror.ErrThrottled), mirror.Result{}, 1},
		{join(mirror.ErrProtocol, mirror.ErrCut), mirror.Result{}, 1},
		{mirror.ErrCut, mirror.Result{Plan: mirror.Plan{Stops: []mirror.Stop{{}}}}, 4},
		{mirror.ErrRootMissing, mirror.Result{}, 4},
		{mirror.ErrOtherIdentity, mirror.Result{}, 4},
		{mirror.ErrNames, mirror.Result{}, 2},
		{&mirror.RetryError{Err: mirror.ErrThrottled}, mirror.Result{}, 75},
		{mirror.ErrOverQuota, mirror.Result{}, 75},
		{mirror.ErrFull, mirror.Result{}, 1},
		{mirror.ErrStateBroken, mirror.Result{}, 1},
	} {
		if got := mirror.Exit(c.r, c.err); got != c.want {
			t.Errorf("%v, %d problems, %d open, %d stops: got %d, want %d", c.err, len(c.r.Problems), c.r.Open, len(c.r.Plan.Stops), got, c.want)
		}
	}
}
