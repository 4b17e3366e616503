package maildir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

func TestViewReadsNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/"+keywordsFile, "0 $Junk\n1 Work\n")
	date := time.Unix(1500000000, 123)
	for _, name := range []string{"cur/1.c:2,FSb", "cur/2.a", "cur/3.b;2,R", "new/4.n", "new/5.n:2,SF", "cur/.hidden", "cur/6.d:2,Xz,x=1"} {
		w.put("INBOX/"+name, lfMessage)
		if err := os.Chtimes(filepath.Join(w.path, "INBOX", name), date, date); err != nil {
			t.Fatal(err)
		}
	}
	w.put("INBOX/cur/0.crlf:2,P", crlfMessage) // younger than the others
	w.mkdirs("INBOX/cur/dir:2,S")
	w.link("1.c:2,FSb", "INBOX/cur/link:2,S")
	w.age()
	v := w.view(m)
	want := []struct{ base, flags string }{
		{"1.c", `\Flagged \Seen Work`}, {"2.a", ""}, {"3.b", `\Answered`}, {"4.n", ""}, {"5.n", `\Flagged`}, {"6.d", ""}, {"0.crlf", "$Forwarded"},
	}
	if len(v.New) != len(want) {
		t.Fatalf("got %q, want %d messages", bases(v.New), len(want))
	}
	for i, c := range want {
		got := v.New[i]
		if got.UID != imap.UID(i+1) || got.Base != c.base || !got.Flags.Equal(mirror.ParseFlags(c.flags)) {
			t.Errorf("got UID %d %q flags %s, want UID %d %q flags %s", got.UID, got.Base, got.Flags, i+1, c.base, c.flags)
		}
		if got.Size != int64(len(crlfMessage)) {
			t.Errorf("%s: got size %d, want %d", got.Base, got.Size, len(crlfMessage))
		}
		if c.base != "0.crlf" && !got.Date.Equal(date.Truncate(time.Second)) {
			t.Errorf("%s: got date %v, want %v", got.Base, got.Date, date)
		}
	}
	if v.Total != 7 || v.Checkpoint.UIDValidity != 1 || v.Checkpoint.UIDNext != 8 || v.Checkpoint.Messages != 7 || v.Checkpoint.Stamps == "" {
		t.Errorf("got total %d, checkpoint %+v", v.Total, v.Checkpoint)
	}
}

func TestViewOpensOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,S", lfMessage)
	w.put("INBOX/cur/b:2,F", lfMessage)
	w.put("INBOX/new/c", lfMessage)
	w.age()
	w.disk.log = nil
	v := w.view(m, known(3, "a", imap.FlagSeen), known(5, "b"))
	opened := slices.DeleteFunc(slices.Clone(w.disk.log), func(op string) bool { return !strings.HasPrefix(op, "open ") })
	if want := []string{"open INBOX/new/c"}; !slices.Equal(opened, want) {
		t.Errorf("got %q, want %q", opened, want)
	}
	if len(v.Changed) != 1 || v.Changed[0].Ref != ref(5, "b") || !v.Changed[0].Flags.Equal(mirror.MakeFlags(imap.FlagFlagged)) {
		t.Errorf("got changed %+v, want b flagged", v.Changed)
	}
	if v.Total != 3 {
		t.Errorf("got total %d, want 3", v.Total)
	}
}

func TestUIDsCountFromWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.create(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	m := w.open(inbox, mirror.Checkpoint{UIDNext: 40})
	if got := m.Status().UIDNext; got != 40 {
		t.Errorf("got UIDNext %d, want 40", got)
	}
	for range 2 { // the same UID as long as the run lasts
		if v := w.view(m); len(v.New) != 1 || v.New[0].UID != 40 {
			t.Errorf("got %+v, want UID 40", v.New)
		}
	}
	if got := m.Reserve(1)[0].UID; got != 41 {
		t.Errorf("got UID %d reserved, want 41", got)
	}
	if v := w.view(w.open(inbox, mirror.Checkpoint{})); v.New[0].UID != 40 || v.Checkpoint.UIDNext != 42 {
		t.Errorf("another handle: got %+v, %+v, want UID 40 and UIDNext 42", v.New, v.Checkpoint)
	}
}

