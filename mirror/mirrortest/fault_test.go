package mirrortest

import (
	"errors"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// story is a fixed row of ten effects: a mailbox made, three messages
// appended, two flagged, one moved, two removed, one commit.
func story(t *testing.T, f *Fault, s *Server, state mirror.State) error {
	ctx, archive := t.Context(), nametrans.MustName("Archive")
	r, state := f.Repository(s.Repository()), f.State(state)
	defer r.Close()
	if _, err := r.Connect(ctx, mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		return err
	}
	if err := r.Create(ctx, archive, ""); err != nil {
		return err
	}
	m, err := r.Open(ctx, Inbox, mirror.ReadWrite, mirror.Checkpoint{})
	if err != nil {
		return err
	}
	if _, err := m.Append(ctx, batch(m, Letter("a", "x"), Letter("b", "x"), Letter("c", "x"))); err != nil {
		return err
	}
	seen := mirror.MakeFlags(imap.FlagSeen)
	if _, err := m.Store(ctx, []mirror.FlagChange{{Ref: uid(1), Add: seen}, {Ref: uid(2), Add: seen}}); err != nil {
		return err
	}
	if _, err := m.Move(ctx, []mirror.Move{{Ref: uid(1)}}, archive); err != nil {
		return err
	}
	if _, err := m.Remove(ctx, []mirror.Ref{uid(2), uid(3)}, false); err != nil {
		return err
	}
	return state.Commit(&mirror.Changes{Mailboxes: []mirror.MailboxRow{{Name: Inbox}}})
}

func uid(n imap.UID) mirror.Ref { return mirror.Ref{UID: n} }

const storyEffects = 10

func TestFaultCounts(t *testing.T) {
	f := NewFault(0, Before)
	if err := story(t, f, NewServer(Options{}), NewState()); err != nil {
		t.Fatal(err)
	}
	if f.Effects() != storyEffects || f.Stopped() {
		t.Errorf("got %d effects, stopped %v; want %d, false", f.Effects(), f.Stopped(), storyEffects)
	}
}

// TestFaultStops: at every effect, exactly those before it happen, and with
// After the one itself.
func TestFaultStops(t *testing.T) {
	for _, point := range Points {
		t.Run(point.String(), func(t *testing.T) {
			for k := 1; k <= storyEffects; k++ {
				f, s, state := NewFault(k, point), NewServer(Options{}), NewState()
				if err := story(t, f, s, state); !errors.Is(err, mirror.ErrCut) {
					t.Fatalf("effect %d: got %v, want %v", k, err, mirror.ErrCut)
				}
				want := k
				if point != After {
					want--
				}
				if got := len(s.Effects()) + state.Commits(); got != want {
					t.Errorf("effect %d: got %d effects, want %d: %v", k, got, want, s.Effects())
				}
				if !f.Stopped() || f.Effects() != k {
					t.Errorf("effect %d: got stopped %v after %d", k, f.Stopped(), f.Effects())
				}
				checkDead(t, f, s, state)
			}
		})
	}
}

// checkDead: nothing works any more through the fault, and everything does
// without it.
func checkDead(t *testing.T, f *Fault, s *Server, state mirror.State) {
	t.Helper()
	if _, err := f.Repository(s.Repository()).Connect(t.Context(), mirror.Visit{}); !errors.Is(err, mirror.ErrCut) {
		t.Errorf("got %v from a connect after the stop, want %v", err, mirror.ErrCut)
	}
	if _, err := f.State(state).Load(); !errors.Is(err, mirror.ErrCut) {
		t.Errorf("got %v from a load after the stop, want %v", err, mirror.ErrCut)
	}
	dead := f.State(state)
	_, _, rows := dead.Rows(mirror.Far, Inbox)
	_, known := dead.Known(mirror.Far, Inbox)
	_, messages := dead.MessagesIn(mirror.Far, Inbox, every)
	_, records := dead.RecordsIn(mirror.Far, Inbox, every)
	for _, err := range []error{rows, known, messages, records} {
		if !errors.Is(err, mirror.ErrCut) {
			t.Errorf("got %v from a read after the stop, want %v", err, mirror.ErrCut)
		}
	}
	if _, err := s.Repository().Connect(t.Context(), mirror.Visit{}); err != nil {
		t.Error(err)
	}
}

// TestFaultInside: half a body is no message.
func TestFaultInside(t *testing.T) {
	s := NewServer(Options{})
	f := NewFault(2, Inside)
	r := f.Repository(s.Repository())
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	m, err := r.Open(t.Context(), Inbox, mirror.ReadWrite, mirror.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	results, err := m.Append(t.Context(), batch(m, Letter("a", "x"), Letter("b", "x"), Letter("c", "x")))
	if !errors.Is(err, mirror.ErrCut) || results != nil {
		t.Errorf("got %v, %v; want no result and %v", results, err, mirror.ErrCut)
	}
	if got := len(s.Messages(Inbox)); got != 1 {
		t.Errorf("got %d messages, want the one before the cut", got)
	}
}
