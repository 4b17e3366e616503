package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// StoreOp is how STORE changes flags. Replacing them is not offered.
type StoreOp int

const (
	StoreAdd    StoreOp = iota // +FLAGS
	StoreRemove                // -FLAGS
)

// StoreOptions refine UIDStore.
type StoreOptions struct {
	// UnchangedSince, if not 0, makes the server skip messages with a higher
	// MODSEQ (RFC 7162 §3.1.3, needs CONDSTORE).
	UnchangedSince uint64
	// Silent asks for no FETCH replies. They may come all the same.
	Silent bool
	// Reply receives the FETCH replies; the message is valid during the call
	// only. An error of it ends the delivery and is returned by Wait. Nil
	// drops them. The rules of FetchHandler hold.
	Reply func(*FetchMessage) error
}

// StoreData sums a STORE up. Sets are sorted.
type StoreData struct {
	Replied  imap.UIDSet // UIDs whose FETCH reply held FLAGS
	Modified imap.UIDSet // [MODIFIED …]: not stored because changed meanwhile
}

// UIDStore adds or removes flags (RFC 9051 §6.4.6), which must be atoms, system
// flags with their backslash; \Recent is refused. uids must be static. OK does
// not say that the server kept them: compare the replies. After NO it may have
// been applied in part (Cyrus).
func (c *Conn) UIDStore(ctx context.Context, uids imap.UIDSet, op StoreOp, flags []imap.Flag, opts *StoreOptions) *DataCommand[StoreData] {
	if opts == nil {
		opts = &StoreOptions{}
	}
	e := new(encoder).raw("UID STORE ").uids(uids, false).raw(" ")
	if opts.UnchangedSince > 0 {
		e.raw("(UNCHANGEDSINCE ").num(opts.UnchangedSince).raw(") ")
	}
	switch op {
	case StoreAdd:
		e.raw("+FLAGS")
	case StoreRemove:
		e.raw("-FLAGS")
	default:
		e.fail("STORE operation %d", op)
	}
	if opts.Silent {
		e.raw(".SILENT")
	}
	if len(flags) == 0 {
		e.fail("STORE without flags")
	}
	e.raw(" ").flagList(flags)
	collect := &storeCollector{delivery: delivery{message: opts.Reply}, uids: canonical(uids)}
	cmd := c.enqueue(ctx, &Command{name: "UID STORE", kind: kindInside | kindChanges, collect: collect}, e)
	return &DataCommand[StoreData]{cmd, &collect.data}
}

type storeCollector struct {
	delivery
	uids    imap.UIDSet // canonical
	replied setBuilder
	data    StoreData
}