// TestGoneInTwoMailboxes: what was removed together is proved gone in one wait.
func TestGoneInTwoMailboxes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first, second := w.box(inbox), w.box(nametrans.MustName("Archive"))
	w.put("INBOX/cur/a:2,", lfMessage)
	w.put("Archive/cur/b:2,", lfMessage)
	w.unlink("INBOX/cur/a:2,")
	time.Sleep(5 * time.Millisecond) // so that the stamps differ
	w.unlink("Archive/cur/b:2,")
	for i, m := range []*Mailbox{first, second} {
		v, err := m.View(t.Context(), mirror.Known{Rows: mirror.KnownList{{Ref: mirror.Ref{UID: 1, Base: []string{"a", "b"}[i]}}}})
		if err != nil || len(v.Gone) != 1 {
			t.Errorf("mailbox %d: got gone %v, unknown %v, %v; want one gone", i+1, v.Gone, v.Unknown, err)
		}
	}
}

// longAgo is before every stamp of a test: a run that waited then waits no more.
var longAgo = time.Unix(1, 0)

// TestGone: what is missing is gone only under two passes between equal stamps
// two seconds old.
func TestGone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		waited        bool // this run has waited before
		aged          bool
		during        func(w *world) // while the run waits
		pass          int            // before this pass over the names …
		act           func(w *world) // … this happens
		gone, unknown []string
		sleeps        int
		stamps        bool
	}{
		{name: "old stamps", aged: true, gone: []string{"b"}, stamps: true},
		{name: "young stamps: waits", gone: []string{"b"}, sleeps: 1, stamps: true},
		{name: "young stamps again", waited: true, unknown: []string{"b"}},
		{name: "changed while it waited", during: func(w *world) {
			w.clock.offset = 0
			w.put("INBOX/new/d", lfMessage)
		}, unknown: []string{"b"}, sleeps: 1},
		{name: "came back while it waited", during: func(w *world) {
			w.clock.offset = 10 * time.Second
			w.put("INBOX/cur/b:2,", lfMessage)
		}, sleeps: 1, stamps: true},
		{name: "a change between the passes", aged: true, pass: 2, act: func(w *world) { w.put("INBOX/new/d", lfMessage) }, unknown: []string{"b"}},
		{name: "back between the passes", aged: true, pass: 2, act: func(w *world) { w.put("INBOX/cur/b:2,", lfMessage) }},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/a:2,", lfMessage)
		w.put("INBOX/cur/b:2,", lfMessage)
		w.unlink("INBOX/cur/b:2,")
		if c.aged {
			w.age()
		}
		if c.waited {
			w.waited = longAgo
		}
		if c.during != nil {
			w.clock.during = func() { c.during(w) }
		}
		passes := 0
		w.disk.before = func(op string) error {
			if op == "names INBOX/cur" {
				if passes++; passes == c.pass && c.act != nil {
					c.act(w)
				}
			}
			return nil
		}
		v := w.view(m, known(1, "a"), known(2, "b"))
		if got := refBases(v.Gone); !slices.Equal(got, append([]string{}, c.gone...)) {
			t.Errorf("%s: got gone %q, want %q", c.name, got, c.gone)
		}
		if got := refBases(v.Unknown); !slices.Equal(got, append([]string{}, c.unknown...)) {
			t.Errorf("%s: got unknown %q, want %q", c.name, got, c.unknown)
		}
		if w.clock.sleeps != c.sleeps {
			t.Errorf("%s: got %d waits, want %d", c.name, w.clock.sleeps, c.sleeps)
		}
		if got := v.Checkpoint.Stamps != ""; got != c.stamps {
			t.Errorf("%s: got stamps %v, want %v", c.name, got, c.stamps)
		}
	}
}

