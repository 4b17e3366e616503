package mirror_test

import (
	"errors"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// loadsOnce is a state that can be read once a run.
type loadsOnce struct {
	mirror.State
	loads int
}

func (s *loadsOnce) Load() (mirror.Snapshot, error) {
	if s.loads++; s.loads > 1 {
		return mirror.Snapshot{}, errors.New("disk I/O error")
	}
	return s.State.Load()
}

// TestRememberKeepsTheRow: a run that cannot read the state again in the middle leaves
// what the state knows of a side.
func TestRememberKeepsTheRow(t *testing.T) {
	p := newPair(t, mirrortest.Options{Alter: addLine}, maildirLike())
	p.deliverNear(nametrans.Inbox, letter(1), mirror.Flags{})
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	before, err := p.state.Load()
	if err != nil {
		t.Fatal(err)
	}
	p.wrapState = func(s mirror.State) mirror.State { return &loadsOnce{State: s} }
	if _, err := p.try(); err == nil {
		t.Fatal("the run did not fail")
	}
	after, err := p.state.Load()
	if err != nil {
		t.Fatal(err)
	}
	if before.Sides != after.Sides || after.Sides[mirror.Far].Bytes != mirror.ChangesBytes {
		t.Errorf("before %+v, after %+v", before.Sides, after.Sides)
	}
}
