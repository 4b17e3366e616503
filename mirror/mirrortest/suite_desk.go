package mirrortest

import (
	"cmp"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// desk is a fixture with a session that may write. There is one such session
// at a time, as in a run: a repository may hold a lock for it.
type desk struct {
	Fixture
	repository mirror.Repository
	traits     mirror.Traits
	leave      func() // ends repository
}

func newDesk(t *testing.T, f Fixture) *desk {
	d := &desk{Fixture: f}
	d.leave = func() {}
	d.repository, d.traits = d.connect(t, "", mirror.ReadWrite)
	return d
}

// connect returns a new session that is closed after the test. One that may
// write takes the place of the one before, which is closed.
func (d *desk) connect(t *testing.T, identity string, access mirror.Access) (mirror.Repository, mirror.Traits) {
	t.Helper()
	r := d.Session(t)
	closed := false
	leave := func() {
		if closed {
			return
		}
		closed = true
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	t.Cleanup(leave)
	if access == mirror.ReadWrite {
		d.leave()
		d.repository, d.leave = r, leave
	}
	traits, err := r.Connect(t.Context(), mirror.Visit{Identity: identity, Access: access})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	return r, traits
}

// create makes mailboxes.
func (d *desk) create(t *testing.T, names ...mirror.Name) {
	t.Helper()
	for _, name := range names {
		if err := d.repository.Create(t.Context(), name, ""); err != nil {
			t.Fatalf("create %q: %v", name.String(), err)
		}
	}
}

// suiteMailbox is an open mailbox and what is known of it, as a state would have it.
type suiteMailbox struct {
	mirror.Mailbox
	name       mirror.Name
	checkpoint mirror.Checkpoint
	messages   map[imap.UID]mirror.Message
}

// open opens a mailbox for writing, with nothing known of it.
func (d *desk) open(t *testing.T, name mirror.Name) *suiteMailbox {
	t.Helper()
	return d.openKnown(t, d.repository, name, mirror.ReadWrite, nil)
}

// openKnown opens a mailbox of which as much is known as before says.
func (d *desk) openKnown(t *testing.T, r mirror.Repository, name mirror.Name, access mirror.Access, before *suiteMailbox) *suiteMailbox {
	t.Helper()
	b := &suiteMailbox{name: name, messages: map[imap.UID]mirror.Message{}}
	if before != nil {
		b.checkpoint = before.checkpoint
		for uid, m := range before.messages {
			b.messages[uid] = m
			b.checkpoint.UIDNext = max(b.checkpoint.UIDNext, uid+1)
		}
	}
	m, err := r.Open(t.Context(), name, access, b.checkpoint)
	if err != nil {
		t.Fatalf("open %q: %v", name.String(), err)
	}
	b.Mailbox = m
	return b
}

// make creates a mailbox and opens it.
func (d *desk) make(t *testing.T, name mirror.Name) *suiteMailbox {
	t.Helper()
	d.create(t, name)
	return d.open(t, name)
}

// view takes a view, checks that it agrees with itself, and learns from it.
func (b *suiteMailbox) view(t *testing.T) mirror.View {
	t.Helper()
	v, err := b.View(t.Context(), mirror.Known{Rows: mirror.KnownList(b.known())})
	if err != nil {
		t.Fatalf("view %q: %v", b.name.String(), err)
	}
	b.checkView(t, v)
	if v.Renumbered {
		clear(b.messages)
	}
	for _, m := range v.New {
		b.messages[m.UID] = m
	}
	for _, c := range v.Changed {
		m := b.messages[c.UID]
		m.Flags = c.Flags
		b.messages[c.UID] = m
	}
	for _, ref := range v.Gone {
		delete(b.messages, ref.UID)
	}
	b.checkpoint = v.Checkpoint
	return v
}

func (b *suiteMailbox) known() []mirror.KnownMessage {
	var list []mirror.KnownMessage
	for _, m := range b.messages {
		list = append(list, mirror.KnownMessage{Ref: m.Ref, Flags: m.Flags})
	}
	slices.SortFunc(list, func(x, y mirror.KnownMessage) int { return byUID(x.Ref, y.Ref) })
	return list
}

func byUID(a, b mirror.Ref) int { return cmp.Compare(a.UID, b.UID) }

// checkView: lists name known messages only once, new ones are new, ascending
// and filled, and the totals fit.
func (b *suiteMailbox) checkView(t *testing.T, v mirror.View) {
	t.Helper()
	if v.Checkpoint.UIDValidity == 0 {
		t.Error("view: UIDVALIDITY is 0")
	}
	if got, want := v.Total, len(b.messages)+len(v.New)-len(v.Gone)-len(v.Unknown); got != want && !v.Renumbered {
		t.Errorf("view: got total %d, want %d", got, want)
	}
	var last imap.UID
	for _, m := range v.New {
		if _, known := b.messages[m.UID]; known && !v.Renumbered {
			t.Errorf("view: message %d is new and was known", m.UID)
		}
		if m.UID <= last {
			t.Errorf("view: new UID %d after %d", m.UID, last)
		}
		if m.Size <= 0 || m.Date.IsZero() {
			t.Errorf("view: new message %d has size %d and date %v", m.UID, m.Size, m.Date)
		}
		last = m.UID
	}
	seen := map[imap.UID]bool{}
	for _, ref := range slices.Concat(refsOfKnown(v.Changed), v.Gone, v.Unknown) {
		if m, known := b.messages[ref.UID]; !known || m.Ref != ref || seen[ref.UID] {
			t.Errorf("view: %v is not a known message, or is listed twice", ref)
		}
		seen[ref.UID] = true
	}
}

func refsOfKnown(list []mirror.KnownMessage) []mirror.Ref {
	var refs []mirror.Ref
	for _, k := range list {
		refs = append(refs, k.Ref)
	}
	return refs
}
