package mirrortest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Fixture is a repository under test and the hands of somebody else in it. It
// holds none of the mailboxes "Suite", "Suite Other" and "Suite Ünïted" yet;
// what else is in it does not matter.
type Fixture struct {
	// Session returns a new session, not connected. The suite closes it.
	Session func(t *testing.T) mirror.Repository

	// Deliver, SetFlags and Remove act on the repository by other means than
	// mirror.Repository. body has CRLF line ends; a Maildir may keep it with
	// LF. ref is what a view called the message; flags replace its flags.
	Deliver  func(t *testing.T, mailbox mirror.Name, body []byte, flags mirror.Flags, date time.Time)
	SetFlags func(t *testing.T, mailbox mirror.Name, ref mirror.Ref, flags mirror.Flags)
	Remove   func(t *testing.T, mailbox mirror.Name, ref mirror.Ref)

	// Recreate deletes a mailbox and makes it anew under another UIDVALIDITY;
	// nil where there is no such thing.
	Recreate func(t *testing.T, mailbox mirror.Name)
	// Settle lets marks of changes come of age (a Maildir's stamps are trusted
	// only when they are older than the clock's grain); nil where none do.
	Settle func(t *testing.T)

	// Alters says which bodies are known not to come back as they were sent;
	// nil: all do. It is given travelling octets.
	Alters func(body []byte) bool
	// Lies says that announced sizes are the repository's own.
	Lies bool
}

var (
	suiteBox   = nametrans.MustName("Suite")
	suiteOther = nametrans.MustName("Suite Other")
	suiteChild = nametrans.MustName("Suite Ünïted", "R&D", "go-nuts")
)

// suiteDate is in a zone of its own, which need not be kept.
var suiteDate = time.Date(2019, 10, 27, 2, 30, 15, 0, time.FixedZone("", -7*3600))

// Repository runs the conformance suite of mirror.Repository. open is called
// once a test and returns a fresh fixture; it may call t.Parallel.
func Repository(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, d *desk)
	}{
		{"Identity", testIdentity},
		{"Create", testCreate},
		{"Subscribe", testSubscribe},
		{"Missing mailbox", testMissingMailbox},
		{"Empty mailbox", testEmptyMailbox},
		{"Bodies", testBodies},
		{"Forms", testForms},
		{"Batch", testBatch},
		{"Reserve", testReserve},
		{"Short body", testShortBody},
		{"Missing messages", testMissingMessages},
		{"Sink error", testSinkError},
		{"Reading marks nothing", testReadingMarksNothing},
		{"Store", testStore},
		{"Keywords", testKeywords},
		{"Move", testMove},
		{"Remove", testRemove},
		{"Remove kept", testRemoveKept},
		{"Absent", testAbsent},
		{"Others' changes", testOthersChanges},
		{"Numbers stay", testNumbersStay},
		{"Recreated", testRecreated},
		{"Unchanged", testUnchanged},
		{"Status before effects", testStatusBeforeEffects},
		{"Read-only", testReadOnly},
		{"Cancelled", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newDesk(t, open(t))) })
	}
}

// desk is a fixture with a connected session and what a test noted about it.
type desk struct {
	Fixture
	repository mirror.Repository
	traits     mirror.Traits
}

func newDesk(t *testing.T, f Fixture) *desk {
	d := &desk{Fixture: f}
	d.repository, d.traits = d.connect(t, "", mirror.ReadWrite)
	return d
}

