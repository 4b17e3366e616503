package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// clone copies a tree of Maildirs. Messages become hard links, as no program
// writes into one that is delivered: they rename and unlink. Everything else is
// copied. Owners, modes and times of modification stay, so that Dovecot's
// indexes go with the copy; directories have new change times and inodes.
func clone(from, to string) error {
	var dirs []string
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside := strings.TrimPrefix(path, from)
		if entry.IsDir() {
			dirs = append(dirs, inside)
			return os.Mkdir(to+inside, 0o700)
		}
		if isMessage(path) {
			return os.Link(path, to+inside)
		}
		return copyFile(path, to+inside)
	})
	if err != nil {
		return err
	}
	for _, inside := range dirs { // the times last: making a file changes them
		if err := keepAttributes(from+inside, to+inside); err != nil {
			return err
		}
	}
	return nil
}

// isMessage reports whether path is a delivered message of a Maildir.
func isMessage(path string) bool {
	switch filepath.Base(filepath.Dir(path)) {
	case "cur", "new":
		return true
	}
	return false
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	return keepAttributes(from, to)
}

func keepAttributes(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := keepOwner(info, to); err != nil {
		return err
	}
	if err := os.Chmod(to, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
