package mirror

import (
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Errors of one message. The run goes on with the next.
var (
	ErrTooBig      = errors.New("message is larger than the side takes")
	ErrRefused     = errors.New("message was refused")
	ErrEmptyBody   = errors.New("message has no body")
	ErrShortBody   = errors.New("message ended before its announced size")
	ErrNUL         = errors.New("message holds a NUL, which IMAP cannot carry")
	ErrGone        = errors.New("message is no longer there")
	ErrFlagRefused = errors.New("flag was refused")
	// ErrTogether: messages were refused that went together; each may pass alone, and
	// some may be there.
	ErrTogether = errors.New("refused together with others")
	// ErrNotDone marks an effect that certainly did not happen.
	ErrNotDone = errors.New("not done")
)

// Errors of one mailbox. The run goes on with the next mailbox.
var (
	ErrNoMailbox  = errors.New("no such mailbox")
	ErrName       = errors.New("mailbox name cannot be kept")
	ErrNotEmpty   = errors.New("mailbox holds messages")
	ErrRenumbered = errors.New("UIDVALIDITY changed during the run")
	ErrOverQuota  = errors.New("over quota")
	ErrDenied     = errors.New("permission denied")
	ErrBusy       = errors.New("in use by another program")
	// ErrSearch: what is searched for is nothing that the side can search for.
	ErrSearch = errors.New("search refused")
)

// Errors of a side. The run ends; what was done stays done.
var (
	ErrSignIn      = errors.New("sign-in refused")
	ErrCertificate = errors.New("certificate not valid")
	ErrUnreachable = errors.New("cannot be reached")
	ErrCut         = errors.New("connection lost")
	ErrThrottled   = errors.New("throttled")
	ErrProtocol    = errors.New("server broke the protocol")
	ErrFull        = errors.New("no space left")
	// ErrPaused is ErrThrottled of an earlier run.
	ErrPaused = fmt.Errorf("%w: asked for a pause", ErrThrottled)
)

// Errors of a run.
var (
	ErrLocked        = errors.New("another run holds the lock")
	ErrStopped       = errors.New("stopped by a rail")
	ErrRootMissing   = errors.New("the Maildir's root is missing")
	ErrOtherIdentity = errors.New("this is not the repository of the last run")
	ErrNames         = errors.New("mailbox names are kept in another encoding")
	ErrStateNewer    = errors.New("the state was written by a newer mailtwin")
	ErrStateBroken   = errors.New("the state is broken")
)

// Reach is how much of a run an error stops.
type Reach uint8

// Reaches, in ascending order.
const (
	ReachMessage Reach = iota + 1
	ReachMailbox
	ReachSide
	ReachRun
)

var reaches = []struct {
	reach  Reach
	errors []error
}{
	{ReachRun, []error{ErrLocked, ErrStopped, ErrRootMissing, ErrOtherIdentity, ErrNames, ErrStateNewer, ErrStateBroken}},
	{ReachSide, []error{ErrSignIn, ErrCertificate, ErrUnreachable, ErrCut, ErrThrottled, ErrProtocol, ErrFull}},
	{ReachMailbox, []error{ErrNoMailbox, ErrName, ErrNotEmpty, ErrSearch, ErrRenumbered, ErrOverQuota, ErrDenied, ErrBusy}},
	{ReachMessage, []error{ErrTooBig, ErrRefused, ErrEmptyBody, ErrShortBody, ErrNUL, ErrGone, ErrFlagRefused, ErrTogether, ErrNotDone}},
}

// ReachOf returns how far err reaches. An error that wraps no sentinel of this
// package reaches the side: nobody knows what else it broke.
func ReachOf(err error) Reach {
	for _, r := range reaches {
		for _, sentinel := range r.errors {
			if errors.Is(err, sentinel) {
				return r.reach
			}
		}
	}
	return ReachSide
}

// knownError reports whether err wraps a sentinel of this package.
func knownError(err error) bool {
	for _, r := range reaches {
		for _, sentinel := range r.errors {
			if errors.Is(err, sentinel) {
				return true
			}
		}
	}
	return false
}

// Error says where something failed. Mailbox and UID are zero where the
// failure concerns no single one.
type Error struct {
	Op      string // "append message", "open mailbox", …
	Side    Side
	Mailbox Name
	Ref     Ref
	Err     error
}

func (e *Error) Error() string {
	where := e.Side.String()
	if e.Mailbox != "" {
		where += fmt.Sprintf(" mailbox %q", e.Mailbox.String())
	}
	if e.Ref.Base != "" {
		where += fmt.Sprintf(" file %q", e.Ref.Base)
	} else if e.Ref.UID != 0 {
		where += fmt.Sprintf(" UID %d", e.Ref.UID)
	}
	return fmt.Sprintf("%s: %s: %v", where, e.Op, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// RetryError wraps an error of a side that will pass; After is the pause that
// the server asked for, 0 where it did not say.
type RetryError struct {
	After time.Duration
	Err   error
}

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }

// LockedError is ErrLocked with the holder's process id, 0 when unknown.
type LockedError struct {
	What string // the file or directory that is locked
	PID  int
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%v on %q", ErrLocked, e.What)
	}
	return fmt.Sprintf("%v on %q: process %d", ErrLocked, e.What, e.PID)
}

func (e *LockedError) Unwrap() error { return ErrLocked }

// UID re-exports the field's word so that callers need no second import.
type UID = imap.UID
