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

// canLookSince reports whether mod-sequences can tell what changed since the
// state's checkpoint (RFC 7162 §3.1): its HIGHESTMODSEQ is one of this mailbox,
// and the server's is there and did not fall.
func (r *Repository) canLookSince(before mirror.Checkpoint, known mirror.Known, status mirror.Checkpoint) bool {
	return r.condStore() && !known.Full && !renumbered(before, status) &&
		before.UIDValidity == status.UIDValidity &&
		before.HighestModSeq != 0 && status.HighestModSeq >= before.HighestModSeq
}

// sinceLook asks what changed after a mod-sequence.
type sinceLook struct {
	*looker
	asked *imapconn.DataCommand[imapconn.FetchData]
}

// askSince asks for the messages of the mailbox selected last whose
// mod-sequence rose: the changed and the new. With QRESYNC the server tells what
// is gone as well (RFC 7162 §3.2.6).
func (r *Repository) askSince(ctx context.Context, known []mirror.KnownMessage, modSeq uint64) sinceLook {
	look := newLooker(known)
	for i, message := range known {
		look.seen[i] = glimpse{true, message.Flags}
	}
	items := r.newItems()
	items.ChangedSince = modSeq
	items.Vanished = r.enabled(imap.CapQResync) && !r.noVanished
	return sinceLook{look, r.conn.UIDFetch(ctx, from(1), items, imapconn.FetchHandler{Message: look.take})}
}

// judge waits for the answer. Those that it shows and the known ones are all that
// can be there, provided that the known were every message of the view that
// before is from; so their number tells whether any is gone that the server did
// not name, and only then list is asked for the UIDs. A list that is nil was not
// asked for.
//
// complete is false, and the sight of no use, when the numbers do not add up;
// the full look must decide then.
func (l sinceLook) judge(r *Repository, before, status mirror.Checkpoint, list func() *imapconn.DataCommand[imap.UIDSet]) (shown sight, complete bool, err error) {
	data, err := l.asked.Wait()
	if status := refused(err); status != nil && status.Status == imap.StatusResponseTypeBad {
		r.noVanished = true // WildDuck advertises QRESYNC and does not know it
		return sight{}, false, nil
	}
	if ok, err := settled(err); err != nil || !ok {
		return sight{}, false, err
	}
	l.settle()
	l.leave(func(uid imap.UID) bool { return !within(data.Vanished, uid) })
	switch count := l.below(status.UIDNext); {
	case count < int(status.Messages):
		return sight{}, false, nil
	case count == int(status.Messages) && (len(data.Vanished) > 0 || status.Messages == before.Messages && status.UIDNext == before.UIDNext):
		// What the server named is gone, or nothing came and nothing went: UIDs
		// are never used again.
		return l.sight(), true, nil
	}
	asked := list()
	if asked == nil {
		return sight{}, false, nil
	}
	present, err := asked.Wait()
	if err != nil {
		if partial(err) || errors.Is(err, imapconn.ErrNoData) {
			return sight{}, false, nil
		}
		return sight{}, false, failure("list messages", err, mirror.ErrDenied)
	}
	l.leave(func(uid imap.UID) bool { return within(present, uid) })
	return l.sight(), l.below(status.UIDNext) == int(status.Messages), nil
}

// lookSince is askSince and judge for the selected mailbox.
func (m *mailbox) lookSince(ctx context.Context, known mirror.Known, status mirror.Checkpoint) (shown sight, complete bool, err error) {
	if status.Messages == 0 {
		return newLooker(known.Messages).sight(), true, nil
	}
	look := m.repo.askSince(ctx, known.Messages, m.known.HighestModSeq)
	return look.judge(m.repo, m.known, status, func() *imapconn.DataCommand[imap.UIDSet] { return m.repo.conn.UIDSearch(ctx, from(1)) })
}
