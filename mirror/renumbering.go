package mirror

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// forgetRenumbered drops what the state holds of mailboxes whose UIDs no
// longer mean anything. Their messages are paired again by content.
func (x *run) forgetRenumbered(visit []*box) error {
	for _, b := range visit {
		for _, s := range Sides {
			side := &b.sides[s]
			if side.view == nil || !side.view.Renumbered || side.row == nil {
				continue
			}
			was, is := side.row.Checkpoint.UIDValidity, side.view.Checkpoint.UIDValidity
			if was != 0 || len(b.records) > 0 {
				what := fmt.Sprintf("UIDVALIDITY changed from %d to %d", was, is)
				if was == is {
					what = "UIDNEXT went back"
				}
				x.note("%s mailbox %q: %s; it is paired again by content, nothing is removed", s, b.name.String(), what)
			}
			// The new UIDVALIDITY goes with the first new rows, so that an
			// interrupted run is not taken for another renumbering.
			side.row.Checkpoint = Checkpoint{UIDValidity: is}
			c := Changes{Forget: []MailboxKey{{s, b.name}}, Mailboxes: []MailboxRow{*side.row}, Tombs: x.keptTombs(b, s), Quarantine: x.keptGhosts(b, s)}
			for _, t := range c.Tombs { // the next renumbering finds them by their rows
				c.Messages = append(c.Messages, MessageRow{s, b.name, *side.messages[t.UID]})
			}
			for _, q := range c.Quarantine {
				c.Messages = append(c.Messages, MessageRow{s, b.name, *side.messages[q.UID]})
			}
			x.forget(s, b.name, &c)
			if err := x.commit(&c); err != nil {
				return err
			}
			b.records, b.count = nil, 0
			x.snapshot.Tombs = append(x.snapshot.Tombs, c.Tombs...)
			x.snapshot.Quarantine = append(x.snapshot.Quarantine, c.Quarantine...)
		}
	}
	return nil
}

// keptTombs finds the messages of tombs under their new UIDs: still marked
// \Deleted, of the same size and date.
func (x *run) keptTombs(b *box, s Side) (kept []Tomb) {
	side := &b.sides[s]
	shown := map[look][]UID{}
	for _, m := range side.view.New {
		if m.Flags.Has(imap.FlagDeleted) {
			shown[lookOf(m)] = append(shown[lookOf(m)], m.UID)
		}
	}
	tombs := map[look][]Tomb{}
	for _, t := range x.snapshot.Tombs {
		if old := side.before[t.UID]; t.Side == s && t.Mailbox == b.name && old != nil {
			tombs[lookOf(*old)] = append(tombs[lookOf(*old)], t)
		}
	}
	for at, list := range tombs {
		if len(shown[at]) <= len(list) { // else one of them may be somebody else's
			for i, uid := range shown[at] {
				kept = append(kept, Tomb{s, b.name, uid, list[i].Since})
			}
		}
	}
	slices.SortFunc(kept, func(a, b Tomb) int { return cmp.Compare(a.UID, b.UID) })
	return kept
}

// keptGhosts finds the copies that came too late under their new UIDs. Messages of
// the same size and date keep their order; where some of them are gone, they must
// all be equal, so that any may stand for a ghost.
func (x *run) keptGhosts(b *box, s Side) (kept []Quarantined) {
	side := &b.sides[s]
	ghosts := map[UID]Quarantined{}
	for _, q := range x.snapshot.Quarantine {
		if q.Side == s && q.Mailbox == b.name && q.ghost() && side.before[q.UID] != nil {
			ghosts[q.UID] = q
		}
	}
	if len(ghosts) == 0 {
		return nil
	}
	before, now := map[look][]*Message{}, map[look][]UID{}
	for _, uid := range sortedUIDs(side.before) {
		m := side.before[uid]
		before[lookOf(*m)] = append(before[lookOf(*m)], m)
	}
	for _, m := range side.view.New {
		now[lookOf(m)] = append(now[lookOf(m)], m.UID)
	}
	for at, list := range before {
		lost := len(list) - len(now[at])
		if lost < 0 || lost > 0 && !sameBody(list) {
			continue // which is which, nobody can tell
		}
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(a, b *Message) int {
			if lost == 0 {
				return 0
			}
			_, ghostA := ghosts[a.UID]
			_, ghostB := ghosts[b.UID]
			return rank(ghostB) - rank(ghostA) // ghosts first: these are given up
		})
		for i, uid := range now[at] {
			if q, ok := ghosts[list[lost+i].UID]; ok {
				q.UID = uid
				kept = append(kept, q)
			}
		}
	}
	slices.SortFunc(kept, func(a, b Quarantined) int { return cmp.Compare(a.UID, b.UID) })
	return kept
}

func rank(ghost bool) int {
	if ghost {
		return 1
	}
	return 0
}

// sameBody reports whether messages are known to be equal.
func sameBody(list []*Message) bool {
	return !slices.ContainsFunc(list, func(m *Message) bool { return !m.Identity.Body.Known() || m.Identity.Body != list[0].Identity.Body })
}

// forget leaves what was about the old UIDs of a mailbox out of this round.
// What was on its way into the mailbox may have any UID now.
func (x *run) forget(s Side, name Name, c *Changes) {
	x.snapshot.Intents = slices.DeleteFunc(x.snapshot.Intents, func(in Intent) bool { return in.Side == s && in.Mailbox == name })
	for i := range x.snapshot.Intents {
		in := &x.snapshot.Intents[i]
		if side, target := in.goesTo(); side == s && target == name {
			in.TargetUIDNext = 0
			c.Intents = append(c.Intents, in)
		}
	}
	x.snapshot.Tombs = slices.DeleteFunc(x.snapshot.Tombs, func(t Tomb) bool { return t.Side == s && t.Mailbox == name })
	x.snapshot.Quarantine = slices.DeleteFunc(x.snapshot.Quarantine, func(q Quarantined) bool { return q.Side == s && q.Mailbox == name })
}
