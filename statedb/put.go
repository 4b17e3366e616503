package statedb

import (
	"database/sql"
	"errors"
	"fmt"

	"mailtwin/mirror"
)

func (w *writer) puts(c *mirror.Changes) error {
	for _, m := range c.Mailboxes {
		if err := w.putMailbox(m); err != nil {
			return err
		}
	}
	if err := w.putMessages(c.Messages); err != nil {
		return err
	}
	if err := w.putRecords(c.Records); err != nil {
		return err
	}
	for _, t := range c.Tombs {
		id, err := w.id(t.Side, t.Mailbox)
		if err != nil {
			return fmt.Errorf("put tomb of message %d: %w", t.UID, err)
		}
		if err := w.put(tombTable, tombValues(id, t)...); err != nil {
			return err
		}
	}
	for _, q := range c.Quarantine {
		id, err := w.id(q.Side, q.Mailbox)
		if err != nil {
			return fmt.Errorf("put message %d in quarantine: %w", q.UID, err)
		}
		if err := w.put(quarantineTable, quarantineValues(id, q)...); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) putMessages(list []mirror.MessageRow) error {
	var rows byScope
	for i := range list {
		m := &list[i]
		id, err := w.id(m.Side, m.Mailbox)
		if err != nil {
			return fmt.Errorf("put message %d: %w", m.UID, err)
		}
		rows.add(mirror.MailboxKey{Side: m.Side, Name: m.Mailbox}, messageValues(id, m.Message))
	}
	return rows.put(w, messageTable)
}

// putRecords puts whole bulks of one mailbox at once, and what is left one by one.
func (w *writer) putRecords(list []mirror.Record) error {
	for len(list) > 0 {
		n := 1
		for n < min(bulk, len(list)) && list[n].Mailbox == list[0].Mailbox {
			n++
		}
		done := false
		if n == bulk {
			var err error
			if done, err = w.putRecordBulk(list[:n]); err != nil {
				return err
			}
		}
		for _, r := range list[:n] {
			if done {
				break
			}
			if err := w.putRecord(r); err != nil {
				return fmt.Errorf("put record of %q, far %d, near %d: %w", r.Mailbox, r.UID[mirror.Far], r.UID[mirror.Near], err)
			}
		}
		list = list[n:]
	}
	return nil
}

func (w *writer) putRecordBulk(list []mirror.Record) (done bool, err error) {
	var ids [2]int64
	for _, side := range mirror.Sides {
		if ids[side], err = w.id(side, list[0].Mailbox); err != nil {
			return false, nil // one by one it will be told which
		}
	}
	rows := make([][]any, len(list))
	for i, r := range list {
		rows[i] = recordValues(ids[mirror.Far], ids[mirror.Near], r)
	}
	done, err = w.putBulk(recordTable, rows)
	return done, explain("write record", err)
}

func (w *writer) putMailbox(m mirror.MailboxRow) error {
	key := mirror.MailboxKey{Side: m.Side, Name: m.Name}
	id, ok := w.ids[key]
	if !ok {
		last, err := w.one("SELECT ifnull(max(id), 0) FROM mailbox")
		if err != nil {
			return explain("read mailbox", err)
		}
		id = last + 1
		w.changeIDs()[key] = id
	}
	return w.put(mailboxTable, mailboxValues(id, m)...)
}

func (w *writer) putRecord(r mirror.Record) error {
	var ids [2]int64
	for _, side := range mirror.Sides {
		id, err := w.id(side, r.Mailbox)
		if err != nil {
			return err
		}
		ids[side] = id
	}
	err := w.put(recordTable, recordValues(ids[mirror.Far], ids[mirror.Near], r)...)
	if isConstraint(err) {
		return errors.Join(w.refused(r, ids), err)
	}
	return err
}

// refused says what is wrong with a record: a message of it is in another one, or
// is not there.
func (w *writer) refused(r mirror.Record, ids [2]int64) error {
	for _, side := range mirror.Sides {
		if err := w.unpaired(r, side, ids[side]); err != nil {
			return err
		}
	}
	return w.missing(r, ids)
}

// missing says which message of a record is not there.
func (w *writer) missing(r mirror.Record, ids [2]int64) error {
	for _, side := range mirror.Sides {
		_, found, err := w.crc(messageTable, []any{ids[side], num(r.UID[side])})
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("the %s message is not there", side)
		}
	}
	return nil
}

// otherRecord finds, by a message of one side, the UID that a record pairs it
// with.
var otherRecord = [2]string{
	mirror.Far:  "SELECT near_uid FROM record WHERE far_mailbox = ? AND far_uid = ?",
	mirror.Near: "SELECT far_uid FROM record WHERE near_mailbox = ? AND near_uid = ?",
}

// unpaired refuses a record whose message on a side is in another one.
func (w *writer) unpaired(r mirror.Record, side mirror.Side, mailbox int64) error {
	stmt, err := w.file.prepare(otherRecord[side])
	if err != nil {
		return explain("read record", err)
	}
	var partner mirror.UID
	err = stmt.QueryRow(mailbox, num(r.UID[side])).Scan(&partner)
	if errors.Is(err, sql.ErrNoRows) || err == nil && partner == r.UID[side.Other()] {
		return nil
	}
	if err != nil {
		return explain("read record", err)
	}
	return fmt.Errorf("the %s message is in a record with %d", side, partner)
}

// putIntents returns the id of each intent.
func (w *writer) putIntents(intents []*mirror.Intent) ([]int64, error) {
	if len(intents) == 0 {
		return nil, nil
	}
	// The sequence outlives the rows (AUTOINCREMENT).
	last, err := w.one("SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'intent'), 0)")
	if err != nil {
		return nil, explain("read intent", err)
	}
	ids := make([]int64, len(intents))
	rows := make([][]any, len(intents))
	for n, intent := range intents {
		ids[n] = intent.ID
		if intent.ID == 0 {
			ids[n] = last + 1
		}
		last = max(last, ids[n])
		rows[n] = intentValues(ids[n], intent)
	}
	return ids, w.putRows(intentTable, rows)
}

func (w *writer) putRun(run *mirror.RunRow) error {
	last, err := w.one("SELECT ifnull(max(id), 0) FROM run")
	if err != nil {
		return explain("read run", err)
	}
	values, err := runValues(last+1, run)
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return w.put(runTable, values...)
}
