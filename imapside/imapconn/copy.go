package imapconn

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// CopyData is what COPYUID said (RFC 4315 §3). The sets are in the order of the
// wire, which is what pairs them: Pairs. All zero where it was not sent or could
// not be read.
type CopyData struct {
	UIDValidity uint32 // of the target
	Source      imap.UIDSet
	Target      imap.UIDSet
}

// UIDCopy copies messages to another mailbox (RFC 9051 §6.4.7). uids must be
// static. After NO nothing was copied, as far as the server keeps to the RFC;
// after ErrUncertain copies may be there.
func (c *Conn) UIDCopy(ctx context.Context, uids imap.UIDSet, mailbox string) *DataCommand[CopyData] {
	return c.copyOrMove(ctx, "UID COPY", uids, mailbox)
}

// UIDMove moves messages to another mailbox (RFC 6851, needs MOVE). uids must
// be static. COPYUID is taken from an untagged OK as well. After NO some may
// have been moved: each is in one of the two mailboxes, and CopyData holds what
// the server had said until then. After ErrUncertain one may be in both.
func (c *Conn) UIDMove(ctx context.Context, uids imap.UIDSet, mailbox string) *DataCommand[CopyData] {
	return c.copyOrMove(ctx, "UID MOVE", uids, mailbox)
}

func (c *Conn) copyOrMove(ctx context.Context, name string, uids imap.UIDSet, mailbox string) *DataCommand[CopyData] {
	e := new(encoder).raw(name+" ").uids(uids, false).raw(" ").mailbox(mailbox)
	collect := &copyCollector{}
	cmd := c.enqueue(ctx, &Command{name: name, kind: kindInside | kindChanges, collect: collect}, e)
	return &DataCommand[CopyData]{cmd, &collect.data}
}

type copyCollector struct{ data CopyData }

// code takes COPYUID. A server that moves in several steps sends several.
func (cc *copyCollector) code(st *statusLine) bool {
	if st.Code != "COPYUID" || !st.codeRead {
		return false
	}
	d := &cc.data
	if slices.Equal(d.Source, st.source) && slices.Equal(d.Target, st.target) {
		return true // said untagged and again with the tagged OK
	}
	if uint32(st.codeNum) != d.UIDValidity {
		*d = CopyData{UIDValidity: uint32(st.codeNum)}
	}
	d.Source = append(d.Source, st.source...)
	d.Target = append(d.Target, st.target...)
	return true
}

func (cc *copyCollector) complete(st *statusLine) error {
	cc.code(st)
	return nil
}

// UIDExpunge removes those of uids that have \Deleted (RFC 4315 §2.1, needs
// UIDPLUS). uids must be static. After NO or an error some may be gone.
func (c *Conn) UIDExpunge(ctx context.Context, uids imap.UIDSet) *Command {
	e := new(encoder).raw("UID EXPUNGE ").uids(uids, false)
	return c.enqueue(ctx, &Command{name: "UID EXPUNGE", kind: kindInside | kindChanges}, e)
}
