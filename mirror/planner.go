package mirror

import (
	"maps"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// MakePlan decides what a run does. It is pure: the same input gives the same
// sorted plan. When it needs to know more of some messages it returns needs,
// and the plan is not to be used; the caller identifies them and asks again.
func MakePlan(in Input) (Plan, []Need) {
	p := &planner{in: in, needs: needs{}, arrived: map[int64]Sight{}, awaited: map[MailboxKey]bool{},
		sources: map[MessageKey]bool{}, closed: map[MailboxKey]bool{}}
	for _, box := range in.Mailboxes {
		box.Records = slices.Clone(box.Records) // rebinding changes them
		p.boxes = append(p.boxes, newBoxPlanner(p, &box))
	}
	for _, b := range p.boxes {
		b.presence()
		b.confirm()
		b.reclaim()
		b.rebind()
	}
	p.holds()
	p.arrivals()
	p.moves((*boxPlanner).departures)
	for _, b := range p.boxes {
		b.adopt()
	}
	p.moves((*boxPlanner).lostCopies)
	for _, b := range p.boxes {
		b.records()
		for _, s := range Sides {
			b.unpaired(s)
		}
		b.settleIntents()
	}
	if len(p.needs) > 0 {
		return Plan{}, p.needs.list()
	}
	sortActions(p.plan.Actions)
	p.rails()
	return p.plan, nil
}

// planner collects one plan.
type planner struct {
	in    Input
	boxes []*boxPlanner
	plan  Plan
	needs needs
	// arrived says of the intents of moves and removals whether the message is
	// where it was going.
	arrived map[int64]Sight
	// awaited are mailboxes in which such a message may still appear.
	awaited map[MailboxKey]bool
	// held, sources and closed are what must not be sent, from where and to
	// where; see holds.
	held    []hold
	sources map[MessageKey]bool
	closed  map[MailboxKey]bool
}

func (p *planner) add(a Action) { p.plan.Actions = append(p.plan.Actions, a) }

func (p *planner) problem(side Side, box Name, uid UID, reason string) {
	p.plan.Problems = append(p.plan.Problems, Problem{side, box, uid, reason})
}

// boxPlanner decides on one mailbox.
type boxPlanner struct {
	*planner
	box *MailboxInput
	// open says, per side, that the mailbox is there to be worked in, or will
	// be created by this plan.
	open [2]bool
	// claimed marks unpaired messages that something was decided on.
	claimed [2]map[UID]bool
	// settled marks records, by index, that something final was decided on.
	settled []bool
	// intents are those of this mailbox by source.
	intents [2]map[UID]*Intent
	// stored are the records as the state has them, by index; zero for those
	// that this plan makes.
	stored []Record
}

func newBoxPlanner(p *planner, box *MailboxInput) *boxPlanner {
	b := &boxPlanner{planner: p, box: box, claimed: [2]map[UID]bool{{}, {}}, settled: make([]bool, len(box.Records))}
	for _, r := range box.Records {
		b.stored = append(b.stored, r.Record)
	}
	b.intents = [2]map[UID]*Intent{{}, {}}
	for i := range box.Intents {
		in := &box.Intents[i]
		if b.intents[in.Side][in.Source.UID] == nil {
			b.intents[in.Side][in.Source.UID] = in
		}
	}
	return b
}

// presence decides on the mailbox itself: create it, leave it alone, forget it.
func (b *boxPlanner) presence() {
	far, near := b.box.Sides[Far], b.box.Sides[Near]
	if b.box.Hidden {
		return
	}
	if !far.Exists && !near.Exists {
		if (far.Known || near.Known) && far.Blocked == "" && near.Blocked == "" {
			b.add(Action{Kind: Drop, Mailbox: b.box.Name})
		}
		return
	}
	for _, s := range Sides {
		here, there := b.box.Sides[s], b.box.Sides[s.Other()]
		switch {
		case here.Blocked != "":
			b.problem(s, b.box.Name, 0, here.Blocked)
		case here.Exists:
			b.open[s] = true
		case here.Known:
			b.problem(s, b.box.Name, 0, "mailbox is missing; its messages are left alone on both sides until it is back")
		case b.in.Policy.Create.Allows(s) && there.Blocked == "":
			b.open[s] = true
			b.add(Action{Kind: Create, Side: s, Mailbox: b.box.Name, Role: there.Role, Subscribed: there.Subscribed})
		}
	}
}

// bothOpen reports whether messages may be paired and copied.
func (b *boxPlanner) bothOpen() bool { return b.open[Far] && b.open[Near] }

// drafts reports whether headers alone never decide here: drafts are edited
// under one Message-ID.
func (b *boxPlanner) drafts() bool {
	for _, s := range Sides {
		if b.box.Sides[s].Role == imap.MailboxAttrDrafts {
			return true
		}
	}
	return false
}

// forMatching returns m as the matcher shall see it.
func (b *boxPlanner) forMatching(m Message) Message {
	if b.drafts() {
		m.Identity.Decisive = false
	}
	return m
}

// free returns the unpaired messages of side that nothing was decided on.
func (b *boxPlanner) free(s Side) []Message {
	var list []Message
	for _, m := range b.box.Unpaired[s] {
		if !b.claimed[s][m.UID] {
			list = append(list, b.forMatching(m))
		}
	}
	return list
}

// fresh is free without those that are being copied: their copies are what
// they are to be paired with.
func (b *boxPlanner) fresh(s Side) []Message {
	return slices.DeleteFunc(b.free(s), func(m Message) bool { return b.intentOf(s, m.UID) != nil || b.box.Quarantined[s][m.UID] })
}

// rebind finds messages that are gone and there again under another UID or
// base name in the same mailbox: renamed by a Maildir program, or announced
// and then numbered anew.
func (b *boxPlanner) rebind() {
	for _, s := range Sides {
		b.rebindAnnounced(s)
		gone, index := b.goneOn(s, func(r RecordInput) bool { return !b.announced(s, r) })
		fresh := b.fresh(s)
		for _, m := range b.sameSide(s, b.placedGone(s, gone, index), b.placed(fresh)) {
			b.rebindRecord(s, index[m.a], fresh[m.b])
		}
	}
}

// announced reports whether r's copy on s was announced and never shown, or was
// being sent again when a run was interrupted.
func (b *boxPlanner) announced(s Side, r RecordInput) bool {
	in := b.intentOf(s.Other(), r.UID[s.Other()])
	return !r.State[s].shown() || (in != nil && in.Kind == CopyIntent)
}

// rebindAnnounced looks for copies that the side announced and does not show.
// What was announced may have been changed on its way in, so they are matched
// by everything there is, like uncertain copies.
func (b *boxPlanner) rebindAnnounced(s Side) {
	gone, index := b.goneOn(s, func(r RecordInput) bool { return b.announced(s, r) })
	fresh := b.fresh(s)
	m := matchMessages(gone, fresh, true)
	b.needPartners(s.Other(), b.placedGone(s, gone, index), m.needA)
	b.needs.add(s, b.box.Name, fresh, m.needB)
	if m.needs() {
		return
	}
	for _, pair := range m.pairs {
		b.rebindRecord(s, index[pair.a], fresh[pair.b])
	}
}

// goneOn lists the messages of records that are gone on s, present on the
// other side and such as which says, as they were known, with the index of
// their record.
func (b *boxPlanner) goneOn(s Side, which func(RecordInput) bool) (list []Message, index []int) {
	for i, r := range b.box.Records {
		if b.settled[i] || r.Seen[s].Sight != Gone || r.Seen[s.Other()].Sight != Present || !which(r) {
			continue
		}
		m, partner := r.Seen[s].Message, r.Seen[s.Other()].Message
		if !r.Altered {
			m.Identity = completed(m.Identity, partner.Identity)
		} else if b.announced(s, r) && !m.Identity.Body.Known() {
			continue // nobody can tell any more what it was
		}
		list = append(list, b.forMatching(m))
		index = append(index, i)
	}
	return list, index
}

// completed fills what is not known of an identity from its partner's.
func completed(id, partner Identity) Identity {
	if !id.Header.Known() {
		id.Header, id.Key, id.Decisive = partner.Header, partner.Key, partner.Decisive
	}
	if !id.Body.Known() {
		id.Body = partner.Body
	}
	return id
}

func (b *boxPlanner) rebindRecord(s Side, i int, m Message) {
	b.claimed[s][m.UID] = true
	r := &b.box.Records[i]
	old := r.Record
	if !r.State[s].shown() {
		r.Record = confirmFlags(r.Record, s, m.Flags)
	}
	r.State[s] = Confirmed
	r.UID[s] = m.UID
	r.Seen[s] = Sighting{Present, m}
	b.stored[i] = r.Record
	b.add(Action{Kind: Rebind, Side: s, Mailbox: b.box.Name, UID: old.UID, Message: m, Record: r.Record})
}

// adopt pairs equal messages that are new on both sides, also those that an
// interrupted run left behind.
func (b *boxPlanner) adopt() {
	if !b.bothOpen() {
		return
	}
	far, near := b.acceptedFirst(Far), b.acceptedFirst(Near)
	m := matchMessages(far, near, true)
	b.needs.add(Far, b.box.Name, far, m.needA)
	b.needs.add(Near, b.box.Name, near, m.needB)
	if m.needs() {
		return
	}
	for _, pair := range m.pairs {
		b.pairMessages([2]Message{far[pair.a], near[pair.b]}, pair.altered)
	}
	b.doubt(Far, far, m.doubtA)
	b.doubt(Near, near, m.doubtB)
	b.ghosts()
}

// acceptedFirst is free with those first whose copy the other side accepted:
// of several equal messages it is theirs that must be there.
func (b *boxPlanner) acceptedFirst(s Side) []Message {
	list := b.free(s)
	rank := func(m Message) int {
		if in := b.intentOf(s, m.UID); in != nil && in.Accepted {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Message) int { return rank(a) - rank(b) })
	return list
}

func (b *boxPlanner) pairMessages(m [2]Message, altered bool) {
	now := [2]Flags{m[Far].Flags, m[Near].Flags}
	r := Record{Mailbox: b.box.Name, UID: [2]UID{m[Far].UID, m[Near].UID}, Base: pairBases(now), Altered: altered}
	for _, s := range Sides {
		b.claimed[s][m[s].UID] = true
	}
	b.add(Action{Kind: Pair, Mailbox: b.box.Name, UID: r.UID, Message: m[Far], Partner: m[Near], Record: r})
	b.mergeInto(r, r, now)
}

// confirm notes the copies that are seen for the first time. records writes
// them down, unless something else becomes of the record.
func (b *boxPlanner) confirm() {
	for i := range b.box.Records {
		r := &b.box.Records[i]
		for _, s := range Sides {
			switch {
			case r.State[s] == Confirmed || r.Seen[s].Sight != Present || b.box.Sides[s].Unviewed:
			case r.State[s] == Departed:
				r.State[s] = Confirmed // it is back
			default:
				r.Record = confirmFlags(r.Record, s, r.Seen[s].Message.Flags)
			}
		}
	}
}

// doubt quarantines messages of s that may or may not have a partner.
func (b *boxPlanner) doubt(s Side, list []Message, indexes []int) {
	for _, i := range indexes {
		if b.box.Quarantined[s][list[i].UID] {
			b.claimed[s][list[i].UID] = true
			continue
		}
		b.quarantine(s, list[i], "several messages on the other side share its Message-ID, Date and From; it is not sent, since it may be there already")
	}
}

func (b *boxPlanner) quarantine(s Side, m Message, reason string) {
	b.claimed[s][m.UID] = true
	b.add(Action{Kind: Quarantine, Side: s.Other(), Mailbox: b.box.Name, UID: uids(s, m.UID), Message: m, Reason: reason})
}

// ghosts finds copies that came after they were sent again, among what has no
// partner.
func (b *boxPlanner) ghosts() {
	for _, g := range b.box.Ghosts {
		s := g.Intent.Side.Other()
		if !g.Source.Identity.Body.Known() && !b.shows(g.Intent.Side, g.Source.UID) {
			continue // nobody can tell any more what it was
		}
		var late []Message
		for _, m := range b.free(s) {
			if m.UID >= g.Intent.TargetUIDNext {
				late = append(late, m)
			}
		}
		found := matchMessages([]Message{b.forMatching(g.Source)}, late, true)
		b.needs.add(g.Intent.Side, b.box.Name, []Message{g.Source}, found.needA)
		b.needs.add(s, b.box.Name, late, found.needB)
		if found.needs() || len(found.pairs) == 0 {
			continue
		}
		ghost := late[found.pairs[0].b]
		b.claimed[s][ghost.UID] = true
		b.add(Action{Kind: Ghost, Side: s, Mailbox: b.box.Name, UID: uids(s, ghost.UID), Message: ghost,
			Intent: g.Intent.ID, Reason: "the server finished this copy after it was sent again"})
	}
}

// shows reports whether a message is there to be read.
func (b *boxPlanner) shows(s Side, uid UID) bool {
	return slices.ContainsFunc(b.box.Unpaired[s], func(m Message) bool { return m.UID == uid }) ||
		slices.ContainsFunc(b.box.Records, func(r RecordInput) bool { return r.UID[s] == uid && r.Seen[s].Sight == Present })
}

// uids returns the pair of UIDs that has only one side's.
func uids(s Side, uid UID) (both [2]UID) {
	both[s] = uid
	return both
}

// records decides on every record by the table base | far | near.
func (b *boxPlanner) records() {
	for i, r := range b.box.Records {
		if b.settled[i] {
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
		case far == Present && near == Present:
			b.mergeInto(b.stored[i], r.Record, [2]Flags{r.Seen[Far].Message.Flags, r.Seen[Near].Message.Flags})
		case far == Gone:
			b.departed(Far, b.stored[i], r)
		default:
			b.departed(Near, b.stored[i], r)
		}
	}
}

// mergeInto adds what merging the flags of rec asks for. old is the record as
// the state has it.
func (b *boxPlanner) mergeInto(old, rec Record, now [2]Flags) {
	keeps := [2]Storable{b.box.Sides[Far].Keeps, b.box.Sides[Near].Keeps}
	plan := mergeFlags(b.in.Policy, rec, now, keeps)
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
	if r.Record != stored {
		b.add(Action{Kind: Confirm, Mailbox: b.box.Name, UID: r.UID, Record: r.Record})
	}
	before := len(b.plan.Actions)
	switch {
	case p.resets(s):
		b.refill(s, r, left, "the target lost it")
	case p.Mode == TwoWay && !onlyTouched(r.Base[o], left.Flags.Union(r.Masked[o])):
		if p.Gone.Allows(o) {
			b.refill(s, r, left, "it was removed there and changed here: kept")
		}
	case b.mayRemove(o, r) || b.endsMove(o, r):
		b.remove(Action{Side: o, UID: r.UID, Message: left, Partner: r.Seen[s].Message, Record: r.Record})
	}
	if len(b.plan.Actions) == before {
		b.noteDeparture(s, r.Record, r.Record)
	}
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

// refill copies a message to s again.
func (b *boxPlanner) refill(s Side, r RecordInput, left Message, reason string) {
	if b.bothOpen() && b.in.Policy.New.Allows(s) && !b.box.Quarantined[s.Other()][left.UID] {
		b.send(Action{Side: s, UID: r.UID, Message: left, Again: true, Record: r.Record, Reason: reason})
	}
}

// unpaired decides on the messages of s that have no partner.
func (b *boxPlanner) unpaired(s Side) {
	o, p := s.Other(), b.in.Policy
	for _, m := range b.box.Unpaired[s] {
		switch {
		case b.claimed[s][m.UID] || b.box.Quarantined[s][m.UID] || !b.bothOpen():
		case p.RemoveExtra && p.resets(s):
			if !b.removalsOff() && p.Deletions != DeleteNothing && len(b.unpairedUnknown(o)) == 0 {
				b.remove(Action{Side: s, UID: uids(s, m.UID), Message: m, Reason: "it is not on the source"})
			}
		case p.New.Allows(o):
			b.send(Action{Side: o, UID: uids(s, m.UID), Message: m})
		}
	}
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
		a.Kind, a.Reason = Wait, "what an interrupted run made of it could not be read"
		if in := b.intentOf(from, a.Message.UID); in != nil {
			a.Intent = in.ID
		}
		b.add(a)
		return
	}
	if in := b.intentOf(from, a.Message.UID); in != nil && in.Kind == CopyIntent {
		a.Intent = in.ID
		switch {
		case b.uncertain(in):
			a.Kind, a.Reason = Wait, "an earlier copy may still appear"
			b.plan.Waiting++
		case to.Numbers && in.Accepted:
			b.quarantine(from, a.Message, "the server accepted it and does not show it")
			return
		}
	}
	b.add(a)
}

func (b *boxPlanner) intentOf(s Side, uid UID) *Intent { return b.intents[s][uid] }

// settleIntents ends the intents that nothing in this plan is about: the copy
// was found, or the source is gone.
func (b *boxPlanner) settleIntents() {
	if !b.bothOpen() || len(b.box.Intents) == 0 {
		return
	}
	open := map[int64]bool{}
	for _, a := range b.plan.Actions {
		open[a.Intent] = true
	}
	unsure := b.unsure()
	for _, in := range b.box.Intents {
		if !open[in.ID] && !b.box.Quarantined[in.Side][in.Source.UID] && !unsure[in.Side][in.Source.UID] {
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
