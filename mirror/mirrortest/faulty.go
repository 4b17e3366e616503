package mirrortest

import (
	"context"
	"io"
	"iter"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// Repository wraps r. Close always passes.
func (f *Fault) Repository(r mirror.Repository) mirror.Repository {
	return &faultyRepository{r, f}
}

type faultyRepository struct {
	inner mirror.Repository
	fault *Fault
}

func (r *faultyRepository) Connect(ctx context.Context, visit mirror.Visit) (t mirror.Traits, err error) {
	err = r.fault.read(func() (err error) { t, err = r.inner.Connect(ctx, visit); return })
	return t, err
}

func (r *faultyRepository) List(ctx context.Context, brief bool) (l mirror.Listing, err error) {
	err = r.fault.read(func() (err error) { l, err = r.inner.List(ctx, brief); return })
	return l, err
}

func (r *faultyRepository) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	return r.fault.do(func() error { return r.inner.Create(ctx, name, role) })
}

func (r *faultyRepository) Rename(ctx context.Context, from, to mirror.Name) error {
	return r.fault.do(func() error { return r.inner.Rename(ctx, from, to) })
}

func (r *faultyRepository) Delete(ctx context.Context, name mirror.Name) error {
	return r.fault.do(func() error { return r.inner.Delete(ctx, name) })
}

func (r *faultyRepository) Subscribe(ctx context.Context, name mirror.Name, on bool) error {
	return r.fault.do(func() error { return r.inner.Subscribe(ctx, name, on) })
}

func (r *faultyRepository) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (m mirror.Mailbox, err error) {
	err = r.fault.read(func() (err error) { m, err = r.inner.Open(ctx, name, access, known); return })
	if err != nil {
		return nil, err
	}
	return &faultyMailbox{m, r.fault}, nil
}

func (r *faultyRepository) Expect(ctx context.Context, calls []mirror.Expected) {
	r.inner.Expect(ctx, calls)
}

func (r *faultyRepository) Memory() string { return r.inner.Memory() }

func (r *faultyRepository) Close() error { return r.inner.Close() }

type faultyMailbox struct {
	inner mirror.Mailbox
	fault *Fault
}

func (m *faultyMailbox) Status() mirror.Checkpoint { return m.inner.Status() }

func (m *faultyMailbox) View(ctx context.Context, known mirror.Known) (v mirror.View, err error) {
	err = m.fault.read(func() (err error) { v, err = m.inner.View(ctx, known); return })
	return v, err
}

func (m *faultyMailbox) Absent(ctx context.Context, refs []mirror.Ref) (absent []mirror.Ref, err error) {
	err = m.fault.read(func() (err error) { absent, err = m.inner.Absent(ctx, refs); return })
	return absent, err
}

func (m *faultyMailbox) Identify(ctx context.Context, refs []mirror.Ref, depth mirror.Depth) (list []mirror.Identified, err error) {
	err = m.fault.read(func() (err error) { list, err = m.inner.Identify(ctx, refs, depth); return })
	return list, err
}

func (m *faultyMailbox) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	return m.fault.read(func() error {
		return m.inner.Fetch(ctx, refs, func(b mirror.Body) error {
			return m.fault.read(func() error { return sink(b) })
		})
	})
}

func (m *faultyMailbox) Reserve(n int) []mirror.Ref { return m.inner.Reserve(n) }

// Append counts each message as it goes in. The batch ends at the fault; what
// went in before is stored, and no result comes back.
func (m *faultyMailbox) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) (results []mirror.Appended, err error) {
	err = m.fault.read(func() (err error) {
		results, err = m.inner.Append(ctx, m.until(batch))
		return err
	})
	if err != nil && m.fault.err() != nil {
		results = nil
	}
	return results, err
}

func (m *faultyMailbox) until(batch iter.Seq[mirror.Incoming]) iter.Seq[mirror.Incoming] {
	return func(yield func(mirror.Incoming) bool) {
		for in := range batch {
			v := m.fault.effect()
			if v == stopNow {
				return
			}
			if v == cutHere {
				in.Body.Reader = &cutReader{io.LimitReader(in.Body.Reader, in.Body.Octets/2), m.fault}
			}
			if !yield(in) || v != goOn {
				return
			}
		}
	}
}

// cutReader ends with the fault's error in place of io.EOF.
type cutReader struct {
	inner io.Reader
	fault *Fault
}

