package imapside

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// listQuery is a listing under way.
type listQuery struct {
	list       *imapconn.DataCommand[imapconn.ListData]
	lsub       *imapconn.DataCommand[imapconn.ListData] // nil where LIST tells
	xlist      *imapconn.DataCommand[imapconn.ListData] // nil where LIST tells special uses, or nobody does
	extended   bool
	withStatus bool
}

// List returns the mailboxes of the personal namespace: with LIST-STATUS
// (RFC 5819) in one turn, else with a pipelined STATUS for each, two turns. A
// STATUS that was refused or did not come leaves that mailbox without one.
//
// What the listing teaches about the spelling of names holds for all calls
// that follow, so List comes before them.
func (r *Repository) List(ctx context.Context, brief bool) (mirror.Listing, error) {
	listing, err := r.list(ctx, brief)
	if r.farewell != nil && r.denied == nil && (errors.Is(err, mirror.ErrCut) || errors.Is(err, mirror.ErrProtocol)) && ctx.Err() == nil {
		// The server is not what it was when it answered all that in one turn.
		r.memory.Whole = false
		listing, err = r.list(ctx, false)
	}
	return listing, err
}

func (r *Repository) list(ctx context.Context, brief bool) (mirror.Listing, error) {
	query, err := r.ask(ctx, brief)
	if err != nil {
		return mirror.Listing{}, err
	}
	data, err := query.list.Wait()
	if query.extended && refused(err) != nil {
		r.plainList, r.memory.Whole = true, false
		if query, err = r.ask(ctx, false); err != nil {
			return mirror.Listing{}, err
		}
		data, err = query.list.Wait()
	}
	if err != nil {
		return mirror.Listing{}, failure("list mailboxes", err, mirror.ErrProtocol)
	}
	subscribed, err := query.subscribed()
	if err != nil {
		return mirror.Listing{}, err
	}
	if err := query.addUses(data.Entries); err != nil {
		return mirror.Listing{}, err
	}
	if !query.withStatus {
		if err := r.statusOfEach(ctx, data.Entries); err != nil {
			return mirror.Listing{}, err
		}
	}
	return r.readListing(data, subscribed), nil
}

// ask sends the questions of a listing, together with the beginning of the
// session, and with its end where brief holds and the server has answered as
// much in one turn before.
func (r *Repository) ask(ctx context.Context, brief bool) (query listQuery, err error) {
	err = r.together(ctx, func() {
		query = r.startList(ctx)
		if r.stage != greeted {
			return
		}
		if brief && r.memory.Whole && query.withStatus {
			r.farewell = r.conn.Logout(ctx)
		}
		r.memory.Whole = query.withStatus
	})
	return query, err
}

// subscribed waits for LSUB, where it was asked.
func (q listQuery) subscribed() ([]imapconn.ListEntry, error) {
	if q.lsub == nil {
		return nil, nil
	}
	answer, err := q.lsub.Wait()
	return answer.Entries, failure("list subscriptions", err, mirror.ErrProtocol)
}

// capXlist is how servers told special uses before RFC 6154.
const capXlist imap.Cap = "XLIST"

// startList queues LIST, LSUB where LIST cannot tell subscriptions, and XLIST where
// that alone tells special uses.
func (r *Repository) startList(ctx context.Context) (query listQuery) {
	uses := r.caps.Has(imap.CapSpecialUse)
	if r.caps.Has(imap.CapListExtended) && !r.plainList {
		query.extended, query.withStatus = true, r.caps.Has(imap.CapListStatus)
		opts := &imapconn.ListOptions{Subscribed: true, SpecialUse: uses}
		if query.withStatus {
			opts.Status = r.statusItems()
		}
		query.list = r.conn.List(ctx, "", "*", opts)
	} else {
		query.list, query.lsub = r.conn.List(ctx, "", "*", nil), r.conn.Lsub(ctx, "", "*")
	}
	if !uses && r.caps.Has(capXlist) {
		query.xlist = r.conn.Xlist(ctx, "", "*")
	}
	return query
}

// addUses adds the attributes of XLIST to the entries of LIST. A server that does not
// answer it tells no special uses.
func (q listQuery) addUses(entries []imapconn.ListEntry) error {
	if q.xlist == nil {
		return nil
	}
	answer, err := q.xlist.Wait()
	if refused(err) != nil {
		return nil
	}
	attrs := make(map[string][]imap.MailboxAttr, len(answer.Entries))
	for _, entry := range answer.Entries {
		attrs[entry.Name] = entry.Attrs
	}
	for i := range entries {
		entries[i].Attrs = append(entries[i].Attrs, attrs[entries[i].Name]...)
	}
	return failure("list special uses", err, mirror.ErrProtocol)
}

// statusItems are what a checkpoint consists of.
func (r *Repository) statusItems() imapconn.StatusItems {
	items := imapconn.StatusMessages | imapconn.StatusUIDNext | imapconn.StatusUIDValidity
	if r.condStore() {
		items |= imapconn.StatusHighestModSeq
	}
	return items
}

