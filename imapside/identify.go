package imapside

import (
	"context"
	"fmt"
	"io"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// maxHeader is how much of a header section is read, in octets; what follows is
// skipped. Package mirror identifies by as much.
const maxHeader = 1 << 20

// Identify reads the header section (Headers) or the whole message (Bodies) of
// refs and returns the identities in the order of refs. Size is RFC822.SIZE
// with Headers, and counted with Bodies.
//
// A message that the server lists but gives no octet of stands in the result
// with ErrEmptyBody. With an error, the result holds those that were answered in
// full before it. A header section longer than 1 MiB is identified by its
// first part, which is never decisive.
func (m *mailbox) Identify(ctx context.Context, refs []mirror.Ref, depth mirror.Depth) ([]mirror.Identified, error) {
	uids := inOrder(refs)
	if len(uids) == 0 {
		return nil, nil
	}
	found := make(map[imap.UID]*mirror.Identified, len(uids))
	of := func(uid imap.UID) *mirror.Identified {
		if found[uid] == nil {
			found[uid] = &mirror.Identified{Ref: refOf(uid)}
		}
		return found[uid]
	}
	read := readHeader
	if depth == mirror.Bodies {
		read = readBody
	}
	told := make(map[imap.UID]mirror.Message)
	whole := make(map[imap.UID]bool)
	identities, ahead := m.sections(ctx, uids, depth)
	identities.body = func(uid imap.UID, body *imapconn.FetchBody) error {
		err := read(of(uid), body)
		whole[uid] = err == nil
		return err
	}
	identities.told = func(msg *imapconn.FetchMessage) {
		message := told[msg.UID]
		describe(&message, msg)
		told[msg.UID] = message
	}
	err := m.receive(ctx, identities, ahead)
	switch {
	case err == nil:
		return gather(uids, found, told), nil
	case ctx.Err() != nil: // an answer may still be on its way
		return nil, err
	}
	for uid, one := range found {
		if !whole[uid] && one.Err == nil || told[uid].Date.IsZero() {
			delete(found, uid)
		}
	}
	return gather(uids, found, told), err
}

// gather lists what was found in the order of uids.
func gather(uids []imap.UID, found map[imap.UID]*mirror.Identified, told map[imap.UID]mirror.Message) []mirror.Identified {
	list := make([]mirror.Identified, 0, len(found))
	for _, uid := range uids {
		one := found[uid]
		if one == nil {
			continue
		}
		one.Date = told[uid].Date
		one.Identity.ObjectID = told[uid].Identity.ObjectID
		if one.Size == 0 {
			one.Size = told[uid].Size
		}
		if one.Err != nil {
			one.Size, one.Identity = 0, mirror.Identity{}
		}
		list = append(list, *one)
	}
	return list
}

// readHeader identifies a message by its header section. An empty section is
// the header of a message without fields.
func readHeader(one *mirror.Identified, body *imapconn.FetchBody) error {
	if body.Nil {
		one.Err = fmt.Errorf("identify message: %w", mirror.ErrEmptyBody)
		return nil
	}
	header, err := io.ReadAll(io.LimitReader(&bodyReader{body: body}, maxHeader))
	if err != nil {
		return err
	}
	one.Identity = mirror.IdentifyHeader(header)
	one.Identity.Decisive = one.Identity.Decisive && body.Size <= maxHeader
	return nil
}

// readBody identifies a message by all its octets.
func readBody(one *mirror.Identified, body *imapconn.FetchBody) error {
	if body.Nil || body.Size == 0 {
		one.Err = fmt.Errorf("identify message: %w", mirror.ErrEmptyBody)
		return nil
	}
	hasher := mirror.NewHasher(mirror.Wire)
	if _, err := io.Copy(hasher, &bodyReader{body: body}); err != nil {
		return err
	}
	one.Size = hasher.Size()
	one.Identity = hasher.Sum()
	return nil
}
