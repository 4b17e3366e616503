package mirror

import (
	"slices"
)

// input describes the boxes to the planner.
func (x *run) input(boxes []*box, later, wide bool) Input {
	policy := x.Policy
	policy.Window = policy.Window.at(x.Now())
	in := Input{Later: later, Wide: wide, Policy: policy, Fresh: x.snapshot.Fresh, Confirm: x.Confirm, Settled: x.settled}
	for _, s := range Sides {
		in.Sides[s] = x.sideInput(boxes, s)
	}
	x.blind = x.blindMoves(boxes)
	for _, b := range boxes {
		in.Mailboxes = append(in.Mailboxes, x.mailboxInput(boxes, b))
	}
	return in
}

func (x *run) sideInput(boxes []*box, s Side) SideInput {
	in := SideInput{Traits: x.traits[s], KeepsBytes: x.snapshot.Sides[s].Bytes == KeepsBytes,
		ChangesBytes: x.snapshot.Sides[s].Bytes == ChangesBytes, Trash: x.trashes[s]}
	for _, b := range boxes {
		side := &b.sides[s]
		if side.row != nil {
			in.Known++
			if side.listed != nil {
				in.Listed++
			}
		}
		in.Records += b.count
		switch {
		case side.view != nil:
			in.Shown += side.view.Total
		case side.exists() && (side.listed.Status == nil || side.listed.Status.Stamps != "" || side.unchanged()):
			in.Shown += max(b.count, side.rows) // records may just be forgotten
		case side.exists():
			in.Shown += int(side.listed.Status.Messages)
		}
	}
	return in
}

func (x *run) mailboxInput(boxes []*box, b *box) MailboxInput {
	in := MailboxInput{Name: b.name, Hidden: b.hidden, Total: b.count}
	var taken [2]map[UID]bool
	for _, s := range Sides {
		side := &b.sides[s]
		in.Sides[s] = MailboxSide{Known: side.row != nil, Exists: side.exists(), Blocked: side.blocked, Unviewed: side.view == nil, Keeps: AllFlags(),
			Own: x.own(b, s), Missing: side.missing, Anew: side.anew, Empty: side.empty(), Parent: side.parent, UIDValidity: side.latest().UIDValidity}
		if side.listed != nil {
			in.Sides[s].Role, in.Sides[s].Subscribed = side.listed.Role, side.listed.Subscribed
		}
		if side.row != nil {
			in.Sides[s].Since = side.row.Checkpoint.UIDNext
		}
		if side.view != nil {
			in.Sides[s].Renumbered, in.Sides[s].Keeps = side.view.Renumbered || x.traits[s].Numbers && b.awaitsPairing(s), side.view.Keeps
		}
		taken[s] = x.taken(b, s)
		in.First[s] = side.firstOfLast(x.Policy.Window.Last)
		in.Searched[s], in.Found[s] = x.searches(s), side.found
	}
	if !b.visited {
		for _, s := range Sides {
			in.Half[s] = x.half(b, s, taken[s])
		}
		return in
	}
	unfinished := x.unfinished(b.name)
	for i := range b.records {
		r := &b.records[i]
		for _, s := range Sides {
			taken[s][r.UID[s]] = true
		}
		if unfinished || x.Policy.Prune || !b.followsNothing(r, x.Policy, [2]Storable{in.Sides[Far].Keeps, in.Sides[Near].Keeps}) {
			in.Records = append(in.Records, RecordInput{*r, [2]Sighting{b.sides[Far].sighting(r.UID[Far], r.State[Far]), b.sides[Near].sighting(r.UID[Near], r.State[Near])}})
		}
	}
	for _, s := range Sides {
		if b.sides[s].exists() && b.sides[s].blocked == "" {
			x.avoid(b, s, taken[s])
			in.Unpaired[s] = b.sides[s].unpaired(taken[s])
		}
		in.Departed[s] = x.departed(b, s)
		in.Quarantined[s], in.Late[s] = map[UID]bool{}, map[UID]bool{}
		in.Unknown[s] = b.sides[s].unknown
		in.Unread[s] = b.sides[s].unread(taken[s])
		in.Half[s] = x.half(b, s, taken[s])
		in.Unsure[s] = slices.ContainsFunc(in.Unread[s], func(m Message) bool { return !x.keptAside(b, s, m.UID) })
	}
	for _, q := range x.snapshot.Quarantine {
		if q.Mailbox == b.name && !x.due(q) {
			in.Quarantined[q.Side][q.UID] = true
			in.Late[q.Side][q.UID] = q.ghost()
		}
	}
	in.Tombs = slices.ContainsFunc(x.snapshot.Tombs, func(t Tomb) bool { return t.Mailbox == b.name })
	x.intentInput(boxes, b, &in)
	return in
}

