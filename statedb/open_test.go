package statedb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
)

func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	_, err := Open(dir, pair, Options{})
	var locked *mirror.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || !errors.Is(err, mirror.ErrLocked) {
		t.Errorf("got error %v, want the lock of process %d", err, os.Getpid())
	}
	// Another pair has another lock, and reading needs none.
	other, err := Open(dir, "other", Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeDB(t, other)
	open(t, dir, Options{ReadOnly: true})

	closeDB(t, d)
	closeDB(t, d) // a second time does nothing
	if pid := holder(d.place.lock()); pid != 0 {
		t.Errorf("got process %d in a lock that nobody holds, want 0", pid)
	}
	open(t, dir, Options{})
}

func TestLockComesBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := newPlace(dir, pair)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.make(); err != nil {
		t.Fatal(err)
	}
	lock, err := takeLock(p.lock())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := os.WriteFile(p.db(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := bytesOf(t, dir)
	if _, err := Open(dir, pair, Options{}); !errors.Is(err, mirror.ErrLocked) {
		t.Errorf("got error %v, want ErrLocked", err)
	}
	if after := bytesOf(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("got %v, want nothing touched: %v", after, before)
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]int{"": 0, "12\n": 12, "12": 12, "-3": 0, "x": 0, "12 13": 0} {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holder(path); got != want {
			t.Errorf("%q: got process %d, want %d", content, got, want)
		}
	}
	if got := holder(filepath.Join(t.TempDir(), "none")); got != 0 {
		t.Errorf("no file: got process %d, want 0", got)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b?c#d%41;e")
	seen := map[string]string{}
	for _, name := range []string{"work", "Work", "a/b", "a%2Fb", "..", ".", ".hidden", "x.y", "ü", "a b", "x?mode=memory"} {
		d, err := Open(dir, name, Options{})
		if err != nil {
			t.Errorf("pair %q: %v", name, err)
			continue
		}
		commit(t, d, &mirror.Changes{Mailboxes: both("INBOX")})
		place := filepath.Dir(d.UndoDir())
		if filepath.Dir(place) != dir || seen[place] != "" {
			t.Errorf("pair %q: got directory %q, of pair %q; want one of its own in %q", name, place, seen[place], dir)
		}
		seen[place] = name
		for path, mode := range map[string]fs.FileMode{"": 0o700, "state.db": 0o600, "state.db-wal": 0o600, "lock": 0o600} {
			info, err := os.Stat(filepath.Join(place, path))
			if err != nil {
				t.Error(err)
			} else if info.Mode().Perm() != mode {
				t.Errorf("%s: got mode %o, want %o", path, info.Mode().Perm(), mode)
			}
		}
		if exists(d.UndoDir()) {
			t.Error("got an undo store, want none yet")
		}
		closeDB(t, d)
	}
	for _, bad := range [][2]string{{"", pair}, {dir, ""}} {
		if _, err := Open(bad[0], bad[1], Options{}); err == nil {
			t.Errorf("directory %q, pair %q: got no error", bad[0], bad[1])
		}
	}
}

func TestExposedDirectory(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o720, 0o702, 0o777} {
		for _, sub := range []string{"", pair} {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, sub), mode); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				if _, err := Open(dir, pair, Options{ReadOnly: readOnly}); !errors.Is(err, ErrExposed) {
					t.Errorf("mode %o of %q, read-only %v: got error %v, want ErrExposed", mode, sub, readOnly, err)
				}
			}
			if exists(filepath.Join(dir, pair, "lock")) {
				t.Error("got a lock file, want nothing made")
			}
		}
	}
}

// alter changes octets of the state of pair in dir.
func alter(t *testing.T, dir string, offset int64, octets string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, pair, "state.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(octets), offset); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	next := string(binary.BigEndian.AppendUint32(nil, schemaVersion+1))
	newer := map[string]func(t *testing.T, dir string){
		"closed": func(t *testing.T, dir string) { alter(t, dir, 60, next) },
		// What a later schema looks like otherwise is not ours to judge.
		"closed, other layout": func(t *testing.T, dir string) {
			alter(t, dir, 60, next)
			alter(t, dir, 18, "\x01\x01")
		},
		"not closed": func(t *testing.T, dir string) {
			d := open(t, dir, Options{})
			if err := d.file.exec(fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1)); err != nil {
				t.Fatal(err)
			}
			crash(t, d, dir)
		},
	}
	for name, make := range newer {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := open(t, dir, Options{})
			commit(t, d, everyField())
			closeDB(t, d)
			make(t, dir)
			before := bytesOf(t, filepath.Join(dir, pair))
			for _, readOnly := range []bool{false, true} {
				if _, err := Open(dir, pair, Options{ReadOnly: readOnly}); !errors.Is(err, mirror.ErrStateNewer) {
					t.Errorf("read-only %v: got error %v, want ErrStateNewer", readOnly, err)
				}
			}
			after := bytesOf(t, filepath.Join(dir, pair))
			for path := range before {
				if strings.Contains(path, "state.db") && after[path] != before[path] {
					t.Errorf("got another %s, want it untouched", path)
				}
			}
			if len(after) > len(before)+1 { // the lock file
				t.Errorf("got files %d, want %d and the lock", len(after), len(before))
			}
		})
	}
}

