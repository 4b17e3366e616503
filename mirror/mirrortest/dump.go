package mirrortest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// Entry is what two copies of a message have in common: its octets as they
// travel, its flags, its INTERNALDATE. It is comparable.
type Entry struct {
	Digest mirror.Digest // SHA-256 of the travelling octets
	Flags  string        // lower case, as mirror.Flags.String sorts them
	Date   int64         // seconds since 1970
}

func (e Entry) String() string {
	return fmt.Sprintf("%x [%s] %s", e.Digest[:4], e.Flags, time.Unix(e.Date, 0).UTC().Format(time.DateTime))
}

// NewEntry returns the entry of a message in travelling octets.
func NewEntry(body []byte, flags mirror.Flags, date time.Time) Entry {
	return Entry{sha256.Sum256(body), strings.ToLower(flags.String()), date.Unix()}
}

// SortEntries sorts list, so that equal multisets become equal slices.
func SortEntries(list []Entry) {
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(slices.Compare(a.Digest[:], b.Digest[:]), strings.Compare(a.Flags, b.Flags), cmp.Compare(a.Date, b.Date))
	})
}

// Dump returns a sorted multiset for every mailbox that holds messages or
// could: an empty mailbox has an empty slice. It shows everything that is
// stored, also what is hidden or outside the window.
func (s *Server) Dump() map[mirror.Name][]Entry {
	s.lock()
	defer s.mu.Unlock()
	all := map[mirror.Name][]Entry{}
	for name, b := range s.boxes {
		if b.noSelect {
			continue
		}
		list := []Entry{}
		for _, m := range b.messages {
			list = append(list, s.entry(m))
		}
		SortEntries(list)
		all[name] = list
	}
	return all
}

func (s *Server) entry(m *message) Entry {
	return NewEntry(m.travel(s.options.Maildir), m.flags, m.date)
}

// Undone returns what Remove kept, in the order of removal.
func (s *Server) Undone() []Entry {
	s.lock()
	defer s.mu.Unlock()
	return slices.Clone(s.undo)
}

// Held is one stored message, as Messages shows it.
type Held struct {
	ID    imap.UID // what Deliver returned
	Base  string   // in a Maildir-like store
	Body  []byte   // as stored; not to be written to
	Flags mirror.Flags
	Date  time.Time
}

// Messages returns everything that a mailbox stores, in ascending number.
func (s *Server) Messages(name mirror.Name) []Held {
	var list []Held
	s.hand(name, func(b *box) {
		for _, m := range b.messages {
			list = append(list, Held{m.id, m.base, m.body, m.flags, m.date})
		}
	})
	return list
}

// Checkpoint returns what a status of the mailbox says now.
func (s *Server) Checkpoint(name mirror.Name) (c mirror.Checkpoint) {
	s.hand(name, func(b *box) { c = s.checkpoint(b) })
	return c
}
