package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// StatusItems is a set of STATUS items.
type StatusItems uint16

const (
	StatusMessages StatusItems = 1 << iota
	StatusUIDNext
	StatusUIDValidity
	StatusUnseen
	StatusDeleted       // IMAP4rev2 or QUOTA
	StatusSize          // STATUS=SIZE
	StatusHighestModSeq // CONDSTORE
	StatusAppendLimit   // APPENDLIMIT; has no value where there is no limit
	StatusMailboxID     // OBJECTID
)

// StatusData is one STATUS reply. A field counts only if its bit is in Has; a
// server may answer fewer items than were asked for (Courier: none).
type StatusData struct {
	Mailbox       string // octets on the wire
	Has           StatusItems
	Messages      uint32
	UIDNext       imap.UID
	UIDValidity   uint32
	Unseen        uint32
	Deleted       uint32
	Size          int64 // octets
	HighestModSeq uint64
	AppendLimit   int64 // octets
	MailboxID     string
}

// Status asks for the state of a mailbox, which should not be the selected one
// (RFC 9051 §6.3.11). OK without a reply for that name is ErrNoData. Servers
// report a missing mailbox as NO.
func (c *Conn) Status(ctx context.Context, mailbox string, items StatusItems) *DataCommand[StatusData] {
	return nil
}
