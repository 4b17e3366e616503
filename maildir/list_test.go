package maildir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

func (w *world) list() mirror.Listing {
	w.Helper()
	listing, err := w.List(w.Context(), false)
	if err != nil {
		w.Fatalf("list: got %v, want nil", err)
	}
	return listing
}

func listedNames(listing mirror.Listing) []string {
	out := []string{}
	for _, m := range listing.Mailboxes {
		out = append(out, m.Name.String())
	}
	return out
}

func refusedNames(listing mirror.Listing) []string {
	out := []string{}
	for _, r := range listing.Refused {
		out = append(out, r.Raw)
	}
	slices.Sort(out)
	return out
}

func (w *world) mkdirs(names ...string) {
	w.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(w.path, name), 0o700); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) link(target, name string) {
	w.Helper()
	if err := os.Symlink(target, filepath.Join(w.path, name)); err != nil {
		w.Fatal(err)
	}
}

func TestListNested(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.mkdirs("INBOX/cur", "INBOX/new", "INBOX/tmp", "Lists/go-nuts/cur", "Lists/go-nuts/new", "Lists/100%25/cur",
		"Entwürfe/cur", "empty/container", ".hidden/cur", ".git/objects", "dovecot talk/cur", "bad%zz/cur", "inbox/cur")
	outside := t.TempDir()
	w.link(outside, "linked")
	w.link("INBOX", "inside")
	w.mkdirs("half")
	w.link(outside, "half/cur")
	for range 2 { // a listing does not use up the directory
		listing := w.list()
		if got, want := listedNames(listing), []string{"Entwürfe", "INBOX", "Lists/100%", "Lists/go-nuts", "dovecot talk"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := refusedNames(listing), []string{".hidden", "bad%zz", "half", "inbox", "inside", "linked"}; !slices.Equal(got, want) {
			t.Errorf("got refused %q, want %q", got, want)
		}
		for _, r := range listing.Refused {
			if !errors.Is(r.Err, mirror.ErrName) {
				t.Errorf("%q: got %v, want %v", r.Raw, r.Err, mirror.ErrName)
			}
		}
	}
	for _, name := range []mirror.Name{"linked", "half", "inside"} {
		if _, err := w.Open(t.Context(), name, mirror.ReadWrite, mirror.Checkpoint{}); mirror.ReachOf(err) != mirror.ReachMailbox {
			t.Errorf("open %q: got %v, want an error of the mailbox", name, err)
		} else if !errors.Is(err, errSymlink) {
			t.Errorf("open %q: got %v, want %v", name, err, errSymlink)
		}
	}
}

func TestListSaysThatTheLayoutIsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.mkdirs("cur", "new", ".Sent/cur")
	if got, want := refusedNames(w.list()), []string{".", ".Sent"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	w.reconnect("", mirror.ReadWrite, func(o *Options) { o.Layout = MaildirPP })
	w.mkdirs("INBOX/cur")
	listing := w.list()
	if got, want := listedNames(listing), []string{"INBOX", "Sent"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := refusedNames(listing), []string{"INBOX"}; !slices.Equal(got, want) {
		t.Errorf("got refused %q, want %q", got, want)
	}
}

func TestListMaildirPP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Layout = MaildirPP })
	w.mkdirs("cur", "new", "tmp", ".Lists.go-nuts/cur", ".Lists/new", ".Entw&APw-rfe/cur", ".INBOX.x/cur", ".bad&/cur", "plain")
	w.link("cur", ".link")
	w.mkdirs(".half")
	w.link("../cur", ".half/cur")
	listing := w.list()
	if got, want := listedNames(listing), []string{"Entwürfe", "INBOX", "INBOX/x", "Lists/go-nuts"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := refusedNames(listing), []string{".bad&", ".half", ".link"}; !slices.Equal(got, want) {
		t.Errorf("got refused %q, want %q", got, want)
	}
}

func TestListStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.append(m, crlfMessage)
	status := func() mirror.Checkpoint {
		for _, box := range w.list().Mailboxes {
			if box.Name == inbox && box.Status != nil {
				return *box.Status
			}
		}
		t.Fatal("got no status")
		return mirror.Checkpoint{}
	}
	if v := w.view(m); v.Checkpoint.Unchanged(status()) {
		t.Error("young stamps: got unchanged, want not known")
	}
	w.age()
	v := w.view(m)
	if !v.Checkpoint.Unchanged(status()) {
		t.Errorf("got %+v after %+v, want unchanged", status(), v.Checkpoint)
	}
	w.put("INBOX/new/b", lfMessage)
	if v.Checkpoint.Unchanged(status()) {
		t.Error("a message came: got unchanged, want changed")
	}
	before := w.disk.log
	w.list()
	if got := w.disk.log[len(before):]; len(got) != 0 {
		t.Errorf("list: got operations %q, want none", got)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.mkdirs("INBOX/cur", "INBOX/Sent/cur", "gesendet/cur", "Trash/cur", "Deleted Items/cur", "INBOX/Drafts/cur", "Work/Junk/cur", "Archiv/cur")
	got := map[string]imap.MailboxAttr{}
	for _, m := range w.list().Mailboxes {
		got[m.Name.String()] = m.Role
	}
	for name, want := range map[string]imap.MailboxAttr{
		"INBOX": "", "gesendet": imap.MailboxAttrSent, "INBOX/Sent": "", "Trash": imap.MailboxAttrTrash, "Deleted Items": "",
		"INBOX/Drafts": imap.MailboxAttrDrafts, "Work/Junk": "", "Archiv": imap.MailboxAttrArchive,
	} {
		if got[name] != want {
			t.Errorf("%s: got role %q, want %q", name, got[name], want)
		}
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		layout Layout
		name   mirror.Name
		dir    string
		files  []string
	}{
		{Nested, nametrans.MustName("Lists", "go-nuts"), "Lists/go-nuts", nil},
		{Nested, nametrans.MustName("cur"), "%63ur", nil},
		{MaildirPP, inbox, ".", []string{identityFile, lockFile}},
		{MaildirPP, nametrans.MustName("Lists", "Entwürfe"), ".Lists.Entw&APw-rfe", []string{maildirFolder}},
	} {
		w := newWorld(t, func(o *Options) { o.Layout = c.layout })
		w.create(c.name)
		w.create(c.name) // is there already
		for _, part := range []string{"cur", "new", "tmp"} {
			info, err := os.Lstat(filepath.Join(w.path, c.dir, part))
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s/%s: got %v, %v, want a directory of mode 0700", c.dir, part, info, err)
			}
		}
		w.wantFiles(c.dir, c.files...)
		if m := w.open(c.name, mirror.Checkpoint{}); m.Status().UIDNext != 1 {
			t.Errorf("got %+v, want UIDNext 1", m.Status())
		}
	}
}

func TestCreateOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.disk.operations()
	w.create(nametrans.MustName("A", "B"))
	want := []string{"mkdir A", "sync .", "mkdir A/B", "sync A", "mkdir A/B/tmp", "mkdir A/B/new", "mkdir A/B/cur", "sync A/B"}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCreateKeepsWhatWasThere: a run that was killed made directories and synced
// nothing. Were they not synced now, a power cut could take a mailbox that the
// state knows.
func TestCreateKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if err := os.MkdirAll(filepath.Join(w.path, "A", "B"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.disk.operations()
	w.create(nametrans.MustName("A", "B"))
	want := []string{"sync .", "sync A", "mkdir A/B/tmp", "mkdir A/B/new", "mkdir A/B/cur", "sync A/B"}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Layout = MaildirPP })
	if err := w.Create(t.Context(), nametrans.MustName("a.b"), ""); !errors.Is(err, mirror.ErrName) {
		t.Errorf("dot: got %v, want %v", err, mirror.ErrName)
	}
	w.put(".file", "")
	w.link(t.TempDir(), ".link")
	for _, name := range []mirror.Name{"file", "link"} {
		if err := w.Create(t.Context(), name, ""); !errors.Is(err, mirror.ErrName) {
			t.Errorf("%s: got %v, want %v", name, err, mirror.ErrName)
		}
	}
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	lists, umlaut := nametrans.MustName("Lists", "go-nuts"), nametrans.MustName("Entwürfe")
	for _, c := range []struct {
		name    string
		layout  Layout
		before  string
		missing bool
		set     []mirror.Name
		clear   []mirror.Name
		after   string
	}{
		{"new file", Nested, "", true, []mirror.Name{lists, inbox}, nil, "V\t2\n\nLists\tgo-nuts\nINBOX\n"},
		{"version 2", Nested, "V\t2\n\nfoo\tb\x01tar\n", false, []mirror.Name{lists, lists}, nil, "V\t2\n\nfoo\tb\x01tar\nLists\tgo-nuts\n"},
		{"version 1", Nested, "INBOX\n??\nLists/go-nuts\n", false, []mirror.Name{umlaut}, []mirror.Name{lists}, "INBOX\n??\nEntwürfe\n"},
		{"maildir++ version 1", MaildirPP, "Lists.go-nuts\n", false, []mirror.Name{inbox, umlaut}, []mirror.Name{lists}, "INBOX\nEntw&APw-rfe\n"},
		{"maildir++ new", MaildirPP, "", true, []mirror.Name{lists, umlaut}, nil, "V\t2\n\nLists\tgo-nuts\nEntw&APw-rfe\n"},
		{"no newline at the end", Nested, "V\t2\n\na", false, []mirror.Name{inbox}, nil, "V\t2\n\na\nINBOX\n"},
	} {
		w := newWorld(t, func(o *Options) { o.Layout = c.layout })
		if !c.missing {
			w.put(subscriptionsFile, c.before)
		}
		for _, name := range append(c.set, c.clear...) {
			w.create(name)
		}
		for _, name := range c.set {
			if err := w.Subscribe(t.Context(), name, true); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range c.clear {
			if err := w.Subscribe(t.Context(), name, false); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.text(subscriptionsFile); got != c.after {
			t.Errorf("%s: got %q, want %q", c.name, got, c.after)
		}
		for _, m := range w.list().Mailboxes {
			if want := slices.Contains(c.set, m.Name) || m.Name == inbox && c.name == "version 1"; m.Subscribed != want {
				t.Errorf("%s: %s: got subscribed %v, want %v", c.name, m.Name, m.Subscribed, want)
			}
		}
		if _, err := os.Lstat(filepath.Join(w.path, subscriptionsLock)); !os.IsNotExist(err) {
			t.Errorf("%s: got a lock file, want none", c.name)
		}
	}
}

func TestSubscribeOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.disk.operations()
	for range 2 { // the second time there is nothing to write
		if err := w.Subscribe(t.Context(), inbox, true); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"create subscriptions.lock", "write subscriptions.lock", "fsync subscriptions.lock", "replace subscriptions", "sync .",
		"create subscriptions.lock", "remove subscriptions.lock"}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
