package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/sync/errgroup"

	"mailtwin/nametrans"
)

// gather lists both sides and looks into the mailboxes that may have changed.
// See round for only and wide.
func (x *run) gather(ctx context.Context, only map[Name]bool, wide bool) (boxes []*box, listings [2]Listing, err error) {
	if listings, err = x.list(ctx); err != nil {
		return nil, listings, err
	}
	if err = x.settleRenames(listings); err != nil {
		return nil, listings, err
	}
	if boxes, err = x.arrange(listings); err != nil {
		return nil, listings, err
	}
	x.boxes = boxes
	x.findParents(listings)
	visit := slices.DeleteFunc(slices.Clone(boxes), func(b *box) bool { return !x.mustVisit(b, only, wide) })
	visit = x.withMissing(boxes, visit)
	x.leaveUnseen(boxes, visit)
	for _, b := range visit {
		b.visited = true
		if err := x.loadBox(b, only != nil); err != nil {
			return nil, listings, err
		}
	}
	if len(visit) > 0 {
		if err := x.loadHalves(boxes); err != nil {
			return nil, listings, err
		}
	}
	if err := x.look(ctx, visit); err != nil {
		return nil, listings, err
	}
	x.noteUnseen(visit)
	if err := x.completeBoxes(visit); err != nil {
		return nil, listings, err
	}
	findMadeAnew(visit)
	x.stopExchanged(visit)
	x.stopWindowed(visit)
	return boxes, listings, x.forgetRenumbered(visit)
}

// list asks both sides: first the local one, which may show that nothing else
// than a listing is to be expected of the other.
func (x *run) list(ctx context.Context) (listings [2]Listing, err error) {
	resting := true
	for _, local := range []bool{true, false} {
		g, gctx := errgroup.WithContext(ctx)
		for _, s := range Sides {
			if x.traits[s].Local != local {
				continue
			}
			brief := !local && resting && x.expectsNothing(s)
			g.Go(func() error {
				var err error
				if listings[s], err = x.Repositories[s].List(gctx, brief); err != nil {
					return &Error{Op: "list mailboxes", Side: s, Err: err}
				}
				return nil
			})
		}
		if err = g.Wait(); err != nil {
			return listings, err
		}
		for _, s := range Sides {
			if x.traits[s].Local == local && (s == Near || x.Rules.Empty()) {
				x.learnListing(listings[s]) // a far one once it is translated
			}
			resting = resting && (x.traits[s].Local != local || x.rests(s, listings[s]))
		}
	}
	x.listed = true
	x.translate(&listings)
	return listings, nil
}

// expectsNothing reports whether this is the run's first listing, nothing is
// unfinished, and the last run that wrote anything found nothing on a side.
func (x *run) expectsNothing(s Side) bool {
	return !x.listed && x.snapshot.Sides[s].Quiet && !x.Full && !x.newSettings() && !x.anyStale(s) &&
		len(x.snapshot.Intents) == 0 && !slices.ContainsFunc(x.snapshot.Quarantine, x.due)
}

// rests reports whether a listing shows every mailbox that takes part as the
// state knows it.
func (x *run) rests(s Side, listing Listing) bool {
	known := map[Name]Checkpoint{}
	for _, row := range x.snapshot.Mailboxes {
		if row.Side == s {
			known[row.Name] = row.Checkpoint
		}
	}
	for _, l := range listing.Mailboxes {
		if x.selects(l.Name) && !l.NoSelect && (l.Status == nil || !known[l.Name].Unchanged(*l.Status)) {
			return false
		}
	}
	return true
}

