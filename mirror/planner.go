package mirror

import (
	"slices"

	"github.com/emersion/go-imap/v2"
)

// MakePlan decides what a run does. It is pure: the same input gives the same
// sorted plan. When it needs to know more of some messages it returns needs,
// and the plan is not to be used; the caller identifies them and asks again.
func MakePlan(in Input) (Plan, []Need) {
	p := &planner{in: in, needs: needs{}}
	for i := range in.Mailboxes {
		p.boxes = append(p.boxes, newBoxPlanner(p, &in.Mailboxes[i]))
	}
	for _, b := range p.boxes {
		b.presence()
		b.rebind()
		b.adopt()
	}
	p.moves()
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
}

func newBoxPlanner(p *planner, box *MailboxInput) *boxPlanner {
	return &boxPlanner{planner: p, box: box,
		claimed: [2]map[UID]bool{{}, {}}, settled: make([]bool, len(box.Records))}
}

// presence decides on the mailbox itself: create it, leave it alone, forget it.
func (b *boxPlanner) presence() {
	far, near := b.box.Sides[Far], b.box.Sides[Near]
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

// rebind finds messages that are gone and there again under another UID or
// base name in the same mailbox: renamed by a Maildir program, or announced
// and then numbered anew.
func (b *boxPlanner) rebind() {
	for _, s := range Sides {
		gone, index := b.goneOn(s)
		if len(gone) == 0 {
			continue
		}
		found := b.matchSameSide(s, gone, b.free(s))
		for _, pair := range found {
			b.rebindRecord(s, index[pair.a], pair.message)
		}
	}
}

// goneOn lists the messages of records that are gone on s and present on the
// other side, as they were known, with the index of their record.
func (b *boxPlanner) goneOn(s Side) (list []Message, index []int) {
	for i, r := range b.box.Records {
		if b.settled[i] || r.Seen[s].Sight != Gone || r.Seen[s.Other()].Sight != Present || r.State[s] == Held {
			continue
		}
		m, partner := r.Seen[s].Message, r.Seen[s.Other()].Message
		if !r.Altered {
			m.Identity = completed(m.Identity, partner.Identity)
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
	r.UID[s] = m.UID
	r.State[s] = Confirmed
	r.Seen[s] = Sighting{Present, m}
	b.add(Action{Kind: Rebind, Side: s, Mailbox: b.box.Name, UID: old.UID, Message: m, Record: r.Record})
}

// adopt pairs equal messages that are new on both sides, also those that an
// interrupted run left behind.
func (b *boxPlanner) adopt() {
	if !b.bothOpen() {
		return
	}
	far, near := b.free(Far), b.free(Near)
	far, near = b.dropGhosts(Far, far), b.dropGhosts(Near, near)
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
}

func (b *boxPlanner) pairMessages(m [2]Message, altered bool) {
	now := [2]Flags{m[Far].Flags, m[Near].Flags}
	r := Record{Mailbox: b.box.Name, UID: [2]UID{m[Far].UID, m[Near].UID}, Base: pairBases(now), Altered: altered}
	for _, s := range Sides {
		b.claimed[s][m[s].UID] = true
	}
	b.add(Action{Kind: Pair, Mailbox: b.box.Name, UID: r.UID, Message: m[Far], Partner: m[Near], Record: r})
	b.flags(r, now)
}

// doubt quarantines messages of s that may or may not have a partner.
func (b *boxPlanner) doubt(s Side, list []Message, indexes []int) {
	for _, i := range indexes {
		b.quarantine(s, list[i], "several messages on the other side share its Message-ID, Date and From; it is not sent, since it may be there already")
	}
}

func (b *boxPlanner) quarantine(s Side, m Message, reason string) {
	b.claimed[s][m.UID] = true
	b.add(Action{Kind: Quarantine, Side: s.Other(), Mailbox: b.box.Name, UID: uids(s, m.UID), Message: m, Reason: reason})
}

// dropGhosts takes copies that came after they were sent again out of list.
func (b *boxPlanner) dropGhosts(s Side, list []Message) []Message {
	for _, g := range b.box.Ghosts {
		if g.Intent.Side.Other() != s {
			continue
		}
		var late []Message
		for _, m := range list {
			if m.UID >= g.Intent.TargetUIDNext {
				late = append(late, m)
			}
		}
		found := matchMessages([]Message{g.Source}, late, true)
		b.needs.add(s, b.box.Name, late, found.needB)
		if found.needs() || len(found.pairs) == 0 {
			continue
		}
		ghost := late[found.pairs[0].b]
		b.claimed[s][ghost.UID] = true
		list = slices.DeleteFunc(list, func(m Message) bool { return m.UID == ghost.UID })
		b.add(Action{Kind: Ghost, Side: s, Mailbox: b.box.Name, UID: uids(s, ghost.UID), Message: ghost,
			Intent: g.Intent.ID, Reason: "the server finished this copy after it was sent again"})
	}
	return list
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
		case far == Unknown || near == Unknown:
		case far == Gone && near == Gone:
			b.add(Action{Kind: Drop, Mailbox: b.box.Name, UID: r.UID, Record: r.Record})
		case far == Present && near == Present:
			b.bothPresent(r)
		case far == Gone:
			b.departed(Far, r)
		default:
			b.departed(Near, r)
		}
	}
}

func (b *boxPlanner) bothPresent(r RecordInput) {
	now := [2]Flags{r.Seen[Far].Message.Flags, r.Seen[Near].Message.Flags}
	rec := r.Record
	for _, s := range Sides {
		if rec.State[s] != Confirmed {
			rec = confirmFlags(rec, s, now[s])
			b.add(Action{Kind: Confirm, Side: s, Mailbox: b.box.Name, UID: rec.UID, Record: rec})
		}
	}
	b.flags(rec, now)
}

// flags adds what merging the flags of a record asks for.
func (b *boxPlanner) flags(r Record, now [2]Flags) {
	keeps := [2]Storable{b.box.Sides[Far].Keeps, b.box.Sides[Near].Keeps}
	plan := mergeFlags(b.in.Policy, r, now, keeps)
	if plan.record == r {
		return
	}
	for _, s := range Sides {
		a := Action{Kind: SetFlags, Side: s, Mailbox: b.box.Name, UID: r.UID, Record: plan.record, Add: plan.add[s], Remove: plan.remove[s]}
		if !a.Add.Empty() || !a.Remove.Empty() {
			b.add(a)
		}
	}
	if plan.add[Far].Empty() && plan.remove[Far].Empty() && plan.add[Near].Empty() && plan.remove[Near].Empty() {
		// Both sides made the same change, or it can only be masked.
		b.add(Action{Kind: Confirm, Side: Far, Mailbox: b.box.Name, UID: r.UID, Record: plan.record})
	}
}

// departed decides on a record whose message is gone on s alone.
func (b *boxPlanner) departed(s Side, r RecordInput) {
	o, p := s.Other(), b.in.Policy
	left := r.Seen[o].Message
	switch {
	case r.State[s] == Held:
	case r.State[s] == Unconfirmed:
		rec := r.Record
		rec.State[s] = Held
		b.add(Action{Kind: Hold, Side: s, Mailbox: b.box.Name, UID: r.UID, Record: rec,
			Reason: "the side announced this copy and does not show it; it is not sent again"})
	case p.resets(s):
		b.refill(s, r, left, "the target lost it")
	case !onlyTouched(r.Base[o], left.Flags.Union(r.Masked[o])) && p.New.Allows(s) && p.Gone.Allows(o):
		b.refill(s, r, left, "it was removed there and changed here: kept")
	case b.mayRemove(o, r):
		b.remove(o, r)
	}
}

// remove takes the message of r away on o, or ends what an interrupted run
// began: when its copy is where it was going, only the source is left to be
// expunged.
func (b *boxPlanner) remove(o Side, r RecordInput) {
	a := Action{Kind: Remove, Side: o, Mailbox: b.box.Name, UID: r.UID, Message: r.Seen[o].Message, Partner: r.Seen[o.Other()].Message, Record: r.Record}
	if in := b.intentOf(o, r.UID[o]); in != nil && in.Kind != CopyIntent {
		a.Intent = in.ID
		switch b.arrived(in, r) {
		case Present:
			a.ForGood = true
		case Unknown:
			return
		case Gone:
			if b.uncertain(in) {
				a.Kind, a.Reason = Wait, "an earlier move may still appear"
				b.plan.Waiting++
			}
		}
	}
	b.add(a)
}

// uncertain reports whether the effect of an intent may still appear.
func (b *boxPlanner) uncertain(in *Intent) bool {
	to := in.Side
	if in.Kind == CopyIntent {
		to = in.Side.Other()
	}
	return in.Target != "" && !b.in.Settled && b.in.Sides[to].Traits.Numbers
}

// arrived looks for the message of r where an interrupted move took it:
// Present, Gone, or Unknown as long as more must be identified.
func (b *boxPlanner) arrived(in *Intent, r RecordInput) Sight {
	for _, to := range b.boxes {
		if to.box.Name != in.Target {
			continue
		}
		var candidates []Message
		for _, m := range to.box.Unpaired[in.Side] {
			if m.UID >= in.TargetUIDNext || !b.in.Sides[in.Side].Traits.Numbers {
				candidates = append(candidates, m)
			}
		}
		gone := b.forMatching(r.Seen[in.Side].Message)
		m := matchMessages([]Message{gone}, candidates, true)
		b.needs.add(in.Side, b.box.Name, []Message{gone}, m.needA)
		b.needs.add(in.Side, in.Target, candidates, m.needB)
		switch {
		case m.needs():
			return Unknown
		case len(m.pairs) > 0:
			return Present
		}
	}
	return Gone
}

func (b *boxPlanner) mayRemove(o Side, r RecordInput) bool {
	p := b.in.Policy
	return p.Gone.Allows(o) && p.Deletions != DeleteNothing && !b.in.Fresh && r.State == [2]Confirmation{} &&
		!b.box.Sides[Far].Renumbered && !b.box.Sides[Near].Renumbered
}

// refill copies a message to s again.
func (b *boxPlanner) refill(s Side, r RecordInput, left Message, reason string) {
	if b.bothOpen() && b.in.Policy.New.Allows(s) {
		b.add(Action{Kind: Copy, Side: s, Mailbox: b.box.Name, UID: r.UID, Message: left, Again: true, Record: r.Record, Reason: reason})
	}
}

// unpaired decides on the messages of s that have no partner.
func (b *boxPlanner) unpaired(s Side) {
	o, p := s.Other(), b.in.Policy
	for _, m := range b.box.Unpaired[s] {
		switch {
		case b.claimed[s][m.UID] || b.box.Quarantined[s][m.UID]:
		case p.RemoveExtra && p.resets(s):
			b.removeExtra(s, m)
		case !p.New.Allows(o) || !b.bothOpen():
		case b.in.Sides[o].Traits.MaxSize > 0 && m.Size > b.in.Sides[o].Traits.MaxSize:
			b.quarantine(s, m, ErrTooBig.Error())
		default:
			b.copyNew(s, m)
		}
	}
}

func (b *boxPlanner) removeExtra(s Side, m Message) {
	if b.in.Fresh || !b.bothOpen() || b.in.Policy.Deletions == DeleteNothing || b.box.Sides[Far].Renumbered || b.box.Sides[Near].Renumbered {
		return
	}
	b.add(Action{Kind: Remove, Side: s, Mailbox: b.box.Name, UID: uids(s, m.UID), Message: m, Reason: "it is not on the source"})
}

// copyNew sends m of side s to the other side, unless an earlier attempt is
// still uncertain.
func (b *boxPlanner) copyNew(s Side, m Message) {
	a := Action{Kind: Copy, Side: s.Other(), Mailbox: b.box.Name, UID: uids(s, m.UID), Message: m}
	if in := b.intentOf(s, m.UID); in != nil && in.Kind == CopyIntent {
		a.Intent = in.ID
		switch numbered := b.in.Sides[s.Other()].Traits.Numbers; {
		case numbered && !b.in.Settled:
			a.Kind, a.Reason = Wait, "an earlier copy may still appear"
			b.plan.Waiting++
		case numbered && in.Accepted:
			b.quarantine(s, m, "the server accepted it and does not show it")
			return
		}
	}
	b.add(a)
}

func (b *boxPlanner) intentOf(s Side, uid UID) *Intent {
	for i := range b.box.Intents {
		if in := &b.box.Intents[i]; in.Side == s && in.Source.UID == uid {
			return in
		}
	}
	return nil
}

// settleIntents ends the intents that nothing in this plan is about: the copy
// was found, or the source is gone.
func (b *boxPlanner) settleIntents() {
	if !b.bothOpen() {
		return
	}
	for _, in := range b.box.Intents {
		open := slices.ContainsFunc(b.plan.Actions, func(a Action) bool { return a.Intent == in.ID })
		open = open || b.box.Quarantined[in.Side][in.Source.UID]
		if !open {
			b.add(Action{Kind: Settled, Side: in.Side.Other(), Mailbox: b.box.Name, UID: uids(in.Side, in.Source.UID), Intent: in.ID})
		}
	}
}
