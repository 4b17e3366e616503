package statedb

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mailtwin/mirror"
)

// A writer is one transaction. Until commit returns nil the file's ids stay as
// they were.
type writer struct {
	file *file
	// change is what to add to each tally.
	change map[tallyKey]tally
	ids    map[mirror.MailboxKey]int64 // the file's own until changeIDs
	own    bool
	// replaces says whether the last row that was put replaced one: the next one
	// most likely does what that did.
	replaces map[tallyKey]bool
}

func (f *file) begin() (*writer, error) {
	// Immediate: a lock that is held shows here and not in the middle.
	if err := f.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, explain("begin", err)
	}
	return &writer{file: f, change: map[tallyKey]tally{}, replaces: map[tallyKey]bool{}, ids: f.ids}, nil
}

// changeIDs returns the map to write mailbox ids to.
func (w *writer) changeIDs() map[mirror.MailboxKey]int64 {
	if !w.own {
		w.ids, w.own = maps.Clone(w.ids), true
	}
	return w.ids
}

// commit writes the tallies and ends the transaction. When it returns nil,
// everything written is durable; otherwise nothing is.
func (w *writer) commit() error {
	for key, change := range w.change {
		if err := w.writeTally(key, change); err != nil {
			return err
		}
	}
	if err := w.file.exec("COMMIT"); err != nil {
		return explain("commit", err)
	}
	w.file.ids = w.ids
	return nil
}

// rollback undoes everything after an error. It may fail itself where SQLite
// has rolled back already, or will when the file is next opened.
func (w *writer) rollback() { _ = w.file.exec("ROLLBACK") }

func (w *writer) exec(query string, args ...any) error {
	stmt, err := w.file.prepare(query)
	if err != nil {
		return err
	}
	_, err = stmt.Exec(args...)
	return err
}

// put writes a row given as key and columns, in place of one with that key.
func (w *writer) put(t *table, values ...any) error {
	crc := t.checksum(values)
	key := tallyKey{t.kind, t.scope(values)}
	replaced := w.replaces[key]
	if !replaced {
		added, err := w.add(t, values, crc)
		if err != nil {
			return explain("write "+t.name, err)
		}
		replaced = !added
	}
	change := w.change[key]
	if replaced {
		old, found, err := w.replace(t, values, crc)
		if err != nil {
			return explain("write "+t.name, err)
		}
		if replaced = found; found {
			change.take(old)
		}
	}
	change.add(crc)
	w.change[key], w.replaces[key] = change, replaced
	return nil
}

// add writes a row unless something stands in its place.
func (w *writer) add(t *table, values []any, crc int64) (added bool, err error) {
	stmt, err := w.file.prepare(t.add)
	if err != nil {
		return false, err
	}
	result, err := stmt.Exec(append(slices.Clip(values), crc)...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// replace writes a row in place of the one with its key, whose checksum it
// returns, or as a new one.
func (w *writer) replace(t *table, values []any, crc int64) (old int64, found bool, err error) {
	if old, found, err = w.crc(t, values[:len(t.key)]); err != nil {
		return 0, false, err
	}
	if !found {
		return 0, false, w.exec(t.insert, append(slices.Clip(values), crc)...)
	}
	columns := values[len(t.key):]
	args := append(append(append([]any{}, columns...), crc), values[:len(t.key)]...)
	return old, true, w.exec(t.update, args...)
}

// crc returns the checksum stored with the row of a key.
func (w *writer) crc(t *table, key []any) (crc int64, found bool, err error) {
	stmt, err := w.file.prepare(t.selectCRC)
	if err != nil {
		return 0, false, err
	}
	err = stmt.QueryRow(key...).Scan(&crc)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return crc, err == nil, err
}

// drop removes the rows of t that where describes, all of them in scope.
func (w *writer) drop(t *table, scope int64, where string, args ...any) error {
	stmt, err := w.file.prepare(t.remove(where))
	if err != nil {
		return explain("write "+t.name, err)
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return explain("write "+t.name, err)
	}
	defer rows.Close()
	key := tallyKey{t.kind, scope}
	change := w.change[key]
	// Read to the end: SQLite looks at foreign keys after the last row.
	for rows.Next() {
		var crc int64
		if err := rows.Scan(&crc); err != nil {
			return explain("write "+t.name, err)
		}
		change.take(crc)
	}
	w.change[key] = change
	return explain("write "+t.name, rows.Err())
}

// scope says which tally of the table counts a row.
func (t *table) scope(values []any) int64 {
	if !t.perMailbox {
		return 0
	}
	id, _ := values[0].(int64)
	return id
}

func (w *writer) writeTally(key tallyKey, change tally) error {
	if change == (tally{}) {
		return nil
	}
	now, err := w.file.tally(key)
	if err != nil {
		return err
	}
	now.rows += change.rows
	now.sum += change.sum
	if now.rows < 0 || now.rows == 0 && now.sum != 0 {
		return broken("the tally does not match what was dropped")
	}
	if now.rows == 0 {
		return explain("write tally", w.exec(dropTally, key.kind, key.scope))
	}
	return explain("write tally", w.exec(putTally, key.kind, key.scope, now.rows, now.sum, now.checksum(key)))
}

// id returns the id of a mailbox that must have a row.
func (w *writer) id(side mirror.Side, name mirror.Name) (int64, error) {
	id, ok := w.ids[mirror.MailboxKey{Side: side, Name: name}]
	if !ok {
		return 0, fmt.Errorf("%s mailbox %q has no row", side, name)
	}
	return id, nil
}

// one returns the number that a query yields.
func (w *writer) one(query string) (n int64, err error) {
	stmt, err := w.file.prepare(query)
	if err != nil {
		return 0, err
	}
	err = stmt.QueryRow().Scan(&n)
	return n, err
}

func isConstraint(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}
