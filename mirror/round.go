package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// round is one pass: look, plan, carry out, store the checkpoints. It returns
// the plan that it carried out. only, where it is not nil, limits what is looked
// into; wide adds every mailbox that changed.
func (x *run) round(ctx context.Context, only map[Name]bool, wide bool) (plan Plan, err error) {
	boxes, plan, err := x.decide(ctx, only, wide)
	if err != nil {
		return Plan{}, err
	}
	for _, p := range plan.Problems {
		x.problem(p)
	}
	if only == nil || len(x.result.Plan.Stops) == 0 {
		x.result.Plan = Plan{Stops: plan.Stops, Withheld: plan.Withheld, Token: plan.Token}
	}
	if x.DryRun {
		x.result.Plan = plan
		return plan, nil
	}
	e := newEffects(x, boxes, plan)
	if err := e.carryOut(ctx); err != nil {
		return Plan{}, err
	}
	x.usable = map[Name]bool{}
	for _, b := range boxes {
		x.usable[b.name] = b.usable(Far) && b.usable(Near) && !b.hidden
	}
	return plan, e.checkpoints()
}

// decide looks and plans. The mailboxes are looked into one after the other: a
// message that is moved meanwhile may be seen in none of them, or in two. So
// before anything is copied or removed the side that this rests on is listed
// once more; where messages came or went since the first listing, everything is
// looked at again.
func (x *run) decide(ctx context.Context, only map[Name]bool, wide bool) (boxes []*box, plan Plan, err error) {
	for look := 1; ; look++ {
		var listings [2]Listing
		if boxes, listings, err = x.gather(ctx, only, wide); err != nil {
			return nil, Plan{}, err
		}
		if plan, err = x.plan(ctx, boxes, only != nil, wide); err != nil || x.DryRun {
			return boxes, plan, err
		}
		rested, err := x.rested(ctx, plan, listings)
		switch {
		case err != nil:
			return nil, Plan{}, err
		case rested || look == looksForCopies && !plan.trustsAbsence():
			return boxes, plan, nil
		case look == looksForRemovals:
			plan, err = x.withoutRemovals(ctx, boxes, only != nil, wide)
			return boxes, plan, err
		}
	}
}

// A run begins anew so often at most because mail came or went while it looked.
const (
	looksForCopies   = 2
	looksForRemovals = 3
)

// rested lists the sides once more on which it matters that nothing was moved.
func (x *run) rested(ctx context.Context, plan Plan, before [2]Listing) (bool, error) {
	var matters [2]bool
	for _, a := range plan.Actions {
		if a.Kind == Copy || a.Kind == Remove && !a.ForGood {
			matters[a.Side.Other()] = true
		}
	}
	for _, s := range Sides {
		if !matters[s] {
			continue
		}
		now, err := x.Repositories[s].List(ctx)
		if err != nil {
			return false, &Error{Op: "list mailboxes", Side: s, Err: err}
		}
		if arrivedOrLeft(before[s], now) {
			return false, nil
		}
	}
	return true, nil
}

// fromAbsence reports whether an action is taken because a message is not where
// it was, or where it was sent.
func (a Action) fromAbsence() bool {
	return a.Kind == Remove && !a.ForGood || a.Kind == Copy && (a.Again || a.Intent != 0)
}

func (p Plan) trustsAbsence() bool { return slices.ContainsFunc(p.Actions, Action.fromAbsence) }

// withoutRemovals plans again for mailboxes that do not rest: what is done for
// messages that are gone is left to the next run, and so is what a person
// allowed, since it was not done.
func (x *run) withoutRemovals(ctx context.Context, boxes []*box, later, wide bool) (Plan, error) {
	x.note("the mailboxes do not rest: what seems to be gone is left to the next run")
	x.result.Temporary = true
	confirm := x.Confirm
	x.Confirm = ""
	plan, err := x.plan(ctx, boxes, later, wide)
	x.Confirm = confirm
	known, loadErr := x.everyKnown()
	err = cmp.Or(err, loadErr)
	kept := make([]Action, 0, len(plan.Actions))
	for _, a := range plan.Actions {
		if a.fromAbsence() || a.Kind == Copy && known.elsewhere(a) {
			addName(&plan.Later, a.Mailbox)
		} else {
			kept = append(kept, a)
		}
	}
	plan.Actions = kept
	return plan, err
}

