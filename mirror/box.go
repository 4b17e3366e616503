package mirror

import (
	"maps"
	"slices"
)

// box is one mailbox in a round, on both sides.
type box struct {
	name  Name
	sides [2]boxSide
	// records are loaded when the box is visited, as far as thin has it; count is right
	// always.
	records []Record
	count   int
	visited bool
	// thin says that only those records, and those messages, are loaded from which
	// something may follow (decision 008).
	thin bool
	// restless are the records that are not at rest as the state knows them, of those
	// that are loaded; see Record.AtRest.
	restless map[RecordKey]bool
	// hidden mailboxes are not mirrored, see MailboxInput.
	hidden bool
	// incomplete says that something of what the views showed was not carried
	// out, so that their checkpoints must not be stored.
	incomplete bool
	// postponed says that all was carried out that this run may do, and that the
	// next run may do more.
	postponed bool
}

// boxSide is a mailbox on one side.
type boxSide struct {
	listed *Listed     // nil: not listed
	row    *MailboxRow // nil: never seen
	handle Mailbox     // nil: not opened
	known  *Known      // what the view of this round is compared with, once it is asked for
	view   *View       // nil: not looked at in this round
	// messages are those of the state and of the view together, by UID, as far as they
	// are loaded. The state has rows of them, the highest UID being last; counted says
	// that it was asked.
	messages map[UID]*Message
	rows     int
	last     UID
	counted  bool
	gone     map[UID]bool
	unknown  map[UID]bool
	// unreadable are those in unknown that could not be read, or must not be.
	unreadable map[UID]bool
	// learned are messages whose identity the state does not hold yet.
	learned map[UID]bool
	// compare says that the mailbox is compared in full whatever its status says.
	compare bool
	// was are the flags that the state knew of messages whose flags changed.
	was     map[UID]Flags
	blocked string
	// missing says that the side does not list the mailbox, which the state knows, and
	// did not open it either when it was asked for.
	missing bool
	// anew says that it counts as missing, though there is another mailbox of its name: see
	// findMadeAnew.
	anew bool
	// parent says that the side lists mailboxes below this one which are not among the
	// mailboxes of the run.
	parent bool
	// found are messages that a search found, or that were copied before; nothing else
	// without a record is copied where the side is searched
	found map[UID]bool
	// before are the messages of the state when the mailbox was renumbered.
	before map[UID]*Message
	// partial says that the view could not show everything, or showed what can be
	// noted later only: its checkpoint must not be stored.
	partial bool
}

// exists reports whether the side lists the mailbox as one that holds mail.
func (s *boxSide) exists() bool { return s.listed != nil && !s.listed.NoSelect }

// known returns the checkpoint of the state, with UIDNext raised above every
// UID that the state holds or has promised. The number of messages is not known then:
// it was that of another moment.
func (b *box) known(s Side, intents []Intent) Checkpoint {
	side := &b.sides[s]
	var c Checkpoint
	if side.row != nil {
		c = side.row.Checkpoint
	}
	counted := c.UIDNext
	if side.last != 0 {
		c.UIDNext = max(c.UIDNext, side.last+1)
	}
	for _, in := range intents {
		if side, target := in.goesTo(); side == s && target == b.name {
			c.UIDNext = max(c.UIDNext, in.Reserved.UID+1)
		}
	}
	if c.UIDNext != counted {
		c.Messages = 0
	}
	return c
}

// knownMessages returns what a view is compared with.
func (s *boxSide) knownMessages() []KnownMessage {
	list := make([]KnownMessage, 0, len(s.messages))
	for _, uid := range sortedUIDs(s.messages) {
		m := s.messages[uid]
		list = append(list, KnownMessage{m.Ref, m.Flags})
	}
	return list
}

// empty reports whether the side shows no message in the mailbox, as far as it said.
func (s *boxSide) empty() bool {
	switch {
	case !s.exists():
		return false
	case s.view != nil:
		return s.view.Total == 0 && len(s.view.Unknown) == 0
	}
	return s.unchanged() && s.rows == 0
}

// latest is the checkpoint that this round's view showed, or else the state's.
func (s *boxSide) latest() (c Checkpoint) {
	switch {
	case s.view != nil:
		c = s.view.Checkpoint
	case s.row != nil:
		c = s.row.Checkpoint
	}
	return c
}

func sortedUIDs[V any](m map[UID]V) []UID { return slices.Sorted(maps.Keys(m)) }

