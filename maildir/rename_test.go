package maildir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// TestRenameOrder: the new name is durable before the old one is known to be gone.
func TestRenameOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.create(nametrans.MustName("A"))
	w.create(nametrans.MustName("A", "B"))
	w.disk.operations()
	if err := w.Rename(t.Context(), nametrans.MustName("A"), nametrans.MustName("C", "D")); err != nil {
		t.Fatal(err)
	}
	want := []string{"mkdir C", "sync .", "rename C/D", "sync C", "sync ."}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, dir := range []string{"C/D/cur", "C/D/B/cur"} {
		if _, err := os.Stat(filepath.Join(w.path, dir)); err != nil {
			t.Error(err)
		}
	}
}

// TestRenameMaildirPP: there each mailbox is a directory of its own.
func TestRenameMaildirPP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Layout = MaildirPP })
	w.create(nametrans.MustName("A"))
	w.create(nametrans.MustName("A", "B"))
	if err := w.Rename(t.Context(), nametrans.MustName("A"), nametrans.MustName("C", "D")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{".C.D/cur", ".A.B/cur"} {
		if _, err := os.Stat(filepath.Join(w.path, dir)); err != nil {
			t.Error(err)
		}
	}
}

// TestRenameOntoDirectory: what holds mailboxes, or anything, is not replaced.
func TestRenameOntoDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.create(nametrans.MustName("A"))
	w.put("A/cur/a:2,S", lfMessage)
	w.create(nametrans.MustName("C", "below"))
	if err := os.Mkdir(filepath.Join(w.path, "Empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"C", "Empty"} {
		if err := w.Rename(t.Context(), nametrans.MustName("A"), nametrans.MustName(name)); !errors.Is(err, mirror.ErrName) {
			t.Errorf("onto %s: got %v, want %v", name, err, mirror.ErrName)
		}
	}
	w.wantFiles("A/cur", "a:2,S")
}

// TestDeleteMailbox: what other programs keep beside the mail goes along, other files and
// mailboxes below stay, and so does a mailbox in which anything lies.
func TestDeleteMailbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	name := nametrans.MustName("A")
	for what, file := range map[string]string{"new": "A/new/a", "cur": "A/cur/a:2,S", "tmp": "A/tmp/a"} {
		w.create(name)
		w.put(file, lfMessage)
		if err := w.Delete(t.Context(), name); !errors.Is(err, mirror.ErrNotEmpty) {
			t.Errorf("with a file in %s: got %v, want %v", what, err, mirror.ErrNotEmpty)
		}
		if text, err := os.ReadFile(filepath.Join(w.path, file)); err != nil || string(text) != lfMessage {
			t.Errorf("with a file in %s: got %q, %v", what, text, err)
		}
		if err := os.Remove(filepath.Join(w.path, file)); err != nil {
			t.Fatal(err)
		}
	}
	w.create(name)
	w.create(nametrans.MustName("A", "B"))
	w.put("A/dovecot-uidlist", "3 V1 N1\n")
	w.put("A/notes.txt", "mine")
	if err := w.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Open(t.Context(), name, mirror.ReadOnly, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrNoMailbox) {
		t.Errorf("open: got %v, want %v", err, mirror.ErrNoMailbox)
	}
	if _, err := os.Stat(filepath.Join(w.path, "A", "B", "cur")); err != nil {
		t.Error(err)
	}
	w.wantFiles("A", "notes.txt")
}
