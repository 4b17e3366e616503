package imapside

import (
	"context"
	"errors"
	"slices"

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

// canLookSince reports whether mod-sequences can tell what changed (RFC 7162
// §3.1): the state's HIGHESTMODSEQ is one of this mailbox, and the server's is
// there and did not fall.
func (m *mailbox) canLookSince(known mirror.Known, status mirror.Checkpoint) bool {
	return m.repo.condStore() && !known.Full && !m.renumbered(status) &&
		m.known.UIDValidity == status.UIDValidity &&
		m.known.HighestModSeq != 0 && status.HighestModSeq >= m.known.HighestModSeq
}

// lookSince asks for the messages whose mod-sequence rose since the state's
// checkpoint: the changed and the new. Those and the known ones are all that
// can be there, provided that known holds every message of that checkpoint's
// view; so their number tells whether any is gone, and only then the UIDs are
// listed.
//
// complete is false, and the sight of no use, when the numbers do not add up;
// the full look must decide then.
func (m *mailbox) lookSince(ctx context.Context, known mirror.Known, status mirror.Checkpoint) (shown sight, complete bool, err error) {
	look := newLooker(known.Messages)
	for i, message := range known.Messages {
		look.seen[i] = glimpse{true, message.Flags}
	}
	if status.Messages == 0 {
		return newLooker(known.Messages).sight(), true, nil
	}
	items := m.repo.newItems()
	items.ChangedSince = m.known.HighestModSeq
	asked := m.repo.conn.UIDFetch(ctx, from(1), items, imapconn.FetchHandler{Message: look.take})
	if ok, err := finish([]*imapconn.DataCommand[imapconn.FetchData]{asked}); err != nil || !ok {
		return sight{}, false, err
	}
	look.settle()
	switch count := look.below(status.UIDNext); {
	case count < int(status.Messages):
		return sight{}, false, nil
	case count == int(status.Messages) && status.Messages == m.known.Messages && status.UIDNext == m.known.UIDNext:
		// Nothing came and nothing went: UIDs are never used again.
		return look.sight(), true, nil
	}
	present, err := m.repo.conn.UIDSearch(ctx, from(1)).Wait()
	if err != nil {
		if partial(err) || errors.Is(err, imapconn.ErrNoData) {
			return sight{}, false, nil
		}
		return sight{}, false, failure("list messages", err, mirror.ErrDenied)
	}
	for i, message := range known.Messages {
		look.seen[i].there = look.seen[i].there && within(present, message.UID)
	}
	look.arrived = slices.DeleteFunc(look.arrived, func(a arrival) bool { return !within(present, a.UID) })
	return look.sight(), look.below(status.UIDNext) == int(status.Messages), nil
}
