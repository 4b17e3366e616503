package mirror

import (
	"slices"
	"time"
)

// A run compares at least so many messages of a side in full, and so much that this
// many runs compare all (decision 006).
const (
	comparedMessages = 20_000
	comparedRuns     = 20
)

// stale reports whether a mailbox was not compared in full for so long that what its
// side says to have changed is not believed any more.
func (x *run) stale(row *MailboxRow) bool {
	recheck, age := x.traits[row.Side].Recheck, x.Now().Sub(row.Compared)
	return recheck != 0 && (age >= recheck || age < 0) // or the clock was put back
}

// anyStale reports whether any mailbox of a side is stale that takes part.
func (x *run) anyStale(s Side) bool {
	return slices.ContainsFunc(x.snapshot.Mailboxes, func(row MailboxRow) bool {
		return row.Side == s && x.selects(row.Name) && x.stale(&row)
	})
}

// chooseCompared chooses the mailboxes that this round compares in full because
// they are stale: those that were compared longest ago.
func (x *run) chooseCompared(boxes []*box) {
	for _, s := range Sides {
		var stale []*boxSide
		total := 0
		for _, b := range boxes {
			side := &b.sides[s]
			if side.row == nil || b.hidden {
				continue
			}
			total += side.size()
			if (side.exists() || b.sides[s.Other()].exists()) && x.stale(side.row) {
				stale = append(stale, side)
			}
		}
		slices.SortStableFunc(stale, func(a, b *boxSide) int { return a.row.Compared.Compare(b.row.Compared) })
		left := max(comparedMessages, total/comparedRuns)
		for _, side := range stale {
			if left <= 0 {
				break
			}
			side.compare = true
			left -= max(side.size(), 1)
		}
	}
}

// size is the number of messages, as far as the listing or the state tells.
func (s *boxSide) size() int {
	if s.listed != nil && s.listed.Status != nil {
		return int(s.listed.Status.Messages)
	}
	return int(s.row.Checkpoint.Messages)
}

// compared notes in a row, which is about to be stored, when this round compared its
// mailbox in full or found it missing. Where that alone is new it is noted once it is
// due; then also where it failed, so that a mailbox that can never be compared keeps
// no other from its turn.
func (x *run) compared(side *boxSide, row *MailboxRow) {
	full := !side.exists() || side.view != nil && side.view.Full
	if full && row.Checkpoint != side.row.Checkpoint || (full || side.compare) && x.stale(row) {
		row.Compared = x.Now().UTC().Truncate(time.Second)
	}
}
