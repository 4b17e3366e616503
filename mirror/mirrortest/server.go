package mirrortest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Server is a mail store in memory. It survives the sessions on it, as a
// server survives its connections. It has an INBOX from the start.
//
// Every method may be called at any time by any goroutine.
type Server struct {
	options Options

	mu       sync.Mutex
	boxes    map[mirror.Name]*box
	refused  []mirror.RefusedName
	identity string
	missing  bool  // the Maildir's root is away
	down     error // what every call answers while set
	changes  uint64
	names    int // base names and object IDs given out
	validity uint32
	log      []Command
	undo     []Entry
	cut      *cut
	drops    int // so many appends to come are announced and dropped
}

// cut is an armed interruption of an Append.
type cut struct {
	skip int
	fate Fate
}

// box is a mailbox.
type box struct {
	name       mirror.Name
	role       mirror.Role
	subscribed bool
	noSelect   bool
	validity   uint32
	next       imap.UID
	ceiling    imap.UID   // where next was before it went back; 0: it never did
	stamp      uint64     // of the last change
	messages   []*message // ascending id
	late       []lateMessage
}

// message is one message of a box. Its body is never written to.
type message struct {
	id     imap.UID // the UID; a Maildir-like store does not tell it
	base   string
	body   []byte // as stored
	flags  mirror.Flags
	date   time.Time
	object string
	hidden bool // listings leave it out
	hollow int  // so many reads to come find an empty body
}

// lateMessage is one whose Append was cut and that appears later.
type lateMessage struct {
	due     time.Time
	message *message
}

// firstValidity is where UIDVALIDITY starts: above what tests write by hand.
const firstValidity = 1000

// NewServer returns a store that holds an empty INBOX.
func NewServer(options Options) *Server {
	s := &Server{options: options, boxes: map[mirror.Name]*box{}, identity: options.identity(), validity: firstValidity}
	s.makeBox(nametrans.Inbox)
	return s
}

// lock takes the lock and lets appear what is due.
func (s *Server) lock() {
	s.mu.Lock()
	now := s.options.now()
	for _, name := range slices.Sorted(maps.Keys(s.boxes)) {
		b := s.boxes[name]
		slices.SortStableFunc(b.late, func(x, y lateMessage) int { return x.due.Compare(y.due) })
		for len(b.late) > 0 && !b.late[0].due.After(now) {
			s.add(b, b.late[0].message)
			b.late = b.late[1:]
		}
	}
}

// makeBox returns the mailbox called name, made if need be, with its parents
// as names that hold no messages.
func (s *Server) makeBox(name mirror.Name) *box {
	if parent := name.Parent(); parent != "" && s.boxes[parent] == nil {
		s.makeBox(parent).noSelect = true
	}
	b := s.boxes[name]
	if b == nil {
		s.validity++
		b = &box{name: name, validity: s.validity, next: 1}
		if s.options.Maildir {
			b.validity = 1
		}
		s.boxes[name] = b
		s.touch(b)
	}
	b.noSelect = false
	return b
}

// box returns a mailbox that holds messages, or ErrNoMailbox.
func (s *Server) box(name mirror.Name) (*box, error) {
	b := s.boxes[name]
	if b == nil || b.noSelect {
		return nil, fmt.Errorf("%w: %q", mirror.ErrNoMailbox, name.String())
	}
	return b, nil
}

// touch notes a change.
func (s *Server) touch(b *box) {
	s.changes++
	b.stamp = s.changes
}

// add numbers m and puts it into b.
func (s *Server) add(b *box, m *message) {
	m.id = s.number(b)
	if s.options.Maildir && m.base == "" {
		m.base = s.newBase()
	}
	if s.options.ObjectIDs && m.object == "" {
		s.names++
		m.object = fmt.Sprintf("M%d", s.names)
	}
	b.messages = append(b.messages, m)
	s.touch(b)
}

// number gives out the next UID. See Rewind for the ceiling.
func (s *Server) number(b *box) imap.UID {
	if b.ceiling > 0 && s.after(b.next) >= b.ceiling {
		s.renumber(b, b.validity+1)
	}
	id := b.next
	b.next = s.after(id)
	return id
}

// after is UIDNEXT once id was given out.
func (s *Server) after(id imap.UID) imap.UID {
	if id%3 == 0 {
		return id + 1 + imap.UID(s.options.Gap)
	}
	return id + 1
}

// renumber gives the messages of b the first UIDs under validity.
func (s *Server) renumber(b *box, validity uint32) {
	b.validity, b.next, b.ceiling = validity, 1, 0
	for _, m := range b.messages {
		m.id = s.number(b)
	}
	s.touch(b)
}

func (s *Server) newBase() string {
	s.names++
	return fmt.Sprintf("1700000000.M%dP1.memory", s.names)
}

// shown returns the messages that a listing shows, ascending.
func (s *Server) shown(b *box) []*message {
	var list []*message
	for _, m := range b.messages {
		if !m.hidden {
			list = append(list, m)
		}
	}
	if w := s.options.Window; w > 0 && len(list) > w {
		list = list[len(list)-w:]
	}
	return list
}

// checkpoint is what a status of b says.
func (s *Server) checkpoint(b *box) mirror.Checkpoint {
	if s.options.Maildir {
		return mirror.Checkpoint{UIDValidity: b.validity, Stamps: fmt.Sprintf("change %d", b.stamp)}
	}
	c := mirror.Checkpoint{UIDValidity: b.validity, UIDNext: b.next, HighestModSeq: b.stamp, Messages: uint32(len(s.shown(b)))}
	if s.options.NoModSeq {
		c.HighestModSeq = 0
	}
	return c
}

// octets counts what the store holds.
func (s *Server) octets() int64 {
	var n int64
	for _, b := range s.boxes {
		for _, m := range b.messages {
			n += int64(len(m.body))
		}
	}
	return n
}

// size is what the store announces of a message, in octets with CRLF.
func (s *Server) size(m *message) int64 {
	body := m.travel(s.options.Maildir)
	if s.options.Announce != nil {
		return s.options.Announce(body)
	}
	return int64(len(body))
}

// remove takes m out of b.
func (s *Server) remove(b *box, m *message) {
	b.messages = slices.DeleteFunc(b.messages, func(other *message) bool { return other == m })
	s.touch(b)
}

// byID finds a message by the number that Deliver returned; nil is none.
func (b *box) byID(id imap.UID) *message {
	i, found := slices.BinarySearchFunc(b.messages, id, func(m *message, id imap.UID) int { return cmp.Compare(m.id, id) })
	if !found {
		return nil
	}
	return b.messages[i]
}

// byBase finds a message by its base name; nil is none.
func (b *box) byBase(base string) *message {
	for _, m := range b.messages {
		if m.base == base {
			return m
		}
	}
	return nil
}
