package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

var (
	errSymlink      = errors.New("is a symbolic link, which is not followed")
	errNotDirectory = errors.New("is not a directory")
	errNotRegular   = errors.New("is not a regular file")
)

// directory is an open directory of the tree or of the undo store. Everything
// in it is reached by name through its handle: nothing that happens to the path
// above it can lead elsewhere.
type directory struct {
	root   *os.Root
	handle *os.File
	// full is the path by which the directory was reached, for messages and
	// for systems that cannot rename by handle.
	full string
}

// openRoot opens the directory at path, following symbolic links in it.
func openRoot(path string) (*directory, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return newDirectory(root, path)
}

func newDirectory(root *os.Root, full string) (*directory, error) {
	handle, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	return &directory{root, handle, full}, nil
}

// open opens the directory called name in d, which is no symbolic link.
func (d *directory) open(name string) (*directory, error) {
	before, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%q %w", path.Join(d.full, name), errSymlink)
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%q %w", path.Join(d.full, name), errNotDirectory)
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	child, err := newDirectory(root, path.Join(d.full, name))
	if err != nil {
		return nil, err
	}
	// A link put there after the first look would have been followed.
	if after, err := child.handle.Stat(); err != nil || !os.SameFile(before, after) {
		child.close()
		return nil, fmt.Errorf("%q was replaced while it was opened", path.Join(d.full, name))
	}
	return child, nil
}

// close may be called on nil.
func (d *directory) close() {
	if d != nil {
		d.handle.Close()
		d.root.Close()
	}
}

// openFile opens the regular file called name for reading. Its info is
// returned also when only opening it failed.
func (d *directory) openFile(name string) (*os.File, fs.FileInfo, error) {
	before, err := d.root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, before, fmt.Errorf("%q %w", name, errNotRegular)
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, before, err
	}
	after, err := f.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%q was replaced while it was opened", name)
	}
	if err != nil {
		f.Close()
		return nil, before, err
	}
	return f, after, nil
}

// readFile reads a small file of a known name.
func (d *directory) readFile(name string) ([]byte, error) {
	f, _, err := d.openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
