package maildir

import (
	"io"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// newFile is a file being written. It is none of package os, which asks the system
// six times for each whether it can be polled and where its name leads.
type newFile struct {
	fd   int
	name string
}

// createFile makes a file (0600) called name in d, which is not there yet. A
// symbolic link of that name is there.
func createFile(d *directory, name string) (file, error) {
	f := &newFile{name: name}
	err := inDirectory(d, name, func(at int) (err error) {
		f.fd, err = unix.Openat(at, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return f, nil
}

// setFileTime sets the modification time of a file of d, never of what a symbolic
// link points to.
func setFileTime(d *directory, name string, t time.Time) error {
	at, err := unix.TimeToTimespec(t)
	if err == nil {
		err = inDirectory(d, name, func(dir int) error {
			return unix.UtimesNanoAt(dir, name, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
		})
	}
	if err != nil {
		return &fs.PathError{Op: "set time of", Path: name, Err: err}
	}
	return nil
}

// inDirectory calls do with the descriptor of d. name must be one component.
func inDirectory(d *directory, name string, do func(at int) error) error {
	if name == "" || name == "." || name == ".." || strings.ContainsRune(name, '/') {
		return fs.ErrInvalid
	}
	return withHandles(d, d, func(at, _ int) error {
		return untilDone(func() error { return do(at) })
	})
}

// untilDone repeats what a signal interrupted.
func untilDone(do func() error) error {
	for {
		if err := do(); err != unix.EINTR {
			return err
		}
	}
}

func (f *newFile) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// WriteAt implements io.WriterAt.
func (f *newFile) WriteAt(p []byte, offset int64) (written int, err error) {
	for len(p) > 0 {
		n := 0
		err := untilDone(func() (err error) { n, err = unix.Pwrite(f.fd, p, offset); return err })
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return written, f.fail("write", err)
		}
		written, p, offset = written+n, p[n:], offset+int64(n)
	}
	return written, nil
}

// ReadAt implements io.ReaderAt.
func (f *newFile) ReadAt(p []byte, offset int64) (read int, err error) {
	for len(p) > 0 {
		n := 0
		err := untilDone(func() (err error) { n, err = unix.Pread(f.fd, p, offset); return err })
		if err == nil && n == 0 {
			return read, io.EOF
		}
		if err != nil {
			return read, f.fail("read", err)
		}
		read, p, offset = read+n, p[n:], offset+int64(n)
	}
	return read, nil
}

// Sync makes the octets durable.
func (f *newFile) Sync() error {
	return f.fail("sync", untilDone(func() error { return unix.Fsync(f.fd) }))
}

// Close closes the file, also when it returns an error; a second time it is
// fs.ErrClosed.
func (f *newFile) Close() error {
	fd := f.fd
	f.fd = -1
	if fd < 0 {
		return f.fail("close", fs.ErrClosed)
	}
	return f.fail("close", unix.Close(fd))
}
