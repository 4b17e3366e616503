package imapside

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// View reports what differs from known, by the cheapest look that the server
// can carry (DESIGN.md §9). Each look either answers in full or hands over to
// the next; the last, the full look, asks for everything. Where a full look was
// asked for, what it shows is held against what the server tells.
//
// A listing that holds fewer messages than SELECT announced is asked for once
// more. If it stays short, the known messages that it lacks are Unknown, and
// the checkpoint's HighestModSeq is 0, so that the mailbox is looked at again
// in the next run.
//
// View and Open see the same mailbox: UIDVALIDITY that changed between them is
// ErrRenumbered, one that changed since known is View.Renumbered.
func (m *mailbox) View(ctx context.Context, known mirror.Known) (mirror.View, error) {
	m.repo.forget()
	ahead := m.ahead
	status, shown, complete, err := m.look(ctx, known)
	if err != nil {
		return mirror.View{}, err
	}
	view := m.report(status, shown, complete)
	if known.Full && view.Full {
		if view.Caught, err = m.crossCheck(ctx, &view); err != nil {
			return view, err
		}
	}
	if known.Search != nil {
		view.Found, err = m.find(ctx, *known.Search, view.New, ahead)
	}
	return view, err
}

// look tries one look after the other, and returns what SELECT said before the
// last one. complete is false where even that shows less than is there.
func (m *mailbox) look(ctx context.Context, known mirror.Known) (status mirror.Checkpoint, shown sight, complete bool, err error) {
	if ahead := m.ahead; ahead != nil {
		m.ahead = nil
		if shown, complete, err = ahead.look(m.repo, m.status, known); complete || err != nil {
			return m.status, shown, complete, err
		}
		ahead.found = nil // it would be older than what is seen now
	}
	if err := m.renew(ctx); err != nil {
		return status, sight{}, false, err
	}
	if status, err = m.checkpoint(ctx); err != nil {
		return status, sight{}, false, err
	}
	part, err := m.repo.askPart(ctx, m.known, known, status)
	if part != nil {
		m.repo.at.used = true
		shown, complete, err = part.judge(m.repo, m.known, status, m.list(ctx))
	}
	// The full look is tried twice; the second time on a fresh SELECT.
	for try := 0; try < 2 && !complete && err == nil; try++ {
		if err = m.renew(ctx); err != nil {
			break
		}
		if status, err = m.checkpoint(ctx); err != nil {
			break
		}
		m.repo.at.used = true
		shown, complete, err = m.lookFully(ctx, known, status)
	}
	return status, shown, complete, err
}

// sight is what one look showed.
type sight struct {
	there   int                   // how many of the known are shown
	changed []mirror.KnownMessage // those of them with other flags
	missing []mirror.Ref          // the known that are not shown
	arrived []mirror.Message      // ascending, not among the known
	// rests says that what was not told is taken for as it was known.
	rests bool
}

// renumbered reports whether the UIDs of the state mean nothing any more.
func renumbered(before, status mirror.Checkpoint) bool {
	return before.UIDValidity != 0 &&
		(before.UIDValidity != status.UIDValidity || status.UIDNext < before.UIDNext)
}

// report turns what was seen into the difference from what was known.
func (m *mailbox) report(status mirror.Checkpoint, shown sight, complete bool) mirror.View {
	view := mirror.View{
		Renumbered: renumbered(m.known, status),
		New:        shown.arrived,
		Changed:    shown.changed,
		Total:      shown.there + len(shown.arrived),
		Selected:   int(status.Messages),
		Keeps:      m.keeps,
		Full:       complete && !shown.rests,
	}
	if len(shown.arrived) > 0 {
		status.UIDNext = max(status.UIDNext, shown.arrived[len(shown.arrived)-1].UID+1)
	}
	if complete {
		view.Gone = shown.missing
	} else {
		view.Unknown = shown.missing
	}
	status.Messages = uint32(view.Total)
	if !complete {
		status.HighestModSeq = 0
	}
	view.Checkpoint, m.status = status, status
	return view
}

// find returns the index of uid in messages, -1 where it is not known. hint is
// the likeliest place.
func find(messages []mirror.KnownMessage, uid imap.UID, hint int) int {
	if hint < len(messages) && messages[hint].UID == uid {
		return hint
	}
	i, found := slices.BinarySearchFunc(messages, uid, func(m mirror.KnownMessage, uid imap.UID) int {
		switch {
		case m.UID < uid:
			return -1
		case m.UID > uid:
			return 1
		}
		return 0
	})
	if !found {
		return -1
	}
	return i
}
