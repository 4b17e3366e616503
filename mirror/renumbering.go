package mirror

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// unpairedStamp stands in the checkpoint of a side that numbers messages, which has no
// stamps of its own, from a renumbering until a listing was applied in full.
const unpairedStamp = "renumbered"

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
			if x.traits[s].Numbers {
				side.row.Checkpoint.Stamps = unpairedStamp
			}
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
			b.keepWanted(s)
			b.records, b.restless, b.count = nil, nil, 0
			x.snapshot.Tombs = append(x.snapshot.Tombs, c.Tombs...)
			x.snapshot.Quarantine = append(x.snapshot.Quarantine, c.Quarantine...)
		}
	}
	return nil
}

// stopWindowed stops mailboxes that were renumbered, show a number of messages at which
// servers stop showing older ones, and do not show all that the state knows of them. What
// they hide has no partner by content, and would be sent to them again.
func (x *run) stopWindowed(visit []*box) {
	for _, b := range visit {
		for _, s := range Sides {
			side := &b.sides[s]
			v := side.view
			if v == nil || !v.Renumbered || side.row == nil || !x.traits[s].Numbers || !providerWindows[v.Total] && !providerWindows[v.Selected] {
				continue
			}
			shown := map[look]int{}
			for i := range v.New {
				shown[lookOf(v.New[i])]++
			}
			hidden := 0
			for _, m := range side.before {
				if shown[lookOf(*m)]--; shown[lookOf(*m)] < 0 {
					hidden++
				}
			}
			if hidden > 0 {
				x.stop(b, s, fmt.Sprintf("UIDVALIDITY changed, and it shows %d messages, a number at which servers stop showing older ones: the %d that it does not show"+
					" would be sent to it again; make the server show all of them, and run again", v.Total, hidden))
			}
		}
	}
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

// keptGhosts finds the copies that came too late under their new UIDs: messages of
// the same size and date keep their order, as long as none of them came or went.
func (x *run) keptGhosts(b *box, s Side) (kept []Quarantined) {
	side := &b.sides[s]
	before, now := map[look][]UID{}, map[look][]UID{}
	for _, uid := range sortedUIDs(side.before) {
		at := lookOf(*side.before[uid])
		before[at] = append(before[at], uid)
	}
	for _, m := range side.view.New {
		now[lookOf(m)] = append(now[lookOf(m)], m.UID)
	}
	for _, q := range x.snapshot.Quarantine {
		old := side.before[q.UID]
		if q.Side != s || q.Mailbox != b.name || !q.ghost() || old == nil {
			continue
		}
		was, is := before[lookOf(*old)], now[lookOf(*old)]
		if len(was) == len(is) { // else nobody can tell which is which
			q.UID = is[slices.Index(was, q.UID)]
			kept = append(kept, q)
		}
	}
	return kept
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