// statusOfEach fills in the status of every mailbox that can be selected.
func (r *Repository) statusOfEach(ctx context.Context, entries []imapconn.ListEntry) error {
	asked := make([]*imapconn.DataCommand[imapconn.StatusData], len(entries))
	for i := range entries {
		if entry := &entries[i]; r.space.owns(entry.Name) && !unselectable(entry) {
			asked[i] = r.conn.Status(ctx, entry.Name, r.statusItems())
		}
	}
	for i, command := range asked {
		if command == nil {
			continue
		}
		status, err := command.Wait()
		switch {
		case err == nil:
			entries[i].Status = &status
		case refused(err) != nil && temporary(refused(err)) == nil,
			errors.Is(err, imapconn.ErrNoData), errors.Is(err, imapconn.ErrMalformed):
			// Unknown, which is not unchanged.
		default:
			return failure("ask for status", err, mirror.ErrProtocol)
		}
	}
	return nil
}

// readListing turns what the server listed into what can be mirrored.
func (r *Repository) readListing(data imapconn.ListData, subscribed []imapconn.ListEntry) mirror.Listing {
	own := slices.DeleteFunc(slices.Clone(data.Entries), func(e imapconn.ListEntry) bool { return !r.space.owns(e.Name) })
	r.learnNames(own)
	var listing mirror.Listing
	index := make(map[mirror.Name]int)
	spelled := make(map[mirror.Name]string)
	for i := range own {
		entry := &own[i]
		name, err := r.codec.Decode(entry.Name)
		if err == nil {
			if before, known := spelled[name]; known {
				if !sameMailbox(before, entry.Name) {
					err = fmt.Errorf("it stands for the same mailbox as %q", before)
				} else {
					mergeListed(&listing.Mailboxes[index[name]], r.listed(name, entry))
					continue
				}
			}
		}
		if err != nil {
			// A name without messages is no loss; those below it are refused
			// each for itself.
			if !unselectable(entry) {
				listing.Refused = append(listing.Refused, mirror.RefusedName{Raw: entry.Name, Err: fmt.Errorf("%w: %w", mirror.ErrName, err)})
			}
			continue
		}
		index[name], spelled[name] = len(listing.Mailboxes), entry.Name
		listing.Mailboxes = append(listing.Mailboxes, r.listed(name, entry))
	}
	for _, entry := range subscribed {
		if name, err := r.codec.Decode(entry.Name); err == nil {
			if i, known := index[name]; known {
				listing.Mailboxes[i].Subscribed = true
			}
		}
	}
	if data.Unread > 0 {
		listing.Refused = append(listing.Refused, mirror.RefusedName{
			Err: fmt.Errorf("%w: the server listed %d names that cannot be read", mirror.ErrName, data.Unread)})
	}
	slices.SortFunc(listing.Mailboxes, func(a, b mirror.Listed) int { return strings.Compare(string(a.Name), string(b.Name)) })
	onePerRole(listing.Mailboxes)
	return listing
}

// learnNames tells the codec what the server's own spelling is.
func (r *Repository) learnNames(own []imapconn.ListEntry) {
	names := make([]string, len(own))
	for i, entry := range own {
		names[i] = entry.Name
		if r.space.delim == 0 && entry.Delim != 0 {
			// NAMESPACE said nothing of a hierarchy, LIST does.
			r.space.delim = entry.Delim
		}
	}
	r.codec = r.space.codec().WithListed(names)
}

func (r *Repository) listed(name mirror.Name, entry *imapconn.ListEntry) mirror.Listed {
	listed := mirror.Listed{
		Name:       name,
		Role:       roleByAttr(entry),
		Subscribed: entry.Has(attrSubscribed),
		NoSelect:   unselectable(entry),
	}
	if listed.NoSelect {
		listed.Role = ""
	} else if entry.Status != nil {
		listed.Status = checkpointOf(entry.Status)
	}
	return listed
}

// mergeListed takes over what a second LIST reply for the same mailbox adds.
func mergeListed(into *mirror.Listed, again mirror.Listed) {
	into.Subscribed = into.Subscribed || again.Subscribed
	into.NoSelect = into.NoSelect && again.NoSelect
	if into.Role == "" {
		into.Role = again.Role
	}
	if into.Status == nil {
		into.Status = again.Status
	}
}

// checkpointOf reads a STATUS reply. Items that were not told stay 0, "not
// known".
func checkpointOf(status *imapconn.StatusData) *mirror.Checkpoint {
	point := &mirror.Checkpoint{}
	if status.Has&imapconn.StatusMessages != 0 {
		point.Messages = status.Messages
	}
	if status.Has&imapconn.StatusUIDNext != 0 {
		point.UIDNext = status.UIDNext
	}
	if status.Has&imapconn.StatusHighestModSeq != 0 {
		point.HighestModSeq = status.HighestModSeq
	}
	if status.Has&imapconn.StatusUIDValidity != 0 {
		point.UIDValidity = status.UIDValidity
		if point.UIDValidity == 0 {
			point.UIDValidity, point.HighestModSeq = noUIDValidity, 0
		}
	}
	return point
}
