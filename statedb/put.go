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
	if err := w.putMarks(c); err != nil {
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
		if _, err := w.id(m.Side, m.Mailbox); err != nil {
			return fmt.Errorf("put message %d: %w", m.UID, err)
		}
		rows.add(mirror.MailboxKey{Side: m.Side, Name: m.Mailbox}, i)
	}
	values := func(i int) []any {
		m := &list[i]
		return messageValues(w.ids[mirror.MailboxKey{Side: m.Side, Name: m.Mailbox}], m.Message)
	}
	return rows.put(w, messageTable, values, func(_ mirror.MailboxKey, row []any) error { return w.put(messageTable, row...) })
}

func (w *writer) putRecords(list []mirror.Record) error {
	var rows byScope
	for i, r := range list {
		for _, side := range mirror.Sides {
			if _, err := w.id(side, r.Mailbox); err != nil {
				return fmt.Errorf("put record of far %d, near %d: %w", r.UID[mirror.Far], r.UID[mirror.Near], err)
			}
		}
		rows.add(mirror.MailboxKey{Side: mirror.Far, Name: r.Mailbox}, i)
	}
	values := func(i int) []any {
		name := list[i].Mailbox
		return recordValues(w.ids[mirror.MailboxKey{Side: mirror.Far, Name: name}], w.ids[mirror.MailboxKey{Side: mirror.Near, Name: name}], list[i])
	}
	return rows.put(w, recordTable, values, w.putRecord)
}

// putRecord puts one record, given as its values.
func (w *writer) putRecord(far mirror.MailboxKey, values []any) error {
	err := w.put(recordTable, values...)
	if isConstraint(err) {
		err = errors.Join(w.refused(values), err)
	}
	if err != nil {
		return fmt.Errorf("put record of %q, far %d, near %d: %w", far.Name, values[1], values[3], err)
	}
	return nil
}

// refused says what is wrong with a record: a message of it is in another one, or
// is not there.
func (w *writer) refused(values []any) error {
	messages := [2][]any{mirror.Far: values[:2], mirror.Near: values[2:4]}
	for _, side := range mirror.Sides {
		if err := w.unpaired(side, messages[side], messages[side.Other()][1]); err != nil {
			return err
		}
	}
	for _, side := range mirror.Sides {
		switch _, found, err := w.crc(messageTable, messages[side]); {
		case err != nil:
			return err
		case !found:
			return fmt.Errorf("the %s message is not there", side)
		}
	}
	return nil
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

// otherRecord finds, by a message of one side, the UID that a record pairs it
// with.
var otherRecord = [2]string{
	mirror.Far:  "SELECT near_uid FROM record WHERE far_mailbox = ? AND far_uid = ?",
	mirror.Near: "SELECT far_uid FROM record WHERE near_mailbox = ? AND near_uid = ?",
}

// unpaired refuses a record whose message on a side, given as mailbox and UID, is in
// one with another than partner.
func (w *writer) unpaired(side mirror.Side, message []any, partner any) error {
	stmt, err := w.file.prepare(otherRecord[side])
	if err != nil {
		return explain("read record", err)
	}
	var other int64
	err = stmt.QueryRow(message...).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) || err == nil && other == partner {
		return nil
	}
	if err != nil {
		return explain("read record", err)
	}
	return fmt.Errorf("the %s message is in a record with %d", side, other)
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
	return ids, w.putRows(intentTable, rows, func(row []any) error { return w.put(intentTable, row...) })
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
