package mirror

import (
	"context"
	"iter"
	"time"
)

// Access says what a mailbox or repository is opened for.
type Access uint8

const (
	// ReadOnly never changes anything on the side (EXAMINE; no directory made).
	ReadOnly Access = iota
	// ReadWrite allows the effects.
	ReadWrite
)

// Visit says how a repository is connected to. The zero value is a first visit
// that changes nothing.
type Visit struct {
	// Identity is Traits.Identity of the last run, "" on the first.
	Identity string
	// Memory is Repository.Memory of the last run that had one.
	Memory string
	Access Access
}

// Traits are what a repository can do, as data. The zero value can do the
// least.
type Traits struct {
	// Identity is who this repository is: the user of an IMAP account, the
	// random id of a Maildir root. It must not change between runs.
	Identity string
	// Numbers says that the repository numbers its messages itself. Where it
	// is false (Maildir), UIDs are counted by the state and Reserve names the
	// copies before they are made.
	Numbers bool
	// UIDPlus: Append and Move tell the new UID and Remove can expunge single
	// messages (RFC 4315).
	UIDPlus bool
	// Copies says that Copy can be asked for: its results tell the new UID.
	Copies bool
	// Undo says that Remove keeps the message in the undo store, so a removal
	// needs no \Trash mailbox.
	Undo bool
	// Local says that a listing costs no round trip.
	Local bool
	// Recheck is how long the side may be believed when it says what changed, and
	// that nothing did, before a mailbox is compared in full; 0 means for ever.
	Recheck time.Duration
	// FoldsCase says that names which differ only in case are one to the side.
	FoldsCase bool
	// MaxSize is the largest message in octets that the side takes
	// (APPENDLIMIT, RFC 7889); 0 means no limit is known.
	MaxSize int64
}

// Repository is one end of a pair: an IMAP account or a Maildir tree.
//
// Errors say how far they reach (errors.go). After an error that reaches the
// side, the repository is of no more use in this run but for Close. An error
// of an effect means that the effect may or may not have happened.
//
// A Repository is used by one goroutine at a time unless it says otherwise.
type Repository interface {
	// Connect makes the repository ready and says what it can do. Only on a
	// first visit may a missing Maildir root be created, and only with
	// ReadWrite. A root that is missing or carries another id is ErrRootMissing
	// or ErrOtherIdentity, as is a user other than the one before. With a memory
	// the sign-in may be left to the first List, together with its errors.
	Connect(ctx context.Context, visit Visit) (Traits, error)

	// List returns all mailboxes with their status where that costs no round
	// trip a mailbox. It comes before all other calls. brief says that nothing
	// else is expected to follow: the side may end its session with the listing,
	// and begins a new one when it is called again after all.
	List(ctx context.Context, brief bool) (Listing, error)

	// Expect announces calls to come, in their order, so that a side can ask for
	// all of it in one turn. It is a hint: it reports nothing, what it announces
	// need not come, and it replaces what was announced before. Only mailboxes may
	// be made when that is announced.
	Expect(ctx context.Context, calls []Expected)

	// Memory returns what Connect is to be given at the next visit, "" for
	// nothing. It is asked for after a List that succeeded and costs nothing.
	Memory() string

	// Create makes a mailbox, with its special use where the side can, and its
	// missing parents. A mailbox that is there already is no error.
	Create(ctx context.Context, name Name, role Role) error

	// Rename gives a mailbox another name, with its messages and, where the side
	// has it so, the mailboxes below it; missing parents are made (RFC 9051 §6.3.6).
	// UIDVALIDITY and UIDs mostly stay. It is an error where from is not there or to
	// is. After an error the mailbox may be under either name, whole.
	Rename(ctx context.Context, from, to Name) error

	// Delete takes a mailbox away that holds no messages, and leaves those below it
	// (RFC 9051 §6.3.5). It looks first: one that holds messages is ErrNotEmpty and
	// stays. One that is not there is no error.
	Delete(ctx context.Context, name Name) error

	// Subscribe sets or clears the subscription (RFC 9051 §6.3.7).
	Subscribe(ctx context.Context, name Name, on bool) error

	// Open learns the mailbox's UIDVALIDITY and UIDNEXT in this session and
	// returns a handle for it; ErrNoMailbox where it does not exist. known is
	// the checkpoint of the state with UIDNext raised above every UID that the
	// state holds, and no number of messages where that is higher; zero on a first
	// visit. Handles of several mailboxes may be
	// held at once; two of the same mailbox may not.
	Open(ctx context.Context, name Name, access Access, known Checkpoint) (Mailbox, error)

	// Close ends the session. It is called once, also after errors.
	Close() error
}

