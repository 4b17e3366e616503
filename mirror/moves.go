package mirror

import (
	"slices"

	"github.com/emersion/go-imap/v2"
)

// placed is a message with the mailbox it is or was in. Of a gone one it says
// whose partner it was: a record's, by index, or that of a message whose copy
// was never recorded.
type placed struct {
	Message
	at      *boxPlanner
	record  int
	partner Message
	intent  *Intent // of the copy that was never recorded
}

// placed says of each of list that it is in b.
func (b *boxPlanner) placed(list []Message) []placed {
	out := make([]placed, len(list))
	for i, m := range list {
		out[i] = placed{Message: m, at: b}
	}
	return out
}

// placedGone says of each of list that it was on s in b, with its record.
func (b *boxPlanner) placedGone(s Side, list []Message, index []int) []placed {
	out := b.placed(list)
	for i := range out {
		out[i].record, out[i].partner = index[i], b.box.Records[index[i]].Seen[s.Other()].Message
	}
	return out
}

// sameSide matches messages that are gone on side s with new ones of the same
// side: first by the names that the repository itself vouches for, then by
// content. The same repository reports the same size for the same message, so
// only equal sizes are looked into: missing a match costs a transfer, no mail.
func (p *planner) sameSide(s Side, gone, fresh []placed) []match {
	usedGone, usedFresh := make([]bool, len(gone)), make([]bool, len(fresh))
	var out []match
	for _, m := range append(sameNames(gone, fresh), p.sameNumbers(s, gone, fresh)...) {
		if !usedGone[m.a] && !usedFresh[m.b] {
			usedGone[m.a], usedFresh[m.b] = true, true
			out = append(out, m)
		}
	}
	indexA, indexB := sameSize(gone, usedGone, fresh, usedFresh), sameSize(fresh, usedFresh, gone, usedGone)
	m := matchMessages(pick(gone, indexA), pick(fresh, indexB), false)
	if hidden := unreadable(gone, indexA, m.needA); len(hidden) > 0 {
		indexA = slices.DeleteFunc(indexA, func(i int) bool { return hidden[i] })
		m = matchMessages(pick(gone, indexA), pick(fresh, indexB), false)
	}
	needA := make([]placed, len(indexA))
	for i, k := range indexA {
		needA[i] = gone[k]
	}
	p.needPartners(s.Other(), needA, m.needA)
	for i, depth := range m.needB {
		one := fresh[indexB[i]]
		p.needs.add(s, one.at.box.Name, []Message{one.Message}, map[int]Depth{0: depth})
	}
	if m.needs() {
		return out
	}
	for _, pair := range m.pairs {
		usedGone[indexA[pair.a]], usedFresh[indexB[pair.b]] = true, true
		out = append(out, match{a: indexA[pair.a], b: indexB[pair.b]})
	}
	if p.in.Sides[s].ChangesBytes {
		out = append(out, p.sameKey(s, gone, usedGone, fresh, usedFresh)...)
	}
	return out
}

// sameKey matches what a side changed when it stored it: nobody can tell any
// more what the one that is gone looked like there, but its Message-ID, Date,
// From and INTERNALDATE are known.
func (p *planner) sameKey(s Side, gone []placed, usedGone []bool, fresh []placed, usedFresh []bool) (out []match) {
	for i, g := range gone {
		var found []int
		for k, f := range fresh {
			if usedGone[i] || usedFresh[k] || !g.Identity.Key.Known() || !f.Date.Equal(g.Date) || f.at.drafts() {
				continue
			}
			if !f.Identity.Header.Known() {
				p.needs.add(s, f.at.box.Name, []Message{f.Message}, map[int]Depth{0: Headers})
			} else if f.Identity.Key == g.Identity.Key {
				found = append(found, k)
			}
		}
		if len(found) == 1 {
			usedGone[i], usedFresh[found[0]] = true, true
			out = append(out, match{a: i, b: found[0]})
		}
	}
	return out
}

// sameNames matches by base name or object id.
func sameNames(gone, fresh []placed) (out []match) {
	byName := map[string]int{}
	for i, m := range fresh {
		for _, name := range names(m.Message) {
			byName[name] = i
		}
	}
	used := map[int]bool{}
	for i, m := range gone {
		for _, name := range names(m.Message) {
			if k, ok := byName[name]; ok && !used[k] {
				used[k] = true
				out = append(out, match{a: i, b: k})
				break
			}
		}
	}
	return out
}

// unreadable returns the gone messages, by index, of which more is needed than
// anybody can tell: the partner of an altered pair has another content.
func unreadable(gone []placed, index []int, need map[int]Depth) map[int]bool {
	set := map[int]bool{}
	for i := range need {
		one := gone[index[i]]
		if one.intent == nil && one.at.box.Records[one.record].Altered {
			set[index[i]] = true
		}
	}
	return set
}

