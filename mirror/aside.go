package mirror

import (
	"strings"
	"time"
)

// Pauses between tries of a quarantined message: an hour, doubled up to a week.
// Where the connection was lost at it, that may well be the line's fault: minutes,
// four times as many at each further loss.
const (
	firstPause = time.Hour
	breakPause = 5 * time.Minute
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

// ghost reports whether q is a copy that came after it was sent again: it is never
// tried.
func (q Quarantined) ghost() bool { return q.Next.IsZero() }

// due reports whether a quarantined message is to be tried again.
func (x *run) due(q Quarantined) bool { return !q.ghost() && !x.Now().Before(q.Next) }

// keptAside reports whether a message stands in quarantine, due or not.
func (x *run) keptAside(b *box, s Side, uid UID) bool { return x.rowAside(b, s, uid) != nil }

// rowAside returns the row of a message that stands in quarantine, else nil.
func (x *run) rowAside(b *box, s Side, uid UID) *Quarantined {
	for i := range x.snapshot.Quarantine {
		if q := &x.snapshot.Quarantine[i]; q.Side == s && q.Mailbox == b.name && q.UID == uid {
			return q
		}
	}
	return nil
}

// quarantined returns the row of a message that cannot pass, with the pause
// grown since the last try.
func (x *run) quarantined(s Side, b *box, uid UID, reason string) Quarantined {
	now := x.Now()
	q := Quarantined{Side: s, Mailbox: b.name, UID: uid, Since: now}
	if old := x.rowAside(b, s, uid); old != nil {
		q = *old
	}
	q.Reason = reason
	q.Tries++
	q.Next = now.Add(q.pause())
	return q
}

// pause is how long a message is left alone after q.Tries tries, one at least.
func (q Quarantined) pause() time.Duration {
	pause := firstPause << min(q.Tries-1, 10)
	if q.broke() {
		pause = breakPause << min(2*max(q.Tries-2, 0), 12)
	}
	return min(pause, longPause)
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