// arrange makes a box of every selected name that a side lists or the state
// knows, sorted by name.
func (x *run) arrange(listings [2]Listing) ([]*box, error) {
	byName := map[Name]*box{}
	at := func(name Name) *box {
		if byName[name] == nil {
			b := &box{name: name}
			for _, s := range Sides {
				b.sides[s] = boxSide{messages: map[UID]*Message{}, gone: map[UID]bool{}, unknown: map[UID]bool{}, learned: map[UID]bool{}, was: map[UID]Flags{}, unreadable: map[UID]bool{}}
			}
			byName[name] = b
		}
		return byName[name]
	}
	for _, s := range Sides {
		for _, refused := range listings[s].Refused {
			x.problem(Problem{Side: s, Reason: fmt.Sprintf("mailbox %q is left out: %v", refused.Raw, refused.Err)})
		}
		x.findTrash(s, listings[s])
		for i := range listings[s].Mailboxes {
			l := &listings[s].Mailboxes[i]
			if hidden := !x.selects(l.Name); !hidden || x.awaits(s, l.Name) {
				b := at(l.Name)
				b.sides[s].listed, b.hidden = l, hidden
			}
		}
	}
	for i := range x.snapshot.Mailboxes {
		if row := &x.snapshot.Mailboxes[i]; x.selects(row.Name) {
			at(row.Name).sides[row.Side].row = row
		}
	}
	x.blockCollisions(byName)
	x.blockUnmapped(byName)
	for key, reason := range x.stopped {
		at(key.Name).sides[key.Side].blocked = reason
	}
	counts, err := x.State.Counts()
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var boxes []*box
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		b := byName[name]
		b.count = counts[name]
		if !b.containerOnly() {
			boxes = append(boxes, b)
		}
	}
	x.chooseCompared(boxes)
	return boxes, nil
}

// blockCollisions leaves mailboxes alone that a side may take one for another.
func (x *run) blockCollisions(byName map[Name]*box) {
	var names [2][]Name
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		for _, s := range Sides {
			if byName[name].sides[s].exists() {
				names[s] = append(names[s], name)
			}
		}
	}
	fold := x.traits[Far].FoldsCase || x.traits[Near].FoldsCase
	for _, c := range nametrans.Collisions(names[Far], names[Near], fold) {
		reason := fmt.Sprintf("%s: %s", c.Reason, spelled(c.Far, c.Near))
		for _, name := range slices.Concat(c.Far, c.Near) {
			for _, s := range Sides {
				byName[name].sides[s].blocked = reason
			}
		}
	}
}

// spelled lists names of both sides so that people can find them.
func spelled(far, near []Name) string {
	var list []string
	for s, names := range [][]Name{far, near} {
		for _, name := range names {
			list = append(list, fmt.Sprintf("%s %+q", Side(s), name.String()))
		}
	}
	return strings.Join(list, ", ")
}

// findTrash chooses the mailbox that removals of a side go to: by its role, the
// one used before if it is still there, else one with the usual name. "" means
// that one must be made.
func (x *run) findTrash(s Side, listing Listing) {
	before, usual := x.snapshot.Sides[s].Trash, x.usualTrash(s)
	x.trashes[s] = ""
	for _, l := range listing.Mailboxes {
		switch {
		case l.NoSelect:
		case l.Role == imap.MailboxAttrTrash:
			x.trashes[s] = l.Name
			return
		case l.Name == before, l.Name == usual && x.trashes[s] == "":
			x.trashes[s] = l.Name
		}
	}
}

// awaits reports whether an interrupted removal went to a mailbox.
func (x *run) awaits(s Side, name Name) bool {
	return slices.ContainsFunc(x.snapshot.Intents, func(in Intent) bool {
		return in.Kind == RemoveIntent && in.Side == s && in.Target == name
	})
}

// containerOnly reports whether the name holds no mail on any side and never
// did.
func (b *box) containerOnly() bool {
	for _, s := range Sides {
		if b.sides[s].exists() || b.sides[s].row != nil {
			return false
		}
	}
	return true
}

// Selectable is what a choice of mailboxes may go by.
type Selectable struct {
	Name Name
	// Roles are the special uses that either side gives it, and Subscribed says that
	// one of them has it subscribed; where it is missing, as it was known last.
	Roles      []Role
	Subscribed bool
	listed     bool // in this run
}