// providerWindows are the numbers of messages at which servers stop showing
// older ones.
var providerWindows = map[int]bool{1000: true, 2000: true, 5000: true, 10000: true}

// take merges a view into what was known. Known messages that it does not show are
// gone, but for those below lowest.
func (s *boxSide) take(v View, lowest UID) {
	s.view = &v
	s.find(v.Found)
	if v.Renumbered {
		s.before, s.messages, s.last = s.messages, map[UID]*Message{}, 0
	}
	for i := range v.New { // not copied: there may be a million
		s.messages[v.New[i].UID] = &v.New[i]
	}
	for _, c := range v.Changed {
		if m := s.messages[c.UID]; m != nil {
			s.was[c.UID] = m.Flags
			m.Flags = c.Flags
			if c.Base != "" {
				m.Base = c.Base
			}
		}
	}
	for _, ref := range v.Gone {
		if ref.UID < lowest {
			s.unknown[ref.UID] = true
		} else {
			s.gone[ref.UID] = true
		}
	}
	for _, ref := range v.Unknown {
		s.unknown[ref.UID] = true
		s.partial = true
	}
}

// usable reports whether messages can be mirrored from and to a side's mailbox.
func (b *box) usable(s Side) bool { return b.sides[s].exists() && b.sides[s].blocked == "" }

// sighting says what became of a message of a record. state is what the record
// says of it: what went away before this round is not there unless a view of
// this round shows it again.
func (s *boxSide) sighting(uid UID, state Confirmation) Sighting {
	m := s.messages[uid]
	switch {
	case m != nil && s.missing:
		return Sighting{Gone, *m, m.Flags}
	case m == nil || !s.exists():
		return Sighting{}
	case s.blocked != "" || s.unknown[uid]:
		return Sighting{Unknown, *m, m.Flags}
	case s.gone[uid] || (s.view == nil && (state == Held || state.departed())):
		return Sighting{Gone, *m, m.Flags}
	}
	was, changed := s.was[uid]
	if !changed {
		was = m.Flags
	}
	return Sighting{Present, *m, was}
}

// unpaired lists the messages that are there, without a record or a tomb.
func (s *boxSide) unpaired(taken map[UID]bool) []Message {
	var list []Message
	for _, uid := range sortedUIDs(s.messages) {
		if !taken[uid] && !s.gone[uid] && !s.unknown[uid] {
			list = append(list, *s.messages[uid])
		}
	}
	return list
}

// firstOfLast returns the lowest UID of the last n messages, 0 where there are no more
// or n is 0. Those that are not loaded are older than every message without a record.
func (s *boxSide) firstOfLast(n int) UID {
	if n == 0 || len(s.messages) <= n {
		return 0
	}
	var uids []UID
	for uid := range s.messages {
		if !s.gone[uid] && !s.unknown[uid] {
			uids = append(uids, uid)
		}
	}
	if len(uids) <= n {
		return 0
	}
	slices.Sort(uids)
	return uids[len(uids)-n]
}

// awaitsPairing reports whether a side was renumbered and nothing was paired
// again since.
func (b *box) awaitsPairing(s Side) bool {
	row := b.sides[s].row
	return row != nil && row.Checkpoint.Stamps == unpairedStamp && len(b.records) == 0
}

// rebind puts records in the place of those that they were: what is copied in
// this round must know whether the state has one.
func (b *box) rebind(now map[RecordKey]Record) {
	for i := range b.records {
		if r, ok := now[b.records[i].Key()]; ok {
			b.records[i] = r
		}
	}
}

// paired reports whether the state has a record of a message.
func (b *box) paired(s Side, uid UID) bool {
	return slices.ContainsFunc(b.records, func(r Record) bool { return r.UID[s] == uid })
}

// unread lists the messages without a record or a tomb that could not be read.
func (s *boxSide) unread(taken map[UID]bool) (list []Message) {
	for _, uid := range sortedUIDs(s.unreadable) {
		if m := s.messages[uid]; m != nil && !taken[uid] {
			list = append(list, *m)
		}
	}
	return list
}

// holds reports whether a UID is one that the state, or this round, knows already:
// it cannot be that of a new copy.
func (s *boxSide) holds(uid UID) bool { return uid <= s.last || s.messages[uid] != nil }

// ref completes a UID with the base name that a Maildir needs.
func (s *boxSide) ref(uid UID) Ref {
	if m := s.messages[uid]; m != nil {
		return m.Ref
	}
	return Ref{UID: uid}
}
