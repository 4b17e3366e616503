package mirror

import (
	"context"
	"slices"
)

// expectEffects announces what groups of moves, removals or changes of flags will
// ask of both sides: second proofs, mailboxes that are not open yet, and in which
// order messages are changed.
func (e *effects) expectEffects(ctx context.Context, groups []group) {
	var calls [2][]Expected
	for _, g := range groups {
		calls[g.side] = e.expectOpen(calls[g.side], g.side, g.mailbox)
		if g.target != "" {
			calls[g.side] = e.expectOpen(calls[g.side], g.side, g.target)
		}
	}
	for _, g := range groups {
		calls[g.side] = append(calls[g.side], Expected{Name: g.mailbox, Changes: true})
		s := g.side.Other()
		if refs := e.box(g.mailbox).partners(s, g.actions); len(refs) > 0 && g.actions[0].Kind != SetFlags {
			calls[s] = append(calls[s], Expected{Name: g.mailbox, Absent: refs})
		}
	}
	for _, s := range Sides {
		if len(calls[s]) > 0 {
			e.Repositories[s].Expect(ctx, calls[s])
		}
	}
}

// expectOpen adds the opening of a mailbox, unless it is open or will be.
func (e *effects) expectOpen(calls []Expected, s Side, name Name) []Expected {
	b := e.box(name)
	if b == nil || b.sides[s].handle != nil || b.sides[s].listed == nil || b.sides[s].blocked != "" ||
		slices.ContainsFunc(calls, func(c Expected) bool { return c.Name == name }) {
		return calls
	}
	return append(calls, Expected{Name: name, Access: e.access(s), Known: b.known(s, e.snapshot.Intents), Listed: b.sides[s].listed.Status})
}

// partners are the messages of side s that actions rest on being gone.
func (b *box) partners(s Side, actions []Action) (refs []Ref) {
	for i := range actions {
		if uid := actions[i].UID[s]; uid != 0 {
			refs = append(refs, b.sides[s].ref(uid))
		}
	}
	return refs
}

// proven is the second proof: it asks side s again whether the messages of
// actions are gone there, and returns the actions for which that holds. The
// others are left to the next run.
func (e *effects) proven(ctx context.Context, b *box, s Side, actions []Action) ([]Action, error) {
	return e.asked(ctx, b, s, actions, func(absent bool, uid UID) bool { return absent || uid == 0 }) // no partner: nothing to prove
}

// present returns the actions whose partners on side s are there when they are asked for
// once more. The others are left to the next run.
func (e *effects) present(ctx context.Context, b *box, s Side, actions []Action) ([]Action, error) {
	return e.asked(ctx, b, s, actions, func(absent bool, uid UID) bool { return !absent && uid != 0 })
}

// asked returns the actions of whose partners on s holds is true, and leaves the others.
func (e *effects) asked(ctx context.Context, b *box, s Side, actions []Action, holds func(absent bool, partner UID) bool) ([]Action, error) {
	absent, err := e.absent(ctx, b, s, actions)
	if err != nil || absent == nil {
		return nil, err
	}
	var out []Action
	for _, a := range actions {
		if holds(absent[a.UID[s]], a.UID[s]) {
			out = append(out, a)
		} else {
			e.left(a)
		}
	}
	return out, nil
}

// absent asks side s which partners of actions are gone there. It returns nil where that
// cannot be told; the actions are left to the next run then.
func (e *effects) absent(ctx context.Context, b *box, s Side, actions []Action) (map[UID]bool, error) {
	absent := map[UID]bool{}
	refs := b.partners(s, actions)
	if len(refs) == 0 {
		return absent, nil
	}
	if b.sides[s].missing {
		still, err := e.stillMissing(ctx, b, s)
		if err != nil || !still {
			e.left(actions...)
			return nil, err
		}
		for _, ref := range refs {
			absent[ref.UID] = true
		}
		return absent, nil
	}
	handle, ok, err := e.handle(ctx, b, s)
	if !ok || err != nil {
		e.left(actions...)
		return nil, err
	}
	gone, err := handle.Absent(ctx, refs)
	if err != nil {
		e.left(actions...)
		return nil, e.failMailbox(b, s, "look for messages once more", err)
	}
	for _, ref := range gone {
		absent[ref.UID] = true
	}
	return absent, nil
}
