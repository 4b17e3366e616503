package mirror

import "context"

// prunings takes copies off the near side that left the window, past its trash: what is
// put there would be mirrored again. The far messages are asked for once more before:
// each must be there.
func (e *effects) prunings(ctx context.Context) error {
	groups := e.groups(Prune)
	e.expectEffects(ctx, groups)
	for _, g := range groups {
		if err := e.prune(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (e *effects) prune(ctx context.Context, g group) error {
	b := e.box(g.mailbox)
	actions, err := e.present(ctx, b, g.side.Other(), g.actions)
	if err != nil || len(actions) == 0 {
		return err
	}
	handle, ok, err := e.handle(ctx, b, g.side)
	if !ok || err != nil {
		return err
	}
	intents := map[UID]*Intent{}
	var refs []Ref
	var c Changes
	for i := range actions {
		a := &actions[i]
		in := &Intent{Kind: RemoveIntent, Side: g.side, Mailbox: b.name, Source: a.Message.Ref, Size: a.Message.Size, Date: a.Message.Date, Created: e.Now()}
		intents[a.Message.UID] = in
		refs = append(refs, a.Message.Ref)
		c.Intents = append(c.Intents, in)
		if a.Intent != 0 {
			c.DropIntents = append(c.DropIntents, a.Intent)
		}
	}
	if err := e.commit(&c); err != nil {
		return err
	}
	results, removeErr := handle.Remove(ctx, refs, e.Policy.Deletions == DeleteToTrash)
	c = Changes{}
	of := byUID(actions, g.side)
	for _, r := range results {
		e.pruned(b, g.side, *of[r.UID], intents[r.UID], r, &c)
	}
	return e.endRemoval(b, g.side, &c, removeErr)
}

// pruned notes the outcome of one pruning. The far message keeps its row: it is known,
// and outside the window.
func (e *effects) pruned(b *box, s Side, a Action, in *Intent, r Removed, c *Changes) {
	if r.Err != nil {
		e.left(a)
		e.notDone(a, in, r.Err, c)
		e.failUnlessGone(s, b, r.UID, "take copy off", r.Err)
		return
	}
	c.DropIntents = append(c.DropIntents, in.ID)
	c.DropRecords = append(c.DropRecords, RecordKey{b.name, a.UID})
	if r.Pending {
		c.Tombs = append(c.Tombs, Tomb{s, b.name, r.UID, e.Now()})
		e.result.Summary.Pending[s]++
	} else {
		dropMessage(c, MessageKey{s, b.name, r.UID})
		e.result.Summary.Removed[s]++
	}
	e.done(&a)
}

// present returns the actions whose partners on side s are there when they are asked for
// once more. The others are left to the next run.
func (e *effects) present(ctx context.Context, b *box, s Side, actions []Action) ([]Action, error) {
	gone, err := e.absent(ctx, b, s, actions)
	if err != nil || gone == nil {
		return nil, err
	}
	var out []Action
	for _, a := range actions {
		if gone[a.UID[s]] || a.UID[s] == 0 {
			e.left(a)
		} else {
			out = append(out, a)
		}
	}
	return out, nil
}