// TestSuspendedBetweenPasses: two passes that are each settled prove nothing
// when something happened between them, however long ago.
func TestSuspendedBetweenPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.age()
	passes := 0
	w.clock.asked = func() { // a pass begins
		if passes++; passes == 2 {
			w.put("INBOX/new/d", lfMessage)
			w.age()
		}
	}
	v := w.view(m, known(1, "a"), known(2, "b"))
	if passes != 2 || len(v.Gone) != 0 || !slices.Equal(refBases(v.Unknown), []string{"b"}) {
		t.Errorf("got %d passes, gone %q, unknown %q, want b unknown", passes, refBases(v.Gone), refBases(v.Unknown))
	}
}

// TestGrownOldBetweenPasses: of the two passes both must be settled.
func TestGrownOldBetweenPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.waited = longAgo
	asked := 0
	w.clock.asked = func() {
		if asked++; asked == 2 {
			w.clock.age() // and nothing is touched
		}
	}
	if v := w.view(m, known(2, "b")); len(v.Gone) != 0 || len(v.Unknown) != 1 {
		t.Errorf("got gone %q, unknown %q, want b unknown", refBases(v.Gone), refBases(v.Unknown))
	}
}

// TestSkippedByOnePass: what either pass shows is there.
func TestSkippedByOnePass(t *testing.T) {
	t.Parallel()
	for skipped := 1; skipped <= 2; skipped++ {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/b:2,", lfMessage)
		w.age()
		passes := 0
		w.disk.skip = func(string) bool {
			passes++ // one name a pass
			return passes == skipped
		}
		if v := w.view(m, known(2, "b")); len(v.Gone)+len(v.Unknown)+len(v.New) != 0 {
			t.Errorf("pass %d: got %+v, want no difference", skipped, v)
		}
	}
}

func TestWaitsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m, other := w.box(inbox), w.box("Other")
	if v := w.view(m, known(2, "b")); len(v.Gone) != 1 {
		t.Errorf("got gone %q, want b", refBases(v.Gone))
	}
	w.clock.offset = 0
	time.Sleep(20 * time.Millisecond) // the stamp must be younger than the first wait
	w.put("Other/new/a", lfMessage)
	if v := w.view(other, known(2, "b")); len(v.Unknown) != 1 {
		t.Errorf("got unknown %q, want b", refBases(v.Unknown))
	}
	if got, err := other.Absent(t.Context(), []mirror.Ref{ref(2, "b")}); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v, want nothing proved", got, err)
	}
	if w.clock.sleeps != 1 {
		t.Errorf("got %d waits, want 1", w.clock.sleeps)
	}
}

// TestStampsNeedAge: stamps are worth keeping only when a later change must
// show in them.
func TestStampsNeedAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	if got := w.view(m).Checkpoint.Stamps; got != "" {
		t.Errorf("young: got %q, want none", got)
	}
	w.age()
	if got := w.view(m).Checkpoint.Stamps; got == "" {
		t.Error("old: got none")
	}
	w.disk.before = func(op string) error {
		if op == "names INBOX/cur" {
			w.put("INBOX/new/x", lfMessage)
		}
		return nil
	}
	if got := w.view(m).Checkpoint.Stamps; got != "" {
		t.Errorf("changed during the pass: got %q, want none", got)
	}
	if w.clock.sleeps != 0 {
		t.Errorf("got %d waits, want none: nothing was missing", w.clock.sleeps)
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		waited bool
		aged   bool
		act    func(w *world) // before its second pass
		want   []string
	}{
		{name: "old stamps", aged: true, want: []string{"b"}},
		{name: "young stamps: waits", want: []string{"b"}},
		{name: "young stamps again", waited: true},
		{name: "back before the second pass", aged: true, act: func(w *world) { w.put("INBOX/cur/b:2,", lfMessage) }},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/a:2,S", lfMessage)
		if c.aged {
			w.age()
		}
		if c.waited {
			w.waited = longAgo
		}
		passes := 0
		w.disk.before = func(op string) error {
			if op == "names INBOX/cur" {
				if passes++; passes == 2 && c.act != nil {
					c.act(w)
				}
			}
			return nil
		}
		got, err := m.Absent(t.Context(), []mirror.Ref{ref(1, "a"), ref(2, "b")})
		if err != nil || !slices.Equal(refBases(got), append([]string{}, c.want...)) {
			t.Errorf("%s: got %q, %v, want %q", c.name, refBases(got), err, c.want)
		}
	}
}

