package maildir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailtwin/mirror"
)

func TestConnectFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Path = filepath.Join(o.Path, "deep", "tree") })
	root := filepath.Join(w.path, "deep", "tree")
	info, err := os.Stat(root)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("root: got %v, %v, want a directory of mode 0700", info, err)
	}
	text, err := os.ReadFile(filepath.Join(root, identityFile))
	if err != nil || !identityForm.MatchString(strings.TrimSpace(string(text))) {
		t.Fatalf("id: got %q, %v", text, err)
	}
	var rename, fsync, sync int
	for i, op := range w.disk.operations() {
		switch {
		case strings.HasPrefix(op, "fsync deep/tree/"+identityFile+"."):
			fsync = i
		case op == "rename deep/tree/"+identityFile:
			rename = i
		case op == "sync deep/tree":
			sync = i
		}
	}
	if !(0 < fsync && fsync < rename && rename < sync) {
		t.Errorf("got fsync %d, rename %d, sync %d, want them in this order", fsync, rename, sync)
	}
}

// TestIdentityOrder: the id is durable under its name before anybody learns of
// it, and never seen by half.
func TestIdentityOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.unlink(identityFile)
	w.disk.operations()
	id, err := w.writeIdentity()
	if err != nil || w.text(identityFile) != id+"\n" {
		t.Fatalf("got %q, %v; the file holds %q", id, err, w.text(identityFile))
	}
	got := w.disk.operations()
	temp, found := strings.CutPrefix(got[0], "create ")
	if !found || !strings.HasPrefix(temp, identityFile+".") {
		t.Fatalf("got %q first, want a file of another name", got[0])
	}
	want := []string{"create " + temp, "write " + temp, "fsync " + temp, "rename " + identityFile, "sync ."}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConnectAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	before := w.text(identityFile)
	id := strings.TrimSpace(before)
	for _, given := range []string{"", id} {
		if got := w.reconnect(given, mirror.ReadWrite, nil); got != id {
			t.Errorf("identity %q: got %q, want %q", given, got, id)
		}
	}
	if after := w.text(identityFile); after != before {
		t.Errorf("id file: got %q, want %q", after, before)
	}
	traits := connect(t, Options{Path: w.path, Undo: w.undo}, id, mirror.ReadOnly)
	if want := (mirror.Traits{Identity: id, Copies: true, Undo: true, Local: true, Recheck: recheck}); traits != want {
		t.Errorf("got traits %+v, want %+v", traits, want)
	}
}

// connect connects a repository of its own, and closes it.
func connect(t *testing.T, opts Options, identity string, access mirror.Access) mirror.Traits {
	t.Helper()
	r, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	traits, err := r.Connect(t.Context(), mirror.Visit{Identity: identity, Access: access})
	if err != nil {
		t.Fatal(err)
	}
	return traits
}

func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	const id = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		name     string
		identity string
		make     func(root string)
		want     error
	}{
		{"no root", id, func(string) {}, mirror.ErrRootMissing},
		{"no id", id, func(root string) { os.Mkdir(root, 0o700) }, mirror.ErrRootMissing},
		{"another id", id, func(root string) { writeID(root, strings.Repeat("f", 32)+"\n") }, mirror.ErrOtherIdentity},
		{"no id in the file", id, func(root string) { writeID(root, "") }, mirror.ErrOtherIdentity},
		{"no id in the file, first run", "", func(root string) { writeID(root, "junk\n") }, mirror.ErrOtherIdentity},
		{"id is a link", id, func(root string) {
			writeID(root, id+"\n")
			os.Rename(filepath.Join(root, identityFile), filepath.Join(root, "elsewhere"))
			os.Symlink("elsewhere", filepath.Join(root, identityFile))
		}, errNotRegular},
	} {
		for _, access := range []mirror.Access{mirror.ReadOnly, mirror.ReadWrite} {
			root := filepath.Join(t.TempDir(), "root")
			c.make(root)
			before, _ := os.ReadDir(root)
			r, err := New(Options{Path: root})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = r.Connect(t.Context(), mirror.Visit{Identity: c.identity, Access: access}); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
			r.Close()
			after, _ := os.ReadDir(root)
			if c.identity != "" && len(after) != len(before) {
				t.Errorf("%s: got %d files, want %d as before", c.name, len(after), len(before))
			}
		}
	}
}

func writeID(root, text string) {
	os.Mkdir(root, 0o700)
	os.WriteFile(filepath.Join(root, identityFile), []byte(text), 0o600)
}

