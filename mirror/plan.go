package mirror

// Kind is what an action does. Kinds are in the order in which actions are
// carried out.
type Kind uint8

const (
	// Rename gives Mailbox on Side the name Target, with its messages and the role and
	// subscription that Target has on the other side.
	Rename Kind = iota + 1
	// Create makes Mailbox on Side with Role, subscribed as on the other side.
	Create

	// The next ones change the state only.

	// Drop forgets a record whose message is gone on both sides, or the
	// mailbox's rows when it is gone on both (UID zero).
	Drop
	// Pair makes a record of two messages that are equal.
	Pair
	// Rebind gives a record another UID on Side: same message, new name.
	Rebind
	// Confirm notes that a listing showed the copy on Side.
	Confirm
	// Depart notes that a message is gone on Side while nothing is decided on it,
	// or while a rail withholds what was.
	Depart
	// Release forgets a record whose message is gone on Side: it left the window, our
	// doing or not, or an interrupted removal of ours took it off while the other one
	// came back. The other one stays, as a message without a record.
	Release
	// Hold notes that an announced copy on Side cannot be found.
	Hold
	// Settled drops an intent whose copy was found or whose source is gone.
	Settled
	// Wait leaves an uncertain copy to Side alone until it has settled.
	Wait
	// Ghost notes a copy on Side that the server finished after we sent it
	// again, or that an interrupted move left whose source has stayed; it is
	// reported and never propagated.
	Ghost
	// Quarantine keeps Message on the side opposite to Side from being sent.
	Quarantine

	// The next ones change mail.

	// MoveTo moves a message on Side from Mailbox to Target.
	MoveTo
	// Copy sends Message, which is on the other side, to Side.
	Copy
	// SetFlags adds and removes flags on Side.
	SetFlags
	// Remove removes a message on Side.
	Remove
	// Prune takes a copy off Side that left the window. The other message is there and
	// stays, and nothing follows from it.
	Prune
	// Delete removes Mailbox on Side, which holds no messages and is missing on the
	// other side.
	Delete
)

var kindNames = [...]string{
	Rename: "rename", Delete: "delete", Create: "create", Drop: "drop", Pair: "pair", Rebind: "rebind", Confirm: "confirm", Depart: "depart", Release: "release", Hold: "hold",
	Settled: "settled", Wait: "wait", Ghost: "ghost", Quarantine: "quarantine", MoveTo: "move",
	Copy: "copy", SetFlags: "flags", Remove: "remove", Prune: "prune",
}

// String returns the word used in plans and in JSON.
func (k Kind) String() string { return kindNames[k] }

// ChangesMail reports whether the action changes a repository.
func (k Kind) ChangesMail() bool { return k == Create || k == Rename || k >= MoveTo }

// Action is one intended change. Which fields are filled depends on Kind; UID
// holds the record's UIDs, or the one side's UID where there is no record.
type Action struct {
	Kind    Kind
	Side    Side // the side that is changed or spoken of
	Mailbox Name
	Target  Name // MoveTo, Rename
	UID     [2]UID
	// Message is the message on Side (Rebind, SetFlags, Remove, Prune, MoveTo, Ghost, and
	// a Wait in place of one of these) or on the other side (Copy, Quarantine, a
	// Wait in place of a Copy).
	Message Message
	// Partner is the message on the other side: the moved one of a MoveTo, the other
	// one of a Pair; else nil.
	Partner *Message
	// Record is what the record becomes once the action succeeded (Pair,
	// Rebind, Confirm, Depart, Hold, SetFlags, MoveTo), or what it is (Copy with
	// Again, Remove, Prune, Release).
	Record Record
	// Add and Remove are the flags of SetFlags that travel.
	Add, Remove Flags
	// Intent is the ID of the intent that Settled and Ghost end, and that Copy,
	// MoveTo, Remove and Prune replace; 0 is none.
	Intent int64
	// Again says that Copy sends a message whose partner is gone on Side: the
	// old record is replaced.
	Again bool
	// ForGood says that Remove goes past the trash: it ends a move whose copy
	// is there already.
	ForGood    bool
	Role       Role
	Subscribed bool
	// Donor, of a Copy, is a message on Side of which the copy is made there; nil: the
	// body travels.
	Donor *Donor
	// Moves are what a Rename stands for: one for each message of the mailbox.
	Moves  []Action
	Reason string
}

// Need asks for messages to be identified before the plan can be made.
type Need struct {
	Side    Side
	Mailbox Name
	Refs    []Ref
	Depth   Depth
}

// Problem is a mailbox or message that is left out, and why.
type Problem struct {
	Side    Side
	Mailbox Name
	UID     UID
	Reason  string
}

// Stop is a rail that was reached. Its actions stand in Withheld, not in
// Actions.
type Stop struct {
	Rail    Rail
	Side    Side // where mail is missing
	Mailbox Name // "" for the whole side
	Count   int  // what would be removed, or what is missing or paired
	Of      int  // of how many
}

// Rail names a brake.
type Rail string

// The rails of the design's chapter on carrying out.
const (
	RailEmptySide    Rail = "empty-side"
	RailMailboxes    Rail = "mailboxes-missing"
	RailMailbox      Rail = "mailbox-removals"
	RailSide         Rail = "side-removals"
	RailWrongAccount Rail = "wrong-account"
)

