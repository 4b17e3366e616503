package mirror

// sought is one message that is looked for among others.
type sought struct {
	Message
	side    Side
	mailbox Name
	// gone: it can no longer be read, what is known of it must do.
	gone bool
	// byKey: Message-ID, Date and From may decide what digests could not.
	byKey bool
}

// findOne returns the index of the candidate on s that equals m, -1 where none
// does. sure is false as long as more must be identified to tell; it is asked for.
func (p *planner) findOne(m sought, s Side, candidates []placed) (index int, sure bool) {
	list := make([]Message, len(candidates))
	for i, c := range candidates {
		list[i] = c.Message
	}
	found := matchMessages([]Message{m.Message}, list, m.byKey)
	if !m.gone {
		p.needs.add(m.side, m.mailbox, []Message{m.Message}, found.needA)
	}
	for i, depth := range found.needB {
		p.needs.add(s, candidates[i].at.box.Name, []Message{list[i]}, map[int]Depth{0: depth})
	}
	switch {
	case found.needs():
		return -1, false
	case len(found.pairs) == 0:
		return -1, true
	}
	return found.pairs[0].b, true
}
