package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// effects carries out one plan. Effects are in the order of the kinds; state
// that only notes what is goes first, checkpoints go last.
type effects struct {
	*run
	boxes []*box
	plan  Plan
	// trashHandles are those of a trash that is not among the boxes.
	trashHandles [2]Mailbox
	// lenders are the donors that copies of this plan are to be, by their source.
	lenders map[MessageKey]*Donor
}

func newEffects(x *run, boxes []*box, plan Plan) *effects {
	e := &effects{run: x, boxes: boxes, plan: plan}
	e.findLenders()
	return e
}

func (e *effects) carryOut(ctx context.Context) error {
	for _, a := range e.plan.Withheld {
		e.left(a)
	}
	for at := range e.unmoved { // they were left out of this plan
		if b := e.box(at.Mailbox); b != nil {
			b.incomplete = true
		}
	}
	for _, name := range e.plan.Revisit {
		e.box(name).incomplete = true
	}
	for _, name := range e.plan.NextRun {
		e.box(name).postponed = true
	}
	if err := e.renames(ctx); err != nil {
		return err
	}
	if err := e.create(ctx); err != nil {
		return err
	}
	if err := e.notes(); err != nil {
		return err
	}
	e.announce()
	for _, step := range []func(context.Context) error{e.moves, e.copies, e.setFlags, e.removals, e.prunings, e.riskyCopies, e.deletes} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (e *effects) box(name Name) *box { return findBox(e.boxes, name) }

// left notes that an action was not carried out: the mailboxes that it concerns
// are looked at again by the next run. The message that a move was to follow is
// left alone by the later rounds of this one.
func (e *effects) left(actions ...Action) {
	for _, a := range actions {
		if a.Kind == MoveTo {
			e.unmoved[MessageKey{a.Side.Other(), a.Target, a.Partner.UID}] = *a.Partner
		}
		for _, name := range []Name{a.Mailbox, a.Target} {
			if b := e.box(name); b != nil {
				b.incomplete = true
			}
		}
	}
}

// announce tells how much is to be copied.
func (e *effects) announce() {
	var count int
	var octets int64
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; a.Kind == Copy {
			count++
			if a.Donor == nil {
				octets += a.Message.Size
			}
		}
	}
	if count > 0 {
		e.report(Event{Kind: Planned, Count: count, Octets: octets})
	}
}

// group is a run of actions that one batch of effects may carry out.
type group struct {
	side    Side
	mailbox Name
	target  Name
	actions []Action
}

// groups splits the actions of a kind by side, mailbox and target, in order. A
// group whose actions stand together is a part of the plan, and no copy of it.
func (e *effects) groups(kind Kind) []group {
	type place struct {
		side            Side
		mailbox, target Name
	}
	type run struct{ group, end int } // of e.plan.Actions, the last one
	var out []group
	at := map[place]*run{}
	for i := range e.plan.Actions {
		a := &e.plan.Actions[i]
		if a.Kind != kind {
			continue
		}
		key := place{a.Side, a.Mailbox, a.Target}
		r := at[key]
		switch {
		case r == nil:
			at[key] = &run{len(out), i + 1}
			out = append(out, group{side: a.Side, mailbox: a.Mailbox, target: a.Target, actions: e.plan.Actions[i : i+1 : i+1]})
		case r.end == i:
			g := &out[r.group]
			g.actions, r.end = e.plan.Actions[i-len(g.actions):i+1:i+1], i+1
		default: // from here on it is a copy, since its capacity is its length
			out[r.group].actions = append(out[r.group].actions, *a)
			r.end = -1
		}
	}
	return out
}

// create makes mailboxes and subscribes to them as on the other side.
func (e *effects) create(ctx context.Context) error {
	e.expectCreated(ctx)
	var c Changes
	for i := range e.plan.Actions {
		a := &e.plan.Actions[i]
		if a.Kind != Create {
			continue
		}
		b := e.box(a.Mailbox)
		if err := e.createOne(ctx, a); err != nil {
			if err := e.failMailbox(b, a.Side, "create mailbox", err); err != nil {
				return cmp.Or(e.commit(&c), err)
			}
			continue
		}
		e.result.Summary.Created[a.Side]++
		e.done(a)
		origin := e.originOf(a.Side, a.Mailbox)
		b.sides[a.Side].listed = &Listed{Name: a.Mailbox, Origin: origin, Role: a.Role, Subscribed: a.Subscribed}
		row := MailboxRow{Side: a.Side, Name: a.Mailbox, Origin: origin, Role: a.Role, Subscribed: a.Subscribed}
		b.sides[a.Side].row = &row
		c.Mailboxes = append(c.Mailboxes, row)
	}
	return e.commit(&c)
}

