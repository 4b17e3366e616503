package mirror

import (
	"cmp"
	"slices"
)

// rebind finds messages that are gone and there again under another UID or
// base name in the same mailbox: renamed by a Maildir program, or announced
// and then numbered anew.
func (b *boxPlanner) rebind() {
	for _, s := range Sides {
		b.rebindAnnounced(s)
		gone, index := b.goneOn(s, func(r RecordInput) bool { return !b.announced(s, r) })
		if len(gone) == 0 {
			continue
		}
		fresh := slices.DeleteFunc(b.fresh(s), func(m Message) bool { return b.mayBeOurs(s, m) })
		for _, m := range b.sameSide(s, b.placedGone(s, gone, index), b.placed(fresh)) {
			b.rebindRecord(s, index[m.a], fresh[m.b])
		}
	}
}

// mayBeOurs reports whether m, which is new on s, may be a copy that an open intent tells
// of: then it is to be paired with the source of that.
func (b *boxPlanner) mayBeOurs(s Side, m Message) bool {
	for _, in := range b.intents[s.Other()] {
		switch {
		case in.Kind != CopyIntent:
		case in.Reserved.Base != "":
			if m.Base == in.Reserved.Base {
				return true
			}
		case m.UID >= in.TargetUIDNext && in.fits(m):
			return true
		}
	}
	return false
}

// rebindBothGone finds messages of a Maildir that were renamed while they were
// moved on the other side. Their partners cannot be read: what is known of them
// must do, and the date must be the same. Where nothing was moved, what is there
// again was put back by somebody, and is new. What was being sent again is left to
// reclaim: its copy would be paired with a message that another record has.
func (b *boxPlanner) rebindBothGone() {
	for _, s := range Sides {
		if !b.in.Sides[s].Traits.Numbers {
			b.rebindBothGoneOn(s)
		}
	}
}

func (b *boxPlanner) rebindBothGoneOn(s Side) {
	for i, r := range b.box.Records {
		was, partner := r.Seen[s].Message, r.Seen[s.Other()].Message
		was.Identity, partner.Identity = completed(was.Identity, partner.Identity), completed(partner.Identity, was.Identity)
		was = b.forMatching(was)
		if b.settled[i] || r.Altered || b.sentAgain(s.Other(), r) || r.Seen[s].Sight != Gone || r.Seen[s.Other()].Sight != Gone || !was.Identity.Body.Known() && !was.Identity.Decisive {
			continue
		}
		fresh := slices.DeleteFunc(b.fresh(s), func(m Message) bool { return m.Size != was.Size || !m.Date.Equal(was.Date) })
		k, _ := b.findOne(sought{Message: was, gone: true}, s, b.placed(fresh))
		if k >= 0 && b.movedAway(s.Other(), partner) {
			b.rebindRecord(s, i, fresh[k])
		}
	}
}

// movedAway reports whether a message that is gone on s is new in another
// mailbox there. Of what a side changed as it stored it the size is not known, nor
// the content: Message-ID, Date and From must do then, as in sameKey.
func (b *boxPlanner) movedAway(s Side, gone Message) bool {
	changes := b.in.Sides[s].ChangesBytes
	for _, t := range b.moveTargets(s, "") {
		if t.at == b || !t.Date.Equal(gone.Date) || t.Size != gone.Size && (!changes || t.at.drafts()) {
			continue
		}
		if gone.Base != "" && t.Base == gone.Base {
			return true
		}
		if k, _ := b.findOne(sought{Message: gone, gone: true, byKey: t.Size != gone.Size}, s, []placed{t}); k >= 0 {
			return true
		}
	}
	return false
}

// announced reports whether r's copy on s was announced and never shown, or was
// being sent again when a run was interrupted.
func (b *boxPlanner) announced(s Side, r RecordInput) bool {
	return !r.State[s].shown() || b.sentAgain(s, r)
}

// sentAgain reports whether r's copy on s was being sent again.
func (b *boxPlanner) sentAgain(s Side, r RecordInput) bool {
	in := b.intentOf(s.Other(), r.UID[s.Other()])
	return in != nil && in.Kind == CopyIntent
}

