package mirrortest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"mailtwin/mirror"
)

// Append stores one message after the other. It holds the lock only while it
// stores one: the batch may draw on the same server.
func (h *handle) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) ([]mirror.Appended, error) {
	if _, err := h.begin(ctx, OpAppend); err != nil {
		return nil, err
	}
	h.server().mu.Unlock()
	var results []mirror.Appended
	for in := range batch {
		body, err := h.receive(in.Body)
		if err != nil {
			results = append(results, mirror.Appended{Source: in.Source, Err: h.wrap(refused(err))})
			continue
		}
		result, err := h.append(ctx, in, body)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// receive reads a body to its announced end and gives it the store's form.
func (h *handle) receive(in mirror.Body) ([]byte, error) {
	reader, announced := in.Travel(), in.Size
	if h.options().Maildir && in.Form != mirror.Wire {
		reader, announced = in.Reader, in.Octets
	}
	body, err := io.ReadAll(reader)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read body: %w", err)
	case len(body) == 0:
		return nil, mirror.ErrEmptyBody
	case int64(len(body)) != announced:
		return nil, fmt.Errorf("%w: %d of %d octets", mirror.ErrShortBody, len(body), announced)
	case !h.options().Maildir && bytes.IndexByte(body, 0) >= 0:
		return nil, mirror.ErrNUL
	}
	if h.options().Alter != nil {
		body = h.options().Alter(body)
	}
	if h.options().Maildir && in.Form == mirror.Wire {
		body = toFile(body)
	}
	return body, nil
}

// append stores one message. The error means that the side is of no more use.
func (h *handle) append(ctx context.Context, in mirror.Incoming, body []byte) (mirror.Appended, error) {
	b, err := h.begin(ctx, OpAppend)
	if err != nil {
		return mirror.Appended{}, err
	}
	s := h.server()
	defer s.mu.Unlock()
	result := mirror.Appended{Source: in.Source}
	if err := h.limits(b, in, body); err != nil {
		result.Err = h.wrap(refused(err))
		return result, nil
	}
	date := in.Date
	if date.IsZero() {
		date = s.options.now()
	}
	m := &message{base: in.Reserved.Base, body: body, flags: s.options.stored(in.Flags), date: wholeSeconds(date)}
	if s.cut != nil && s.cut.skip == 0 {
		return result, h.cutOff(b, m)
	}
	if s.cut != nil {
		s.cut.skip--
	}
	result.Flags, result.Form = s.options.keeps().Only(in.Flags), m.form(s.options.Maildir)
	if s.drop(b, m) {
		m.id = s.number(b)
	} else {
		s.add(b, m)
	}
	ref := h.ref(m)
	h.note(OpAppend, ref)
	if !s.options.NoUIDPlus || s.options.Maildir {
		result.Target = ref
	}
	return result, nil
}

// limits says why the store takes no such message, or nil.
func (h *handle) limits(b *box, in mirror.Incoming, body []byte) error {
	o, size := h.options(), int64(len(body))
	switch {
	case o.MaxSize > 0 && size > o.MaxSize:
		return fmt.Errorf("%w: %d octets", mirror.ErrTooBig, size)
	case o.Quota > 0 && h.server().octets()+size > o.Quota:
		return mirror.ErrOverQuota
	case o.Maildir && in.Reserved.Base == "":
		return fmt.Errorf("%w: no name was reserved", mirror.ErrRefused)
	case o.Maildir && b.byBase(in.Reserved.Base) != nil:
		return fmt.Errorf("%w: file %q is there", mirror.ErrRefused, in.Reserved.Base)
	}
	return nil
}

// drop reports whether the store throws m away after it announced it.
func (s *Server) drop(b *box, m *message) bool {
	if s.drops > 0 {
		s.drops--
		return true
	}
	if s.options.DropsHeld {
		for _, other := range b.messages {
			if bytes.Equal(other.body, m.body) {
				return true
			}
		}
	}
	return false
}

// cutOff ends the session before the answer to an Append.
func (h *handle) cutOff(b *box, m *message) error {
	s := h.server()
	fate := s.cut.fate
	s.cut = nil
	h.session.dead = fmt.Errorf("%w: before the answer to append", mirror.ErrCut)
	if !fate.Never {
		h.note(OpAppend, mirror.Ref{Base: m.base})
		b.late = append(b.late, lateMessage{s.options.now().Add(fate.After), m})
	}
	return h.wrap(h.session.dead)
}
