package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mailtwin/mirror"
)

// box is the open directories of one mailbox. It is opened for each operation
// and closed after it, so that any number of mailboxes can be in use.
type box struct {
	disk     disk
	dir, cur *directory
	new, tmp *directory // nil when missing and opened for reading
}

// openBox opens the mailbox called name; ErrNoMailbox where there is none. For
// writing, a missing new or tmp is made.
func (r *Repository) openBox(name mirror.Name, access mirror.Access) (*box, error) {
	raw, err := r.codec.Encode(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mirror.ErrName, err)
	}
	if r.root == nil {
		return nil, mirror.ErrNoMailbox
	}
	b := &box{disk: r.disk}
	if b.dir, err = r.root.openPath(raw); err == nil {
		b.cur, err = b.dir.open("cur")
	}
	if err == nil {
		b.new, err = r.openPart(b.dir, "new", access)
	}
	if err == nil {
		b.tmp, err = r.openPart(b.dir, "tmp", access)
	}
	if err == nil {
		return b, nil
	}
	b.close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", mirror.ErrNoMailbox, err)
	}
	return nil, reaching(unusable(err))
}

// openPart opens new or tmp, which a tool that copies no empty directories may
// have left out.
func (r *Repository) openPart(dir *directory, name string, access mirror.Access) (*directory, error) {
	part, err := dir.open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return part, err
	}
	if access == mirror.ReadOnly {
		return nil, nil
	}
	if err := r.disk.mkdir(dir, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := r.disk.sync(dir); err != nil {
		return nil, err
	}
	return dir.open(name)
}

// openPath opens the directory raw below d, component by component, so that no
// symbolic link is followed. "." is d itself.
func (d *directory) openPath(raw string) (*directory, error) {
	at, err := d.again()
	if err != nil || raw == "." {
		return at, err
	}
	for component := range strings.SplitSeq(raw, "/") {
		next, err := at.open(component)
		at.close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// again opens d once more.
func (d *directory) again() (*directory, error) {
	root, err := d.root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return newDirectory(root, d.full)
}

func (b *box) close() {
	for _, d := range []*directory{b.dir, b.cur, b.new, b.tmp} {
		d.close()
	}
}

// stamps reads the marks of the mailbox now.
func (b *box) stamps() (stamps, error) {
	cur, err := b.cur.handle.Stat()
	if err != nil {
		return stamps{}, err
	}
	s := stamps{cur: b.disk.stamp(cur)}
	if b.new != nil {
		info, err := b.new.handle.Stat()
		if err != nil {
			return stamps{}, err
		}
		s.new = b.disk.stamp(info)
	}
	return s, nil
}

// part returns the directory that an entry is in.
func (b *box) part(inNew bool) *directory {
	if inNew {
		return b.new
	}
	return b.cur
}
