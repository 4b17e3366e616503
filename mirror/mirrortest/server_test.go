package mirrortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// connect returns a session that may write.
func connect(t *testing.T, s *Server) mirror.Repository {
	t.Helper()
	r := s.Repository()
	if _, err := r.Connect(context.Background(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// open opens INBOX for writing.
func open(t *testing.T, s *Server, known mirror.Checkpoint) mirror.Mailbox {
	t.Helper()
	m, err := connect(t, s).Open(context.Background(), Inbox, mirror.ReadWrite, known)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func view(t *testing.T, m mirror.Mailbox, known ...mirror.KnownMessage) mirror.View {
	t.Helper()
	v, err := m.View(context.Background(), mirror.Known{Rows: mirror.KnownList(known)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wire(body []byte) mirror.Body {
	return mirror.Body{Reader: bytes.NewReader(body), Octets: int64(len(body)), Size: int64(len(body))}
}

// batch sends bodies, under reserved names where the side wants them.
func batch(m mirror.Mailbox, bodies ...[]byte) iter.Seq[mirror.Incoming] {
	return func(yield func(mirror.Incoming) bool) {
		for i, body := range bodies {
			in := mirror.Incoming{Source: mirror.Ref{UID: imap.UID(i + 1)}, Reserved: m.Reserve(1)[0], Date: noon, Body: wire(body)}
			if !yield(in) {
				return
			}
		}
	}
}

// kinds runs a test on both kinds of store.
func kinds(t *testing.T, o Options, test func(t *testing.T, o Options)) {
	for _, maildir := range []bool{false, true} {
		name := map[bool]string{false: "imap", true: "maildir"}[maildir]
		o := o
		o.Maildir = maildir
		t.Run(name, func(t *testing.T) { test(t, o) })
	}
}

func TestServerNumbers(t *testing.T) {
	s := NewServer(Options{Gap: 4})
	var got []imap.UID
	for range 5 {
		got = append(got, s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon))
	}
	if want := []imap.UID{1, 2, 3, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("got UIDs %d, want %d", got, want)
	}
	before := s.Checkpoint(Inbox)
	s.DeleteMailbox(Inbox)
	s.CreateMailbox(Inbox, "")
	if after := s.Checkpoint(Inbox); after.UIDValidity <= before.UIDValidity {
		t.Errorf("got UIDVALIDITY %d for a mailbox made anew, want more than %d", after.UIDValidity, before.UIDValidity)
	}
}

func TestServerRenumbered(t *testing.T) {
	cases := map[string]struct {
		validity   func(uint32) uint32
		wantErr    error // of a handle that is open
		renumbered bool  // in the next session
	}{
		"greater": {func(v uint32) uint32 { return v + 1 }, mirror.ErrRenumbered, true},
		"smaller": {func(v uint32) uint32 { return v - 1 }, mirror.ErrRenumbered, true},
		"UIDNEXT": {func(v uint32) uint32 { return v }, nil, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := NewServer(Options{})
			for range 3 {
				s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
			}
			m := open(t, s, mirror.Checkpoint{})
			known := view(t, m).Checkpoint
			s.Remove(Inbox, 1)
			s.Renumber(Inbox, c.validity(known.UIDValidity))
			if _, err := m.Absent(t.Context(), nil); !errors.Is(err, c.wantErr) {
				t.Errorf("got %v, want %v", err, c.wantErr)
			}
			again := open(t, s, known)
			k := mirror.KnownMessage{Ref: mirror.Ref{UID: 3}}
			v := view(t, again, k)
			if !v.Renumbered || len(v.New) != 2 || len(v.Gone) != 0 {
				t.Errorf("got renumbered %v, %d new, %d gone; want true, 2, 0", v.Renumbered, len(v.New), len(v.Gone))
			}
			if v := view(t, again, k); v.Renumbered {
				t.Error("got renumbered again at the second view of one session")
			}
		})
	}
}

func TestServerCutAppend(t *testing.T) {
	cases := map[string]struct {
		fate Fate
		wait time.Duration
		want int
	}{
		"at once":      {Fate{}, 0, 2},
		"not yet":      {Fate{After: time.Minute}, 59 * time.Second, 1},
		"late":         {Fate{After: time.Minute}, time.Minute, 2},
		"never":        {Fate{Never: true}, time.Hour, 1},
		"never, early": {Fate{Never: true, After: time.Minute}, time.Hour, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			kinds(t, Options{}, func(t *testing.T, o Options) {
				synctest.Test(t, func(t *testing.T) {
					s := NewServer(o)
					m := open(t, s, mirror.Checkpoint{})
					s.CutAppend(1, c.fate)
					results, err := m.Append(t.Context(), batch(m, Letter("a", "x"), Letter("b", "x"), Letter("c", "x")))
					if !errors.Is(err, mirror.ErrCut) || len(results) != 1 {
						t.Fatalf("got %d results and %v, want 1 and %v", len(results), err, mirror.ErrCut)
					}
					if _, err := m.View(t.Context(), mirror.Known{}); !errors.Is(err, mirror.ErrCut) {
						t.Errorf("got %v after the cut, want %v", err, mirror.ErrCut)
					}
					time.Sleep(c.wait)
					if v := view(t, open(t, s, mirror.Checkpoint{})); v.Total != c.want {
						t.Errorf("got %d messages, want %d", v.Total, c.want)
					}
				})
			})
		})
	}
}

func TestServerAppendQuirks(t *testing.T) {
	letter := Letter("a", "x")
	cases := map[string]struct {
		options Options
		body    []byte
		stored  int
		uid     imap.UID
		err     error
	}{
		"plain":      {Options{}, letter, 1, 1, nil},
		"no UIDPLUS": {Options{NoUIDPlus: true}, letter, 1, 0, nil},
		"too big":    {Options{MaxSize: 10}, letter, 0, 0, mirror.ErrTooBig},
		"over quota": {Options{Quota: 10}, letter, 0, 0, mirror.ErrOverQuota},
		"NUL":        {Options{}, []byte("a\x00b"), 0, 0, mirror.ErrNUL},
		"empty":      {Options{}, nil, 0, 0, mirror.ErrEmptyBody},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := NewServer(c.options)
			m := open(t, s, mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(m, c.body))
			if err != nil || len(results) != 1 {
				t.Fatalf("got %d results and %v, want one", len(results), err)
			}
			r := results[0]
			if !errors.Is(r.Err, c.err) || (c.err != nil) != errors.Is(r.Err, mirror.ErrNotDone) {
				t.Errorf("got error %v, want %v", r.Err, c.err)
			}
			if r.Target.UID != c.uid {
				t.Errorf("got UID %d, want %d", r.Target.UID, c.uid)
			}
			if n := len(s.Messages(Inbox)); n != c.stored || len(s.Effects()) != c.stored {
				t.Errorf("got %d messages and the log %v, want %d", n, s.Effects(), c.stored)
			}
		})
	}
}

// TestServerDrops: the copy is announced and is not there.
func TestServerDrops(t *testing.T) {
	s := NewServer(Options{DropsHeld: true})
	s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
	m := open(t, s, mirror.Checkpoint{})
	s.DropNext(1)
	results, err := m.Append(t.Context(), batch(m, Letter("b", "x"), Letter("a", "x"), Letter("c", "x")))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []imap.UID{2, 3, 4} {
		if got := results[i].Target.UID; got != want || results[i].Err != nil {
			t.Errorf("message %d: got UID %d and %v, want %d", i, got, results[i].Err, want)
		}
	}
	v := view(t, m, mirror.KnownMessage{Ref: mirror.Ref{UID: 2}}, mirror.KnownMessage{Ref: mirror.Ref{UID: 3}})
	if v.Total != 2 || len(v.Gone) != 2 {
		t.Errorf("got %d messages, %d gone; want 2, 2", v.Total, len(v.Gone))
	}
}

func TestServerWindow(t *testing.T) {
	s := NewServer(Options{Window: 2})
	var known []mirror.KnownMessage
	for range 4 {
		uid := s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
		known = append(known, mirror.KnownMessage{Ref: mirror.Ref{UID: uid}})
	}
	m := open(t, s, mirror.Checkpoint{})
	v := view(t, m, known...)
	if v.Total != 2 || len(v.Unknown) != 2 || len(v.Gone) != 0 {
		t.Errorf("got total %d, %d unknown, %d gone; want 2, 2, 0", v.Total, len(v.Unknown), len(v.Gone))
	}
	s.Remove(Inbox, 1)
	if absent, _ := m.Absent(t.Context(), []mirror.Ref{{UID: 1}, {UID: 9}}); len(absent) != 1 || absent[0].UID != 9 {
		t.Errorf("got absent %v, want UID 9 only: below a full window nothing is proved", absent)
	}
}

// TestServerHide: a listing that is wrong is not a proof; Absent is.
func TestServerHide(t *testing.T) {
	kinds(t, Options{}, func(t *testing.T, o Options) {
		s := NewServer(o)
		id := s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
		m := open(t, s, mirror.Checkpoint{})
		ref := view(t, m).New[0].Ref
		s.Hide(Inbox, id, true)
		v := view(t, m, mirror.KnownMessage{Ref: ref})
		if v.Total != 0 || len(v.Gone) != 1 {
			t.Errorf("got total %d, %d gone; want 0, 1", v.Total, len(v.Gone))
		}
		if absent, err := m.Absent(t.Context(), []mirror.Ref{ref}); err != nil || len(absent) != 0 {
			t.Errorf("got absent %v, %v; want none", absent, err)
		}
	})
}

func TestServerStale(t *testing.T) {
	s := NewServer(Options{Stale: true})
	m := open(t, s, mirror.Checkpoint{})
	results, err := m.Append(t.Context(), batch(m, Letter("a", "x")))
	if err != nil {
		t.Fatal(err)
	}
	ref := results[0].Target
	if got, _ := m.Identify(t.Context(), []mirror.Ref{ref}, mirror.Headers); len(got) != 0 {
		t.Errorf("got %d identified before the view was taken anew, want 0", len(got))
	}
	view(t, m)
	if got, _ := m.Identify(t.Context(), []mirror.Ref{ref}, mirror.Headers); len(got) != 1 {
		t.Errorf("got %d identified after a view, want 1", len(got))
	}
}

func TestServerMovePending(t *testing.T) {
	archive := nametrans.MustName("Archive")
	cases := map[string]struct {
		options Options
		uid     imap.UID
		pending bool
		left    int
	}{
		"MOVE, UIDPLUS":       {Options{}, 1, false, 0},
		"UIDPLUS only":        {Options{NoMove: true}, 1, false, 0},
		"MOVE, not UIDPLUS":   {Options{NoUIDPlus: true}, 0, false, 0},
		"neither is pending":  {Options{NoUIDPlus: true, NoMove: true}, 0, true, 1},
		"Maildir is a rename": {Options{Maildir: true}, 0, false, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := NewServer(c.options)
			s.CreateMailbox(archive, "")
			s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
			r := connect(t, s)
			from, _ := r.Open(t.Context(), Inbox, mirror.ReadWrite, mirror.Checkpoint{})
			to, _ := r.Open(t.Context(), archive, mirror.ReadWrite, mirror.Checkpoint{})
			ref := view(t, from).New[0].Ref
			results, err := from.Move(t.Context(), []mirror.Move{{Ref: ref, Reserved: to.Reserve(1)[0]}}, archive)
			if err != nil || len(results) != 1 || results[0].Err != nil {
				t.Fatalf("got %v, %v; want one result", results, err)
			}
			if got := results[0]; got.Pending != c.pending || !c.options.Maildir && got.To.UID != c.uid {
				t.Errorf("got pending %v and UID %d, want %v and %d", got.Pending, got.To.UID, c.pending, c.uid)
			}
			if left := len(s.Messages(Inbox)); left != c.left || len(s.Messages(archive)) != 1 {
				t.Errorf("got %d left and %d moved, want %d and 1", left, len(s.Messages(archive)), c.left)
			}
			if c.left == 1 && s.Messages(Inbox)[0].Flags.Has(imap.FlagDeleted) {
				t.Error("got \\Deleted on a source whose copy nobody has proved")
			}
		})
	}
}

func TestServerAlters(t *testing.T) {
	mime := []byte("A: b\r\n\r\n--x\r\n\r\ntext\r\n--x--\r\nepilogue\r\n")
	cases := map[string]struct {
		alter      func([]byte) []byte
		body, want string
	}{
		"header":   {AddHeader("X-Seen: 1"), "A: b\r\n\r\nc\r\n", "X-Seen: 1\r\nA: b\r\n\r\nc\r\n"},
		"lines":    {MendLines, "A: b\n\r\nc\n", "A: b\r\n\r\nc\r\n"},
		"epilogue": {MoveEpilogue, string(mime), "A: b\r\n\r\n--x\r\n\r\ntext\r\nepilogue\r\n--x--\r\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := NewServer(Options{Alter: c.alter, Announce: func(b []byte) int64 { return int64(len(b)) + 7 }})
			m := open(t, s, mirror.Checkpoint{})
			if _, err := m.Append(t.Context(), batch(m, []byte(c.body))); err != nil {
				t.Fatal(err)
			}
			if got := string(s.Messages(Inbox)[0].Body); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got, want := view(t, m).New[0].Size, int64(len(c.want)+7); got != want {
				t.Errorf("got size %d, want %d", got, want)
			}
		})
	}
}

