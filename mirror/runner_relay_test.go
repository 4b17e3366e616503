package mirror_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// brokenReader gives a few octets and then fails.
type brokenReader struct {
	inner io.Reader
	err   error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if len(p) > 40 {
		p = p[:40]
	}
	if r.inner == nil {
		return 0, r.err
	}
	n, err := r.inner.Read(p)
	r.inner = nil
	return n, err
}

// transfer runs one upload and one download of 5 letters with hooks on far, and
// fails the test when the run hangs or leaves a goroutine.
func transfer(t *testing.T, far mirrortest.Options, h *hooks) (*pair, mirror.Result, error) {
	t.Helper()
	p := inStep(t, 3, far, maildirLike())
	for i := range 5 {
		p.deliverNear(nametrans.Inbox, letter(50+i), mirror.Flags{})
		p.deliverFar(nametrans.Inbox, letter(60+i), mirror.Flags{})
	}
	p.hook(mirror.Far, h)
	before := goleak.IgnoreCurrent()
	type outcome struct {
		r   mirror.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() { r, err := p.try(); done <- outcome{r, err} }()
	select {
	case o := <-done:
		if err := goleak.Find(before); err != nil {
			t.Errorf("%v", err)
		}
		p.checkState()
		return p, o.r, o.err
	case <-time.After(10 * time.Second):
		t.Fatal("the run hangs")
		return nil, mirror.Result{}, nil
	}
}

// recovers runs without faults until nothing changes: all must be there once.
func recovers(t *testing.T, p *pair) {
	t.Helper()
	p.wrap = nil
	p.clock.now = p.clock.now.Add(2 * time.Hour)
	p.settle()
	p.alike()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 13 {
		t.Errorf("far holds %d, want 13", got)
	}
	p.quiet()
}

func TestRelayTargetGivesUp(t *testing.T) {
	for _, c := range []struct {
		name   string
		append func(ctxT, mirror.Mailbox, seqIn) ([]mirror.Appended, error)
		exit   int
	}{
		{"at once", func(ctxT, mirror.Mailbox, seqIn) ([]mirror.Appended, error) { return nil, mirror.ErrCut }, 75},
		{"mailbox at once", func(ctxT, mirror.Mailbox, seqIn) ([]mirror.Appended, error) { return nil, mirror.ErrDenied }, 3},
		{"in the first body", func(_ ctxT, _ mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
			for in := range batch {
				io.CopyN(io.Discard, in.Body.Reader, 10)
				return nil, mirror.ErrCut
			}
			return nil, nil
		}, 75},
		{"over quota after one", func(ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
			n := 0
			list, err := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
				for in := range batch {
					if n++; n > 1 {
						out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(mirror.ErrOverQuota)})
						return
					}
					if !yield(in) {
						return
					}
				}
			})
			return append(out, list...), err
		}, 75},
		{"reads nothing", func(_ ctxT, _ mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
			for in := range batch {
				out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(mirror.ErrTooBig)})
			}
			return out, nil
		}, 3},
		{"no results", func(_ ctxT, _ mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
			for range batch {
			}
			return nil, mirror.ErrUnreachable
		}, 75},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, r, err := transfer(t, mirrortest.Options{}, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
				return c.append(ctx, m, batch)
			}})
			if got := mirror.Exit(r, err); got != c.exit {
				t.Errorf("exit %d (%v, %v), want %d", got, err, r.Problems, c.exit)
			}
			recovers(t, p)
		})
	}
}

// TestRelaySourceFails in the middle of a body: nothing half is stored, and the
// error is said of the side that failed.
func TestRelaySourceFails(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		exit int
		side string
	}{
		{"cut", mirror.ErrCut, 75, "far"},
		{"short", mirror.ErrShortBody, 3, ""},
		{"end", io.EOF, 3, ""},
		{"unexpected end", io.ErrUnexpectedEOF, 3, ""},
		{"denied", mirror.ErrDenied, 3, ""},
		{"unreadable sector", errors.New("input/output error"), 3, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			p, r, err := transfer(t, mirrortest.Options{}, &hooks{fetch: func(b mirror.Body) (mirror.Body, error) {
				if n++; n >= 2 && b.UID == 5 {
					b.Reader = &brokenReader{b.Reader, c.err}
				}
				return b, nil
			}})
			if got := mirror.Exit(r, err); got != c.exit {
				t.Errorf("exit %d (%v, %v), want %d", got, err, r.Problems, c.exit)
			}
			var e *mirror.Error
			if c.side != "" && (!errors.As(err, &e) || e.Side.String() != c.side) {
				t.Errorf("got %v, want an error of the %s side", err, c.side)
			}
			for _, problem := range r.Problems {
				if problem.Side != mirror.Far {
					t.Errorf("the far message could not be read, and %v is named", problem)
				}
			}
			if c.exit == 3 {
				if got := p.count(mirror.Near, nametrans.Inbox); got != 12 {
					t.Errorf("near holds %d, want 12: one message stopped others", got)
				}
			}
			recovers(t, p)
		})
	}
}