// connect returns a new session that is closed after the test.
func (d *desk) connect(t *testing.T, identity string, access mirror.Access) (mirror.Repository, mirror.Traits) {
	t.Helper()
	r := d.Session(t)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	traits, err := r.Connect(t.Context(), identity, access)
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
	v, err := b.View(t.Context(), mirror.Known{Messages: b.known()})
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

// letter is one message to send.
type letter struct {
	body  []byte
	form  mirror.Form
	flags mirror.Flags
}

// travel returns the octets that go over IMAP.
func (l letter) travel() []byte {
	if l.form == mirror.LF {
		return bytes.ReplaceAll(l.body, []byte("\n"), []byte("\r\n"))
	}
	return l.body
}

// append sends letters and returns the results, one for each, without errors.
func (b *suiteMailbox) append(t *testing.T, letters ...letter) []mirror.Appended {
	t.Helper()
	results, err := b.Append(t.Context(), b.batch(letters))
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if len(results) != len(letters) {
		t.Fatalf("append: got %d results, want %d", len(results), len(letters))
	}
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("append: message %d: %v", i, r.Err)
		}
		if want := sourceOf(i); r.Source != want {
			t.Errorf("append: result %d: got source %v, want %v", i, r.Source, want)
		}
	}
	return results
}

func sourceOf(i int) mirror.Ref { return mirror.Ref{UID: imap.UID(7001 + i), Base: "source"} }

func (b *suiteMailbox) batch(letters []letter) iter.Seq[mirror.Incoming] {
	reserved := b.Reserve(len(letters))
	return func(yield func(mirror.Incoming) bool) {
		for i, l := range letters {
			in := mirror.Incoming{Source: sourceOf(i), Reserved: reserved[i], Flags: l.flags, Date: suiteDate, Body: mirror.Body{
				Ref: sourceOf(i), Reader: bytes.NewReader(l.body), Octets: int64(len(l.body)), Size: int64(len(l.travel())), Form: l.form}}
			if !yield(in) {
				return
			}
		}
	}
}

// fill puts n letters into a new mailbox and views them, in ascending UID.
func (d *desk) fill(t *testing.T, name mirror.Name, n int) (*suiteMailbox, []mirror.Message) {
	t.Helper()
	b := d.make(t, name)
	b.view(t)
	var letters []letter
	for i := range n {
		letters = append(letters, letter{body: suiteLetter(i)})
	}
	b.append(t, letters...)
	list := b.view(t).New
	if len(list) != n {
		t.Fatalf("got %d messages after %d were appended", len(list), n)
	}
	return b, list
}

func suiteLetter(i int) []byte { return Letter("suite"+string(rune('a'+i)), "text") }

// read fetches one message's travelling octets and checks its lengths.
func (b *suiteMailbox) read(t *testing.T, ref mirror.Ref) (body []byte, form mirror.Form) {
	t.Helper()
	times := 0
	err := b.Fetch(t.Context(), []mirror.Ref{ref}, func(m mirror.Body) error {
		times++
		raw, err := io.ReadAll(m.Reader)
		if err != nil {
			return err
		}
		if m.Ref != ref || int64(len(raw)) != m.Octets {
			t.Errorf("fetch: got %v with %d of %d octets, want %v", m.Ref, len(raw), m.Octets, ref)
		}
		m.Reader = bytes.NewReader(raw)
		form = m.Form
		body, err = io.ReadAll(m.Travel())
		if int64(len(body)) != m.Size {
			t.Errorf("fetch: got size %d, want %d", m.Size, len(body))
		}
		return err
	})
	if err != nil || times != 1 {
		t.Fatalf("fetch %v: got it %d times, %v; want once", ref, times, err)
	}
	return body, form
}

func refsOf(list []mirror.Message) []mirror.Ref {
	var refs []mirror.Ref
	for _, m := range list {
		refs = append(refs, m.Ref)
	}
	return refs
}

// nowhere names a message that is not there.
func nowhere() mirror.Ref {
	return mirror.Ref{UID: 4_000_000_000, Base: "1.nowhere.example"}
}

// byDigest finds a message by what it says.
func (b *suiteMailbox) byDigest(t *testing.T, body []byte) mirror.Message {
	t.Helper()
	found, err := b.Identify(t.Context(), refsOfKnown(b.known()), mirror.Bodies)
	if err != nil {
		t.Fatalf("identify: %v", err)
	}
	for _, f := range found {
		if f.Err == nil && f.Identity.Body == mirror.Digest(sha256.Sum256(body)) {
			return b.messages[f.UID]
		}
	}
	t.Fatalf("no message is %q", body)
	return mirror.Message{}
}

// cancelled is a context that is over.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
