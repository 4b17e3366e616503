package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Repository is a mirror.Repository over one tree of Maildirs. Its methods may
// be called by several goroutines at once, as long as each Mailbox is used by
// one.
type Repository struct {
	opts   Options
	codec  nametrans.Codec
	other  nametrans.Codec // the encoding that was not chosen
	disk   disk
	access mirror.Access
	// root is nil before Connect, and after a Connect for reading only that
	// found no root on a first run.
	root *directory
	lock *flock.Flock

	mu         sync.Mutex
	numberings map[mirror.Name]*numbering
	waited     time.Time // when this run last began to wait for what may change without rest
	// ours are the mailboxes whose names this run changed since it last waited
	// for them.
	ours     map[mirror.Name]bool
	undoKept bool // keepUndo was called
}

var _ mirror.Repository = (*Repository)(nil)

// New returns the repository that opts describe. Nothing is touched before
// Connect.
func New(opts Options) (*Repository, error) {
	codec, other, err := opts.codec()
	if err != nil {
		return nil, err
	}
	if err := opts.checkUndo(); err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	return &Repository{opts: opts, codec: codec, other: other, disk: realDisk{},
		numberings: map[mirror.Name]*numbering{}, ours: map[mirror.Name]bool{}}, nil
}

func (r *Repository) now() time.Time { return r.opts.Now() }

func (r *Repository) sleep(ctx context.Context, d time.Duration) error { return r.opts.Sleep(ctx, d) }

// recheck is how long the stamps of directories are believed.
const recheck = 24 * time.Hour

// Connect implements mirror.Repository. The root is checked before anything is
// written into it, and locked until Close when access is ReadWrite. On a first
// run for reading only, a root that is missing is an empty repository, and one
// without an id stays without: Traits.Identity is then "".
func (r *Repository) Connect(ctx context.Context, visit mirror.Visit) (mirror.Traits, error) {
	if err := ctx.Err(); err != nil {
		return mirror.Traits{}, err
	}
	r.access = visit.Access
	traits := mirror.Traits{Identity: visit.Identity, Copies: true, Undo: r.opts.Undo != "", Local: true, Recheck: recheck}
	if err := r.openRoot(visit.Identity, visit.Access); err != nil {
		return mirror.Traits{}, fmt.Errorf("open Maildir: %w", reaching(err))
	}
	if r.root == nil {
		return traits, nil
	}
	if err := r.claim(&traits, visit.Access); err != nil {
		return mirror.Traits{}, fmt.Errorf("open Maildir %q: %w", r.opts.Path, reaching(err))
	}
	// The id is there under one spelling; a file system that finds it under
	// another folds case.
	_, err := r.root.root.Lstat(strings.ToUpper(identityFile))
	traits.FoldsCase = err == nil
	return traits, nil
}

// Expect implements mirror.Repository: nothing is gained by asking early.
func (r *Repository) Expect(context.Context, []mirror.Expected) {}

// Memory implements mirror.Repository: there is nothing to remember.
func (r *Repository) Memory() string { return "" }

// openRoot opens the root; on a first run it is made.
func (r *Repository) openRoot(identity string, access mirror.Access) error {
	root, err := openRoot(r.opts.Path)
	switch {
	case err == nil:
		r.root = root
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case identity != "":
		return fmt.Errorf("%w: %w", mirror.ErrRootMissing, err)
	case access == mirror.ReadOnly:
		return nil
	}
	if err := makeDirectories(r.opts.Path, r.disk); err != nil {
		return err
	}
	r.root, err = openRoot(r.opts.Path)
	return err
}

// makeDirectories makes path and its missing parents (0700), durably.
func makeDirectories(path string, disk disk) error {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := makeDirectories(parent, disk); err != nil {
			return err
		}
	}
	parent, err := openRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.close()
	if err := disk.mkdir(parent, filepath.Base(path)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return disk.sync(parent)
}

// claim checks who the root is, locks it, and gives it an id on a first run.
func (r *Repository) claim(traits *mirror.Traits, access mirror.Access) error {
	known := traits.Identity
	if known != "" {
		if err := r.checkIdentity(known); err != nil {
			return err
		}
	}
	if access == mirror.ReadWrite {
		if err := r.takeLock(); err != nil {
			return err
		}
	}
	if known != "" {
		return nil
	}
	if err := r.checkNames(); err != nil {
		return err
	}
	id, err := r.readIdentity()
	switch {
	case errors.Is(err, fs.ErrNotExist) && access == mirror.ReadWrite:
		id, err = r.writeIdentity()
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err == nil && access == mirror.ReadWrite {
		err = r.keepRoot() // a run that was killed may have made the root or its id
	}
	traits.Identity = id
	return err
}

// keepRoot makes the id and the root's own name durable.
func (r *Repository) keepRoot() error {
	if err := r.disk.sync(r.root); err != nil {
		return err
	}
	return r.keepName(r.opts.Path)
}

// keepName makes the name of the directory at path durable. A parent that may
// not be opened was not made by us.
func (r *Repository) keepName(path string) error {
	parent, err := openRoot(filepath.Dir(filepath.Clean(path)))
	if err != nil {
		return nil
	}
	defer parent.close()
	return r.disk.sync(parent)
}

// writable says whether effects are allowed.
func (r *Repository) writable() error {
	if r.access != mirror.ReadWrite || r.root == nil {
		return fmt.Errorf("%w: Maildir is open for reading only", mirror.ErrDenied)
	}
	return nil
}

// Close implements mirror.Repository.
func (r *Repository) Close() error {
	r.root.close()
	r.root = nil
	if r.lock == nil {
		return nil
	}
	return r.lock.Unlock()
}
