package imapside

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// newest is how many of the known messages' flags every look reads, where no
// mod-sequences tell which changed.
const newest = 1000

// part is what a look can do with.
type part uint8

const (
	whole   part = iota // it must ask for everything
	changed             // what mod-sequences tell
	latest              // the newest flags, and what is new
)

// partOf returns the part of a mailbox that is enough to be asked for.
func (r *Repository) partOf(before mirror.Checkpoint, known mirror.Known, status mirror.Checkpoint) part {
	switch {
	case known.Full, status.Messages == 0, renumbered(before, status), before.UIDValidity != status.UIDValidity:
		return whole
	case r.tellsSince(before, status):
		return changed
	case !r.condStore() && known.Len() > newest && status.UIDValidity != noUIDValidity:
		return latest
	}
	return whole
}

// askPart asks the mailbox selected last for that part, nil where it is whole. An
// error is one of reading known.
func (r *Repository) askPart(ctx context.Context, before mirror.Checkpoint, known mirror.Known, status mirror.Checkpoint) (*partLook, error) {
	switch r.partOf(before, known, status) {
	case changed:
		return r.askSince(ctx, known, before.HighestModSeq), nil
	case latest:
		messages, err := known.All()
		if err != nil {
			return nil, err
		}
		return r.askNewest(ctx, messages), nil
	}
	return nil, nil
}

// partLook asks for a part of a mailbox, and takes the rest for as it was known.
type partLook struct {
	part
	told     teller
	asked    []*imapconn.DataCommand[imapconn.FetchData]
	vanished bool // FETCH with VANISHED was asked
}

// teller makes a sight of the replies.
type teller interface {
	// settle is called first, once the replies are there, with what the server named
	// as gone. ok is false where the replies cannot be judged.
	settle(vanished imap.UIDSet) (ok bool, err error)
	// below counts the messages shown with a UID less than next.
	below(next imap.UID) int
	// keep drops what is shown of messages that are not present.
	keep(present imap.UIDSet) error
	sight() sight
}

// newestLook takes the flags of the newest known messages, and all of what came since.
type newestLook struct {
	*looker
	plain imap.UID // up to here only flags were asked
}

func (l newestLook) settle(imap.UIDSet) (ok bool, err error) {
	l.looker.settle()
	return len(l.undescribed(l.plain)) == 0, nil
}

func (l newestLook) keep(present imap.UIDSet) error {
	l.leave(func(uid imap.UID) bool { return within(present, uid) })
	return nil
}

// takenFor is a looker that takes the first n of known for there, with their flags.
func takenFor(known []mirror.KnownMessage, n int) *looker {
	look := newLooker(known)
	for i, message := range known[:n] {
		look.seen[i] = glimpse{true, message.Flags}
	}
	return look
}

// askNewest asks for the flags of the newest known messages of the mailbox selected
// last, and for all of what has come since.
func (r *Repository) askNewest(ctx context.Context, known []mirror.KnownMessage) *partLook {
	older := len(known) - newest
	first, last := known[older].UID, known[len(known)-1].UID
	told := newestLook{takenFor(known, older), last}
	l := &partLook{part: latest, told: told}
	handler := imapconn.FetchHandler{Message: told.take}
	l.asked = append(l.asked, r.conn.UIDFetch(ctx, imap.UIDSet{{Start: first, Stop: last}}, imapconn.FetchItems{Flags: true}, handler))
	if last != ^imap.UID(0) {
		l.asked = append(l.asked, r.conn.UIDFetch(ctx, from(last+1), r.newItems(), handler))
	}
	return l
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
func (l *partLook) judge(r *Repository, before, status mirror.Checkpoint, list func() *imapconn.DataCommand[imap.UIDSet]) (shown sight, complete bool, err error) {
	vanished, ok, err := l.wait(r)
	if err != nil || !ok {
		return sight{}, false, err
	}
	if ok, err = l.told.settle(vanished); err != nil || !ok {
		return sight{}, false, err
	}
	switch count := l.told.below(status.UIDNext); {
	case count < int(status.Messages):
		return sight{}, false, nil
	case count == int(status.Messages) && (l.vanished && (len(vanished) > 0 || count > l.told.below(before.UIDNext)) ||
		rests(before, status)):
		// What came and went was named, or nothing did: UIDs are never used again.
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
	if err := l.told.keep(present); err != nil {
		return sight{}, false, err
	}
	return l.sight(), l.told.below(status.UIDNext) == int(status.Messages), nil
}

// rests reports whether nothing came or went since the checkpoint of the state.
func rests(before, status mirror.Checkpoint) bool {
	return status.Messages == before.Messages && status.UIDNext == before.UIDNext
}

// wait returns the UIDs that the server named as gone. ok is false where something
// was not answered.
func (l *partLook) wait(r *Repository) (vanished imap.UIDSet, ok bool, err error) {
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

// sight rests on what was known.
func (l *partLook) sight() sight {
	shown := l.told.sight()
	shown.rests = true
	return shown
}
