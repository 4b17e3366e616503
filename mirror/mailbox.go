package mirror

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/nametrans"
)

// Name is a mailbox name: UTF-8 components without the personal-namespace
// prefix; INBOX is upper case. The zero value names no mailbox.
type Name = nametrans.Name

// Role is a special use (RFC 6154): `\Sent`, `\Trash`, …; "" is none.
type Role = imap.MailboxAttr

// Checkpoint is what identifies a mailbox's content at one moment. Zero values
// mean "not known".
type Checkpoint struct {
	UIDValidity   uint32
	UIDNext       imap.UID
	HighestModSeq uint64 // 0: the mailbox has no mod-sequences (RFC 7162 §3.1.2.2)
	Messages      uint32
	// Stamps is a Maildir's mark of its directories, opaque to everybody else.
	// "" means that the mailbox must be read again next time.
	Stamps string
}

// Unchanged reports whether a status of now proves that nothing happened since
// the checkpoint was taken: no message came or went and no flag changed. Equal
// stamps alone prove it; a Maildir counts nothing until it is read.
func (c Checkpoint) Unchanged(now Checkpoint) bool {
	if c.UIDValidity == 0 || c.UIDValidity != now.UIDValidity {
		return false
	}
	if c.Stamps != "" {
		return c.Stamps == now.Stamps
	}
	return c == now && c.HighestModSeq != 0 && c.UIDNext != 0
}

// Listed is one mailbox of a listing.
type Listed struct {
	Name Name
	// Origin is the name that the side itself has for the mailbox where names are
	// translated, "" where that is Name. Sides leave it out.
	Origin     Name
	Role       Role
	Subscribed bool
	// NoSelect marks a name that holds no messages (\Noselect, \NonExistent).
	NoSelect bool
	// Status is nil where the side did not say; that is unknown, not unchanged.
	// With Stamps, UIDNext and Messages may be left out.
	Status *Checkpoint
}

// Listing is the answer to Repository.List.
type Listing struct {
	Mailboxes []Listed // sorted by name, each name once
	// Refused are names that the side has and that cannot be mirrored.
	Refused []RefusedName
}

// RefusedName is a mailbox name as the side spells it, and why it is left out.
type RefusedName struct {
	Raw string
	Err error
}

// Known is what the state holds of a mailbox, handed to a side so that it can
// report what differs.
type Known struct {
	// Rows are the messages, nil where there are none.
	Rows KnownRows
	// Full asks for a complete comparison whatever the side could save, and whether
	// what it saves otherwise can be believed.
	Full bool
	// Search, where it is not nil, is asked as well. A mailbox that cannot be searched
	// for it is an error of the view.
	Search *Search
}

// KnownRows are the messages that a view is compared with. What is read of the state
// follows what a side asks for, so it should ask for no more than it needs.
type KnownRows interface {
	// Len is how many there are.
	Len() int
	// All returns all of them, in ascending UID order.
	All() ([]KnownMessage, error)
	// In returns those whose UIDs are in set, both in ascending order.
	In(set imap.UIDSet) ([]KnownMessage, error)
}

// Len is Rows.Len.
func (k Known) Len() int {
	if k.Rows == nil {
		return 0
	}
	return k.Rows.Len()
}

// All is Rows.All.
func (k Known) All() ([]KnownMessage, error) {
	if k.Rows == nil {
		return nil, nil
	}
	return k.Rows.All()
}

// In is Rows.In; it asks nothing where set is empty.
func (k Known) In(set imap.UIDSet) ([]KnownMessage, error) {
	if k.Rows == nil || len(set) == 0 {
		return nil, nil
	}
	return k.Rows.In(set)
}

// Ranges returns ascending UIDs as a set.
func Ranges(uids []UID) (set imap.UIDSet) {
	for _, uid := range uids {
		if last := len(set) - 1; last >= 0 && set[last].Stop+1 == uid {
			set[last].Stop = uid
		} else {
			set = append(set, imap.UIDRange{Start: uid, Stop: uid})
		}
	}
	return set
}

// KnownList is KnownRows in memory, in ascending UID order.
type KnownList []KnownMessage

// Len implements KnownRows.
func (l KnownList) Len() int { return len(l) }

// All implements KnownRows.
func (l KnownList) All() ([]KnownMessage, error) { return l, nil }

// In implements KnownRows.
func (l KnownList) In(set imap.UIDSet) (list []KnownMessage, err error) {
	for _, r := range set {
		i, _ := slices.BinarySearchFunc(l, r.Start, func(m KnownMessage, uid UID) int { return cmp.Compare(m.UID, uid) })
		for ; i < len(l) && l[i].UID <= r.Stop; i++ {
			list = append(list, l[i])
		}
	}
	return list, nil
}

// KnownMessage is the part of a Message that a view is compared with.
type KnownMessage struct {
	Ref
	Flags Flags
}

// View is what a side reports now, as the difference to what was known.
// A known message that stands in none of the lists is there with its known
// flags, unless Unknown says otherwise.
type View struct {
	// Checkpoint holds the values that this view shows. The executor stores it
	// once everything in the view was applied.
	Checkpoint Checkpoint
	// Renumbered says that UIDVALIDITY changed or UIDNEXT went back. All
	// messages are then in New, and nothing known means anything.
	Renumbered bool
	New        []Message // ascending UID; Flags, Size and Date are filled
	Changed    []KnownMessage
	// Gone are known messages that this view does not show: the first of two
	// proofs. Mailbox.Absent gives the second.
	Gone []Ref
	// Unknown are known messages that this view can neither show nor deny.
	Unknown []Ref
	// Total counts the messages shown.
	Total int
	// Selected is the number of messages that opening the mailbox announced, 0
	// where that is not known; Total may hold later arrivals.
	Selected int
	// Keeps says which flags the mailbox can store.
	Keeps Storable
	// Full says that all messages and all flags were read: nothing in this view
	// rests on what the side says to have changed.
	Full bool
	// Caught says, in words, what the side told that was not true; "" where nothing
	// is known. It is not believed from the next visit on.
	Caught string
	// Found are the messages that Known.Search found, of those that it asked about, in
	// ascending order.
	Found []UID
}

// Storable says which flags a mailbox can store (PERMANENTFLAGS, RFC 9051
// §7.1). The zero value stores nothing.
type Storable struct {
	Flags Flags // these by name
	Any   bool  // and any new keyword (\*)
}

// Storable flags of a mailbox without limits.
func AllFlags() Storable {
	return Storable{MakeFlags(`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`), true}
}

// Only returns the part of f that the mailbox can store.
func (s Storable) Only(f Flags) Flags {
	if s.Any {
		return Flags{system: f.system & s.Flags.system, keywords: f.keywords}
	}
	return f.Intersect(s.Flags)
}
