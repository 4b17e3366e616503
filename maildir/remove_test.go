package maildir

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// kept reads the undo store: the entries, and the messages beside them.
func (w *world) kept() (entries []UndoEntry, messages []string) {
	w.Helper()
	notes, err := filepath.Glob(filepath.Join(w.undo, "*", "*"+undoNote))
	if err != nil {
		w.Fatal(err)
	}
	for _, note := range notes {
		text, err := os.ReadFile(note)
		if err != nil {
			w.Fatal(err)
		}
		var e UndoEntry
		if err := json.Unmarshal(text, &e); err != nil {
			w.Fatal(err)
		}
		message, err := os.ReadFile(strings.TrimSuffix(note, undoNote) + undoMessage)
		if err != nil {
			w.Fatal(err)
		}
		entries, messages = append(entries, e), append(messages, string(message))
	}
	return entries, messages
}

func (w *world) remove(m *Mailbox, keep bool, refs ...mirror.Ref) []mirror.Removed {
	w.Helper()
	results, err := m.Remove(w.Context(), refs, keep)
	if err != nil || len(results) != len(refs) {
		w.Fatalf("remove: got %+v, %v, want %d results", results, err, len(refs))
	}
	return results
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		r := w.append(m, crlfMessage, imap.FlagSeen, "Work")
		w.put("INBOX/new/b", lfMessage)
		w.put("INBOX/cur/c:2,", lfMessage)
		w.view(m)
		w.rename("INBOX/new/b", "INBOX/cur/b:2,F") // since the view
		for _, result := range w.remove(m, keep, r, ref(2, "b"), ref(9, "nowhere")) {
			if result.Err != nil || result.Pending {
				t.Errorf("keep %v: got %+v, want success", keep, result)
			}
		}
		w.wantFiles("INBOX", "cur/c:2,", keywordsFile)
		if !keep {
			if _, err := os.Lstat(w.undo); !os.IsNotExist(err) {
				t.Errorf("got an undo store, want none")
			}
			continue
		}
		entries, messages := w.kept()
		if len(entries) != 2 || messages[0] != lfMessage || messages[1] != lfMessage {
			t.Fatalf("got %+v, %q, want both messages", entries, messages)
		}
		i := slices.IndexFunc(entries, func(e UndoEntry) bool { return e.Base == r.Base })
		if i < 0 {
			t.Fatalf("got %+v, want %q among them", entries, r.Base)
		}
		got := entries[i]
		if got.Removed.IsZero() || !got.Date.Equal(time.Unix(1700000000, 0)) {
			t.Errorf("got dates %v, %v", got.Date, got.Removed)
		}
		got.Date, got.Removed = time.Time{}, time.Time{}
		want := UndoEntry{Label: "work/laptop", Mailbox: []string{"INBOX"}, Base: r.Base, Flags: `\Seen Work`}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if info, err := os.Stat(w.undo); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("undo store: got %v, %v, want mode 0700", info.Mode(), err)
		}
	}
}

// TestRemoveOrder: a message is durable in the undo store before it is durably
// gone from here.
func TestRemoveOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		keep   bool
		device error // of the rename
		want   []string
	}{
		{"unlinked", false, nil, []string{"remove FILE", "sync INBOX/cur"}},
		{"kept", true, nil, []string{"sync ABOVE", "sync UNDO", "create NOTE", "write NOTE", "fsync NOTE", "rename MESSAGE", "sync DAY", "sync INBOX/cur"}},
		{"kept on another file system", true, syscall.EXDEV, []string{"sync ABOVE", "sync UNDO", "create NOTE", "write NOTE", "fsync NOTE", "rename MESSAGE",
			"create MESSAGE", "write MESSAGE", "time MESSAGE", "fsync MESSAGE", "sync DAY", "remove FILE", "sync DAY", "sync INBOX/cur"}},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		if err := os.MkdirAll(filepath.Join(w.undo, w.now().UTC().Format(undoDay)), 0o700); err != nil {
			t.Fatal(err)
		}
		w.put("INBOX/cur/a:2,S", lfMessage)
		w.disk.before = func(op string) error {
			if strings.HasPrefix(op, "rename ") {
				return c.device
			}
			return nil
		}
		w.disk.operations()
		if result := w.remove(m, c.keep, ref(1, "a"))[0]; result.Err != nil {
			t.Errorf("%s: got %v, want nil", c.name, result.Err)
		}
		got := w.disk.operations()
		for i, op := range got {
			verb, path, _ := strings.Cut(op, " ")
			switch {
			case strings.HasSuffix(path, undoMessage):
				path = "MESSAGE"
			case strings.HasSuffix(path, undoNote):
				path = "NOTE"
			case path == "..":
				path = "ABOVE"
			case path == "../undo":
				path = "UNDO"
			case strings.HasPrefix(path, "../undo/"):
				path = "DAY"
			case path == "INBOX/cur/a:2,S":
				path = "FILE"
			}
			got[i] = verb + " " + path
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if c.keep {
			if _, messages := w.kept(); !slices.Equal(messages, []string{lfMessage}) {
				t.Errorf("%s: got %q, want the message", c.name, messages)
			}
		}
		w.wantFiles("INBOX")
	}
}

