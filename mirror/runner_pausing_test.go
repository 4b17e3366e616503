package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// asksForPause is a side that turns every visit away.
func asksForPause(named time.Duration) *hooks {
	return &hooks{connect: func(context.Context, mirror.Traits, error) (mirror.Traits, error) {
		return mirror.Traits{}, &mirror.RetryError{After: named, Err: fmt.Errorf("sign in: %w", mirror.ErrThrottled)}
	}}
}

// turnedAway runs once and returns the pause that its error tells.
func (p *pair) turnedAway() time.Duration {
	p.t.Helper()
	result, err := p.try()
	var retry *mirror.RetryError
	if mirror.Exit(result, err) != mirror.ExitTemporary || !errors.As(err, &retry) || !errors.Is(err, mirror.ErrThrottled) {
		p.t.Fatalf("got %v, want to be turned away", err)
	}
	p.checkState()
	return retry.After
}

// TestPause: nothing is sent to a side that asked for a pause until that is over.
func TestPause(t *testing.T) {
	for _, c := range []struct {
		name         string
		named, lasts time.Duration
	}{
		{"five minutes", 299961 * time.Millisecond, 300 * time.Second},
		{"a year", 365 * 24 * time.Hour, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := inStep(t, 2, mirrortest.Options{}, maildirLike())
			h := asksForPause(c.named)
			p.hook(mirror.Far, h)
			p.turnedAway()
			start := p.clock.now
			for _, wait := range []time.Duration{0, time.Second, c.lasts - time.Second} {
				p.clock.now = start.Add(wait)
				if got := p.turnedAway(); got != c.lasts-wait || h.connects != 1 {
					t.Errorf("after %v: got %v left, %d connections; want %v, and none more", wait, got, h.connects, c.lasts-wait)
				}
			}
			if p.full = true; p.turnedAway() > c.lasts || h.connects != 2 {
				t.Errorf("a full run: got %d connections, want one more", h.connects)
			}
			start, p.full = p.clock.now, false
			p.wrap = nil
			p.clock.now = start.Add(c.lasts)
			p.deliverFar(nametrans.Inbox, letter(9), mirror.Flags{})
			p.settle()
			p.alike()
			p.clock.now = start.Add(-time.Hour) // the clock is set back
			p.sync(mirror.ExitDone)
		})
	}
}

// TestPauseGrows: where no time is named it is a minute, and twice as long each time.
func TestPauseGrows(t *testing.T) {
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	p.hook(mirror.Far, asksForPause(0))
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		if got := p.turnedAway().Truncate(time.Minute); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		p.clock.now = p.snapshot().Sides[mirror.Far].PauseUntil.Add(4 * time.Minute)
	}
	p.clock.now = p.clock.now.Add(2 * time.Hour)
	if got := p.turnedAway().Truncate(time.Minute); got != time.Minute {
		t.Errorf("much later: got %v, want a minute again", got)
	}
}
