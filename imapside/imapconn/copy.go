package imapconn

import (
	"context"

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

// UIDCopy copies messages to another mailbox (RFC 9051 §6.4.7). After NO
// nothing was copied, as far as the server keeps to the RFC; after ErrUncertain
// copies may be there.
func (c *Conn) UIDCopy(ctx context.Context, uids imap.UIDSet, mailbox string) *DataCommand[CopyData] {
	return nil
}

// UIDMove moves messages to another mailbox (RFC 6851, needs MOVE). COPYUID is
// taken from an untagged OK as well. After NO some may have been moved: each is
// in one of the two mailboxes. After ErrUncertain one may be in both.
func (c *Conn) UIDMove(ctx context.Context, uids imap.UIDSet, mailbox string) *DataCommand[CopyData] {
	return nil
}

// UIDExpunge removes those of uids that have \Deleted (RFC 4315 §2.1, needs
// UIDPLUS). uids must be static. After NO or an error some may be gone.
func (c *Conn) UIDExpunge(ctx context.Context, uids imap.UIDSet) *Command { return nil }
