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
func (r *Repository) askSince(ctx context.Context, known mirror.Known, modSeq uint64) *partLook {
	told := &sinceLook{known: known}
	items := r.newItems()
	items.ChangedSince = modSeq
	items.Vanished = r.enabled(imap.CapQResync) && !r.noVanished
	asked := r.conn.UIDFetch(ctx, from(1), items, imapconn.FetchHandler{Message: told.take})
	return &partLook{part: changed, told: told, asked: []*imapconn.DataCommand[imapconn.FetchData]{asked}, vanished: items.Vanished}
}

// sinceLook takes the messages that changed and the new ones. Of the known it reads
// only those that were named, and all where it is not said which are gone.
type sinceLook struct {
	known    mirror.Known
	flags    flagReader
	arrived  []arrival // in the order of the wire until settle; then those not known
	changed  []mirror.KnownMessage
	vanished imap.UIDSet
	gone     []mirror.Ref
}

func (l *sinceLook) take(msg *imapconn.FetchMessage) error {
	if msg.UID != 0 {
		l.arrived = append(l.arrived, l.flags.arrival(msg))
	}
	return nil
}

func (l *sinceLook) settle(vanished imap.UIDSet) (ok bool, err error) {
	l.vanished = vanished
	gone, err := l.known.In(vanished)
	if err != nil {
		return false, err
	}
	for _, message := range gone {
		l.gone = append(l.gone, message.Ref)
	}
	told := slices.DeleteFunc(merge(l.arrived), func(a arrival) bool { return within(vanished, a.UID) })
	uids := make([]imap.UID, len(told))
	for i := range told {
		if !told[i].flagged {
			return false, nil // what changed was not said
		}
		uids[i] = told[i].UID
	}
	known, err := l.known.In(mirror.Ranges(uids))
	if err != nil {
		return false, err
	}
	next := 0
	l.arrived = slices.DeleteFunc(told, func(a arrival) bool {
		i := find(known, a.UID, next)
		if i < 0 {
			return false
		}
		if next = i + 1; !a.Flags.Equal(known[i].Flags) {
			l.changed = append(l.changed, mirror.KnownMessage{Ref: known[i].Ref, Flags: a.Flags})
		}
		return true
	})
	return true, nil
}

func (l *sinceLook) below(next imap.UID) int {
	return l.known.Len() - len(l.gone) + arrivedBelow(l.arrived, next)
}

func (l *sinceLook) keep(present imap.UIDSet) error {
	known, err := l.known.All()
	if err != nil {
		return err
	}
	there := func(uid imap.UID) bool { return within(present, uid) && !within(l.vanished, uid) }
	l.gone = nil
	for _, message := range known {
		if !there(message.UID) {
			l.gone = append(l.gone, message.Ref)
		}
	}
	l.changed = slices.DeleteFunc(l.changed, func(m mirror.KnownMessage) bool { return !there(m.UID) })
	l.arrived = slices.DeleteFunc(l.arrived, func(a arrival) bool { return !there(a.UID) })
	return nil
}

func (l *sinceLook) sight() sight {
	return sight{there: l.known.Len() - len(l.gone), changed: l.changed, missing: l.gone, arrived: messagesOf(l.arrived)}
}