// unfinished reports whether an interrupted effect concerns a mailbox.
func (x *run) unfinished(name Name) bool {
	return slices.ContainsFunc(x.snapshot.Intents, func(in Intent) bool { return in.Mailbox == name || in.Target == name })
}

// followsNothing reports whether nothing can follow from a record in a mailbox in which
// nothing is unfinished: both messages are there, and their flags are as they were.
// A mailbox of a million messages is not described to the planner for one of them.
func (b *box) followsNothing(r *Record, policy Policy, keeps [2]Storable) bool {
	var now [2]Flags
	for _, s := range Sides {
		side := &b.sides[s]
		m := side.messages[r.UID[s]]
		if m == nil || r.State[s] != Confirmed || !side.exists() || side.blocked != "" || side.gone[m.UID] || side.unknown[m.UID] {
			return false
		}
		now[s] = m.Flags
	}
	merged := mergeFlags(policy, *r, now, keeps)
	return merged.record == *r && merged.add == [2]Flags{} && merged.remove == [2]Flags{}
}

// departed lists the messages that went away while an intent to copy them is
// open.
func (x *run) departed(b *box, s Side) (list []Message) {
	side := &b.sides[s]
	for _, in := range x.snapshot.Intents {
		if in.Kind == CopyIntent && in.Side == s && in.Mailbox == b.name && side.gone[in.Source.UID] {
			list = append(list, *side.messages[in.Source.UID])
		}
	}
	return list
}

// taken starts the set of messages that are not unpaired: those with a tomb, those
// that a move was to follow in this run, with what that move may have made, and what
// may belong to a blind move.
func (x *run) taken(b *box, s Side) map[UID]bool {
	set := map[UID]bool{}
	for _, t := range x.snapshot.Tombs {
		if t.Side == s && t.Mailbox == b.name {
			set[t.UID] = true
		}
	}
	for key, moved := range x.unmoved {
		switch {
		case key.Mailbox != b.name:
		case key.Side == s:
			set[key.UID] = true
		default: // its move may have been made after all
			b.holdSize(s, moved.Size, 0, set)
		}
	}
	for _, in := range x.blind {
		x.holdArrivals(in, b, s, set)
	}
	return set
}

func (x *run) intentInput(boxes []*box, b *box, in *MailboxInput) {
	for _, intent := range x.snapshot.Intents {
		switch {
		case intent.Mailbox != b.name:
		case intent.Kind == GhostIntent:
			at, g := b, GhostInput{Intent: intent}
			if intent.Target != "" {
				at = findBox(boxes, intent.Target)
			}
			if at == nil {
				at = &box{} // nobody can tell any more what became of the source
			}
			side := &at.sides[intent.Side]
			if m := side.messages[intent.Source.UID]; m != nil && (!side.gone[m.UID] && !side.unknown[m.UID] || m.Identity.Body.Known()) {
				g.Source = *m
			}
			in.Ghosts = append(in.Ghosts, g)
		default:
			in.Intents = append(in.Intents, intent)
		}
	}
}
