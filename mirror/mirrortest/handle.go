package mirrortest

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// handle is an open mailbox of a session.
type handle struct {
	session  *session
	name     mirror.Name
	access   mirror.Access
	known    mirror.Checkpoint // given to Open
	validity uint32
	status   mirror.Checkpoint
	viewed   bool
	// sight holds what the last look showed; asked only where Options.Stale.
	sight   map[*message]bool
	numbers numbers // Maildir-like only
}

// numbers counts UIDs for base names, for as long as a handle lives.
type numbers struct {
	next imap.UID
	uid  map[string]imap.UID
}

// of returns the UID of base, a new one where base has none.
func (n *numbers) of(base string) imap.UID {
	if uid, ok := n.uid[base]; ok {
		return uid
	}
	n.set(base, n.next)
	return n.uid[base]
}

// set notes what the state calls base.
func (n *numbers) set(base string, uid imap.UID) {
	if n.uid == nil {
		n.uid = map[string]imap.UID{}
	}
	n.uid[base] = uid
	n.next = max(n.next, uid+1)
}

// begin takes the lock for one command on the mailbox; the caller gives it
// back where the error is nil.
func (h *handle) begin(ctx context.Context, op Op) (*box, error) {
	if err := h.session.begin(ctx, op); err != nil {
		return nil, h.wrap(err)
	}
	b, err := h.usable(op)
	if err != nil {
		h.server().mu.Unlock()
		return nil, h.wrap(fmt.Errorf("%s: %w", op, err))
	}
	return b, nil
}

func (h *handle) usable(op Op) (*box, error) {
	b, err := h.server().box(h.name)
	switch {
	case err != nil:
		return nil, err
	case b.validity != h.validity:
		return nil, fmt.Errorf("%w: from %d to %d", mirror.ErrRenumbered, h.validity, b.validity)
	case op.Writes() && h.access != mirror.ReadWrite:
		return nil, fmt.Errorf("%w: opened read-only", mirror.ErrDenied)
	}
	return b, nil
}

func (h *handle) server() *Server   { return h.session.server }
func (h *handle) options() *Options { return &h.session.server.options }
func (h *handle) wrap(err error) error {
	return fmt.Errorf("mailbox %q: %w", h.name.String(), err)
}

func (h *handle) note(op Op, ref mirror.Ref) {
	h.session.note(Command{Op: op, Mailbox: h.name, Ref: ref})
}

// look takes in what the mailbox holds now.
func (h *handle) look(b *box) {
	h.status = h.server().checkpoint(b)
	if h.options().Maildir {
		h.status.UIDNext = h.numbers.next
	}
	h.sight = map[*message]bool{}
	for _, m := range b.messages {
		h.sight[m] = true
	}
}

// Status returns what the last look saw. A Maildir's UIDNEXT is that of the
// count.
func (h *handle) Status() mirror.Checkpoint { return h.status }

// find returns the message that ref names, also where the session's view is
// stale; nil is none.
func (h *handle) find(b *box, ref mirror.Ref) *message {
	if h.options().Maildir {
		return b.byBase(ref.Base)
	}
	return b.byID(ref.UID)
}

// see is find through the session's view.
func (h *handle) see(b *box, ref mirror.Ref) *message {
	m := h.find(b, ref)
	if h.options().Stale && !h.sight[m] {
		return nil
	}
	return m
}

// ref names m as the side does.
func (h *handle) ref(m *message) mirror.Ref {
	if h.options().Maildir {
		return mirror.Ref{UID: h.numbers.of(m.base), Base: m.base}
	}
	return mirror.Ref{UID: m.id}
}
