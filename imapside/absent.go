package imapside

import (
	"context"

	"github.com/emersion/go-imap/v2"

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

// search returns those of ascending uids that are in the selected mailbox. It
// asks for a command line of them at a time: Dovecot may answer pipelined
// searches in one go, and an untagged SEARCH does not say which it answers.
func (m *mailbox) search(ctx context.Context, uids []imap.UID) (map[imap.UID]bool, error) {
	present := make(map[imap.UID]bool)
	for _, part := range parts(uids) {
		found, err := m.repo.conn.UIDSearch(ctx, setOf(part)).Wait()
		if err != nil {
			return nil, failure("search", err, mirror.ErrDenied)
		}
		// Servers add UIDs that nobody asked for (iCloud): part bounds them.
		for _, uid := range part {
			if within(found, uid) {
				present[uid] = true
			}
		}
	}
	return present, nil
}