// TestRemoveFaults: each operation fails once; the message is always somewhere.
func TestRemoveFaults(t *testing.T) {
	t.Parallel()
	for _, device := range []error{nil, syscall.EXDEV} {
		for i := 0; ; i++ {
			w := newWorld(t, nil)
			m := w.box(inbox)
			w.put("INBOX/cur/a:2,S", lfMessage)
			step, failed := 0, ""
			w.disk.before = func(op string) error {
				if strings.HasPrefix(op, "names ") {
					return nil
				}
				if step++; step-1 == i {
					failed = op
					return syscall.EIO
				}
				if strings.HasPrefix(op, "rename ") {
					return device
				}
				return nil
			}
			results, err := m.Remove(t.Context(), []mirror.Ref{ref(1, "a")}, true)
			if failed == "" {
				break
			}
			here := len(w.files("INBOX")) == 1
			messages, _ := filepath.Glob(filepath.Join(w.undo, "*", "*"+undoMessage))
			if !here && len(messages) != 1 {
				t.Errorf("EIO at %s: the message is lost", failed)
			}
			reported := err
			if len(results) == 1 {
				reported = results[0].Err
			}
			if reported == nil {
				t.Errorf("EIO at %s: got success", failed)
			}
			if errors.Is(reported, mirror.ErrNotDone) != here {
				t.Errorf("EIO at %s: got %v, and the message is here: %v", failed, reported, here)
			}
		}
	}
}

func TestRemoveWithoutUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Undo = "" })
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	if _, err := m.Remove(t.Context(), []mirror.Ref{ref(1, "a")}, true); !errors.Is(err, errNoUndo) {
		t.Errorf("got %v, want %v", err, errNoUndo)
	}
	w.wantFiles("INBOX", "cur/a:2,")
	if traits := connectAgain(w); traits.Undo {
		t.Error("got Undo, want none")
	}
}

func connectAgain(w *world) mirror.Traits {
	w.Close()
	return connect(w.T, Options{Path: w.path}, "", mirror.ReadWrite)
}

func TestPurgeUndo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := randomHex(16)
	for _, name := range []string{"20240101/" + id + undoMessage, "20240101/" + id + undoNote, "20240131/" + id + undoMessage,
		"20240102/" + id + undoNote, "20240102/notes.txt", "2024010/" + id + undoMessage, "19991399/" + id + undoMessage, "other"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Date(2024, 1, 31, 23, 59, 0, 0, time.UTC)
	if err := PurgeUndo(dir, before); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, path: dir}
	w.wantFiles(".", "19991399/"+id+undoMessage, "2024010/"+id+undoMessage, "20240102/notes.txt", "20240131/"+id+undoMessage, "other")
	if _, err := os.Lstat(filepath.Join(dir, "20240101")); !os.IsNotExist(err) {
		t.Error("got the empty day, want it removed")
	}
	if err := PurgeUndo(dir, before.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "20240131")); !os.IsNotExist(err) {
		t.Error("got the day that had ended, want it removed")
	}
	if err := PurgeUndo(filepath.Join(dir, "nowhere"), before); err != nil {
		t.Errorf("no store: got %v, want nil", err)
	}
}