// Plan is everything that a run intends, sorted by kind, mailbox, side, UID.
type Plan struct {
	Actions  []Action
	Problems []Problem
	Stops    []Stop
	Withheld []Action
	// Token names exactly the withheld set; "" when nothing is withheld.
	Token string
	// Waiting counts uncertain copies that have not settled.
	Waiting int
	// Revisit are mailboxes in which this plan leaves something undecided until
	// its actions are done: they are to be planned again.
	Revisit []Name
	// Wide asks for a round that looks into every mailbox that changed: what is
	// not where it was sent may have been moved away.
	Wide bool
	// NextRun are mailboxes in which this run may not do what there is to do: the
	// next run is to look into them, whatever their status says.
	NextRun []Name
}

// Quiet reports whether the plan changes no mail and waits for nothing.
func (p Plan) Quiet() bool {
	for _, a := range p.Actions {
		if a.Kind.ChangesMail() {
			return false
		}
	}
	return p.Waiting == 0 && len(p.Stops) == 0
}

// Input is all that the planner knows.
type Input struct {
	Policy Policy
	// Fresh: the first run, or the one after a lost state. Nothing is removed.
	Fresh bool
	// Confirm is the token that a person gave.
	Confirm string
	// Later says that this is not the first round of a run: it sees only a part of
	// the mailboxes.
	Later bool
	// Wide says that this round looked into every mailbox that changed.
	Wide bool
	// Settled says that uncertain copies had their time.
	Settled   bool
	Sides     [2]SideInput
	Mailboxes []MailboxInput // sorted by name
}

// SideInput is what the planner knows of a side.
type SideInput struct {
	Traits Traits
	// KeepsBytes: the probe showed that the side gives back what it is given.
	KeepsBytes bool
	// ChangesBytes: it showed that the side does not.
	ChangesBytes bool
	// Trash is the mailbox that removals on the side go to; "" until one is made.
	Trash Name
	// Known counts the mailboxes with a row, Listed those of them that the
	// side lists now.
	Known, Listed int
	// Records counts the records of the pair, in all mailboxes.
	Records int
	// Shown counts the messages that the side has now, as far as it said.
	Shown int
}

// MailboxInput is one mailbox on both sides.
type MailboxInput struct {
	Name  Name
	Sides [2]MailboxSide
	// Hidden mailboxes are not mirrored; they are shown only because an
	// interrupted removal went to one.
	Hidden bool
	// Total counts the records of the mailbox. Records are those of them from which
	// something may follow.
	Total   int
	Records []RecordInput
	// First is the lowest UID of the messages that Window.Last leaves in.
	First [2]UID
	// Searched says that what is copied from a side is bounded by a search, which found
	// Found: of all other messages without a record nothing is copied.
	Searched [2]bool
	Found    [2]map[UID]bool
	// Unpaired are messages without a record and without a tomb, in ascending
	// UID order.
	Unpaired [2][]Message
	// Departed are unpaired messages that are gone while an intent to copy them
	// is open, as they were known.
	Departed [2][]Message
	// Intents are those whose source is in this mailbox, without ghosts.
	Intents []Intent
	// Ghosts are copies that were sent again, with the source as it is known.
	Ghosts []GhostInput
	// Quarantined holds unpaired messages that are not due yet.
	Quarantined [2]map[UID]bool
	// Late are those of them that are copies which came after they were sent
	// again.
	Late [2]map[UID]bool
	// Unknown holds messages, paired or not, that were neither seen nor proved
	// gone, or that could not be read.
	Unknown [2]map[UID]bool
	// Unread are messages without a record that could not be read, as they are
	// known: each may be the partner of a message on the other side.
	Unread [2][]Message
	// Half are those of them, of the ones kept aside since an earlier run, and of
	// those for which a move failed in this run, that may be the new place of a
	// message which is gone elsewhere on that side.
	Half [2][]Message
	// Tombs: some message of it is one that we removed and that is still shown.
	Tombs bool
	// Unsure says that one of Unread was never kept aside: its size and date may
	// be unknown as well, and it may be any message of the other side.
	Unsure [2]bool
}

// GhostInput is a copy that was sent again and the source it was made of, zero
// where nobody can tell any more what that was.
type GhostInput struct {
	Intent Intent
	Source Message
}

// MailboxSide is a mailbox on one side.
type MailboxSide struct {
	// Known: the state has a row. Exists: the side lists it.
	Known, Exists bool
	// Blocked is why the mailbox is left alone in this run; "" is not.
	Blocked string
	// Own is what the mailbox is called on the side itself, or would be: where names are
	// translated, that says what stands below what there.
	Own Name
	// Missing: the state knows the mailbox, and the side neither lists nor opens it.
	Missing bool
	// Anew: it is missing, and there is another one of its name. Nothing is removed for it.
	Anew bool
	// Empty says that the side shows no message in it.
	Empty bool
	// Parent: mailboxes stand below it that are not among those of the run.
	Parent bool
	// UIDValidity is that of the view or, without one, of the last checkpoint.
	UIDValidity uint32
	// Unviewed says that this round did not look into the mailbox: what is known
	// of it stands, and nothing is seen for the first time.
	Unviewed bool
	// Since is UIDNEXT of the last checkpoint: messages from it on are new since;
	// 0 is not known.
	Since      UID
	Renumbered bool
	Role       Role
	Subscribed bool
	Keeps      Storable
}

// Sight is what became of a record's message on a side.
type Sight uint8

// Sights. The zero value decides nothing.
const (
	Unknown Sight = iota
	Present
	Gone
)

// Sighting is a record's message as a side shows it.
type Sighting struct {
	Sight Sight
	// Message holds the flags of now where Sight is Present, and what the
	// state remembers elsewhere; nothing where the mailbox is missing.
	Message Message
	// Was are the flags that the state knew.
	Was Flags
}

// RecordInput is a record and what became of its two messages.
type RecordInput struct {
	Record
	Seen [2]Sighting
}
