package mirror

import "context"

// prunings takes copies off the near side that left the window, past its trash: what is
// put there would be mirrored again. The far messages are asked for once more before:
// each must be there.
func (e *effects) prunings(ctx context.Context) error {
	groups := e.groups(Prune)
	e.expectEffects(ctx, groups)
	for _, g := range groups {
		b := e.box(g.mailbox)
		actions, err := e.present(ctx, b, g.side.Other(), g.actions)
		if err != nil {
			return err
		}
		if err := e.remove(ctx, g, b, actions); err != nil {
			return err
		}
	}
	return nil
}