// learn notes what the state or a listing says of a mailbox. A role that one of them
// told is kept; a listing knows best whether it is subscribed.
func (x *run) learn(name Name, role Role, subscribed, listed bool) {
	if x.about == nil {
		x.about = map[Name]Selectable{}
	}
	s := x.about[name]
	if listed && !s.listed {
		s.listed, s.Subscribed = true, false
	}
	s.Name = name
	s.Subscribed = s.Subscribed || subscribed && (listed || !s.listed)
	if role != "" && !slices.Contains(s.Roles, role) {
		s.Roles = append(s.Roles, role)
	}
	x.about[name] = s
}

func (x *run) learnListing(listing Listing) {
	for _, l := range listing.Mailboxes {
		x.learn(l.Name, l.Role, l.Subscribed, true)
	}
}

func (x *run) selects(name Name) bool {
	if x.Selected == nil {
		return true
	}
	about := x.about[name]
	about.Name = name
	return x.Selected(about)
}

// mustVisit reports whether anything may have happened in b.
func (x *run) mustVisit(b *box, only map[Name]bool, wide bool) bool {
	if only[b.name] {
		return true
	}
	// Of one that was stopped before it is looked into it must be known what left it: that
	// is not new elsewhere, in a later round as little as in the first.
	stopped := b.sides[Far].blocked != "" || b.sides[Near].blocked != ""
	if only != nil && !wide && !stopped {
		return false
	}
	if x.Full || x.newSettings() || x.pending(b.name) {
		return b.sides[Far].exists() || b.sides[Near].exists()
	}
	for _, s := range Sides {
		o := s.Other()
		toBeMade := b.sides[o].row == nil && b.sides[o].listed == nil && x.Policy.Create.Allows(o)
		if b.sides[s].compare || b.sides[s].exists() && (toBeMade || !b.sides[s].unchanged()) {
			return true
		}
	}
	return false
}

// newSettings reports whether the last run had another policy.
func (x *run) newSettings() bool {
	return x.snapshot.LastRun != nil && x.snapshot.LastRun.Settings != x.Policy.Settings()
}

func (s *boxSide) unchanged() bool {
	return s.row != nil && s.listed.Status != nil && s.row.Checkpoint.Unchanged(*s.listed.Status)
}

// pending reports whether the state holds unfinished business in a mailbox.
func (x *run) pending(name Name) bool {
	for _, in := range x.snapshot.Intents {
		if in.Kind != GhostIntent && (in.Mailbox == name || in.Target == name) {
			return true
		}
	}
	for _, q := range x.snapshot.Quarantine {
		if q.Mailbox == name && x.due(q) && !tentative(q) {
			return true
		}
	}
	return false
}

