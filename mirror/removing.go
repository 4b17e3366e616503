package mirror

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// defaultTrash is made where a side has no \Trash.
const defaultTrash Name = "Trash"

// usualTrash is the pair's name of the mailbox that a side itself calls so; where the
// rules leave that side none, the one that the pair calls so.
func (x *run) usualTrash(s Side) Name {
	if name, ok := x.names.Near(defaultTrash); ok && s == Far {
		return name
	}
	return defaultTrash
}

// removals takes away what is proved gone on the other side.
func (e *effects) removals(ctx context.Context) error {
	groups := e.groups(Remove)
	e.expectEffects(ctx, groups)
	for _, g := range groups {
		b := e.box(g.mailbox)
		actions, err := e.proven(ctx, b, g.side.Other(), g.actions)
		if err != nil {
			return err
		}
		var trashed, removed []Action
		for _, a := range actions {
			if e.byTrash(a) {
				trashed = append(trashed, a)
			} else {
				removed = append(removed, a)
			}
		}
		if err := e.toTrash(ctx, g, b, trashed); err != nil {
			return err
		}
		if err := e.remove(ctx, g, b, removed); err != nil {
			return err
		}
	}
	return nil
}

// byTrash reports whether a removal goes by way of the side's \Trash. What is
// marked \Deleted already on a side that cannot expunge single messages stays
// where it is in any case; a copy in the trash may be there since an older
// state, and another would double it.
func (e *effects) byTrash(a Action) bool {
	if !e.traits[a.Side].UIDPlus && a.Message.Flags.Has(imap.FlagDeleted) {
		return false
	}
	return e.Policy.Deletions == DeleteToTrash && !a.ForGood && !e.traits[a.Side].Undo && a.Mailbox != e.trashes[a.Side]
}

// needTrash makes the trash of a side where there is none, and remembers it.
func (e *effects) needTrash(ctx context.Context, s Side) (Name, error) {
	if e.trashes[s] == "" {
		name := e.usualTrash(s)
		if err := e.Repositories[s].Create(ctx, name, imap.MailboxAttrTrash); err != nil {
			return "", err
		}
		e.trashes[s] = name
	}
	row := e.snapshot.Sides[s]
	if row.Trash == e.trashes[s] {
		return row.Trash, nil
	}
	row.Trash = e.trashes[s]
	e.snapshot.Sides[s] = row
	return row.Trash, e.commit(&Changes{Sides: []SideChange{{s, row}}})
}

// trashHandle opens the trash, which need not be among the mirrored mailboxes.
func (e *effects) trashHandle(ctx context.Context, s Side, name Name) (Mailbox, error) {
	for _, b := range e.boxes {
		if b.name == name && b.sides[s].exists() {
			return e.open(ctx, b, s)
		}
	}
	if e.trashHandles[s] == nil {
		handle, err := e.Repositories[s].Open(ctx, name, ReadWrite, Checkpoint{})
		if err != nil {
			return nil, err
		}
		e.trashHandles[s] = handle
	}
	return e.trashHandles[s], nil
}

func (e *effects) toTrash(ctx context.Context, g group, b *box, actions []Action) error {
	if len(actions) == 0 {
		return nil
	}
	source, ok, err := e.handle(ctx, b, g.side)
	if !ok || err != nil {
		return err
	}
	trash, err := e.needTrash(ctx, g.side)
	if err != nil {
		return e.failMailbox(b, g.side, "find the trash", err)
	}
	target, err := e.trashHandle(ctx, g.side, trash)
	if err != nil {
		return e.failMailbox(b, g.side, "open the trash", err)
	}
	g.target = trash
	intents, moves, err := e.announceMoves(g, actions, target, RemoveIntent)
	if err != nil {
		return err
	}
	results, moveErr := source.Move(ctx, moves, trash)
	var c Changes
	of := byUID(actions, g.side)
	for _, r := range results {
		in := intents[r.From.UID]
		if r.Err == nil && r.Pending && r.To.UID == 0 {
			in.Accepted = true
			b.incomplete = true
			c.Intents = append(c.Intents, in)
			continue
		}
		e.removed(b, g.side, *of[r.From.UID], in, Removed{Ref: r.From, Pending: r.Pending, Err: r.Err}, &c)
	}
	return e.endRemoval(b, g.side, &c, moveErr)
}

func (e *effects) remove(ctx context.Context, g group, b *box, actions []Action) error {
	if len(actions) == 0 {
		return nil
	}
	handle, ok, err := e.handle(ctx, b, g.side)
	if !ok || err != nil {
		return err
	}
	intents := map[UID]*Intent{}
	var refs []Ref
	var c Changes
	for _, a := range actions {
		refs = append(refs, a.Message.Ref)
		if a.ForGood {
			// The intent of the move that this ends says all there is to say.
			intents[a.Message.UID] = &Intent{ID: a.Intent}
			continue
		}
		in := &Intent{Kind: RemoveIntent, Side: g.side, Mailbox: b.name, Source: a.Message.Ref, Size: a.Message.Size, Date: a.Message.Date, Created: e.Now()}
		if a.Intent != 0 {
			c.DropIntents = append(c.DropIntents, a.Intent)
		}
		intents[a.Message.UID] = in
		c.Intents = append(c.Intents, in)
	}
	if err := e.commit(&c); err != nil {
		return err
	}
	results, removeErr := handle.Remove(ctx, refs, e.Policy.Deletions == DeleteToTrash)
	c = Changes{}
	of := byUID(actions, g.side)
	for _, r := range results {
		e.removed(b, g.side, *of[r.UID], intents[r.UID], r, &c)
	}
	return e.endRemoval(b, g.side, &c, removeErr)
}

// removed notes the outcome of one removal. Without UIDPLUS the message is
// still shown: its tomb keeps it from being copied back. The partner of what was pruned
// is there, and keeps its row.
func (e *effects) removed(b *box, s Side, a Action, in *Intent, r Removed, c *Changes) {
	if r.Err != nil {
		e.left(a)
		e.notDone(a, in, r.Err, c)
		e.failUnlessGone(s, b, r.UID, a.Kind.String()+" message", r.Err)
		return
	}
	o := s.Other()
	c.DropIntents = append(c.DropIntents, in.ID)
	if a.UID[o] != 0 {
		c.DropRecords = append(c.DropRecords, RecordKey{b.name, a.UID})
		if a.Kind != Prune {
			dropMessage(c, MessageKey{o, b.name, a.UID[o]})
		}
	}
	if r.Pending {
		c.Tombs = append(c.Tombs, Tomb{s, b.name, r.UID, e.Now()})
		e.result.Summary.Pending[s]++
	} else {
		dropMessage(c, MessageKey{s, b.name, r.UID})
		e.result.Summary.Removed[s]++
	}
	e.done(&a)
}

func (e *effects) endRemoval(b *box, s Side, c *Changes, effectErr error) error {
	if err := e.commit(c); err != nil {
		return err
	}
	if effectErr != nil {
		return e.failMailbox(b, s, "remove messages", effectErr)
	}
	return nil
}
