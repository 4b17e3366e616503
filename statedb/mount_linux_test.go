package statedb

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func mountTmpfs(dir string, octets int) error {
	return unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", octets))
}

func remount(dir string, readOnly bool) error {
	flags := uintptr(unix.MS_REMOUNT)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount("", dir, "", flags, "")
}

func unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }
