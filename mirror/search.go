package mirror

// Criteria are what a side is asked to search for: search keys of RFC 9051 §6.4.4, and
// YOUNGER and OLDER of RFC 5032. They bound what is copied, as Window does. The zero
// value searches for nothing, and everything is copied.
type Criteria struct {
	// Text is the list of keys, parted by single spaces, in UTF-8. Strings are in
	// quotes, with a \ before each " and \ in them, and hold no line end and no NUL.
	Text string
	// Within says that YOUNGER or OLDER is among them.
	Within bool
}

// Search asks a side, together with a view, which of its messages without a record match.
type Search struct {
	Criteria
	// Among are the known messages that are asked about, in ascending order. New ones
	// are asked about as well.
	Among []UID
}

// searches reports whether what is copied from a side is bounded by a search of it.
func (x *run) searches(s Side) bool {
	return s == Far && x.Policy.Search.Text != "" && x.Policy.New.Allows(Near)
}

// searchOf returns what a view of a side is to search for, nil for nothing. The messages
// of a mailbox are loaded, or all that have no record.
func (x *run) searchOf(b *box, s Side) *Search {
	if !x.searches(s) {
		return nil
	}
	return &Search{x.Policy.Search, b.withoutRecord(s)}
}

// mustSearch reports whether a mailbox is to be searched though its status is that of the
// checkpoint: it was searched for something else, or the other side was renumbered and is
// not paired again in full. What it found last holds in all other cases.
func (x *run) mustSearch(b *box, s Side) bool {
	if !x.searches(s) {
		return false
	}
	other := b.sides[s.Other()].row
	return x.newSettings() || other != nil && other.Checkpoint.UIDNext == 0
}

// find notes what a search found, of messages that were asked about or not.
func (s *boxSide) find(uids []UID) {
	if s.found == nil {
		s.found = make(map[UID]bool, len(uids))
	}
	for _, uid := range uids {
		s.found[uid] = true
	}
}

// keepWanted notes that messages whose records are forgotten with a renumbered side count
// as found on the other: they were copied once.
func (b *box) keepWanted(renumbered Side) {
	o := renumbered.Other()
	uids := make([]UID, 0, len(b.records))
	for i := range b.records {
		uids = append(uids, b.records[i].UID[o])
	}
	b.sides[o].find(uids)
}

// anew is a checkpoint that is no status of a mailbox, so that the next run looks into it.
// One that was never completed is none as it is.
func (c Checkpoint) anew() Checkpoint {
	if c.UIDNext == 0 {
		return c
	}
	return Checkpoint{UIDValidity: c.UIDValidity, UIDNext: c.UIDNext}
}
