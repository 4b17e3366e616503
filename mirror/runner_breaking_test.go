package mirror_test

import (
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// breaksAt is a server that ends the connection whenever a message is read.
func breaksAt(id mirror.UID) *hooks {
	return &hooks{
		fetch: func(b mirror.Body) (mirror.Body, error) {
			if b.UID == id {
				return b, mirror.ErrCut
			}
			return b, nil
		},
		identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
			for i, m := range list {
				if m.UID == id {
					return list[:i], mirror.ErrCut
				}
			}
			return list, nil
		},
	}
}

// TestServerBreaksOff: a message at which the server ends the connection every
// time blocks only itself, whether it is to be copied or to be compared.
func TestServerBreaksOff(t *testing.T) {
	t.Parallel()
	for _, compared := range []bool{false, true} {
		p := inStep(t, 2, mirrortest.Options{}, maildirLike())
		id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(10), mirror.Flags{}, when)
		p.deliverFar(nametrans.Inbox, letter(11), mirror.Flags{})
		if compared {
			p.servers[mirror.Near].Deliver(nametrans.Inbox, fileOf(letter(13)), mirror.Flags{}, when.Add(time.Hour))
		}
		p.hook(mirror.Far, breaksAt(id))
		p.sync(mirror.ExitTemporary)
		p.sync(mirror.ExitTemporary)
		p.sync(mirror.ExitDone)
		want := 3
		if compared {
			want = 4
		}
		if got := p.count(mirror.Near, nametrans.Inbox); got != want {
			t.Errorf("compared %v: near holds %d messages, want all %d but the broken one", compared, got, want)
		}
		p.quiet()
		p.wrap = nil
		p.clock.now = p.clock.now.AddDate(0, 0, 8)
		p.settle()
		p.alike()
	}
}

// TestPausesAfterBreaks: two losses of the connection at a message may be the
// line's fault, so it is tried again within minutes; the more there are, the
// longer it is left alone, up to a week.
func TestPausesAfterBreaks(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	id := p.servers[mirror.Far].Deliver(nametrans.Inbox, letter(10), mirror.Flags{}, when)
	p.hook(mirror.Far, breaksAt(id))
	week := 7 * 24 * time.Hour
	for i, want := range []time.Duration{0, 5 * time.Minute, 20 * time.Minute, 80 * time.Minute, 320 * time.Minute, 1280 * time.Minute, 5120 * time.Minute, week, week} {
		p.sync(mirror.ExitTemporary)
		q := p.snapshot().Quarantine
		if len(q) != 1 || q[0].Next.Sub(p.clock.now) != want {
			t.Fatalf("after %d losses: got %+v at %v, want a pause of %v", i+1, q, p.clock.now, want)
		}
		if i > 0 {
			p.sync(mirror.ExitDone)
		}
		p.clock.now = q[0].Next
	}
	p.wrap = nil
	p.settle()
	p.alike()
	if q := p.snapshot().Quarantine; len(q) != 0 {
		t.Errorf("what passed is kept aside: %+v", q)
	}
}

// TestBreakingComesLast: a message at which the connection was lost is tried when
// all else is done, so that each run that is cut at it does its work.
func TestBreakingComesLast(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	id := far.Deliver(nametrans.Inbox, letter(20), mirror.Flags{}, when)
	p.hook(mirror.Far, breaksAt(id))
	p.sync(mirror.ExitTemporary)
	list := far.Messages(nametrans.Inbox)
	far.Remove(nametrans.Inbox, list[0].ID)
	far.SetFlags(nametrans.Inbox, list[1].ID, flags(`\Flagged`))
	far.CreateMailbox(box("Work"), "")
	p.deliverFar(box("Work"), letter(21), mirror.Flags{})
	p.sync(mirror.ExitTemporary)
	if got := near.Messages(nametrans.Inbox); len(got) != 4 || !got[0].Flags.Equal(flags(`\Flagged`)) {
		t.Errorf("near INBOX: got %d messages, want what was removed and flagged on far done", len(got))
	}
	if got := p.count(mirror.Near, box("Work")); got != 1 {
		t.Errorf("near Work holds %d messages, want the one of far", got)
	}
}
