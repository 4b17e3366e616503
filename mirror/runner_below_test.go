package mirror_test

import (
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestKeptAsideBelowWindow lets a message that was kept aside fall out of what the server shows: others
// pass.
func TestKeptAsideBelowWindow(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{Maildir: true, MaxSize: 500})
	big := append(letter(5), make([]byte, 600)...)
	p.deliverFar(nametrans.Inbox, big, mirror.Flags{})
	for i := range 3 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.try()
	p.try()
	id := p.servers[mirror.Far].Messages(nametrans.Inbox)[0].ID
	p.hook(mirror.Far, &hooks{view: func(_ mirror.Name, v *mirror.View) error {
		v.Unknown = append(v.Unknown, mirror.Ref{UID: id})
		return nil
	}})
	p.servers[mirror.Near].Deliver(nametrans.Inbox, fileOf(letter(30)), mirror.Flags{}, when.AddDate(0, 0, 1))
	p.deliverFar(nametrans.Inbox, letter(31), mirror.Flags{})
	for range 5 {
		p.try()
	}
	if got := p.count(mirror.Far, nametrans.Inbox); got != 6 {
		t.Errorf("far holds %d, want 6", got)
	}
}

// TestExtraBelowWindow is the same with an extra message of a one-way target.
func TestExtraBelowWindow(t *testing.T) {
	t.Parallel()
	p := newPair(t, maildirLike(), mirrortest.Options{})
	p.policy = mirror.NewPolicy(mirror.OneWayCopy, mirror.Near)
	near := p.servers[mirror.Near]
	id := near.Deliver(nametrans.Inbox, letter(9), mirror.Flags{}, when.Add(time.Hour))
	for i := range 3 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	p.hook(mirror.Near, &hooks{view: func(_ mirror.Name, v *mirror.View) error {
		v.Unknown = append(v.Unknown, mirror.Ref{UID: id})
		return nil
	}})
	for i := range 5 {
		p.deliverFar(nametrans.Inbox, letter(30+i), mirror.Flags{})
		near.SetFlags(nametrans.Inbox, id, flags([]string{"", `\Seen`}[i%2]))
		p.try()
	}
	if got := p.count(mirror.Near, nametrans.Inbox); got != 9 {
		t.Errorf("near holds %d, want 9: nothing is copied any more", got)
	}
}

// TestPairedBelowWindow: a server neither shows nor denies a paired message.
// Nothing is done for it, whatever became of its partner, until it is shown.
func TestPairedBelowWindow(t *testing.T) {
	t.Parallel()
	for _, removed := range []bool{true, false} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		hidden, partner := far.Messages(nametrans.Inbox)[0].ID, near.Messages(nametrans.Inbox)[0].ID
		p.hook(mirror.Far, &hooks{view: func(_ mirror.Name, v *mirror.View) error {
			v.Unknown = append(v.Unknown, mirror.Ref{UID: hidden})
			return nil
		}})
		if removed {
			near.Remove(nametrans.Inbox, partner)
		} else {
			near.SetFlags(nametrans.Inbox, partner, flags(`\Flagged`))
		}
		want := 3
		for n := range 3 {
			p.deliverFar(nametrans.Inbox, letter(30+n), mirror.Flags{})
			want++
			p.try()
			m := far.Messages(nametrans.Inbox)[0]
			if got := p.count(mirror.Far, nametrans.Inbox); got != want || m.ID != hidden || m.Flags.Has(`\Flagged`) {
				t.Fatalf("removed %v: far holds %d, the first %d %v, want %d and %d as it was", removed, got, m.ID, m.Flags, want, hidden)
			}
		}
		p.wrap = nil
		p.settle()
		p.alike()
		if removed {
			want--
		}
		if got := p.count(mirror.Far, nametrans.Inbox); got != want {
			t.Errorf("removed %v: far holds %d, want %d", removed, got, want)
		}
	}
}

// TestRenumberedBelowWindow: a server that shows its newest messages only numbers them anew.
// What it hides is not sent to it again, and what it shows waits until all is shown.
func TestRenumberedBelowWindow(t *testing.T) {
	t.Parallel()
	const window = 1000
	for _, hidden := range []int{0, 5} {
		p := newPair(t, mirrortest.Options{Window: window}, maildirLike())
		far := p.servers[mirror.Far]
		for n := range window {
			p.deliverFar(nametrans.Inbox, letter(n), mirror.Flags{})
		}
		p.settle()
		for n := range hidden {
			p.deliverFar(nametrans.Inbox, letter(window+n), mirror.Flags{})
		}
		p.sync(mirror.ExitDone)
		far.Renumber(nametrans.Inbox, 77)
		for range 2 {
			result, err := p.try()
			if exit, want := mirror.Exit(result, err), map[bool]int{true: mirror.ExitPartly}[hidden > 0]; exit != want || result.Summary.Copied != [2]int{} {
				t.Errorf("%d hidden: exit %d, %+v, %v; want %d and nothing copied", hidden, exit, result.Summary, result.Problems, want)
			}
		}
		if got := len(far.Messages(nametrans.Inbox)); got != window+hidden {
			t.Errorf("%d hidden: far holds %d, want %d", hidden, got, window+hidden)
		}
		p.deliverNear(nametrans.Inbox, letter(window+hidden), mirror.Flags{})
		p.try()
		if got, want := len(far.Messages(nametrans.Inbox)), map[bool]int{true: window + hidden, false: window + 1}[hidden > 0]; got != want {
			t.Errorf("%d hidden: far holds %d, want %d", hidden, got, want)
		}
	}
}
