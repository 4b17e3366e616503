package mirrortest

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

func (h *handle) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	b, err := h.begin(ctx, OpStore)
	if err != nil {
		return nil, err
	}
	defer h.server().mu.Unlock()
	var results []mirror.Stored
	for _, change := range changes {
		result := mirror.Stored{Ref: change.Ref}
		if m := h.see(b, change.Ref); m == nil {
			result.Err = h.wrap(mirror.ErrGone)
		} else {
			result.Flags, result.Err = h.store(b, m, change)
		}
		results = append(results, result)
	}
	return results, nil
}

func (h *handle) store(b *box, m *message, change mirror.FlagChange) (mirror.Flags, error) {
	h.note(OpStore, change.Ref)
	o := h.options()
	m.flags = m.flags.Union(o.stored(change.Add)).Minus(o.keeps().Only(change.Remove))
	h.server().touch(b)
	if missing := change.Add.Minus(m.flags); !missing.Empty() {
		return m.flags, h.wrap(fmt.Errorf("%w: %s", mirror.ErrFlagRefused, missing))
	}
	if left := change.Remove.Intersect(m.flags); !left.Empty() {
		return m.flags, h.wrap(fmt.Errorf("%w: %s stays", mirror.ErrFlagRefused, left))
	}
	return m.flags, nil
}

func (h *handle) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	b, err := h.begin(ctx, OpMove)
	if err != nil {
		return nil, err
	}
	s := h.server()
	defer s.mu.Unlock()
	to, err := s.box(target)
	if err == nil && to == b {
		err = fmt.Errorf("%w: onto itself", mirror.ErrDenied)
	}
	if err != nil {
		return nil, h.wrap(fmt.Errorf("move: %w", err))
	}
	var results []mirror.Moved
	for _, move := range moves {
		m := h.see(b, move.Ref)
		if m == nil {
			results = append(results, mirror.Moved{From: move.Ref, Err: h.wrap(refused(mirror.ErrGone))})
			continue
		}
		s.log = append(s.log, Command{OpMove, h.name, move.Ref, target})
		results = append(results, h.move(b, m, move, to))
	}
	return results, nil
}

func (h *handle) move(b *box, m *message, move mirror.Move, to *box) mirror.Moved {
	s, result := h.server(), mirror.Moved{From: move.Ref}
	if s.options.Maildir {
		if move.Reserved.Base == "" || to.byBase(move.Reserved.Base) != nil {
			result.Err = h.wrap(refused(fmt.Errorf("%w: file %q", mirror.ErrRefused, move.Reserved.Base)))
			return result
		}
		s.remove(b, m)
		m.base = move.Reserved.Base
		s.add(to, m)
		result.To = move.Reserved
		return result
	}
	if s.options.NoMove && s.options.NoUIDPlus {
		double := *m
		s.add(to, &double)
		result.Pending = true
		return result
	}
	s.remove(b, m)
	s.add(to, m)
	if !s.options.NoUIDPlus {
		result.To.UID = m.id
	}
	return result
}

func (s *Server) markDeleted(b *box, m *message) {
	m.flags = m.flags.Union(mirror.MakeFlags(imap.FlagDeleted))
	s.touch(b)
}

// Remove looks past a stale view: to say of a message that it is removed while
// it is only not seen would lose it.
func (h *handle) Remove(ctx context.Context, refs []mirror.Ref, keep bool) ([]mirror.Removed, error) {
	b, err := h.begin(ctx, OpRemove)
	if err != nil {
		return nil, err
	}
	s := h.server()
	defer s.mu.Unlock()
	var results []mirror.Removed
	for _, ref := range refs {
		result := mirror.Removed{Ref: ref}
		if m := h.find(b, ref); m != nil {
			h.note(OpRemove, ref)
			if s.options.NoUIDPlus && !s.options.Maildir {
				s.markDeleted(b, m)
				result.Pending = true
			} else {
				if keep && s.options.Maildir {
					s.undo = append(s.undo, s.entry(m))
				}
				s.remove(b, m)
			}
		}
		results = append(results, result)
	}
	return results, nil
}
