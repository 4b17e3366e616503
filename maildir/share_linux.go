package maildir

import (
	"os"

	"golang.org/x/sys/unix"
)

// shareBlocks is FICLONE (ioctl_ficlone(2)), which btrfs, XFS and bcachefs have. It does
// all or nothing.
func shareBlocks(from source, to file) bool {
	f, ok := from.(*os.File)
	t, ours := to.(*newFile)
	if !ok || !ours {
		return false
	}
	return untilDone(func() error { return unix.IoctlFileClone(t.fd, int(f.Fd())) }) == nil
}
