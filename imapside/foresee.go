package imapside

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// foreseen is what was asked of a mailbox before anybody opened it: SELECT and
// perhaps one look, in a row with those of other mailboxes. The answers are judged
// when they are wanted; what does not add up is asked for again, alone.
type foreseen struct {
	mirror.Expected
	selected *imapconn.DataCommand[imapconn.SelectData]
	// One of these was asked, none where the mailbox was said to be empty or
	// nothing was said of it.
	part  *partLook
	fully *fullLook
	uids  *imapconn.DataCommand[imap.UIDSet] // with part, nil where they should not be needed
	found *searched                          // what a search was asked for, nil where it was not
	anew  bool                               // fully takes the mailbox for renumbered
}

// Expect asks for what is going to be wanted in one turn, as far as that is safe
// to ask without knowing the answers before it. A mailbox that is to be viewed, and
// of which the listing told nothing, is left to Open.
func (r *Repository) Expect(ctx context.Context, calls []mirror.Expected) {
	if r.attend(ctx) != nil {
		return // the calls to come will say why
	}
	r.ahead, r.last, r.proofs, r.changes, r.early = make(map[string]*foreseen), nil, nil, nil, nil
	r.creating, r.subscribing = make(map[string]*imapconn.Command), make(map[string]*imapconn.Command)
	for _, call := range calls {
		wire, err := r.spell(call.Name)
		switch {
		case err != nil:
		case len(call.Absent) > 0:
			r.askAbsent(ctx, wire, call.Absent)
		case len(call.Fetch) > 0:
			r.queue(wire, call.Fetch, 0)
		case len(call.Identify) > 0:
			r.queue(wire, call.Identify, call.Depth)
		case call.Create:
			r.createAhead(ctx, wire, call)
		case call.Changes:
			r.changes = append(r.changes, wire)
		default:
			r.foresee(ctx, wire, call)
		}
	}
	r.pump(ctx, r.lanes.ahead())
}

func (r *Repository) foresee(ctx context.Context, wire string, call mirror.Expected) {
	told := call.Listed != nil && call.Listed.UIDValidity != 0
	if call.View != nil && !told || r.access == mirror.ReadOnly && call.Access != mirror.ReadOnly {
		return
	}
	f := &foreseen{Expected: call, selected: r.conn.Select(ctx, wire, r.selectOptions(call.Access))}
	if call.View != nil {
		f.ask(ctx, r)
		f.search(ctx, r)
	}
	r.depart()
	r.last, r.ahead[wire] = f, f
}

// ask asks what the listing lets expect to be needed.
func (f *foreseen) ask(ctx context.Context, r *Repository) {
	listed := *f.Listed
	if listed.Messages == 0 {
		return
	}
	var err error
	if f.part, err = r.askPart(ctx, f.Known, *f.View, listed); err != nil {
		return // View will meet it
	}
	if f.part != nil {
		if !rests(f.Known, listed) && !f.part.vanished {
			f.uids = r.conn.UIDSearch(ctx, from(1))
		}
		return
	}
	var known []mirror.KnownMessage
	if f.anew = renumbered(f.Known, listed); !f.anew {
		if known, err = f.View.All(); err != nil {
			return
		}
	}
	fully := r.askFully(ctx, known)
	f.fully = &fully
}

// foresaw makes m what SELECT said before anybody opened it, and reports whether
// there was one and it serves.
func (m *mailbox) foresaw() bool {
	r := m.repo
	f := r.ahead[m.wire]
	if f == nil {
		return false
	}
	delete(r.ahead, m.wire)
	if f.Access != m.access || f.Known != m.known {
		return false
	}
	data, err := f.selected.Wait()
	if err != nil || data.UIDValidity == 0 || data.UIDNext == 0 {
		return false
	}
	m.tell(data)
	m.ahead = f
	if f.found != nil {
		f.found.end = data.UIDNext
	}
	if f == r.last && r.at == nil {
		r.at = &selection{wire: m.wire, readOnly: m.access == mirror.ReadOnly, used: true}
	}
	return true
}

// look judges the look that was asked ahead. complete is false where it is of no
// use.
func (f *foreseen) look(r *Repository, status mirror.Checkpoint, known mirror.Known) (shown sight, complete bool, err error) {
	anew := renumbered(f.Known, status)
	switch {
	case f.View == nil:
	case known.Full != f.View.Full || known.Len() != f.View.Len():
	case status.Messages == 0 && !anew:
		messages, err := f.View.All()
		return newLooker(messages).sight(), err == nil, err
	case f.part != nil && f.part.part == r.partOf(f.Known, *f.View, status):
		return f.part.judge(r, f.Known, status, func() *imapconn.DataCommand[imap.UIDSet] { return f.uids })
	case f.fully != nil && f.anew == anew:
		return f.fully.judge(status, func([]imap.UID) []*imapconn.DataCommand[imapconn.FetchData] { return nil })
	}
	return sight{}, false, nil
}
