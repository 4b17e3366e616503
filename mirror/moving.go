package mirror

import "context"

// moves carries out on one side what a person moved on the other.
func (e *effects) moves(ctx context.Context) error {
	groups := e.groups(MoveTo)
	e.expectEffects(ctx, groups)
	for _, g := range groups {
		if err := e.moveGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (e *effects) moveGroup(ctx context.Context, g group) error {
	b, to := e.box(g.mailbox), e.box(g.target)
	actions, err := e.proven(ctx, b, g.side.Other(), g.actions)
	if err != nil || len(actions) == 0 {
		return err
	}
	source, ok, err := e.handle(ctx, b, g.side)
	if !ok || err != nil {
		e.left(actions...)
		return err
	}
	target, ok, err := e.handle(ctx, to, g.side)
	if !ok || err != nil {
		e.left(actions...)
		return err
	}
	intents, moves, err := e.announceMoves(g, actions, target, MoveIntent)
	if err != nil {
		return err
	}
	results, moveErr := source.Move(ctx, moves, g.target)
	var c Changes
	of := byUID(actions, g.side)
	for _, r := range results {
		e.moved(b, to, g.side, *of[r.From.UID], intents[r.From.UID], r, &c)
	}
	if err := e.commit(&c); err != nil {
		return err
	}
	if moveErr != nil {
		e.left(actions...)
		return e.failMailbox(b, g.side, "move messages", moveErr)
	}
	return nil
}

// announceMoves makes the intents of moves durable.
func (e *effects) announceMoves(g group, actions []Action, target Mailbox, kind IntentKind) (map[UID]*Intent, []Move, error) {
	status := target.Status()
	reserved := target.Reserve(len(actions))
	intents := map[UID]*Intent{}
	var moves []Move
	var c Changes
	for i, a := range actions {
		in := &Intent{Kind: kind, Side: g.side, Mailbox: g.mailbox, Source: a.Message.Ref, Size: a.Message.Size, Date: a.Message.Date,
			Target: g.target, TargetUIDValidity: status.UIDValidity, TargetUIDNext: status.UIDNext, Reserved: reserved[i], Created: e.Now()}
		if a.Intent != 0 {
			c.DropIntents = append(c.DropIntents, a.Intent)
		}
		intents[a.Message.UID] = in
		c.Intents = append(c.Intents, in)
		moves = append(moves, Move{a.Message.Ref, reserved[i]})
	}
	return intents, moves, e.commit(&c)
}

// byUID finds the action of a message of side s.
func byUID(actions []Action, s Side) map[UID]*Action {
	of := make(map[UID]*Action, len(actions))
	for i := range actions {
		of[actions[i].UID[s]] = &actions[i]
	}
	return of
}

// moved notes the outcome of one move. Where the new UID is not known, the
// copy and the message that was moved on the other side are paired by content
// in the next round.
func (e *effects) moved(b, to *box, s Side, a Action, in *Intent, r Moved, c *Changes) {
	o := s.Other()
	if r.Err != nil {
		e.left(a)
		e.notDone(a, in, r.Err, c)
		e.failUnlessGone(s, b, r.From.UID, "move message", r.Err)
		return
	}
	e.result.Summary.Moved[s]++
	e.ghostsFollow(MessageKey{o, b.name, a.UID[o]}, to.name, a.Partner.Ref, c)
	if r.Pending && r.To.UID == 0 {
		// The copy is on its way, the source untouched: the next round finds
		// the copy and ends the move.
		in.Accepted = true
		b.incomplete, to.incomplete = true, true
		c.Intents = append(c.Intents, in)
		e.done(&a)
		return
	}
	c.DropIntents = append(c.DropIntents, in.ID)
	c.DropRecords = append(c.DropRecords, RecordKey{b.name, a.UID})
	dropMessage(c, MessageKey{o, b.name, a.UID[o]})
	if r.Pending {
		e.result.Summary.Pending[s]++
		c.Tombs = append(c.Tombs, Tomb{s, b.name, r.From.UID, e.Now()})
	} else {
		dropMessage(c, MessageKey{s, b.name, r.From.UID})
	}
	if r.To.UID == 0 || to.sides[s].holds(r.To.UID) {
		to.incomplete = true
		e.done(&a)
		return
	}
	arrived := a.Message
	arrived.Ref = r.To
	if e.traits[s].Numbers && b.sides[s].latest().HighestModSeq == 0 {
		arrived.Flags = Flags{} // what is known of them may be hours old, and what they are went along
	}
	to.sides[s].messages[arrived.UID] = &arrived
	rec := a.Record
	rec.UID[s] = arrived.UID
	e.ghostsFollow(MessageKey{s, b.name, r.From.UID}, to.name, r.To, c)
	c.DropQuarantine = append(c.DropQuarantine, MessageKey{o, to.name, a.Partner.UID})
	c.Messages = append(c.Messages, MessageRow{s, to.name, arrived}, MessageRow{o, to.name, *a.Partner})
	c.Records = append(c.Records, rec)
	e.done(&a)
}
