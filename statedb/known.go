package statedb

import (
	"database/sql"
	"math"

	"mailtwin/mirror"
)

// Rows returns how many messages a mailbox has on a side, from its tally, and the
// highest UID among them. Where one cannot be with the other it is
// mirror.ErrStateBroken.
func (d *DB) Rows(side mirror.Side, mailbox mirror.Name) (count int, last mirror.UID, err error) {
	err = d.of(mirror.MailboxKey{Side: side, Name: mailbox}, func(f *file, id int64) (err error) {
		count, last, err = f.messageRows(id)
		return err
	})
	return count, last, err
}

const selectLast = "SELECT ifnull(max(uid), 0) FROM message WHERE mailbox = ?"

func (f *file) messageRows(id int64) (count int, last mirror.UID, err error) {
	stored, err := f.tally(tallyKey{messageTable.kind, id})
	if err != nil {
		return 0, 0, err
	}
	stmt, err := f.prepare(selectLast)
	if err != nil {
		return 0, 0, explain("read message", err)
	}
	var highest int64
	if err := stmt.QueryRow(id).Scan(&highest); err != nil {
		return 0, 0, explain("read message", err)
	}
	// UIDs begin with 1 and none is there twice.
	if highest < stored.rows || highest > math.MaxUint32 || (highest == 0) != (stored.rows == 0) {
		return 0, 0, broken("table message ends with UID %d where there were %d rows", highest, stored.rows)
	}
	return int(stored.rows), mirror.UID(highest), nil
}

// Known returns what a view is compared with, of the messages of a mailbox on a
// side, in ascending UID order. It reads a few columns of each row, because all of
// them cost seven times as much, and so compares no checksum: that a row was lost
// is mirror.ErrStateBroken, that one was damaged shows where it is read whole.
func (d *DB) Known(side mirror.Side, mailbox mirror.Name) (list []mirror.KnownMessage, err error) {
	err = d.of(mirror.MailboxKey{Side: side, Name: mailbox}, func(f *file, id int64) (err error) {
		list, err = f.known(id)
		return err
	})
	return list, err
}

const selectKnown = "SELECT uid, base, flags FROM message WHERE mailbox = ? ORDER BY uid"

func (f *file) known(id int64) ([]mirror.KnownMessage, error) {
	stored, err := f.tally(tallyKey{messageTable.kind, id})
	if err != nil {
		return nil, err
	}
	rows, err := f.query(messageTable, selectKnown, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list, err := scanKnown(rows, make([]mirror.KnownMessage, 0, stored.rows))
	if err == nil && int64(len(list)) != stored.rows {
		err = broken("table message has %d rows where there were %d", len(list), stored.rows)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// scanKnown adds rows of selectKnown to list.
func scanKnown(rows *sql.Rows, list []mirror.KnownMessage) ([]mirror.KnownMessage, error) {
	// The driver boxes a number anyway; of text and octets these keep no copy.
	var uid any
	var base, flags sql.RawBytes
	into := []any{&uid, &base, &flags}
	parsed := parsedFlags{}
	left := span{1, math.MaxUint32}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, explain("read message", err)
		}
		if !left.take(uid) {
			return nil, broken("table message has a row out of its place")
		}
		ref := mirror.Ref{UID: mirror.UID(left.first - 1), Base: string(base)}
		list = append(list, mirror.KnownMessage{Ref: ref, Flags: parsed.of(flags)})
	}
	return list, explain("read message", rows.Err())
}
