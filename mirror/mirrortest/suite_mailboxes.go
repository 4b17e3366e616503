package mirrortest

import (
	"cmp"
	"errors"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

func testIdentity(t *testing.T, d *desk) {
	if d.traits.Identity == "" {
		t.Fatal("the repository has no identity")
	}
	if _, again := d.connect(t, d.traits.Identity, mirror.ReadOnly); again != d.traits {
		t.Errorf("got traits %+v from a second session, want %+v", again, d.traits)
	}
	d.leave()
	r := d.Session(t)
	defer r.Close()
	if _, err := r.Connect(t.Context(), mirror.Visit{Identity: d.traits.Identity + " somebody else", Access: mirror.ReadWrite}); !errors.Is(err, mirror.ErrOtherIdentity) {
		t.Errorf("connect as another: got %v, want %v", err, mirror.ErrOtherIdentity)
	}
}

// list returns the listing by name, checked for order.
func (d *desk) list(t *testing.T) map[mirror.Name]mirror.Listed {
	t.Helper()
	listing, err := d.repository.List(t.Context(), false)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	byName := map[mirror.Name]mirror.Listed{}
	for _, l := range listing.Mailboxes {
		if _, twice := byName[l.Name]; twice {
			t.Errorf("list: %q is there twice", l.Name.String())
		}
		if l.NoSelect && l.Status != nil {
			t.Errorf("list: %q holds no messages and has a status", l.Name.String())
		}
		byName[l.Name] = l
	}
	if !slices.IsSortedFunc(listing.Mailboxes, func(a, b mirror.Listed) int { return cmp.Compare(a.Name, b.Name) }) {
		t.Error("list: not sorted by name")
	}
	return byName
}

func testCreate(t *testing.T, d *desk) {
	for _, name := range []mirror.Name{suiteBox, suiteOther, suiteChild} {
		if _, there := d.list(t)[name]; there {
			t.Fatalf("%q is there from the start", name.String())
		}
	}
	for range 2 { // a mailbox that is there is no error
		d.create(t, suiteBox, suiteChild, Inbox)
		if err := d.repository.Create(t.Context(), suiteOther, imap.MailboxAttrArchive); err != nil {
			t.Fatalf("create with a role: %v", err)
		}
	}
	listed := d.list(t)
	for _, name := range []mirror.Name{suiteBox, suiteOther, suiteChild, Inbox} {
		l, there := listed[name]
		if !there || l.NoSelect {
			t.Errorf("%q: got listed %v, NoSelect %v; want true, false", name.String(), there, l.NoSelect)
			continue
		}
		d.open(t, name)
	}
	if role := listed[suiteOther].Role; role != "" && role != imap.MailboxAttrArchive {
		t.Errorf("got role %q, want %q or none", role, imap.MailboxAttrArchive)
	}
	if role := listed[suiteBox].Role; role != "" {
		t.Errorf("got role %q, want none", role)
	}
}

func testSubscribe(t *testing.T, d *desk) {
	d.create(t, suiteBox, suiteChild)
	for _, on := range []bool{true, true, false, true} {
		if err := d.repository.Subscribe(t.Context(), suiteChild, on); err != nil {
			t.Fatalf("subscribe: %v", err)
		}
		if got := d.list(t)[suiteChild].Subscribed; got != on {
			t.Errorf("got subscribed %v, want %v", got, on)
		}
	}
}

func testMissingMailbox(t *testing.T, d *desk) {
	for _, access := range []mirror.Access{mirror.ReadOnly, mirror.ReadWrite} {
		if _, err := d.repository.Open(t.Context(), suiteBox, access, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrNoMailbox) {
			t.Errorf("open: got %v, want %v", err, mirror.ErrNoMailbox)
		}
	}
	if _, there := d.list(t)[suiteBox]; there {
		t.Error("opening a missing mailbox made it")
	}
	from, list := d.fill(t, suiteOther, 1)
	if _, err := from.Move(t.Context(), []mirror.Move{{Ref: list[0].Ref, Reserved: from.Reserve(1)[0]}}, suiteBox); err == nil {
		t.Error("move into a missing mailbox: got no error")
	}
	if v := from.view(t); v.Total != 1 {
		t.Errorf("got %d messages after a move into a missing mailbox, want 1", v.Total)
	}
}

func testEmptyMailbox(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	v := b.view(t)
	if v.Total != 0 || len(v.New) != 0 || v.Renumbered {
		t.Errorf("got %d messages, %d new, renumbered %v; want none", v.Total, len(v.New), v.Renumbered)
	}
	if !v.Keeps.Flags.Has(imap.FlagSeen) {
		t.Errorf("got storable flags %v, want \\Seen among them", v.Keeps)
	}
	if err := b.Fetch(t.Context(), nil, func(mirror.Body) error { return errors.New("called") }); err != nil {
		t.Errorf("fetch of nothing: %v", err)
	}
	for name, empty := range map[string]func() (int, error){
		"absent":   func() (int, error) { got, err := b.Absent(t.Context(), nil); return len(got), err },
		"identify": func() (int, error) { got, err := b.Identify(t.Context(), nil, mirror.Bodies); return len(got), err },
		"append":   func() (int, error) { got, err := b.Append(t.Context(), b.batch(nil)); return len(got), err },
		"store":    func() (int, error) { got, err := b.Store(t.Context(), nil); return len(got), err },
		"remove":   func() (int, error) { got, err := b.Remove(t.Context(), nil, true); return len(got), err },
	} {
		if n, err := empty(); n != 0 || err != nil {
			t.Errorf("%s of nothing: got %d results and %v", name, n, err)
		}
	}
}

func testRename(t *testing.T, d *desk) {
	_, list := d.fill(t, suiteOther, 3)
	d.create(t, suiteBox)
	for what, names := range map[string][2]mirror.Name{"onto one that is there": {suiteOther, suiteBox}, "what is not there": {suiteChild, suiteRenamed}, "INBOX": {Inbox, suiteRenamed}} {
		if err := d.repository.Rename(t.Context(), names[0], names[1]); err == nil {
			t.Errorf("rename %s: got no error", what)
		}
	}
	if got := d.open(t, suiteOther).view(t); got.Total != 3 {
		t.Errorf("after renamings that failed: got %d messages, want 3", got.Total)
	}
	if err := d.repository.Rename(t.Context(), suiteOther, suiteRenamed); err != nil {
		t.Fatalf("rename: %v", err)
	}
	d.connect(t, d.traits.Identity, mirror.ReadWrite)
	listed := d.list(t)
	if l, there := listed[suiteRenamed]; !there || l.NoSelect {
		t.Fatalf("the new name is not listed: %v", listed)
	}
	if l, there := listed[suiteOther]; there && !l.NoSelect {
		t.Error("the old name is still listed")
	}
	if _, err := d.repository.Open(t.Context(), suiteOther, mirror.ReadOnly, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrNoMailbox) {
		t.Errorf("open the old name: got %v, want %v", err, mirror.ErrNoMailbox)
	}
	after := d.open(t, suiteRenamed).view(t)
	if after.Total != len(list) || len(after.New) != len(list) {
		t.Fatalf("got %d messages, want %d", after.Total, len(list))
	}
	for i, was := range list {
		if is := after.New[i]; was.Flags != is.Flags || was.Size != is.Size || !was.Date.Equal(is.Date) || was.Base != is.Base {
			t.Errorf("message %d: got %+v, want %+v", i, is, was)
		}
	}
}

func testDelete(t *testing.T, d *desk) {
	full, _ := d.fill(t, suiteOther, 2)
	d.create(t, suiteBox, suiteBelow)
	if err := d.repository.Delete(t.Context(), suiteOther); !errors.Is(err, mirror.ErrNotEmpty) {
		t.Errorf("delete what holds messages: got %v, want %v", err, mirror.ErrNotEmpty)
	}
	if v := full.view(t); v.Total != 2 {
		t.Errorf("got %d messages, want 2", v.Total)
	}
	if err := d.repository.Delete(t.Context(), Inbox); err == nil {
		t.Error("delete INBOX: got no error")
	}
	// Servers differ in what becomes of a mailbox above others.
	for _, name := range []mirror.Name{suiteBelow, suiteBox} {
		for range 2 { // one that is not there is no error
			if err := d.repository.Delete(t.Context(), name); err != nil {
				t.Errorf("delete %q: %v", name.String(), err)
			}
		}
		d.connect(t, d.traits.Identity, mirror.ReadWrite)
		listed := d.list(t)
		if l, there := listed[name]; there && !l.NoSelect {
			t.Errorf("%q was deleted and is listed", name.String())
		}
		if l, there := listed[suiteBox]; name == suiteBelow && (!there || l.NoSelect) {
			t.Error("what stood above it went along")
		}
	}
	// A mailbox of the same name is a new one.
	d.create(t, suiteBox)
	if v := d.open(t, suiteBox).view(t); v.Total != 0 {
		t.Errorf("got %d messages in a new mailbox", v.Total)
	}
}
