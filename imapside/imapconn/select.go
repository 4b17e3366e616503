package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// SelectOptions are the parameters of SELECT. The zero value is a plain SELECT.
type SelectOptions struct {
	ReadOnly  bool     // EXAMINE
	CondStore bool     // needs CONDSTORE
	QResync   *QResync // needs QRESYNC, enabled; CondStore is implied

	// Changed receives the FETCH replies that come with QResync; the message
	// is valid during the call only. An error of it ends the delivery and is
	// returned by Wait. Nil drops them.
	Changed func(*FetchMessage) error
}

// QResync is the QRESYNC parameter of RFC 7162 §3.2.5.
type QResync struct {
	UIDValidity uint32
	ModSeq      uint64      // not 0
	KnownUIDs   imap.UIDSet // optional, static
}

// SelectData is what SELECT answers. Zero means that the server did not say
// where HasX says nothing else.
type SelectData struct {
	ReadOnly          bool // [READ-ONLY]
	HasExists         bool
	Exists            uint32 // messages in the mailbox
	UIDNext           imap.UID
	UIDValidity       uint32
	HighestModSeq     uint64 // 0 with [NOMODSEQ] too
	NoModSeq          bool
	Flags             []imap.Flag
	HasPermanentFlags bool
	PermanentFlags    []imap.Flag // may hold \*
	MailboxID         string      // RFC 8474
	Vanished          imap.UIDSet // VANISHED (EARLIER), sorted
}

// Select opens a mailbox (RFC 9051 §6.3.2, §6.3.3 for ReadOnly). OK without
// EXISTS is ErrNoData.
//
// After NO no mailbox is selected; after BAD the one before may still be.
// Commands on the selected mailbox may be queued behind it: those that only
// read are pipelined and their replies dropped when it fails; those that
// change mail are held back until it has succeeded. Both then end with
// ErrNotSelected.
func (c *Conn) Select(ctx context.Context, mailbox string, opts *SelectOptions) *DataCommand[SelectData] {
	return nil
}
