//go:build unix

package maildir

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// linkExclusive gives a file a second name, which must be free, and takes the
// first one away. Between the two steps the file has both.
func linkExclusive(from *directory, name string, to *directory, newName string) error {
	err := withHandles(from, to, func(fromFD, toFD int) error {
		if err := unix.Linkat(fromFD, name, toFD, newName, 0); err != nil {
			return err
		}
		err := unix.Unlinkat(fromFD, name, 0)
		var at unix.Stat_t
		if err == unix.ENOENT && unix.Fstatat(toFD, newName, &at, unix.AT_SYMLINK_NOFOLLOW) == nil && at.Nlink == 1 {
			// This very call took the name away and its answer was lost, as
			// NFS does: the new name is the only one.
			return nil
		}
		if err != nil {
			// Perhaps another program renamed the file just now (ENOENT); it
			// is there under the name that it got.
			err = errors.Join(err, unix.Unlinkat(toFD, newName, 0))
		}
		return err
	})
	if err != nil {
		return &os.LinkError{Op: "link", Old: name, New: newName, Err: err}
	}
	return nil
}

// withHandles calls do with the descriptors of two open directories.
func withHandles(from, to *directory, do func(fromFD, toFD int) error) error {
	fromConn, err := from.handle.SyscallConn()
	if err != nil {
		return err
	}
	toConn, err := to.handle.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = fromConn.Control(func(fromFD uintptr) {
		err := toConn.Control(func(toFD uintptr) { result = do(int(fromFD), int(toFD)) })
		if err != nil {
			result = err
		}
	})
	if err != nil {
		return err
	}
	return result
}

// syncDirectory makes the names in a directory durable. File systems that
// cannot (EINVAL) have no more to give.
func syncDirectory(handle *os.File) error {
	if err := handle.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
