package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// tmpFile is a file in tmp. It is made with the first octets that are written, and
// remove takes back what is left of it.
type tmpFile struct {
	disk disk
	dir  *directory
	name string
	file file // nil: not made, or closed
	made bool
}

func (t *tmpFile) WriteAt(p []byte, at int64) (int, error) {
	if err := t.make(); err != nil {
		return 0, err
	}
	n, err := t.file.WriteAt(p, at)
	if err != nil {
		err = fmt.Errorf("write file in tmp: %w", err)
	}
	return n, err
}

// make makes the file, unless it was.
func (t *tmpFile) make() error {
	if t.made {
		return nil
	}
	f, err := t.disk.create(t.dir, t.name)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%w: %w", errDuplicated, err)
		}
		return fmt.Errorf("create file in tmp: %w", err)
	}
	t.file, t.made = f, true
	return nil
}

// share makes the file with the octets of another one, in the same blocks of the disk,
// and reports whether the file system can do that. Where it cannot, nothing was written.
func (t *tmpFile) share(from source) (bool, error) {
	if err := t.make(); err != nil {
		return false, err
	}
	return t.disk.share(from, t.file), nil
}

// sharedFile is what a file in tmp holds that was made by share.
type sharedFile struct{ *io.SectionReader }

// Close does nothing: the file is closed with the one in tmp.
func (sharedFile) Close() error { return nil }

// shared returns what share made, of which size octets are expected: one more shows
// that there are others.
func (t *tmpFile) shared(size int64) source {
	return sharedFile{io.NewSectionReader(t.file, 0, size+1)}
}

// ReadAt reads what was written.
func (t *tmpFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := t.file.ReadAt(p, at)
	if err != nil {
		err = fmt.Errorf("read file in tmp: %w", err)
	}
	return n, err
}

// settle sets the time of what was written, unless that is zero, makes it durable and
// closes it.
func (t *tmpFile) settle(date time.Time) error {
	if !date.IsZero() {
		if err := t.disk.setTime(t.dir, t.name, date); err != nil {
			return fmt.Errorf("write file in tmp: %w", err)
		}
	}
	err := t.file.Sync()
	if closed := t.close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("sync file in tmp: %w", err)
	}
	return nil
}

func (t *tmpFile) close() error {
	f := t.file
	t.file = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// remove takes the file away, if it was made.
func (t *tmpFile) remove() error {
	if !t.made {
		return nil
	}
	_ = t.close() // nothing of it is wanted
	return t.disk.remove(t.dir, t.name)
}
