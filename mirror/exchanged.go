package mirror

import "fmt"

// stopExchanged stops mailboxes of a side that numbers messages whose names belong to
// other ones now that the state knows as well: two were exchanged, or one took the name
// of another that was removed. Such a mailbox looks renumbered, and would be paired anew
// with the other one's partner, so that every letter stood twice. They rest for this run, and
// for all until the other side has the same names, or they have their own again.
//
// In a Maildir each file is found again by its own name, and followed as a move.
func (x *run) stopExchanged(visit []*box) {
	for _, s := range Sides {
		if !x.traits[s].Numbers {
			continue
		}
		o := s.Other()
		had := map[uint32][]*box{} // by the UIDVALIDITY that is not theirs any more
		for _, b := range visit {
			if side := &b.sides[s]; side.row != nil && (side.missing || side.view != nil && side.view.Renumbered) {
				had[side.row.Checkpoint.UIDValidity] = append(had[side.row.Checkpoint.UIDValidity], b)
			}
		}
		stops := map[*box]string{}
		for _, b := range visit {
			for _, was := range had[b.sides[s].latest().UIDValidity] {
				if was != b && b.holdsThose(was, s) && !b.holdsThose(was, o) {
					const remedy = "mailboxes have exchanged names; give them the same ones on the %s side, or their own ones here, and run again"
					stops[b] = fmt.Sprintf("it holds what %q held: "+remedy, was.name.String(), o)
					if stops[was] == "" {
						stops[was] = fmt.Sprintf("what it held stands in %q: "+remedy, b.name.String(), o)
					}
				}
			}
		}
		for b, reason := range stops {
			x.stop(b, s, reason)
		}
	}
}

// holdsThose reports whether a mailbox shows on a side what the state knows of another one
// that does not show it any more.
func (b *box) holdsThose(was *box, s Side) bool {
	side, other := &b.sides[s], &was.sides[s]
	if side.view == nil || side.row == nil || other.row == nil {
		return false
	}
	if side.view.Renumbered {
		return side.view.Checkpoint.UIDValidity == other.row.Checkpoint.UIDValidity && side.showsSome(other.old())
	}
	return side.showsFiles(other)
}

// old are the messages of the state.
func (s *boxSide) old() map[UID]*Message {
	if s.view != nil && s.view.Renumbered {
		return s.before
	}
	return s.messages
}

// showsSome reports whether some of these messages are shown under their UIDs, and no
// other ones are.
func (s *boxSide) showsSome(old map[UID]*Message) (some bool) {
	for uid, m := range old {
		if now := s.messages[uid]; now != nil {
			if now.Size != m.Size || !now.Date.Equal(m.Date) {
				return false
			}
			some = true
		}
	}
	return some
}

// showsFiles reports whether most messages of another mailbox are new here under the
// names of their files.
func (s *boxSide) showsFiles(other *boxSide) bool {
	here := map[string]bool{}
	for i := range s.view.New {
		here[s.view.New[i].Base] = true
	}
	n := 0
	for uid, m := range other.messages {
		if m.Base != "" && here[m.Base] && (other.missing || other.gone[uid]) {
			n++
		}
	}
	return 2*n > other.rows
}

// stop leaves a mailbox as the state knows it, and alone for this run: looked into by itself
// in a later round, it would not show what stopped it.
func (x *run) stop(b *box, s Side, reason string) {
	side := &b.sides[s]
	side.messages = side.old()
	side.before, side.view, side.handle = nil, nil, nil
	side.missing, side.blocked = false, reason
	x.stopped[MailboxKey{s, b.name}] = reason
}
