package statedb

import (
	"slices"
	"strings"

	"mailtwin/mirror"
)

// bulk is how many rows one statement writes where there are many. The driver looks
// for each parameter among all of them, so that more would cost more again.
const bulk = 16

// A range of rows is looked at before a bulk is written if it is no wider than
// this many times the bulk.
const sparse = 16

// bulkStatements returns those for many rows of t that follow each other: which are
// there already, by their ordinal, with their checksums; and a bulk of rows, which
// replace others where replace is set.
func (t *table) bulkStatements(replace bool) (between, put string) {
	at := t.ordinal()
	between = "SELECT " + t.key[at] + ", crc FROM " + t.name + " WHERE " + t.key[at] + " BETWEEN ? AND ?"
	if at > 0 {
		between += " AND " + t.key[0] + " = ?"
	}
	row := t.insert[strings.LastIndexByte(t.insert, '('):]
	put = t.insert + strings.Repeat(", "+row, bulk-1)
	if replace {
		set := make([]string, 0, len(t.columns)+1)
		for _, column := range append(t.columns[:len(t.columns):len(t.columns)], "crc") {
			set = append(set, column+" = excluded."+column)
		}
		put += " ON CONFLICT DO UPDATE SET " + strings.Join(set, ", ")
	}
	return between, put
}

// ordinal is the place in the key of what counts rows up: a UID behind a mailbox,
// or an id.
func (t *table) ordinal() int { return min(1, len(t.key)-1) }

// putRows writes rows of one scope, in bulks where they stand close together, and
// what is left with one.
func (w *writer) putRows(t *table, rows [][]any, one func(row []any) error) error {
	for len(rows) > 0 {
		n := min(bulk, len(rows))
		done, err := w.putBulk(t, rows[:n])
		if err != nil {
			return explain("write "+t.name, err)
		}
		for i := 0; i < n && !done; i++ {
			if err := one(rows[i]); err != nil {
				return err
			}
		}
		rows = rows[n:]
	}
	return nil
}

// putBulk writes a bulk of rows with one statement. done is false, and nothing was
// written, where they must be put one by one.
func (w *writer) putBulk(t *table, rows [][]any) (done bool, err error) {
	if len(rows) < bulk {
		return false, nil
	}
	old, ok, err := w.between(t, rows)
	if err != nil || !ok || len(old) > 0 && t != messageTable {
		return false, err
	}
	key := tallyKey{t.kind, t.scope(rows[0])}
	change := w.change[key]
	args := make([]any, 0, bulk*(t.width()+1))
	for _, row := range rows {
		crc := t.checksum(row)
		ordinal, _ := row[t.ordinal()].(int64)
		if before, there := old[ordinal]; there {
			change.take(before)
		}
		old[ordinal] = crc
		change.add(crc)
		args = append(append(args, row...), crc)
	}
	if err := w.exec(t.bulk, args...); err != nil {
		if isConstraint(err) { // one by one it will be told which
			err = nil
		}
		return false, err
	}
	w.change[key] = change
	return true, nil
}

// between returns the checksums of the rows that are there from the first to the
// last of rows, by their ordinal. ok is false where that may be too many.
func (w *writer) between(t *table, rows [][]any) (old map[int64]int64, ok bool, err error) {
	at := t.ordinal()
	low, high := int64(-1), int64(-1)
	for _, row := range rows {
		ordinal, _ := row[at].(int64)
		if low < 0 || ordinal < low {
			low = ordinal
		}
		high = max(high, ordinal)
	}
	if high-low > sparse*bulk {
		return nil, false, nil
	}
	args := []any{low, high}
	if at > 0 {
		args = append(args, rows[0][0])
	}
	stmt, err := w.file.prepare(t.between)
	if err != nil {
		return nil, false, err
	}
	found, err := stmt.Query(args...)
	if err != nil {
		return nil, false, err
	}
	defer found.Close()
	old = make(map[int64]int64, len(rows))
	for found.Next() {
		var ordinal, crc int64
		if err := found.Scan(&ordinal, &crc); err != nil {
			return nil, false, err
		}
		old[ordinal] = crc
	}
	return old, true, found.Err()
}

// byScope sorts rows of many mailboxes by mailbox, each in its order. Rows are held
// by their index, and made into values a bulk at a time.
type byScope struct {
	order []mirror.MailboxKey
	rows  map[mirror.MailboxKey][]int
}

func (s *byScope) add(key mirror.MailboxKey, i int) {
	if s.rows == nil {
		s.rows = map[mirror.MailboxKey][]int{}
	}
	if s.rows[key] == nil {
		s.order = append(s.order, key)
	}
	s.rows[key] = append(s.rows[key], i)
}

// put writes the rows, of which values returns the values.
func (s *byScope) put(w *writer, t *table, values func(i int) []any, one func(key mirror.MailboxKey, row []any) error) error {
	rows := make([][]any, 0, bulk)
	for _, key := range s.order {
		for part := range slices.Chunk(s.rows[key], bulk) {
			rows = rows[:0]
			for _, i := range part {
				rows = append(rows, values(i))
			}
			if err := w.putRows(t, rows, func(row []any) error { return one(key, row) }); err != nil {
				return err
			}
		}
	}
	return nil
}
