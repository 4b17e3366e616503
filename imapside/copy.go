package imapside

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Copy makes copies with UID COPY and gives each the flags that were asked for, with
// what +FLAGS and -FLAGS must change of its donor's. In one turn the donors are looked
// at: one that is not there, or has another INTERNALDATE or size than it is known by, is
// ErrGone, and one that is marked \Deleted lends nothing: its copy would have the mark
// for a moment, in which whoever expunges the target takes it away. In the next turn they are
// copied, all that fit a command line together.
//
// What COPYUID does not tell is looked for. Where the donor is there, the copy may be, too,
// with To.UID 0. Where it is gone and COPYUID named others, nothing was copied; where
// COPYUID named none, nobody knows when it went: ErrGone without ErrNotDone.
func (m *mailbox) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	if len(copies) == 0 {
		return nil, nil
	}
	c, err := m.copying(ctx, copies, target)
	if err == nil {
		err = c.look()
	}
	if err != nil {
		if mirror.ReachOf(err) < mirror.ReachSide {
			err = notDone(err)
		}
		return nil, err
	}
	if err := c.send(); err != nil {
		return nil, err
	}
	if err := c.setFlags(); err != nil {
		return nil, err
	}
	results := make([]mirror.Copied, 0, len(copies))
	for _, one := range copies {
		result := c.results[one.Donor.UID]
		result.From = one.Donor.Ref
		results = append(results, result)
	}
	return results, nil
}

// copying is one Copy under way. results lack From.
type copying struct {
	m, to   *mailbox
	ctx     context.Context
	wanted  map[imap.UID]*mirror.Copying // by the donor's UID
	donors  map[imap.UID]mirror.Message  // as they are now
	results map[imap.UID]mirror.Copied   // by the donor's UID
}

func (m *mailbox) copying(ctx context.Context, copies []mirror.Copying, target mirror.Name) (*copying, error) {
	wire, err := m.repo.spell(target)
	if err != nil {
		return nil, err
	}
	to := m.repo.opened[wire]
	if to == nil || sameMailbox(wire, m.wire) || !m.repo.caps.Has(imap.CapUIDPlus) {
		return nil, fmt.Errorf("copy messages: %w: there, the copies could not be told from others", mirror.ErrRefused)
	}
	c := &copying{m: m, to: to, ctx: ctx, wanted: make(map[imap.UID]*mirror.Copying, len(copies)),
		donors: make(map[imap.UID]mirror.Message, len(copies)), results: make(map[imap.UID]mirror.Copied, len(copies))}
	for i := range copies {
		c.wanted[copies[i].Donor.UID] = &copies[i]
	}
	return c, m.enter(ctx, true)
}

// look finds out which donors are there and what they were known as.
func (c *copying) look() error {
	var asked []*imapconn.DataCommand[imapconn.FetchData]
	var arrived []arrival // in the order of the wire
	flags := flagReader{}
	handler := imapconn.FetchHandler{Message: func(msg *imapconn.FetchMessage) error {
		arrived = append(arrived, flags.arrival(msg))
		return nil
	}}
	for _, set := range lines(slices.Sorted(maps.Keys(c.wanted))) {
		asked = append(asked, c.m.repo.conn.UIDFetch(c.ctx, set, imapconn.FetchItems{Flags: true, InternalDate: true, Size: true}, handler))
	}
	if _, err := finish(asked); err != nil {
		return err
	}
	for _, a := range merge(arrived) {
		want := c.wanted[a.UID]
		if want != nil && a.flagged && a.Date.Equal(want.Donor.Date) && (a.Size == want.Donor.Size || want.Donor.Size == 0) {
			c.donors[a.UID] = a.Message
		}
	}
	for uid, want := range c.wanted {
		switch donor, there := c.donors[uid]; {
		case !there:
			c.results[uid] = mirror.Copied{Err: notDone(fmt.Errorf("copy message: %w", mirror.ErrGone))}
		case donor.Flags.Has(imap.FlagDeleted) && !want.Flags.Has(imap.FlagDeleted):
			delete(c.donors, uid)
			c.results[uid] = mirror.Copied{Err: notDone(fmt.Errorf("copy message: %w: it is marked \\Deleted", mirror.ErrRefused))}
		}
	}
	return nil
}

// send copies the donors in one turn.
func (c *copying) send() error {
	untold := map[imap.UID]bool{} // whether COPYUID named others
	copier := moving{m: c.m, ctx: c.ctx, target: c.to.wire}
	err := copier.copyAll(slices.Sorted(maps.Keys(c.donors)), func(uids []imap.UID, told map[imap.UID]imap.UID, refusal error) {
		for _, uid := range uids {
			to, ok := told[uid]
			switch {
			case ok:
				c.results[uid] = mirror.Copied{To: refOf(to)}
			case refusal != nil:
				c.results[uid] = mirror.Copied{Err: refusal}
			default:
				untold[uid] = len(told) > 0
			}
		}
	})
	if err != nil {
		return err
	}
	return c.judgeRest(untold)
}

// judgeRest finds out what became of donors that a COPYUID should have named, and did
// not: RFC 4315 §3 lets it leave out what was gone.
func (c *copying) judgeRest(untold map[imap.UID]bool) error {
	if len(untold) == 0 {
		return nil
	}
	present, err := c.m.search(c.ctx, slices.Sorted(maps.Keys(untold)))
	if err != nil {
		return err
	}
	for uid, others := range untold {
		gone := fmt.Errorf("copy message: %w", mirror.ErrGone)
		switch {
		case present[uid]:
			c.results[uid] = mirror.Copied{}
		case others:
			c.results[uid] = mirror.Copied{Err: notDone(gone)}
		default:
			c.results[uid] = mirror.Copied{Err: gone}
		}
	}
	return nil
}

// setFlags gives the copies the flags that were asked for, where their donors have
// others.
func (c *copying) setFlags() error {
	var changes []mirror.FlagChange
	of := map[imap.UID]imap.UID{} // the donor's UID by the copy's
	for _, uid := range slices.Sorted(maps.Keys(c.results)) {
		result := c.results[uid]
		if result.Err != nil || result.To.UID == 0 {
			continue
		}
		has, wants := c.donors[uid].Flags, c.to.keeps.Only(c.wanted[uid].Flags)
		result.Flags = c.to.keeps.Only(has)
		c.results[uid] = result
		if change := (mirror.FlagChange{Ref: result.To, Add: wants.Minus(has), Remove: has.Minus(wants)}); !change.Add.Empty() || !change.Remove.Empty() {
			changes = append(changes, change)
			of[result.To.UID] = uid
		}
	}
	if len(changes) == 0 {
		return nil
	}
	stored, err := c.to.Store(c.ctx, changes)
	if err != nil {
		return err
	}
	for _, s := range stored {
		if errors.Is(s.Err, mirror.ErrGone) {
			continue // it is not shown yet, or not any more: what it was copied with stands
		}
		result := c.results[of[s.UID]]
		result.Flags = s.Flags
		c.results[of[s.UID]] = result
	}
	return nil
}
