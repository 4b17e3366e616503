package statedb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// The log of one moment beside the file of another gives the state of some
// moment, whole, or none.
func TestLogOfAnotherMoment(t *testing.T) {
	t.Parallel()
	dirs, states := crashes(t)
	cases := 0
	for n, dir := range dirs {
		for m, other := range dirs {
			if n == m {
				continue
			}
			cases++
			t.Run(fmt.Sprintf("file %d log %d", n, m), func(t *testing.T) {
				outcome(t, withLog(t, dir, readLog(t, other)), Options{}, states)
			})
		}
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
}

// Without its log the file is the state of the moment when the log was begun.
func TestLogMissing(t *testing.T) {
	t.Parallel()
	dirs, states := crashes(t)
	for n, dir := range dirs {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if outcome(t, withLog(t, dir, nil), Options{}, states[:n+1]) {
				t.Error("got the state refused, want an earlier one")
			}
		})
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: len(dirs)})
}

// otherLogs are logs that are no part of any state of the pair.
func otherLogs(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{
		"empty":   {},
		"zeros":   make([]byte, 3*pageSize),
		"garbage": bytes.Repeat([]byte("no log at all. "), 1000),
	}
	dir := t.TempDir()
	other, err := Open(dir, "other", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeDB(t, other)
	for _, log := range []struct {
		name    string
		changes *mirror.Changes
	}{
		{"another pair's", everyField()},
		{"another pair's, longer", batch("INBOX", 10, 40)},
	} {
		commit(t, other, log.changes)
		octets, err := os.ReadFile(other.place.wal())
		if err != nil {
			t.Fatal(err)
		}
		all[log.name] = octets
	}
	path := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign, err := openFile(path, forRun)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.close()
	if err := foreign.exec("CREATE TABLE bookmark(url); INSERT INTO bookmark VALUES ('x'), (randomblob(20000))"); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	all["another program's"] = octets
	return all
}

// SQLite would write any log with sound checksums into the file, whosever it
// is: what comes out is refused, unless it is what was there.
func TestLogOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	closed, want := closedState(t)
	logs := otherLogs(t)
	for name, log := range logs {
		for _, readOnly := range []bool{true, false} {
			t.Run(fmt.Sprint(name, readOnly), func(t *testing.T) {
				dir := t.TempDir()
				copyDir(t, filepath.Join(closed, pair), filepath.Join(dir, pair))
				if err := os.WriteFile(filepath.Join(dir, pair, "state.db-wal"), log, 0o600); err != nil {
					t.Fatal(err)
				}
				outcome(t, dir, Options{ReadOnly: readOnly}, []content{want})
			})
		}
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: 2 * len(logs)})
}

// The index of the log is made anew from the log, whatever is there.
func TestLogIndex(t *testing.T) {
	t.Parallel()
	dirs, states := crashes(t)
	indexes := map[string][]byte{"missing": nil, "empty": {}, "zeros": make([]byte, 32<<10), "garbage": bytes.Repeat([]byte{0xa5, 7}, 16<<10)}
	stale, err := os.ReadFile(filepath.Join(dirs[1], pair, "state.db-shm"))
	if err != nil {
		t.Fatal(err)
	}
	indexes["stale"] = stale
	for what, octets := range indexes {
		for n, from := range dirs {
			t.Run(fmt.Sprint(what, n), func(t *testing.T) {
				dir := t.TempDir()
				copyDir(t, filepath.Join(from, pair), filepath.Join(dir, pair))
				path := filepath.Join(dir, pair, "state.db-shm")
				err := os.Remove(path)
				if err == nil && octets != nil {
					err = os.WriteFile(path, octets, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				if outcome(t, dir, Options{}, states[n:n+1]) {
					t.Error("got the state refused, want it as it was")
				}
			})
		}
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: len(indexes) * len(dirs)})
}

// A page of an index from another moment contradicts no checksum, but refuses
// what is to be written. That is damage, too: else it would be refused for ever.
func TestIndexOfAnotherMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	first := batch("INBOX", 1, 10)
	first.Mailboxes = both("INBOX")
	commit(t, d, first)
	roots, err := d.file.texts("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_record_2'")
	if err != nil || len(roots) != 1 {
		t.Fatalf("got pages %q, error %v; want the index of near messages", roots, err)
	}
	closeDB(t, d)
	before := readState(t, dir)

	d = open(t, dir, Options{})
	commit(t, d, &mirror.Changes{DropRecords: []mirror.RecordKey{first.Records[8].Key()}})
	closeDB(t, d)
	root, err := strconv.Atoi(roots[0])
	if err != nil {
		t.Fatal(err)
	}
	from := int64(root-1) * pageSize
	alter(t, dir, from, string(before[from:from+pageSize]))

	d = open(t, dir, Options{})
	again := first.Records[8]
	if err := d.Commit(&mirror.Changes{Records: []mirror.Record{again}}); !errors.Is(err, mirror.ErrStateBroken) {
		t.Errorf("got error %v, want ErrStateBroken", err)
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: 1})
}

// What has the state's name and is no file is set aside like any other damage.
func TestNoFile(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, pair, "state.db")
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if full {
			if err := os.WriteFile(filepath.Join(path, "letter"), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir, pair, Options{ReadOnly: true}); !errors.Is(err, mirror.ErrStateBroken) {
			t.Errorf("read-only: got error %v, want ErrStateBroken", err)
		}
		d := open(t, dir, Options{CheckOnClose: true})
		if d.Rebuilt() == nil {
			t.Fatal("got no sign of a rebuild")
		}
		if _, err := os.Stat(filepath.Join(d.Rebuilt().Aside, "letter")); full && err != nil {
			t.Errorf("got error %v, want all that was in the directory", err)
		}
		commit(t, d, everyField())
	}
}

// A name that leads nowhere, such as to a disk that is not there, is refused
// and not taken for a state that was lost.
func TestDanglingLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, pair), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, pair, "state.db")
	if err := os.Symlink("/mailtwin-test/nowhere", path); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(dir, pair, Options{}); err == nil || errors.Is(err, mirror.ErrStateBroken) {
		t.Errorf("got %v, error %v; want an error that sets nothing aside", d, err)
	}
	if to, err := os.Readlink(path); err != nil || to != "/mailtwin-test/nowhere" {
		t.Errorf("got a link to %q, error %v; want it as it was", to, err)
	}
}
