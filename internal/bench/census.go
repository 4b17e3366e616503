package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// A census counts the messages of each mailbox of one side.
type census map[string]tally

// A tally is what one mailbox holds.
type tally struct {
	Messages, Seen, Flagged, Answered int
	// octets are their sizes as that side has them: with LF or with CRLF.
	octets int64
}

// add counts one message with some of the letters F, R and S.
func (t *tally) add(octets int64, letters string) {
	t.Messages++
	t.octets += octets
	for _, letter := range letters {
		switch letter {
		case 'S':
			t.Seen++
		case 'F':
			t.Flagged++
		case 'R':
			t.Answered++
		}
	}
}

// wireFlags are flags as the letters of a Maildir name, in order.
func wireFlags(flags []imap.Flag) string {
	var letters []byte
	for _, flag := range flags {
		switch {
		case strings.EqualFold(string(flag), string(imap.FlagSeen)):
			letters = append(letters, 'S')
		case strings.EqualFold(string(flag), string(imap.FlagFlagged)):
			letters = append(letters, 'F')
		case strings.EqualFold(string(flag), string(imap.FlagAnswered)):
			letters = append(letters, 'R')
		}
	}
	slices.Sort(letters)
	return string(letters)
}

// letterWords are the letters of a Maildir name as flags.
func letterWords(letters string) (flags []imap.Flag) {
	for _, letter := range letters {
		switch letter {
		case 'S':
			flags = append(flags, imap.FlagSeen)
		case 'F':
			flags = append(flags, imap.FlagFlagged)
		case 'R':
			flags = append(flags, imap.FlagAnswered)
		}
	}
	return flags
}

// octets are those of all messages.
func (c census) octets() (n int64) {
	for _, t := range c {
		n += t.octets
	}
	return n
}

// differs says where two sides hold different mail, nil where they do not. An
// empty mailbox and none are alike. Octets are not compared: line ends and the
// headers that some tools add differ.
func (c census) differs(want census) error {
	for _, name := range slices.Sorted(maps.Keys(merge(c, want))) {
		got, wanted := c[name], want[name]
		got.octets, wanted.octets = 0, 0
		if got != wanted {
			return fmt.Errorf("mailbox %s: got %+v, want %+v", name, got, wanted)
		}
	}
	return nil
}

func merge(a, b census) census {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// census is what the shape comes to.
func (s shape) census() census {
	c, list := census{}, sizes(s.seed, s.messages(), s.mean)
	for i := range s.mailboxes {
		var sum tally
		for n := i * s.each; n < (i+1)*s.each; n++ {
			sum.add(int64(list[n]), letterFlags(n))
		}
		c[mailboxName(i)] = sum
	}
	return c
}

// lookLocal counts what a nested Maildir holds. That every file has octets, and
// how many, is looked at where sizes is set: it costs a stat a file.
func lookLocal(root string, sizes bool) (census, error) {
	c := census{}
	err := eachFile(root, func(mailbox, path string, entry fs.DirEntry) error {
		var size int64
		if sizes {
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if size = info.Size(); size == 0 {
				return fmt.Errorf("%s is empty", path)
			}
		}
		_, letters, _ := strings.Cut(entry.Name(), ":2,")
		sum := c[mailbox]
		sum.add(size, letters)
		c[mailbox] = sum
		return nil
	})
	return c, err
}

// eachFile calls f for every message of a nested Maildir. Without a root there
// is none.
func eachFile(root string, f func(mailbox, path string, entry fs.DirEntry) error) error {
	mailboxes, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, mailbox := range mailboxes {
		for _, sub := range []string{"cur", "new"} {
			dir := filepath.Join(root, mailbox.Name(), sub)
			files, err := os.ReadDir(dir)
			if err != nil && mailbox.IsDir() {
				return err
			}
			for _, file := range files {
				if err := f(mailbox.Name(), filepath.Join(dir, file.Name()), file); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// stamp is a digest of all names of a Maildir: equal before and after a run
// that changed nothing.
func stamp(root string) (string, error) {
	digest := sha256.New()
	err := eachFile(root, func(_, path string, _ fs.DirEntry) error {
		fmt.Fprintln(digest, path)
		return nil
	})
	return fmt.Sprintf("%x", digest.Sum(nil)), err
}
