package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mailtwin/mirror"
)

// reaching wraps err with the sentinel that says how far it reaches. An error
// that has one is left alone, as is one that nothing is known of.
func reaching(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || isDiskFull(err):
		return fmt.Errorf("%w: %w", mirror.ErrFull, err)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", mirror.ErrOverQuota, err)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", mirror.ErrDenied, err)
	}
	return err
}

// notDone marks the failure of an effect that certainly did not happen.
func notDone(err error) error { return fmt.Errorf("%w: %w", mirror.ErrNotDone, reaching(err)) }

// endsBatch reports whether err would meet the next message as well.
func endsBatch(err error) bool {
	return errors.Is(err, mirror.ErrFull) || errors.Is(err, mirror.ErrOverQuota) || errors.Is(err, mirror.ErrDenied)
}
