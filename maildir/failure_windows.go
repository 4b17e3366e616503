package maildir

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isDiskFull knows how Windows says ENOSPC.
func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// isCrossDevice reports whether a rename failed because it leads to another
// volume.
func isCrossDevice(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

// isNotEmpty reports whether a directory was not removed because it holds something.
func isNotEmpty(err error) bool { return errors.Is(err, windows.ERROR_DIR_NOT_EMPTY) }
