package mirror_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

const aDay = 24 * time.Hour

// pruning is a pair with six far messages, 60 days old, 50, … and 10, all of them on near.
func pruning(t *testing.T, far, near mirrortest.Options) *pair {
	t.Helper()
	p := newPair(t, far, near)
	for i := range 6 {
		p.dated(mirror.Far, i, p.clock.now.Add(-time.Duration(60-10*i)*aDay))
	}
	p.settle()
	p.settle()
	if n := p.count(mirror.Near, nametrans.Inbox); n != 6 {
		t.Fatalf("near holds %d, want 6", n)
	}
	p.policy.Prune = true
	return p
}

// wantPruned fails the test unless near holds n messages and far all six.
func (p *pair) wantPruned(what string, n int) {
	p.t.Helper()
	if far, near := p.count(mirror.Far, nametrans.Inbox), len(p.dump(mirror.Near)[nametrans.Inbox]); far != 6 || near != n {
		p.t.Errorf("%s: far holds %d and near %d, want 6 and %d", what, far, near, n)
	}
	for name, list := range p.servers[mirror.Near].Dump() {
		if name != nametrans.Inbox && len(list) > 0 {
			p.t.Errorf("%s: near %s holds %d", what, name.String(), len(list))
		}
	}
}

func pruneKinds() map[string][2]mirrortest.Options {
	return map[string][2]mirrortest.Options{
		"IMAP and Maildir": {{}, maildirLike()}, "IMAP and IMAP": {{}, {NoMove: true}},
		"bare IMAP and bare IMAP": {bareIMAP(), bareIMAP()}, "Maildir and Maildir": {maildirLike(), maildirLike()},
	}
}

// TestPrune: copies that left the window go from near, past its trash, and nothing
// follows on far, then or later. What enters the window again is copied.
func TestPrune(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		for what, window := range map[string]mirror.Window{"age": {Age: 35 * aDay}, "last": {Last: 3}} {
			what = name + ", " + what
			p := pruning(t, kind[0], kind[1])
			p.policy.Window = window
			p.settle()
			p.wantPruned(what, 3)
			p.quiet()
			p.policy.Window = mirror.Window{Age: 55 * aDay}
			p.settle()
			p.wantPruned(what+", wider", 5)
			p.policy.Prune, p.policy.Window = false, mirror.Window{}
			p.settle()
			p.alike()
		}
	}
}