// knownMessages are those that the state knows, by side and mailbox.
type knownMessages map[MailboxKey][]Message

func (x *run) everyKnown() (knownMessages, error) {
	known := knownMessages{}
	for _, row := range x.snapshot.Mailboxes {
		list, err := x.State.Messages(row.Side, row.Name)
		if err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
		known[MailboxKey{row.Side, row.Name}] = list
	}
	return known, nil
}

// elsewhere reports whether what a copies may have been moved from a mailbox in
// which it is known.
func (k knownMessages) elsewhere(a Action) bool {
	for at, list := range k {
		if at.Side == a.Side.Other() && at.Name != a.Mailbox && slices.ContainsFunc(list, func(m Message) bool { return mayBe(m, a.Message) }) {
			return true
		}
	}
	return false
}

// arrivedOrLeft reports whether two listings of a side, one after the other,
// prove that messages came or went in between. Flags may have changed.
func arrivedOrLeft(before, now Listing) bool {
	was := map[Name]*Checkpoint{}
	for _, l := range before.Mailboxes {
		was[l.Name] = l.Status
	}
	for _, l := range now.Mailboxes {
		a, b := was[l.Name], l.Status
		if (a == nil) != (b == nil) {
			return true
		}
		if a != nil && b != nil && (a.UIDValidity != b.UIDValidity || a.UIDNext != b.UIDNext || a.Messages != b.Messages || a.Stamps != b.Stamps) {
			return true
		}
	}
	return false
}

// identifyRounds bounds how often a plan may ask for more: headers, bodies,
// and once more for what a rename in between uncovered.
const identifyRounds = 6

// plan asks the planner, and identifies messages as long as it needs more.
func (x *run) plan(ctx context.Context, boxes []*box, later, wide bool) (Plan, error) {
	for range identifyRounds {
		plan, needs := MakePlan(x.input(boxes, later, wide))
		if len(needs) == 0 {
			return plan, nil
		}
		for _, need := range needs {
			if err := x.identify(ctx, boxes, need); err != nil {
				return Plan{}, err
			}
		}
	}
	return Plan{}, fmt.Errorf("%w: the plan keeps asking for more", ErrStopped)
}

// identify reads what a need asks for. A message that is no longer there or
// cannot be read is left out of this round.
func (x *run) identify(ctx context.Context, boxes []*box, need Need) error {
	b := findBox(boxes, need.Mailbox)
	handle, ok, err := x.handle(ctx, b, need.Side)
	if err != nil {
		return err
	}
	x.report(Event{Kind: Comparing, Side: need.Side, Mailbox: need.Mailbox, Count: len(need.Refs)})
	side := &b.sides[need.Side]
	left := map[UID]bool{}
	for _, ref := range need.Refs {
		left[ref.UID] = true
	}
	var results []Identified
	if ok {
		if results, err = handle.Identify(ctx, need.Refs, need.Depth); err != nil {
			if err := x.brokeWhileRead(b, need, results, err); err != nil {
				return err
			}
			if err := x.failMailbox(b, need.Side, "read messages", err); err != nil {
				return err
			}
		}
	}
	var unread Changes
	for _, r := range results {
		if r.Err != nil {
			x.unread(b, need.Side, r, &unread)
			continue
		}
		side.learn(r, need.Depth)
		x.readAgain(b, need.Side, r.UID, &unread)
		delete(left, r.UID)
	}
	if need.Depth == Bodies && x.traits[need.Side].Numbers {
		x.result.Summary.Fetched += len(need.Refs) - len(left)
	}
	for uid := range left {
		side.unknown[uid], side.unreadable[uid] = true, true
		b.incomplete = true
	}
	return x.commit(&unread)
}

// unreadTries is how often in a row a message may fail to be read to be
// compared before it is left alone for a while.
const unreadTries = 3

// readingReason begins the reason of a message that could not be compared.
const readingReason = "it cannot be read to be compared: "

// tentative reports whether a message is kept aside only because it could not
// be read a time or two. It is tried again with whatever else wants it.
func tentative(q Quarantined) bool {
	return strings.HasPrefix(q.Reason, readingReason) && q.Tries < unreadTries || q.Reason == breaksOff && q.Tries == 1
}

