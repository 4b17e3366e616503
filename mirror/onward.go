package mirror

// onward finds messages that an interrupted move of ours carried off, or was to carry
// off, and whose partners were moved on before we came back. With its record that is a
// message which went from its mailbox on both sides, and without one it is new on one
// side: without this rule both would be copied and stand there twice. Like strays, the
// partner is told by its date, and by having come since its mailbox was last seen whole.
func (p *planner) onward() {
	for _, b := range p.boxes {
		for i := range b.box.Intents {
			if in := &b.box.Intents[i]; in.Kind == MoveIntent {
				b.carriedOff(in)
			}
		}
	}
}

// carriedOff decides on one of them.
func (b *boxPlanner) carriedOff(in *Intent) {
	o, s := in.Side, in.Side.Other()
	if p := b.in.Policy; b.in.Fresh || !p.New.Allows(o) || !p.Gone.Allows(o) {
		return
	}
	i := b.recordOf(o, in.Source.UID)
	if i < 0 {
		if source, ok := b.present(o, in.Source.UID); ok && b.arrived[in.ID] == Gone {
			b.goesOn(in, placed{Message: Message{Size: -1}, at: b, partner: source, intent: in})
		}
		return
	}
	r := b.box.Records[i]
	if b.settled[i] || r.Seen[s].Sight != Gone || r.Seen[o].Sight != Gone || b.renumbered() {
		return
	}
	if to, m := b.landed(in, r); to != nil && b.stray(s, placed{Message: Message{Size: -1}, at: to, partner: m, intent: in}) {
		b.settled[i] = true // dropped once the message has moved on
		b.revisit(b.box.Name)
	}
}

// goesOn moves a message that has no record to where its partner is, or, as long as the
// earlier move may still appear, keeps the partner from being copied.
func (b *boxPlanner) goesOn(in *Intent, sent placed) {
	s := in.Side.Other()
	if !b.awaits(in) {
		b.stray(s, sent)
	} else if at, ok := b.findStray(s, sent); ok {
		at.at.claimed[s][at.UID] = true
		b.revisit(at.at.box.Name)
	}
}

// landed returns what a move made of r's message, which is gone where it was; nil where
// nothing is like it, as far as it is known.
func (b *boxPlanner) landed(in *Intent, r RecordInput) (at *boxPlanner, m Message) {
	to, candidates := b.arrivalsOf(in)
	was, partner := r.Seen[in.Side].Message, r.Seen[in.Side.Other()].Message
	for _, m := range candidates {
		if m.Base != "" && (m.Base == in.Reserved.Base || m.Base == in.Source.Base) {
			return to, m
		}
	}
	if r.Altered || b.in.Sides[in.Side].ChangesBytes {
		was.Identity.Key = partner.Identity.Key
		source := []placed{{Message: was, at: b}}
		for _, found := range b.sameKey(in.Side, source, make([]bool, 1), to.placed(candidates), make([]bool, len(candidates))) {
			return to, candidates[found.b]
		}
		return nil, m
	}
	was.Identity = completed(was.Identity, partner.Identity)
	k, _ := b.findOne(sought{Message: b.forMatching(was), gone: true}, in.Side, to.placed(candidates))
	if k < 0 {
		return nil, m
	}
	return to, candidates[k]
}
