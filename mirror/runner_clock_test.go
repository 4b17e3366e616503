package mirror_test

import (
	"context"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestClockPutBack: after a run by a clock that was a year ahead, another one waits no
// longer for an uncertain copy than for any, and compares what was compared in the future.
func TestClockPutBack(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, mirrortest.Options{})
	right := p.clock.now
	p.clock.now = right.AddDate(1, 0, 0)
	p.full = true
	p.sync(mirror.ExitDone)
	p.full = false
	p.deliverFar(nametrans.Inbox, letter(10), mirror.Flags{})
	p.inject(mirrortest.NewFault(3, mirrortest.Before)) // behind the notes and the intent: the copy
	p.try()
	p.wrap, p.wrapState = nil, nil
	if n := len(p.snapshot().Intents); n != 1 {
		t.Fatalf("%d intents are open, want 1", n)
	}
	p.clock.now = right.Add(time.Hour)
	var slept time.Duration
	r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: p.policy, Now: p.clock.Now,
		Sleep: func(ctx context.Context, d time.Duration) error {
			slept += d
			return p.clock.Sleep(ctx, d)
		}}
	for _, s := range mirror.Sides {
		r.Repositories[s] = p.servers[s].Repository()
	}
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if slept == 0 || slept > p.policy.Settle {
		t.Errorf("slept %v, want %v at most", slept, p.policy.Settle)
	}
	p.alike()
	for _, row := range p.snapshot().Mailboxes {
		if row.Compared.After(p.clock.now) {
			t.Errorf("%s %s counts as compared at %v, which is to come", row.Side, row.Name.String(), row.Compared)
		}
	}
}
