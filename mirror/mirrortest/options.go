package mirrortest

import (
	"time"

	"mailtwin/mirror"
)

// Options say what kind of store a Server is. The zero value is a modern IMAP
// server without quirks: UIDPLUS, MOVE, mod-sequences, LIST-STATUS, any flag.
type Options struct {
	// Identity is Traits.Identity; "" stands for "ann".
	Identity string
	// Now is the clock; nil stands for time.Now.
	Now func() time.Time

	// Maildir makes the store Maildir-like: messages have base names, the side
	// does not number them (UIDs are counted from the checkpoint given to
	// Open), UIDVALIDITY is 1, a change counter serves as Stamps, Remove can
	// keep messages, and line ends are stored as LF.
	Maildir bool

	// Gap is how many UIDs are skipped after every third message.
	Gap uint32
	// NoUIDPlus: Append and Move do not tell UIDs, and Remove only marks
	// \Deleted (RFC 4315).
	NoUIDPlus bool
	// NoMove: Move copies. Together with NoUIDPlus the source stays untouched
	// and the result is pending.
	NoMove bool
	// NoRename refuses to rename mailboxes.
	NoRename bool
	// NoModSeq: HIGHESTMODSEQ is 0 everywhere.
	NoModSeq bool
	// NoListStatus: a listing holds no status.
	NoListStatus bool
	// NoRoles: Create does not set a special use.
	NoRoles bool
	// ObjectIDs: messages have an EMAILID, kept when they move or are copied.
	ObjectIDs bool

	// Keeps says which flags can be stored; nil stands for all.
	Keeps *mirror.Storable
	// Forgets are flags that are accepted and then not stored, silently.
	Forgets mirror.Flags

	// MaxSize is the largest message in octets that Append takes; 0 is no
	// limit.
	MaxSize int64
	// Quota is how many octets the store holds at most; 0 is no limit.
	Quota int64
	// Window makes every mailbox show only its newest messages; 0 shows all.
	Window int

	// Alter is applied to every appended body, in its travelling form; nil
	// keeps bytes.
	Alter func(body []byte) []byte
	// Announce gives the size that the store reports of a body, in octets; nil
	// tells the truth.
	Announce func(body []byte) int64
	// DropsHeld: a message that the mailbox already holds is accepted, gets a
	// UID, and is thrown away (Gmail).
	DropsHeld bool
	// Stale: Identify, Fetch, Store and Move see only messages that were there
	// at Open or at the last View (WildDuck).
	Stale bool
	// Newest makes a view that is not full tell the flags of so many of the newest
	// messages only, and of all others that they are as they were known; 0 means
	// all. What came and what went is told always.
	Newest int
	// Search is the search of the store: whether a message matches criteria, or why it
	// refuses them. nil cannot search.
	Search func(criteria string, m Held) (bool, error)
	// Untrue: other clients' changes of flags leave HIGHESTMODSEQ as it was.
	Untrue bool
}

// Fate is what becomes of a message whose Append was cut before its answer.
// The zero value: it was stored.
type Fate struct {
	// Never: it is not stored.
	Never bool
	// After is how long after the cut it appears.
	After time.Duration
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

func (o Options) identity() string {
	if o.Identity != "" {
		return o.Identity
	}
	return "ann"
}

func (o Options) keeps() mirror.Storable {
	if o.Keeps != nil {
		return *o.Keeps
	}
	return mirror.AllFlags()
}

// stored is what remains of flags once the store has taken them.
func (o Options) stored(flags mirror.Flags) mirror.Flags {
	return o.keeps().Only(flags).Minus(o.Forgets)
}

func (o Options) recheck() time.Duration {
	if o.Newest > 0 {
		return time.Hour
	}
	return 24 * time.Hour
}

func (o Options) traits(identity string) mirror.Traits {
	return mirror.Traits{
		Identity: identity,
		Numbers:  !o.Maildir,
		UIDPlus:  o.Maildir || !o.NoUIDPlus,
		Copies:   o.Maildir || !o.NoUIDPlus,
		Undo:     o.Maildir,
		Local:    o.Maildir,
		MaxSize:  o.MaxSize,
		Recheck:  o.recheck(),
	}
}
