package mirror

import (
	"context"
	"errors"
	"fmt"
)

// renames gives mailboxes the names that they have on the other side now. Where a side
// does not rename one, the new one is made and the messages are moved.
func (e *effects) renames(ctx context.Context) error {
	var instead []Action
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; a.Kind == Rename {
			refused, err := e.rename(ctx, a)
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

func (e *effects) rename(ctx context.Context, a *Action) (refused bool, err error) {
	from, to := e.box(a.Mailbox), e.box(a.Target)
	if still, err := e.stillMissing(ctx, from, a.Side.Other()); err != nil || !still {
		e.left(*a)
		return false, err
	}
	if err := e.renameOne(ctx, a); err != nil {
		if ReachOf(err) > ReachMailbox || ctx.Err() != nil {
			return false, &Error{Op: "rename mailbox", Side: a.Side, Mailbox: a.Mailbox, Err: err}
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
	var c Changes
	e.renamed(from, to, a, &c)
	if err := e.commit(&c); err != nil {
		return false, err
	}
	e.result.Summary.Renamed[a.Side]++
	e.done(a)
	if err := e.subscribe(ctx, a.Side, a.Mailbox, false, subscribed); err != nil {
		return false, err
	}
	return false, e.subscribe(ctx, a.Side, a.Target, true, a.Subscribed)
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

// renamed writes the mailbox and its messages under the other name. The next round looks
// into it: where UIDVALIDITY did not stay, all is paired again by content.
func (e *effects) renamed(from, to *box, a *Action, c *Changes) {
	o := a.Side.Other()
	old := from.sides[a.Side].row
	row := MailboxRow{Side: a.Side, Name: a.Target, Origin: e.originOf(a.Side, a.Target), Role: a.Role, Subscribed: a.Subscribed,
		Checkpoint: Checkpoint{UIDValidity: old.Checkpoint.UIDValidity}}
	to.sides[a.Side].listed = &Listed{Name: a.Target, Origin: row.Origin, Role: a.Role, Subscribed: a.Subscribed}
	to.sides[a.Side].row = &row
	c.Mailboxes = append(c.Mailboxes, row)
	to.noteMailbox(o, c)
	for i := range a.Moves {
		m := &a.Moves[i]
		here, rec := m.Message, m.Record
		rec.UID[a.Side] = here.UID
		to.sides[a.Side].messages[here.UID] = &here
		c.Messages = append(c.Messages, MessageRow{a.Side, a.Target, here}, MessageRow{o, a.Target, *m.Partner})
		c.Records = append(c.Records, rec)
		c.DropQuarantine = append(c.DropQuarantine, MessageKey{o, a.Target, m.Partner.UID})
	}
	e.forgetMailbox(from, c)
	to.incomplete = true
	for _, s := range Sides {
		e.trashRenamed(s, from.name, to.name, c)
	}
}

// trashRenamed keeps to a trash that was renamed: removals go there from now on.
func (e *effects) trashRenamed(s Side, from, to Name, c *Changes) {
	row := e.snapshot.Sides[s]
	if row.Trash != from {
		return
	}
	if e.trashes[s] == "" || e.trashes[s] == from {
		e.trashes[s] = to
	}
	row.Trash = e.trashes[s]
	e.snapshot.Sides[s] = row
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
		b.sides[s].row, b.sides[s].listed, b.sides[s].handle = nil, nil, nil
	}
	b.records, b.count = nil, 0
}
