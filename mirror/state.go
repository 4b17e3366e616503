package mirror

import (
	"time"

	"github.com/emersion/go-imap/v2"
)

// State remembers what was paired. One run uses it at a time, under a lock
// that is taken before any network traffic.
//
// Losing the state loses no mail: a run with an empty state pairs both sides
// by content.
type State interface {
	// Load returns everything but messages and records.
	Load() (Snapshot, error)
	// Messages returns the messages of a mailbox on a side in ascending UID
	// order.
	Messages(side Side, mailbox Name) ([]Message, error)
	// Records returns the records of a mailbox in ascending far UID order.
	Records(mailbox Name) ([]Record, error)
	// Rows returns how many messages a mailbox has on a side, and the highest UID
	// among them, 0 where there is none. It reads no message.
	Rows(side Side, mailbox Name) (count int, last UID, err error)
	// Known returns what a view is compared with, of the messages of a mailbox on a
	// side, in ascending UID order.
	Known(side Side, mailbox Name) ([]KnownMessage, error)
	// MessagesIn returns those of Messages whose UIDs are in set, which is in
	// ascending order. What it costs follows what is in set.
	MessagesIn(side Side, mailbox Name, set imap.UIDSet) ([]Message, error)
	// RecordsIn returns the records of a mailbox whose UIDs on a side are in set,
	// which is in ascending order, in ascending order of those. What it costs follows
	// what is in set.
	RecordsIn(side Side, mailbox Name, set imap.UIDSet) ([]Record, error)
	// Alike returns records whose message on a side may be the same as m: of its
	// ObjectID or, where m has none, of its size and date, if that is DonorOctets at
	// least. It may return others as well, and need not return all: MaxAlike at most.
	Alike(side Side, m Message) ([]Record, error)
	// Counts returns the number of records of each mailbox.
	Counts() (map[Name]int, error)
	// Commit makes all of changes durable, or none of them. An error means
	// that nothing was changed. Empty changes write nothing. Intents with ID 0
	// get theirs in place.
	Commit(changes *Changes) error
}

// LateCommitter is a State that can write while its user does something else.
type LateCommitter interface {
	State
	// CommitLate begins what Commit does. wait returns as Commit would, and is called
	// exactly once, before anything else is asked of the state; until then changes
	// belong to the state.
	CommitLate(changes *Changes) (wait func() error)
}

// Snapshot is the small part of the state.
type Snapshot struct {
	// Fresh says that no run has ended yet since the state was made: the first
	// run, or the one after the state was lost. It removes nothing.
	Fresh      bool
	Sides      [2]SideRow
	Mailboxes  []MailboxRow // sorted by name, then side
	Intents    []Intent     // ascending ID
	Tombs      []Tomb
	Quarantine []Quarantined
	LastRun    *RunRow // nil before the first run ended
}

// SideRow is what the state knows of a repository. The zero value: never seen.
type SideRow struct {
	Repository string // its name in the configuration
	Identity   string // Traits.Identity
	// Trash is the mailbox that removals go to, once one was chosen.
	Trash Name
	// Bytes is what the probe after the first append showed.
	Bytes BytesProbe
	// Memory is the repository's own, see Repository.Memory.
	Memory string
	// Quiet says that nothing which this side showed changed mail in the last
	// run that wrote anything.
	Quiet bool
	// Pause is how long the side was to be left alone when it asked for that last,
	// in whole seconds, and PauseUntil the end of it; zero: it never asked.
	Pause      time.Duration
	PauseUntil time.Time
}

// BytesProbe says whether a repository gives back the octets it was given.
type BytesProbe uint8

// Outcomes of the probe.
const (
	NotProbed BytesProbe = iota
	KeepsBytes
	ChangesBytes
)

// MailboxRow is a mailbox that a side has had. A row stays until the mailbox
// is removed on purpose: a missing known mailbox is not created again.
type MailboxRow struct {
	Side Side
	Name Name
	// Origin is Listed.Origin.
	Origin     Name
	Role       Role
	Subscribed bool
	Checkpoint Checkpoint
	// Compared is when a view was last full or was to be, in whole seconds; zero:
	// never.
	Compared time.Time
	// AtRest says that every record of the mailbox is at rest on the side, see
	// Record.AtRest. False is not known.
	AtRest bool
}

// Confirmation says how sure a record's copy is on a side.
type Confirmation uint8

