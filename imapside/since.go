package imapside

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// partial reports whether a command ended with the connection usable but
// without all that was asked for.
func partial(err error) bool {
	if status := refused(err); status != nil {
		return status.Status == imap.StatusResponseTypeNo && temporary(status) == nil
	}
	return errors.Is(err, imapconn.ErrMalformed)
}

// settled is partial for one command: ok is false where what arrived is true
// but not everything.
func settled(err error) (ok bool, failed error) {
	switch {
	case err == nil:
		return true, nil
	case partial(err):
		return false, nil
	}
	return false, failure("list messages", err, mirror.ErrDenied)
}

// tellsSince reports whether mod-sequences can tell what changed since the state's
// checkpoint (RFC 7162 §3.1): its HIGHESTMODSEQ is one of this mailbox, and the
// server's is there and did not fall.
func (r *Repository) tellsSince(before, status mirror.Checkpoint) bool {
	return r.condStore() && !renumbered(before, status) &&
		before.UIDValidity == status.UIDValidity &&
		before.HighestModSeq != 0 && status.HighestModSeq >= before.HighestModSeq
}

// askSince asks for the messages of the mailbox selected last whose
// mod-sequence rose: the changed and the new. With QRESYNC the server tells what
// is gone as well (RFC 7162 §3.2.6).
func (r *Repository) askSince(ctx context.Context, known []mirror.KnownMessage, modSeq uint64) *partLook {
	look := takenFor(known, len(known))
	items := r.newItems()
	items.ChangedSince = modSeq
	items.Vanished = r.enabled(imap.CapQResync) && !r.noVanished
	asked := r.conn.UIDFetch(ctx, from(1), items, imapconn.FetchHandler{Message: look.take})
	return &partLook{part: changed, looker: look, asked: []*imapconn.DataCommand[imapconn.FetchData]{asked}, vanished: items.Vanished}
}
