package mirror

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"mailtwin/nametrans"
)

// reasonMissing is said of a mailbox that is missing and not done away with.
const reasonMissing = "mailbox is missing; its messages are left alone on both sides until it is back"

// mayBeMissing reports whether the state knows a mailbox that the side does not list as
// one that holds mail.
func (s *boxSide) mayBeMissing() bool { return s.row != nil && !s.exists() && s.blocked == "" }

// proveMissing asks a side for a mailbox that it does not list: what cannot be opened
// either is missing. Any other answer leaves the messages unknown.
func (x *run) proveMissing(ctx context.Context, b *box, s Side) error {
	missing, err := x.isMissing(ctx, b, s)
	if err != nil && (ReachOf(err) > ReachMailbox || ctx.Err() != nil) {
		return &Error{Op: "look for mailbox", Side: s, Mailbox: b.name, Err: err}
	}
	b.sides[s].missing = missing
	return nil
}

// isMissing reports whether a mailbox is not there when it is to be opened.
func (x *run) isMissing(ctx context.Context, b *box, s Side) (bool, error) {
	handle, err := x.Repositories[s].Open(ctx, b.name, ReadOnly, Checkpoint{})
	switch side := &b.sides[s]; {
	case errors.Is(err, ErrNoMailbox):
		return true, nil
	case err == nil && side.anew:
		return handle.Status().UIDValidity != side.row.Checkpoint.UIDValidity, nil
	}
	return false, err
}

// findMadeAnew finds mailboxes that were renamed while another one was made under their
// name. That one has another UIDVALIDITY, and would be paired anew with the messages of the
// old one; which is where another new mailbox shows its UIDVALIDITY and every UID, size and
// date of it. It counts as missing in this round, and what has its name is new in the next.
func findMadeAnew(visit []*box) {
	for _, b := range visit {
		for _, s := range Sides {
			side, o := &b.sides[s], s.Other()
			if side.row == nil || side.view == nil || !side.view.Renumbered || len(side.before) == 0 || b.sides[o].row == nil || !b.usable(o) {
				continue
			}
			moved := func(c *box) bool {
				there := &c.sides[s]
				return there.row == nil && there.view != nil && c.sides[o].listed == nil &&
					there.view.Checkpoint.UIDValidity == side.row.Checkpoint.UIDValidity && there.shows(side.before)
			}
			if slices.ContainsFunc(visit, moved) {
				side.messages, side.before = side.before, nil
				side.listed, side.view, side.handle = nil, nil, nil
				side.missing, side.anew = true, true
			}
		}
	}
}

// shows reports whether a side shows all these messages under their UIDs.
func (s *boxSide) shows(all map[UID]*Message) bool {
	for uid, m := range all {
		if now := s.messages[uid]; now == nil || now.Size != m.Size || !now.Date.Equal(m.Date) {
			return false
		}
	}
	return true
}

// withMissing adds the mailboxes to those to visit that one side has and the other
// seems to miss: once where others are looked into as well, for their messages may have
// gone there, again when that side has a new one, which it may have become, and always
// where mailboxes are removed.
func (x *run) withMissing(boxes, visit []*box) []*box {
	moved := len(visit) > 0
	var renamed [2]bool
	for _, s := range Sides {
		renamed[s] = slices.ContainsFunc(visit, func(b *box) bool { return b.sides[s].exists() && b.sides[s].row == nil })
	}
	for _, b := range boxes {
		for _, s := range Sides {
			o := s.Other()
			if b.sides[s].mayBeMissing() && b.sides[o].row != nil && b.usable(o) && !b.hidden && !slices.Contains(visit, b) &&
				(moved && !b.sides[s].row.Checkpoint.void() || renamed[s] || x.Policy.Remove.Allows(o)) {
				visit = append(visit, b)
			}
		}
	}
	slices.SortFunc(visit, func(a, b *box) int { return cmp.Compare(a.name, b.name) })
	return visit
}

// void reports whether a checkpoint says no more than a UIDVALIDITY: what a mailbox is
// left with that was missing while it was looked into.
func (c Checkpoint) void() bool { return c == Checkpoint{UIDValidity: c.UIDValidity} }

