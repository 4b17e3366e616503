package maildir

import (
	"io/fs"
	"syscall"
)

// changeOf returns the ctime in nanoseconds and the inode.
func changeOf(info fs.FileInfo) (changed int64, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano(), st.Ino
	}
	return 0, 0
}
