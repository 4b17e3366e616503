package mirror

import "slices"

// holds finds what must not be sent in this plan because an interrupted effect
// may have made it, and the message that would tell could not be seen or read:
// nothing is decided on the unknown.
func (p *planner) holds() {
	for _, b := range p.boxes {
		for i := range b.box.Intents {
			in := &b.box.Intents[i]
			side, target := in.goesTo()
			if b.box.Unknown[in.Side][in.Source.UID] {
				p.held = append(p.held, hold{MailboxKey{side, target}, in.TargetUIDNext, in.Reserved.Base})
			}
			if in.Kind == CopyIntent && b.unreadFrom(side, in.TargetUIDNext) {
				p.sources[MessageKey{in.Side, b.box.Name, in.Source.UID}] = true
			}
			if in.Kind != CopyIntent && target != "" && b.partnerUnknown(in) {
				p.closed[MailboxKey{side, target}] = true
			}
		}
	}
}

// hold keeps messages of a mailbox from being sent: those from a UID on, or the
// one with a reserved name.
type hold struct {
	at   MailboxKey
	from UID
	base string
}

// unreadFrom reports whether s holds a message without a record, numbered from
// or later, that could not be seen or read.
func (b *boxPlanner) unreadFrom(s Side, from UID) bool {
	for uid := range b.unpairedUnknown(s) {
		if uid >= from {
			return true
		}
	}
	return false
}

// partnerUnknown reports whether the record of an intent's source has a message
// on the other side that was neither seen nor proved gone.
func (b *boxPlanner) partnerUnknown(in *Intent) bool {
	for _, r := range b.box.Records {
		if r.UID[in.Side] == in.Source.UID && r.Seen[in.Side.Other()].Sight == Unknown {
			return true
		}
	}
	return false
}

// onHold reports whether a message must not be sent to side in this plan.
func (b *boxPlanner) onHold(side Side, m Message) bool {
	from := side.Other()
	if b.closed[MailboxKey{side, b.box.Name}] || b.sources[MessageKey{from, b.box.Name, m.UID}] {
		return true
	}
	if b.box.Unsure[side] || slices.ContainsFunc(b.box.Unread[side], func(u Message) bool { return u.Date.Equal(m.Date) }) {
		b.problem(from, b.box.Name, m.UID, "it may be there already: a message of the same date cannot be read")
		return true
	}
	for _, h := range b.held {
		if h.at != (MailboxKey{from, b.box.Name}) {
			continue
		}
		if h.base != "" && h.base == m.Base || h.base == "" && m.UID >= h.from {
			return true
		}
	}
	return false
}