// look views the mailboxes of both sides, the sides at the same time. Errors
// that reach no further than a mailbox block it on that side.
func (x *run) look(ctx context.Context, visit []*box) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range Sides {
		g.Go(func() error {
			x.expect(gctx, visit, s)
			for _, b := range visit {
				if err := x.lookInto(gctx, b, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// noteUnseen remembers which mailboxes could not be looked into.
func (x *run) noteUnseen(visit []*box) {
	for _, b := range visit {
		for _, s := range Sides {
			if key := (MailboxKey{s, b.name}); b.sides[s].blocked != "" {
				x.unseen[key] = b.sides[s].blocked
			} else {
				delete(x.unseen, key)
			}
		}
	}
}

// leaveUnseen leaves alone what could not be looked into in an earlier round, and is not
// looked into in this one: it is listed, and nobody knows what it holds.
func (x *run) leaveUnseen(boxes, visit []*box) {
	for key, reason := range x.unseen {
		if b := findBox(boxes, key.Name); b != nil && !slices.Contains(visit, b) && b.sides[key.Side].blocked == "" {
			b.sides[key.Side].blocked = reason
		}
	}
}

// expect announces the looks to come.
func (x *run) expect(ctx context.Context, visit []*box, s Side) {
	var views []Expected
	for _, b := range visit {
		if side := &b.sides[s]; x.toLookInto(b, s) && side.handle == nil {
			views = append(views, Expected{Name: b.name, Access: x.access(s), Known: b.known(s, x.snapshot.Intents), Listed: side.listed.Status, View: x.knownTo(b, s)})
		}
	}
	if len(views) > 0 {
		x.Repositories[s].Expect(ctx, views)
	}
}

// toLookInto reports whether a mailbox of a side may show something new.
func (x *run) toLookInto(b *box, s Side) bool {
	side := &b.sides[s]
	return side.exists() && side.blocked == "" && (!side.unchanged() || side.compare || x.Full || x.pending(b.name) || x.mustSearch(b, s))
}

// knownTo returns what a side's view is compared with.
func (x *run) knownTo(b *box, s Side) *Known {
	side := &b.sides[s]
	if side.known == nil {
		side.known = &Known{Rows: x.knownRows(b, s), Full: x.Full || side.compare, Search: x.searchOf(b, s)}
	}
	return side.known
}

func (x *run) lookInto(ctx context.Context, b *box, s Side) error {
	side := &b.sides[s]
	if side.mayBeMissing() {
		return x.proveMissing(ctx, b, s)
	}
	if !x.toLookInto(b, s) {
		return nil
	}
	x.report(Event{Kind: Viewing, Side: s, Mailbox: b.name})
	handle, err := x.open(ctx, b, s)
	if err == nil {
		var v View
		if v, err = handle.View(ctx, *x.knownTo(b, s)); err == nil {
			if err := x.take(b, s, v); err != nil {
				return err
			}
			if v.Caught != "" {
				x.note("%s mailbox %q: %s", s, b.name.String(), v.Caught)
			}
			return nil
		}
	}
	if ReachOf(err) > ReachMailbox || ctx.Err() != nil {
		return &Error{Op: "look into mailbox", Side: s, Mailbox: b.name, Err: err}
	}
	side.blocked = err.Error()
	return nil
}

// access is what the mailboxes of a side are opened for.
func (x *run) access(s Side) Access {
	if x.DryRun || !x.Policy.Writes(s) {
		return ReadOnly
	}
	return ReadWrite
}

// open returns the handle of a mailbox, opening it once a round.
func (x *run) open(ctx context.Context, b *box, s Side) (Mailbox, error) {
	side := &b.sides[s]
	if side.handle != nil {
		return side.handle, nil
	}
	if err := x.countRows(b, s); err != nil {
		return nil, err
	}
	handle, err := x.Repositories[s].Open(ctx, b.name, x.access(s), b.known(s, x.snapshot.Intents))
	if err != nil {
		return nil, err
	}
	side.handle = handle
	return handle, nil
}

// handle opens a mailbox for an effect. ok is false, and the problem named,
// where the mailbox cannot be worked in.
func (x *run) handle(ctx context.Context, b *box, s Side) (handle Mailbox, ok bool, err error) {
	handle, err = x.open(ctx, b, s)
	if err == nil {
		return handle, true, nil
	}
	return nil, false, x.failMailbox(b, s, "open mailbox", err)
}

// failMailbox names a mailbox that failed, and returns the error only when it
// reaches further than that.
func (x *run) failMailbox(b *box, s Side, op string, err error) error {
	if ReachOf(err) > ReachMailbox || errors.Is(err, context.Canceled) {
		return &Error{Op: op, Side: s, Mailbox: b.name, Err: err}
	}
	b.incomplete = true
	b.sides[s].blocked = err.Error()
	x.passing(err)
	x.problem(Problem{Side: s, Mailbox: b.name, Reason: fmt.Sprintf("%s: %v", op, err)})
	return nil
}

// passing notes an error that another run may find gone.
func (x *run) passing(err error) {
	if isAny(err, ErrOverQuota, ErrThrottled, ErrBusy) {
		x.result.Temporary = true
	}
}
