package mirror

import (
	"context"
	"errors"
	"slices"
)

// duplicates makes the copies on a side that have a donor there. It returns those whose
// bodies must travel after all: the donor was not made, is gone or not what it was, or
// the side refused.
func (e *effects) duplicates(ctx context.Context, to Side) ([]group, error) {
	var left []Action
	jobs := e.duplicateJobs(to)
	e.expectDuplicates(ctx, to, jobs)
	for _, j := range jobs {
		rest, err := e.duplicate(ctx, j)
		if err != nil {
			return nil, err
		}
		left = append(left, rest...)
	}
	return e.regroup(to, left), nil
}

// duplicateJob is what one batch makes: copies to one mailbox of donors in another.
type duplicateJob struct {
	group
	donor Name
}

// duplicateJobs splits the copies to a side that have a donor, in the order of the plan.
func (e *effects) duplicateJobs(to Side) (jobs []duplicateJob) {
	type place struct{ mailbox, donor Name }
	at := map[place]int{}
	for i := range e.plan.Actions {
		a := &e.plan.Actions[i]
		if a.Kind != Copy || a.Side != to || a.Donor == nil {
			continue
		}
		key := place{a.Mailbox, a.Donor.Mailbox}
		n, ok := at[key]
		if !ok || len(jobs[n].actions) == batchMessages {
			n = len(jobs)
			at[key] = n
			jobs = append(jobs, duplicateJob{group{side: to, mailbox: a.Mailbox}, a.Donor.Mailbox})
		}
		jobs[n].actions = append(jobs[n].actions, *a)
	}
	return jobs
}

// expectDuplicates announces the mailboxes that are going to be opened.
func (e *effects) expectDuplicates(ctx context.Context, to Side, jobs []duplicateJob) {
	var opens []Expected
	for _, j := range jobs {
		opens = e.expectOpen(e.expectOpen(opens, to, j.mailbox), to, j.donor)
	}
	if len(opens) > 0 {
		e.Repositories[to].Expect(ctx, opens)
	}
}

// regroup makes groups of copies whose bodies are to travel, as copyGroups would.
func (e *effects) regroup(to Side, left []Action) (groups []group) {
	slices.SortStableFunc(left, func(a, b Action) int { return late(a.Mailbox) - late(b.Mailbox) })
	for _, a := range left {
		a.Donor = nil
		i := slices.IndexFunc(groups, func(g group) bool { return g.mailbox == a.Mailbox })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{side: to, mailbox: a.Mailbox})
		}
		groups[i].actions = append(groups[i].actions, a)
	}
	for _, g := range groups {
		e.inOrder(g)
	}
	return groups
}

// lend notes the copy of a message that may be a donor for others of this plan.
func (t *batch) lend(source, made Message) {
	if d := t.lenders[MessageKey{t.from, t.b.name, source.UID}]; d != nil {
		d.Source, d.Made = source, made
	}
}

// findLenders finds the donors that this plan's own copies are to be.
func (e *effects) findLenders() {
	e.lenders = map[MessageKey]*Donor{}
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; a.Donor != nil && a.Donor.Made.UID == 0 {
			e.lenders[MessageKey{a.Side.Other(), a.Donor.Mailbox, a.Donor.Source.UID}] = a.Donor
		}
	}
}

// duplicate makes one batch of copies, and returns those that were not made.
func (e *effects) duplicate(ctx context.Context, j duplicateJob) (left []Action, err error) {
	t := e.newBatch(j.group, len(j.actions))
	if t == nil {
		return nil, nil
	}
	var ok bool
	if t.target, ok, err = e.handle(ctx, t.b, t.to); !ok || err != nil {
		return nil, err
	}
	donors, sure, err := e.donors(ctx, j)
	if err != nil {
		return nil, err
	}
	var actions []Action
	for _, a := range j.actions {
		if donors == nil || a.Donor.Made.UID == 0 || !a.Donor.ours && !sure {
			left = append(left, a)
		} else {
			actions = append(actions, a)
		}
	}
	if len(actions) == 0 {
		return left, nil
	}
	if err := t.announce(actions); err != nil {
		return nil, err
	}
	rest, err := t.makeCopies(ctx, donors)
	return append(left, rest...), err
}

