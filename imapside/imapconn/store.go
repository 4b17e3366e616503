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
	// drops them.
	Reply func(*FetchMessage) error
}

// StoreData sums a STORE up. Sets are sorted.
type StoreData struct {
	Replied  imap.UIDSet // UIDs whose FETCH reply held FLAGS
	Modified imap.UIDSet // [MODIFIED …]: not stored because changed meanwhile
}

// UIDStore adds or removes flags (RFC 9051 §6.4.6), which must be atoms, system
// flags with their backslash; \Recent is refused. OK does not say that the
// server kept them: compare the replies. After NO it may have been applied in
// part (Cyrus).
func (c *Conn) UIDStore(ctx context.Context, uids imap.UIDSet, op StoreOp, flags []imap.Flag, opts *StoreOptions) *DataCommand[StoreData] {
	return nil
}
