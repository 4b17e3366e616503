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
			to, m, sight := b.findArrival(in, b.forMatching(source))
			if b.void(in) {
				b.voided(in, source, to, m, sight)
				continue
			}
			if sight == Present {
				to.claimed[in.Side][m.UID] = true
				b.revisit(in.Target)
				b.holdPartner(in, source, to)
			}
			p.arrived[in.ID] = sight
			if sight == Gone && p.uncertain(in) {
				p.awaited[MailboxKey{in.Side, in.Target}] = true
			}
		}
	}
}

// holdPartner keeps what the other side has of an arrived message from being
// sent: where the source has no record, it is what the move followed.
func (b *boxPlanner) holdPartner(in *Intent, source Message, to *boxPlanner) {
	o := in.Side.Other()
	if slices.ContainsFunc(b.box.Records, func(r RecordInput) bool { return r.UID[in.Side] == source.UID }) {
		return
	}
	candidates := to.free(o)
	moved := sought{Message: b.forMatching(source), side: in.Side, mailbox: b.box.Name, byKey: !b.in.Sides[o].KeepsBytes}
	if k, _ := b.findOne(moved, o, to.placed(candidates)); k >= 0 {
		to.claimed[o][candidates[k].UID] = true
	}
}

// void reports whether an interrupted move or removal has lost its reason: what
// it followed is there again on the other side.
func (b *boxPlanner) void(in *Intent) bool {
	o := in.Side.Other()
	return slices.ContainsFunc(b.box.Records, func(r RecordInput) bool {
		return r.UID[in.Side] == in.Source.UID && r.Seen[o].Sight == Present && !b.box.Sides[o].Unviewed
	})
}

// voided decides on what a move or removal left where it was going that is not
// to be ended any more. It is a message like any other if there is one to pair
// it with; see leftovers.
func (b *boxPlanner) voided(in *Intent, source Message, to *boxPlanner, m Message, sight Sight) {
	switch {
	case sight == Present:
		b.left = append(b.left, leftover{in, to, m})
	case sight == Gone && b.uncertain(in):
		b.plan.Waiting++
		b.add(Action{Kind: Wait, Side: in.Side, Mailbox: b.box.Name, UID: uids(in.Side, source.UID), Message: source,
			Intent: in.ID, Reason: "an earlier move may still appear"})
	}
}

// leftover is a copy of ours that a move or removal made which has no reason
// any more.
type leftover struct {
	intent *Intent
	at     *boxPlanner
	Message
}

// leftovers names the copies that nothing on the other side is paired with.
// Their sources are still there, so they are never propagated.
func (p *planner) leftovers() {
	for _, l := range p.left {
		s := l.intent.Side
		if l.at.claimed[s][l.UID] {
			continue
		}
		l.at.claimed[s][l.UID] = true
		if l.at.box.Hidden { // what is not mirrored is never propagated anyway
			continue
		}
		p.add(Action{Kind: Ghost, Side: s, Mailbox: l.at.box.Name, UID: uids(s, l.UID), Message: l.Message,
			Intent: l.intent.ID, Reason: "an interrupted move left this copy, and its source has stayed"})
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

// findArrival returns what arrived where in was going with Present, or Gone, or
// Unknown as long as more must be identified.
func (b *boxPlanner) findArrival(in *Intent, source Message) (to *boxPlanner, m Message, sight Sight) {
	to, candidates := b.arrivalsOf(in)
	if to == nil {
		return nil, m, Gone
	}
	// A COPY rewrites nothing: the key decides nothing here.
	k, sure := b.findOne(sought{Message: source, side: in.Side, mailbox: b.box.Name}, in.Side, to.placed(candidates))
	switch {
	case !sure:
		return nil, m, Unknown
	case k >= 0:
		return to, candidates[k], Present
	case to.unreadArrival(in):
		b.undecided[in.ID] = true
		return nil, m, Unknown
	}
	return nil, m, Gone
}

// arrivalsOf returns the mailbox that in was going to, nil where it is none of these, and
// what may be the message in it.
func (b *boxPlanner) arrivalsOf(in *Intent) (to *boxPlanner, candidates []Message) {
	for _, to := range b.boxes {
		if to.box.Name == in.Target {
			return to, slices.DeleteFunc(to.free(in.Side), func(m Message) bool {
				return m.UID < in.TargetUIDNext && b.in.Sides[in.Side].Traits.Numbers
			})
		}
	}
	return nil, nil
}

// unreadArrival reports whether what in moved may be there and could not be read.
func (b *boxPlanner) unreadArrival(in *Intent) bool {
	return slices.ContainsFunc(b.box.Unread[in.Side], func(m Message) bool {
		return m.UID >= in.TargetUIDNext || !b.in.Sides[in.Side].Traits.Numbers
	})
}

func (p *planner) revisit(name Name) { addName(&p.plan.Revisit, name) }

func (p *planner) nextRun(name Name) { addName(&p.plan.NextRun, name) }

func addName(list *[]Name, name Name) {
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}
