package mirrortest

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// every holds all UIDs.
var every = imap.UIDSet{{Start: 1, Stop: 1<<32 - 1}}

// Messages returns the messages of a mailbox by UID.
func (s *State) Messages(side mirror.Side, mailbox mirror.Name) ([]mirror.Message, error) {
	return s.MessagesIn(side, mailbox, every)
}

// Records returns the records of a mailbox by far UID.
func (s *State) Records(mailbox mirror.Name) ([]mirror.Record, error) {
	return s.RecordsIn(mirror.Far, mailbox, every)
}

// Rows counts the messages of a mailbox and returns the highest UID.
func (s *State) Rows(side mirror.Side, mailbox mirror.Name) (count int, last mirror.UID, err error) {
	list, err := s.Messages(side, mailbox)
	if len(list) > 0 {
		last = list[len(list)-1].UID
	}
	return len(list), last, err
}

// Known returns a part of Messages.
func (s *State) Known(side mirror.Side, mailbox mirror.Name) ([]mirror.KnownMessage, error) {
	var known []mirror.KnownMessage
	list, err := s.Messages(side, mailbox)
	for _, m := range list {
		known = append(known, mirror.KnownMessage{Ref: m.Ref, Flags: m.Flags})
	}
	return known, err
}

// MessagesIn returns those of Messages that are in set.
func (s *State) MessagesIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) ([]mirror.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []mirror.Message
	for key, m := range s.tables.messages {
		if key.Side == side && key.Mailbox == mailbox && set.Contains(key.UID) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b mirror.Message) int { return cmp.Compare(a.UID, b.UID) })
	return list, nil
}

// RecordsIn returns the records of a mailbox whose UIDs on a side are in set, by
// those.
func (s *State) RecordsIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) ([]mirror.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []mirror.Record
	for key, r := range s.tables.records {
		if key.Mailbox == mailbox && set.Contains(key.UID[side]) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b mirror.Record) int { return cmp.Compare(a.UID[side], b.UID[side]) })
	return list, nil
}

// Alike returns the records of messages that have m's object id or, where it has none,
// its size and date.
func (s *State) Alike(side mirror.Side, m mirror.Message) ([]mirror.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []mirror.Record
	for _, r := range s.tables.records {
		other, ok := s.tables.messages[mirror.MessageKey{Side: side, Mailbox: r.Mailbox, UID: r.UID[side]}]
		same := other.Size == m.Size && other.Date.Equal(m.Date)
		if id := m.Identity.ObjectID; id != "" {
			same = other.Identity.ObjectID == id
		}
		if ok && same {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b mirror.Record) int {
		return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.UID[mirror.Far], b.UID[mirror.Far]))
	})
	return list, nil
}
