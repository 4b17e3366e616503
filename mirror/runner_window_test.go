package mirror_test

import (
	"errors"
	"slices"
	"testing"
	"time"

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
