package maildir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNewFileStaysInItsDirectory: a file is made, and its time set, in the directory
// that is open and nowhere else, whatever its name or a symbolic link says.
func TestNewFileStaysInItsDirectory(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(outside)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	d, err := openRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := os.Mkdir(filepath.Join(path, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../stray", "below/stray", "/stray"} {
		if f, err := createFile(d, name); err == nil {
			f.Close()
			t.Errorf("create %q: got no error", name)
		}
		if err := setFileTime(d, name, time.Now()); err == nil {
			t.Errorf("set the time of %q: got no error", name)
		}
	}
	if f, err := createFile(d, "link"); !errors.Is(err, fs.ErrExist) {
		f.Close()
		t.Errorf("create at a link: got %v, want that it is there", err)
	}
	if err := setFileTime(d, "link", before.ModTime().AddDate(-1, 0, 0)); err != nil {
		t.Errorf("set the time of a link: %v", err)
	}
	if after, err := os.Stat(outside); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file outside: got time %v, %v; want it as it was", after.ModTime(), err)
	}
}

// TestNewFileClosedTwice: a second Close closes nothing that was opened since.
func TestNewFileClosedTwice(t *testing.T) {
	t.Parallel()
	d, err := openRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	f, err := createFile(d, "once")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed twice: got %v, want %v", err, fs.ErrClosed)
	}
}
