package mirror

import "github.com/emersion/go-imap/v2"

// records decides on every record by the table base | far | near.
func (b *boxPlanner) records() {
	alone, missing := b.leftAlone()
	for i, r := range b.box.Records {
		if b.settled[i] {
			continue
		}
		if alone {
			b.recordOfMissing(missing, b.stored[i], r)
			continue
		}
		far, near := r.Seen[Far].Sight, r.Seen[Near].Sight
		switch {
		case far == Unknown && near == Gone:
			b.noteDeparture(Near, b.stored[i], r.Record)
		case far == Gone && near == Unknown:
			b.noteDeparture(Far, b.stored[i], r.Record)
		case far == Unknown || near == Unknown:
		case far == Gone && near == Gone:
			b.add(Action{Kind: Drop, Mailbox: b.box.Name, UID: r.UID, Record: r.Record})
		case far == Present && near == Present && b.prunes(r):
			b.prune(r)
		case far == Present && near == Present:
			b.mergeInto(b.stored[i], r.Record, [2]Message{r.Seen[Far].Message, r.Seen[Near].Message})
		case far == Gone:
			b.departed(Far, b.stored[i], r)
		default:
			b.departed(Near, b.stored[i], r)
		}
	}
}

// mergeInto adds what merging the flags of rec, whose messages are seen, asks for. old
// is the record as the state has it.
func (b *boxPlanner) mergeInto(old, rec Record, seen [2]Message) {
	now := [2]Flags{seen[Far].Flags, seen[Near].Flags}
	keeps := [2]Storable{b.box.Sides[Far].Keeps, b.box.Sides[Near].Keeps}
	marked := b.marks(rec, now)
	if b.marksOutside(seen) {
		marked[Near] = true
		b.revisit(b.box.Name)
	}
	plan := mergeFlags(b.in.Policy, rec, now, keeps)
	plan.unmark(marked, now)
	stores := false
	for _, s := range Sides {
		if plan.add[s].Empty() && plan.remove[s].Empty() {
			continue
		}
		stores = true
		b.add(Action{Kind: SetFlags, Side: s, Mailbox: b.box.Name, UID: rec.UID, Record: plan.record, Add: plan.add[s], Remove: plan.remove[s]})
	}
	if !stores {
		rec = plan.record // both sides made the same change, or it is masked
	}
	if rec != old {
		b.add(Action{Kind: Confirm, Mailbox: b.box.Name, UID: rec.UID, Record: rec})
	}
}

// marks reports on which sides an interrupted move or removal of ours set
// \Deleted: both messages are there, so it is not to go.
func (b *boxPlanner) marks(rec Record, now [2]Flags) (marked [2]bool) {
	for _, s := range Sides {
		in := b.intentOf(s, rec.UID[s])
		if in == nil || in.Kind == CopyIntent || !b.in.Policy.Writes(s) || !now[s].Has(imap.FlagDeleted) || rec.Base[s].Has(imap.FlagDeleted) {
			continue
		}
		marked[s] = true
		// The intent says whose mark it is until the mark is gone.
		b.marked[in.ID] = true
		b.revisit(b.box.Name)
	}
	return marked
}

// marksOutside reports whether a near copy outside the window bears \Deleted, and far's
// does not. A pruning of which the state knows nothing may have set it, on a side that
// cannot expunge single messages: like the departure of such a copy it does not travel.
func (b *boxPlanner) marksOutside(seen [2]Message) bool {
	return seen[Near].Flags.Has(imap.FlagDeleted) && !seen[Far].Flags.Has(imap.FlagDeleted) && b.in.Policy.Flags.Allows(Far) && b.leftWindow(seen[Far])
}