// crash puts the files of d, as they are now, in place of what d leaves behind
// when it is closed.
func crash(t *testing.T, d *DB, dir string) {
	t.Helper()
	saved := t.TempDir()
	copyDir(t, filepath.Join(dir, pair), saved)
	closeDB(t, d)
	copyDir(t, saved, filepath.Join(dir, pair))
}

func TestBrokenIsSetAside(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, dir string){
		"no SQLite file":   func(t *testing.T, dir string) { alter(t, dir, 0, "MZ") },
		"other program":    func(t *testing.T, dir string) { alter(t, dir, 68, "xxxx") },
		"schema 0":         func(t *testing.T, dir string) { alter(t, dir, 60, "\x00\x00\x00\x00") },
		"rollback journal": func(t *testing.T, dir string) { alter(t, dir, 18, "\x01\x01") },
		"cut to nothing": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, pair, "state.db"), 0); err != nil {
				t.Fatal(err)
			}
		},
		"other pair": func(t *testing.T, dir string) {
			other, err := Open(dir, "other", Options{})
			if err != nil {
				t.Fatal(err)
			}
			commit(t, other, everyField())
			closeDB(t, other)
			if err := copyFile(other.place.db(), filepath.Join(dir, pair, "state.db")); err != nil {
				t.Fatal(err)
			}
		},
		"checkpoint": func(t *testing.T, dir string) {
			damage(t, dir, "UPDATE mailbox SET uidnext = uidnext + 1 WHERE side = 0")
		},
		"lost intent":  func(t *testing.T, dir string) { damage(t, dir, "DELETE FROM intent WHERE id = 1") },
		"lost mailbox": func(t *testing.T, dir string) { damage(t, dir, "DELETE FROM mailbox WHERE name = x'53656e74'") },
		"lost tally":   func(t *testing.T, dir string) { damage(t, dir, "DELETE FROM tally WHERE kind = 2") },
		"tally":        func(t *testing.T, dir string) { damage(t, dir, "UPDATE tally SET rows = rows + 1 WHERE kind = 2") },
		"schema":       func(t *testing.T, dir string) { damage(t, dir, "CREATE TABLE more(x)") },
		"unclean close": func(t *testing.T, dir string) {
			// Damage that only quick_check looks at, under a log.
			d := open(t, dir, Options{})
			commit(t, d, batch("INBOX", 20, 100))
			commit(t, d, &mirror.Changes{Forget: []mirror.MailboxKey{{Side: mirror.Far, Name: "INBOX"}}})
			if err := d.file.fold(); err != nil {
				t.Fatal(err)
			}
			commit(t, d, &mirror.Changes{DropIntents: []int64{2}})
			crash(t, d, dir)
			alter(t, dir, 36, "\x00\x00\x00\x01") // the number of free pages
		},
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := open(t, dir, Options{})
			commit(t, d, everyField())
			closeDB(t, d)
			breakIt(t, dir)
			broken, err := os.ReadFile(d.place.db())
			if err != nil {
				t.Fatal(err)
			}

			// Reading does not look for what only quick_check finds.
			d, err = Open(dir, pair, Options{ReadOnly: true})
			if name == "unclean close" && err == nil {
				closeDB(t, d)
			} else if !errors.Is(err, mirror.ErrStateBroken) {
				t.Errorf("read-only: got error %v, want ErrStateBroken", err)
			}
			clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)) }
			d = open(t, dir, Options{Now: clock, CheckOnClose: true})
			r := d.Rebuilt()
			if r == nil {
				t.Fatal("got no sign of a rebuild")
			}
			if want := d.place.db() + ".broken-20260102T020405Z"; !errors.Is(r.Reason, mirror.ErrStateBroken) || r.Aside != want {
				t.Errorf("got %v aside as %q, want ErrStateBroken and %q", r.Reason, r.Aside, want)
			}
			aside, err := os.ReadFile(r.Aside)
			if err != nil || string(aside) != string(broken) {
				t.Errorf("got another file aside, error %v; want what was there", err)
			}
			if snapshot, err := d.Load(); err != nil || !snapshot.Fresh || len(snapshot.Mailboxes) != 0 {
				t.Errorf("got %+v, error %v; want a fresh state", snapshot, err)
			}
			commit(t, d, everyField())
			closeDB(t, d)
			if d = open(t, dir, Options{}); d.Rebuilt() != nil {
				t.Errorf("got a rebuild the second time: %v", d.Rebuilt().Reason)
			}
		})
	}
}

