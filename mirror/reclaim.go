package mirror

import "slices"

// reclaim finds copies of ours whose source went away before they were
// recorded. They become records of a message that is gone at its source, which
// the other rules then follow; without that they would count as new mail.
func (b *boxPlanner) reclaim() {
	for _, s := range Sides {
		for _, source := range b.box.Departed[s] {
			in := b.intentOf(s, source.UID)
			if in == nil || in.Kind != CopyIntent || !b.bothOpen() {
				continue
			}
			if m, sure := b.copyOf(in, source); m != nil {
				b.reclaimCopy(s, source, *m, sure)
			} else if b.uncertain(in) {
				b.plan.Waiting++
				b.add(Action{Kind: Wait, Side: s.Other(), Mailbox: b.box.Name, UID: uids(s, source.UID), Message: source, Intent: in.ID,
					Reason: "an earlier copy may still appear"})
			}
		}
	}
}

// copyOf finds the copy that an intent announced when its source can no longer
// be read: by the reserved name or, where the source had been read before, by
// content, which is sure; else by size and date, if one alone has them.
func (b *boxPlanner) copyOf(in *Intent, source Message) (copied *Message, sure bool) {
	to := in.Side.Other()
	var candidates []Message
	for _, m := range b.free(to) {
		if in.Reserved.Base != "" && m.Base == in.Reserved.Base {
			return &m, true
		}
		if in.Reserved.Base == "" && m.UID >= in.TargetUIDNext {
			candidates = append(candidates, m)
		}
	}
	if source.Identity.Body.Known() {
		found := matchMessages([]Message{source}, candidates, false)
		b.needs.add(to, b.box.Name, candidates, found.needB)
		if len(found.pairs) > 0 {
			return &candidates[found.pairs[0].b], true
		}
		return nil, false
	}
	same := slices.DeleteFunc(candidates, func(m Message) bool { return m.Size != in.Size || !m.Date.Equal(in.Date) })
	if len(same) != 1 {
		return nil, false
	}
	return &same[0], false
}

// reclaimCopy makes the record that was not written. Unless it is sure, nothing
// is ever removed for it.
func (b *boxPlanner) reclaimCopy(s Side, source, copied Message, sure bool) {
	o := s.Other()
	b.claimed[o][copied.UID] = true
	r := RecordInput{Record: Record{Mailbox: b.box.Name, Base: [2]Flags{copied.Flags, copied.Flags}}}
	r.UID[s], r.UID[o] = source.UID, copied.UID
	if !sure {
		r.State[s] = Held
	}
	r.Seen[s], r.Seen[o] = Sighting{Gone, source}, Sighting{Present, copied}
	b.box.Records = append(b.box.Records, r)
	b.settled = append(b.settled, false)
	b.stored = append(b.stored, r.Record)
	a := Action{Kind: Pair, Mailbox: b.box.Name, UID: r.UID, Message: source, Partner: copied, Record: r.Record}
	if s == Near {
		a.Message, a.Partner = copied, source
	}
	b.add(a)
}