// readAgain takes a message out of quarantine that could be read after all.
func (x *run) readAgain(b *box, s Side, uid UID, c *Changes) {
	for _, q := range x.snapshot.Quarantine {
		if q.Side == s && q.Mailbox == b.name && q.UID == uid && (strings.HasPrefix(q.Reason, readingReason) || q.Reason == breaksOff) {
			c.DropQuarantine = append(c.DropQuarantine, MessageKey{s, b.name, uid})
		}
	}
}

// unread notes a message that cannot be read to be compared. One that has a
// record stays what it was.
func (x *run) unread(b *box, s Side, r Identified, c *Changes) {
	x.problem(Problem{s, b.name, r.UID, fmt.Sprintf("read message: %v", r.Err)})
	m := b.sides[s].messages[r.UID]
	key := MessageKey{s, b.name, r.UID}
	if m == nil || b.paired(s, r.UID) || x.unreadOnce[key] {
		return
	}
	x.unreadOnce[key] = true
	e := newEffects(x, []*box{b}, Plan{})
	e.noteMailbox(b, s, c)
	c.Messages = append(c.Messages, MessageRow{s, b.name, *m})
	q := e.quarantined(s, b, r.UID, readingReason+r.Err.Error())
	if q.Tries < unreadTries {
		q.Next = x.Now()
	}
	c.Quarantine = append(c.Quarantine, q)
}

// brokeWhileRead keeps what was read before the connection was lost, so that
// the next run need not begin anew, and notes the message at which it was.
func (x *run) brokeWhileRead(b *box, need Need, results []Identified, err error) error {
	if !errors.Is(err, ErrCut) {
		return nil
	}
	var c Changes
	side := &b.sides[need.Side]
	e := newEffects(x, []*box{b}, Plan{})
	e.noteMailbox(b, need.Side, &c)
	read := map[UID]bool{}
	for _, r := range results {
		read[r.UID] = true
		if m := side.messages[r.UID]; r.Err == nil && m != nil {
			side.learn(r, need.Depth)
			x.readAgain(b, need.Side, r.UID, &c)
			c.Messages = append(c.Messages, MessageRow{need.Side, b.name, *m})
		}
	}
	for _, ref := range need.Refs {
		if read[ref.UID] {
			continue
		}
		if m := side.messages[ref.UID]; m != nil && !b.paired(need.Side, ref.UID) {
			c.Messages = append(c.Messages, MessageRow{need.Side, b.name, *m})
			e.brokenAt(need.Side, b, ref.UID, &c)
		}
		break
	}
	if b.hidden {
		return nil
	}
	return x.commit(&c)
}

