package mirror

import "github.com/emersion/go-imap/v2"

// flagPlan is what merging decided for one record.
type flagPlan struct {
	add, remove [2]Flags // to be stored
	record      Record   // once both are stored
}

// mergeFlags brings the flags of both sides together, per flag against the
// base: (now ∪ added there) \ removed there. Within a side, Masked flags count
// as if they were set; a flag that the side cannot store is masked instead of
// stored.
func mergeFlags(p Policy, r Record, now [2]Flags, keeps [2]Storable) flagPlan {
	var shown, want [2]Flags
	for _, s := range Sides {
		shown[s] = now[s].Union(r.Masked[s])
	}
	for _, s := range Sides {
		want[s] = wantedFlags(p, r, s, shown)
	}
	out := flagPlan{record: r}
	for _, s := range Sides {
		add := want[s].Minus(shown[s])
		gone := shown[s].Minus(want[s])
		out.add[s] = keeps[s].Only(add)
		out.remove[s] = gone.Intersect(now[s])
		out.record.Masked[s] = r.Masked[s].Union(add.Minus(out.add[s])).Minus(gone).Minus(now[s])
		out.record.Base[s] = want[s]
	}
	return out
}

// unmark takes \Deleted away where it is our own mark, wherever flags travel, and
// does not let it travel.
func (p *flagPlan) unmark(marked [2]bool, now [2]Flags) {
	deleted := MakeFlags(imap.FlagDeleted)
	for _, s := range Sides {
		if !marked[s] {
			continue
		}
		p.remove[s] = p.remove[s].Union(deleted)
		p.add[s.Other()] = p.add[s.Other()].Minus(deleted)
		for _, t := range Sides {
			if t == s || !now[t].Has(imap.FlagDeleted) {
				p.record.Base[t] = p.record.Base[t].Minus(deleted)
			}
		}
	}
}

// wantedFlags is what side s should show.
func wantedFlags(p Policy, r Record, s Side, shown [2]Flags) Flags {
	if !p.Flags.Allows(s) {
		return shown[s]
	}
	o := s.Other()
	if p.resets(s) {
		return shown[o]
	}
	added, removed := shown[o].Minus(r.Base[o]), r.Base[o].Minus(shown[o])
	return shown[s].Union(added).Minus(removed)
}

// pairBases returns bases for two messages found equal, such that merging
// unites their flags, and \Deleted only where both have it.
func pairBases(now [2]Flags) [2]Flags {
	common := now[Far].Intersect(now[Near])
	deletedFlag := MakeFlags(imap.FlagDeleted)
	var base [2]Flags
	for _, s := range Sides {
		base[s] = common.Union(now[s].Intersect(deletedFlag))
	}
	return base
}

// confirmFlags masks what is missing at the first sight of our own copy, of what
// it was stored with and of what the mailbox does not store: the side refused it, nobody
// removed it.
func confirmFlags(r Record, s Side, was, now Flags, keeps Storable) Record {
	missing := r.Base[s].Minus(now).Minus(r.Masked[s])
	r.Masked[s] = r.Masked[s].Union(missing.Intersect(was)).Union(missing.Minus(keeps.Only(missing)))
	r.State[s] = Confirmed
	return r
}

// onlyTouched reports whether flags changed in a way that does not save a
// message from being removed: nothing, or only \Seen or \Deleted added.
func onlyTouched(base, now Flags) bool {
	light := MakeFlags(imap.FlagSeen, imap.FlagDeleted)
	return base.Minus(now).Empty() && now.Minus(base).Minus(light).Empty()
}
