//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives path to the owner of info. Only root can.
func keepOwner(info fs.FileInfo, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	stat := info.Sys().(*syscall.Stat_t)
	return os.Lchown(path, int(stat.Uid), int(stat.Gid))
}
