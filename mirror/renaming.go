package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// renames gives mailboxes the names that they have on the other side now. Where a side
// does not rename one, the new one is made and the messages are moved.
func (e *effects) renames(ctx context.Context) error {
	intents, err := e.announceRenames()
	if err != nil {
		return err
	}
	var instead []Action
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; a.Kind == Rename {
			refused, err := e.rename(ctx, a, intents[a.Mailbox])
			if err != nil {
				return err
			}
			if refused {
				instead = append(instead, Action{Kind: Create, Side: a.Side, Mailbox: a.Target, Role: a.Role, Subscribed: a.Subscribed})
				instead = append(instead, a.Moves...)
			}
		}
	}
	if len(instead) > 0 {
		e.plan.Actions = append(e.plan.Actions, instead...)
		sortActions(e.plan.Actions)
	}
	return nil
}

// announceRenames makes the intents of all of them durable before the first: one may take
// others along.
func (e *effects) announceRenames() (map[Name]*Intent, error) {
	intents := map[Name]*Intent{}
	var c Changes
	for _, a := range e.plan.Actions {
		if a.Kind == Rename {
			in := &Intent{Kind: RenameIntent, Side: a.Side, Mailbox: a.Mailbox, Target: a.Target, Created: e.Now()}
			intents[a.Mailbox] = in
			c.Intents = append(c.Intents, in)
		}
	}
	return intents, e.commit(&c)
}

// rename carries one out. Its intent ends with it, unless the side failed.
func (e *effects) rename(ctx context.Context, a *Action, in *Intent) (refused bool, err error) {
	ended := Changes{DropIntents: []int64{in.ID}}
	from, to := e.box(a.Mailbox), e.box(a.Target)
	if still, err := e.stillMissing(ctx, from, a.Side.Other()); err != nil || !still {
		e.left(*a)
		return false, cmp.Or(err, e.commit(&ended))
	}
	if err := e.renameOne(ctx, a); err != nil {
		if ReachOf(err) > ReachMailbox || ctx.Err() != nil {
			return false, &Error{Op: "rename mailbox", Side: a.Side, Mailbox: a.Mailbox, Err: err}
		}
		if err := e.commit(&ended); err != nil {
			return false, err
		}
		denied := isAny(err, ErrDenied) && !e.traits[a.Side].Numbers // what a file system denies is no matter of names
		if denied || isAny(err, ErrOverQuota, ErrThrottled, ErrBusy) {
			e.left(*a)
			return false, e.failMailbox(from, a.Side, "rename mailbox", err)
		}
		e.note("%s mailbox %q cannot be renamed to %q (%v): its messages are moved", a.Side, a.Mailbox.String(), a.Target.String(), err)
		e.problem(Problem{Side: a.Side.Other(), Mailbox: a.Mailbox, Reason: reasonMissing})
		return true, nil
	}
	subscribed := from.sides[a.Side].listed.Subscribed
	to.sides[a.Side].listed = &Listed{Name: a.Target, Origin: e.originOf(a.Side, a.Target), Role: a.Role, Subscribed: a.Subscribed}
	o := a.Side.Other()
	c := e.renamed(*in, to.sides[a.Side].listed, to.sides[o].listed)
	if e.traits[o].Numbers && !a.numbersStay() {
		c.Forget = append(c.Forget, MailboxKey{o, a.Target})
	}
	if err := e.commit(&c); err != nil {
		return false, err
	}
	from.leave()
	to.leave() // the next round looks into it, with what is known under its name now
	e.result.Summary.Renamed[a.Side]++
	e.done(a)
	if err := e.subscribe(ctx, a.Side, a.Mailbox, false, subscribed); err != nil {
		return false, err
	}
	return false, e.subscribe(ctx, a.Side, a.Target, true, a.Subscribed)
}

// numbersStay reports whether each message has, on the side where people renamed the
// mailbox, the UID that it had.
func (a *Action) numbersStay() bool {
	s := a.Side.Other()
	return !slices.ContainsFunc(a.Moves, func(m Action) bool { return m.Partner.UID != m.UID[s] })
}

// renameOne renames a mailbox, unless that was done with another one above it.
func (e *effects) renameOne(ctx context.Context, a *Action) error {
	if e.result.Summary.Renamed[a.Side] > 0 {
		if done, err := e.isMissing(ctx, e.box(a.Mailbox), a.Side); err != nil || done {
			if err == nil {
				_, err = e.Repositories[a.Side].Open(ctx, a.Target, ReadOnly, Checkpoint{})
			}
			return err
		}
	}
	return e.Repositories[a.Side].Rename(ctx, a.Mailbox, a.Target)
}

// subscribe puts the subscription of a mailbox right where it is to be changed. That a
// side does not do it is named, and no reason to do without the rest.
func (e *effects) subscribe(ctx context.Context, s Side, name Name, on, change bool) error {
	if !change {
		return nil
	}
	err := e.Repositories[s].Subscribe(ctx, name, on)
	if err == nil {
		return nil
	}
	if ReachOf(err) > ReachMailbox || ctx.Err() != nil {
		return &Error{Op: "change subscription", Side: s, Mailbox: name, Err: err}
	}
	e.problem(Problem{Side: s, Mailbox: name, Reason: fmt.Sprintf("change subscription: %v", err)})
	return nil
}

// stillMissing is the second proof: it asks a side for the mailbox once more.
func (e *effects) stillMissing(ctx context.Context, b *box, s Side) (bool, error) {
	missing, err := e.isMissing(ctx, b, s)
	if err != nil {
		return false, e.failMailbox(b, s, "look for mailbox once more", err)
	}
	return missing, nil
}

