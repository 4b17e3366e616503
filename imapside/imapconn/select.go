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
	// returned by Wait. Nil drops them. The rules of FetchHandler hold.
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
	if opts == nil {
		opts = &SelectOptions{}
	}
	name := "SELECT"
	if opts.ReadOnly {
		name = "EXAMINE"
	}
	e := new(encoder).raw(name + " ").mailbox(mailbox)
	switch q := opts.QResync; {
	case q != nil:
		if q.ModSeq == 0 || q.UIDValidity == 0 {
			e.fail("QRESYNC with UIDVALIDITY %d and MODSEQ %d", q.UIDValidity, q.ModSeq)
		}
		e.raw(" (QRESYNC (").num(uint64(q.UIDValidity)).raw(" ").num(q.ModSeq)
		if len(q.KnownUIDs) > 0 {
			e.raw(" ").uids(q.KnownUIDs, false)
		}
		e.raw("))")
	case opts.CondStore:
		e.raw(" (CONDSTORE)")
	}
	collect := &selectCollector{
		qresync:  opts.QResync != nil,
		delivery: delivery{message: opts.Changed},
	}
	collect.data.ReadOnly = opts.ReadOnly
	cmd := c.enqueue(ctx, &Command{name: name, kind: kindSelect, collect: collect}, e)
	return &DataCommand[SelectData]{cmd, &collect.data}
}

type selectCollector struct {
	delivery
	data     SelectData
	qresync  bool
	vanished setBuilder
}

// code takes a response code of the mailbox being selected, untagged or with
// the tagged OK.
func (sel *selectCollector) code(st *statusLine) bool {
	d := &sel.data
	switch st.Code {
	case "PERMANENTFLAGS":
		d.HasPermanentFlags, d.PermanentFlags = true, st.flags
	case "UIDNEXT":
		d.UIDNext = imap.UID(st.codeNum)
	case "UIDVALIDITY":
		d.UIDValidity = uint32(st.codeNum)
	case "HIGHESTMODSEQ":
		d.HighestModSeq = st.codeNum
	case "NOMODSEQ":
		d.NoModSeq = true
	case "MAILBOXID":
		d.MailboxID = st.CodeArgs
	case "READ-ONLY":
		d.ReadOnly = true
	case "READ-WRITE":
		d.ReadOnly = false
	case "CLOSED": // what came before was of the mailbox before (RFC 7162 §3.2.11)
		*d = SelectData{ReadOnly: d.ReadOnly}
		sel.vanished = setBuilder{}
	case "UNSEEN":
	default:
		return false
	}
	return true
}

func (sel *selectCollector) complete(st *statusLine) error {
	if st.codeRead {
		sel.code(st)
	}
	sel.data.Vanished = sel.vanished.set()
	switch {
	case sel.err != nil:
		return sel.err
	case !sel.data.HasExists:
		return ErrNoData
	}
	return nil
}
