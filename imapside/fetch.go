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
// The sink runs on the connection's reading goroutine and must not use this
// repository. When it fails, bodies that are under way are dropped.
func (m *mailbox) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	uids := inOrder(refs)
	if len(uids) == 0 {
		return nil
	}
	bodies, ahead := m.bodies(ctx, uids)
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
	if !ahead {
		if err := m.enter(ctx, false); err != nil {
			return err
		}
	}
	if err := bodies.run(ctx); err != nil {
		return err
	}
	if ahead && len(bodies.again) > 0 {
		if err := m.enter(ctx, false); err != nil { // another mailbox may be selected by now
			return err
		}
	}
	return bodies.runAlone(ctx)
}

// bodyItems ask for whole messages.
var bodyItems = imapconn.FetchItems{Sections: []imapconn.Section{{Part: imapconn.PartAll}}}

// bodies returns the stream of whole messages: one that was announced, and is
// under way, or a new one.
func (m *mailbox) bodies(ctx context.Context, uids []imap.UID) (bodies *stream, ahead bool) {
	if u := m.repo.claim(ctx, m, uids); u != nil {
		return u.stream, true
	}
	return newStream(m, bodyItems, split(uids, nil)), false
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
