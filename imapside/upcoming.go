package imapside

import (
	"context"
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// upcoming is a Fetch or an Identify that was announced. Its commands may be under
// way before it is called; its bodies wait, and with them all that the server sends
// behind them, until it is. So any other call drops what was announced first.
type upcoming struct {
	m      *mailbox
	uids   []imap.UID
	depth  mirror.Depth // of an Identify, 0 for a Fetch
	stream *stream
	// selected is the SELECT in front of it, nil where the mailbox was selected.
	selected *imapconn.DataCommand[imapconn.SelectData]
	begun    bool
}

// errForgotten ends what was announced when something else came before it.
var errForgotten = errors.New("something else was asked first")

// queue announces a Fetch or, where depth is not 0, an Identify of a mailbox that
// is open.
func (r *Repository) queue(wire string, messages []mirror.Message, depth mirror.Depth) {
	m := r.opened[wire]
	if m == nil {
		return
	}
	var refs []mirror.Ref
	sizes := make(map[imap.UID]int64, len(messages))
	for _, message := range messages {
		refs = append(refs, message.Ref)
		sizes[message.UID] = message.Size
		if depth == mirror.Headers {
			sizes[message.UID] = min(message.Size, usualHeader)
		}
	}
	u := &upcoming{m: m, uids: inOrder(refs), depth: depth}
	u.stream = newStream(m, r.sectionItems(depth), split(u.uids, sizes))
	if depth == 0 {
		u.stream.sizes = sizes
	}
	r.upcoming = append(r.upcoming, u)
}

// usualHeader is about how many octets a header section has.
const usualHeader = 8 << 10

// pump sends as much of what was announced as there is room for, in octets of the
// first connection. A call waits for the one before it in the same mailbox: a
// server may send the answers of several FETCHes mixed (Dovecot does when its
// output is full), and only a SELECT between them keeps them apart.
func (r *Repository) pump(ctx context.Context, room int64) {
	for _, u := range r.upcoming {
		if _, ok := u.stream.line(room); !ok || !u.begun && r.tail != nil && r.tail.m == u.m {
			return
		}
		u.begin(ctx)
		if u.stream.fill(ctx, &room); len(u.stream.windows) > 0 {
			return
		}
	}
}

// begin selects the mailbox, unless it is selected, or will be by what was sent
// before.
func (u *upcoming) begin(ctx context.Context) {
	r := u.m.repo
	if u.begun {
		return
	}
	u.begun = true
	switch {
	case r.tail != nil && r.tail.m == u.m: // its bodies have all come
		u.selected = r.tail.selected
	case r.tail == nil && u.m.selected():
		r.at.used = true
	default:
		u.selected = r.conn.Select(context.WithoutCancel(ctx), u.m.wire, r.selectOptions(u.m.access))
		r.depart()
	}
	r.tail = u
}

// claim returns what was announced of uids, the next one to arrive, and nil
// where nothing was. What was announced before it is dropped.
func (r *Repository) claim(ctx context.Context, m *mailbox, uids []imap.UID, depth mirror.Depth) *upcoming {
	i := slices.IndexFunc(r.upcoming, func(u *upcoming) bool { return u.m == m && u.depth == depth && slices.Equal(u.uids, uids) })
	if i < 0 {
		r.forget()
		return nil
	}
	for _, u := range r.upcoming[:i] {
		u.stream.abandon()
	}
	u := r.upcoming[i]
	clear(r.upcoming[:i+1]) // what they fetched is not held any longer than need be
	r.upcoming = r.upcoming[i+1:]
	u.begin(ctx)
	if u.selected != nil {
		data, err := u.selected.Wait()
		if err != nil || validityOf(data) != m.status.UIDValidity {
			u.stream.abandon()
			r.forget()
			return nil
		}
	}
	return u
}

// heldUp is closed when bodies have come that nobody takes yet, though w, which was
// asked before them, is not answered: the server sends its answers mixed. It is nil
// where nothing is announced, and for what comes over another connection.
func (r *Repository) heldUp(w window) <-chan struct{} {
	if len(r.upcoming) == 0 || w.lane != nil {
		return nil
	}
	return r.upcoming[0].stream.held
}

// forget drops what was announced and is not claimed.
func (r *Repository) forget() {
	for _, u := range r.upcoming {
		u.stream.abandon()
	}
	r.upcoming, r.tail = nil, nil
}