func TestConnectReadOnlyTouchesNothing(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "root")
	r, err := New(Options{Path: root})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Connect(t.Context(), mirror.Visit{}); err != nil {
		t.Fatal(err)
	}
	listing, err := r.List(t.Context(), false)
	if err != nil || len(listing.Mailboxes) != 0 {
		t.Errorf("got %+v, %v, want an empty listing", listing, err)
	}
	if _, err := r.Open(t.Context(), inbox, mirror.ReadOnly, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrNoMailbox) {
		t.Errorf("open: got %v, want %v", err, mirror.ErrNoMailbox)
	}
	for what, err := range map[string]error{
		"create":    r.Create(t.Context(), inbox, ""),
		"subscribe": r.Subscribe(t.Context(), inbox, true),
	} {
		if !errors.Is(err, mirror.ErrDenied) {
			t.Errorf("%s: got %v, want %v", what, err, mirror.ErrDenied)
		}
	}
	if _, err := os.Lstat(root); !os.IsNotExist(err) {
		t.Errorf("root: got %v, want none", err)
	}
}

func TestReadOnlyMailbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.box(inbox)
	w.put("INBOX/cur/a:2,S", lfMessage)
	w.put("INBOX/tmp/"+newBase(w.now()), "left over")
	w.unlink(lockFile)
	w.reconnect("", mirror.ReadOnly, nil)
	before := w.files(".")
	m := w.open(inbox, mirror.Checkpoint{})
	if v := w.view(m); len(v.New) != 1 {
		t.Errorf("got %+v, want one message", v)
	}
	_, appendErr := m.Append(t.Context(), batch())
	_, storeErr := m.Store(t.Context(), nil)
	_, moveErr := m.Move(t.Context(), nil, inbox)
	_, removeErr := m.Remove(t.Context(), nil, true)
	for i, err := range []error{appendErr, storeErr, moveErr, removeErr} {
		if !errors.Is(err, mirror.ErrDenied) {
			t.Errorf("effect %d: got %v, want %v", i, err, mirror.ErrDenied)
		}
	}
	if after := w.files("."); !slices.Equal(after, before) {
		t.Errorf("got files %q, want %q", after, before)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	second, err := New(Options{Path: w.path})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_, err = second.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite})
	var locked *mirror.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("got %v, want a lock held by process %d", err, os.Getpid())
	}
	connect(t, Options{Path: w.path}, "", mirror.ReadOnly) // needs no lock
	w.Close()
	connect(t, Options{Path: w.path}, "", mirror.ReadWrite)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts Options
		ok   bool
	}{
		{Options{Path: "a"}, true},
		{Options{Path: "a", Layout: MaildirPP, Names: UTF8}, true},
		{Options{Path: "a", Layout: "flat"}, false},
		{Options{Path: "a", Names: "latin-1"}, false},
		{Options{Path: "a", Undo: "a/undo"}, false},
		{Options{Path: "a", Undo: "a"}, false},
		{Options{Path: "a", Undo: "ab"}, true},
		{Options{Path: "a/b", Undo: "a/undo"}, true},
	} {
		if _, err := New(c.opts); (err == nil) != c.ok {
			t.Errorf("%+v: got %v, want success %v", c.opts, err, c.ok)
		}
	}
}

func TestNamesInTheOtherEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		layout Layout
		names  Names
		dir    string
		line   string // "" is no error
	}{
		{"nested, modified UTF-7", Nested, "", "Entw&APw-rfe", `names = "utf-7"`},
		{"nested, an ampersand", Nested, "", "R&D", ""},
		{"nested, an escaped ampersand", Nested, "", "R&-D", ""},
		{"nested, UTF-8", Nested, "", "Entwürfe", ""},
		{"nested, said to be UTF-8", Nested, UTF8, "Entw&APw-rfe", ""},
		{"nested, said to be UTF-7", Nested, UTF7, "Entw&APw-rfe", ""},
		{"maildir++, UTF-8", MaildirPP, "", ".Entwürfe", `names = "utf-8"`},
		{"maildir++, modified UTF-7", MaildirPP, "", ".Entw&APw-rfe", ""},
		{"maildir++, said to be UTF-8", MaildirPP, UTF8, ".Entwürfe", ""},
	} {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, c.dir, "cur"), 0o700); err != nil {
			t.Fatal(err)
		}
		r, err := New(Options{Path: root, Layout: c.layout, Names: c.names})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite})
		r.Close()
		if c.line == "" {
			if err != nil {
				t.Errorf("%s: got %v, want nil", c.name, err)
			}
			continue
		}
		if !errors.Is(err, mirror.ErrNames) || !strings.Contains(err.Error(), c.dir) || !strings.Contains(err.Error(), c.line) {
			t.Errorf("%s: got %v, want %v naming %q and %q", c.name, err, mirror.ErrNames, c.dir, c.line)
		}
		if _, err := os.Lstat(filepath.Join(root, identityFile)); !os.IsNotExist(err) {
			t.Errorf("%s: got an id, want none", c.name)
		}
	}
}
