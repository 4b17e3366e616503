package maildir

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameExclusive renames without replacing. Where the file system does not
// know RENAME_NOREPLACE (NFS and some FUSE answer EINVAL), a hard link is made
// and the old name removed.
func renameExclusive(from *directory, name string, to *directory, newName string) error {
	err := withHandles(from, to, func(fromFD, toFD int) error {
		return unix.Renameat2(fromFD, name, toFD, newName, unix.RENAME_NOREPLACE)
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) {
		return linkExclusive(from, name, to, newName)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: name, New: newName, Err: err}
	}
	return nil
}
