package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// Limits of the rails: more than a share, but never fewer than a handful.
const (
	railFloor        = 10 // messages
	railMailboxShare = 4  // a quarter of a mailbox
	railSideShare    = 10 // a tenth of a side
	wrongAccountSize = 20 // messages on each side
)

// rails takes out of the plan what a person must decide on.
func (p *planner) rails() {
	withhold := make([]bool, len(p.plan.Actions))
	p.railWrongAccount(withhold)
	for _, s := range Sides {
		p.railMissing(s, withhold)
	}
	for _, s := range Sides {
		p.railRemovals(s, withhold)
		p.railStanding(s, withhold) // last: the same set keeps its token
	}
	p.applyRails(withhold)
}

// stop notes a rail and marks the actions that which selects.
func (p *planner) stop(rail Stop, withhold []bool, which func(Action) bool) {
	p.plan.Stops = append(p.plan.Stops, rail)
	for i, a := range p.plan.Actions {
		if which(a) {
			withhold[i] = true
		}
	}
}

// railMissing stops removals on the other side when s, as a whole, looks wrong.
// Where removals never travel there is nothing to stop.
func (p *planner) railMissing(s Side, withhold []bool) {
	in := p.in.Sides[s]
	if !p.in.Policy.Gone.Allows(s.Other()) || p.in.Policy.Deletions == DeleteNothing {
		return
	}
	follow := func(a Action) bool {
		return a.Kind == Drop || a.Side == s.Other() && (a.Kind == Remove || a.Kind == MoveTo || a.Kind == Delete)
	}
	for _, a := range p.plan.Actions {
		if a.Kind == Rename && a.Side == s.Other() { // all of it was found again
			in.Listed++
		}
	}
	if in.Records > 0 && in.Shown == 0 {
		p.stop(Stop{Rail: RailEmptySide, Side: s, Count: in.Records, Of: in.Records}, withhold, follow)
	}
	if in.Listed*2 < in.Known {
		p.stop(Stop{Rail: RailMailboxes, Side: s, Count: in.Known - in.Listed, Of: in.Known}, withhold, follow)
	}
}

// railRemovals stops removals on s that are too many for a mailbox or a side.
func (p *planner) railRemovals(s Side, withhold []bool) {
	totals := map[Name]int{}
	exempt := map[Name]bool{}
	for _, b := range p.boxes {
		totals[b.box.Name] = b.box.Total
		exempt[b.box.Name] = b.box.Sides[s].Role == imap.MailboxAttrTrash && !p.in.Sides[s].Traits.Undo
	}
	counts := map[Name]int{}
	all := 0
	for i, a := range p.plan.Actions {
		if a.Kind == Remove && a.Side == s && !a.ForGood && !withhold[i] {
			counts[a.Mailbox]++
			all++
		}
	}
	for _, b := range p.boxes {
		name := b.box.Name
		if !exempt[name] && counts[name] > max(railFloor, totals[name]/railMailboxShare) {
			all -= counts[name]
			p.stop(Stop{Rail: RailMailbox, Side: s.Other(), Mailbox: name, Count: counts[name], Of: totals[name]}, withhold,
				func(a Action) bool { return a.Kind == Remove && a.Side == s && !a.ForGood && a.Mailbox == name })
		}
	}
	if of := p.in.Sides[s].Records; all > max(railFloor, of/railSideShare) {
		p.stop(Stop{Rail: RailSide, Side: s.Other(), Count: all, Of: of}, withhold,
			func(a Action) bool { return a.Kind == Remove && a.Side == s && !a.ForGood })
	}
}

