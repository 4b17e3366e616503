package cli

import (
	"strconv"

	"mailtwin/mirror"
)

// intended sums up a plan as if it were carried out.
func intended(plan mirror.Plan) (s mirror.Summary) {
	for _, a := range plan.Actions {
		switch a.Kind {
		case mirror.Rename:
			s.Renamed[a.Side]++
		case mirror.Delete:
			s.Deleted[a.Side]++
		case mirror.Create:
			s.Created[a.Side]++
		case mirror.Copy:
			s.Copied[a.Side]++
			if a.Donor == nil {
				s.Octets[a.Side] += a.Message.Size
			} else {
				s.Saved[a.Side] += a.Message.Size
			}
		case mirror.MoveTo:
			s.Moved[a.Side]++
		case mirror.SetFlags:
			s.Flagged[a.Side]++
		case mirror.Remove, mirror.Prune:
			s.Removed[a.Side]++
		case mirror.Pair:
			s.Paired++
		case mirror.Quarantine:
			s.Failed++
		case mirror.Hold:
			s.Held++
		case mirror.Ghost:
			s.Ghosts++
		}
	}
	return s
}

// tellPlan prints a plan: what would be done, then what a stop withholds.
func (r *pairRun) tellPlan(result mirror.Result) {
	plan := result.Plan
	if plan.Quiet() && len(result.Problems) == 0 && intended(plan) == (mirror.Summary{}) {
		if r.screen.watched() {
			r.screen.result(pairLine(r.pair.Name, nothingToDo))
		}
		return
	}
	r.tellActions(plan.Actions, func(text string) string { return text })
	r.tellActions(plan.Withheld, withheld)
	if text := moved(intended(plan)); text != "" {
		r.screen.result(pairLine(r.pair.Name, inAll+text))
	}
	for _, a := range plan.Actions {
		r.screen.object(newJSONAction("plan", r.pair.Name, a))
	}
	r.showWithheld(plan)
}

// showWithheld writes the objects of what a stop withholds: the set that its
// token allows.
func (r *pairRun) showWithheld(plan mirror.Plan) {
	for _, a := range plan.Withheld {
		j := newJSONAction("plan", r.pair.Name, a)
		j.Withheld = true
		r.screen.object(j)
	}
}

// tellActions prints actions one by one with --verbose, and else in groups.
func (r *pairRun) tellActions(actions []mirror.Action, mark func(string) string) {
	if r.screen.verbose {
		for _, a := range actions {
			r.screen.result(pairLine(r.pair.Name, mark(oneDeed(a))))
		}
		return
	}
	for _, g := range groupsOf(actions) {
		if text := g.words(); text != "" {
			r.screen.result(pairLine(r.pair.Name, mark(text)))
		}
	}
}

// oneDeed is one action in words, done or intended.
func oneDeed(a mirror.Action) string {
	ref := a.Message.Ref
	if ref.UID == 0 {
		ref.UID = a.UID[a.Side]
	}
	role := ""
	if a.Role != "" {
		role = " (" + string(a.Role) + ")"
	}
	words, donor := deed[a.Kind], ""
	if a.Donor != nil {
		words, donor = donated, strconv.Quote(a.Donor.Mailbox.String())
	}
	return fill(words, map[string]string{
		"donor": donor,
		"ref":   refWords(ref), "where": mailboxOf(a.Side, a.Mailbox), "from": mailboxOf(a.Side.Other(), a.Mailbox),
		"target": strconv.Quote(a.Target.String()), "size": size(a.Message.Size), "flags": flagWords(a), "role": role, "reason": a.Reason,
	})
}

// A deedGroup is actions of one kind in one mailbox.
type deedGroup struct {
	kind            mirror.Kind
	side            mirror.Side
	mailbox, target mirror.Name
	donor           mirror.Name
	n               int
	octets          int64
}

// words are the group as a line, "" for actions that only note something.
func (g deedGroup) words() string {
	words := deeds[g.kind]
	if g.donor != "" {
		words = donatedMany
	}
	return fill(words, map[string]string{
		"donor":    strconv.Quote(g.donor.String()),
		"messages": count(g.n, wordMessage), "size": size(g.octets), "mailbox": strconv.Quote(g.mailbox.String()),
		"where": mailboxOf(g.side, g.mailbox), "from": mailboxOf(g.side.Other(), g.mailbox), "target": strconv.Quote(g.target.String()),
	})
}

// groupsOf sums up like actions, in the order of the plan.
func groupsOf(actions []mirror.Action) []deedGroup {
	var groups []deedGroup
	at := map[deedGroup]int{}
	for _, a := range actions {
		key := deedGroup{kind: a.Kind, side: a.Side, mailbox: a.Mailbox, target: a.Target}
		if a.Donor != nil {
			key.donor = a.Donor.Mailbox
		}
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, key)
		}
		groups[i].n++
		if a.Kind == mirror.Copy {
			groups[i].octets += a.Message.Size
		}
	}
	return groups
}
