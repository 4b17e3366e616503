package mirror

import (
	"fmt"
	"time"
)

// Direction says towards which sides a kind of change may travel.
type Direction uint8

// Directions; the zero value allows nothing.
const (
	None   Direction = 0
	ToFar  Direction = 1 << Far
	ToNear Direction = 1 << Near
	Both             = ToFar | ToNear
)

// Towards is the direction that allows changes of side to only.
func Towards(to Side) Direction { return 1 << to }

// Allows reports whether changes may be made on side to.
func (d Direction) Allows(to Side) bool { return d&Towards(to) != 0 }

// Mode is how the two sides relate.
type Mode uint8

const (
	// TwoWay lets changes of both sides travel.
	TwoWay Mode = iota
	// OneWayMirror makes the target like the source: flags are reset and
	// departures refilled.
	OneWayMirror
	// OneWayCopy carries new mail only; later changes on the target stay.
	OneWayCopy
)

// Deletions is what a removal does to a message.
type Deletions uint8

const (
	// DeleteToTrash moves it to \Trash, or to the undo store.
	DeleteToTrash Deletions = iota
	// DeleteForGood expunges or unlinks it.
	DeleteForGood
	// DeleteNothing never removes.
	DeleteNothing
)

// Policy is what a pair is set to do. The zero value changes nothing.
type Policy struct {
	Mode Mode
	// Target is the side that is changed; in TwoWay it means nothing.
	Target Side
	// New, Flags and Gone concern messages, Create and Remove mailboxes. Remove lets a
	// mailbox that a side does not have any more be emptied on the other one, message
	// by message as Gone has it, and be removed then.
	New, Flags, Gone, Create, Remove Direction
	// RemoveExtra removes unpaired mail of the target (OneWayMirror only).
	RemoveExtra bool
	Deletions   Deletions
	// Window bounds what is copied.
	Window Window
	// Search bounds what is copied from the far side, which must be one that can search.
	Search Criteria
	// Prune takes copies off the near side that left the window by time or place. It
	// is never followed on the far side, nor is any other departure of such a copy.
	Prune bool
	// Settle is how long after a reconnection a server may still finish an
	// APPEND that was cut.
	Settle time.Duration
}

// Window is which messages are copied that the other side does not have. It is a way of
// looking: what was copied is kept in step like any other message, what leaves the
// window is never removed for that, and what enters it later is copied. The zero value
// is all messages.
type Window struct {
	// Age, Since and Before bound the INTERNALDATE: not older than Age, not before
	// Since, before Before. A message of which no date is known is in.
	Age           time.Duration
	Since, Before time.Time
	// MaxSize is the largest in octets, as the side tells sizes.
	MaxSize int64
	// Last is how many of a mailbox's newest messages, by UID, are in.
	Last int
}

// holds reports whether a message is in the window, but for Last.
func (w Window) holds(m Message) bool {
	return w.covers(m) && (w.MaxSize == 0 || m.Size <= w.MaxSize)
}

// covers reports whether a message is in the window by time.
func (w Window) covers(m Message) bool {
	return m.Date.IsZero() || !m.Date.Before(w.Since) && (w.Before.IsZero() || m.Date.Before(w.Before))
}

// at turns Age into Since.
func (w Window) at(now time.Time) Window {
	if since := now.Add(-w.Age); w.Age > 0 && since.After(w.Since) {
		w.Since = since
	}
	return w
}

// NewPolicy returns the defaults of mode. target is ignored in TwoWay.
func NewPolicy(mode Mode, target Side) Policy {
	p := Policy{Mode: mode, Target: target, Settle: time.Minute}
	switch mode {
	case TwoWay:
		p.New, p.Flags, p.Gone, p.Create = Both, Both, Both, Both
	case OneWayMirror:
		to := Towards(target)
		p.New, p.Flags, p.Gone, p.Create = to, to, to, to
	case OneWayCopy:
		p.New, p.Create = Towards(target), Towards(target)
	}
	return p
}

// Settings names everything in the policy that decides what travels.
func (p Policy) Settings() string {
	p.Settle = 0
	return fmt.Sprintf("%+v", p)
}

// Writes reports whether any change of side is allowed at all.
func (p Policy) Writes(side Side) bool {
	return (p.New | p.Flags | p.Gone | p.Create | p.Remove).Allows(side)
}

// resets reports whether side's own changes are undone.
func (p Policy) resets(side Side) bool { return p.Mode == OneWayMirror && side == p.Target }