// TestPruneWaitsForFlags: what was changed on near travels before it is taken off, and
// what somebody removed there outside the window stays on far.
func TestPruneWaitsForFlags(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		p := pruning(t, kind[0], kind[1])
		near := p.servers[mirror.Near]
		p.servers[mirror.Near].SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Flagged`))
		near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID)
		p.policy.Window = mirror.Window{Age: 35 * aDay}
		p.settle()
		p.wantPruned(name, 3)
		if got := p.dump(mirror.Far)[nametrans.Inbox]; got[0].Flags == "" && got[1].Flags == "" && got[2].Flags == "" {
			t.Errorf("%s: far holds %v, want the flag that was set on near", name, got)
		}
		// Inside the window a removal is one.
		near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[len(near.Messages(nametrans.Inbox))-1].ID)
		p.settle()
		if far := len(p.dump(mirror.Far)[nametrans.Inbox]); far != 5 {
			t.Errorf("%s: far holds %d, want 5", name, far)
		}
	}
}

// TestPruneIsCut: whatever effect a run is stopped at, far keeps everything, and the next
// runs end what was begun.
func TestPruneIsCut(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		prepare := func() *pair {
			p := pruning(t, kind[0], kind[1])
			p.policy.Window = mirror.Window{Age: 35 * aDay}
			return p
		}
		cutAnywhere(t, prepare, func(p *pair, where string) {
			records, recordsErr := p.state.Records(nametrans.Inbox)
			if near := len(p.dump(mirror.Near)[nametrans.Inbox]); recordsErr != nil || near < len(records) && len(p.snapshot().Intents) == 0 {
				t.Errorf("%s, %s: near holds %d, the state %d records, and no intent says why", name, where, near, len(records))
			}
			p.settle()
			p.wantPruned(name+", "+where, 3)
			p.quiet()
		})
	}
}

// cutAnywhere stops a run of a pair at each of its effects, a fresh pair every time, and
// hands on what is left.
func cutAnywhere(t *testing.T, prepare func() *pair, then func(p *pair, where string)) {
	t.Helper()
	for _, point := range mirrortest.Points {
		for k := 1; ; k++ {
			p := prepare()
			fault := mirrortest.NewFault(k, point)
			p.inject(fault)
			_, err := p.try()
			p.wrap, p.wrapState = nil, nil
			if !fault.Stopped() {
				break
			}
			where := fmt.Sprintf("stopped %s effect %d", point, k)
			if !errors.Is(err, mirror.ErrCut) {
				t.Fatalf("%s: got %v", where, err)
			}
			then(p, where)
		}
	}
}

// TestPruneTakesNothingOffAtFirst: nor in the run behind a lost state, or where a side
// was renumbered.
func TestPruneTakesNothingOffAtFirst(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		p := pruning(t, kind[0], kind[1])
		p.policy.Window = mirror.Window{Age: 35 * aDay}
		p.state = mirrortest.NewState()
		p.sync(mirror.ExitDone)
		p.wantPruned(name, 6)
		if kind[0].Maildir {
			continue
		}
		p = pruning(t, kind[0], kind[1])
		p.policy.Window = mirror.Window{Age: 35 * aDay}
		p.servers[mirror.Far].Renumber(nametrans.Inbox, 4711)
		p.sync(mirror.ExitDone)
		p.wantPruned(name+", renumbered", 6)
	}
}

// TestPruneAndOldState: with a state from before the pruning, what is gone from near
// looks as if somebody had removed it there. It is not removed on far.
func TestPruneAndOldState(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		p := pruning(t, kind[0], kind[1])
		p.policy.Window = mirror.Window{Age: 35 * aDay}
		old := p.state.Clone()
		p.settle()
		p.state = old
		p.settle()
		p.wantPruned(name, 3)
	}
}

// TestPruneNeedsFar: a message that is gone from far meanwhile is not pruned: its
// departure is one like any other.
func TestPruneNeedsFar(t *testing.T) {
	t.Parallel()
	p := pruning(t, mirrortest.Options{}, maildirLike())
	p.policy.Window = mirror.Window{Age: 35 * aDay}
	gone := false
	p.hook(mirror.Far, &hooks{absent: func(mirror.Name) error {
		if !gone {
			gone = true
			p.servers[mirror.Far].Remove(nametrans.Inbox, 1)
		}
		return nil
	}})
	p.try()
	p.wrap = nil
	if near := p.count(mirror.Near, nametrans.Inbox); !gone || near != 4 {
		t.Errorf("near holds %d, want the three in the window and the one that is gone from far", near)
	}
}

// TestPruneAndMoves: what was moved on near is moved on far, also outside the window, and
// taken off where it is then.
func TestPruneAndMoves(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		p := pruning(t, kind[0], kind[1])
		for _, s := range mirror.Sides {
			p.servers[s].CreateMailbox(box("Archive"), "")
		}
		p.policy.Prune = false
		p.settle()
		p.policy.Prune = true
		near := p.servers[mirror.Near]
		near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, box("Archive"))
		p.policy.Window = mirror.Window{Age: 35 * aDay}
		p.settle()
		far := p.dump(mirror.Far)
		if len(far[nametrans.Inbox]) != 5 || len(far[box("Archive")]) != 1 {
			t.Errorf("%s: far holds %v", name, far)
		}
		if near := p.dump(mirror.Near); len(near[nametrans.Inbox]) != 3 || len(near[box("Archive")]) != 0 {
			t.Errorf("%s: near holds %v", name, near)
		}
	}
}
