package imapside

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// capWithin is the extension with YOUNGER and OLDER (RFC 5032).
const capWithin imap.Cap = "WITHIN"

// searched is a search that was asked ahead, together with the look that it belongs to.
type searched struct {
	criteria mirror.Criteria
	// among are the messages that it was asked of, and all from next on.
	among []imap.UID
	next  imap.UID
	// end is UIDNEXT of the SELECT before it. Of later messages it says nothing.
	end   imap.UID
	found *imapconn.DataCommand[imap.UIDSet]
}

// search asks ahead which messages match, behind the look in the mailbox selected last:
// of the known, and of those that will turn out to be new. Only ESEARCH says which search
// an answer belongs to, and a literal must not wait for the server's consent.
func (f *foreseen) search(ctx context.Context, r *Repository) {
	search := f.View.Search
	if search == nil || f.Listed.Messages == 0 || !r.tagsSearches() || !r.canSearch(search.Criteria) || !imapconn.IsASCII(search.Text) && !r.caps.Has(imap.CapLiteralPlus) {
		return
	}
	ahead := searched{criteria: search.Criteria, among: search.Among, next: max(f.Known.UIDNext, 1)}
	if renumbered(f.Known, *f.Listed) {
		ahead.among, ahead.next = nil, 1
	}
	set := mirror.Ranges(ahead.among)
	if ahead.next < f.Listed.UIDNext {
		set = append(set, from(ahead.next)...)
	} else {
		ahead.next = ^imap.UID(0) // nothing is new
	}
	if len(imapconn.SplitUIDs(set, setBeside(search.Text))) != 1 {
		return
	}
	ahead.found = r.conn.UIDSearchFor(ctx, set, search.Text)
	f.found = &ahead
}

// setBeside is how many octets of a command line an UID set may take beside text.
func setBeside(text string) int { return maxSet - len(text) }

// canSearch reports whether the server has all that criteria need.
func (r *Repository) canSearch(criteria mirror.Criteria) bool {
	return !criteria.Within || r.caps.Has(capWithin)
}

// find returns those of the messages that match, of the ones that search is about and of
// those that arrived. What was asked ahead is taken where it covers them. A server that
// refuses the criteria refuses the mailbox; what it says of messages that it was not
// asked about is left out (iCloud).
func (m *mailbox) find(ctx context.Context, search mirror.Search, arrived []mirror.Message, ahead *foreseen) ([]imap.UID, error) {
	asked := slices.Clone(search.Among)
	for i := range arrived {
		asked = append(asked, arrived[i].UID)
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	if len(asked) == 0 {
		return nil, nil
	}
	if !m.repo.canSearch(search.Criteria) {
		return nil, fmt.Errorf("%w: the server cannot search by age, with YOUNGER or OLDER (WITHIN, RFC 5032)", mirror.ErrSearch)
	}
	if ahead != nil && ahead.found.covers(search.Criteria, asked) {
		if found, err := ahead.found.found.Wait(); err == nil {
			return foundOf(asked, found), nil
		}
	}
	if err := m.enter(ctx, false); err != nil {
		return nil, err
	}
	var all []imap.UID
	for _, set := range imapconn.SplitUIDs(mirror.Ranges(asked), setBeside(search.Text)) {
		found, err := m.repo.conn.UIDSearchFor(ctx, set, search.Text).Wait()
		if errors.Is(err, imapconn.ErrNoData) || errors.Is(err, imapconn.ErrMalformed) {
			return nil, fmt.Errorf("%w: %w", mirror.ErrSearch, err)
		}
		if err != nil {
			return nil, failure("search", err, mirror.ErrSearch)
		}
		all = append(all, foundOf(asked, found)...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// covers reports whether a search was asked for criteria, and answers for all uids.
func (s *searched) covers(criteria mirror.Criteria, uids []imap.UID) bool {
	return s != nil && s.criteria == criteria && !slices.ContainsFunc(uids, func(uid imap.UID) bool {
		_, among := slices.BinarySearch(s.among, uid)
		return uid >= s.end || !among && uid < s.next
	})
}

// foundOf returns those of ascending uids that are in found.
func foundOf(uids []imap.UID, found imap.UIDSet) (list []imap.UID) {
	for _, uid := range uids {
		if within(found, uid) {
			list = append(list, uid)
		}
	}
	return list
}
