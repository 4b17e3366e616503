package mirror

import (
	"maps"
)

// unpaired decides on the messages of s that have no partner.
func (b *boxPlanner) unpaired(s Side) {
	o, p := s.Other(), b.in.Policy
	for _, m := range b.box.Unpaired[s] {
		switch {
		case b.claimed[s][m.UID] || b.box.Quarantined[s][m.UID] || !b.bothOpen():
		case b.movesOn(s, m):
			b.remove(Action{Side: s, UID: uids(s, m.UID), Message: m, Reason: "it was moved, and its copy is there"})
		case p.RemoveExtra && p.resets(s):
			if b.removalsOff() {
				b.nextRun(b.box.Name)
			} else if p.Deletions != DeleteNothing && len(b.unpairedUnknown(o)) == 0 {
				b.remove(Action{Side: s, UID: uids(s, m.UID), Message: m, Reason: "it is not on the source"})
			}
		case p.New.Allows(o) && (b.inWindow(s, m) || b.earlier(s, Action{Message: m}) != nil):
			b.send(Action{Side: o, UID: uids(s, m.UID), Message: m})
		}
	}
}

// inWindow reports whether a new message on s is one of those that are copied.
func (b *boxPlanner) inWindow(s Side, m Message) bool {
	return b.in.Policy.Window.holds(m) && m.UID >= b.box.First[s] && (!b.box.Searched[s] || b.box.Found[s][m.UID])
}

// movesOn reports whether a message without a record is what an interrupted move
// left behind, or may be.
func (b *boxPlanner) movesOn(s Side, m Message) bool {
	in := b.intentOf(s, m.UID)
	return in != nil && in.Kind == MoveIntent && b.in.Policy.Gone.Allows(s) && (b.arrived[in.ID] == Present || b.awaits(in))
}

// unpairedUnknown returns the messages of s without a record that nobody could
// see or read: any may be the partner of one on the other side.
func (b *boxPlanner) unpairedUnknown(s Side) map[UID]bool {
	set := maps.Clone(b.box.Unknown[s])
	for _, r := range b.box.Records {
		delete(set, r.UID[s])
	}
	return set
}

// send copies a.Message to a.Side, unless it cannot pass or an earlier attempt
// is still uncertain.
func (b *boxPlanner) send(a Action) {
	a.Kind, a.Mailbox = Copy, b.box.Name
	from, to := a.Side.Other(), b.in.Sides[a.Side].Traits
	if to.MaxSize > 0 && a.Message.Size > to.MaxSize {
		b.quarantine(from, a.Message, ErrTooBig.Error())
		return
	}
	if b.onHold(a.Side, a.Message) {
		a.Kind, a.Reason = Wait, "what may be its copy could not be read"
		if in := b.earlier(from, a); in != nil {
			a.Intent = in.ID
		}
		b.add(a)
		return
	}
	if at := b.mayComeFrom(from, a.Message); !a.Again && at != "" {
		if in := b.inherit(from, a.Message); in != nil {
			b.undecided[in.ID] = true
		}
		b.nextRun(at)
		b.nextRun(b.box.Name)
		return
	}
	if !a.Again && b.mayBeLost(from, a.Message) {
		a.Kind, a.Reason = Wait, "an earlier copy of it may still appear"
		b.revisit(b.box.Name)
		b.add(a)
		return
	}
	if in := b.intentOf(from, a.Message.UID); in != nil && in.Kind == CopyIntent {
		a.Intent = in.ID
		switch {
		case b.uncertain(in):
			a.Kind, a.Reason = Wait, "an earlier copy may still appear"
			b.plan.Waiting++
		case to.Numbers && !b.in.Wide:
			a.Kind, a.Reason = Wait, "an earlier copy may have been moved away"
			b.plan.Wide = true
		case to.Numbers && in.Accepted:
			b.quarantine(from, a.Message, "the server accepted it and does not show it")
			return
		}
	} else if in == nil {
		if in := b.earlier(from, a); in != nil {
			a.Intent = in.ID
		}
	}
	b.add(a)
}

// earlier returns the intent of an earlier attempt to send a.Message, perhaps under
// another name; nil where there was none.
func (b *boxPlanner) earlier(from Side, a Action) *Intent {
	if in := b.intentOf(from, a.Message.UID); in != nil || a.Again {
		return in
	}
	return b.inherit(from, a.Message)
}

// mayComeFrom returns the mailbox of s from which a new message may have been
// moved: one in which a message that it may be was neither seen nor proved gone,
// and will be in a later run. What lies outside a server's window never is.
func (b *boxPlanner) mayComeFrom(s Side, m Message) Name {
	for _, from := range b.boxes {
		for _, r := range from.box.Records {
			passing := r.Seen[s].Message.Base != "" || from.box.Sides[s].Blocked != ""
			if was := r.Seen[s]; passing && from != b && was.Sight == Unknown && was.Message.UID != 0 && mayBe(was.Message, m) {
				return from.box.Name
			}
		}
	}
	return ""
}

// mayBe reports whether two messages of one side may be the same, as far as that
// can be said without reading them.
func mayBe(a, b Message) bool {
	return a.Base != "" && a.Base == b.Base || a.Size == b.Size && a.Date.Equal(b.Date)
}

func (b *boxPlanner) intentOf(s Side, uid UID) *Intent { return b.intents[s][uid] }

// awaits reports whether the outcome of in, or of another one on the way to the
// same mailbox, may still appear. They are all decided at once: what arrived
// belongs to one of them only.
func (b *boxPlanner) awaits(in *Intent) bool { return b.awaited[MailboxKey{in.Side, in.Target}] }

// uncertain reports whether the effect of an intent may still appear.
func (p *planner) uncertain(in *Intent) bool {
	to := in.Side
	if in.Kind == CopyIntent {
		to = in.Side.Other()
	}
	moves := in.Kind == CopyIntent || in.Target != ""
	return moves && !p.in.Settled && p.in.Sides[to].Traits.Numbers
}

// settleIntents ends the intents that nothing in this plan is about: the copy
// was found, or the source is gone.
func (b *boxPlanner) settleIntents() {
	if s, missing := b.missingOn(); len(b.box.Intents) == 0 || !b.bothOpen() && !(missing && b.in.Policy.Remove.Allows(s.Other())) {
		return
	}
	open := map[int64]bool{}
	for _, a := range b.plan.Actions {
		open[a.Intent] = true
	}
	unsure := b.unsure()
	for _, in := range b.box.Intents {
		if !open[in.ID] && !b.marked[in.ID] && !b.undecided[in.ID] && !b.box.Quarantined[in.Side][in.Source.UID] && !unsure[in.Side][in.Source.UID] {
			b.add(Action{Kind: Settled, Side: in.Side.Other(), Mailbox: b.box.Name, UID: uids(in.Side, in.Source.UID), Intent: in.ID})
		}
	}
}

// unsure returns the messages that were neither seen nor proved gone, and those
// whose partner was not.
func (b *boxPlanner) unsure() (set [2]map[UID]bool) {
	for _, s := range Sides {
		set[s] = maps.Clone(b.box.Unknown[s])
		if set[s] == nil {
			set[s] = map[UID]bool{}
		}
	}
	for _, r := range b.box.Records {
		if r.Seen[Far].Sight == Unknown || r.Seen[Near].Sight == Unknown {
			set[Far][r.UID[Far]], set[Near][r.UID[Near]] = true, true
		}
	}
	return set
}