// rebindAnnounced looks for copies that the side announced and does not show.
// Where the side changes what it is given, they are matched by Message-ID, Date
// and From as well; elsewhere these would also be a draft's next version.
func (b *boxPlanner) rebindAnnounced(s Side) {
	b.rebindTo(s, b.fresh, func(r RecordInput) bool { return b.sentAgain(s, r) })
	b.rebindTo(s, b.notMoved, func(r RecordInput) bool { return !r.State[s].shown() && !b.sentAgain(s, r) })
}

// notMoved is what is new on s without what may have been moved there: a copy that was
// announced and never shown is not sent again anyway, but a message that is gone and not
// found is removed on the other side.
func (b *boxPlanner) notMoved(s Side) []Message {
	list := b.fresh(s)
	if !b.in.Policy.New.Allows(s.Other()) || len(list) == 0 {
		return list
	}
	var gone []placed
	for _, from := range b.boxes {
		for _, g := range from.departures(s) {
			if r := from.box.Records[g.record]; !from.announced(s, r) {
				gone = append(gone, g)
			}
		}
	}
	moved := make([]bool, len(list))
	for _, m := range b.sameSide(s, gone, b.placed(list)) {
		moved[m.b] = true
	}
	var left []Message
	for i, m := range list {
		if !moved[i] {
			left = append(left, m)
		}
	}
	return left
}

// rebindTo binds the announced copies of such records as which says to those that they
// are, of what among lists.
func (b *boxPlanner) rebindTo(s Side, among func(Side) []Message, which func(RecordInput) bool) {
	gone, index := b.goneOn(s, which)
	if len(gone) == 0 {
		return
	}
	fresh := among(s)
	m := matchMessages(gone, fresh, !b.in.Sides[s].KeepsBytes)
	b.needPartners(s.Other(), b.placedGone(s, gone, index), m.needA)
	b.needs.add(s, b.box.Name, fresh, m.needB)
	if m.needs() {
		return
	}
	for _, pair := range m.pairs {
		b.rebindRecord(s, index[pair.a], fresh[pair.b])
	}
}

// goneOn lists the messages of records that are gone on s, present on the
// other side and such as which says, as they were known, with the index of
// their record.
func (b *boxPlanner) goneOn(s Side, which func(RecordInput) bool) (list []Message, index []int) {
	for i, r := range b.box.Records {
		if b.settled[i] || r.Seen[s].Sight != Gone || r.Seen[s.Other()].Sight != Present || !which(r) {
			continue
		}
		m, partner := r.Seen[s].Message, r.Seen[s.Other()].Message
		if b.sentAgain(s, r) { // what comes is like its source, whatever was there before
			m.Identity, m.Size = partner.Identity, partner.Size
		} else if !r.Altered {
			m.Identity = completed(m.Identity, partner.Identity)
		} else if b.announced(s, r) && !m.Identity.Body.Known() {
			continue // nobody can tell any more what it was
		}
		list = append(list, b.forMatching(m))
		index = append(index, i)
	}
	return list, index
}

// completed fills what is not known of an identity from its partner's.
func completed(id, partner Identity) Identity {
	if !id.Header.Known() {
		id.Header, id.Key, id.Decisive = partner.Header, partner.Key, partner.Decisive
	}
	if !id.Body.Known() {
		id.Body = partner.Body
	}
	return id
}

func (b *boxPlanner) rebindRecord(s Side, i int, m Message) {
	b.claimed[s][m.UID] = true
	r := &b.box.Records[i]
	old := r.Record
	if !r.State[s].shown() {
		r.Record = confirmFlags(r.Record, s, r.Seen[s].Was, m.Flags, b.box.Sides[s].Keeps)
	}
	r.State[s] = Confirmed
	r.UID[s] = m.UID
	r.Seen[s] = Sighting{Present, m, m.Flags}
	b.stored[i] = r.Record
	if k, ok := b.made[i]; ok { // this plan makes the record, or rebinds it on the other side
		a := &b.plan.Actions[k]
		if a.Kind == Pair {
			partner := r.Seen[Near].Message
			a.UID, a.Message, a.Partner = r.UID, r.Seen[Far].Message, &partner
		}
		a.Record = r.Record
		return
	}
	b.made[i] = len(b.plan.Actions)
	b.add(Action{Kind: Rebind, Side: s, Mailbox: b.box.Name, UID: old.UID, Message: m, Record: r.Record})
}