// railWrongAccount stops a first run between two sides that have little in
// common.
func (p *planner) railWrongAccount(withhold []bool) {
	first := p.in.Fresh && p.in.Policy.Mode == TwoWay
	if p.in.Later || !first && !p.in.Policy.RemoveExtra {
		return
	}
	far, near := p.in.Sides[Far].Shown, p.in.Sides[Near].Shown
	if far <= wrongAccountSize || near <= wrongAccountSize {
		return
	}
	paired := p.in.Sides[Far].Records
	for _, a := range p.plan.Actions {
		if a.Kind == Pair {
			paired++
		}
	}
	if smaller := min(far, near); paired*2 < smaller {
		p.stop(Stop{Rail: RailWrongAccount, Side: Far, Count: paired, Of: smaller}, withhold, func(a Action) bool { return a.Kind.ChangesMail() })
	}
}

// railStanding keeps up a stop until what was missing then is back or a person
// has decided: a few messages more on the side where they are missing must not
// make it look whole.
func (p *planner) railStanding(s Side, withhold []bool) {
	standing := map[RecordKey]bool{}
	for _, b := range p.boxes {
		for _, r := range b.stored {
			standing[r.Key()] = r.State[s.Other()] == Withheld
		}
	}
	count := 0
	for i, a := range p.plan.Actions {
		if a.Kind == Remove && a.Side == s && !a.ForGood && !withhold[i] && standing[RecordKey{a.Mailbox, a.UID}] {
			withhold[i] = true
			count++
		}
	}
	if count > 0 {
		p.plan.Stops = append(p.plan.Stops, Stop{Rail: RailSide, Side: s.Other(), Count: count, Of: p.in.Sides[s].Records})
	}
}

// departuresOf notes what is missing for the removals that are withheld, for
// railStanding.
func departuresOf(held []Action) (notes []Action) {
	for _, a := range held {
		if s := a.Side.Other(); a.Kind == Remove && !a.ForGood && a.UID[s] != 0 && a.Record.State[s] != Withheld {
			a.Kind, a.Side = Depart, s
			a.Record.State[s] = Withheld
			a.Record.Mailbox, a.Record.UID = a.Mailbox, a.UID
			notes = append(notes, a)
		}
	}
	return notes
}

// applyRails moves the marked actions to Withheld, unless the token given is
// the one for exactly this set.
func (p *planner) applyRails(withhold []bool) {
	if len(p.plan.Stops) == 0 {
		return
	}
	var kept, held []Action
	for i, a := range p.plan.Actions {
		if withhold[i] {
			held = append(held, a)
		} else {
			kept = append(kept, a)
		}
	}
	token := tokenOf(held)
	if p.in.Confirm == token {
		p.plan.Stops = nil
		return
	}
	kept = append(kept, departuresOf(held)...)
	sortActions(kept)
	p.plan.Actions, p.plan.Withheld, p.plan.Token = kept, held, token
}

// tokenOf names a set of withheld actions. The same set always has the same
// token; one action more or less gives another.
func tokenOf(held []Action) string {
	h := sha256.New()
	for _, a := range held {
		// UIDs alone may come again, after a renumbering and a lost state.
		fmt.Fprintf(h, "%d %d %q %q %d %d %q %d %d\n", a.Kind, a.Side, a.Mailbox, a.Target, a.UID[Far], a.UID[Near],
			a.Message.Base, a.Message.Size, a.Message.Date.Unix())
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// sortActions puts actions in the order in which they are carried out and
// printed. An action is large: it is compared where it stands, and moved once.
func sortActions(list []Action) {
	order := make([]int, len(list))
	for i := range list {
		order[i] = i
	}
	compare := func(i, k int) int { return compareActions(&list[i], &list[k]) }
	if slices.IsSortedFunc(order, compare) {
		return
	}
	slices.SortStableFunc(order, compare)
	for i := range order { // along each cycle of the order, so that there is never a second list
		first, at := list[i], i
		for order[at] != i {
			next := order[at]
			list[at], order[at], at = list[next], at, next
		}
		list[at], order[at] = first, at
	}
}

func compareActions(a, b *Action) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Side, b.Side),
		cmp.Compare(a.UID[Far], b.UID[Far]), cmp.Compare(a.UID[Near], b.UID[Near]))
}