func (r *cutReader) Read(p []byte) (int, error) {
	n, err := r.inner.Read(p)
	if err == io.EOF {
		err = r.fault.err()
	}
	return n, err
}

func (m *faultyMailbox) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	return each(m.fault, changes, func(part []mirror.FlagChange) ([]mirror.Stored, error) { return m.inner.Store(ctx, part) })
}

func (m *faultyMailbox) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	return each(m.fault, moves, func(part []mirror.Move) ([]mirror.Moved, error) { return m.inner.Move(ctx, part, target) })
}

// Copy counts each message. Stopped inside one, it has a copy with the flags of its
// donor.
func (m *faultyMailbox) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	bare, n := false, 0
	for range copies {
		v := m.fault.effect()
		if v != stopNow {
			n++
		}
		if bare = v == cutHere; v != goOn {
			break
		}
	}
	if n == 0 && len(copies) > 0 {
		return nil, m.fault.err()
	}
	h, ours := m.inner.(*handle)
	if bare && !ours {
		bare, n = false, n-1
	}
	whole := copies[:n]
	if bare {
		whole = copies[:n-1]
	}
	results, err := m.inner.Copy(ctx, whole, target)
	if bare && err == nil {
		_, err = h.copyAll(ctx, copies[n-1:n], target, false)
	}
	if stopped := m.fault.err(); stopped != nil {
		return nil, stopped
	}
	return results, err
}

func (m *faultyMailbox) Remove(ctx context.Context, refs []mirror.Ref, keep bool) ([]mirror.Removed, error) {
	return each(m.fault, refs, func(part []mirror.Ref) ([]mirror.Removed, error) { return m.inner.Remove(ctx, part, keep) })
}

// State wraps s.
func (f *Fault) State(s mirror.State) mirror.State { return &faultyState{s, f} }

type faultyState struct {
	inner mirror.State
	fault *Fault
}

func (s *faultyState) Load() (snapshot mirror.Snapshot, err error) {
	err = s.fault.read(func() (err error) { snapshot, err = s.inner.Load(); return })
	return snapshot, err
}

func (s *faultyState) Messages(side mirror.Side, mailbox mirror.Name) (list []mirror.Message, err error) {
	err = s.fault.read(func() (err error) { list, err = s.inner.Messages(side, mailbox); return })
	return list, err
}

func (s *faultyState) Records(mailbox mirror.Name) (list []mirror.Record, err error) {
	err = s.fault.read(func() (err error) { list, err = s.inner.Records(mailbox); return })
	return list, err
}

func (s *faultyState) Rows(side mirror.Side, mailbox mirror.Name) (count int, last mirror.UID, err error) {
	err = s.fault.read(func() (err error) { count, last, err = s.inner.Rows(side, mailbox); return })
	return count, last, err
}

func (s *faultyState) Known(side mirror.Side, mailbox mirror.Name) (list []mirror.KnownMessage, err error) {
	err = s.fault.read(func() (err error) { list, err = s.inner.Known(side, mailbox); return })
	return list, err
}

func (s *faultyState) MessagesIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) (list []mirror.Message, err error) {
	err = s.fault.read(func() (err error) { list, err = s.inner.MessagesIn(side, mailbox, set); return })
	return list, err
}

func (s *faultyState) RecordsIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) (list []mirror.Record, err error) {
	err = s.fault.read(func() (err error) { list, err = s.inner.RecordsIn(side, mailbox, set); return })
	return list, err
}

func (s *faultyState) Alike(side mirror.Side, m mirror.Message) (list []mirror.Record, err error) {
	err = s.fault.read(func() (err error) { list, err = s.inner.Alike(side, m); return })
	return list, err
}

func (s *faultyState) Counts() (counts map[mirror.Name]int, err error) {
	err = s.fault.read(func() (err error) { counts, err = s.inner.Counts(); return })
	return counts, err
}

func (s *faultyState) Commit(changes *mirror.Changes) error {
	if changes.Empty() {
		return s.fault.read(func() error { return s.inner.Commit(changes) })
	}
	return s.fault.do(func() error { return s.inner.Commit(changes) })
}

// CommitLate does all when it is awaited, as late as a state may be.
func (s *faultyState) CommitLate(changes *mirror.Changes) (wait func() error) {
	return func() error { return s.Commit(changes) }
}
