package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mailtwin/mirror"
)

// maildirFolder marks a mailbox of a Maildir++ tree for Courier's deliveries.
const maildirFolder = "maildirfolder"

// Create implements mirror.Repository. A Maildir keeps no special use, so role
// is in the name or nowhere. After an error the directory may be there without
// being a mailbox; Create then goes on where it stopped.
func (r *Repository) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	if err := r.writable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	raw, err := r.codec.Encode(name)
	if err != nil {
		return fmt.Errorf("create mailbox: %w: %w", mirror.ErrName, err)
	}
	if err := r.create(raw); err != nil {
		return fmt.Errorf("create mailbox %q: %w", name.String(), reaching(err))
	}
	return nil
}

func (r *Repository) create(raw string) error {
	dir, err := r.makePath(raw)
	if err != nil {
		return err
	}
	defer dir.close()
	// cur comes last: with it the directory is a mailbox.
	for _, part := range []string{"tmp", "new", "cur"} {
		if err := r.disk.mkdir(dir, part); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		made, err := dir.open(part)
		if err != nil {
			return unusable(err)
		}
		made.close()
	}
	if r.opts.Layout == MaildirPP && raw != "." {
		if err := r.writeFile(dir, maildirFolder, nil); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return r.disk.sync(dir)
}

// makePath opens the directory raw below the root, makes what is missing of it,
// and makes all of it durable.
func (r *Repository) makePath(raw string) (*directory, error) {
	at, err := r.root.again()
	if err != nil || raw == "." {
		return at, err
	}
	for component := range strings.SplitSeq(raw, "/") {
		next, err := r.makeChild(at, component)
		at.close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// makeChild opens the directory called name in at, which it makes where it is
// missing, and makes its name durable: whoever made it before may have been
// killed before that.
func (r *Repository) makeChild(at *directory, name string) (*directory, error) {
	child, err := at.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := r.disk.mkdir(at, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		child, err = at.open(name)
	}
	if err != nil {
		return nil, unusable(err)
	}
	if err := r.disk.sync(at); err != nil {
		child.close()
		return nil, err
	}
	return child, nil
}

// unusable says of what stands in a mailbox's place and is no directory that
// the name cannot be kept. Other errors stay.
func unusable(err error) error {
	if errors.Is(err, errSymlink) || errors.Is(err, errNotDirectory) {
		return fmt.Errorf("%w: %w", mirror.ErrName, err)
	}
	return err
}
