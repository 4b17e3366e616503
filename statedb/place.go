package statedb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrExposed says that group or others may write to a directory that holds the
// state.
var ErrExposed = errors.New("group or others may write to it")

// A place is the directory of a pair.
type place struct {
	dir string
	// sync makes the names in a directory durable.
	sync func(dir string) error
}

// newPlace returns the directory of a pair below dir. The pair's name is
// escaped, so that it is one component and no other pair's.
func newPlace(dir, pair string) (place, error) {
	if dir == "" || pair == "" {
		return place{}, errors.New("state needs a directory and the name of a pair")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("state directory: %w", err)
	}
	return place{filepath.Join(dir, escape(pair)), syncDir}, nil
}

func escape(pair string) string {
	var b strings.Builder
	for i := range len(pair) {
		c := pair[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func (p place) db() string   { return filepath.Join(p.dir, "state.db") }
func (p place) wal() string  { return p.db() + "-wal" }
func (p place) lock() string { return filepath.Join(p.dir, "lock") }
func (p place) undo() string { return filepath.Join(p.dir, "undo") }

// check refuses directories that others could put a state into. A missing one
// is no error.
func (p place) check() error {
	for _, dir := range []string{filepath.Dir(p.dir), p.dir} {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
		if mode := info.Mode().Perm(); mode&0o022 != 0 {
			return fmt.Errorf("state directory %q (mode %04o): %w", dir, mode, ErrExposed)
		}
	}
	return nil
}

// make creates the directories as far as they are missing, durably.
func (p place) make() error {
	parents := []string{filepath.Dir(p.dir)} // synced always: a crash may have come before
	for dir := parents[0]; !exists(dir) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		parents = append(parents, filepath.Dir(dir))
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if err := p.check(); err != nil {
		return err
	}
	for _, dir := range parents {
		if err := p.sync(dir); err != nil {
			return err
		}
	}
	return nil
}

// logTooLong reports whether the log holds enough to be folded into the file. A
// reader copies both, and must begin anew when the log did: at half the file's
// size it copies several times as fast as a run can fill the log.
func (p place) logTooLong() bool {
	log, err := os.Stat(p.wal())
	if err != nil {
		return false
	}
	file, err := os.Stat(p.db())
	return err == nil && log.Size() > max(4<<20, file.Size()/2)
}

// unclean reports whether the last run did not close the state: the log still
// holds something.
func (p place) unclean() bool {
	info, err := os.Stat(p.wal())
	return err == nil && info.Size() > 0
}

// checkKind refuses what has the state's name and is no file, such as a
// directory. A missing state is no error, nor one that cannot be looked at: the
// next step says why.
func (p place) checkKind() error {
	info, err := os.Stat(p.db())
	if err == nil && !info.Mode().IsRegular() {
		return broken("%q is no file", p.db())
	}
	return nil
}

// setAside renames the state so that it is out of the way, and returns its new
// path. After an error or a crash in between, the state is either still whole
// or its file has the new name: the log is renamed last, as a file without its
// log would pass for an older state.
func (p place) setAside(now time.Time) (string, error) {
	aside := p.db() + ".broken-" + now.UTC().Format("20060102T150405Z")
	for n := 2; n < 1000 && exists(aside); n++ {
		aside = fmt.Sprintf("%s.broken-%s-%d", p.db(), now.UTC().Format("20060102T150405Z"), n)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(p.db()+suffix, aside+suffix)
		if err != nil && !(suffix != "" && errors.Is(err, fs.ErrNotExist)) {
			return "", fmt.Errorf("set the state aside: %w", err)
		}
	}
	return aside, p.sync(p.dir)
}

// exists reports whether there is anything at path. What cannot be looked at
// counts as there: nothing may be written over it.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %q: %w", dir, err)
	}
	return nil
}
