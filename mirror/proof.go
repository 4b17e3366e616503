package mirror

import "context"

// expectProofs announces the second proofs of groups of removals or moves.
func (e *effects) expectProofs(ctx context.Context, groups []group) {
	var calls [2][]Expected
	for _, g := range groups {
		s := g.side.Other()
		if refs := e.box(g.mailbox).partners(s, g.actions); len(refs) > 0 {
			calls[s] = append(calls[s], Expected{Name: g.mailbox, Absent: refs})
		}
	}
	for _, s := range Sides {
		if len(calls[s]) > 0 {
			e.Repositories[s].Expect(ctx, calls[s])
		}
	}
}

// partners are the messages of side s that actions rest on being gone.
func (b *box) partners(s Side, actions []Action) (refs []Ref) {
	for _, a := range actions {
		if a.UID[s] != 0 {
			refs = append(refs, b.sides[s].ref(a.UID[s]))
		}
	}
	return refs
}

// proven is the second proof: it asks side s again whether the messages of
// actions are gone there, and returns the actions for which that holds. The
// others are left to the next run.
func (e *effects) proven(ctx context.Context, b *box, s Side, actions []Action) ([]Action, error) {
	refs := b.partners(s, actions)
	absent := map[UID]bool{0: true} // no partner: nothing to prove
	if len(refs) > 0 {
		handle, ok, err := e.handle(ctx, b, s)
		if !ok || err != nil {
			e.left(actions...)
			return nil, err
		}
		gone, err := handle.Absent(ctx, refs)
		if err != nil {
			e.left(actions...)
			return nil, e.failMailbox(b, s, "prove messages gone", err)
		}
		for _, ref := range gone {
			absent[ref.UID] = true
		}
	}
	var out []Action
	for _, a := range actions {
		if absent[a.UID[s]] {
			out = append(out, a)
		} else {
			e.left(a)
		}
	}
	return out, nil
}