const (
	// Confirmed: a listing showed the UID.
	Confirmed Confirmation = iota
	// Unconfirmed: APPENDUID, COPYUID or a rename announced it.
	Unconfirmed
	// Held: it was announced, a later listing did not show it, and no other
	// message is it. It is never sent again and nothing is removed for it.
	Held
	// Departed: it was confirmed, a later listing did not show it, and nothing
	// was decided on that yet, or never will be by this policy.
	Departed
	// Withheld: it departed, and a rail stopped what follows from that. Only a
	// person's word, or its return, ends that.
	Withheld
)

// shown reports whether a listing has shown the copy, be it gone since or not.
func (c Confirmation) shown() bool { return c == Confirmed || c.departed() }

// departed reports whether a copy that a listing had shown went away.
func (c Confirmation) departed() bool { return c == Departed || c == Withheld }

// Record pairs a message on the far side with one on the near side.
type Record struct {
	Mailbox Name
	UID     [2]imap.UID
	// Base is, per side, the flags the message had after the last success,
	// with Masked in it.
	Base [2]Flags
	// Masked is, per side, the flags in Base that the side cannot store.
	Masked [2]Flags
	State  [2]Confirmation
	// Altered marks a pair that was found by Message-ID, Date and From because
	// size or digest differ.
	Altered bool
}

// RecordKey names a record.
type RecordKey struct {
	Mailbox Name
	UID     [2]imap.UID
}

// AtRest reports whether nothing is left to be done about r's message on s that
// does not show in a view, whatever the policy: the base is that of the other side,
// and what the message and Masked hold together, and the copy was seen, or its UID is
// not below next, the UIDNEXT of the side's checkpoint. flags are those that the state
// knows of the message.
func (r *Record) AtRest(s Side, flags Flags, next UID) bool {
	seen := r.State[s] == Confirmed || r.State[s] == Unconfirmed && r.UID[s] >= next
	return seen && r.Base[s].Equal(r.Base[s.Other()]) && r.Base[s].Equal(flags.Union(r.Masked[s]))
}

// Key returns the record's key.
func (r Record) Key() RecordKey { return RecordKey{r.Mailbox, r.UID} }

// MessageRow is a message with its place.
type MessageRow struct {
	Side    Side
	Mailbox Name
	Message
}

// MessageKey names a message row.
type MessageKey struct {
	Side    Side
	Mailbox Name
	UID     imap.UID
}

// MailboxKey names a mailbox on a side.
type MailboxKey struct {
	Side Side
	Name Name
}

// IntentKind says which effect an intent announces.
type IntentKind uint8

const (
	// CopyIntent: the message Source of Side's mailbox is about to be appended
	// to the same mailbox on the other side.
	CopyIntent IntentKind = iota + 1
	// MoveIntent: the message moves to mailbox Target on the same side.
	MoveIntent
	// RemoveIntent: the message is about to be removed, by way of mailbox
	// Target where that is set.
	RemoveIntent
	// GhostIntent: a copy that was sent again; the first may still appear. It
	// is remembered for 30 days. Where Target is set, the source is there by now.
	GhostIntent
	// RenameIntent: Side's mailbox is about to be renamed to Target, with all that it
	// holds. There is no source. The next run settles it before it plans.
	RenameIntent
)

// Intent is a row written before an effect that cannot be repeated safely.
type Intent struct {
	ID      int64 // 0: not stored yet
	Kind    IntentKind
	Side    Side // where the source message is
	Mailbox Name
	Source  Ref
	Size    int64
	Date    time.Time
	// Target is the mailbox that receives the copy; see GhostIntent.
	Target Name
	// TargetUIDValidity and TargetUIDNext were learned in the session that
	// wrote the intent, before the effect. Candidates for the copy are UIDs
	// not below TargetUIDNext that the state does not hold.
	TargetUIDValidity uint32
	TargetUIDNext     imap.UID
	Reserved          Ref // the copy's name, where the target's side does not number
	// Accepted says that the target said OK without telling the UID.
	Accepted bool
	// Donated says that the copy is made of another message on the target's side. It
	// may have the flags of that one until they are set, which are nobody's wish.
	Donated bool
	Created time.Time
}