// findParents notes which mailboxes have others below them, on a side itself, that are no
// boxes: those that are not selected, or that have no name of the pair.
func (x *run) findParents(listings [2]Listing) {
	missing := func(b *box) bool { return b.sides[Far].mayBeMissing() || b.sides[Near].mayBeMissing() }
	if !slices.ContainsFunc(x.boxes, missing) {
		return // who else would ask
	}
	for _, s := range Sides {
		boxes := map[Name]*box{}
		for _, b := range x.boxes {
			if listed := b.sides[s].listed; listed != nil {
				boxes[listed.origin()] = b
			}
		}
		all := listings[s].Mailboxes
		if s == Far {
			all = slices.Concat(all, x.outside)
		}
		for i := range all {
			own := all[i].origin()
			if boxes[own] != nil {
				continue
			}
			for above := own.Parent(); above != ""; above = above.Parent() {
				if b := boxes[above]; b != nil {
					b.sides[s].parent = true
				}
			}
		}
	}
}

// missingOn returns the side on which a mailbox is missing while the other one has it.
func (b *boxPlanner) missingOn() (s Side, ok bool) {
	for _, s := range Sides {
		if b.box.Sides[s].Missing && b.open[s.Other()] && b.box.Name != nametrans.Inbox {
			return s, true
		}
	}
	return Far, false
}

// leftAlone reports whether nothing follows from what is gone in a mailbox: it is missing
// on a side as a whole. What went to other mailboxes was followed before; of the rest nobody knows
// what was meant, unless mailboxes are removed, and each new one of the side showed what it holds.
func (b *boxPlanner) leftAlone() (alone bool, missing Side) {
	for _, s := range Sides {
		unseen := func(other *boxPlanner) bool { return !other.box.Sides[s].Known && other.box.Sides[s].Blocked != "" }
		if b.box.Sides[s].Missing && (b.box.Sides[s].Anew || !b.in.Policy.Remove.Allows(s.Other()) || slices.ContainsFunc(b.boxes, unseen)) {
			return true, s
		}
	}
	return false, Far
}

// recordOfMissing decides on a record of a mailbox that is missing on s, and left alone:
// a move that was begun is ended, and what goes on the other side is remembered.
func (b *boxPlanner) recordOfMissing(s Side, stored Record, r RecordInput) {
	o := s.Other()
	switch left := r.Seen[o]; {
	case left.Sight == Gone:
		b.noteDeparture(o, stored, r.Record)
	case left.Sight == Present && b.endsMove(o, r):
		b.remove(Action{Side: o, UID: r.UID, Message: left.Message, Record: r.Record})
	}
}

// renames makes of all moves out of a mailbox that is missing on a side into one that is
// to be made on the other side a renaming there. Each message was found again, so it is
// the same mailbox under another name.
func (p *planner) renames() {
	found := map[Name]Action{}
	for _, b := range p.boxes {
		if a, ok := b.renamed(); ok {
			found[b.box.Name] = a
		}
	}
	p.emptyBelow(found)
	for again := true; again; { // one that does not go keeps those above it
		again = false
		for name, a := range found {
			if !p.takesAlong(a, found) {
				delete(found, name)
				again = true
			}
		}
	}
	if len(found) == 0 {
		return
	}
	kept := p.plan.Actions[:0]
	for _, a := range p.plan.Actions {
		rename, moves := found[a.Mailbox]
		switch {
		case a.Kind == MoveTo && moves && a.Side == rename.Side && a.Target == rename.Target:
			rename.Moves = append(rename.Moves, a)
			found[a.Mailbox] = rename
		case isTarget(found, a.Mailbox) && a.Kind == Create:
		case a.Kind == MoveTo && moves, isTarget(found, a.Mailbox), isTarget(found, a.Target): // once it has its name
			p.revisit(a.Mailbox)
			if a.Target != "" {
				p.revisit(a.Target)
			}
			p.undecided[a.Intent] = true
		default:
			kept = append(kept, a)
		}
	}
	p.plan.Actions = kept
	for _, b := range p.boxes {
		if a, ok := found[b.box.Name]; ok {
			b.gone = true
			for i := range b.settled {
				b.settled[i] = true // those that are gone on both sides go with the name
			}
			p.add(a)
			p.revisit(a.Mailbox) // another one may have its name
			p.closeTarget(a)
		}
	}
}

// closeTarget leaves everything else in the mailbox that a renaming makes to the next round:
// what is known stands under its name then, and what has no record goes along and may be
// what would be copied.
func (p *planner) closeTarget(rename Action) {
	for _, b := range p.boxes {
		if b.box.Name == rename.Target {
			b.open = [2]bool{}
			p.revisit(rename.Target)
		}
	}
}

