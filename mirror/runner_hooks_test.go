package mirror_test

import (
	"context"
	"iter"
	"sync"

	"mailtwin/mirror"
)

// hooks stand between a runner and one side; a nil hook passes the call on.
type hooks struct {
	connect  func(context.Context, mirror.Traits, error) (mirror.Traits, error)
	list     func(*mirror.Listing)
	create   func(mirror.Name) error
	open     func(mirror.Name) error
	view     func(mirror.Name, *mirror.View) error
	absent   func(mirror.Name) error
	identify func(mirror.Name, []mirror.Identified) ([]mirror.Identified, error)
	fetch    func(mirror.Body) (mirror.Body, error)
	append   func(mirror.Name, context.Context, mirror.Mailbox, iter.Seq[mirror.Incoming]) ([]mirror.Appended, error)
	store    func(mirror.Name, []mirror.Stored) []mirror.Stored
	move     func(mirror.Name, []mirror.Move) ([]mirror.Moved, error, bool)
	copy     func(mirror.Name, []mirror.Copying) ([]mirror.Copied, error, bool)
	remove   func(mirror.Name, []mirror.Ref) ([]mirror.Removed, error, bool)

	mu             sync.Mutex
	connects       int
	closes         int
	viewed, opened map[mirror.Name]int
}

func (h *hooks) count(m *map[mirror.Name]int, name mirror.Name) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if *m == nil {
		*m = map[mirror.Name]int{}
	}
	(*m)[name]++
}

type hookedRepository struct {
	mirror.Repository
	h *hooks
}

type hookedMailbox struct {
	mirror.Mailbox
	h    *hooks
	name mirror.Name
}

// hook puts h between the runner and side s.
func (p *pair) hook(s mirror.Side, h *hooks) {
	before := p.wrap
	p.wrap = func(side mirror.Side, r mirror.Repository) mirror.Repository {
		if before != nil {
			r = before(side, r)
		}
		if side != s {
			return r
		}
		return &hookedRepository{r, h}
	}
}

func (r *hookedRepository) Connect(ctx context.Context, visit mirror.Visit) (mirror.Traits, error) {
	r.h.mu.Lock()
	r.h.connects++
	r.h.mu.Unlock()
	t, err := r.Repository.Connect(ctx, visit)
	if r.h.connect != nil {
		return r.h.connect(ctx, t, err)
	}
	return t, err
}

func (r *hookedRepository) List(ctx context.Context, brief bool) (mirror.Listing, error) {
	l, err := r.Repository.List(ctx, brief)
	if r.h.list != nil {
		r.h.list(&l)
	}
	return l, err
}

func (r *hookedRepository) Close() error {
	r.h.mu.Lock()
	r.h.closes++
	r.h.mu.Unlock()
	return r.Repository.Close()
}

func (r *hookedRepository) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	if r.h.create != nil {
		if err := r.h.create(name); err != nil {
			return err
		}
	}
	return r.Repository.Create(ctx, name, role)
}

func (r *hookedRepository) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	r.h.count(&r.h.opened, name)
	if r.h.open != nil {
		if err := r.h.open(name); err != nil {
			return nil, err
		}
	}
	m, err := r.Repository.Open(ctx, name, access, known)
	if err != nil {
		return nil, err
	}
	return &hookedMailbox{m, r.h, name}, nil
}

func (m *hookedMailbox) View(ctx context.Context, known mirror.Known) (mirror.View, error) {
	m.h.count(&m.h.viewed, m.name)
	v, err := m.Mailbox.View(ctx, known)
	if err == nil && m.h.view != nil {
		err = m.h.view(m.name, &v)
	}
	return v, err
}

func (m *hookedMailbox) Absent(ctx context.Context, refs []mirror.Ref) ([]mirror.Ref, error) {
	if m.h.absent != nil {
		if err := m.h.absent(m.name); err != nil {
			return nil, err
		}
	}
	return m.Mailbox.Absent(ctx, refs)
}

func (m *hookedMailbox) Identify(ctx context.Context, refs []mirror.Ref, depth mirror.Depth) ([]mirror.Identified, error) {
	list, err := m.Mailbox.Identify(ctx, refs, depth)
	if err == nil && m.h.identify != nil {
		return m.h.identify(m.name, list)
	}
	return list, err
}

func (m *hookedMailbox) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	return m.Mailbox.Fetch(ctx, refs, func(b mirror.Body) error {
		if m.h.fetch != nil {
			var err error
			if b, err = m.h.fetch(b); err != nil {
				return err
			}
		}
		return sink(b)
	})
}

func (m *hookedMailbox) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) ([]mirror.Appended, error) {
	if m.h.append != nil {
		return m.h.append(m.name, ctx, m.Mailbox, batch)
	}
	return m.Mailbox.Append(ctx, batch)
}

func (m *hookedMailbox) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	list, err := m.Mailbox.Store(ctx, changes)
	if m.h.store != nil {
		list = m.h.store(m.name, list)
	}
	return list, err
}

func (m *hookedMailbox) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	if m.h.move != nil {
		if list, err, done := m.h.move(m.name, moves); done {
			return list, err
		}
	}
	return m.Mailbox.Move(ctx, moves, target)
}

func (m *hookedMailbox) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	if m.h.copy != nil {
		if list, err, done := m.h.copy(m.name, copies); done {
			return list, err
		}
	}
	return m.Mailbox.Copy(ctx, copies, target)
}

func (m *hookedMailbox) Remove(ctx context.Context, refs []mirror.Ref, keep bool) ([]mirror.Removed, error) {
	if m.h.remove != nil {
		if list, err, done := m.h.remove(m.name, refs); done {
			return list, err
		}
	}
	return m.Mailbox.Remove(ctx, refs, keep)
}

// only runs once with some mailboxes selected, and fails the test when the run
// ends other than with exit.
func (p *pair) only(exit int, which func(mirror.Name) bool) mirror.Result {
	p.t.Helper()
	result, err := p.tryOnly(which)
	if got := mirror.Exit(result, err); got != exit {
		p.t.Errorf("run: got exit %d (%v, problems %v, stops %v), want %d", got, err, result.Problems, result.Plan.Stops, exit)
	}
	p.checkState()
	return result
}
