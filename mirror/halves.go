package mirror

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// halfTime is how long a removal waits for a message that cannot be read.
const halfTime = longPause

// half lists the messages of s that may be the second half of a move whose first
// half, a message that is gone, was seen already: those that nobody could read, in
// this run or in an earlier one that kept them aside, and those for which a move
// failed in this run. What was kept aside for longer than halfTime is no reason to
// wait any more: it may never be read.
func (x *run) half(b *box, s Side, taken map[UID]bool) (list []Message) {
	side := &b.sides[s]
	unread := maps.Clone(side.unreadable)
	for _, q := range x.snapshot.Quarantine {
		if m := side.messages[q.UID]; q.Side == s && q.Mailbox == b.name && m != nil && !b.visited && !m.Identity.Header.Known() {
			unread[q.UID] = true
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(unread)) {
		m, q := side.messages[uid], x.rowAside(b, s, uid)
		if m != nil && !taken[uid] && !b.paired(s, uid) && (q == nil || x.mayBeHalf(*q)) {
			list = append(list, *m)
		}
	}
	for key, m := range x.unmoved {
		if key.Side == s && key.Mailbox == b.name {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Message) int { return cmp.Compare(a.UID, b.UID) })
	return list
}

// blindMoves returns the moves and removals that were interrupted, and whose source
// is in a mailbox that this round does not look into, or not on both sides.
func (x *run) blindMoves(boxes []*box) (list []Intent) {
	for _, in := range x.snapshot.Intents {
		source := findBox(boxes, in.Mailbox)
		blind := source == nil || !source.visited || source.sides[Far].blocked != "" || source.sides[Near].blocked != ""
		if (in.Kind == MoveIntent || in.Kind == RemoveIntent) && in.Target != "" && blind {
			list = append(list, in)
		}
	}
	return list
}

// holdArrivals leaves alone what a blind move may have made in b, and what that may
// be paired with: once they are a pair, the source would count as removed.
func (x *run) holdArrivals(in Intent, b *box, s Side, set map[UID]bool) {
	if in.Target != b.name || !b.visited {
		return
	}
	from := UID(0)
	if s == in.Side && x.traits[s].Numbers {
		from = in.TargetUIDNext
	}
	b.holdSize(s, in.Size, from, set)
}

// holdSize leaves alone what has no record and some size, numbered from on.
func (b *box) holdSize(s Side, size int64, from UID, set map[UID]bool) {
	for uid, m := range b.sides[s].messages {
		if m.Size == size && uid >= from && !set[uid] && !b.paired(s, uid) {
			set[uid], b.incomplete = true, true
		}
	}
}

// mayBeHalf reports whether a message that is kept aside is waited for.
func (x *run) mayBeHalf(q Quarantined) bool { return x.Now().Sub(q.Since) < halfTime }

// loadHalves reads the part of the state in which messages stand that are waited
// for, or whose copies are, in the mailboxes that this round does not visit.
func (x *run) loadHalves(boxes []*box) error {
	for _, b := range boxes {
		waitedFor := slices.ContainsFunc(x.snapshot.Quarantine, func(q Quarantined) bool { return q.Mailbox == b.name && x.mayBeHalf(q) })
		sent := slices.ContainsFunc(x.snapshot.Intents, func(in Intent) bool { return in.Kind == GhostIntent && in.Target == b.name })
		if (waitedFor || sent) && !b.visited {
			if err := x.loadAside(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// waitsForHalf reports whether the message of r that is gone on s may have been
// moved to where nobody could read it yet, or follow: one that is there has its
// name or its size. Until it was read, or was kept aside for a week, nothing is
// removed or sent again for the one that is gone, and every run looks into its
// mailbox. After that the removal is carried out like any other, which loses
// nothing: what cannot be read stays where it is.
func (b *boxPlanner) waitsForHalf(s Side, r RecordInput) bool {
	gone := r.Seen[s].Message
	for _, to := range b.boxes {
		for _, m := range to.box.Half[s] {
			if mayBecome(gone, m) {
				b.nextRun(b.box.Name)
				b.problem(s, to.box.Name, m.UID, fmt.Sprintf("it may have been moved here from %q, which cannot be followed yet", b.box.Name.String()))
				return true
			}
		}
	}
	return false
}

// mayBecome reports whether a message that is gone may be one that nobody could
// read. A size of zero is not known; a move need not keep the date.
func mayBecome(gone, unread Message) bool {
	return gone.Base != "" && gone.Base == unread.Base || gone.Size == unread.Size || unread.Size == 0
}
