package maildir

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"time"
)

// disk is every operation by which this package reads names and changes what
// is on disk. Tests put another one in its place, to record the order of
// operations and to let the i-th of them fail. Its methods are called
// concurrently.
type disk interface {
	// names calls each with all names in d but "." and "..", in chunks.
	names(d *directory, each func(names []string) error) error
	// open opens a regular file; see directory.openFile.
	open(d *directory, name string) (source, fs.FileInfo, error)
	// create makes a file (0600) that is not there yet.
	create(d *directory, name string) (file, error)
	// share makes to, which is empty, hold what from does, in the same blocks until one
	// of them is written to. It reports whether the file system can; else to is empty still.
	share(from source, to file) bool
	// rename never replaces: newName in to must not exist (fs.ErrExist). After
	// an error the file is where it was.
	rename(from *directory, name string, to *directory, newName string) error
	// replace renames within d and replaces newName.
	replace(d *directory, name, newName string) error
	remove(d *directory, name string) error
	mkdir(d *directory, name string) error
	setTime(d *directory, name string, t time.Time) error
	// sync makes the names in d durable.
	sync(d *directory) error
	// stamp is the mark that changes leave on a directory of this info.
	stamp(info fs.FileInfo) stamp
}

// source is a file being read.
type source interface {
	io.ReadSeekCloser
}

// file is a file being written.
type file interface {
	anywhere
	Sync() error
	Close() error
}

// namesChunk is how many names are read at once.
const namesChunk = 4096

// realDisk is the operating system's.
type realDisk struct{}

func (realDisk) names(d *directory, each func([]string) error) error {
	// A handle of its own begins at the first name.
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(namesChunk)
		if len(names) > 0 {
			if err := each(names); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (realDisk) open(d *directory, name string) (source, fs.FileInfo, error) {
	f, info, err := d.openFile(name)
	if err != nil {
		return nil, info, err
	}
	return f, info, nil
}

func (realDisk) create(d *directory, name string) (file, error) { return createFile(d, name) }

func (realDisk) share(from source, to file) bool { return shareBlocks(from, to) }

func (realDisk) rename(from *directory, name string, to *directory, newName string) error {
	return renameExclusive(from, name, to, newName)
}

func (realDisk) replace(d *directory, name, newName string) error {
	return d.root.Rename(name, newName)
}

func (realDisk) remove(d *directory, name string) error { return d.root.Remove(name) }

func (realDisk) mkdir(d *directory, name string) error { return d.root.Mkdir(name, 0o700) }

func (realDisk) setTime(d *directory, name string, t time.Time) error {
	return setFileTime(d, name, t)
}

func (realDisk) sync(d *directory) error { return syncDirectory(d.handle) }

func (realDisk) stamp(info fs.FileInfo) stamp { return stampOf(info) }

// writeFile makes a durable file called name, which is not there yet. The
// directory is not synced. A file that could not be written is removed.
func (r *Repository) writeFile(d *directory, name string, text []byte) error {
	return r.copyFile(bytes.NewReader(text), d, name, time.Time{})
}

// copyFile is writeFile with the octets of a reader, and a modification time
// unless date is zero.
func (r *Repository) copyFile(source io.Reader, d *directory, name string, date time.Time) error {
	f, err := r.disk.create(d, name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(f, 0), source)
	if err == nil && !date.IsZero() {
		err = r.disk.setTime(d, name, date)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		r.disk.remove(d, name)
	}
	return err
}