// departed decides on a record whose message is gone on s alone.
// stored is the record as the state has it.
func (b *boxPlanner) departed(s Side, stored Record, r RecordInput) {
	o, p := s.Other(), b.in.Policy
	left := r.Seen[o].Message
	if r.State[s] == Unconfirmed {
		r.State[s] = Held
		b.add(Action{Kind: Hold, Side: s, Mailbox: b.box.Name, UID: r.UID, Record: r.Record,
			Reason: "the side announced this copy and does not show it; it is not sent again"})
		return
	}
	if r.State[s] == Held {
		b.noteDeparture(s, stored, r.Record)
		return
	}
	ours, ends := b.tookOff(s, r), b.endsMove(o, r)
	outside := !ends && (ours || s == Near && b.leftWindow(left))
	unsure := outside && (b.in.Later && !b.in.Wide || b.waitsForHalf(s, r) || b.waitsForTarget(s, r)) // which name what they wait for
	if outside && !unsure {
		b.add(Action{Kind: Release, Side: s, Mailbox: b.box.Name, UID: r.UID, Record: r.Record})
		if ours { // what is left is new, if it is in the window
			b.revisit(b.box.Name)
		}
		return
	}
	if r.Record != stored {
		b.add(Action{Kind: Confirm, Mailbox: b.box.Name, UID: r.UID, Record: r.Record})
	}
	before := len(b.plan.Actions)
	switch {
	case ends:
		b.remove(Action{Side: o, UID: r.UID, Message: left, Record: r.Record})
	case outside: // it may have been moved
		b.leaveOpen(s, r)
		b.leaveOpen(o, r)
	case p.resets(s):
		b.refill(s, r, left, "the target lost it")
	case !p.Gone.Allows(o):
	case b.in.Later && !b.in.Wide && stored.State[s] == Confirmed && b.intentOf(o, r.UID[o]) == nil:
		// It may have gone to a mailbox that this round does not look into.
		b.revisit(b.box.Name)
		b.plan.Wide = true
	case b.waitsForHalf(s, r), b.waitsForTarget(s, r):
		b.leaveOpen(o, r)
	case p.Mode == TwoWay && !onlyTouched(r.Base[o], left.Flags.Union(r.Masked[o])):
		b.refill(s, r, left, "it was removed there and changed here: kept")
	case b.mayRemove(o, r):
		b.remove(Action{Side: o, UID: r.UID, Message: left, Record: r.Record})
	}
	if len(b.plan.Actions) == before {
		b.noteDeparture(s, r.Record, r.Record)
		if b.removalsOff() {
			b.nextRun(b.box.Name)
		}
		if r.State[s] == Confirmed && p.Gone.Allows(o) && !b.in.Later {
			// It may have been moved to a mailbox that was looked into before.
			b.revisit(b.box.Name)
			b.plan.Wide = true
		}
	}
}

// tookOff reports whether r's message on s is gone because an interrupted run took it off
// for good: nobody else removed it. What it followed, or the window, is another matter
// now: the other message is there.
func (b *boxPlanner) tookOff(s Side, r RecordInput) bool {
	in := b.intentOf(s, r.UID[s])
	return in != nil && in.Kind == RemoveIntent && in.Target == ""
}

// leftWindow reports whether copies of a far message are not to be on near any more.
func (b *boxPlanner) leftWindow(far Message) bool {
	return b.in.Policy.Prune && !(b.in.Policy.Window.covers(far) && far.UID >= b.box.First[Far])
}

// prunes reports whether the near copy of a record is to go: both messages were seen and
// are there, nothing is to be done about their flags, and no effect on them is open.
func (b *boxPlanner) prunes(r RecordInput) bool {
	if !b.leftWindow(r.Seen[Far].Message) || b.removalsOff() {
		return false
	}
	for _, s := range Sides {
		in := b.intentOf(s, r.UID[s])
		if r.State[s] != Confirmed || !r.AtRest(s, r.Seen[s].Message.Flags, 0) || in != nil && (s == Far || in.Kind != RemoveIntent || in.Target != "") {
			return false
		}
	}
	return true
}