// damage changes the state of pair in dir behind our back.
func damage(t *testing.T, dir, script string) {
	t.Helper()
	f, err := openFile(filepath.Join(dir, pair, "state.db"), []string{"foreign_keys(0)"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.exec(script), f.close()); err != nil {
		t.Fatal(err)
	}
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	const damaged, lost = "does not match its checksum", "rows where there were"
	for script, want := range map[string]string{
		"UPDATE record SET packed = x'00' WHERE far_uid = 2":            damaged,
		"DELETE FROM record WHERE far_uid = 3":                          lost,
		"UPDATE message SET flags = NULL WHERE uid = 2":                 damaged,
		"UPDATE message SET flags = CAST(x'4d00' AS TEXT)":              damaged,
		"DELETE FROM message WHERE uid = 1":                             lost,
		"UPDATE tally SET rows = rows + 1 WHERE kind = 5":               damaged,
		"DELETE FROM tally WHERE kind = 4":                              lost,
		"UPDATE message SET uid = 4 WHERE uid = 3 AND base IS NOT NULL": damaged,
	} {
		dir := t.TempDir()
		d := open(t, dir, Options{})
		commit(t, d, everyField())
		closeDB(t, d)
		damage(t, dir, script)
		d = open(t, dir, Options{Now: func() time.Time { return at(0) }})
		if d.Rebuilt() != nil {
			t.Errorf("%s: got %v from Open, want it to look at small tables only", script, d.Rebuilt().Reason)
		}
		_, err := read(d)
		if !errors.Is(err, mirror.ErrStateBroken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want ErrStateBroken that %s", script, err, want)
		}
		for n := 1; n <= 3; n++ { // within one second
			if err := d.SetAside(err); err != nil {
				t.Fatal(err)
			}
			if r := d.Rebuilt(); r == nil || !errors.Is(r.Reason, mirror.ErrStateBroken) || !exists(r.Aside) {
				t.Errorf("%s: got %+v, want the file that was set aside", script, r)
			}
			if s, err := d.Load(); err != nil || !s.Fresh {
				t.Errorf("%s: got %+v, error %v; want a fresh state", script, s, err)
			}
			commit(t, d, everyField())
			mustRead(t, d)
		}
		if _, err := Open(dir, pair, Options{}); !errors.Is(err, mirror.ErrLocked) {
			t.Errorf("got error %v, want the lock still held", err)
		}
		if found, err := filepath.Glob(d.place.db() + ".broken-*"); err != nil || len(found) != 3 {
			t.Errorf("got %q aside, error %v; want 3 files", found, err)
		}
	}
}

// A tally is what Counts believes and what the next commit builds on.
func TestDamagedTally(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	commit(t, d, everyField())
	closeDB(t, d)
	damage(t, dir, "UPDATE tally SET rows = rows - 1 WHERE kind = 5")
	d = open(t, dir, Options{})
	if counts, err := d.Counts(); !errors.Is(err, mirror.ErrStateBroken) {
		t.Errorf("got counts %v, error %v; want ErrStateBroken", counts, err)
	}
	if err := d.Commit(batch("INBOX", 30, 1)); !errors.Is(err, mirror.ErrStateBroken) {
		t.Errorf("commit: got error %v, want ErrStateBroken", err)
	}
	if list, err := d.Messages(mirror.Far, "INBOX"); err != nil || len(list) != 4 {
		t.Errorf("got %d messages, error %v; want the 4 from before", len(list), err)
	}
}

// Setting aside that stops in the middle leaves no file without its log: it
// would pass for an older state.
func TestSetAsideInterrupted(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"-wal", "-shm"} {
		dir := t.TempDir()
		d := open(t, dir, Options{})
		commit(t, d, everyField())
		crash(t, d, dir)
		inTheWay := d.place.db() + ".broken-" + at(0).Format("20060102T150405Z") + suffix
		if err := os.MkdirAll(filepath.Join(inTheWay, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
		if aside, err := d.place.setAside(at(0)); err == nil {
			t.Fatalf("%s: got %q, want an error", suffix, aside)
		}
		if exists(d.place.db()) && !exists(d.place.wal()) {
			t.Errorf("%s: got the file without its log", suffix)
		}
	}
}

// A log left behind by a state that somebody took away belongs to no new one.
func TestStaleLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	commit(t, d, everyField())
	crash(t, d, dir)
	if err := os.Remove(d.place.db()); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{ReadOnly: true})
	d = open(t, dir, Options{CheckOnClose: true})
	if s, err := d.Load(); err != nil || !s.Fresh || len(s.Mailboxes) > 0 || d.Rebuilt() != nil {
		t.Errorf("got %+v, error %v, rebuilt %v; want a fresh state", s, err, d.Rebuilt())
	}
}

