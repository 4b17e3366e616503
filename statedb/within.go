package statedb

import (
	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// MessagesIn returns the messages of a mailbox on a side whose UIDs are in set, in
// ascending order. Every row that it returns matches its checksum and is one that
// was asked for; else it is mirror.ErrStateBroken. That a row was lost shows only
// where all are read or counted.
func (d *DB) MessagesIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) ([]mirror.Message, error) {
	var list []mirror.Message
	err := d.of(mirror.MailboxKey{Side: side, Name: mailbox}, func(f *file, id int64) error {
		return f.eachIn(messageTable, side, id, set, func(r *row) error {
			list = append(list, r.message())
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// RecordsIn returns the records of a mailbox whose UIDs on a side are in set, in
// ascending order of those. What holds for MessagesIn holds for it. Near ones are
// found by an index, which is in no checksum: a record that a damaged one does not
// lead to is missing, and shows in Records.
func (d *DB) RecordsIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) ([]mirror.Record, error) {
	var list []mirror.Record
	err := d.of(mirror.MailboxKey{Side: side, Name: mailbox}, func(f *file, id int64) error {
		return f.eachIn(recordTable, side, id, set, func(r *row) error {
			list = append(list, r.record(mailbox))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// eachIn calls use with each row of t, a table perMailbox, that a UID in set stands
// for in the mailbox id on side, by UID; see each.
func (f *file) eachIn(t *table, side mirror.Side, id int64, set imap.UIDSet, use func(*row) error) error {
	for _, uids := range set {
		if err := f.eachBetween(t, side, id, span{int64(uids.Start), int64(uids.Stop)}, use); err != nil {
			return err
		}
	}
	return nil
}

// eachBetween is eachIn for one range. Where each has a tally it goes by the rows'
// places: their order in the file, and the index of near UIDs, are in no checksum.
func (f *file) eachBetween(t *table, side mirror.Side, id int64, left span, use func(*row) error) error {
	rows, err := f.query(t, t.in[side], id, left.first, left.last)
	if err != nil {
		return err
	}
	defer rows.Close()
	at := t.place(side)
	_, err = t.scan(rows, func(r *row) error {
		if r.values[at] != any(id) || !left.take(r.values[at+1]) {
			return broken("a row of table %s is out of its place", t.name)
		}
		return use(r)
	})
	return err
}

// A span is the UIDs that may still come, from the first to the last of them.
type span struct{ first, last int64 }

// take reports whether uid, as a row has it, may come now; then only what is behind
// it may come next.
func (s *span) take(uid any) bool {
	n, ok := uid.(int64)
	if !ok || n < s.first || n > s.last {
		return false
	}
	s.first = n + 1
	return true
}
