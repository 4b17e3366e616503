package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"mailtwin/mirror"
)

const (
	identityFile = ".mailtwin-id"
	lockFile     = ".mailtwin-lock"
)

// identityForm is what the first line of identityFile looks like.
var identityForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// readIdentity returns the id of the root; fs.ErrNotExist where it has none. A
// file that holds none is ErrOtherIdentity: it is never rewritten.
func (r *Repository) readIdentity() (string, error) {
	text, err := r.root.readFile(identityFile)
	if err != nil {
		return "", err
	}
	id := strings.TrimRight(string(text), "\r\n")
	if !identityForm.MatchString(id) {
		return "", fmt.Errorf("%w: %s holds no id", mirror.ErrOtherIdentity, identityFile)
	}
	return id, nil
}

// checkIdentity makes sure that the root is the one of the last run.
func (r *Repository) checkIdentity(known string) error {
	id, err := r.readIdentity()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it has no %s", mirror.ErrRootMissing, identityFile)
	}
	if err == nil && id != known {
		err = mirror.ErrOtherIdentity
	}
	return err
}

// writeIdentity gives the root an id. The file appears under its name only
// when it is complete, and never over another.
func (r *Repository) writeIdentity() (string, error) {
	id := randomHex(16)
	temp := identityFile + "." + randomHex(8)
	if err := r.writeFile(r.root, temp, []byte(id+"\n")); err != nil {
		return "", fmt.Errorf("write %s: %w", identityFile, err)
	}
	err := r.disk.rename(r.root, temp, r.root, identityFile)
	if err != nil {
		r.disk.remove(r.root, temp)
		return "", fmt.Errorf("write %s: %w", identityFile, err)
	}
	return id, r.disk.sync(r.root)
}

// takeLock locks the root for this process. The lock file stays when the lock
// is given back: to remove it would let two processes hold one each.
func (r *Repository) takeLock() error {
	if info, err := r.root.root.Lstat(lockFile); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s %w", lockFile, errNotRegular)
	}
	lock := flock.New(filepath.Join(r.opts.Path, lockFile))
	held, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if !held {
		return &mirror.LockedError{What: r.opts.Path, PID: r.lockHolder()}
	}
	r.lock = lock
	return r.signLock()
}

// signLock makes sure that the locked file is in the root that was opened, and
// writes the process id into it for people who find it locked.
func (r *Repository) signLock() error {
	f, err := r.root.root.OpenFile(lockFile, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer f.Close()
	mine, err := r.lock.Stat()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	here, err := f.Stat()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if !os.SameFile(mine, here) {
		return fmt.Errorf("%w: the root was replaced while it was opened", mirror.ErrRootMissing)
	}
	// Windows lets nobody write into a locked file, not even its holder by
	// another handle; the lock then names no process.
	if f.Truncate(0) == nil {
		f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	return nil
}

// lockHolder returns the process id in the lock file, 0 when there is none.
func (r *Repository) lockHolder() int {
	f, _, err := r.root.openFile(lockFile)
	if err != nil {
		return 0
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
