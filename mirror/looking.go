package mirror

import (
	"context"
	"fmt"
	"slices"
)

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
		case rested:
			return boxes, plan, nil
		case look == looksForRemovals, look == looksForCopies && !plan.trustsAbsence():
			plan, err = x.withoutMoved(ctx, boxes, only != nil, wide)
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
		if a.Kind == Release || a.Kind == Copy && a.fromAbsence() { // it may stand elsewhere by now
			matters[a.Side] = true
		}
	}
	for _, s := range Sides {
		if !matters[s] {
			continue
		}
		now, err := x.Repositories[s].List(ctx, false)
		if err != nil {
			return false, &Error{Op: "list mailboxes", Side: s, Err: err}
		}
		if s == Far {
			x.rename(&now)
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
	return a.Kind == Release || a.Kind == Remove && !a.ForGood || a.Kind == Copy && (a.Again || a.Intent != 0)
}

func (p Plan) trustsAbsence() bool { return slices.ContainsFunc(p.Actions, Action.fromAbsence) }

// withoutMoved plans again for mailboxes that do not rest. What is done for
// messages that are gone is left to the next run, and so is what may be half a
// move. What a person allowed waits as well, since it was not done.
func (x *run) withoutMoved(ctx context.Context, boxes []*box, later, wide bool) (Plan, error) {
	confirm := x.Confirm
	x.Confirm = ""
	plan, err := x.plan(ctx, boxes, later, wide)
	x.Confirm = confirm
	if err != nil {
		return plan, err
	}
	known, err := x.knownPlaces()
	kept := make([]Action, 0, len(plan.Actions))
	for _, a := range plan.Actions {
		if a.fromAbsence() || a.Kind == Copy && known[a.Side.Other()].elsewhere(a.Message, a.Mailbox) {
			addName(&plan.NextRun, a.Mailbox)
		} else {
			kept = append(kept, a)
		}
	}
	if len(kept) < len(plan.Actions) {
		x.note("the mailboxes do not rest: what seems to be gone or moved is left to the next run")
		x.result.Temporary = true
	}
	plan.Actions = kept
	return plan, err
}

// places says in which mailboxes of a side messages are known that look alike:
// the same base name, or the same size and date.
type places map[look]Name

// look is how a message can be told without reading it. Several mailboxes may
// hold one; then Name is "".
type look struct {
	base string
	size int64
	date int64
}

// lookOf tells a message by its size and date.
func lookOf(m Message) look { return look{size: m.Size, date: m.Date.Unix()} }

func looks(m Message) []look {
	list := []look{lookOf(m)}
	if m.Base != "" {
		list = append(list, look{base: m.Base})
	}
	return list
}

func (x *run) knownPlaces() (known [2]places, err error) {
	known = [2]places{{}, {}}
	for _, row := range x.snapshot.Mailboxes {
		list, err := x.State.Messages(row.Side, row.Name)
		if err != nil {
			return known, fmt.Errorf("read state: %w", err)
		}
		for _, m := range list {
			for _, l := range looks(m) {
				name := row.Name
				if before, ok := known[row.Side][l]; ok && before != name {
					name = ""
				}
				known[row.Side][l] = name
			}
		}
	}
	return known, nil
}

// elsewhere reports whether m, which is new in mailbox at, may have been moved
// from another one in which it is known.
func (p places) elsewhere(m Message, at Name) bool {
	for _, l := range looks(m) {
		if name, ok := p[l]; ok && name != at {
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
