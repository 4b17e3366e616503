package imapside

import (
	"context"
	"maps"
	"slices"

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
	if found, ok := m.foreproved(uids); ok {
		return lacking(refs, present(uids, found)), nil
	}
	if err := m.enter(ctx, false); err != nil {
		return nil, err
	}
	if err := m.repo.conn.Noop(ctx).Wait(); err != nil {
		return nil, failure("ask for changes", err, mirror.ErrDenied)
	}
	there, err := m.search(ctx, uids)
	if err != nil {
		return nil, err
	}
	return lacking(refs, there), nil
}

// lacking returns those of refs that are not present.
func lacking(refs []mirror.Ref, present map[imap.UID]bool) (absent []mirror.Ref) {
	for _, ref := range refs {
		if ref.UID != 0 && !present[ref.UID] {
			absent = append(absent, ref)
		}
	}
	return absent
}

// present returns those of uids that were found. Servers add UIDs that nobody
// asked for (iCloud).
func present(uids []imap.UID, found imap.UIDSet) map[imap.UID]bool {
	set := make(map[imap.UID]bool)
	for _, uid := range uids {
		if within(found, uid) {
			set[uid] = true
		}
	}
	return set
}

// foreproof is a second proof that was asked ahead.
type foreproof struct {
	wire     string
	uids     []imap.UID
	selected *imapconn.DataCommand[imapconn.SelectData]
	found    *imapconn.DataCommand[imap.UIDSet]
}

// askAbsent asks ahead what Absent will ask: SELECT shows the mailbox as it is
// now, and NOOP lets a server catch up that does not. Only ESEARCH says which
// search it answers (see search).
func (r *Repository) askAbsent(ctx context.Context, wire string, refs []mirror.Ref) {
	uids := ascending(refs)
	m := r.opened[wire]
	if m == nil || len(uids) == 0 || len(lines(uids)) != 1 || !r.tagsSearches() {
		return
	}
	f := &foreproof{wire: wire, uids: uids, selected: r.conn.Select(ctx, wire, r.selectOptions(m.access))}
	r.conn.Noop(ctx)
	f.found = r.conn.UIDSearch(ctx, mirror.Ranges(uids))
	r.depart()
	r.proofs = append(r.proofs, f)
}

// tagsSearches reports whether an answer says which search it belongs to.
func (r *Repository) tagsSearches() bool {
	caps, _ := r.conn.Caps()
	return caps.Has(imap.CapESearch)
}

// foreproved returns the answer to a search for uids that was asked ahead.
func (m *mailbox) foreproved(uids []imap.UID) (found imap.UIDSet, ok bool) {
	r := m.repo
	i := slices.IndexFunc(r.proofs, func(f *foreproof) bool { return f.wire == m.wire && slices.Equal(f.uids, uids) })
	if i < 0 {
		return nil, false
	}
	f := r.proofs[i]
	r.proofs = slices.Delete(r.proofs, i, i+1)
	r.forget()
	data, err := f.selected.Wait()
	if err != nil || validityOf(data) != m.status.UIDValidity {
		return nil, false
	}
	found, err = f.found.Wait()
	return found, err == nil
}

// search returns those of ascending uids that are in the selected mailbox. It
// asks for a command line of them at a time: Dovecot may answer pipelined
// searches in one go, and an untagged SEARCH does not say which it answers.
func (m *mailbox) search(ctx context.Context, uids []imap.UID) (map[imap.UID]bool, error) {
	all := make(map[imap.UID]bool)
	for _, part := range parts(uids) {
		found, err := m.repo.conn.UIDSearch(ctx, mirror.Ranges(part)).Wait()
		if err != nil {
			return nil, failure("search", err, mirror.ErrDenied)
		}
		maps.Copy(all, present(part, found))
	}
	return all, nil
}