// Mailbox is an open mailbox. Every method fails with ErrRenumbered once
// UIDVALIDITY is no longer the one that Open saw.
type Mailbox interface {
	// Status is what Open or the last View saw, before any effect of ours.
	Status() Checkpoint

	// View reports what differs from known. It is called before any effect in
	// this mailbox, and again to look at the outcome of uncertain effects.
	View(ctx context.Context, known Known) (View, error)

	// Absent is the second proof: it asks the side again, in another way than
	// View did, and returns those of refs that are not there.
	Absent(ctx context.Context, refs []Ref) ([]Ref, error)

	// Identify reads refs as deep as asked. A message that is not there (any
	// more) is left out of the result. A message that cannot be read is left
	// out too and named by an error in the result's place. With an error, the
	// result holds those that were read in full before it, as far as the side
	// knows.
	Identify(ctx context.Context, refs []Ref, depth Depth) ([]Identified, error)

	// Fetch streams the bodies of refs to sink, each at most once, in the
	// order of refs unless the server insists on another. An error of sink
	// ends the call and is returned. A message that is not there is skipped.
	// sink is never called twice at a time, but on any goroutine.
	Fetch(ctx context.Context, refs []Ref, sink func(Body) error) error

	// Reserve returns n refs for messages to come, unique in this mailbox and
	// never given out again. On a side that numbers messages itself they are
	// zero.
	Reserve(n int) []Ref

	// Append stores the messages of batch, in order, and returns a result for
	// each that the batch yielded. Results without an error are durable when
	// Append returns: they survive a power cut. A result's Target.UID is 0,
	// with no error, where the server does not say (no UIDPLUS, RFC 4315 §3);
	// the caller then finds the message by its digest. A message whose result
	// holds an error may be there unless the error is ErrNotDone.
	//
	// Where messages that went together are refused, each has ErrTogether and is
	// uncertain: not every server takes all or none. Given once more, it goes alone.
	//
	// Errors of one message stand in its result; the returned error means that
	// the side is of no more use, and messages without a result are uncertain.
	Append(ctx context.Context, batch iter.Seq[Incoming]) ([]Appended, error)

	// Store adds and removes flags (+FLAGS and -FLAGS, never FLAGS; a rename
	// in a Maildir). Each result tells the flags that the message has now.
	Store(ctx context.Context, changes []FlagChange) ([]Stored, error)

	// Move moves messages to another mailbox of the same repository; no body
	// travels. A message that is not there has ErrGone in its result.
	Move(ctx context.Context, moves []Move, target Name) ([]Moved, error)

	// Copy makes copies of messages in another mailbox of the same repository, which
	// was opened before; no body travels. No two of copies have the same donor. A
	// donor that is not there, or not what it was, has ErrGone in its result. On a side
	// that numbers messages one that is marked \Deleted lends nothing to a copy that
	// is not.
	// Results without an error are durable when Copy returns.
	//
	// A result with ErrNotDone says that no copy was made, and so does a returned error
	// with ErrNotDone of all messages without a result. After any other error those
	// may have a copy or not, with whatever flags.
	Copy(ctx context.Context, copies []Copying, target Name) ([]Copied, error)

	// Remove takes messages away for good: UID EXPUNGE of exactly these, or
	// the undo store where Traits.Undo holds and keep is set. A message that is not
	// there is removed. Pending results are marked \Deleted only, for want of
	// UIDPLUS.
	Remove(ctx context.Context, refs []Ref, keep bool) ([]Removed, error)
}

