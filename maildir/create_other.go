//go:build !linux

package maildir

import (
	"os"
	"time"
)

// createFile makes a file (0600) called name in d, which is not there yet.
func createFile(d *directory, name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// setFileTime sets the modification time of a file of d.
func setFileTime(d *directory, name string, t time.Time) error { return d.root.Chtimes(name, t, t) }