// renamed gives a mailbox its new name in the state, and ends the intent. there is how the
// side lists it that did it, other how the other side does, nil where that does not. UIDs
// and records stay as they were, and the next look shows whether they hold: where
// UIDVALIDITY or UIDNEXT say that they do not, all is paired again by content.
func (x *run) renamed(in Intent, there, other *Listed) (c Changes) {
	r := MailboxRename{From: in.Mailbox, To: in.Target}
	for _, side := range Sides {
		listed := there
		if side != in.Side {
			listed = other
		}
		row := MailboxRow{Side: side, Name: in.Target, Origin: x.originOf(side, in.Target)}
		if listed != nil {
			row.Origin, row.Role, row.Subscribed = listed.Origin, listed.Role, listed.Subscribed
		}
		if old := x.rowOf(side, in.Mailbox); old != nil {
			row.Checkpoint.UIDValidity = old.Checkpoint.UIDValidity
		}
		r.Rows[side] = row
		x.trashRenamed(side, in.Mailbox, in.Target, &c)
	}
	c.Renames, c.DropIntents = append(c.Renames, r), append(c.DropIntents, in.ID)
	return c
}

// rowOf is the state's row of a mailbox, nil where it has none.
func (x *run) rowOf(s Side, name Name) *MailboxRow {
	i := slices.IndexFunc(x.snapshot.Mailboxes, func(m MailboxRow) bool { return m.Side == s && m.Name == name })
	if i < 0 {
		return nil
	}
	return &x.snapshot.Mailboxes[i]
}

// settleRenames settles the renamings that an earlier run began, before anything is made of
// the listings: what was carried out is noted, and of the others nothing is left. A dry run
// leaves them out.
func (x *run) settleRenames(listings [2]Listing) error {
	isRename := func(in Intent) bool { return in.Kind == RenameIntent }
	if !slices.ContainsFunc(x.snapshot.Intents, isRename) {
		return nil
	}
	if x.DryRun {
		x.snapshot.Intents = slices.DeleteFunc(x.snapshot.Intents, isRename)
		return nil
	}
	counts, err := x.State.Counts()
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	for _, in := range x.snapshot.Intents {
		if in.Kind != RenameIntent {
			continue
		}
		there, other := listings[in.Side].find(in.Target), listings[in.Side.Other()].find(in.Target)
		c := Changes{DropIntents: []int64{in.ID}}
		if known := x.rowOf(Far, in.Mailbox) != nil && x.rowOf(Near, in.Mailbox) != nil; known && counts[in.Target] == 0 &&
			there != nil && !there.NoSelect && listings[in.Side].find(in.Mailbox) == nil {
			c = x.renamed(in, there, other)
		}
		if err := x.commit(&c); err != nil {
			return err
		}
	}
	return x.load()
}

// find returns a mailbox of a listing, nil where it is not there.
func (l Listing) find(name Name) *Listed {
	i := slices.IndexFunc(l.Mailboxes, func(m Listed) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &l.Mailboxes[i]
}

// trashRenamed keeps to a trash that was renamed: removals go there from now on.
func (x *run) trashRenamed(s Side, from, to Name, c *Changes) {
	row := x.snapshot.Sides[s]
	if row.Trash != from {
		return
	}
	if x.trashes[s] == "" || x.trashes[s] == from {
		x.trashes[s] = to
	}
	row.Trash = x.trashes[s]
	x.snapshot.Sides[s] = row
	c.Sides = append(c.Sides, SideChange{s, row})
}

// deletes removes mailboxes that are empty, those below others first.
func (e *effects) deletes(ctx context.Context) error {
	for i := len(e.plan.Actions) - 1; i >= 0; i-- {
		a := &e.plan.Actions[i]
		if a.Kind != Delete {
			continue
		}
		if err := e.deleteOne(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (e *effects) deleteOne(ctx context.Context, a *Action) error {
	b := e.box(a.Mailbox)
	if still, err := e.stillMissing(ctx, b, a.Side.Other()); err != nil || !still {
		e.left(*a)
		return err
	}
	err := e.Repositories[a.Side].Delete(ctx, a.Mailbox)
	if errors.Is(err, ErrNotEmpty) { // mail came meanwhile
		e.left(*a)
		e.problem(Problem{Side: a.Side, Mailbox: a.Mailbox, Reason: fmt.Sprintf("it is missing on the %s side and not removed here: %v", a.Side.Other(), err)})
		return nil
	}
	if err != nil {
		e.left(*a)
		return e.failMailbox(b, a.Side, "delete mailbox", err)
	}
	subscribed := b.sides[a.Side].listed.Subscribed
	var c Changes
	e.forgetMailbox(b, &c)
	if err := e.commit(&c); err != nil {
		return err
	}
	e.result.Summary.Deleted[a.Side]++
	e.done(a)
	return e.subscribe(ctx, a.Side, a.Mailbox, false, subscribed)
}

// forgetMailbox drops a mailbox that is on neither side any more.
func (e *effects) forgetMailbox(b *box, c *Changes) {
	for _, s := range Sides {
		if b.sides[s].row != nil {
			c.DropMailboxes = append(c.DropMailboxes, MailboxKey{s, b.name})
		}
	}
	b.leave()
}

// leave takes a mailbox out of the round: nothing more is noted of it.
func (b *box) leave() {
	for s := range b.sides {
		b.sides[s].row, b.sides[s].view, b.sides[s].handle = nil, nil, nil
	}
	b.records, b.count, b.visited = nil, 0, false
}
