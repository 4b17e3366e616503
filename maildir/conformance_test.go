package maildir

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// TestConformance runs the suite of mirror.Repository over both layouts.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, layout := range []Layout{Nested, MaildirPP} {
		t.Run(string(layout), func(t *testing.T) {
			mirrortest.Repository(t, func(t *testing.T) mirrortest.Fixture {
				t.Parallel()
				return newFixture(t, layout)
			})
		})
	}
}

// fixture is a tree in a temporary directory.
type fixture struct {
	opts  Options
	clock *clock
}

func newFixture(t *testing.T, layout Layout) mirrortest.Fixture {
	dir := t.TempDir()
	f := &fixture{clock: &clock{}}
	f.opts = Options{Path: filepath.Join(dir, "mail"), Undo: filepath.Join(dir, "undo"), Layout: layout, Now: f.clock.Now, Sleep: f.clock.Sleep}
	return mirrortest.Fixture{
		Session: func(t *testing.T) mirror.Repository { return f.repository(t) },
		Deliver: f.deliver,
		SetFlags: func(t *testing.T, mailbox mirror.Name, ref mirror.Ref, flags mirror.Flags) {
			dir, name := f.find(t, mailbox, ref.Base)
			next := fileName{base: ref.Base, letters: f.letters(t, mailbox, flags)}
			f.try(t, os.Rename(filepath.Join(dir, name), filepath.Join(filepath.Dir(dir), "cur", next.inCur())))
		},
		Remove: func(t *testing.T, mailbox mirror.Name, ref mirror.Ref) {
			dir, name := f.find(t, mailbox, ref.Base)
			f.try(t, os.Remove(filepath.Join(dir, name)))
		},
		Settle: func(t *testing.T) {
			ageDirectories(t, f.opts.Path)
			f.clock.age()
		},
	}
}

func (f *fixture) repository(t *testing.T) *Repository {
	t.Helper()
	r, err := New(f.opts)
	f.try(t, err)
	return r
}

func (f *fixture) try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) box(t *testing.T, mailbox mirror.Name) string {
	t.Helper()
	codec, _, err := f.opts.codec()
	f.try(t, err)
	raw, err := codec.Encode(mailbox)
	f.try(t, err)
	return filepath.Join(f.opts.Path, raw)
}

func (f *fixture) letters(t *testing.T, mailbox mirror.Name, flags mirror.Flags) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.box(t, mailbox), keywordsFile))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	keys := parseKeywords(text)
	return fileName{}.with(keys.letters(flags), "").letters
}

func (f *fixture) deliver(t *testing.T, mailbox mirror.Name, body []byte, flags mirror.Flags, date time.Time) {
	t.Helper()
	box := f.box(t, mailbox)
	temp := filepath.Join(box, "tmp", "somebody.else")
	f.try(t, os.WriteFile(temp, bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), 0o600))
	f.try(t, os.Chtimes(temp, date, date))
	n := fileName{base: newBase(date), letters: f.letters(t, mailbox, flags)}
	to := n.place(true)
	f.try(t, os.Rename(temp, filepath.Join(box, map[bool]string{true: "new", false: "cur"}[to.inNew], to.name)))
}

// find returns the directory and the name of the file of a base.
func (f *fixture) find(t *testing.T, mailbox mirror.Name, base string) (dir, name string) {
	t.Helper()
	for _, part := range []string{"new", "cur"} {
		dir := filepath.Join(f.box(t, mailbox), part)
		entries, err := os.ReadDir(dir)
		f.try(t, err)
		for _, e := range entries {
			if parseName(e.Name()).base == base {
				return dir, e.Name()
			}
		}
	}
	t.Fatalf("no file %q", base)
	return "", ""
}