// emptyBelow adds the mailboxes to the renamings that hold nothing, of which nothing can be
// found again: one above them was renamed, and they are to be made below its new name.
func (p *planner) emptyBelow(found map[Name]Action) {
	for _, b := range p.boxes {
		s, missing := b.missingOn()
		o := s.Other()
		if !missing || b.box.Total > 0 || !b.box.Sides[o].Empty || b.unfinished() {
			continue
		}
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(found))) { // the closest first
			above := found[name]
			from, to := p.own(above.Mailbox, o), p.own(above.Target, o)
			if own := b.box.Sides[o].Own; above.Side != o || !own.Below(from) {
				continue
			} else if c := p.creation(o, to+own[len(from):]); c != nil {
				found[b.box.Name] = Action{Kind: Rename, Side: o, Mailbox: b.box.Name, Target: c.Mailbox, Role: c.Role, Subscribed: c.Subscribed}
				break
			}
		}
	}
}

// creation is the action that makes a mailbox which the side itself is to call own.
func (p *planner) creation(s Side, own Name) *Action {
	for i := range p.plan.Actions {
		if a := &p.plan.Actions[i]; a.Kind == Create && a.Side == s && p.own(a.Mailbox, s) == own {
			return a
		}
	}
	return nil
}

func isTarget(found map[Name]Action, name Name) bool {
	for _, a := range found {
		if a.Target == name {
			return true
		}
	}
	return false
}

// renamed returns the renaming that the moves out of a missing mailbox come to. Those that
// lead to other mailboxes are followed once it has its name.
func (b *boxPlanner) renamed() (a Action, ok bool) {
	s, missing := b.missingOn()
	o := s.Other()
	if !missing || b.box.Total == 0 || b.box.Total != len(b.box.Records) || !b.in.Policy.Create.Allows(o) || b.unfinished() {
		return a, false
	}
	moves, to := 0, map[Name]int{}
	for i := range b.plan.Actions {
		m := &b.plan.Actions[i]
		if m.Mailbox != b.box.Name {
			continue
		}
		if m.Kind != MoveTo || m.Side != o || m.Intent != 0 {
			return a, false
		}
		moves++
		to[m.Target]++
	}
	if moves+b.goneOnBoth() != b.box.Total {
		return a, false
	}
	most := 0
	for _, c := range b.plan.Actions {
		if n := to[c.Mailbox]; c.Kind == Create && c.Side == o && n > most {
			a, most = Action{Kind: Rename, Side: o, Mailbox: b.box.Name, Target: c.Mailbox, Role: c.Role, Subscribed: c.Subscribed}, n
		}
	}
	return a, most > 0
}

// goneOnBoth counts the records of which there is nothing left to be renamed.
func (b *boxPlanner) goneOnBoth() (n int) {
	for i, r := range b.box.Records {
		if !b.settled[i] && r.Seen[Far].Sight == Gone && r.Seen[Near].Sight == Gone {
			n++
		}
	}
	return n
}

// unfinished reports whether the state holds more of a mailbox than its records.
func (b *boxPlanner) unfinished() bool {
	return len(b.box.Intents)+len(b.box.Ghosts)+len(b.box.Quarantined[Far])+len(b.box.Quarantined[Near])+len(b.box.Unread[Far])+len(b.box.Unread[Near]) > 0 || b.box.Tombs
}

// takesAlong reports whether all that stands below a mailbox on the side itself goes with
// it as it is to.
func (p *planner) takesAlong(a Action, found map[Name]Action) bool {
	from, to := p.own(a.Mailbox, a.Side), p.own(a.Target, a.Side)
	for _, b := range p.boxes {
		side := &b.box.Sides[a.Side]
		switch below, ok := found[b.box.Name]; {
		case b.box.Name == a.Mailbox && side.Parent:
			return false
		case !side.Own.Below(from) || !side.Exists:
		case !ok || below.Side != a.Side || p.own(below.Target, a.Side) != to+side.Own[len(from):]:
			return false
		}
	}
	return true
}

// own is what the side itself calls a mailbox.
func (p *planner) own(name Name, s Side) Name {
	i, ok := slices.BinarySearchFunc(p.boxes, name, func(b *boxPlanner, n Name) int { return cmp.Compare(b.box.Name, n) })
	if !ok {
		return name
	}
	return p.boxes[i].box.Sides[s].Own
}