// prune takes the near copy of a record off.
func (b *boxPlanner) prune(r RecordInput) {
	a := Action{Kind: Prune, Side: Near, Mailbox: b.box.Name, UID: r.UID, Message: r.Seen[Near].Message, Record: r.Record, Reason: "it left the window"}
	if in := b.intentOf(Near, a.Message.UID); in != nil {
		a.Intent = in.ID
	}
	b.add(a)
}

// noteDeparture remembers that a message is gone on s where nothing else is
// decided on it, so that a later round need not look there again to know it.
func (b *boxPlanner) noteDeparture(s Side, stored, r Record) {
	kind := Confirm
	if r.State[s] == Confirmed {
		r.State[s], kind = Departed, Depart
	}
	if r != stored {
		b.add(Action{Kind: kind, Side: s, Mailbox: b.box.Name, UID: r.UID, Record: r})
	}
}

// removalsOff reports whether this run removes nothing in this mailbox.
func (b *boxPlanner) removalsOff() bool { return b.in.Fresh || b.renumbered() }

func (b *boxPlanner) renumbered() bool {
	return b.box.Sides[Far].Renumbered || b.box.Sides[Near].Renumbered
}

// mayMove reports whether r's message on o may follow its partner. That the
// partner was found in another mailbox proves more than a listing of this one.
func (b *boxPlanner) mayMove(o Side, r RecordInput) bool {
	return b.in.Policy.Gone.Allows(o) && !b.renumbered() && r.State[o] == Confirmed
}

func (b *boxPlanner) mayRemove(o Side, r RecordInput) bool {
	return b.mayMove(o, r) && r.State[o.Other()].shown() && !b.removalsOff() && b.in.Policy.Deletions != DeleteNothing
}

// endsMove reports whether r's message on o is what an interrupted move left
// behind.
func (b *boxPlanner) endsMove(o Side, r RecordInput) bool {
	in := b.intentOf(o, r.UID[o])
	return in != nil && in.Kind == MoveIntent && b.mayMove(o, r) && b.arrived[in.ID] == Present
}

// waitsForTarget reports whether r's message on o was being moved, since its
// partner was seen in another mailbox of s, which cannot be looked into now on one
// of the sides: that it is gone from its old place says nothing new.
func (b *boxPlanner) waitsForTarget(s Side, r RecordInput) bool {
	in := b.intentOf(s.Other(), r.UID[s.Other()])
	if in == nil || in.Kind != MoveIntent {
		return false
	}
	for _, to := range b.boxes {
		if to.box.Name == in.Target && (to.box.Sides[Far].Blocked != "" || to.box.Sides[Near].Blocked != "") {
			b.nextRun(b.box.Name)
			return true
		}
	}
	return false
}

// leaveOpen keeps the intent of r's message on o, about which this plan decides
// nothing.
func (b *boxPlanner) leaveOpen(o Side, r RecordInput) {
	if in := b.intentOf(o, r.UID[o]); in != nil {
		b.undecided[in.ID] = true
	}
}

// remove takes a message away, or ends what an interrupted run began: when its
// copy is where it was going, only the source is left to be expunged.
func (b *boxPlanner) remove(a Action) {
	a.Kind, a.Mailbox = Remove, b.box.Name
	if in := b.intentOf(a.Side, a.Message.UID); in != nil && in.Kind != CopyIntent {
		a.Intent = in.ID
		switch {
		case b.arrived[in.ID] == Unknown && in.Target != "":
			return
		case b.awaits(in):
			a.Kind, a.Reason = Wait, "an earlier move may still appear"
			b.plan.Waiting++
		case b.arrived[in.ID] == Present:
			a.ForGood = true
		}
	}
	b.add(a)
}

// refill copies a message to s again.
func (b *boxPlanner) refill(s Side, r RecordInput, left Message, reason string) {
	if b.bothOpen() && b.in.Policy.New.Allows(s) && !b.box.Quarantined[s.Other()][left.UID] {
		b.send(Action{Side: s, UID: r.UID, Message: left, Again: true, Record: r.Record, Reason: reason})
	}
}
