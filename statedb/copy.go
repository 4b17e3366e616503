package statedb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// A privateCopy is a copy of a state in a directory of its own below the
// system's directory for temporary files. It is how a state is read without a
// lock, and how one that was not closed is looked at, without changing it:
// SQLite would have to write beside a file in WAL mode even to read it.
type privateCopy struct{ place }

// copyState makes a private copy, with the log folded into it. It shows the
// state after a whole number of commits, also while a run is writing. A state
// that is not there is fs.ErrNotExist.
func copyState(from place) (*privateCopy, error) {
	dir, err := os.MkdirTemp("", "mailtwin-state-")
	if err != nil {
		return nil, fmt.Errorf("copy state: %w", err)
	}
	c := &privateCopy{place{dir: dir}}
	if err := c.fill(from); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *privateCopy) remove() error { return os.RemoveAll(c.dir) }

// attempts is how often a copy is begun anew because a run folded its log into
// the file meanwhile, which it does every few MiB that it writes.
const attempts = 20

func (c *privateCopy) fill(from place) error {
	for range attempts {
		steady, err := c.try(from)
		if err != nil {
			return fmt.Errorf("copy state: %w", err)
		}
		if steady {
			return c.fold()
		}
	}
	return errors.New("copy state: a run changes it too fast; try again later")
}

// try copies the file, then the log. While the log keeps its salt it only
// grows, and pages that SQLite moves from it to the file meanwhile are still in
// it: the copy of the log, taken last, repairs whatever the copy of the file
// shows of that (https://www.sqlite.org/fileformat2.html §4.3, §4.4).
func (c *privateCopy) try(from place) (steady bool, err error) {
	before, err := markOf(from)
	if err != nil {
		return false, err
	}
	if err := copyFile(from.db(), c.db()); err != nil {
		return false, err
	}
	err = copyFile(from.wal(), c.wal())
	if errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(c.wal())
	}
	if err != nil {
		return false, err
	}
	after, err := markOf(from)
	return before == after, err
}

// fold moves the log's content into the copied file.
func (c *privateCopy) fold() error {
	if !c.unclean() {
		return nil
	}
	f, err := openFile(c.db(), forCopy)
	if err != nil {
		return err
	}
	return errors.Join(f.fold(), f.close())
}

// A mark tells whether the file was made anew between two looks.
type mark struct {
	// log is the header of the log, with its salt; zero without a log.
	log [32]byte
	// Without a log, the file itself must not have changed.
	size    int64
	changed time.Time
}

func markOf(p place) (m mark, err error) {
	info, err := os.Stat(p.db())
	if err != nil {
		return mark{}, err
	}
	log, err := os.Open(p.wal())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return mark{}, err
	}
	if err == nil {
		defer log.Close()
		_, err := io.ReadFull(log, m.log[:])
		if err == nil {
			return m, nil
		}
		// SQLite takes a log without a whole header for none.
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return mark{}, err
		}
	}
	return mark{size: info.Size(), changed: info.ModTime()}, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
