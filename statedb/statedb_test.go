package statedb

import (
	"testing"

	"mailtwin/mirror"
)

const pair = "work"

// open opens the state of pair in dir and closes it with the test.
func open(t testing.TB, dir string, opts Options) *DB {
	t.Helper()
	d, err := Open(dir, pair, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDB(t, d) })
	return d
}

func closeDB(t testing.TB, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func commit(t testing.TB, d *DB, c *mirror.Changes) {
	t.Helper()
	if err := d.Commit(c); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// both returns rows for mailboxes of these names on both sides.
func both(names ...mirror.Name) (rows []mirror.MailboxRow) {
	for _, name := range names {
		for _, side := range mirror.Sides {
			rows = append(rows, mirror.MailboxRow{
				Side: side, Name: name, Checkpoint: mirror.Checkpoint{UIDValidity: 7, UIDNext: 100, HighestModSeq: 1 << 40},
			})
		}
	}
	return rows
}
