package mirror

import (
	"cmp"
	"slices"
)

// found is a gone message, by its index in the list given, and the new message
// that is the same.
type found struct {
	a       int
	message Message
}

// matchSameSide finds gone messages among new ones of one mailbox on the same
// side.
func (b *boxPlanner) matchSameSide(s Side, gone, fresh []Message) []found {
	places := make([]*boxPlanner, len(fresh))
	for i := range places {
		places[i] = b
	}
	goneAt := make([]*boxPlanner, len(gone))
	for i := range goneAt {
		goneAt[i] = b
	}
	var out []found
	for _, pair := range b.planner.sameSide(s, gone, goneAt, fresh, places) {
		out = append(out, found{pair.a, fresh[pair.b]})
	}
	return out
}

// sameSide matches messages that are gone on side s with new ones of the same
// side. The same repository reports the same size for the same message, so
// only equal sizes are looked into: missing a match costs a transfer, no mail.
func (p *planner) sameSide(s Side, gone []Message, goneAt []*boxPlanner, fresh []Message, freshAt []*boxPlanner) []match {
	var out []match
	usedGone, usedFresh := make([]bool, len(gone)), make([]bool, len(fresh))
	take := func(m match) {
		usedGone[m.a], usedFresh[m.b] = true, true
		out = append(out, m)
	}
	byName := map[string]int{}
	for i, m := range fresh {
		for _, name := range names(m) {
			byName[name] = i
		}
	}
	for i, m := range gone {
		for _, name := range names(m) {
			if k, ok := byName[name]; ok && !usedFresh[k] && !usedGone[i] {
				take(match{a: i, b: k})
			}
		}
	}
	a, indexA := sameSize(gone, usedGone, fresh, usedFresh)
	b, indexB := sameSize(fresh, usedFresh, gone, usedGone)
	m := matchMessages(a, b, false)
	p.needPartners(s.Other(), a, indexA, goneAt, m.needA)
	for i, depth := range m.needB {
		at := freshAt[indexB[i]]
		p.needs.add(s, at.box.Name, b[i:i+1], map[int]Depth{0: depth})
	}
	if !m.needs() {
		for _, pair := range m.pairs {
			take(match{a: indexA[pair.a], b: indexB[pair.b]})
		}
	}
	return out
}

// names are the identities that a repository itself vouches for.
func names(m Message) []string {
	var list []string
	if m.Base != "" {
		list = append(list, "base "+m.Base)
	}
	if m.Identity.ObjectID != "" {
		list = append(list, "object "+m.Identity.ObjectID)
	}
	return list
}

// sameSize returns the unused members of list whose size occurs in other, with
// their indexes.
func sameSize(list []Message, used []bool, other []Message, usedOther []bool) ([]Message, []int) {
	sizes := map[int64]bool{}
	for i, m := range other {
		if !usedOther[i] {
			sizes[m.Size] = true
		}
	}
	var out []Message
	var index []int
	for i, m := range list {
		if !used[i] && sizes[m.Size] {
			out = append(out, m)
			index = append(index, i)
		}
	}
	return out, index
}

// needPartners asks for the partner of a gone message, on side o: the message
// itself can no longer be read.
func (p *planner) needPartners(o Side, gone []Message, index []int, at []*boxPlanner, need map[int]Depth) {
	for i, depth := range need {
		b := at[index[i]]
		for _, r := range b.box.Records {
			if r.UID[o.Other()] == gone[i].UID && r.Seen[o].Sight == Present {
				p.needs.add(o, b.box.Name, []Message{r.Seen[o].Message}, map[int]Depth{0: depth})
			}
		}
	}
}

// moves finds messages that went from one mailbox to another on one side, and
// moves their partners.
func (p *planner) moves() {
	for _, s := range Sides {
		o := s.Other()
		if !p.in.Policy.New.Allows(o) || !p.in.Policy.Gone.Allows(o) || p.in.Fresh || p.in.Policy.Deletions == DeleteNothing {
			continue
		}
		gone, goneAt, index := p.moveSources(s)
		fresh, freshAt := p.moveTargets(s)
		for _, m := range p.sameSide(s, gone, goneAt, fresh, freshAt) {
			p.move(s, goneAt[m.a], index[m.a], freshAt[m.b], fresh[m.b])
		}
	}
}

// moveSources lists messages that are gone on s and may be moved on the other
// side.
func (p *planner) moveSources(s Side) (list []Message, at []*boxPlanner, index []int) {
	for _, b := range p.boxes {
		gone, records := b.goneOn(s)
		for i, m := range gone {
			if b.mayRemove(s.Other(), b.box.Records[records[i]]) {
				list, at, index = append(list, m), append(at, b), append(index, records[i])
			}
		}
	}
	return list, at, index
}

func (p *planner) moveTargets(s Side) (list []Message, at []*boxPlanner) {
	for _, b := range p.boxes {
		if !b.bothOpen() || b.box.Sides[s].Renumbered {
			continue
		}
		for _, m := range b.free(s) {
			if !b.box.Quarantined[s][m.UID] && b.intentOf(s, m.UID) == nil {
				list, at = append(list, m), append(at, b)
			}
		}
	}
	return list, at
}

// move follows on the other side what happened to a record on s.
func (p *planner) move(s Side, from *boxPlanner, index int, to *boxPlanner, m Message) {
	o := s.Other()
	r := from.box.Records[index]
	from.settled[index] = true
	to.claimed[s][m.UID] = true
	intent := int64(0)
	if in := from.intentOf(o, r.UID[o]); in != nil {
		intent = in.ID
		if from.uncertain(in) {
			p.add(Action{Kind: Wait, Side: o, Mailbox: from.box.Name, UID: r.UID, Message: r.Seen[o].Message, Intent: intent,
				Reason: "an earlier move may still appear"})
			p.plan.Waiting++
			return
		}
	}
	rec := r.Record
	rec.Mailbox = to.box.Name
	rec.UID = uids(s, m.UID)
	rec.State[o] = Unconfirmed
	p.add(Action{Kind: MoveTo, Side: o, Mailbox: from.box.Name, Target: to.box.Name, UID: r.UID,
		Message: r.Seen[o].Message, Partner: m, Record: rec, Intent: intent})
}

// needs collects what must be identified, without repeating itself.
type needs map[needKey]Depth

type needKey struct {
	side    Side
	mailbox Name
	ref     Ref
}

func (n needs) add(side Side, mailbox Name, list []Message, depths map[int]Depth) {
	for i, depth := range depths {
		key := needKey{side, mailbox, list[i].Ref}
		n[key] = max(n[key], depth)
	}
}

// list returns the needs by side, mailbox, depth and UID.
func (n needs) list() []Need {
	type group struct {
		side    Side
		mailbox Name
		depth   Depth
	}
	grouped := map[group]*Need{}
	for key, depth := range n {
		k := group{key.side, key.mailbox, depth}
		if grouped[k] == nil {
			grouped[k] = &Need{Side: key.side, Mailbox: key.mailbox, Depth: depth}
		}
		grouped[k].Refs = append(grouped[k].Refs, key.ref)
	}
	var out []Need
	for _, need := range grouped {
		slices.SortFunc(need.Refs, func(a, b Ref) int { return cmp.Compare(a.UID, b.UID) })
		out = append(out, *need)
	}
	slices.SortFunc(out, compareNeeds)
	return out
}

func compareNeeds(a, b Need) int {
	return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Depth, b.Depth))
}
