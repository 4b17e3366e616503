package mirrortest

import (
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// The methods in this file are what other clients, other programs and the
// server's operator do. They leave no trace in Log. Numbers are those that
// Deliver returned: the UIDs of an IMAP-like store, known to nobody else in a
// Maildir-like one. A mailbox or message that is not there is a mistake of the
// test: they panic.

// Repository returns a new session, not connected yet.
func (s *Server) Repository() mirror.Repository { return &session{server: s} }

// hand calls act on a mailbox under the lock.
func (s *Server) hand(name mirror.Name, act func(*box)) {
	s.lock()
	defer s.mu.Unlock()
	b, err := s.box(name)
	if err != nil {
		panic(err)
	}
	act(b)
}

// handOn calls act on one message under the lock, and notes a change.
func (s *Server) handOn(name mirror.Name, id imap.UID, act func(*message)) {
	s.hand(name, func(b *box) {
		act(b.must(id))
		s.touch(b)
	})
}

func (b *box) must(id imap.UID) *message {
	m := b.byID(id)
	if m == nil {
		panic(fmt.Sprintf("no message %d in mailbox %q", id, b.name.String()))
	}
	return m
}

// Deliver puts a message into a mailbox, byte for byte, and returns its
// number. A Maildir-like store takes body as the file's content.
func (s *Server) Deliver(name mirror.Name, body []byte, flags mirror.Flags, date time.Time) (id imap.UID) {
	m := &message{body: slices.Clone(body), flags: s.options.stored(flags), date: wholeSeconds(date)}
	s.hand(name, func(b *box) {
		s.add(b, m)
		id = m.id
	})
	return id
}

// SetFlags replaces a message's flags, without regard to what the store keeps.
func (s *Server) SetFlags(name mirror.Name, id imap.UID, flags mirror.Flags) {
	act := func(m *message) { m.flags = flags }
	if s.options.Untrue {
		s.hand(name, func(b *box) { act(b.must(id)) })
		return
	}
	s.handOn(name, id, act)
}

// Move moves a message and returns its new number. In a Maildir-like store its
// base name stays.
func (s *Server) Move(from mirror.Name, id imap.UID, to mirror.Name) (moved imap.UID) {
	s.hand(from, func(b *box) {
		target, err := s.box(to)
		if err != nil {
			panic(err)
		}
		m := b.must(id)
		s.remove(b, m)
		s.add(target, m)
		moved = m.id
	})
	return moved
}

// Copy makes a copy of a message in another mailbox, or in the same one, with its flags,
// date and object id, and returns its number.
func (s *Server) Copy(from mirror.Name, id imap.UID, to mirror.Name) (copied imap.UID) {
	var date time.Time
	s.hand(from, func(b *box) { date = b.must(id).date })
	return s.CopyDated(from, id, to, date)
}

// CopyDated is Copy with another date.
func (s *Server) CopyDated(from mirror.Name, id imap.UID, to mirror.Name, date time.Time) (copied imap.UID) {
	s.hand(from, func(b *box) {
		target, err := s.box(to)
		if err != nil {
			panic(err)
		}
		double := *b.must(id)
		double.date = wholeSeconds(date)
		double.base, double.hidden, double.hollow = "", false, 0
		s.add(target, &double)
		copied = double.id
	})
	return copied
}

// Remove takes a message away for good.
func (s *Server) Remove(name mirror.Name, id imap.UID) {
	s.hand(name, func(b *box) { s.remove(b, b.must(id)) })
}

// Rebase gives a message another base name, as Maildir programs may.
func (s *Server) Rebase(name mirror.Name, id imap.UID) {
	s.handOn(name, id, func(m *message) { m.base = s.newBase() })
}

// Hide makes listings leave a message out, or show it again, while it is there
// all the time: the server's listing is wrong, a search is not.
func (s *Server) Hide(name mirror.Name, id imap.UID, on bool) {
	s.handOn(name, id, func(m *message) { m.hidden = on })
}

// Hollow makes the next reads of a message find an empty body.
func (s *Server) Hollow(name mirror.Name, id imap.UID, reads int) {
	s.hand(name, func(b *box) { b.must(id).hollow = reads })
}

// CreateMailbox makes a mailbox; one that is there only gets the role.
func (s *Server) CreateMailbox(name mirror.Name, role mirror.Role) {
	s.lock()
	defer s.mu.Unlock()
	s.makeBox(name).role = role
}

// DeleteMailbox takes a mailbox away with all that it holds.
func (s *Server) DeleteMailbox(name mirror.Name) {
	s.hand(name, func(*box) { delete(s.boxes, name) })
}

// RenameMailbox gives a mailbox another name. It keeps its UIDVALIDITY and its
// UIDs (RFC 9051 §6.3.6).
func (s *Server) RenameMailbox(from, to mirror.Name) {
	s.hand(from, func(*box) { s.rename(from, to) })
}

func (s *Server) rename(from, to mirror.Name) {
	b := s.boxes[from]
	s.makeBox(to)
	delete(s.boxes, from)
	b.name = to
	s.boxes[to] = b
	s.touch(b)
}

// Has reports whether there is a mailbox that holds messages.
func (s *Server) Has(name mirror.Name) bool {
	s.lock()
	defer s.mu.Unlock()
	_, err := s.box(name)
	return err == nil
}

// Subscribe sets or clears a subscription.
func (s *Server) Subscribe(name mirror.Name, on bool) {
	s.hand(name, func(b *box) { b.subscribed = on })
}

// Renumber numbers the messages of a mailbox anew from 1, under validity,
// which may be any number: larger, smaller, or the one before, which makes
// UIDNEXT go back.
func (s *Server) Renumber(name mirror.Name, validity uint32) {
	s.hand(name, func(b *box) { s.renumber(b, validity) })
}

// Rewind numbers the messages of a mailbox anew from 1 under the UIDVALIDITY that
// it has, so that UIDNEXT goes back. Before UIDNEXT is where it was, UIDVALIDITY
// changes: from then on no client could tell that UIDs were given out twice
// (which RFC 9051 §2.3.1.1 forbids).
func (s *Server) Rewind(name mirror.Name) {
	s.hand(name, func(b *box) {
		ceiling := max(b.ceiling, b.next)
		s.renumber(b, b.validity)
		if b.next < ceiling {
			b.ceiling = ceiling
		}
	})
}

// Rewound reports whether a mailbox was rewound and has its UIDVALIDITY still.
func (s *Server) Rewound(name mirror.Name) (rewound bool) {
	s.hand(name, func(b *box) { rewound = b.ceiling > 0 })
	return rewound
}

// RefuseName puts a name into every listing that cannot be mirrored.
func (s *Server) RefuseName(raw string) {
	s.lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, mirror.RefusedName{Raw: raw, Err: mirror.ErrName})
}