// deletes removes mailboxes that are missing on one side and hold nothing on the other.
func (p *planner) deletes() {
	for _, b := range slices.Backward(p.boxes) { // those below first
		s, missing := b.missingOn()
		o := s.Other()
		if missing && !b.gone && !b.box.Sides[s].Anew && p.in.Policy.Remove.Allows(o) && b.box.Total == 0 && b.box.Sides[o].Empty && !b.unfinished() && !b.keepsBelow(o) {
			b.gone = true
			b.add(Action{Kind: Delete, Side: o, Mailbox: b.box.Name})
		}
	}
}

// keepsBelow reports whether a mailbox stands below b that this plan does not delete.
func (b *boxPlanner) keepsBelow(s Side) bool {
	return b.box.Sides[s].Parent || slices.ContainsFunc(b.boxes, func(other *boxPlanner) bool {
		return other.box.Sides[s].Exists && other.box.Sides[s].Own.Below(b.box.Sides[s].Own) && !other.gone
	})
}

// nameMissing names the mailboxes that are missing, unless this plan does away with them.
func (p *planner) nameMissing() {
	for _, b := range p.boxes {
		s, missing := b.missingOn()
		emptied := missing && b.in.Policy.Remove.Allows(s.Other()) && slices.ContainsFunc(p.plan.Actions, func(a Action) bool {
			return a.Mailbox == b.box.Name && (a.Kind == Remove || a.Kind == MoveTo)
		})
		anew := missing && b.box.Sides[s].Anew
		if emptied || anew { // it can be deleted then, or the other one of its name is looked into
			p.revisit(b.box.Name)
		}
		for _, s := range Sides {
			if side := b.box.Sides[s]; !b.box.Hidden && side.Known && !side.Exists && side.Blocked == "" && b.box.Sides[s.Other()].Exists && !b.gone && !emptied && !anew {
				b.problem(s, b.box.Name, 0, reasonMissing)
			}
		}
	}
}

// sampledHeaders is how many messages of a mailbox that seems to be renamed are compared
// by their headers as well.
const sampledHeaders = 16

// sameNumbers matches the messages of mailboxes that are missing on s with those of one
// that is new there and shows each of them under the same UID and UIDVALIDITY, with the
// same size and INTERNALDATE: RENAME keeps them (RFC 9051 §6.3.6). The headers of a
// sample must be the same as well.
func (p *planner) sameNumbers(s Side, gone, fresh []placed) (out []match) {
	for _, from := range p.boxes {
		if !from.box.Sides[s].Missing || from.box.Sides[s].UIDValidity == 0 || !p.in.Sides[s].Traits.Numbers {
			continue
		}
		for _, to := range p.boxes {
			if to.box.Sides[s].UIDValidity == from.box.Sides[s].UIDValidity && !to.box.Sides[s].Known {
				out = append(out, p.sameNumbersIn(s, from, to, gone, fresh)...)
			}
		}
	}
	return out
}

func (p *planner) sameNumbersIn(s Side, from, to *boxPlanner, gone, fresh []placed) (out []match) {
	byUID := map[UID]int{}
	for k := range fresh {
		if fresh[k].at == to {
			byUID[fresh[k].UID] = k
		}
	}
	for i := range gone {
		g := &gone[i]
		if g.at != from {
			continue
		}
		k, ok := byUID[g.UID]
		if !ok || g.intent != nil || fresh[k].Size != g.Size || !fresh[k].Date.Equal(g.Date) {
			return nil
		}
		out = append(out, match{a: i, b: k})
	}
	if len(out) < from.box.Total || !p.sameHeaders(s, gone, fresh, out) {
		return nil
	}
	return out
}

// sameHeaders compares the headers of some of the pairs, spread over all of them.
func (p *planner) sameHeaders(s Side, gone, fresh []placed, pairs []match) bool {
	same, asked := 0, false
	for n := range min(sampledHeaders, len(pairs)) {
		pair := pairs[n*len(pairs)/min(sampledHeaders, len(pairs))]
		was, now := gone[pair.a].Identity.Header, fresh[pair.b]
		switch {
		case !was.Known():
		case !now.Identity.Header.Known():
			p.needs.add(s, now.at.box.Name, []Message{now.Message}, map[int]Depth{0: Headers})
			asked = true
		case now.Identity.Header != was:
			return false
		default:
			same++
		}
	}
	return same > 0 && !asked
}
