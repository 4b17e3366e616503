package mirror

import (
	"slices"

	"github.com/emersion/go-imap/v2"
)

// MakePlan decides what a run does. It is pure: the same input gives the same
// sorted plan. When it needs to know more of some messages it returns needs,
// and the plan is not to be used; the caller identifies them and asks again.
func MakePlan(in Input) (Plan, []Need) {
	p := &planner{in: in, needs: needs{}, arrived: map[int64]Sight{}, undecided: map[int64]bool{}, awaited: map[MailboxKey]bool{},
		sources: map[MessageKey]bool{}, closed: map[MailboxKey]bool{}}
	for _, box := range in.Mailboxes {
		box.Records = slices.Clone(box.Records) // rebinding changes them
		p.boxes = append(p.boxes, newBoxPlanner(p, &box))
		p.expected += 1 + max(len(box.Unpaired[Far]), len(box.Unpaired[Near]))
	}
	// What is known of records and interrupted copies comes first: it takes
	// messages that would otherwise look new.
	for _, b := range p.boxes {
		b.presence()
		b.confirm()
	}
	for _, b := range p.boxes {
		b.reclaim()
		b.rebind()
	}
	for _, b := range p.boxes {
		b.rebindBothGone()
	}
	// Then what interrupted moves did, and what people moved: a message that
	// is gone here and new there must not be paired with an equal one first.
	p.holds()
	p.arrivals()
	p.onward()
	p.moves((*boxPlanner).departures)
	// New on both sides with equal content is one message, and so is a copy
	// whose record was not written.
	for _, b := range p.boxes {
		b.adopt()
	}
	p.leftovers()
	for _, b := range p.boxes {
		b.reclaimLikely()
	}
	p.moves((*boxPlanner).departures)
	p.moves((*boxPlanner).reservedCopies)
	p.strays()
	for _, b := range p.boxes {
		b.abandoned()
	}
	p.renames()
	// What is left is decided record by record and message by message.
	for _, b := range p.boxes {
		b.records()
		for _, s := range Sides {
			b.unpaired(s)
		}
	}
	for _, b := range p.boxes {
		b.settleIntents()
	}
	p.deletes()
	p.nameMissing()
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
	// expected is about how many actions there will be.
	expected int
	needs    needs
	// arrived says of the intents of moves and removals whether the message is
	// where it was going.
	arrived map[int64]Sight
	// undecided are intents of which this plan cannot tell what became of them.
	undecided map[int64]bool
	// awaited are mailboxes in which such a message may still appear.
	awaited map[MailboxKey]bool
	// left are copies that were made for nothing; see leftovers.
	left []leftover
	// orphans are the intents of uncertain copies whose source is gone.
	orphans [2][]*Intent
	// lost are the intents of copies whose source may be sent as another message.
	lost [2][]*Intent
	// held, sources and closed are what must not be sent, from where and to
	// where; see holds.
	held    []hold
	sources map[MessageKey]bool
	closed  map[MailboxKey]bool
}

func (p *planner) add(a Action) {
	if p.plan.Actions == nil {
		p.plan.Actions = make([]Action, 0, p.expected)
	}
	p.plan.Actions = append(p.plan.Actions, a)
}

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
	// gone: this plan renames or deletes the mailbox.
	gone bool
	// intents are those of this mailbox by source.
	intents [2]map[UID]*Intent
	// reclaimed are the intents whose copy was found though its source is gone;
	// made says of the records that this plan makes or rebinds, by index, which
	// action does.
	reclaimed map[int64]bool
	made      map[int]int
	// marked are the intents whose mark of \Deleted this plan takes away.
	marked map[int64]bool
	// stored are the records as the state has them, by index; zero for those
	// that this plan makes.
	stored []Record
}

func newBoxPlanner(p *planner, box *MailboxInput) *boxPlanner {
	b := &boxPlanner{planner: p, box: box, claimed: [2]map[UID]bool{{}, {}}, settled: make([]bool, len(box.Records)), marked: map[int64]bool{},
		reclaimed: map[int64]bool{}, made: map[int]int{}}
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
		case here.Known: // see nameMissing
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

// uids returns the pair of UIDs that has only one side's.
func uids(s Side, uid UID) (both [2]UID) {
	both[s] = uid
	return both
}

// confirm notes the copies that are seen for the first time. records writes
// them down, unless something else becomes of the record.
func (b *boxPlanner) confirm() {
	for i := range b.box.Records {
		r := &b.box.Records[i]
		for _, s := range Sides {
			switch {
			case r.State[s] == Confirmed || r.Seen[s].Sight != Present || b.box.Sides[s].Unviewed:
			case r.State[s].departed():
				r.State[s] = Confirmed // it is back
			default:
				r.Record = confirmFlags(r.Record, s, r.Seen[s].Was, r.Seen[s].Message.Flags, b.box.Sides[s].Keeps)
			}
		}
	}
}