// TestRenamedDuringPass: a file that changes its name while names are read is
// met at least once, or its absence is not believed.
func TestRenamedDuringPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, before, after, at string
	}{
		{"flagged, found twice", "cur/a:2,", "cur/z:2,", "names INBOX/cur/a:2,"},
		{"flagged, not found", "cur/z:2,", "cur/a:2,", "names INBOX/cur/m:2,"},
		{"new to cur, after cur was read", "new/z", "cur/z:2,S", "names INBOX/cur/n:2,"},
		{"new to cur, before cur was read", "new/z", "cur/z:2,S", "names INBOX/new/z"},
		{"cur to new, before cur was read", "cur/z:2,", "new/z", "names INBOX/cur"},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/m:2,", lfMessage)
		w.put("INBOX/cur/n:2,", lfMessage)
		w.put("INBOX/"+c.before, lfMessage)
		w.age()
		w.disk.chunk = 1
		done := false
		w.disk.before = func(op string) error {
			if op == c.at && !done {
				done = true
				w.rename("INBOX/"+c.before, "INBOX/"+c.after)
			}
			return nil
		}
		base := parseName(filepath.Base(c.before)).base
		v := w.view(m, known(1, "m"), known(2, "n"), known(3, base))
		if !done {
			t.Fatalf("%s: the race did not happen", c.name)
		}
		if len(v.Gone) != 0 {
			t.Errorf("%s: got gone %q, want none", c.name, refBases(v.Gone))
		}
		if v.Checkpoint.Stamps != "" {
			t.Errorf("%s: got stamps, want none", c.name)
		}
	}
}

// TestNewFileRenamed: a file that is renamed between the pass and its opening
// is found under its new name; one that is removed is left out.
func TestNewFileRenamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/new/a", lfMessage)
	w.put("INBOX/cur/b:2,", lfMessage)
	w.age()
	done := map[string]bool{}
	w.disk.before = func(op string) error {
		if done[op] {
			return nil
		}
		done[op] = true
		switch op {
		case "open INBOX/new/a":
			w.rename("INBOX/new/a", "INBOX/cur/a:2,S")
		case "open INBOX/cur/b:2,":
			w.unlink("INBOX/cur/b:2,")
		}
		return nil
	}
	v := w.view(m)
	if len(v.New) != 1 || v.New[0].Base != "a" || !v.New[0].Flags.Has(imap.FlagSeen) {
		t.Errorf("got %+v, want a alone, seen", v.New)
	}
	if v.Checkpoint.Stamps != "" {
		t.Error("got stamps, want none")
	}
}

// TestTwice: one message in two files is one message.
func TestTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files []string // in the order in which they were changed
		flags string
	}{
		{"in new and in cur", []string{"cur/a:2,F", "new/a"}, `\Flagged`},
		{"two sets of flags", []string{"cur/a:2,S", "cur/a:2,F"}, `\Flagged`},
		{"two sets of flags, the other way round", []string{"cur/a:2,F", "cur/a:2,S"}, `\Seen`},
		{"three times", []string{"cur/a:2,F", "cur/a:2,S", "new/a"}, `\Seen`},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		for _, name := range c.files {
			w.put("INBOX/"+name, lfMessage)
			// Distinct ctimes: the clock of the file system is coarse.
			time.Sleep(15 * time.Millisecond)
		}
		w.age()
		v := w.view(m)
		if len(v.New) != 1 || !v.New[0].Flags.Equal(mirror.ParseFlags(c.flags)) {
			t.Fatalf("%s: got %+v, want one message with %s", c.name, v.New, c.flags)
		}
		again := w.view(m, mirror.KnownMessage{Ref: v.New[0].Ref, Flags: v.New[0].Flags})
		if len(again.New)+len(again.Gone)+len(again.Changed)+len(again.Unknown) != 0 || again.Total != 1 {
			t.Errorf("%s: got %+v, want no difference", c.name, again)
		}
		if got := len(w.files("INBOX")); got != len(c.files) {
			t.Errorf("%s: got %d files, want all %d", c.name, got, len(c.files))
		}
		if removed, err := m.Remove(t.Context(), []mirror.Ref{v.New[0].Ref}, true); err != nil || removed[0].Err != nil {
			t.Fatalf("%s: got %+v, %v", c.name, removed, err)
		}
		w.wantFiles("INBOX")
	}
}

