package mirror

// EventKind says what an Event tells.
type EventKind uint8

const (
	// Connected: Side is ready.
	Connected EventKind = iota + 1
	// Viewing: Side's Mailbox is being read.
	Viewing
	// Comparing: Count messages of Side's Mailbox are read to be told apart.
	Comparing
	// Planned: Count messages with Octets octets in all will be copied.
	Planned
	// Transferred: Octets more octets of a body have passed.
	Transferred
	// Done: Action was carried out.
	Done
	// Failed: Problem was met; the run goes on.
	Failed
	// Settling: the run waits for uncertain copies; Text says how long.
	Settling
	// Noted: Text is for the user.
	Noted
)

// Event is progress of a run. Which fields are filled depends on Kind.
type Event struct {
	Kind    EventKind
	Side    Side
	Mailbox Name
	Count   int
	Octets  int64
	Text    string
	Action  *Action
	Problem *Problem
}
