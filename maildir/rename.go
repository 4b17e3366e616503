package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Rename implements mirror.Repository: the directory gets another name. In a nested
// layout the mailboxes below it go along. What stands at the new name already, if only
// as a directory that holds mailboxes, is ErrName.
func (r *Repository) Rename(ctx context.Context, from, to mirror.Name) error {
	if err := r.changing(ctx, from, to); err != nil {
		return err
	}
	if err := r.rename(from, to); err != nil {
		return fmt.Errorf("rename mailbox %q: %w", from.String(), reaching(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.numberings, from)
	delete(r.numberings, to)
	r.ours[to] = true
	return nil
}

// changing reports why mailboxes cannot be renamed or taken away.
func (r *Repository) changing(ctx context.Context, names ...mirror.Name) error {
	if err := r.writable(); err != nil {
		return err
	}
	for _, name := range names {
		if name == nametrans.Inbox {
			return fmt.Errorf("%w: INBOX is always there", mirror.ErrName)
		}
	}
	return ctx.Err()
}

func (r *Repository) rename(from, to mirror.Name) error {
	source, old, err := r.parent(from, false)
	if err != nil {
		return err
	}
	defer source.close()
	target, name, err := r.parent(to, true)
	if err != nil {
		return err
	}
	defer target.close()
	if err := r.disk.rename(source, old, target, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %w", mirror.ErrName, err)
		}
		return err
	}
	if err := r.disk.sync(target); err != nil {
		return err
	}
	return r.disk.sync(source)
}

// parent opens the directory that a mailbox's directory stands in, and returns what that
// is called there. made says that missing ones are made.
func (r *Repository) parent(name mirror.Name, made bool) (at *directory, base string, err error) {
	raw, err := r.codec.Encode(name)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", mirror.ErrName, err)
	}
	if r.root == nil {
		return nil, "", mirror.ErrNoMailbox
	}
	above, base := path.Split(raw)
	above = strings.TrimSuffix(above, "/")
	if above == "" {
		above = "."
	}
	if made {
		at, err = r.makePath(above)
	} else {
		at, err = r.root.openPath(above)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", mirror.ErrNoMailbox, err)
	}
	return at, base, err
}

// Delete implements mirror.Repository. Directories are removed one by one, which fails
// for one that holds anything: what is delivered meanwhile stays, and with it the
// mailbox.
func (r *Repository) Delete(ctx context.Context, name mirror.Name) error {
	if err := r.changing(ctx, name); err != nil {
		return err
	}
	if err := r.delete(name); err != nil {
		return fmt.Errorf("delete mailbox %q: %w", name.String(), reaching(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.numberings, name)
	return nil
}

func (r *Repository) delete(name mirror.Name) error {
	b, err := r.openBox(name, mirror.ReadOnly)
	if errors.Is(err, mirror.ErrNoMailbox) {
		return nil
	}
	if err != nil {
		return err
	}
	defer b.close()
	above, base, err := r.parent(name, false)
	if err != nil {
		return err
	}
	defer above.close()
	// cur goes last: until then the directory is a mailbox, and new and tmp are made
	// again by whoever delivers or writes to it.
	for _, part := range []string{"new", "tmp", "cur"} {
		if err := r.disk.remove(b.dir, part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			if isNotEmpty(err) {
				return fmt.Errorf("%w: %w", mirror.ErrNotEmpty, err)
			}
			return err
		}
	}
	if err := r.removeOwn(b.dir); err != nil {
		return err
	}
	// It stays as long as there are mailboxes below it, or anything else.
	if err := r.disk.remove(above, base); err != nil && !isNotEmpty(err) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.disk.sync(above)
}

// removeOwn removes the files that mail programs keep beside cur: an index, a list of
// UIDs, the mark of a Maildir++ folder. They say nothing without the mailbox.
func (r *Repository) removeOwn(dir *directory) error {
	var own []string
	err := r.disk.names(dir, func(names []string) error {
		for _, name := range names {
			if name == maildirFolder || isIndexFile(name) {
				own = append(own, name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range own {
		// A directory of this name that holds anything stays, and so does the mailbox's.
		if err := r.disk.remove(dir, name); err != nil && !errors.Is(err, fs.ErrNotExist) && !isNotEmpty(err) {
			return err
		}
	}
	return r.disk.sync(dir)
}
