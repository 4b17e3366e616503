package mirror

import (
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// loadBox reads a visited mailbox's part of the state: all of it or, where every
// record was left at rest, only what may have to be done whatever a view shows. What
// a view names is loaded then (decision 008).
func (x *run) loadBox(b *box, later bool) error {
	for _, s := range Sides {
		if err := x.countRows(b, s); err != nil {
			return err
		}
	}
	if !later && x.leftAtRest(b) {
		if err := x.loadLoose(b); err != nil || b.thin {
			return err
		}
	}
	return x.widen(b)
}

// countRows asks the state once how many messages a mailbox has on a side.
func (x *run) countRows(b *box, s Side) (err error) {
	side := &b.sides[s]
	if side.row == nil || side.counted {
		return nil
	}
	if side.rows, side.last, err = x.State.Rows(s, b.name); err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	side.counted = true
	return nil
}

// leftAtRest reports whether nothing can follow from a record of a mailbox that does
// not show in a view of this run. A small mailbox is read in full now and then all the
// same, so that damage shows.
func (x *run) leftAtRest(b *box) bool {
	if x.Full || x.snapshot.Fresh || x.newSettings() || x.unfinished(b.name) || x.Policy.Prune {
		return false
	}
	for _, s := range Sides {
		side := &b.sides[s]
		if side.row == nil || !side.row.AtRest || !b.usable(s) || side.compare && side.rows <= comparedMessages {
			return false
		}
	}
	return true
}

// loadLoose loads the messages that a view need not name: those that came since the
// last checkpoint on a side that numbers them, which are copies of ours to be
// confirmed, those that are kept aside, and those that have a tomb. Where that is much,
// or others have no record, which may be the partner of any that comes, b stays as it
// is.
func (x *run) loadLoose(b *box) error {
	for _, s := range Sides {
		side := &b.sides[s]
		set := x.aside(b, s)
		if next := max(side.row.Checkpoint.UIDNext, 1); x.traits[s].Numbers && next <= side.last {
			if side.isMuch(int(side.last-next) + 1) {
				return nil
			}
			set.AddRange(next, side.last)
		}
		if err := x.loadIn(b, s, set); err != nil {
			return err
		}
	}
	if err := x.loadPartners(b); err != nil {
		return err
	}
	b.thin = x.allUnpaired(b)
	return nil
}

// aside returns the UIDs of messages that are kept aside or have a tomb.
func (x *run) aside(b *box, s Side) (set imap.UIDSet) {
	for _, q := range x.snapshot.Quarantine {
		if q.Side == s && q.Mailbox == b.name {
			set.AddNum(q.UID)
		}
	}
	for _, t := range x.snapshot.Tombs {
		if t.Side == s && t.Mailbox == b.name {
			set.AddNum(t.UID)
		}
	}
	return set
}

// loadIn loads messages of a side that are not loaded yet.
func (x *run) loadIn(b *box, s Side, set imap.UIDSet) error {
	if len(set) == 0 {
		return nil
	}
	list, err := x.State.MessagesIn(s, b.name, set)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	b.sides[s].add(b.sides[s].messages, list)
	return nil
}

func (s *boxSide) add(to map[UID]*Message, list []Message) {
	for i := range list {
		if to[list[i].UID] == nil {
			to[list[i].UID] = &list[i]
		}
	}
}

// loadPartners loads the records of the messages that are loaded, and the other
// messages of these.
func (x *run) loadPartners(b *box) error {
	for _, s := range Sides {
		list, err := x.State.RecordsIn(s, b.name, Ranges(b.withoutRecord(s)))
		if err != nil {
			return fmt.Errorf("read state: %w", err)
		}
		b.records = append(b.records, list...)
	}
	slices.SortFunc(b.records, func(a, b Record) int { return int(int64(a.UID[Far]) - int64(b.UID[Far])) })
	for _, s := range Sides {
		var missing []UID
		for i := range b.records {
			if uid := b.records[i].UID[s]; b.sides[s].messages[uid] == nil {
				missing = append(missing, uid)
			}
		}
		slices.Sort(missing)
		if err := x.loadIn(b, s, Ranges(missing)); err != nil {
			return err
		}
	}
	return nil
}

// withoutRecord returns the messages that are loaded while their records are not.
func (b *box) withoutRecord(s Side) []UID {
	paired := make(map[UID]bool, len(b.records))
	for i := range b.records {
		paired[b.records[i].UID[s]] = true
	}
	return slices.DeleteFunc(sortedUIDs(b.sides[s].messages), func(uid UID) bool { return paired[uid] })
}

// allUnpaired reports whether all messages of the state are loaded that have no
// record.
func (x *run) allUnpaired(b *box) bool {
	for _, s := range Sides {
		side := &b.sides[s]
		loaded := len(side.messages)
		if side.view != nil {
			loaded -= len(side.view.New)
		}
		if loaded-len(b.records) != side.rows-b.count {
			return false
		}
	}
	return true
}

// widen loads what is not loaded yet of a mailbox.
func (x *run) widen(b *box) error {
	for _, s := range Sides {
		side := &b.sides[s]
		if side.row == nil {
			continue
		}
		list, err := x.State.Messages(s, b.name)
		if err != nil {
			return fmt.Errorf("read state: %w", err)
		}
		if side.before != nil {
			side.add(side.before, list)
		} else {
			side.add(side.messages, list)
		}
	}
	var err error
	if b.records, err = x.State.Records(b.name); err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	b.thin = false
	return nil
}

// loadAside loads what may have to be known of a mailbox that is not visited: what is
// kept aside in it, and the sources of copies that were sent again.
func (x *run) loadAside(b *box) error {
	for _, s := range Sides {
		if b.sides[s].row == nil {
			continue
		}
		if err := x.countRows(b, s); err != nil {
			return err
		}
		set := x.aside(b, s)
		for _, in := range x.snapshot.Intents {
			if in.Kind == GhostIntent && in.Side == s && in.Target == b.name {
				set.AddNum(in.Source.UID)
			}
		}
		if err := x.loadIn(b, s, set); err != nil {
			return err
		}
	}
	return x.loadPartners(b)
}

// take merges a view of a side into what is known, loading what it names.
func (x *run) take(b *box, s Side, v View) error {
	if b.thin && !v.Renumbered {
		var named []UID
		for _, m := range v.Changed {
			named = append(named, m.UID)
		}
		for _, list := range [][]Ref{v.Gone, v.Unknown} {
			for _, ref := range list {
				named = append(named, ref.UID)
			}
		}
		slices.Sort(named)
		if err := x.loadIn(b, s, Ranges(slices.Compact(named))); err != nil {
			return err
		}
	}
	lowest, err := x.lowest(b, s, v)
	if err == nil {
		b.sides[s].take(v, lowest)
	}
	return err
}

// lowest returns the UID below which a message that a view does not show may be there
// all the same: the lowest one shown, where the number of messages is one at which
// servers stop; else 0.
func (x *run) lowest(b *box, s Side, v View) (UID, error) {
	window := providerWindows[v.Total] || providerWindows[v.Selected]
	if !window || !x.traits[s].Numbers || len(v.Gone) == 0 || v.Renumbered {
		return 0, nil
	}
	known, err := x.knownTo(b, s).All()
	if err != nil {
		return 0, err
	}
	gone := make(map[UID]bool, len(v.Gone))
	for _, ref := range v.Gone {
		gone[ref.UID] = true
	}
	var lowest UID
	if len(v.New) > 0 {
		lowest = v.New[0].UID
	}
	i := slices.IndexFunc(known, func(m KnownMessage) bool { return !gone[m.UID] })
	if i >= 0 && (lowest == 0 || known[i].UID < lowest) {
		lowest = known[i].UID
	}
	return lowest, nil
}

// completeBoxes loads what belongs to the messages that the views named. What is
// loaded of a message without a record must be all there is: a record that is not
// found is damage.
func (x *run) completeBoxes(visit []*box) error {
	for _, b := range visit {
		switch {
		case !b.thin:
		case b.renumbered(), b.mostlyLoaded():
			if err := x.widen(b); err != nil {
				return err
			}
		default:
			if err := x.loadPartners(b); err != nil {
				return err
			}
			if !x.allUnpaired(b) {
				return fmt.Errorf("read state: %w: messages of mailbox %q lack their records, or records their messages", ErrStateBroken, b.name.String())
			}
		}
		x.findRestless(b)
	}
	return nil
}

func (b *box) mostlyLoaded() bool {
	return slices.ContainsFunc(b.sides[:], func(s boxSide) bool { return s.isMuch(len(s.messages)) })
}

// isMuch reports whether so many messages are to be read that reading all is as fast.
func (s *boxSide) isMuch(n int) bool { return s.rows > 100 && n > s.rows/4 }

func (b *box) renumbered() bool {
	return slices.ContainsFunc(b.sides[:], func(s boxSide) bool { return s.view != nil && s.view.Renumbered })
}

// stateRows are the messages of a mailbox on a side, read when they are asked for.
type stateRows struct {
	state State
	side  Side
	name  Name
	count int
}

// knownRows returns what a view of a side is compared with.
func (x *run) knownRows(b *box, s Side) KnownRows {
	if b.thin {
		return stateRows{x.State, s, b.name, b.sides[s].rows}
	}
	return KnownList(b.sides[s].knownMessages())
}

// Len implements KnownRows.
func (r stateRows) Len() int { return r.count }

// All implements KnownRows.
func (r stateRows) All() ([]KnownMessage, error) {
	list, err := r.state.Known(r.side, r.name)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return list, nil
}

// In implements KnownRows.
func (r stateRows) In(set imap.UIDSet) ([]KnownMessage, error) {
	messages, err := r.state.MessagesIn(r.side, r.name, set)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	list := make([]KnownMessage, len(messages))
	for i := range messages {
		list[i] = KnownMessage{messages[i].Ref, messages[i].Flags}
	}
	return list, nil
}
