package imapside

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Absent asks NOOP, then UID SEARCH for exactly refs. What the answer lacks is
// not there. A search that is refused, or answered without a result, is an
// error: it proves nothing.
func (m *mailbox) Absent(ctx context.Context, refs []mirror.Ref) ([]mirror.Ref, error) {
	uids := ascending(refs)
	if len(uids) == 0 {
		return nil, nil
	}
	if err := m.enter(ctx, false); err != nil {
		return nil, err
	}
	if err := m.repo.conn.Noop(ctx).Wait(); err != nil {
		return nil, failure("ask for changes", err, mirror.ErrDenied)
	}
	present, err := m.search(ctx, uids)
	if err != nil {
		return nil, err
	}
	var absent []mirror.Ref
	for _, ref := range refs {
		if ref.UID != 0 && !present[ref.UID] {
			absent = append(absent, ref)
		}
	}
	return absent, nil
}

// search returns those of ascending uids that are in the selected mailbox.
func (m *mailbox) search(ctx context.Context, uids []imap.UID) (map[imap.UID]bool, error) {
	var asked []*imapconn.DataCommand[imap.UIDSet]
	for _, set := range lines(uids) {
		asked = append(asked, m.repo.conn.UIDSearch(ctx, set))
	}
	present := make(map[imap.UID]bool)
	for _, command := range asked {
		found, err := command.Wait()
		if err != nil {
			return nil, failure("search", err, mirror.ErrDenied)
		}
		// Servers add UIDs that nobody asked for (iCloud): uids bounds them.
		for _, uid := range uids {
			if within(found, uid) {
				present[uid] = true
			}
		}
	}
	return present, nil
}
