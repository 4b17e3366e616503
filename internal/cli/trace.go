package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
)

// openTrace opens the file of --trace for appending, 0600. It may hold parts
// of mail headers, so one that group or others can read is refused, and so is
// everything that is not a plain file of that name.
func openTrace(path string) (*os.File, error) {
	before, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, traceUnusable(path, err)
		}
		return f, nil
	}
	if err != nil {
		return nil, traceUnusable(path, err)
	}
	if !before.Mode().IsRegular() {
		return nil, traceNotPlain(path)
	}
	if before.Mode().Perm()&0o077 != 0 {
		return nil, traceExposed(path, before.Mode().Perm())
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, traceUnusable(path, err)
	}
	// The name may have been given to another file in between.
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
		return nil, errors.Join(traceNotPlain(path), f.Close())
	}
	return f, nil
}

// traceWriter marks each line with the pair and side that it is of. It may be
// used by several goroutines; lines stay whole.
type traceWriter struct {
	mu   *sync.Mutex
	to   io.Writer
	mark string
}

func (t *traceWriter) Write(line []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.to.Write(append([]byte(t.mark), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