// TestMaildirForms: whatever comes over IMAP goes back as it came.
func TestMaildirForms(t *testing.T) {
	cases := map[string]struct{ body, file string }{
		"CRLF":          {"A: b\r\n\r\nc\r\n", "A: b\n\nc\n"},
		"lone CR":       {"A: b\r\n\r\nc\rd\r\n", "A: b\n\nc\rd\n"},
		"CR before end": {"A: b\r\n\r\nc\r\r\n", "A: b\r\n\r\nc\r\r\n"},
		"bare LF":       {"A: b\r\n\r\nc\nd\r\n", "A: b\r\n\r\nc\nd\r\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := NewServer(Options{Maildir: true})
			m := open(t, s, mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(m, []byte(c.body)))
			if err != nil || results[0].Err != nil {
				t.Fatal(results, err)
			}
			if got := string(s.Messages(Inbox)[0].Body); got != c.file {
				t.Errorf("got file %q, want %q", got, c.file)
			}
			err = m.Fetch(t.Context(), []mirror.Ref{results[0].Target}, func(b mirror.Body) error {
				got, err := io.ReadAll(b.Travel())
				if string(got) != c.body || b.Size != int64(len(got)) || b.Form != results[0].Form {
					t.Errorf("got %q, size %d, form %d; want %q, form %d", got, b.Size, b.Form, c.body, results[0].Form)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServerHollow(t *testing.T) {
	s := NewServer(Options{})
	id := s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
	s.Hollow(Inbox, id, 1)
	m := open(t, s, mirror.Checkpoint{})
	refs := []mirror.Ref{{UID: id}}
	for _, want := range []error{mirror.ErrEmptyBody, nil} {
		got, err := m.Identify(t.Context(), refs, mirror.Bodies)
		if err != nil || len(got) != 1 || !errors.Is(got[0].Err, want) {
			t.Errorf("got %v, %v; want one result with %v", got, err, want)
		}
	}
}

func TestServerAnswersNobody(t *testing.T) {
	s := NewServer(Options{})
	s.SetDown(mirror.ErrThrottled)
	if _, err := s.Repository().Connect(t.Context(), mirror.Visit{}); !errors.Is(err, mirror.ErrThrottled) {
		t.Errorf("got %v, want %v", err, mirror.ErrThrottled)
	}
	s.SetDown(nil)
	s.SetRootMissing(true)
	if _, err := s.Repository().Connect(t.Context(), mirror.Visit{Identity: "ann", Access: mirror.ReadWrite}); !errors.Is(err, mirror.ErrRootMissing) {
		t.Errorf("got %v, want %v", err, mirror.ErrRootMissing)
	}
	if _, err := s.Repository().Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Errorf("got %v on a first run, want the root made", err)
	}
	s.SetIdentity("eve")
	if _, err := s.Repository().Connect(t.Context(), mirror.Visit{Identity: "ann", Access: mirror.ReadWrite}); !errors.Is(err, mirror.ErrOtherIdentity) {
		t.Errorf("got %v, want %v", err, mirror.ErrOtherIdentity)
	}
}

// TestServerRefusesFlags: a silent loss and an announced one.
func TestServerRefusesFlags(t *testing.T) {
	keeps := mirror.Storable{Flags: mirror.MakeFlags(`\Seen`, "$A")}
	s := NewServer(Options{Keeps: &keeps, Forgets: mirror.MakeFlags("$A")})
	id := s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
	m := open(t, s, mirror.Checkpoint{})
	change := mirror.FlagChange{Ref: mirror.Ref{UID: id}, Add: mirror.MakeFlags(`\Seen`, `\Flagged`, "$A")}
	got, err := m.Store(t.Context(), []mirror.FlagChange{change, {Ref: mirror.Ref{UID: 99}, Add: change.Add}})
	if err != nil {
		t.Fatal(err)
	}
	if want := mirror.MakeFlags(`\Seen`); !got[0].Flags.Equal(want) || !errors.Is(got[0].Err, mirror.ErrFlagRefused) {
		t.Errorf("got %s, %v; want %s, %v", got[0].Flags, got[0].Err, want, mirror.ErrFlagRefused)
	}
	if !errors.Is(got[1].Err, mirror.ErrGone) {
		t.Errorf("got %v, want %v", got[1].Err, mirror.ErrGone)
	}
}

func TestServerRenameMailbox(t *testing.T) {
	s := NewServer(Options{})
	old, parent, child := nametrans.MustName("Old"), nametrans.MustName("Lists"), nametrans.MustName("Lists", "go")
	s.CreateMailbox(old, imap.MailboxAttrArchive)
	s.Deliver(old, Letter("a", "x"), mirror.Flags{}, noon)
	before := s.Checkpoint(old)
	s.RenameMailbox(old, child)
	if after := s.Checkpoint(child); after.UIDValidity != before.UIDValidity || after.Messages != 1 {
		t.Errorf("got %+v, want UIDVALIDITY and messages of %+v", after, before)
	}
	listing, err := connect(t, s).List(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	var got []mirror.Name
	for _, l := range listing.Mailboxes {
		got = append(got, l.Name)
		if l.NoSelect != (l.Name == parent) {
			t.Errorf("%q: got NoSelect %v", l.Name, l.NoSelect)
		}
	}
	if want := []mirror.Name{Inbox, parent, child}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestServerRewind: UIDNEXT goes back, and UIDVALIDITY changes before it is again
// where it was.
func TestServerRewind(t *testing.T) {
	s := NewServer(Options{})
	for range 3 {
		s.Deliver(Inbox, Letter("a", "x"), mirror.Flags{}, noon)
	}
	s.Remove(Inbox, 1)
	s.Remove(Inbox, 2)
	before := s.Checkpoint(Inbox)
	s.Rewind(Inbox)
	now := s.Checkpoint(Inbox)
	if !s.Rewound(Inbox) || now.UIDNext != 2 || now.UIDValidity != before.UIDValidity {
		t.Fatalf("rewound: got %+v, want UIDNEXT 2 and the same UIDVALIDITY", now)
	}
	s.Deliver(Inbox, Letter("b", "x"), mirror.Flags{}, noon)
	if now := s.Checkpoint(Inbox); now.UIDNext != 3 || now.UIDValidity != before.UIDValidity {
		t.Errorf("one later: got %+v, want UIDNEXT 3 and the same UIDVALIDITY", now)
	}
	s.Deliver(Inbox, Letter("c", "x"), mirror.Flags{}, noon)
	if now := s.Checkpoint(Inbox); s.Rewound(Inbox) || now.UIDNext != 4 || now.UIDValidity == before.UIDValidity {
		t.Errorf("two later: got %+v, want UIDNEXT 4 and another UIDVALIDITY", now)
	}
}
