package mirror_test

import (
	"fmt"
	"strings"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestPruneIsCutAndWindowChanges: a run is stopped while it takes copies off, and what it
// took off is inside the window when the next one looks: the window is wider, nothing is
// pruned any more, the clock was wrong, or far's newest went. Far keeps what nobody
// removed there.
func TestPruneIsCutAndWindowChanges(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		for what, change := range map[string]func(p *pair) int{
			"wider": func(p *pair) int { p.policy.Window = mirror.Window{Age: 100 * aDay}; return 6 },
			"off":   func(p *pair) int { p.policy.Prune = false; return 6 },
			"clock": func(p *pair) int { p.clock.now = p.clock.now.Add(-30 * aDay); return 6 },
			"last": func(p *pair) int {
				for _, m := range p.servers[mirror.Far].Messages(nametrans.Inbox)[3:] {
					p.servers[mirror.Far].Remove(nametrans.Inbox, m.ID)
				}
				return 3
			},
		} {
			prepare := func() *pair {
				p := pruning(t, kind[0], kind[1])
				p.policy.Window = mirror.Window{Last: 3}
				if what == "clock" {
					p.policy.Window = mirror.Window{Age: 35 * aDay}
				}
				return p
			}
			cutAnywhere(t, prepare, func(p *pair, where string) {
				want := change(p)
				for range 5 {
					p.sync(mirror.ExitDone)
				}
				for _, e := range p.dump(mirror.Far)[nametrans.Inbox] {
					if strings.Contains(e.Flags, `\deleted`) {
						t.Errorf("%s %s, %s: far holds %v", name, what, where, e)
					}
				}
				if far := len(p.dump(mirror.Far)[nametrans.Inbox]); far != want {
					t.Errorf("%s %s, %s: far holds %d, want %d", name, what, where, far, want)
				}
			})
		}
	}
}

// TestPruneMarksNothingOnFar: near cannot expunge single messages, and a state from before
// the pruning, or none, knows no tomb of what is marked there. The mark is ours: it does
// not travel.
func TestPruneMarksNothingOnFar(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		for _, what := range []string{"old state", "no state"} {
			p := pruning(t, kind[0], kind[1])
			p.policy.Window = mirror.Window{Age: 35 * aDay}
			old := p.state.Clone()
			p.settle()
			if p.state = old; what == "no state" {
				p.state = mirrortest.NewState()
			}
			for range 5 {
				p.sync(mirror.ExitDone)
			}
			for _, e := range p.servers[mirror.Far].Dump()[nametrans.Inbox] {
				if strings.Contains(e.Flags, `\deleted`) {
					t.Errorf("%s, %s: far holds %v", name, what, e)
				}
			}
			p.wantPruned(fmt.Sprint(name, ", ", what), 3)
			p.quiet()
			if len(p.snapshot().Intents) > 0 {
				t.Errorf("%s, %s: intents are open", name, what)
			}
		}
	}
}

// TestPruneReleasesWhatWasNotConfirmed: a letter from near goes there before far's copy of
// it was seen, and is outside the window then.
func TestPruneReleasesWhatWasNotConfirmed(t *testing.T) {
	t.Parallel()
	for name, kind := range pruneKinds() {
		p := newPair(t, kind[0], kind[1])
		p.policy.Prune = true
		p.policy.Window = mirror.Window{Age: 35 * aDay}
		p.settle()
		p.dated(mirror.Near, 1, p.clock.now.Add(-30*aDay))
		p.sync(mirror.ExitDone)
		p.dated(mirror.Near, 2, p.clock.now)
		p.servers[mirror.Near].Remove(nametrans.Inbox, p.servers[mirror.Near].Messages(nametrans.Inbox)[0].ID)
		p.clock.now = p.clock.now.Add(10 * aDay)
		p.settle()
		if far := p.count(mirror.Far, nametrans.Inbox); far != 2 {
			t.Errorf("%s: far holds %d, want 2", name, far)
		}
	}
}