func TestQuickCheckOnlyAfterAnUncleanClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	if d.quickChecked {
		t.Error("got a check of a new file")
	}
	commit(t, d, everyField())
	want := mustRead(t, d)
	closeDB(t, d)
	if d = open(t, dir, Options{}); d.quickChecked {
		t.Error("got a check after a clean close")
	}
	crash(t, d, dir) // nothing was written
	if d = open(t, dir, Options{}); d.quickChecked {
		t.Error("got a check after a kill without a write")
	}
	commit(t, d, &mirror.Changes{DropTombs: []mirror.MessageKey{{Side: mirror.Near, Mailbox: "INBOX", UID: 77}}})
	want.Snapshot.Tombs = nil
	crash(t, d, dir)
	if d = open(t, dir, Options{}); !d.quickChecked || d.Rebuilt() != nil {
		t.Errorf("got checked %v, rebuilt %v; want a check and the state", d.quickChecked, d.Rebuilt())
	}
	same(t, mustRead(t, d), want)
	closeDB(t, d)
	if d = open(t, dir, Options{}); d.quickChecked {
		t.Error("got a check after a clean close again")
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := at(0)
	opts := Options{Now: func() time.Time { return now }, CheckOnClose: true}
	d := open(t, dir, opts)
	ghost := func(kind mirror.IntentKind, age time.Duration) *mirror.Intent {
		return &mirror.Intent{Kind: kind, Mailbox: "INBOX", Created: now.Add(-age)}
	}
	day := 24 * time.Hour
	commit(t, d, &mirror.Changes{Intents: []*mirror.Intent{
		ghost(mirror.GhostIntent, 29*day), ghost(mirror.GhostIntent, 31*day), ghost(mirror.CopyIntent, 31*day),
	}})
	for n := range 103 {
		commit(t, d, &mirror.Changes{Run: &mirror.RunRow{Exit: n}})
	}
	if s, err := d.Load(); err != nil || len(s.Intents) != 3 {
		t.Errorf("got %d intents, error %v; want 3: Commit forgets nothing", len(s.Intents), err)
	}
	closeDB(t, d)

	now = now.Add(100 * day)
	d = open(t, dir, opts)
	s, err := d.Load()
	if err != nil || len(s.Intents) != 2 || s.Intents[0].ID != 1 || s.Intents[1].ID != 3 || s.LastRun.Exit != 102 {
		t.Errorf("got %+v, error %v; want intents 1 and 3, exit 102", s, err)
	}
	if runs, err := d.file.tally(tallyKey{runTable.kind, 0}); err != nil || runs.rows != 100 {
		t.Errorf("got %d runs, error %v; want 100", runs.rows, err)
	}
	closeDB(t, d) // nothing written, nothing forgotten
	if s, err = open(t, dir, opts).Load(); err != nil || len(s.Intents) != 2 {
		t.Errorf("got %d intents, error %v; want 2", len(s.Intents), err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{}, {ReadOnly: true}} {
		d := open(t, t.TempDir(), opts)
		closeDB(t, d)
		if _, err := read(d); !errors.Is(err, errClosed) {
			t.Errorf("read: got error %v, want errClosed", err)
		}
		for what, err := range map[string]error{
			"commit": d.Commit(everyField()), "check": d.Check(), "set aside": d.SetAside(mirror.ErrStateBroken),
		} {
			if !errors.Is(err, errClosed) {
				t.Errorf("%s: got error %v, want errClosed", what, err)
			}
		}
		if _, err := d.Messages(mirror.Far, "INBOX"); !errors.Is(err, errClosed) {
			t.Errorf("messages: got error %v, want errClosed", err)
		}
		if _, err := d.Counts(); !errors.Is(err, errClosed) {
			t.Errorf("counts: got error %v, want errClosed", err)
		}
		for what, err := range partsOf(d, mirror.Far) {
			if !errors.Is(err, errClosed) {
				t.Errorf("%s: got error %v, want errClosed", what, err)
			}
		}
	}
}
