package maildir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

var other = nametrans.MustName("Other")

// copyWorld is a world with two mailboxes and a letter in INBOX, as the state knows it.
func copyWorld(t *testing.T, text string) (w *world, from, to *Mailbox, donor mirror.Message) {
	t.Helper()
	w = newWorld(t, nil)
	w.create(other)
	from, to = w.box(inbox), w.box(other)
	donor.Ref = w.append(from, text, `\Flagged`)
	found, err := from.Identify(t.Context(), []mirror.Ref{donor.Ref}, mirror.Bodies)
	if err != nil || len(found) != 1 {
		t.Fatalf("identify: got %v, %v", found, err)
	}
	donor.Identity, donor.Size = found[0].Identity, found[0].Size
	return w, from, to, donor
}

func (w *world) copy(from, to *Mailbox, donor mirror.Message, flags string) mirror.Copied {
	w.Helper()
	one := mirror.Copying{Donor: donor, Reserved: to.Reserve(1)[0], Flags: mirror.ParseFlags(flags), Date: letters}
	results, err := from.Copy(w.Context(), []mirror.Copying{one}, to.name)
	if len(results) != 1 {
		w.Fatalf("copy: got %v, %v, want one result", results, err)
	}
	return results[0]
}

// file is the one file of a mailbox.
func (w *world) file(dir string) string {
	w.Helper()
	list := w.files(dir)
	if len(list) != 1 {
		w.Fatalf("%s: got %q, want one file", dir, list)
	}
	return filepath.Join(w.path, dir, list[0])
}

// TestCopiesAreTwo: a copy is a file of its own, whatever the size, and durable before it
// has a name.
func TestCopiesAreTwo(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"lines": crlfMessage, "as is": "Subject: a\r\n\r\nbare\nline\r\n", "large": "Subject: a\r\n\r\n" + strings.Repeat("a line\r\n", maxInMemory/8+9),
	} {
		t.Run(name, func(t *testing.T) {
			w, from, to, donor := copyWorld(t, text)
			w.disk.operations()
			r := w.copy(from, to, donor, `\Seen`)
			if r.Err != nil || !r.Flags.Equal(mirror.ParseFlags(`\Seen`)) || r.From != donor.Ref {
				t.Fatalf("got %+v", r)
			}
			ops := w.disk.operations()
			index := func(op string) int {
				return slices.IndexFunc(ops, func(s string) bool { return strings.HasPrefix(s, op) })
			}
			if c, s, n, d := index("create Other/tmp/"), index("fsync Other/tmp/"), index("rename Other/cur/"), index("sync Other/cur"); c < 0 || c > s || s > n || n > d {
				t.Errorf("got %q, want create, fsync, rename, sync", ops)
			}
			one, two := w.file("INBOX/cur"), w.file("Other/cur")
			a, _ := os.ReadFile(one)
			b, _ := os.ReadFile(two)
			if string(a) != string(b) || len(a) == 0 {
				t.Errorf("got %d octets, want the %d of the donor", len(b), len(a))
			}
			was, _ := os.Stat(one)
			is, err := os.Stat(two)
			if err != nil || os.SameFile(was, is) || is.Mode() != 0o600 || !is.ModTime().Equal(letters) {
				t.Errorf("got mode %v, date %v, the same file %v; want a file of its own, 0600, %v", is.Mode(), is.ModTime(), os.SameFile(was, is), letters)
			}
			if err := os.WriteFile(two, []byte("written over"), 0); err != nil {
				t.Fatal(err)
			}
			if left, _ := os.ReadFile(one); string(left) != string(a) {
				t.Error("the donor changed with its copy")
			}
			w.wantFiles("Other/tmp")
		})
	}
}

// TestNoCopy: what is not, or not any more, the donor that is known is not copied, and
// nothing of it is left.
func TestNoCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		upset func(w *world, donor *mirror.Message)
		want  error
	}{
		{"gone", func(w *world, _ *mirror.Message) { os.Remove(w.file("INBOX/cur")) }, mirror.ErrGone},
		{"written over", func(w *world, _ *mirror.Message) {
			os.WriteFile(w.file("INBOX/cur"), []byte(strings.Replace(lfMessage, "S", "s", 1)), 0)
		}, mirror.ErrGone},
		{"grown, and never read before", func(w *world, donor *mirror.Message) {
			donor.Identity = mirror.Identity{}
			os.WriteFile(w.file("INBOX/cur"), []byte(lfMessage+"more\n"), 0)
		}, mirror.ErrGone},
		{"another header of that size", func(w *world, donor *mirror.Message) {
			donor.Identity = mirror.Identity{Header: mirror.Digest{1}}
		}, mirror.ErrGone},
		{"cannot be opened", func(w *world, _ *mirror.Message) {
			w.disk.before = func(op string) error {
				if strings.HasPrefix(op, "open INBOX/cur") {
					return syscall.EIO
				}
				return nil
			}
		}, syscall.EIO},
		{"no space", func(w *world, _ *mirror.Message) {
			w.disk.before = func(op string) error {
				if strings.HasPrefix(op, "create Other/tmp") {
					return syscall.ENOSPC
				}
				return nil
			}
		}, mirror.ErrFull},
		{"the name is taken", func(w *world, _ *mirror.Message) {
			w.disk.before = func(op string) error {
				if strings.HasPrefix(op, "rename Other/cur") {
					return fs.ErrExist
				}
				return nil
			}
		}, fs.ErrExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, from, to, donor := copyWorld(t, crlfMessage)
			c.upset(w, &donor)
			r := w.copy(from, to, donor, `\Seen`)
			if !errors.Is(r.Err, c.want) || !errors.Is(r.Err, mirror.ErrNotDone) {
				t.Errorf("got %v, want %v, %v", r.Err, mirror.ErrNotDone, c.want)
			}
			w.disk.before = nil
			w.wantFiles("Other/tmp")
			w.wantFiles("Other/cur")
			w.wantFiles("Other/new")
		})
	}
}

