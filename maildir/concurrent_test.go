package maildir

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// TestConcurrentMailboxes: one goroutine a mailbox, all of one repository.
func TestConcurrentMailboxes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const boxes, messages = 4, 25
	target := nametrans.MustName("Target")
	w.create(target)
	var wg sync.WaitGroup
	errs := make([]error, boxes)
	for i := range boxes {
		m := w.box(nametrans.MustName(fmt.Sprint("Box", i)))
		wg.Go(func() { errs[i] = appendFetchMove(t, m, target, messages) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	v := w.view(w.open(target, mirror.Checkpoint{}))
	seen := map[mirror.UID]bool{}
	for _, message := range v.New {
		seen[message.UID] = true
	}
	if len(seen) != boxes*messages {
		t.Errorf("got %d UIDs, want %d different ones", len(seen), boxes*messages)
	}
}

func appendFetchMove(t *testing.T, m *Mailbox, target mirror.Name, n int) error {
	refs := m.Reserve(n)
	var list []mirror.Incoming
	var moves []mirror.Move
	reserved := m.repo.numbering(target).reserve(n, m.repo.now())
	for i, r := range refs {
		list = append(list, incoming(r, crlfMessage))
		moves = append(moves, mirror.Move{Ref: r, Reserved: reserved[i]})
	}
	results, err := m.Append(t.Context(), batch(list...))
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	fetched := 0
	err = m.Fetch(t.Context(), refs, func(b mirror.Body) error {
		fetched++
		_, err := io.Copy(io.Discard, b.Reader)
		return err
	})
	if err != nil || fetched != n {
		return fmt.Errorf("fetched %d of %d: %w", fetched, n, err)
	}
	moved, err := m.Move(t.Context(), moves, target)
	for _, r := range moved {
		err = errors.Join(err, r.Err)
	}
	return err
}

// BenchmarkView reads a mailbox in which nothing is new.
func BenchmarkView(b *testing.B) {
	const messages = 20000
	r, err := New(Options{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Connect(b.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		b.Fatal(err)
	}
	if err := r.Create(b.Context(), inbox, ""); err != nil {
		b.Fatal(err)
	}
	m, err := r.Open(b.Context(), inbox, mirror.ReadOnly, mirror.Checkpoint{})
	if err != nil {
		b.Fatal(err)
	}
	var list mirror.KnownList
	for i := range messages {
		base := fmt.Sprintf("17000%05d.M1P2Q%dR0123456789abcdef.host", i, i)
		f, err := r.root.root.Create("INBOX/cur/" + base + infoSeparator + "S")
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
		list = append(list, mirror.KnownMessage{Ref: mirror.Ref{UID: mirror.UID(i + 1), Base: base}, Flags: mirror.MakeFlags(`\Seen`)})
	}
	b.ReportAllocs()
	for b.Loop() {
		v, err := m.View(b.Context(), mirror.Known{Rows: list})
		if err != nil || v.Total != messages || len(v.New)+len(v.Changed)+len(v.Gone)+len(v.Unknown) != 0 {
			b.Fatalf("got %d messages, %d new, %v", v.Total, len(v.New), err)
		}
	}
}
