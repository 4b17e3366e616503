package statedb

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"mailtwin/mirror"
)

// takeLock locks the file at path, which it creates, and writes our process id
// into it. The lock goes with the process, whatever becomes of it; the file
// stays, as removing it would let two runs lock two files of one name.
//
// A lock that is held, by this process or another, is a *mirror.LockedError.
func takeLock(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock state: %w", err)
	}
	if !held {
		return nil, &mirror.LockedError{What: path, PID: holder(path)}
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock state: %w", err)
	}
	return lock, nil
}

// holder reads the process id from a lock file; 0 when there is none.
func holder(path string) int {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// releaseLock empties the file first, so that nobody reads our process id as
// that of the next holder.
func releaseLock(lock *flock.Flock) error {
	truncated := os.Truncate(lock.Path(), 0)
	if err := lock.Close(); err != nil {
		return fmt.Errorf("unlock state: %w", err)
	}
	if truncated != nil {
		return fmt.Errorf("unlock state: %w", truncated)
	}
	return nil
}
