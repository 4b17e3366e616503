package imapside

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// partLook asks for a part of a mailbox, and takes the rest for as it was known.
type partLook struct {
	*looker
	asked    []*imapconn.DataCommand[imapconn.FetchData]
	vanished bool     // FETCH with VANISHED was asked
	plain    imap.UID // up to here only flags were asked
}

// takenFor is a looker that takes the first n of known for there, with their flags.
func takenFor(known []mirror.KnownMessage, n int) *looker {
	look := newLooker(known)
	for i, message := range known[:n] {
		look.seen[i] = glimpse{true, message.Flags}
	}
	return look
}

// canLookNewest reports whether only the newest flags are read: the server tells no
// mod-sequences, and there are older messages in a mailbox that it numbers.
func (r *Repository) canLookNewest(before mirror.Checkpoint, known mirror.Known, status mirror.Checkpoint) bool {
	return !r.condStore() && !known.Full && !renumbered(before, status) && len(known.Messages) > newest &&
		before.UIDValidity == status.UIDValidity && status.UIDValidity != noUIDValidity
}

// askNewest asks for the flags of the newest known messages of the mailbox selected
// last, and for all of what has come since.
func (r *Repository) askNewest(ctx context.Context, known []mirror.KnownMessage) partLook {
	older := len(known) - newest
	first, last := known[older].UID, known[len(known)-1].UID
	l := partLook{looker: takenFor(known, older), plain: last}
	handler := imapconn.FetchHandler{Message: l.take}
	l.asked = append(l.asked, r.conn.UIDFetch(ctx, imap.UIDSet{{Start: first, Stop: last}}, imapconn.FetchItems{Flags: true}, handler))
	if last != ^imap.UID(0) {
		l.asked = append(l.asked, r.conn.UIDFetch(ctx, from(last+1), r.newItems(), handler))
	}
	return l
}

// lookNewest is askNewest and judge for the selected mailbox.
func (m *mailbox) lookNewest(ctx context.Context, known mirror.Known, status mirror.Checkpoint) (shown sight, complete bool, err error) {
	if status.Messages == 0 {
		return newLooker(known.Messages).sight(), true, nil
	}
	look := m.repo.askNewest(ctx, known.Messages)
	return look.judge(m.repo, m.known, status, m.list(ctx))
}

// list asks for the UIDs of the selected mailbox.
func (m *mailbox) list(ctx context.Context) func() *imapconn.DataCommand[imap.UIDSet] {
	return func() *imapconn.DataCommand[imap.UIDSet] { return m.repo.conn.UIDSearch(ctx, from(1)) }
}

// judge waits for the answer. Those that it shows and the known ones are all that
// can be there, provided that the known were every message of the view that
// before is from; so their number tells whether any is gone that the server did
// not name, and only then list is asked for the UIDs. A list that is nil was not
// asked for.
//
// complete is false, and the sight of no use, when the numbers do not add up;
// the full look must decide then.
func (l partLook) judge(r *Repository, before, status mirror.Checkpoint, list func() *imapconn.DataCommand[imap.UIDSet]) (shown sight, complete bool, err error) {
	vanished, ok, err := l.wait(r)
	if err != nil || !ok {
		return sight{}, false, err
	}
	l.settle()
	if len(l.undescribed(l.plain)) > 0 {
		return sight{}, false, nil
	}
	l.leave(func(uid imap.UID) bool { return !within(vanished, uid) })
	switch count := l.below(status.UIDNext); {
	case count < int(status.Messages):
		return sight{}, false, nil
	case count == int(status.Messages) && (len(vanished) > 0 || status.Messages == before.Messages && status.UIDNext == before.UIDNext):
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

// wait returns the UIDs that the server named as gone. ok is false where something
// was not answered.
func (l partLook) wait(r *Repository) (vanished imap.UIDSet, ok bool, err error) {
	ok = true
	for _, asked := range l.asked {
		data, err := asked.Wait()
		if status := refused(err); l.vanished && status != nil && status.Status == imap.StatusResponseTypeBad {
			r.noVanished = true // WildDuck advertises QRESYNC and does not know it
			return nil, false, nil
		}
		answered, err := settled(err)
		if err != nil {
			return nil, false, err
		}
		ok = ok && answered
		vanished = append(vanished, data.Vanished...)
	}
	return vanished, ok, nil
}

// sight is that of the looker, which rests on what was known.
func (l partLook) sight() sight {
	shown := l.looker.sight()
	shown.rests = true
	return shown
}