// LateAppender is a Mailbox whose Append can be told from the wait for its results.
// AppendLate returns once batch was sent; results then waits, and is called exactly
// once. Between the two other mailboxes of the side may be used, and this one by
// another AppendLate.
type LateAppender interface {
	AppendLate(ctx context.Context, batch iter.Seq[Incoming]) (results func() ([]Appended, error))
}

// Expected is one call to come. Which one the last fields say: Open where all of
// them are zero.
type Expected struct {
	Name Name
	// Open is called with Access and Known.
	Access Access
	Known  Checkpoint
	// Listed is the status that the listing showed, nil where it showed none.
	Listed *Checkpoint
	// View is called with this, after Open.
	View *Known
	// Changes says that Store, Move or Remove is called.
	Changes bool
	// Create says that Create is called with Role, and then Subscribe where
	// Subscribed is set.
	Create, Subscribed bool
	Role               Role
	// Absent is called with these.
	Absent []Ref
	// Fetch is called with these.
	Fetch []Message
	// Identify is called with these, and with Depth.
	Identify []Message
	Depth    Depth
}

// Identified is one result of Identify. With Err the identity is not filled.
type Identified struct {
	Ref
	Size     int64 // octets with CRLF line ends, counted when the body was read
	Date     time.Time
	Identity Identity
	Err      error
}

// Incoming is a message on its way into a side. It is valid until the batch
// yields the next.
type Incoming struct {
	Source   Ref // on the side it comes from; echoed in the result
	Reserved Ref // from Reserve
	Flags    Flags
	Date     time.Time // INTERNALDATE
	Body     Body
	// Alone asks that the message's fate does not hang on others: what was sent last
	// was interrupted, and it must show at which message.
	Alone bool
}

// Appended is one result of Append.
type Appended struct {
	Source Ref
	Target Ref
	// Flags are those that the message was stored with; what is missing was
	// refused.
	Flags Flags
	Form  Form
	Err   error
}

// FlagChange asks for flags to be added and removed. The sets are disjoint.
type FlagChange struct {
	Ref
	Add, Remove Flags
}

// Stored is one result of Store. Flags are those that the message has now; on
// an error they are what is known of them.
type Stored struct {
	Ref
	Flags Flags
	Err   error
}

// Move is one message to move; Reserved comes from the target's Reserve.
type Move struct {
	Ref
	Reserved Ref
}

// Moved is one result of Move. Without an error it says one of these:
//
//	To.UID  Pending
//	given   no       done
//	0       no       done; the copy is to be found by its digest
//	given   yes      the copy is there, the source is only marked \Deleted
//	0       yes      the copy was accepted and the source not touched, because
//	                 the server did not tell the copy: once it is found by
//	                 digest, Remove of the source completes the move
type Moved struct {
	From, To Ref
	Pending  bool
	Err      error
}

// Copying is one message of which a copy is made in another mailbox of its side.
type Copying struct {
	// Donor is the message as the state knows it. What is there now must be it as far
	// as the side can tell without its body travelling: a server's message has its
	// date and its size, unless that is 0, which is not known; a file its octets.
	Donor    Message
	Reserved Ref // from the target's Reserve
	// Flags are those that the copy shall have, whatever the donor has.
	Flags Flags
	// Date is the INTERNALDATE of the copy. On a side that numbers messages itself it
	// is the donor's.
	Date time.Time
}

// Copied is one result of Mailbox.Copy. Without an error the copy is there, To, with
// Flags: what is missing of those that were asked for was refused, and what is there
// beyond them could not be taken away. To.UID is 0 where the server may have made the
// copy and did not tell its UID.
type Copied struct {
	From, To Ref
	Flags    Flags
	Err      error
}

// Removed is one result of Remove.
type Removed struct {
	Ref
	Pending bool
	Err     error
}
