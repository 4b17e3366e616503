package mirror

// Side is one end of a pair. Code is symmetric and indexes by Side.
type Side uint8

// The two sides. Far is usually the server, near the laptop; nothing depends
// on that.
const (
	Far Side = iota
	Near
)

// Sides lists both, in the order in which they are always visited.
var Sides = [2]Side{Far, Near}

// Other returns the opposite side.
func (s Side) Other() Side { return 1 - s }

// String returns "far" or "near".
func (s Side) String() string {
	if s == Far {
		return "far"
	}
	return "near"
}
