package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// A demoTree is the demo's Maildir as another mail program sees it: with
// nothing but file names. It shares no code with package maildir.
type demoTree struct{ root string }

// info stands between a file's base name and its flags, behind a separator.
const info = "2,"

// letters are the flags of a file name.
var letters = map[rune]imap.Flag{'D': imap.FlagDraft, 'F': imap.FlagFlagged, 'P': imap.FlagForwarded,
	'R': imap.FlagAnswered, 'S': imap.FlagSeen, 'T': imap.FlagDeleted}

// newest returns the path of the youngest file in a mailbox.
func (t demoTree) newest(mailbox string) (path string, err error) {
	dir := filepath.Join(t.root, filepath.FromSlash(mailbox), "cur")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var youngest fs.FileInfo
	for _, e := range entries {
		file, err := e.Info()
		if err != nil {
			return "", err
		}
		if youngest == nil || file.ModTime().After(youngest.ModTime()) {
			youngest, path = file, filepath.Join(dir, e.Name())
		}
	}
	if youngest == nil {
		return "", fmt.Errorf("%q: %w", dir, errors.New("is empty"))
	}
	return path, nil
}

// deliver writes a message as a mail program does: to tmp, then to cur under
// its final name.
func (t demoTree) deliver(m demoMessage) error {
	dir := filepath.Join(t.root, filepath.FromSlash(m.mailbox))
	temp := filepath.Join(dir, "tmp", "1777734180.demo_1.example")
	if err := os.WriteFile(temp, bytes.ReplaceAll(m.body, []byte("\r\n"), []byte("\n")), 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(temp, m.date, m.date); err != nil {
		return err
	}
	like, err := t.newest(m.mailbox)
	if err != nil {
		return err
	}
	// The separator is not the same on every system.
	before, _, _ := strings.Cut(filepath.Base(like), info)
	return os.Rename(temp, filepath.Join(dir, "cur", filepath.Base(temp)+before[len(before)-1:]+info+"DS"))
}

// flag sets a flag on the youngest file of a mailbox.
func (t demoTree) flag(mailbox string, letter rune) error {
	path, err := t.newest(mailbox)
	if err != nil {
		return err
	}
	base, flags, _ := strings.Cut(filepath.Base(path), info)
	sorted := []rune(flags + string(letter))
	slices.Sort(sorted)
	return os.Rename(path, filepath.Join(filepath.Dir(path), base+info+string(slices.Compact(sorted))))
}

// move puts the youngest file of a mailbox into another.
func (t demoTree) move(from, to string) error {
	path, err := t.newest(from)
	if err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(t.root, filepath.FromSlash(to), "cur", filepath.Base(path)))
}

func (t demoTree) remove(mailbox string) error {
	path, err := t.newest(mailbox)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// mail reads everything: the messages of each mailbox.
func (t demoTree) mail() (map[string][]demoMessage, error) {
	all := map[string][]demoMessage{}
	err := filepath.WalkDir(t.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || e.Name() != "cur" {
			return err
		}
		name, err := filepath.Rel(t.root, filepath.Dir(path))
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		all[name], err = mailIn(name, path, filepath.Join(filepath.Dir(path), "new"))
		return err
	})
	return all, err
}

func mailIn(mailbox string, dirs ...string) (list []demoMessage, err error) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			m, err := readDemoMessage(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			m.mailbox = mailbox
			list = append(list, m)
		}
	}
	return list, nil
}

func readDemoMessage(path string) (m demoMessage, err error) {
	file, err := os.Stat(path)
	if err != nil {
		return m, err
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	m.date, m.body = file.ModTime(), bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	_, flags, _ := strings.Cut(filepath.Base(path), info)
	for _, letter := range flags {
		m.flags = append(m.flags, letters[letter])
	}
	return m, nil
}

// sameFlags compares without order and case.
func sameFlags(a, b []imap.Flag) bool {
	return slices.Equal(folded(a), folded(b))
}

func folded(flags []imap.Flag) (list []string) {
	for _, f := range flags {
		list = append(list, strings.ToLower(string(f)))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
