package mirror

import (
	"context"
	"fmt"
)

// identify reads what a need asks for. A message that is no longer there or
// cannot be read is left out of this round.
func (x *run) identify(ctx context.Context, boxes []*box, need Need) error {
	b := findBox(boxes, need.Mailbox)
	handle, ok, err := x.handle(ctx, b, need.Side)
	if err != nil {
		return err
	}
	x.report(Event{Kind: Comparing, Side: need.Side, Mailbox: need.Mailbox, Count: len(need.Refs)})
	side := &b.sides[need.Side]
	left := map[UID]bool{}
	for _, ref := range need.Refs {
		left[ref.UID] = true
	}
	var results []Identified
	if ok {
		if results, err = handle.Identify(ctx, need.Refs, need.Depth); err != nil {
			if err := x.brokeWhileRead(b, need, results, err); err != nil {
				return err
			}
			if err := x.failMailbox(b, need.Side, "read messages", err); err != nil {
				return err
			}
		}
	}
	var c Changes
	for _, r := range results {
		if r.Err != nil {
			x.unreadable(b, need.Side, r, &c)
			continue
		}
		side.learn(r, need.Depth)
		x.readAgain(b, need.Side, r.UID, &c)
		delete(left, r.UID)
	}
	if need.Depth == Bodies && x.traits[need.Side].Numbers {
		x.result.Summary.Fetched += len(need.Refs) - len(left)
	}
	for uid := range left {
		side.unknown[uid], side.unreadable[uid] = true, true
		b.incomplete = true
	}
	return x.commit(&c)
}

// learn keeps an identity that was read.
func (s *boxSide) learn(r Identified, depth Depth) {
	m := s.messages[r.UID]
	if m == nil {
		return
	}
	object := m.Identity.ObjectID
	if depth == Bodies {
		m.Identity, m.Size = r.Identity, r.Size
	} else {
		m.Identity.Header, m.Identity.Key, m.Identity.Decisive, m.Identity.Foreign = r.Identity.Header, r.Identity.Key, r.Identity.Decisive, r.Identity.Foreign
	}
	if m.Identity.ObjectID == "" {
		m.Identity.ObjectID = object
	}
	s.learned[r.UID] = true
}

// unreadTries is how often in a row a message may fail to be read to be
// compared before it is left alone for a while.
const unreadTries = 3

// readingReason begins the reason of a message that could not be compared.
const readingReason = "it cannot be read to be compared: "

// unreadable notes a message that cannot be read to be compared. One that has a
// record stays what it was.
func (x *run) unreadable(b *box, s Side, r Identified, c *Changes) {
	x.problem(Problem{s, b.name, r.UID, fmt.Sprintf("read message: %v", r.Err)})
	m := b.sides[s].messages[r.UID]
	key := MessageKey{s, b.name, r.UID}
	if m == nil || b.paired(s, r.UID) || x.unreadOnce[key] {
		return
	}
	x.unreadOnce[key] = true
	b.noteMailbox(s, c)
	c.Messages = append(c.Messages, MessageRow{s, b.name, *m})
	q := x.quarantined(s, b, r.UID, readingReason+r.Err.Error())
	if q.Tries < unreadTries {
		q.Next = x.Now()
	}
	c.Quarantine = append(c.Quarantine, q)
}