// TestCopyUnread: of a donor that nobody read, size and header are what it is known by.
func TestCopyUnread(t *testing.T) {
	t.Parallel()
	w, from, to, donor := copyWorld(t, crlfMessage)
	donor.Identity = mirror.Identity{Header: donor.Identity.Header}
	if r := w.copy(from, to, donor, ""); r.Err != nil {
		t.Errorf("got %v, want a copy", r.Err)
	}
}

// TestCopyCancelled: what is not begun when a run is cancelled is not made.
func TestCopyCancelled(t *testing.T) {
	t.Parallel()
	w, from, to, donor := copyWorld(t, crlfMessage)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := from.Copy(ctx, []mirror.Copying{{Donor: donor, Reserved: to.Reserve(1)[0], Date: time.Now()}}, other)
	if !errors.Is(err, context.Canceled) || len(results) != 1 || !errors.Is(results[0].Err, mirror.ErrNotDone) {
		t.Errorf("got %v, %v; want nothing done", results, err)
	}
	w.wantFiles("Other/new")
}

// share stands in for a file system that can share blocks, where the test says so.
func (d *testDisk) share(from source, to file) bool {
	if !d.shares {
		return d.realDisk.share(from, to)
	}
	if d.sharing != nil {
		defer d.sharing()()
	}
	at, err := from.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = from.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(io.NewOffsetWriter(to.(*testFile).file, 0), from)
	}
	if err == nil {
		_, err = from.Seek(at, io.SeekStart)
	}
	return err == nil
}

// TestSharedBlocks: where blocks are shared no octet is written, and what a donor holds
// is checked all the same.
func TestSharedBlocks(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"small": crlfMessage, "large": "Subject: a\r\n\r\n" + strings.Repeat("a line\r\n", maxInMemory/6)} {
		t.Run(name, func(t *testing.T) {
			w, from, to, donor := copyWorld(t, text)
			w.disk.shares = true
			w.disk.operations()
			if r := w.copy(from, to, donor, `\Seen`); r.Err != nil {
				t.Fatalf("got %v", r.Err)
			}
			if ops := w.disk.operations(); slices.ContainsFunc(ops, func(op string) bool { return strings.HasPrefix(op, "write ") }) {
				t.Errorf("got %q, want no octet written", ops)
			}
			a, _ := os.ReadFile(w.file("INBOX/cur"))
			b, _ := os.ReadFile(w.file("Other/cur"))
			if string(a) != string(b) || len(a) == 0 {
				t.Errorf("got %d octets, want the %d of the donor", len(b), len(a))
			}
			donor.Identity.Exact[0]++
			if r := w.copy(from, to, donor, `\Seen`); !errors.Is(r.Err, mirror.ErrGone) || !errors.Is(r.Err, mirror.ErrNotDone) {
				t.Errorf("another donor: got %v, want %v", r.Err, mirror.ErrGone)
			}
			w.wantFiles("Other/tmp")
		})
	}
}

// TestWrittenWhileShared: what another program writes to a donor right before its blocks
// are shared is not what it is known by, whatever it held a moment ago, or holds a moment
// later.
func TestWrittenWhileShared(t *testing.T) {
	t.Parallel()
	other := func(was []byte) []byte { return append([]byte("s"), was[1:]...) }
	more := func(was []byte) []byte { return append(slices.Clip(was), "more\n"...) }
	for name, text := range map[string]string{"small": crlfMessage, "large": "Subject: a\r\n\r\n" + strings.Repeat("a line\r\n", maxInMemory/6)} {
		for _, c := range []struct {
			name  string
			write func(was []byte) []byte
			back  bool
		}{{"other octets", other, false}, {"more", more, false}, {"other octets for a moment", other, true}, {"more for a moment", more, true}} {
			t.Run(name+", "+c.name, func(t *testing.T) {
				w, from, to, donor := copyWorld(t, text)
				file := w.file("INBOX/cur")
				was, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write := func(text []byte) {
					if err := os.WriteFile(file, text, 0); err != nil {
						t.Error(err)
					}
				}
				w.disk.shares = true
				w.disk.sharing = func() func() {
					write(c.write(was))
					return func() {
						if c.back {
							write(was)
						}
					}
				}
				if r := w.copy(from, to, donor, ""); !errors.Is(r.Err, mirror.ErrNotDone) {
					t.Errorf("got %v, want %v", r.Err, mirror.ErrNotDone)
				}
				for _, dir := range []string{"tmp", "new", "cur"} {
					w.wantFiles("Other/" + dir)
				}
			})
		}
	}
}

// TestOtherLineEnds: a donor whose line ends were written anew is another file, though it
// is the same message.
func TestOtherLineEnds(t *testing.T) {
	t.Parallel()
	w, from, to, donor := copyWorld(t, crlfMessage)
	if err := os.WriteFile(w.file("INBOX/cur"), []byte(crlfMessage), 0); err != nil {
		t.Fatal(err)
	}
	if r := w.copy(from, to, donor, ""); !errors.Is(r.Err, mirror.ErrGone) {
		t.Errorf("got %v, want %v", r.Err, mirror.ErrGone)
	}
}
