package mirror

import (
	"errors"
)

// breaksOff is the reason of a message at which a server ended the connection.
const breaksOff = "the server broke the connection at this message"

// breaksSent is the reason of a message that a server ended the connection at when
// it was sent there.
const breaksSent = "the server broke the connection as this message was sent to it"

// brokenAt notes a message of s at which the connection was lost. The next run
// tries it again, after all others; where the connection is lost at it once more,
// it is kept aside like any other that cannot pass, so that it blocks only itself.
func (x *run) brokenAt(s Side, b *box, uid UID, c *Changes) {
	q := x.quarantined(s, b, uid, breaksOff)
	if q.Tries == 1 {
		q.Next = x.Now()
	}
	c.Quarantine = append(c.Quarantine, q)
	if q.Tries > 1 {
		x.problem(Problem{s, b.name, uid, breaksOff})
	}
}

// brokeBefore reports whether the connection was lost at a message the last time
// that it was tried.
func (x *run) brokeBefore(b *box, s Side, uid UID) bool {
	q := x.rowAside(b, s, uid)
	return q != nil && q.broke()
}

func (q Quarantined) broke() bool { return q.Reason == breaksOff || q.Reason == breaksSent }

// brokeAsWritten notes the first message of a batch that was sent without an
// answer when the target was lost. Whether it arrived is found out by the next run,
// so that its row makes nothing wait yet: see breaksAlways.
func (t *batch) brokeAsWritten(results map[UID]Appended, through map[UID]*carried, readErr, writeErr error) {
	if !errors.Is(writeErr, ErrCut) || errors.Is(readErr, ErrCut) || t.ended != nil || t.closed {
		return
	}
	for _, uid := range t.order {
		r, answered := results[uid]
		uncertain := !answered || sentAway(r.Err) && !errors.Is(r.Err, ErrNotDone)
		if sent := through[uid]; !uncertain || sent == nil || sent.readErr != nil {
			continue
		}
		if !t.b.paired(t.from, uid) {
			q := t.quarantined(t.from, t.b, uid, breaksSent)
			q.Next = t.Now()
			t.changes.Quarantine = append(t.changes.Quarantine, q)
		}
		return
	}
}

// breaksAlways reports whether two runs or more were cut as they sent what a is to
// send once more: by now it is certain that none of these copies is there.
func (e *effects) breaksAlways(g group, a Action) bool {
	q := e.rowAside(e.box(g.mailbox), g.side.Other(), a.Message.UID)
	return q != nil && q.Reason == breaksSent && q.Tries >= 2 && a.Intent != 0
}

// pauseSending keeps such a message aside. A copy of it that comes later is a ghost.
func (e *effects) pauseSending(g group, a Action) error {
	from := g.side.Other()
	row := *e.rowAside(e.box(g.mailbox), from, a.Message.UID)
	row.Next = e.Now().Add(row.pause())
	c := Changes{Quarantine: []Quarantined{row}}
	e.sentAgain(g.side, &a, &c)
	e.problem(Problem{from, g.mailbox, a.Message.UID, breaksSent})
	return e.commit(&c)
}

// broke finds the message at which the source of a batch was lost.
func (t *batch) broke(through map[UID]*carried, readErr error) {
	if !errors.Is(readErr, ErrCut) || t.ended != nil {
		return
	}
	for _, uid := range t.order {
		if c := through[uid]; c == nil || c.readErr != nil {
			if t.b.paired(t.from, uid) {
				return
			}
			t.brokenAt(t.from, t.b, uid, &t.changes)
			return
		}
	}
}

// parted returns the messages that the target refused, without a reason of their
// own, right before it ended the connection. A server that shuts down, or has
// waited for too long, says NO and then BYE: that is not the messages' fault.
func (t *batch) parted(results map[UID]Appended, writeErr error) (list []UID) {
	if !sentAway(writeErr) || t.ended != nil {
		return nil
	}
	for _, uid := range t.order {
		r, answered := results[uid]
		notDone := errors.Is(r.Err, ErrNotDone)
		switch {
		case notDone && errors.Is(r.Err, ErrCut) && len(list) == 0:
			return []UID{uid}
		case !answered, sentAway(r.Err), errors.Is(r.Err, ErrTogether):
			return list
		case notDone && errors.Is(r.Err, ErrRefused):
			list = append(list, uid)
		default:
			list = nil
		}
	}
	return list
}

// sentAway reports whether err is the end of a connection, whatever the server said
// of it.
func sentAway(err error) bool { return isAny(err, ErrCut, ErrThrottled, ErrUnreachable) }

// brokeAsSent leaves a message to the next run that the target refused as it
// ended the connection. The last one of these is where the connection was lost.
func (t *batch) brokeAsSent(uid UID) {
	t.b.incomplete = true
	if last := t.parting[len(t.parting)-1]; uid == last && !t.b.paired(t.from, uid) {
		t.brokenAt(t.from, t.b, uid, &t.changes)
	}
}

// brokeWhileRead keeps what was read before the connection was lost, so that
// the next run need not begin anew, and notes the message at which it was.
func (x *run) brokeWhileRead(b *box, need Need, results []Identified, err error) error {
	if !errors.Is(err, ErrCut) {
		return nil
	}
	var c Changes
	side := &b.sides[need.Side]
	b.noteMailbox(need.Side, &c)
	read := map[UID]bool{}
	for _, r := range results {
		read[r.UID] = true
		if m := side.messages[r.UID]; r.Err == nil && m != nil {
			side.learn(r, need.Depth)
			x.readAgain(b, need.Side, r.UID, &c)
			c.Messages = append(c.Messages, MessageRow{need.Side, b.name, *m})
		}
	}
	for _, ref := range need.Refs {
		if read[ref.UID] {
			continue
		}
		if m := side.messages[ref.UID]; m != nil && !b.paired(need.Side, ref.UID) {
			c.Messages = append(c.Messages, MessageRow{need.Side, b.name, *m})
			x.brokenAt(need.Side, b, ref.UID, &c)
		}
		break
	}
	if b.hidden {
		return nil
	}
	return x.commit(&c)
}
