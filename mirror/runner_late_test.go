package mirror_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// lateSide answers to appends when it is asked, and may lose the connection until
// then: nobody knows then what was stored.
type lateSide struct {
	mirror.Repository
	cut    bool
	events *[]string
}

func (r *lateSide) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	m, err := r.Repository.Open(ctx, name, access, known)
	if err != nil {
		return nil, err
	}
	return &lateMailbox{m, r, name}, nil
}

type lateMailbox struct {
	mirror.Mailbox
	side *lateSide
	name mirror.Name
}

func (m *lateMailbox) AppendLate(ctx context.Context, batch iter.Seq[mirror.Incoming]) func() ([]mirror.Appended, error) {
	results, err := m.Mailbox.Append(ctx, batch)
	*m.side.events = append(*m.side.events, "sent "+m.name.String())
	return func() ([]mirror.Appended, error) {
		*m.side.events = append(*m.side.events, "answered "+m.name.String())
		if m.side.cut {
			return nil, mirror.ErrCut
		}
		return results, err
	}
}

// wantOnce says that INBOX holds the letters of the start and one more, and Archive
// one, on both sides.
func wantOnce(p *pair) {
	p.t.Helper()
	p.wrap = nil
	p.settle()
	p.alike()
	if inbox, archive := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Far, box("Archive")); inbox != 3 || archive != 1 {
		p.t.Errorf("far holds %d in INBOX and %d in Archive, want 3 and 1", inbox, archive)
	}
}

// TestAnswersOverlap: while one batch is answered the next one is sent already; an
// error that all of them meet is told of the first one only, and what was stored
// all the same is found by the next run.
func TestAnswersOverlap(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		p := inStep(t, 2, mirrortest.Options{}, maildirLike())
		p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
		p.deliverNear(box("Archive"), letter(11), mirror.Flags{})
		var events []string
		p.wrap = func(s mirror.Side, r mirror.Repository) mirror.Repository {
			if s == mirror.Near {
				return r
			}
			return &lateSide{r, cut, &events}
		}
		exit := mirror.ExitDone
		if cut {
			exit = mirror.ExitTemporary
		}
		p.sync(exit)
		if want := []string{"sent INBOX", "sent Archive", "answered INBOX", "answered Archive"}; !slices.Equal(events, want) {
			t.Errorf("cut %v: got %q, want %q", cut, events, want)
		}
		if aside := p.snapshot().Quarantine; cut && (len(aside) != 1 || aside[0].Mailbox != nametrans.Inbox) {
			t.Errorf("cut: %+v count as those at which it broke, want the first one only", aside)
		}
		wantOnce(p)
	}
}

// breakingPair has a letter to be sent in INBOX and one in Archive, and a source that
// breaks where breaks says so, by how many events there were. The target answers late,
// or is lost.
func breakingPair(t *testing.T, lost bool, breaks func(events int) bool) (p *pair, events *[]string) {
	p, events = inStep(t, 2, mirrortest.Options{}, maildirLike()), new([]string)
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.deliverNear(box("Archive"), letter(11), mirror.Flags{})
	p.hook(mirror.Near, &hooks{fetch: func(b mirror.Body) (mirror.Body, error) {
		if breaks(len(*events)) {
			return b, mirror.ErrCut
		}
		return b, nil
	}})
	hooked := p.wrap
	p.wrap = func(s mirror.Side, r mirror.Repository) mirror.Repository {
		if r = hooked(s, r); s == mirror.Far {
			return &lateSide{r, lost, events}
		}
		return r
	}
	return p, events
}

// TestSourceBreaksBehind: where the source breaks in the second batch, and the target
// is lost with it, the message at which that was is noted, and none of the first.
func TestSourceBreaksBehind(t *testing.T) {
	t.Parallel()
	p, _ := breakingPair(t, true, func(events int) bool { return events > 0 }) // the first batch was sent
	p.sync(mirror.ExitTemporary)
	if aside := p.snapshot().Quarantine; len(aside) != 1 || aside[0].Mailbox != box("Archive") {
		t.Errorf("%+v count as those at which it broke, want the one in Archive only", aside)
	}
	wantOnce(p)
}

// TestSourceBreaksFirst: nothing is sent behind a batch whose source broke.
func TestSourceBreaksFirst(t *testing.T) {
	t.Parallel()
	p, events := breakingPair(t, false, func(events int) bool { return events == 0 })
	p.sync(mirror.ExitTemporary)
	if want := []string{"sent INBOX", "answered INBOX"}; !slices.Equal(*events, want) {
		t.Errorf("got %q, want %q", *events, want)
	}
	wantOnce(p)
}

// TestProbeBehindRefusal: a server is asked whether it keeps octets also where it took
// nothing of the first batch.
func TestProbeBehindRefusal(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	p.deliverNear(nametrans.Inbox, append(letter(10), 0), mirror.Flags{})
	p.deliverNear(box("Archive"), letter(11), mirror.Flags{})
	p.sync(mirror.ExitPartly)
	if got := p.snapshot().Sides[mirror.Far].Bytes; got != mirror.KeepsBytes {
		t.Errorf("got probe %v, want %v", got, mirror.KeepsBytes)
	}
}