// TestHardLinked: a message on its way by link and unlink is one message.
func TestHardLinked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/new/a", lfMessage)
	if err := os.Link(filepath.Join(w.path, "INBOX/new/a"), filepath.Join(w.path, "INBOX/cur/a:2,S")); err != nil {
		t.Fatal(err)
	}
	if v := w.view(m); len(v.New) != 1 || !v.New[0].Flags.Has(imap.FlagSeen) {
		t.Errorf("got %+v, want one message, seen", v.New)
	}
}

// TestTwoMessagesOfOneName: different octets are different messages; the one
// that is not known gets a name of its own.
func TestTwoMessagesOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,S", lfMessage)
	w.put("INBOX/new/a", strings.Replace(lfMessage, "world", "there", 1))
	w.age()
	v := w.view(m, known(1, "a", imap.FlagSeen))
	if len(v.New) != 1 || !ownBase().MatchString(v.New[0].Base) || v.Checkpoint.Stamps != "" {
		t.Fatalf("got %+v, %+v, want one message of a new name and no stamps", v.New, v.Checkpoint)
	}
	if got := w.travelling(m, v.New[0].Ref); !strings.Contains(got, "there") {
		t.Errorf("got %q, want the file in new", got)
	}
	w.age()
	again := w.view(m, known(1, "a", imap.FlagSeen), mirror.KnownMessage{Ref: v.New[0].Ref})
	if len(again.New)+len(again.Gone)+len(again.Changed) != 0 || again.Total != 2 {
		t.Errorf("got %+v, want no difference", again)
	}
}

// TestKeywordWithoutName: a letter that means nothing is no proof that a known
// keyword was taken away.
func TestKeywordWithoutName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,Sa", lfMessage)
	w.put("INBOX/cur/b:2,S", lfMessage)
	w.age()
	v := w.view(m, known(1, "a", imap.FlagSeen, "Work"), known(2, "b", imap.FlagSeen, "Work"))
	if len(v.Changed) != 1 || v.Changed[0].Base != "b" {
		t.Errorf("got changed %+v, want b alone", v.Changed)
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.put("INBOX/cur/b:2,", lfMessage)
	w.disk.before = func(op string) error {
		if op == "open INBOX/cur/a:2," {
			return syscall.EIO
		}
		return nil
	}
	v := w.view(m)
	if len(v.New) != 2 || v.New[0].Size != 0 || v.New[1].Size == 0 {
		t.Fatalf("got %+v, want a without size and b", v.New)
	}
	refs := []mirror.Ref{v.New[0].Ref, v.New[1].Ref}
	for _, depth := range []mirror.Depth{mirror.Headers, mirror.Bodies} {
		found, err := m.Identify(t.Context(), refs, depth)
		if err != nil || len(found) != 2 || !errors.Is(found[0].Err, syscall.EIO) || found[1].Err != nil {
			t.Errorf("depth %d: got %+v, %v, want an error of a alone", depth, found, err)
		}
	}
	var errs []error
	err := m.Fetch(t.Context(), refs, func(b mirror.Body) error {
		_, err := b.Reader.Read(make([]byte, 10))
		errs = append(errs, err)
		return nil
	})
	if err != nil || len(errs) != 2 || !errors.Is(errs[0], syscall.EIO) || errs[1] != nil {
		t.Errorf("got %v, %v, want an error of a alone", errs, err)
	}
}