func pick(list []placed, index []int) []Message {
	out := make([]Message, len(index))
	for i, k := range index {
		out[i] = list[k].Message
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

// sameSize returns the indexes of the unused members of list whose size occurs
// in other.
func sameSize(list []placed, used []bool, other []placed, usedOther []bool) (index []int) {
	sizes := map[int64]bool{}
	for i, m := range other {
		if !usedOther[i] {
			sizes[m.Size] = true
		}
	}
	for i, m := range list {
		if !used[i] && sizes[m.Size] {
			index = append(index, i)
		}
	}
	return index
}

// needPartners asks for the partners of gone messages, on side o: the messages
// themselves can no longer be read.
func (p *planner) needPartners(o Side, gone []placed, need map[int]Depth) {
	for i, depth := range need {
		p.needs.add(o, gone[i].at.box.Name, []Message{gone[i].partner}, map[int]Depth{0: depth})
	}
}

// moves finds messages that went from one mailbox to another on one side, and
// moves their partners. sources lists those that went from a mailbox.
func (p *planner) moves(sources func(b *boxPlanner, s Side) []placed) {
	for _, s := range Sides {
		if o := s.Other(); p.in.Policy.New.Allows(o) && p.in.Policy.Gone.Allows(o) {
			var gone []placed
			for _, b := range p.boxes {
				gone = append(gone, sources(b, s)...)
			}
			unseen := func(g placed) bool { return g.intent == nil && !g.at.box.Records[g.record].State[s].shown() }
			seen := slices.DeleteFunc(slices.Clone(gone), unseen)
			p.follow(s, seen, "")
			if len(seen) < len(gone) {
				p.follow(s, slices.DeleteFunc(gone, func(g placed) bool { return !unseen(g) }), p.in.Sides[s].Trash)
			}
		}
	}
}

// follow moves the partners of those that are gone to where they are now, which is
// not in mailbox except.
func (p *planner) follow(s Side, gone []placed, except Name) {
	if len(gone) == 0 {
		return
	}
	fresh := p.moveTargets(s, except)
	for _, m := range p.sameSide(s, gone, fresh) {
		p.move(s, gone[m.a], fresh[m.b])
	}
}

// departures lists messages of records that are gone on s and may be moved on
// the other side.
func (b *boxPlanner) departures(s Side) (list []placed) {
	gone, index := b.goneOn(s, func(r RecordInput) bool { return b.mayMove(s.Other(), r) })
	return b.placedGone(s, gone, index)
}

// reservedCopies lists the copies on s whose outcome nobody saw and whose name was
// reserved: somebody may have moved one away before we came back. Content would
// prove nothing here, since an equal message may be somebody else's.
func (b *boxPlanner) reservedCopies(s Side) (list []placed) {
	o := s.Other()
	if len(b.box.Intents) == 0 {
		return nil
	}
	for _, m := range b.free(o) {
		if in := b.intentOf(o, m.UID); in != nil && in.Kind == CopyIntent && in.Reserved.Base != "" {
			sent := Message{Ref: Ref{Base: in.Reserved.Base}, Size: -1}
			list = append(list, placed{Message: sent, at: b, partner: m, intent: in})
		}
	}
	return list
}

// moveTargets lists what is new on s and may have been moved there. What is in the
// trash may be an equal one that we put there, and proves nothing of a copy which
// nobody has seen: except names it then.
func (p *planner) moveTargets(s Side, except Name) (list []placed) {
	for _, b := range p.boxes {
		if !b.bothOpen() || b.box.Sides[s].Renumbered || except != "" && b.box.Name == except {
			continue
		}
		list = append(list, b.placed(b.fresh(s))...)
	}
	return list
}

// move follows on the other side what happened to a message on s.
func (p *planner) move(s Side, gone, fresh placed) {
	o, from, to := s.Other(), gone.at, fresh.at
	a := Action{Kind: MoveTo, Side: o, Mailbox: from.box.Name, Target: to.box.Name, Message: gone.partner, Partner: &fresh.Message}
	if gone.intent != nil {
		from.claimed[o][gone.partner.UID] = true
		a.UID, a.Intent = uids(o, gone.partner.UID), gone.intent.ID
		a.Record.Base = gone.intent.bases(sidedFlags(s, fresh.Flags, gone.partner.Flags), s)
	} else {
		r := from.box.Records[gone.record]
		if from == to { // an announced copy that came late; see notMoved
			from.rebindRecord(s, gone.record, fresh.Message)
			return
		}
		if p.movedBefore(o, r, to, fresh.Message) {
			return
		}
		a.UID, a.Record = r.UID, r.Record
		from.settled[gone.record] = true
		if in := from.intentOf(o, r.UID[o]); in != nil {
			a.Intent = in.ID
			p.revisit(to.box.Name)
			switch {
			case in.Target != "" && p.arrived[in.ID] == Unknown:
				return
			case from.awaits(in):
				a.Kind, a.Reason = Wait, "an earlier move may still appear"
				p.plan.Waiting++
			case p.arrived[in.ID] == Present:
				a.Kind, a.ForGood = Remove, true
			}
		}
	}
	to.claimed[s][fresh.UID] = true
	a.Record.Mailbox, a.Record.UID = to.box.Name, uids(s, fresh.UID)
	a.Record.State = [2]Confirmation{}
	if p.in.Sides[o].Traits.Numbers {
		a.Record.State[o] = Unconfirmed
	}
	p.add(a)
}

// movedBefore reports whether o, which cannot expunge single messages, shows the
// message of r marked \Deleted and its copy where it was moved to: a newer state
// than this one knew of it. What is marked goes, the copy is paired.
func (p *planner) movedBefore(o Side, r RecordInput, to *boxPlanner, fresh Message) bool {
	marked := r.Seen[o].Message.Flags.Has(imap.FlagDeleted) && !r.Base[o].Has(imap.FlagDeleted)
	if !marked || p.in.Sides[o].Traits.UIDPlus {
		return false
	}
	k, _ := p.findOne(sought{Message: to.forMatching(fresh), side: o.Other(), mailbox: to.box.Name}, o, to.placed(to.free(o)))
	return k >= 0
}

// sidedFlags puts here on side s and there on the other.
func sidedFlags(s Side, here, there Flags) (both [2]Flags) {
	both[s], both[s.Other()] = here, there
	return both
}