// goesTo returns the side and the mailbox in which the copy appears.
func (in Intent) goesTo() (Side, Name) {
	if in.Kind == CopyIntent || in.Kind == GhostIntent {
		return in.Side.Other(), in.Mailbox
	}
	return in.Side, in.Target
}

// Tomb is a message that we removed but that the side still shows, for want of
// UIDPLUS. It is never copied back and its row goes when the message does.
type Tomb struct {
	Side    Side
	Mailbox Name
	UID     imap.UID
	Since   time.Time
}

// Quarantined is a message that cannot pass. It blocks only itself.
type Quarantined struct {
	Side    Side
	Mailbox Name
	UID     imap.UID
	Reason  string // the error's text, with the server's words
	Since   time.Time
	Tries   int
	// Next is when it is tried again.
	Next time.Time
}

// RunRow is the outcome of a run that changed something.
type RunRow struct {
	Start, End time.Time
	Exit       int
	// Settings are Policy.Settings of the run. When they change, every mailbox is
	// looked into: what was not to travel may now.
	Settings string
	Summary  Summary
}

// MailboxRename gives a mailbox another name on both sides: messages, records, tombs and
// what is kept aside stay as they are, under it. Rows are those of the new name; what the
// state has of that name is dropped. No intent may be about either name.
type MailboxRename struct {
	From, To Name
	Rows     [2]MailboxRow
}

// Changes is what one transaction writes. Renames come first, and drops are carried out
// before puts; dropping what is not there is no error. Forget drops a mailbox's messages
// on that side, the records that use them, and its quarantine, tombs and
// intents, and keeps its row.
type Changes struct {
	Sides          []SideChange
	Renames        []MailboxRename
	Forget         []MailboxKey
	DropMailboxes  []MailboxKey
	DropRecords    []RecordKey
	DropMessages   []MessageKey
	DropIntents    []int64
	DropTombs      []MessageKey
	DropQuarantine []MessageKey

	Mailboxes  []MailboxRow
	Messages   []MessageRow
	Records    []Record
	Intents    []*Intent
	Tombs      []Tomb
	Quarantine []Quarantined
	Run        *RunRow
}

// SideChange replaces a side's row.
type SideChange struct {
	Side Side
	Row  SideRow
}

// Empty reports whether there is nothing to write.
func (c *Changes) Empty() bool {
	return len(c.Sides)+len(c.Renames)+len(c.Forget)+len(c.DropMailboxes)+len(c.DropRecords)+len(c.DropMessages)+
		len(c.DropIntents)+len(c.DropTombs)+len(c.DropQuarantine)+len(c.Mailboxes)+len(c.Messages)+
		len(c.Records)+len(c.Intents)+len(c.Tombs)+len(c.Quarantine) == 0 && c.Run == nil
}

// Summary counts what a run did, per side that was changed.
type Summary struct {
	Renamed [2]int   `json:"mailboxes_renamed"`
	Created [2]int   `json:"created"`
	Deleted [2]int   `json:"mailboxes_deleted"`
	Copied  [2]int   `json:"copied"`
	Octets  [2]int64 `json:"octets"`
	// Saved are the octets of copies that were made on the side itself. Copied counts
	// them, Octets does not.
	Saved   [2]int64 `json:"octets_saved"`
	Moved   [2]int   `json:"moved"`
	Flagged [2]int   `json:"flagged"`
	Removed [2]int   `json:"removed"`
	Pending [2]int   `json:"pending"`
	Paired  int      `json:"paired"`
	Fetched int      `json:"bodies_fetched_to_compare"`
	Failed  int      `json:"failed"`
	Held    int      `json:"held"`
	Ghosts  int      `json:"ghosts"`
}

// Add adds what another run did.
func (s *Summary) Add(o Summary) {
	for _, side := range Sides {
		s.Renamed[side] += o.Renamed[side]
		s.Created[side] += o.Created[side]
		s.Deleted[side] += o.Deleted[side]
		s.Copied[side] += o.Copied[side]
		s.Octets[side] += o.Octets[side]
		s.Saved[side] += o.Saved[side]
		s.Moved[side] += o.Moved[side]
		s.Flagged[side] += o.Flagged[side]
		s.Removed[side] += o.Removed[side]
		s.Pending[side] += o.Pending[side]
	}
	s.Paired += o.Paired
	s.Fetched += o.Fetched
	s.Failed += o.Failed
	s.Held += o.Held
	s.Ghosts += o.Ghosts
}
