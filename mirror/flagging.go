package mirror

import (
	"context"
	"errors"
	"fmt"
)

// setFlags stores flag changes. A record's new base is written once both
// sides have what it says; until then the next run decides anew, and storing
// the same flags twice does no harm.
func (e *effects) setFlags(ctx context.Context) error {
	open := map[RecordKey]*flagging{}
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; a.Kind == SetFlags {
			key := RecordKey{a.Mailbox, a.UID}
			if open[key] == nil {
				open[key] = &flagging{record: a.Record}
			}
			open[key].left++
		}
	}
	groups := e.groups(SetFlags)
	e.expectEffects(ctx, groups)
	for _, g := range groups {
		if err := e.flagGroup(ctx, g, open); err != nil {
			return err
		}
	}
	return nil
}

// flagging is a record of which some sides' flags are still to be stored.
type flagging struct {
	record Record
	left   int
	rows   []MessageRow
}

func (e *effects) flagGroup(ctx context.Context, g group, open map[RecordKey]*flagging) error {
	b := e.box(g.mailbox)
	handle, ok, err := e.handle(ctx, b, g.side)
	if !ok || err != nil {
		return err
	}
	var changes []FlagChange
	for _, a := range g.actions {
		changes = append(changes, FlagChange{Ref: b.sides[g.side].ref(a.UID[g.side]), Add: a.Add, Remove: a.Remove})
	}
	results, storeErr := handle.Store(ctx, changes)
	var c Changes
	of := byUID(g.actions, g.side)
	for _, r := range results {
		a := of[r.UID]
		if f := open[RecordKey{a.Mailbox, a.UID}]; f != nil {
			e.stored(b, g.side, *a, r, f, &c)
		}
	}
	if err := e.commit(&c); err != nil {
		return err
	}
	if storeErr != nil {
		return e.failMailbox(b, g.side, "store flags", storeErr)
	}
	return nil
}

// stored notes the outcome of one message. Refused flags are masked: they stay
// on the other side and are not asked for again.
func (e *effects) stored(b *box, s Side, a Action, r Stored, f *flagging, c *Changes) {
	if errors.Is(r.Err, ErrFlagRefused) {
		refused := a.Add.Minus(r.Flags)
		f.record.Masked[s] = f.record.Masked[s].Union(refused)
		f.record.Base[s] = f.record.Base[s].Union(a.Remove.Intersect(r.Flags)) // still there, by nobody's wish
		e.problem(Problem{s, b.name, r.UID, fmt.Sprintf("store flags: %v", r.Err)})
	} else if r.Err != nil {
		e.fail(s, b, r.UID, "store flags", r.Err)
		return
	}
	if m := b.sides[s].messages[r.UID]; m != nil {
		m.Flags = r.Flags
		f.rows = append(f.rows, MessageRow{s, b.name, *m})
	}
	e.result.Summary.Flagged[s]++
	e.done(&a)
	if f.left--; f.left == 0 {
		c.Messages = append(c.Messages, f.rows...)
		c.Records = append(c.Records, f.record)
	}
}