// TestRelayLongBody: more octets than announced are no message either.
func TestRelayLongBody(t *testing.T) {
	p, r, err := transfer(t, mirrortest.Options{}, &hooks{fetch: func(b mirror.Body) (mirror.Body, error) {
		if b.UID == 5 {
			b.Reader = io.MultiReader(b.Reader, strings.NewReader("and more"))
		}
		return b, nil
	}})
	if got := mirror.Exit(r, err); got != 3 {
		t.Errorf("exit %d (%v, %v), want 3", got, err, r.Problems)
	}
	recovers(t, p)
}

// TestRelayUnaskedBody: a source that sends what nobody asked for.
func TestRelaySinkError(t *testing.T) {
	p, r, err := transfer(t, mirrortest.Options{}, &hooks{fetch: func(b mirror.Body) (mirror.Body, error) {
		if b.UID == 6 {
			return b, fmt.Errorf("fetch: %w", mirror.ErrCut)
		}
		return b, nil
	}})
	if got := mirror.Exit(r, err); got != 75 {
		t.Errorf("exit %d (%v), want 75", got, err)
	}
	recovers(t, p)
}

// TestCameBack: a message that is there again between view and second proof is
// not removed on the other side.
func TestCameBack(t *testing.T) {
	t.Parallel()
	for _, deletions := range []mirror.Deletions{mirror.DeleteToTrash, mirror.DeleteForGood} {
		p := inStep(t, 6, mirrortest.Options{}, maildirLike())
		p.policy.Deletions = deletions
		far := p.servers[mirror.Far]
		id := far.Messages(nametrans.Inbox)[2].ID
		far.Hide(nametrans.Inbox, id, true)
		p.sync(mirror.ExitDone)
		p.sync(mirror.ExitDone)
		if got := p.count(mirror.Near, nametrans.Inbox); got != 6 {
			t.Errorf("near holds %d, want 6", got)
		}
		far.Hide(nametrans.Inbox, id, false)
		p.settle()
		p.alike()
		p.quiet()
	}
}

// TestIntentBeforeEffect: for every effect on a side that cannot be repeated,
// an intent was durable before.
func TestIntentBeforeEffect(t *testing.T) {
	t.Parallel()
	p := inStep(t, 8, mirrortest.Options{NoMove: true}, maildirLike())
	move(p)
	p.removeNear(1)
	p.deliverNear(nametrans.Inbox, letter(99), mirror.Flags{})
	check := func(kind mirror.IntentKind, uid mirror.UID, what string) {
		for _, in := range p.snapshot().Intents {
			if in.Kind == kind && (uid == 0 || in.Source.UID == uid) {
				return
			}
		}
		t.Errorf("%s without an intent", what)
	}
	h := func() *hooks {
		return &hooks{
			move: func(_ mirror.Name, moves []mirror.Move) ([]mirror.Moved, error, bool) {
				for _, m := range moves {
					found := false
					for _, in := range p.snapshot().Intents {
						found = found || in.Kind != mirror.CopyIntent && in.Source.UID == m.UID
					}
					if !found {
						t.Errorf("move of %d without an intent", m.UID)
					}
				}
				return nil, nil, false
			},
			remove: func(_ mirror.Name, refs []mirror.Ref) ([]mirror.Removed, error, bool) {
				for _, r := range refs {
					check(mirror.RemoveIntent, r.UID, "removal")
				}
				return nil, nil, false
			},
			append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
				check(mirror.CopyIntent, 0, "append")
				return m.Append(ctx, batch)
			},
		}
	}
	p.hook(mirror.Far, h())
	p.hook(mirror.Near, h())
	p.sync(mirror.ExitDone)
	p.wrap = nil
	p.settle()
	p.alike()
}

// TestMovedAndFlagged: a message that was moved and whose flags changed, on the
// same side or on the other one.
func TestMovedAndFlagged(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}, {NoUIDPlus: true}, {NoMove: true}} {
		for _, mover := range mirror.Sides {
			for _, flagger := range mirror.Sides {
				p := inStep(t, 6, o, maildirLike())
				m, f := p.servers[mover], p.servers[flagger]
				name, id := nametrans.Inbox, f.Messages(nametrans.Inbox)[2].ID
				moved := m.Move(nametrans.Inbox, m.Messages(nametrans.Inbox)[2].ID, box("Archive"))
				if mover == flagger {
					name, id = box("Archive"), moved
				}
				f.SetFlags(name, id, flags(`\Flagged \Seen work`))
				r := p.sync(mirror.ExitDone)
				if r.Summary.Copied != [2]int{} {
					t.Errorf("%+v mover %s flagger %s: a body travelled: %+v", o, mover, flagger, r.Summary)
				}
				p.settle()
				p.alike()
				got := p.dump(mover.Other())[box("Archive")]
				if len(got) != 1 || !strings.Contains(got[0].Flags, "flagged") {
					t.Errorf("%+v mover %s flagger %s: got %v", o, mover, flagger, got)
				}
				p.quiet()
			}
		}
	}
}