// SetIdentity makes the store somebody else's.
func (s *Server) SetIdentity(identity string) {
	s.lock()
	defer s.mu.Unlock()
	s.identity = identity
}

// SetRootMissing takes a Maildir's root away, as an unmounted disk does, or
// brings it back with all that it held.
func (s *Server) SetRootMissing(missing bool) {
	s.lock()
	defer s.mu.Unlock()
	s.missing = missing
}

// SetDown makes every call of every session fail with err, until it is nil.
func (s *Server) SetDown(err error) {
	s.lock()
	defer s.mu.Unlock()
	s.down = err
}

// CutAppend lets skip more messages be appended and cuts the connection before
// the answer to the next one: its Append returns the results up to there and
// ErrCut, its session is of no more use, and the message has the given fate.
// With a negative skip nothing is cut.
func (s *Server) CutAppend(skip int, fate Fate) {
	s.lock()
	defer s.mu.Unlock()
	s.cut = &cut{skip: skip, fate: fate}
}

// DropNext makes the next n appended messages be announced and thrown away.
func (s *Server) DropNext(n int) {
	s.lock()
	defer s.mu.Unlock()
	s.drops = n
}

// wholeSeconds is a time as INTERNALDATE keeps it, in UTC.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// Inbox is nametrans.Inbox, at hand for tests.
const Inbox = nametrans.Inbox
