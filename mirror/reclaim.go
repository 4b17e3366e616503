package mirror

import "slices"

// reclaim finds copies of ours whose source went away before they were
// recorded. They become records of a message that is gone at its source, which
// the other rules then follow; without that they would count as new mail.
func (b *boxPlanner) reclaim() {
	b.eachDeparted(func(s Side, in *Intent, source Message) {
		if m := b.copyOf(in, source); m != nil {
			b.reclaimCopy(s, source, *m, true)
			b.reclaimed[in.ID] = true
		}
	})
}

// reclaimLikely does the same for copies that only their size and date tell of,
// once nothing else could be made of them: the source may be there under
// another name.
func (b *boxPlanner) reclaimLikely() {
	b.eachDeparted(func(s Side, in *Intent, source Message) {
		if b.reclaimed[in.ID] {
			return
		}
		if m := b.likelyCopyOf(in, source); m != nil {
			b.reclaimCopy(s, source, *m, false)
			b.reclaimed[in.ID] = true
		} else if b.uncertain(in) {
			b.plan.Waiting++
			b.orphans[s] = append(b.orphans[s], in)
			b.add(Action{Kind: Wait, Side: s.Other(), Mailbox: b.box.Name, UID: uids(s, source.UID), Message: source, Intent: in.ID,
				Reason: "an earlier copy may still appear"})
		}
	})
}

// mayBeLost reports whether m, which is new on s, may be the source of an
// uncertain copy that was renamed or moved since: the same size and date. Its
// copy may still appear, so that it must not be sent yet.
func (p *planner) mayBeLost(s Side, m Message) bool {
	return slices.ContainsFunc(p.orphans[s], func(in *Intent) bool { return in.fits(m) })
}

// fits reports whether m has the size and the date of what is copied: it may be that, or
// its copy.
func (in *Intent) fits(m Message) bool { return in.Size == m.Size && in.Date.Equal(m.Date) }

// abandoned lists the intents of copies whose source went away and whose outcome
// nobody saw.
func (b *boxPlanner) abandoned() {
	b.eachDeparted(func(s Side, in *Intent, _ Message) {
		if b.in.Sides[s.Other()].Traits.Numbers && !b.reclaimed[in.ID] {
			b.lost[s] = append(b.lost[s], in)
		}
	})
}

// inherit returns one of these, where m has its size and its date: most likely the
// source was renamed or moved. Its copy may appear even now, and is the same as that
// of m then; of what is not, the content will tell. Each is given out once; nil where
// there is none.
func (p *planner) inherit(s Side, m Message) *Intent {
	i := slices.IndexFunc(p.lost[s], func(in *Intent) bool { return in.fits(m) })
	if i < 0 {
		return nil
	}
	in := p.lost[s][i]
	p.lost[s] = slices.Delete(p.lost[s], i, i+1)
	return in
}

// eachDeparted calls visit with the messages that went away while an intent to
// copy them is open.
func (b *boxPlanner) eachDeparted(visit func(Side, *Intent, Message)) {
	for _, s := range Sides {
		for _, source := range b.box.Departed[s] {
			if in := b.intentOf(s, source.UID); in != nil && in.Kind == CopyIntent && b.bothOpen() {
				visit(s, in, source)
			}
		}
	}
}

// copyOf finds the copy that an intent announced when its source can no longer
// be read: by the reserved name or, where the source had been read before, by
// content.
func (b *boxPlanner) copyOf(in *Intent, source Message) *Message {
	to := in.Side.Other()
	for _, m := range b.free(to) {
		if in.Reserved.Base != "" && m.Base == in.Reserved.Base {
			return &m
		}
	}
	if !source.Identity.Body.Known() {
		return nil
	}
	candidates := b.candidates(in)
	k, _ := b.findOne(sought{Message: source, gone: true}, to, b.placed(candidates))
	if k < 0 {
		return nil
	}
	return &candidates[k]
}

// likelyCopyOf finds it by size and date, if one alone has them.
func (b *boxPlanner) likelyCopyOf(in *Intent, source Message) *Message {
	if source.Identity.Body.Known() {
		return nil
	}
	same := slices.DeleteFunc(b.candidates(in), func(m Message) bool { return !in.fits(m) })
	if len(same) != 1 {
		return nil
	}
	return &same[0]
}

// departedTo lists the intents of copies to s, which numbers them itself, whose source
// went away, and did not only get another name.
func (b *boxPlanner) departedTo(s Side) (list []*Intent) {
	sources := b.free(s.Other())
	b.eachDeparted(func(from Side, in *Intent, _ Message) {
		if from != s && !b.reclaimed[in.ID] && in.Reserved.Base == "" && !slices.ContainsFunc(sources, in.fits) {
			list = append(list, in)
		}
	})
	return list
}

// candidates are the messages that the copy of an intent may be, where the side
// numbers them itself.
func (b *boxPlanner) candidates(in *Intent) (list []Message) {
	for _, m := range b.free(in.Side.Other()) {
		if in.Reserved.Base == "" && m.UID >= in.TargetUIDNext {
			list = append(list, m)
		}
	}
	return list
}

// recordOf returns the index of the record of a message, -1 where it has none.
func (b *boxPlanner) recordOf(s Side, uid UID) int {
	return slices.IndexFunc(b.box.Records, func(r RecordInput) bool { return r.UID[s] == uid })
}

// reclaimCopy makes the record that was not written. Unless it is sure, nothing
// is ever removed for it.
func (b *boxPlanner) reclaimCopy(s Side, source, copied Message, sure bool) {
	o := s.Other()
	if i := b.recordOf(s, source.UID); i >= 0 { // it was being sent again
		if !sure {
			b.box.Records[i].State[s] = Held
		}
		b.rebindRecord(o, i, copied)
		return
	}
	b.claimed[o][copied.UID] = true
	r := RecordInput{Record: Record{Mailbox: b.box.Name, Base: [2]Flags{copied.Flags, copied.Flags}}}
	r.UID[s], r.UID[o] = source.UID, copied.UID
	if !sure {
		r.State[s] = Held
	}
	r.Seen[s], r.Seen[o] = Sighting{Gone, source, source.Flags}, Sighting{Present, copied, copied.Flags}
	b.box.Records = append(b.box.Records, r)
	b.settled = append(b.settled, false)
	b.stored = append(b.stored, r.Record)
	a := Action{Kind: Pair, Mailbox: b.box.Name, UID: r.UID, Message: source, Partner: &copied, Record: r.Record}
	if s == Near {
		a.Message, a.Partner = copied, &source
	}
	b.made[len(b.box.Records)-1] = len(b.plan.Actions)
	b.add(a)
}
