package statedb

import (
	"database/sql"
	"errors"
)

// A tally is how many rows a table, or a mailbox's part of it, has, and the sum
// of their checksums.
type tally struct{ rows, sum int64 }

type tallyKey struct{ kind, scope int64 }

func (t *tally) add(crc int64) { t.rows++; t.sum += crc }

func (t *tally) take(crc int64) { t.rows--; t.sum -= crc }

// checksum guards the tally itself. Kind 0 is no table's.
func (t tally) checksum(key tallyKey) int64 {
	return (&table{}).checksum([]any{key.kind, key.scope, t.rows, t.sum})
}

const (
	selectTally = "SELECT rows, sum, crc FROM tally WHERE kind = ? AND scope = ?"
	putTally    = "INSERT OR REPLACE INTO tally (kind, scope, rows, sum, crc) VALUES (?, ?, ?, ?, ?)"
	dropTally   = "DELETE FROM tally WHERE kind = ? AND scope = ?"
)

// tally reads a stored tally; the zero value where there are no rows.
func (f *file) tally(key tallyKey) (tally, error) {
	stmt, err := f.prepare(selectTally)
	if err != nil {
		return tally{}, explain("read tally", err)
	}
	var t tally
	var crc int64
	err = stmt.QueryRow(key.kind, key.scope).Scan(&t.rows, &t.sum, &crc)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return tally{}, nil
	case err != nil:
		return tally{}, explain("read tally", err)
	case crc != t.checksum(key):
		return tally{}, broken("a row of table tally does not match its checksum")
	}
	return t, nil
}

// tallies reads the stored tallies of a table, by scope.
func (f *file) tallies(t *table) (map[int64]tally, error) {
	stmt, err := f.prepare("SELECT scope, rows, sum, crc FROM tally WHERE kind = ?")
	if err != nil {
		return nil, explain("read tally", err)
	}
	rows, err := stmt.Query(t.kind)
	if err != nil {
		return nil, explain("read tally", err)
	}
	defer rows.Close()
	all := map[int64]tally{}
	for rows.Next() {
		var scope, crc int64
		var one tally
		if err := rows.Scan(&scope, &one.rows, &one.sum, &crc); err != nil {
			return nil, explain("read tally", err)
		}
		if crc != one.checksum(tallyKey{t.kind, scope}) {
			return nil, broken("a row of table tally does not match its checksum")
		}
		all[scope] = one
	}
	return all, explain("read tally", rows.Err())
}
