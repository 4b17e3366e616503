package mirror

import "errors"

// breaksOff is the reason of a message at which a server ended the connection.
const breaksOff = "the server broke the connection at this message"

// brokenAt notes a message of s at which the connection was lost. The next run
// tries it again, after all others; where the connection is lost at it once more,
// it is kept aside like any other that cannot pass, so that it blocks only itself.
func (e *effects) brokenAt(s Side, b *box, uid UID, c *Changes) {
	q := e.quarantined(s, b, uid, breaksOff)
	if q.Tries == 1 {
		q.Next = e.Now()
	}
	c.Quarantine = append(c.Quarantine, q)
	if q.Tries > 1 {
		e.problem(Problem{s, b.name, uid, breaksOff})
	}
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
