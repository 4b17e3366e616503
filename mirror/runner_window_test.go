package mirror_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// dated puts a message with this date on a side.
func (p *pair) dated(s mirror.Side, n int, date time.Time) {
	body := letter(n)
	if p.options[s].Maildir {
		body = fileOf(body)
	}
	p.servers[s].Deliver(nametrans.Inbox, body, mirror.Flags{}, date)
}

// TestWindow: what is outside is not copied, and what was copied stays where it is.
func TestWindow(t *testing.T) {
	t.Parallel()
	now := when.AddDate(1, 0, 0) // of every pair's clock
	day := 24 * time.Hour
	for _, c := range []struct {
		name   string
		window mirror.Window
		want   int // of three messages: 100 days, 10 days and an hour old
	}{
		{"all", mirror.Window{}, 3},
		{"age", mirror.Window{Age: 30 * day}, 2},
		{"since", mirror.Window{Since: now.Add(-20 * day)}, 2},
		{"before", mirror.Window{Before: now.Add(-20 * day)}, 1},
		{"from the very second", mirror.Window{Since: now.Add(-10 * day)}, 2},
		{"before the very second", mirror.Window{Before: now.Add(-10 * day)}, 1},
		{"both", mirror.Window{Since: now.Add(-20 * day), Before: now.Add(-day)}, 1},
		{"last", mirror.Window{Last: 1}, 1},
		{"last of all", mirror.Window{Last: 3}, 3},
		{"size", mirror.Window{MaxSize: 10}, 0},
		{"age and last", mirror.Window{Age: 30 * day, Last: 1}, 1},
	} {
		p := newPair(t, mirrortest.Options{}, maildirLike())
		p.policy.Window = c.window
		for i, age := range []time.Duration{100 * day, 10 * day, time.Hour} {
			p.dated(mirror.Far, i, now.Add(-age))
		}
		p.settle()
		if got := p.count(mirror.Near, nametrans.Inbox); got != c.want {
			t.Errorf("%s: near holds %d, want %d", c.name, got, c.want)
		}
		p.quiet()
		// A narrower window removes nothing, a wider one copies the rest.
		p.policy.Window = mirror.Window{Age: time.Second}
		p.settle()
		if near, far := p.count(mirror.Near, nametrans.Inbox), p.count(mirror.Far, nametrans.Inbox); near != c.want || far != 3 {
			t.Errorf("%s: with a narrower window near holds %d, far %d, want %d and 3", c.name, near, far, c.want)
		}
		p.policy.Window = mirror.Window{}
		p.settle()
		p.alike()
	}
}

// TestWindowSlides: what left the window is kept in step all the same, and what is
// removed is removed on the other side too.
func TestWindowSlides(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.policy.Window = mirror.Window{Last: 2}
	for i := range 4 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	p.deliverFar(nametrans.Inbox, letter(4), mirror.Flags{})
	p.deliverFar(nametrans.Inbox, letter(5), mirror.Flags{})
	p.settle()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 4 {
		t.Errorf("near holds %d, want the first two that were copied and the two that came", got)
	}
	p.servers[mirror.Far].SetFlags(nametrans.Inbox, 3, flags(`\Flagged`))
	p.settle()
	if near := p.dump(mirror.Near)[nametrans.Inbox]; !slices.ContainsFunc(near, func(e mirrortest.Entry) bool { return e.Flags != "" }) {
		t.Errorf("near holds %v, want the flag of a message that left the window", near)
	}
	p.servers[mirror.Far].Remove(nametrans.Inbox, 4)
	p.settle()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 3 {
		t.Errorf("near holds %d after a removal, want 3", got)
	}
}

// TestWindowAndUncertainCopy: a copy that was cut is seen through, though its message
// left the window meanwhile: the server may still finish it.
func TestWindowAndUncertainCopy(t *testing.T) {
	t.Parallel()
	for _, point := range []mirrortest.Point{mirrortest.Before, mirrortest.After} {
		p := newPair(t, mirrortest.Options{}, mirrortest.Options{})
		p.settle()
		p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
		p.inject(mirrortest.NewFault(3, point)) // behind the notes and the intent: the copy itself
		if _, err := p.try(); !errors.Is(err, mirror.ErrCut) {
			t.Fatalf("got %v, want a cut", err)
		}
		p.wrap, p.wrapState = nil, nil
		if n := len(p.snapshot().Intents); n != 1 {
			t.Fatalf("%d intents are open, want 1", n)
		}
		p.policy.Window = mirror.Window{MaxSize: 1}
		p.settle()
		p.alike()
		if far, near := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); far != 1 || near != 1 {
			t.Errorf("%v: far holds %d, near %d, want one each", point, far, near)
		}
	}
}

// TestWindowAndExtra: a mirror that removes what its target has besides keeps what the
// source has, inside the window or not, also after the state was lost; and one that
// slides, with mail that goes away, removes nothing that the source still has.
func TestWindowAndExtra(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(rt, mirrortest.Options{}, rapid.SampledFrom([]mirrortest.Options{{}, maildirLike()}).Draw(rt, "near"))
		p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
		p.policy.RemoveExtra = true
		windows := []mirror.Window{{}, {Last: 1}, {Last: 3}, {Age: 20 * 24 * time.Hour}, {MaxSize: 1}, {Before: p.clock.now.AddDate(0, 0, -10)}}
		sent := 0
		for range rapid.IntRange(1, 5).Draw(rt, "runs") {
			for range rapid.IntRange(0, 6).Draw(rt, "steps") {
				sent++
				date := p.clock.now.AddDate(0, 0, -rapid.IntRange(0, 40).Draw(rt, "age"))
				switch rapid.IntRange(0, 4).Draw(rt, "what") {
				case 0: // both have it already
					p.dated(mirror.Near, sent, date)
					p.dated(mirror.Far, sent, date)
				case 1:
					p.dated(mirror.Near, sent, date)
				case 2:
					if held := p.servers[mirror.Far].Messages(nametrans.Inbox); len(held) > 0 {
						p.servers[mirror.Far].Remove(nametrans.Inbox, rapid.SampledFrom(held).Draw(rt, "removed").ID)
					}
				default:
					p.dated(mirror.Far, sent, date)
				}
			}
			if rapid.IntRange(0, 4).Draw(rt, "lose") == 0 {
				p.state = mirrortest.NewState()
			}
			p.policy.Window = rapid.SampledFrom(windows).Draw(rt, "window")
			far, before := p.servers[mirror.Far].Dump(), p.servers[mirror.Near].Dump()
			for range 2 {
				if _, err := p.try(); err != nil {
					rt.Fatalf("%v", err)
				}
				p.checkState()
			}
			now := p.servers[mirror.Near].Dump()[nametrans.Inbox]
			there := func(list []mirrortest.Entry, e mirrortest.Entry) bool {
				return slices.ContainsFunc(list, func(o mirrortest.Entry) bool { return o.Digest == e.Digest })
			}
			for _, e := range before[nametrans.Inbox] {
				if there(far[nametrans.Inbox], e) && !there(now, e) {
					rt.Fatalf("near lost %v, which far has", e)
				}
			}
			if !maps.EqualFunc(far, p.servers[mirror.Far].Dump(), slices.Equal) {
				rt.Fatalf("far was written to")
			}
			p.clock.now = p.clock.now.AddDate(0, 0, 7)
		}
	})
}