// adopt pairs equal messages that are new on both sides, also those that an
// interrupted run left behind.
func (b *boxPlanner) adopt() {
	if !b.bothOpen() {
		return
	}
	if len(b.box.Unpaired[Far]) == 0 || len(b.box.Unpaired[Near]) == 0 {
		b.ghosts()
		return
	}
	far, near := b.acceptedFirst(Far), b.acceptedFirst(Near)
	m := matchMessages(far, near, true)
	b.needs.add(Far, b.box.Name, far, m.needA)
	b.needs.add(Near, b.box.Name, near, m.needB)
	if m.needs() || b.needContents([2][]Message{Far: far, Near: near}, m.pairs) {
		return
	}
	for _, pair := range m.pairs {
		b.pairMessages([2]Message{far[pair.a], near[pair.b]}, pair.altered)
	}
	b.doubt(Far, far, m.doubtA)
	b.doubt(Near, near, m.doubtB)
	b.ghosts()
}

// needContents asks for the content of files whose header does not tell them from
// others, and whose partner the other side changed: once such a file has another name,
// only that tells it.
func (b *boxPlanner) needContents(lists [2][]Message, pairs []match) (needed bool) {
	for _, s := range Sides {
		if b.in.Sides[s].Traits.Numbers {
			continue
		}
		unknown := map[int]Depth{}
		for _, pair := range pairs {
			i := [2]int{pair.a, pair.b}[s]
			if id := lists[s][i].Identity; pair.altered && !id.Decisive && !id.Body.Known() {
				unknown[i] = Bodies
			}
		}
		b.needs.add(s, b.box.Name, lists[s], unknown)
		needed = needed || len(unknown) > 0
	}
	return needed
}

// acceptedFirst is free with those first whose copy the other side accepted:
// of several equal messages it is theirs that must be there. A copy that came too
// late, or whose source went away meanwhile, is paired with an equal message only,
// never with its next version.
func (b *boxPlanner) acceptedFirst(s Side) []Message {
	list, departed := b.free(s), b.departedTo(s)
	for i := range list {
		m := &list[i]
		likely := func(in *Intent) bool { return m.UID >= in.TargetUIDNext && in.fits(*m) }
		if b.box.Late[s][m.UID] || slices.ContainsFunc(departed, likely) {
			m.Identity.Key = Digest{}
		}
	}
	rank := func(m Message) int {
		if in := b.intentOf(s, m.UID); in != nil && in.Accepted {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Message) int { return rank(a) - rank(b) })
	return list
}

func (b *boxPlanner) pairMessages(m [2]Message, altered bool) {
	r := Record{Mailbox: b.box.Name, UID: [2]UID{m[Far].UID, m[Near].UID}, Base: b.basesOf(m), Altered: altered}
	for _, s := range Sides {
		b.claimed[s][m[s].UID] = true
	}
	b.add(Action{Kind: Pair, Mailbox: b.box.Name, UID: r.UID, Message: m[Far], Partner: &m[Near], Record: r})
	b.mergeInto(r, r, m)
}

// doubt quarantines messages of s that may or may not have a partner.
func (b *boxPlanner) doubt(s Side, list []Message, indexes []int) {
	for _, i := range indexes {
		if b.box.Quarantined[s][list[i].UID] {
			b.claimed[s][list[i].UID] = true
			continue
		}
		b.quarantine(s, list[i], "several messages on the other side share its Message-ID, Date and From; it is not sent, since it may be there already")
	}
}

