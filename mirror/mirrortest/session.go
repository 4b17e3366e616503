package mirrortest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mailtwin/mirror"
)

// session is one connection to a Server.
type session struct {
	server    *Server
	access    mirror.Access
	connected bool
	away      bool  // the session ended with a listing; the next call begins another
	dead      error // what every call answers after a cut or Close
}

// begin takes the server's lock for one command; the caller gives it back
// where the error is nil.
func (c *session) begin(ctx context.Context, op Op) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	c.server.lock()
	err := c.usable(op)
	if err != nil {
		c.server.mu.Unlock()
		return fmt.Errorf("%s: %w", op, err)
	}
	if c.away {
		c.away = false
		c.note(Command{Op: OpConnect})
	}
	return nil
}

func (c *session) usable(op Op) error {
	switch {
	case c.dead != nil:
		return c.dead
	case c.server.down != nil:
		return c.server.down
	case !c.connected && op != OpConnect:
		return fmt.Errorf("%w: not connected", mirror.ErrProtocol)
	case c.access != mirror.ReadWrite && op.Writes():
		return fmt.Errorf("%w: connected read-only", mirror.ErrDenied)
	}
	return nil
}

func (c *session) note(command Command) { c.server.log = append(c.server.log, command) }

func (c *session) Connect(ctx context.Context, visit mirror.Visit) (mirror.Traits, error) {
	if err := c.begin(ctx, OpConnect); err != nil {
		return mirror.Traits{}, err
	}
	s := c.server
	defer s.mu.Unlock()
	c.note(Command{Op: OpConnect})
	if s.missing {
		if visit.Identity != "" {
			return mirror.Traits{}, mirror.ErrRootMissing
		}
		if visit.Access == mirror.ReadOnly { // looked at before it is made: empty
			c.connected, c.access = true, visit.Access
			return s.options.traits(""), nil
		}
		s.missing = false
	}
	if visit.Identity != "" && visit.Identity != s.identity {
		return mirror.Traits{}, fmt.Errorf("%w: %q, not %q", mirror.ErrOtherIdentity, s.identity, visit.Identity)
	}
	c.connected, c.access = true, visit.Access
	return s.options.traits(s.identity), nil
}

func (c *session) List(ctx context.Context, brief bool) (mirror.Listing, error) {
	if err := c.begin(ctx, OpList); err != nil {
		return mirror.Listing{}, err
	}
	s := c.server
	defer s.mu.Unlock()
	c.note(Command{Op: OpList})
	c.away = brief && !s.options.Maildir
	if s.missing {
		return mirror.Listing{}, nil
	}
	listing := mirror.Listing{Refused: slices.Clone(s.refused)}
	for _, name := range slices.Sorted(maps.Keys(s.boxes)) {
		b := s.boxes[name]
		l := mirror.Listed{Name: name, Role: b.role, Subscribed: b.subscribed, NoSelect: b.noSelect}
		if !s.options.NoListStatus && !b.noSelect {
			status := s.checkpoint(b)
			l.Status = &status
		}
		listing.Mailboxes = append(listing.Mailboxes, l)
	}
	return listing, nil
}

// Expect does nothing: what it announces is asked for when it comes.
func (c *session) Expect(context.Context, []mirror.Expected) {}

// Memory tells sessions that follow that there was one; a Maildir has none.
func (c *session) Memory() string {
	if c.server.options.Maildir {
		return ""
	}
	return "listed before"
}

func (c *session) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	if err := c.begin(ctx, OpCreate); err != nil {
		return err
	}
	s := c.server
	defer s.mu.Unlock()
	if b := s.boxes[name]; b != nil && !b.noSelect {
		return nil
	}
	c.note(Command{Op: OpCreate, Mailbox: name})
	b := s.makeBox(name)
	if !s.options.NoRoles {
		b.role = role
	}
	return nil
}

// Rename takes the mailboxes below along, as servers do.
func (c *session) Rename(ctx context.Context, from, to mirror.Name) error {
	if err := c.begin(ctx, OpRename); err != nil {
		return err
	}
	s := c.server
	defer s.mu.Unlock()
	switch b := s.boxes[from]; {
	case b == nil || b.noSelect:
		return fmt.Errorf("rename: %w: %q", mirror.ErrNoMailbox, from.String())
	case s.boxes[to] != nil:
		return fmt.Errorf("rename: %w: %q is there", mirror.ErrName, to.String())
	case from == Inbox || to == Inbox:
		return fmt.Errorf("rename: %w: INBOX is always there", mirror.ErrName)
	case s.options.NoRename:
		return fmt.Errorf("rename: %w", mirror.ErrDenied)
	}
	c.note(Command{Op: OpRename, Mailbox: from, Target: to})
	for _, name := range slices.Collect(maps.Keys(s.boxes)) {
		if name == from || name.Below(from) {
			s.rename(name, to+name[len(from):])
		}
	}
	return nil
}

func (c *session) Delete(ctx context.Context, name mirror.Name) error {
	if err := c.begin(ctx, OpDelete); err != nil {
		return err
	}
	s := c.server
	defer s.mu.Unlock()
	b := s.boxes[name]
	if b == nil {
		return nil
	}
	if name == Inbox {
		return fmt.Errorf("delete: %w: INBOX is always there", mirror.ErrName)
	}
	if len(b.messages) > 0 {
		return fmt.Errorf("delete: %w", mirror.ErrNotEmpty)
	}
	c.note(Command{Op: OpDelete, Mailbox: name})
	delete(s.boxes, name)
	return nil
}

func (c *session) Subscribe(ctx context.Context, name mirror.Name, on bool) error {
	if err := c.begin(ctx, OpSubscribe); err != nil {
		return err
	}
	defer c.server.mu.Unlock()
	b := c.server.boxes[name]
	if b == nil {
		return fmt.Errorf("subscribe: %w: %q", mirror.ErrNoMailbox, name.String())
	}
	c.note(Command{Op: OpSubscribe, Mailbox: name})
	b.subscribed = on
	return nil
}

func (c *session) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	if err := c.begin(ctx, OpOpen); err != nil {
		return nil, err
	}
	s := c.server
	defer s.mu.Unlock()
	b, err := s.box(name)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if access == mirror.ReadWrite && c.access != mirror.ReadWrite {
		return nil, fmt.Errorf("open %q: %w: connected read-only", name.String(), mirror.ErrDenied)
	}
	c.note(Command{Op: OpOpen, Mailbox: name})
	h := &handle{session: c, name: name, access: access, known: known, validity: b.validity}
	h.numbers.next = max(known.UIDNext, 1)
	h.look(b)
	return h, nil
}

// Close ends the session; the server lives on.
func (c *session) Close() error {
	c.server.lock()
	defer c.server.mu.Unlock()
	c.dead = fmt.Errorf("%w: closed", mirror.ErrCut)
	return nil
}
