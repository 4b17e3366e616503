package mirror

// strays finds copies whose outcome nobody saw in other mailboxes than they
// were sent to: somebody, or the server's filters, moved them before we came
// back. INTERNALDATE, which we set and a move keeps, tells them from an equal
// message that somebody else put there. Their sources are moved to where they
// are.
//
// Where a side names messages itself, reservedCopies finds them by that name.
func (p *planner) strays() {
	for _, s := range Sides {
		o := s.Other()
		if p.in.Fresh || !p.in.Sides[s].Traits.Numbers || !p.in.Policy.New.Allows(o) || !p.in.Policy.Gone.Allows(o) {
			continue
		}
		for _, b := range p.boxes {
			if len(b.box.Intents) == 0 {
				continue
			}
			for _, source := range b.free(o) {
				if in := b.intentOf(o, source.UID); in != nil && in.Kind == CopyIntent && b.bothOpen() {
					p.stray(s, placed{Message: Message{Size: -1}, at: b, partner: source, intent: in})
				}
			}
		}
	}
}

// stray moves the source to where its copy is on s, and reports whether there is one.
func (p *planner) stray(s Side, sent placed) bool {
	at, ok := p.findStray(s, sent)
	if ok {
		p.move(s, sent, at)
	}
	return ok
}

// findStray looks for the one copy on s.
func (p *planner) findStray(s Side, sent placed) (at placed, ok bool) {
	candidates := p.strayCandidates(s, sent)
	source := sought{Message: sent.partner, side: s.Other(), mailbox: sent.at.box.Name, byKey: !p.in.Sides[s].KeepsBytes}
	k, _ := p.findOne(source, s, candidates)
	if k < 0 {
		return at, false
	}
	return candidates[k], true
}

// strayCandidates are the messages in other mailboxes but the trash that came there
// since they were last seen whole, with the date that the copy was sent with.
func (p *planner) strayCandidates(s Side, sent placed) (list []placed) {
	for _, c := range p.moveTargets(s, p.in.Sides[s].Trash) {
		since := c.at.box.Sides[s].Since
		if c.at != sent.at && since != 0 && c.UID >= since && c.Date.Equal(sent.intent.Date) {
			list = append(list, c)
		}
	}
	return list
}