func (b *boxPlanner) quarantine(s Side, m Message, reason string) {
	b.claimed[s][m.UID] = true
	b.add(Action{Kind: Quarantine, Side: s.Other(), Mailbox: b.box.Name, UID: uids(s, m.UID), Message: m, Reason: reason})
}

// ghosts finds copies that came after they were sent again, among what has no
// partner.
func (b *boxPlanner) ghosts() {
	for _, g := range b.box.Ghosts {
		s := g.Intent.Side.Other()
		find := b.ghostOf
		if !g.Source.Identity.Body.Known() && (g.Intent.Target != "" || !b.shows(g.Intent.Side, g.Intent.Source.UID)) {
			if in := b.intentOf(g.Intent.Side, g.Intent.Source.UID); g.Intent.Target == "" && (in == nil || in.Kind != CopyIntent) {
				continue // nobody can tell any more what it was
			}
			find = b.likelyGhost
		}
		ghost, ok := find(g, s)
		if !ok {
			continue
		}
		b.claimed[s][ghost.UID] = true
		b.add(Action{Kind: Ghost, Side: s, Mailbox: b.box.Name, UID: uids(s, ghost.UID), Message: ghost,
			Intent: g.Intent.ID, Reason: "the server finished this copy after it was sent again"})
	}
}

// ghostOf finds the copy that came after it was sent again: by content or, on a
// side that may change what it is given, by Message-ID, Date, From and
// INTERNALDATE. Elsewhere these would also be a draft's next version.
func (b *boxPlanner) ghostOf(g GhostInput, s Side) (ghost Message, ok bool) {
	var late, sameDate []Message
	for _, m := range b.free(s) {
		if m.UID >= g.Intent.TargetUIDNext {
			late = append(late, m)
			if m.Date.Equal(g.Intent.Date) {
				sameDate = append(sameDate, m)
			}
		}
	}
	if g.Intent.Target != "" { // a person may have copied it back
		late = sameDate
	}
	for _, try := range []struct {
		list  []Message
		byKey bool
	}{{late, false}, {sameDate, true}} {
		if try.byKey && b.in.Sides[s].KeepsBytes {
			break
		}
		source := sought{Message: b.forMatching(g.Source), side: g.Intent.Side, mailbox: cmp.Or(g.Intent.Target, b.box.Name), byKey: try.byKey}
		k, sure := b.findOne(source, s, b.placed(try.list))
		if !sure {
			break
		}
		if k >= 0 {
			return try.list[k], true
		}
	}
	return ghost, false
}

// likelyGhost finds it by size and date where nobody can tell any more what it
// was and the outcome of sending it again is not known either, or it was sent to
// another mailbox: among what has them, if that is no more than what was sent. Of
// several the first one counts.
func (b *boxPlanner) likelyGhost(g GhostInput, s Side) (ghost Message, ok bool) {
	same := slices.DeleteFunc(b.free(s), func(m Message) bool {
		return m.UID < g.Intent.TargetUIDNext || !g.Intent.fits(m)
	})
	sent := 0
	for _, in := range b.sentTo(s) {
		if in.Size == g.Intent.Size && in.Date.Equal(g.Intent.Date) {
			sent++
		}
	}
	if len(same) == 0 || len(same) > sent {
		return ghost, false
	}
	return same[0], true
}

// sentTo lists the copies that were sent to s and may appear there, ghosts and all.
func (b *boxPlanner) sentTo(s Side) (list []Intent) {
	for _, g := range b.box.Ghosts {
		list = append(list, g.Intent)
	}
	for _, in := range b.box.Intents {
		if in.Kind == CopyIntent {
			list = append(list, in)
		}
	}
	return slices.DeleteFunc(list, func(in Intent) bool { return in.Side.Other() != s })
}

// shows reports whether a message is there to be read.
func (b *boxPlanner) shows(s Side, uid UID) bool {
	return slices.ContainsFunc(b.box.Unpaired[s], func(m Message) bool { return m.UID == uid }) ||
		slices.ContainsFunc(b.box.Records, func(r RecordInput) bool { return r.UID[s] == uid && r.Seen[s].Sight == Present })
}
