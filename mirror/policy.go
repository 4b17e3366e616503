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
	// New, Flags and Gone concern messages, Create mailboxes.
	New, Flags, Gone, Create Direction
	// RemoveExtra removes unpaired mail of the target (OneWayMirror only).
	RemoveExtra bool
	Deletions   Deletions
	// Settle is how long after a reconnection a server may still finish an
	// APPEND that was cut.
	Settle time.Duration
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
	return (p.New | p.Flags | p.Gone | p.Create).Allows(side)
}

// resets reports whether side's own changes are undone.
func (p Policy) resets(side Side) bool { return p.Mode == OneWayMirror && side == p.Target }
