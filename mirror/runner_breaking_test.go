package mirror_test

import (
	"io"
	"slices"
	"strings"
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

// sendsAway is a server that answers the messages with these texts by NO and then
// ends the connection; behind it nothing is sent any more.
func sendsAway(no error, refused ...string) *hooks {
	return &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, err error) {
		list, err := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
			for in := range batch {
				octets, _ := io.ReadAll(in.Body.Reader)
				in.Body.Reader = bytesReader(octets)
				switch {
				case slices.ContainsFunc(refused, func(text string) bool { return strings.Contains(string(octets), text) }):
					out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(no)})
				case len(out) > 0:
					out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(mirror.ErrCut)})
				case !yield(in):
					return
				}
			}
		})
		if len(out) > 0 {
			err = mirror.ErrCut
		}
		return append(list, out...), err
	}}
}

// TestSentAwayIsNotRefused: a NO right before the end of the connection counts as
// a connection lost at that message. It is not kept aside the first time, nor are
// those that were refused with it, and passes in the next run.
func TestSentAwayIsNotRefused(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*hooks{
		"last":             sendsAway(mirror.ErrRefused, "hello 12"),
		"others behind it": sendsAway(mirror.ErrRefused, "hello 11"),
		"two":              sendsAway(mirror.ErrRefused, "hello 11", "hello 12"),
		"not sent again":   sendsAway(mirror.ErrCut, "hello 11"),
	} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		for i := range 3 {
			p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
		}
		p.hook(mirror.Far, h)
		p.sync(mirror.ExitTemporary)
		q := p.snapshot().Quarantine
		if len(q) != 1 || q[0].Tries != 1 || q[0].Next.After(p.clock.now) {
			t.Errorf("%s: got %+v, want one loss of the connection noted", name, q)
		}
		p.wrap = nil
		p.sync(mirror.ExitDone)
		p.settle()
		p.alike()
		if q := p.snapshot().Quarantine; len(q) != 0 {
			t.Errorf("%s: what passed is kept aside: %+v", name, q)
		}
	}
}

// TestRefusedBeforeTheEnd: what was refused for a reason of its own, or before
// another message was taken, is refused, whatever becomes of the connection.
func TestRefusedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*hooks{
		"too big":        sendsAway(mirror.ErrTooBig, "hello 11"),
		"another passed": refusedThenCut("hello 10"),
	} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		for i := range 3 {
			p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
		}
		p.hook(mirror.Far, h)
		p.sync(mirror.ExitTemporary)
		if q := p.snapshot().Quarantine; len(q) == 0 || q[0].Next.Sub(p.clock.now) != time.Hour {
			t.Errorf("%s: got %+v, want it kept aside for an hour", name, q)
		}
	}
}

// TestThrottledIsNotBroken: a server that asks for a pause says nothing of the
// message, nor of one that it refused just before.
func TestThrottledIsNotBroken(t *testing.T) {
	t.Parallel()
	for _, refused := range []int{0, 1} {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		for i := range 2 {
			p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
		}
		p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, _ ctxT, _ mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
			for in := range batch {
				err := mirror.ErrThrottled
				if len(out) < refused {
					err = mirror.ErrRefused
				}
				out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(err)})
			}
			return out, mirror.ErrThrottled
		}})
		p.sync(mirror.ExitTemporary)
		p.sync(mirror.ExitTemporary)
		for _, q := range p.snapshot().Quarantine {
			if refused == 0 || q.Next.After(p.clock.now.Add(5*time.Minute)) {
				t.Errorf("%d refused: got %+v, want none kept aside for long", refused, q)
			}
		}
		p.wrap = nil
		p.clock.now = p.clock.now.Add(5 * time.Minute)
		p.settle()
		p.alike()
	}
}

// refusedThenCut refuses the message with a text, takes the others, and then ends
// the connection.
func refusedThenCut(text string) *hooks {
	return &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, err error) {
		list, _ := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
			for in := range batch {
				octets, _ := io.ReadAll(in.Body.Reader)
				in.Body.Reader = bytesReader(octets)
				if strings.Contains(string(octets), text) {
					out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(mirror.ErrRefused)})
				} else if !yield(in) {
					return
				}
			}
		})
		return append(out, list...), mirror.ErrCut
	}}
}