// donors opens the mailbox of donors, nil where that cannot be opened. sure says that
// UIDs which the state knows are those of the same messages.
func (e *effects) donors(ctx context.Context, j duplicateJob) (handle Mailbox, sure bool, err error) {
	b := e.box(j.donor)
	if b == nil || !b.usable(j.side) {
		return nil, false, nil
	}
	if handle, err = e.open(ctx, b, j.side); err != nil {
		if ReachOf(err) > ReachMailbox || ctx.Err() != nil {
			return nil, false, &Error{Op: "open mailbox", Side: j.side, Mailbox: b.name, Err: err}
		}
		return nil, false, nil
	}
	side := &b.sides[j.side]
	if side.row == nil {
		return handle, false, nil
	}
	known, now := b.known(j.side, e.snapshot.Intents), handle.Status()
	return handle, known.UIDValidity == now.UIDValidity && known.UIDNext <= now.UIDNext, nil
}

// makeCopies makes the copies that were announced, and records them. It returns those
// that certainly were not made.
func (t *batch) makeCopies(ctx context.Context, donors Mailbox) (left []Action, err error) {
	copies := make([]Copying, len(t.order))
	of := map[UID]*Action{} // by the donor's UID
	for i, uid := range t.order {
		a := t.actions[uid]
		donor := a.Donor.Made
		if t.snapshot.Sides[t.to].Bytes == ChangesBytes {
			donor.Size = 0 // that of what was sent
		}
		copies[i] = Copying{Donor: donor, Reserved: t.intents[uid].Reserved, Flags: t.wholeFlags(a), Date: a.Message.Date}
		of[a.Donor.Made.UID] = a
	}
	results, copyErr := donors.Copy(ctx, copies, t.b.name)
	for _, r := range results {
		a := of[r.From.UID]
		delete(of, r.From.UID)
		if t.made(a, r) {
			left = append(left, *a)
		}
	}
	for _, uid := range t.order { // those without a result
		a := t.actions[uid]
		if of[a.Donor.Made.UID] == nil {
			continue
		}
		if errors.Is(copyErr, ErrNotDone) {
			t.notMade(a)
			left = append(left, *a)
		} else {
			t.b.incomplete = true
		}
	}
	if err := t.flush(); err != nil {
		return nil, err
	}
	for _, a := range t.written {
		t.done(a)
	}
	if copyErr != nil && (!errors.Is(copyErr, ErrNotDone) || ReachOf(copyErr) > ReachMailbox) {
		return left, t.failMailbox(t.b, t.to, "copy messages", copyErr)
	}
	return left, nil
}

// made notes the outcome of one copy, and reports whether its body must travel.
func (t *batch) made(a *Action, r Copied) (travels bool) {
	in := t.intents[a.Message.UID]
	switch {
	case errors.Is(r.Err, ErrNotDone):
		t.notMade(a)
		return true
	case r.Err != nil:
		t.b.incomplete = true // uncertain: the intent stays
		t.fail(t.from, t.b, a.Message.UID, "copy message", r.Err)
	case r.To.UID == 0 || t.b.sides[t.to].holds(r.To.UID):
		in.Accepted = true
		t.b.incomplete = true
		t.changes.Intents = append(t.changes.Intents, in)
		t.result.Changed = true
	default:
		d := a.Donor
		source, arrived := a.Message, d.Made
		source.Identity = d.Source.Identity
		source.Identity.ObjectID = a.Message.Identity.ObjectID
		arrived.Ref, arrived.Flags, arrived.Date, arrived.Identity.ObjectID = r.To, r.Flags, a.Message.Date, ""
		t.result.Summary.Saved[t.to] += arrived.Size
		t.pair(a, source, arrived)
	}
	return false
}

// notMade drops the intent of a copy that certainly was not made.
func (t *batch) notMade(a *Action) {
	t.changes.DropIntents = append(t.changes.DropIntents, t.intents[a.Message.UID].ID)
}

// basesOf returns bases for two messages found equal.
func (b *boxPlanner) basesOf(m [2]Message) [2]Flags {
	now := [2]Flags{m[Far].Flags, m[Near].Flags}
	for _, s := range Sides {
		in, made := b.intentOf(s, m[s].UID), m[s.Other()]
		if in != nil && in.Kind == CopyIntent && made.UID >= in.TargetUIDNext {
			return in.bases(now, s.Other())
		}
	}
	return pairBases(now)
}

// bases returns bases for a message that was copied and its copy on side to. A copy that a
// server made of a donor may have that one's flags: then they become those of its source.
func (in *Intent) bases(now [2]Flags, to Side) [2]Flags {
	if in.Donated && in.Reserved.Base == "" {
		return [2]Flags{now[to], now[to]}
	}
	return pairBases(now)
}
