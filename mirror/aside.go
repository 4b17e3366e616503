package mirror

import (
	"slices"
	"strings"
	"time"
)

// Pauses between tries of a quarantined message: an hour, doubled up to a week.
const (
	firstPause = time.Hour
	longPause  = 7 * 24 * time.Hour
)

// avoid takes messages that are kept aside, and were never read, for ones that
// nobody can see: reading them to compare is what may not pass.
func (x *run) avoid(b *box, s Side, taken map[UID]bool) {
	for _, q := range x.snapshot.Quarantine {
		m := b.sides[s].messages[q.UID]
		if q.Side == s && q.Mailbox == b.name && !x.due(q) && m != nil && !taken[q.UID] && !m.Identity.Header.Known() {
			b.sides[s].unknown[q.UID], b.sides[s].unreadable[q.UID] = true, true
		}
	}
}

// due reports whether a quarantined message is to be tried again.
func (x *run) due(q Quarantined) bool { return !q.Next.IsZero() && !x.Now().Before(q.Next) }

// keptAside reports whether a message stands in quarantine, due or not.
func (x *run) keptAside(b *box, s Side, uid UID) bool {
	return slices.ContainsFunc(x.snapshot.Quarantine, func(q Quarantined) bool {
		return q.Side == s && q.Mailbox == b.name && q.UID == uid
	})
}

// quarantined returns the row of a message that cannot pass, with the pause
// grown since the last try.
func (x *run) quarantined(s Side, b *box, uid UID, reason string) Quarantined {
	now := x.Now()
	q := Quarantined{Side: s, Mailbox: b.name, UID: uid, Since: now}
	for _, old := range x.snapshot.Quarantine {
		if old.Side == s && old.Mailbox == b.name && old.UID == uid {
			q = old
		}
	}
	pause := firstPause << min(q.Tries, 10)
	q.Tries++
	q.Reason = reason
	q.Next = now.Add(min(pause, longPause))
	return q
}

// tentative reports whether a message is kept aside only because it could not
// be read a time or two. It is tried again with whatever else wants it.
func tentative(q Quarantined) bool {
	return strings.HasPrefix(q.Reason, readingReason) && q.Tries < unreadTries || q.Reason == breaksOff && q.Tries == 1
}

// readAgain takes a message out of quarantine that could be read after all.
func (x *run) readAgain(b *box, s Side, uid UID, c *Changes) {
	for _, q := range x.snapshot.Quarantine {
		if q.Side == s && q.Mailbox == b.name && q.UID == uid && (strings.HasPrefix(q.Reason, readingReason) || q.Reason == breaksOff) {
			c.DropQuarantine = append(c.DropQuarantine, MessageKey{s, b.name, uid})
		}
	}
}
