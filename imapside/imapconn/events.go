package imapconn

import "github.com/emersion/go-imap/v2"

// Events receives what the server says without being asked, or what belongs to
// no command in flight. A nil function drops that kind; alerts, parting words
// and oddities are kept by the Conn all the same.
//
// The functions are called from the connection's reading goroutine, one at a
// time and in the order of arrival. They must not wait for a command of the
// same connection; they may queue one.
type Events struct {
	// Exists is called for EXISTS outside a SELECT: n messages.
	Exists func(n uint32)
	// Expunge is called for every EXPUNGE, those of our own UID EXPUNGE and
	// UID MOVE included.
	Expunge func(seqNum uint32)
	// Vanished is called for VANISHED (RFC 7162 §3.2.10) unless it belongs to
	// a SELECT or a FETCH with Vanished. The set is sorted, never expanded and
	// the callee's to keep.
	Vanished func(uids imap.UIDSet, earlier bool)
	// Fetch is called for a FETCH that no command asked for. UID is 0 where
	// the server did not say. A body in it was discarded. The message is valid
	// during the call only.
	Fetch func(*FetchMessage)
	// Flags is called for FLAGS outside a SELECT.
	Flags func(flags []imap.Flag)
	// Status is called for an untagged OK, NO or BAD that no command took:
	// HIGHESTMODSEQ, warnings, "still here".
	Status func(Status)
	// Alert is called for every ALERT, tagged ones included (RFC 9051 §7.1:
	// the user must see it).
	Alert func(text string)
	// MailboxStatus is called for a STATUS that no command asked for.
	MailboxStatus func(*StatusData)
}

// Status is a status line: greeting, tagged or untagged.
type Status struct {
	Type     imap.StatusResponseType
	Code     imap.ResponseCode // upper case, "" if none
	CodeArgs string            // verbatim; for number sets the canonical form
	Text     string            // verbatim, may be empty
}
