package statedb

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mailtwin/mirror"
)

// What the live connection of a run goes by; without the first two a commit
// would not survive a power cut, without the others damage would be believed.
func TestPragmasInForce(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	look := func(when string) {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2" /* FULL */, "foreign_keys": "1", "cell_size_check": "1", "wal_autocheckpoint": "0",
		} {
			got, err := d.file.texts("PRAGMA " + pragma)
			if err != nil || !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %s: got %q, error %v; want %q", when, pragma, got, err, want)
			}
		}
	}
	look("fresh")
	commit(t, d, everyField())
	look("after a commit")
	if err := d.SetAside(mirror.ErrStateBroken); err != nil {
		t.Fatal(err)
	}
	look("after a rebuild")
}

// A building file is durable when it gets its name: it is filled with the same
// care as any other.
func TestPragmasWhileBuilding(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(path, forRun)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if got, err := f.texts("PRAGMA synchronous"); err != nil || got[0] != "2" {
		t.Errorf("got synchronous %q, error %v; want 2", got, err)
	}
}

// syncs records what a directory held whenever it was synced.
type syncs struct {
	t    *testing.T
	held map[string][][]string // by base name of the directory
	fail string                // the base name of one that cannot be synced
}

func (s *syncs) sync(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.t.Error(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	base := filepath.Base(dir)
	s.held[base] = append(s.held[base], names)
	if base == s.fail {
		return errors.New("the disk is gone")
	}
	return syncDir(dir)
}

func (s *syncs) last(dir string) []string {
	if list := s.held[dir]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// The names of the pair's directory and of its state are made durable before
// anything is said to be: else a power cut takes away a state that a run went
// by.
func TestNamesAreSynced(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(t.TempDir(), "parent")
	dir := filepath.Join(parent, "states")
	s := &syncs{t: t, held: map[string][][]string{}}
	d := open(t, dir, Options{sync: s.sync})
	if got := s.last("parent"); !slices.Contains(got, "states") {
		t.Errorf("got a sync of the parent when it held %q, want one with the state directory", got)
	}
	if got := s.last("states"); !slices.Contains(got, pair) {
		t.Errorf("got a sync of the state directory when it held %q, want one with %q", got, pair)
	}
	if got := s.last(pair); !slices.Contains(got, "state.db") || slices.Contains(got, "state.db.new") {
		t.Errorf("got a sync of the pair's directory when it held %q, want one with the state under its name", got)
	}
	before := len(s.held[pair])
	if err := d.SetAside(mirror.ErrStateBroken); err != nil {
		t.Fatal(err)
	}
	aside := filepath.Base(d.Rebuilt().Aside)
	if after := s.held[pair][before:]; len(after) != 2 || !slices.Contains(after[0], aside) || slices.Contains(after[0], "state.db") {
		t.Errorf("got syncs when it held %q, want the first with %q only, the second with the new state", after, aside)
	}
}

// A name that cannot be made durable is an error, and no state is begun on it.
func TestNamesThatCannotBeSynced(t *testing.T) {
	t.Parallel()
	for _, fail := range []string{"states", pair} {
		dir := filepath.Join(t.TempDir(), "states")
		s := &syncs{t: t, held: map[string][][]string{}, fail: fail}
		if d, err := Open(dir, pair, Options{sync: s.sync}); err == nil {
			t.Errorf("%s: got a state, want the error", fail)
			closeDB(t, d)
		}
		// When the disk is back it goes on.
		closeDB(t, open(t, dir, Options{}))
	}
}

// Nothing is looked at before the lock is held: a run may be in the middle of
// making, folding or setting aside.
func TestLockComesFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &syncs{t: t, held: map[string][][]string{}}
	d := open(t, dir, Options{sync: s.sync})
	// The state's file is away for a moment, as while it is set aside.
	if err := os.Rename(d.place.db(), d.place.db()+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, pair, Options{sync: s.sync}); !errors.Is(err, mirror.ErrLocked) {
		t.Errorf("got error %v, want ErrLocked", err)
	}
	if exists(d.place.db()) || exists(d.place.db()+".new") {
		t.Error("got a new state beside a run, want nothing made")
	}
	if err := os.Rename(d.place.db()+".away", d.place.db()); err != nil {
		t.Fatal(err)
	}
}

// The log keeps its name until the file has its new one.
func TestSetAsideMovesTheFileFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	commit(t, d, everyField())
	crash(t, d, dir)
	if err := os.Remove(d.place.db()); err != nil {
		t.Fatal(err)
	}
	if aside, err := d.place.setAside(at(0)); err == nil {
		t.Errorf("got %q, want an error: there is no file", aside)
	}
	if !exists(d.place.wal()) {
		t.Error("got the log moved without its file, want it under its name")
	}
}
