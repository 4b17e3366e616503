package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"mailtwin/mirror"
)

const (
	// dotlockStale is the age at which Dovecot takes a lock file for a dead
	// process's.
	dotlockStale = 2 * time.Minute
	// dotlockWait bounds the wait for a lock that somebody holds.
	dotlockWait = 10 * time.Second
	dotlockPoll = 100 * time.Millisecond
)

var errDotlocked = fmt.Errorf("%w: another program holds the lock", mirror.ErrBusy)

// ourMark stands in the locks that we make and that do not become the file they
// guard. Since only one run of ours may work in a root at a time, a lock with it
// was left by one that was killed.
const ourMark = "mailtwin"

// dotlock is a lock file as Dovecot makes them: it exists while it is held and
// may become the file that it guards.
type dotlock struct {
	disk disk
	dir  *directory
	name string
	file file
	own  fs.FileInfo
}

// dotlock takes the lock, waiting for it for a while. A stale one is removed.
func (r *Repository) dotlock(ctx context.Context, dir *directory, name string) (*dotlock, error) {
	for waited := time.Duration(0); ; waited += dotlockPoll {
		f, err := r.disk.create(dir, name)
		if err == nil {
			own, err := dir.root.Lstat(name)
			if err != nil {
				f.Close()
				return nil, err
			}
			return &dotlock{r.disk, dir, name, f, own}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
		if r.breakStale(dir, name) {
			continue
		}
		if waited >= dotlockWait {
			return nil, fmt.Errorf("create %s: %w", name, errDotlocked)
		}
		if err := r.sleep(ctx, dotlockPoll); err != nil {
			return nil, err
		}
	}
}

// breakStale removes the lock if it is stale, and reports whether it did.
func (r *Repository) breakStale(dir *directory, name string) bool {
	held, err := dir.root.Lstat(name)
	if err != nil {
		return false
	}
	text, err := dir.readFile(name)
	if ours := err == nil && string(text) == ourMark; !ours && r.now().Sub(held.ModTime()) < dotlockStale {
		return false
	}
	// Somebody else may have broken it and taken it meanwhile.
	again, err := dir.root.Lstat(name)
	return err == nil && os.SameFile(held, again) && r.disk.remove(dir, name) == nil
}

// mark says whose lock it is.
func (l *dotlock) mark() error {
	_, err := l.file.WriteAt([]byte(ourMark), 0)
	return err
}

// release gives the lock back, unless it was broken or became its file.
func (l *dotlock) release() {
	l.file.Close()
	if now, err := l.dir.root.Lstat(l.name); err == nil && os.SameFile(l.own, now) {
		l.disk.remove(l.dir, l.name)
	}
}