// TestNamesUnreadable: a mailbox that cannot be read has no view.
func TestNamesUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.disk.before = func(op string) error {
		if op == "names INBOX/cur/a:2," {
			return syscall.EIO
		}
		return nil
	}
	if _, err := m.View(t.Context(), mirror.Known{}); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, want %v", err, syscall.EIO)
	}
	w.disk.before = nil
	w.rename("INBOX/cur", "INBOX/elsewhere")
	if _, err := m.View(t.Context(), mirror.Known{}); !errors.Is(err, mirror.ErrNoMailbox) {
		t.Errorf("got %v, want %v", err, mirror.ErrNoMailbox)
	}
}

// TestReadOnlyMakesNothing: a mailbox without new and tmp is read as it is.
func TestReadOnlyMakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.put("INBOX/cur/a:2,S", lfMessage)
	w.reconnect("", mirror.ReadOnly, nil)
	if v := w.view(w.open(inbox, mirror.Checkpoint{})); v.Total != 1 {
		t.Errorf("got %d messages, want 1", v.Total)
	}
	for _, part := range []string{"new", "tmp"} {
		if _, err := os.Lstat(filepath.Join(w.path, "INBOX", part)); !os.IsNotExist(err) {
			t.Errorf("%s: got %v, want none", part, err)
		}
	}
	w.reconnect("", mirror.ReadWrite, nil)
	w.append(w.open(inbox, mirror.Checkpoint{}), crlfMessage)
}

// TestWaitsAfterOwnChanges: what this run itself changed is waited for once
// more; what another program changes without rest is not.
func TestWaitsAfterOwnChanges(t *testing.T) {
	t.Parallel()
	other := nametrans.MustName("Other")
	for _, c := range []struct {
		name   string
		act    func(w *world, m *Mailbox)
		sleeps int
	}{
		{"nothing", func(*world, *Mailbox) {}, 1},
		{"append", func(w *world, m *Mailbox) { w.append(m, crlfMessage) }, 2},
		{"store", func(w *world, m *Mailbox) {
			_, err := m.Store(w.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: mirror.MakeFlags(imap.FlagSeen)}})
			w.must(err)
		}, 2},
		{"remove", func(w *world, m *Mailbox) {
			_, err := m.Remove(w.Context(), []mirror.Ref{ref(1, "a")}, true)
			w.must(err)
		}, 2},
		{"move away", func(w *world, m *Mailbox) {
			_, err := m.Move(w.Context(), []mirror.Move{{Ref: ref(1, "a"), Reserved: ref(9, "z")}}, other)
			w.must(err)
		}, 2},
		{"move in", func(w *world, m *Mailbox) {
			w.put("Other/cur/o:2,", lfMessage)
			_, err := w.open(other, mirror.Checkpoint{}).Move(w.Context(), []mirror.Move{{Ref: ref(1, "o"), Reserved: ref(9, "z")}}, inbox)
			w.must(err)
		}, 2},
		{"append elsewhere", func(w *world, m *Mailbox) { w.append(w.open(other, mirror.Checkpoint{}), crlfMessage) }, 1},
	} {
		w := newWorld(t, nil)
		w.create(other)
		m := w.box(inbox)
		for _, base := range []string{"a", "b", "c", "d"} {
			w.put("INBOX/cur/"+base+":2,", lfMessage)
		}
		// departs lets another program take a message after the last wait began.
		departs := func(base string) mirror.View {
			w.clock.offset = 0
			time.Sleep(30 * time.Millisecond) // more than a tick of the file system
			w.unlink("INBOX/cur/" + base + ":2,")
			return w.view(m, known(1, base))
		}
		departs("b")
		c.act(w, m)
		v := departs("c")
		if proved := len(v.Gone) == 1; w.clock.sleeps != c.sleeps || proved != (c.sleeps == 2) {
			t.Errorf("%s: got %d waits and gone %v, want %d", c.name, w.clock.sleeps, v.Gone, c.sleeps)
		}
		v = departs("d")
		if w.clock.sleeps != c.sleeps || len(v.Unknown) != 1 {
			t.Errorf("%s: later: got %d waits and unknown %v, want no more than %d", c.name, w.clock.sleeps, v.Unknown, c.sleeps)
		}
	}
}