// findBox returns the box of a mailbox, nil where there is none.
func findBox(boxes []*box, name Name) *box {
	i, found := slices.BinarySearchFunc(boxes, name, func(b *box, n Name) int {
		if b.name < n {
			return -1
		} else if b.name > n {
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return boxes[i]
}

// learn keeps an identity that was read.
func (s *boxSide) learn(r Identified, depth Depth) {
	m := s.messages[r.UID]
	if m == nil {
		return
	}
	object := m.Identity.ObjectID
	if depth == Bodies {
		m.Identity, m.Size = r.Identity, r.Size
	} else {
		m.Identity.Header, m.Identity.Key, m.Identity.Decisive, m.Identity.Foreign = r.Identity.Header, r.Identity.Key, r.Identity.Decisive, r.Identity.Foreign
	}
	if m.Identity.ObjectID == "" {
		m.Identity.ObjectID = object
	}
	s.learned[r.UID] = true
}

// due reports whether a quarantined message is to be tried again.
func (x *run) due(q Quarantined) bool { return !q.Next.IsZero() && !x.Now().Before(q.Next) }

// input describes the boxes to the planner.
func (x *run) input(boxes []*box, later, wide bool) Input {
	in := Input{Later: later, Wide: wide, Policy: x.Policy, Fresh: x.snapshot.Fresh, Confirm: x.Confirm, Settled: x.settled}
	for _, s := range Sides {
		in.Sides[s] = x.sideInput(boxes, s)
	}
	for _, b := range boxes {
		in.Mailboxes = append(in.Mailboxes, x.mailboxInput(b))
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
			in.Shown += max(b.count, len(side.messages)) // records may just be forgotten
		case side.exists():
			in.Shown += int(side.listed.Status.Messages)
		}
	}
	return in
}

func (x *run) mailboxInput(b *box) MailboxInput {
	in := MailboxInput{Name: b.name, Hidden: b.hidden, Total: b.count}
	var taken [2]map[UID]bool
	for _, s := range Sides {
		side := &b.sides[s]
		in.Sides[s] = MailboxSide{Known: side.row != nil, Exists: side.exists(), Blocked: side.blocked, Unviewed: side.view == nil, Keeps: AllFlags()}
		if side.listed != nil {
			in.Sides[s].Role, in.Sides[s].Subscribed = side.listed.Role, side.listed.Subscribed
		}
		if side.row != nil {
			in.Sides[s].Since = side.row.Checkpoint.UIDNext
		}
		if side.view != nil {
			in.Sides[s].Renumbered, in.Sides[s].Keeps = side.view.Renumbered || x.traits[s].Numbers && b.unpairedSince(s), side.view.Keeps
		}
		taken[s] = x.taken(b, s)
	}
	if !b.visited {
		return in
	}
	for _, r := range b.records {
		for _, s := range Sides {
			taken[s][r.UID[s]] = true
		}
		in.Records = append(in.Records, RecordInput{r, [2]Sighting{b.sides[Far].sighting(r.UID[Far], r.State[Far]), b.sides[Near].sighting(r.UID[Near], r.State[Near])}})
	}
	for _, s := range Sides {
		if b.sides[s].exists() && b.sides[s].blocked == "" {
			x.avoid(b, s, taken[s])
			in.Unpaired[s] = b.sides[s].unpaired(taken[s])
		}
		in.Departed[s] = x.departed(b, s)
		in.Quarantined[s] = map[UID]bool{}
		in.Unknown[s] = b.sides[s].unknown
		in.Unread[s] = b.sides[s].unread(taken[s])
		in.Unsure[s] = slices.ContainsFunc(in.Unread[s], func(m Message) bool { return !x.keptAside(b, s, m.UID) })
	}
	for _, q := range x.snapshot.Quarantine {
		if q.Mailbox == b.name && !x.due(q) {
			in.Quarantined[q.Side][q.UID] = true
		}
	}
	x.intentInput(b, &in)
	return in
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

// avoid takes messages that are kept aside, and were never read, for ones that
// nobody can see: reading them to compare is what may not pass.
func (x *run) avoid(b *box, s Side, taken map[UID]bool) {
	for _, q := range x.snapshot.Quarantine {
		m := b.sides[s].messages[q.UID]
		if q.Side == s && q.Mailbox == b.name && !x.due(q) && m != nil && !taken[q.UID] && !m.Identity.Header.Known() {
			b.sides[s].unknown[q.UID], b.sides[s].unreadable[q.UID] = true, true
		}
	}
}

// keptAside reports whether a message stands in quarantine, due or not.
func (x *run) keptAside(b *box, s Side, uid UID) bool {
	return slices.ContainsFunc(x.snapshot.Quarantine, func(q Quarantined) bool {
		return q.Side == s && q.Mailbox == b.name && q.UID == uid
	})
}

// taken starts the set of messages that are not unpaired: those with a tomb.
func (x *run) taken(b *box, s Side) map[UID]bool {
	set := map[UID]bool{}
	for _, t := range x.snapshot.Tombs {
		if t.Side == s && t.Mailbox == b.name {
			set[t.UID] = true
		}
	}
	return set
}

func (x *run) intentInput(b *box, in *MailboxInput) {
	for _, intent := range x.snapshot.Intents {
		switch {
		case intent.Mailbox != b.name:
		case intent.Kind == GhostIntent:
			side := &b.sides[intent.Side]
			m := side.messages[intent.Source.UID]
			if m != nil && (!side.gone[m.UID] && !side.unknown[m.UID] || m.Identity.Body.Known()) {
				in.Ghosts = append(in.Ghosts, GhostInput{intent, *m})
			}
		default:
			in.Intents = append(in.Intents, intent)
		}
	}
}