func (e *effects) createOne(ctx context.Context, a *Action) error {
	repository := e.Repositories[a.Side]
	if err := repository.Create(ctx, a.Mailbox, a.Role); err != nil || !a.Subscribed {
		return err
	}
	return repository.Subscribe(ctx, a.Mailbox, true)
}

// expectCreated announces the mailboxes that are going to be made.
func (e *effects) expectCreated(ctx context.Context) {
	var calls [2][]Expected
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; a.Kind == Create {
			calls[a.Side] = append(calls[a.Side], Expected{Name: a.Mailbox, Create: true, Role: a.Role, Subscribed: a.Subscribed})
		}
	}
	for _, s := range Sides {
		if len(calls[s]) > 0 {
			e.Repositories[s].Expect(ctx, calls[s])
		}
	}
}

func (e *effects) done(a *Action) {
	if a.Kind.ChangesMail() {
		e.result.Changed = true
	}
	e.report(Event{Kind: Done, Side: a.Side, Mailbox: a.Mailbox, Action: a})
}

// fail names a message that was not carried on; its mailbox is looked at
// again by the next run.
func (e *effects) fail(s Side, b *box, uid UID, op string, err error) {
	b.incomplete = true
	e.result.Summary.Failed++
	e.passing(err)
	e.problem(Problem{s, b.name, uid, fmt.Sprintf("%s: %v", op, err)})
}

// notDone drops the intent of an effect that certainly did not happen. Every
// other error leaves it: the next run looks before it tries again.
func (e *effects) notDone(a Action, in *Intent, err error, c *Changes) {
	if errors.Is(err, ErrNotDone) && !a.ForGood {
		c.DropIntents = append(c.DropIntents, in.ID)
	}
}

// failUnlessGone is fail, but for a message that somebody took away meanwhile.
func (e *effects) failUnlessGone(s Side, b *box, uid UID, op string, err error) {
	if !errors.Is(err, ErrGone) {
		e.fail(s, b, uid, op, err)
	}
}

// checkpoints stores what the views showed of every mailbox in which
// everything was carried out.
func (e *effects) checkpoints() error {
	var c Changes
	seen := e.sawAll()
	for _, b := range e.boxes {
		if !b.visited || b.hidden {
			continue
		}
		whole := !b.incomplete && b.sides[Far].blocked == "" && b.sides[Near].blocked == ""
		for _, s := range Sides {
			side := &b.sides[s]
			if side.row == nil {
				continue
			}
			row := *side.row
			switch {
			case whole && !side.exists() && !seen[s]: // its messages may be where nobody could look
			case whole && !side.partial:
				row.Checkpoint = side.checkpoint(b.postponed)
			case !whole && (e.newSettings() || e.searches(s)):
				row.Checkpoint = row.Checkpoint.anew() // its status may be that of now
			}
			if whole { // else what was written took it back
				row.AtRest = b.atRest()
			}
			if e.compared(side, &row); row != *side.row {
				*side.row = row
				c.Mailboxes = append(c.Mailboxes, row)
			}
		}
	}
	return e.commit(&c)
}

// sawAll reports for each side whether every mailbox could be looked into that was to be.
func (e *effects) sawAll() (seen [2]bool) {
	for _, s := range Sides {
		seen[s] = !slices.ContainsFunc(e.boxes, func(b *box) bool { return b.visited && b.sides[s].blocked != "" })
	}
	return seen
}

// checkpoint is what is stored once everything was carried out.
func (s *boxSide) checkpoint(postponed bool) Checkpoint {
	switch {
	case s.view != nil && postponed:
		// Seen, but to be looked into again whatever its status says.
		return Checkpoint{UIDValidity: s.view.Checkpoint.UIDValidity, UIDNext: s.view.Checkpoint.UIDNext}
	case s.view != nil:
		return s.view.Checkpoint
	case !s.exists():
		// When it is back it is to be looked into, whatever it says.
		return Checkpoint{UIDValidity: s.row.Checkpoint.UIDValidity}
	}
	return s.row.Checkpoint
}
