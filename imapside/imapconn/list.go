package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// ListOptions ask for the RETURN options of LIST-EXTENDED (RFC 5258, RFC 6154,
// RFC 5819). Only what the server advertises may be set.
type ListOptions struct {
	Subscribed bool        // RETURN (SUBSCRIBED)
	SpecialUse bool        // RETURN (SPECIAL-USE)
	Status     StatusItems // RETURN (STATUS (…)); 0 means none
}

// ListEntry is one LIST or LSUB reply.
type ListEntry struct {
	Name   string // octets on the wire
	Delim  byte   // 0 for NIL
	Attrs  []imap.MailboxAttr
	Status *StatusData // nil if the server gave none for this name
}

// Has says whether attr is among the attributes; case does not matter.
func (e *ListEntry) Has(attr imap.MailboxAttr) bool { return false }

// ListData is the answer to LIST.
type ListData struct {
	Entries []ListEntry // in the server's order
	// Unread counts LIST replies that could not be read (an over-long name,
	// broken syntax). Not 0 means that the listing is not complete.
	Unread int
}

// List lists mailboxes (RFC 9051 §6.3.9). A nil opts is plain LIST. No reply
// is an empty list.
func (c *Conn) List(ctx context.Context, reference, pattern string, opts *ListOptions) *DataCommand[ListData] {
	return nil
}

// Lsub lists subscribed names (RFC 3501 §6.3.9), for servers without
// LIST-EXTENDED. Names may not exist any more.
func (c *Conn) Lsub(ctx context.Context, reference, pattern string) *DataCommand[ListData] {
	return nil
}
