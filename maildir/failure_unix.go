//go:build !windows

package maildir

import (
	"errors"
	"syscall"
)

// isDiskFull knows what ENOSPC does not cover: nothing here.
func isDiskFull(error) bool { return false }

// isCrossDevice reports whether a rename failed because it leads to another
// file system.
func isCrossDevice(err error) bool { return errors.Is(err, syscall.EXDEV) }

// isNotEmpty reports whether a directory was not removed because it holds something.
func isNotEmpty(err error) bool {
	return errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST)
}
