package statedb

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mailtwin/mirror"
)

//go:embed schema.sql
var schema string

// A file is an open SQLite file of ours: one connection, and the statements
// prepared on it so far.
type file struct {
	pool  *sql.DB
	conn  *sql.Conn // the only one
	stmts map[string]*sql.Stmt
	// ids are the rows of the mailbox table. Names are looked up here and
	// never in an index, which could be damaged without a checksum noticing.
	ids map[mirror.MailboxKey]int64
}

// How a file is opened; see openFile.
var (
	forRun = []string{
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)", "cell_size_check(1)",
		"wal_autocheckpoint(0)", // DB.tidy does it
	}
	// A private copy need not survive anything.
	forCopy = []string{"synchronous(OFF)", "cell_size_check(1)"}
	forRead = []string{"query_only(1)", "cell_size_check(1)"}
)

// openFile opens the SQLite file at path, which must exist.
func openFile(path string, pragmas []string) (*file, error) {
	query := url.Values{"mode": {"rw"}, "_pragma": pragmas}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, explain("open", err)
	}
	// One connection: no statement of ours waits for another one's lock.
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(notOurs(explain("open", err)), pool.Close())
	}
	return &file{pool: pool, conn: conn, stmts: map[string]*sql.Stmt{}, ids: map[mirror.MailboxKey]int64{}}, nil
}

// close also folds the write-ahead log into the file and removes it, unless
// another connection is open.
func (f *file) close() error {
	var errs []error
	for _, stmt := range f.stmts {
		errs = append(errs, stmt.Close())
	}
	errs = append(errs, f.conn.Close(), f.pool.Close())
	return explain("close", errors.Join(errs...))
}

func (f *file) prepare(query string) (*sql.Stmt, error) {
	if stmt := f.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := f.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	f.stmts[query] = stmt
	return stmt, nil
}

// exec runs a statement, or several, that are used once.
func (f *file) exec(script string) error {
	_, err := f.conn.ExecContext(context.Background(), script)
	return err
}

// texts returns the one column of query's rows.
func (f *file) texts(query string) ([]string, error) {
	rows, err := f.conn.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// fold moves the log's content into the file, durably, and empties the log.
// Closing does the same, but would not say that it could not.
func (f *file) fold() error {
	var busy, frames, moved int
	row := f.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	err := row.Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		err = errors.New("the file is in use")
	}
	return explain("fold the log", err)
}

// each calls use with each row of table t, or of the mailbox scope in it, in
// the order of the key. A row that does not match its checksum, or another
// number of rows than the tally has, is ErrStateBroken; use may have seen some
// rows by then. The row is valid during the call.
func (f *file) each(t *table, scope int64, use func(*row) error) error {
	var args []any
	if t.perMailbox {
		args = []any{scope}
	}
	rows, err := f.query(t, t.selectRows, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen, err := t.scan(rows, use)
	if err != nil {
		return err
	}
	stored, err := f.tally(tallyKey{t.kind, scope})
	if err != nil {
		return err
	}
	if seen != stored {
		return broken("table %s has %d rows where there were %d", t.name, seen.rows, stored.rows)
	}
	return nil
}

// query asks for rows of table t.
func (f *file) query(t *table, query string, args ...any) (*sql.Rows, error) {
	stmt, err := f.prepare(query)
	if err != nil {
		return nil, explain("read "+t.name, err)
	}
	rows, err := stmt.Query(args...)
	return rows, explain("read "+t.name, err)
}

// scan is the loop of each. It returns what it counted.
func (t *table) scan(rows *sql.Rows, use func(*row) error) (seen tally, err error) {
	values := make([]any, t.width()+1)
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	r := row{values: values[:t.width()], parsed: parsedFlags{}}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return seen, explain("read "+t.name, err)
		}
		crc := t.checksum(r.values)
		if values[t.width()] != any(crc) {
			return seen, broken("a row of table %s does not match its checksum", t.name)
		}
		seen.add(crc)
		r.next = 0
		if err := use(&r); err != nil {
			return seen, err
		}
	}
	if err := rows.Err(); err != nil {
		return seen, explain("read "+t.name, err)
	}
	return seen, nil
}

// broken returns an error that is mirror.ErrStateBroken.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{mirror.ErrStateBroken}, args...)...)
}

// explain gives an error of SQLite the sentinel that it means, if any.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%w: %s: %w", mirror.ErrStateBroken, doing, err)
		case sqlite3.SQLITE_FULL:
			return fmt.Errorf("%w: %s: %w", mirror.ErrFull, doing, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// notOurs makes an error of our own statements ErrStateBroken where it can only
// mean that the file's schema is not the one that they are written for.
func notOurs(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_ERROR {
		return fmt.Errorf("%w: %w", mirror.ErrStateBroken, err)
	}
	return err
}
