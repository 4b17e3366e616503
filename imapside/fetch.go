package imapside

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Fetch streams the bodies of refs to sink while they arrive, in the order of
// refs as far as the server answers in the order of the UIDs asked for. A
// message that is not there, or that the server gives no octet of (RFC 2180
// §4.1.3), is skipped.
//
// The sink runs on the reading goroutine of a connection and must not use this
// repository. When it fails, bodies that are under way are dropped.
func (m *mailbox) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	uids := inOrder(refs)
	if len(uids) == 0 {
		return nil
	}
	bodies, ahead := m.sections(ctx, uids, 0)
	bodies.body = func(uid imap.UID, body *imapconn.FetchBody) error {
		if body.Nil || body.Size == 0 {
			return nil
		}
		reader := &bodyReader{body: body}
		err := sink(mirror.Body{Ref: refOf(uid), Reader: reader, Octets: body.Size, Size: body.Size, Form: mirror.Wire})
		if failed := reader.end(); failed != nil {
			return failed
		}
		return err
	}
	return m.receive(ctx, bodies, ahead)
}

// sectionItems are what a Fetch or, where depth is not 0, an Identify asks for.
func (r *Repository) sectionItems(depth mirror.Depth) (items imapconn.FetchItems) {
	if depth != 0 {
		items = r.newItems()
		items.Flags = false
	}
	part := imapconn.PartAll
	if depth == mirror.Headers {
		part = imapconn.PartHeader
	}
	items.Sections = []imapconn.Section{{Part: part}}
	return items
}

// sections returns the stream of a Fetch or, where depth is not 0, of an Identify:
// one that was announced, and is under way, or a new one.
func (m *mailbox) sections(ctx context.Context, uids []imap.UID, depth mirror.Depth) (sections *stream, ahead bool) {
	if u := m.repo.claim(ctx, m, uids, depth); u != nil {
		return u.stream, true
	}
	return newStream(m, m.repo.sectionItems(depth), split(uids, nil)), false
}

// receive runs a stream to its end.
func (m *mailbox) receive(ctx context.Context, sections *stream, ahead bool) error {
	if !ahead {
		if err := m.enter(ctx, false); err != nil {
			return err
		}
	}
	if err := sections.run(ctx); err != nil {
		return err
	}
	if ahead && len(sections.again)+len(sections.missing) > 0 {
		if err := m.enter(ctx, false); err != nil { // another mailbox may be selected by now
			return err
		}
	}
	if err := sections.runMissing(ctx); err != nil {
		return err
	}
	return sections.runAlone(ctx)
}

// inOrder returns the UIDs of refs as they stand, each once, without 0.
func inOrder(refs []mirror.Ref) []imap.UID {
	uids := make([]imap.UID, 0, len(refs))
	listed := make(map[imap.UID]bool, len(refs))
	for _, ref := range refs {
		if ref.UID != 0 && !listed[ref.UID] {
			listed[ref.UID] = true
			uids = append(uids, ref.UID)
		}
	}
	return uids
}
