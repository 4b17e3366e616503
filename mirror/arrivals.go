package mirror

import "slices"

// arrivals looks, for every move or removal that was interrupted, whether the
// message is where it was going. What arrived is left alone in this plan: it
// becomes a message like any other once its source is gone.
func (p *planner) arrivals() {
	for _, b := range p.boxes {
		for i := range b.box.Intents {
			in := &b.box.Intents[i]
			if in.Kind == CopyIntent || in.Target == "" {
				continue
			}
			source, ok := b.present(in.Side, in.Source.UID)
			if !ok {
				continue
			}
			sight := b.findArrival(in, b.forMatching(source))
			p.arrived[in.ID] = sight
			if sight == Gone && p.uncertain(in) {
				p.awaited[MailboxKey{in.Side, in.Target}] = true
			}
		}
	}
}

// present returns a message that is there, paired or not.
func (b *boxPlanner) present(s Side, uid UID) (Message, bool) {
	for _, r := range b.box.Records {
		if r.UID[s] == uid && r.Seen[s].Sight == Present {
			return r.Seen[s].Message, true
		}
	}
	for _, m := range b.box.Unpaired[s] {
		if m.UID == uid {
			return m, true
		}
	}
	return Message{}, false
}

// findArrival returns Present and claims what arrived, Gone, or Unknown as long
// as more must be identified.
func (b *boxPlanner) findArrival(in *Intent, source Message) Sight {
	for _, to := range b.boxes {
		if to.box.Name != in.Target {
			continue
		}
		candidates := slices.DeleteFunc(to.free(in.Side), func(m Message) bool {
			return m.UID < in.TargetUIDNext && b.in.Sides[in.Side].Traits.Numbers
		})
		m := matchMessages([]Message{source}, candidates, false) // a COPY rewrites nothing
		b.needs.add(in.Side, b.box.Name, []Message{source}, m.needA)
		b.needs.add(in.Side, in.Target, candidates, m.needB)
		switch {
		case m.needs():
			return Unknown
		case len(m.pairs) > 0:
			to.claimed[in.Side][candidates[m.pairs[0].b].UID] = true
			b.revisit(in.Target)
			return Present
		}
	}
	return Gone
}

func (p *planner) revisit(name Name) {
	if !slices.Contains(p.plan.Revisit, name) {
		p.plan.Revisit = append(p.plan.Revisit, name)
	}
}
