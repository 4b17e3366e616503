package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-imap/v2"
	gomaildir "github.com/emersion/go-maildir"

	"mailtwin/mirror"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	mixed := "Subject: a\r\n\r\nbare\nline\r\n"
	for _, c := range []struct {
		name  string
		body  string
		form  mirror.Form // of what comes
		flags string
		part  string // where it goes …
		info  string // … with this behind the base
		file  string
		after mirror.Form
	}{
		{"unseen, without flags", crlfMessage, mirror.Wire, "", "new", "", lfMessage, mirror.LF},
		{"seen", crlfMessage, mirror.Wire, `\Seen`, "cur", "S", lfMessage, mirror.LF},
		{"unseen and flagged", crlfMessage, mirror.Wire, `\Flagged $Forwarded`, "cur", "FP", lfMessage, mirror.LF},
		{"all flags", crlfMessage, mirror.Wire, `\Answered \Flagged \Deleted \Seen \Draft`, "cur", "DFRST", lfMessage, mirror.LF},
		{"bare LF", mixed, mirror.Wire, `\Seen`, "cur", "S", mixed, mirror.AsIs},
		{"LF form is copied", lfMessage, mirror.LF, `\Seen`, "cur", "S", lfMessage, mirror.LF},
		{"as is is copied", crlfMessage, mirror.AsIs, `\Seen`, "cur", "S", crlfMessage, mirror.AsIs},
		{"mixed is copied", mixed, mirror.AsIs, `\Seen`, "cur", "S", mixed, mirror.AsIs},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		r := m.Reserve(1)[0]
		in := incoming(r, c.body, mirror.ParseFlags(c.flags).List()...)
		in.Body.Form = c.form
		results, err := m.Append(t.Context(), batch(in))
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: got %+v, %v", c.name, results, err)
		}
		want := mirror.Appended{Source: in.Source, Target: r, Flags: mirror.ParseFlags(c.flags), Form: c.after}
		if results[0] != want {
			t.Errorf("%s: got %+v, want %+v", c.name, results[0], want)
		}
		name := c.part + "/" + r.Base
		if c.part == "cur" {
			name += infoSeparator + c.info
		}
		w.wantFiles("INBOX", name)
		if got := w.text("INBOX/" + name); got != c.file {
			t.Errorf("%s: got file %q, want %q", c.name, got, c.file)
		}
		info, err := os.Stat(filepath.Join(w.path, "INBOX", name))
		if err != nil || !info.ModTime().Equal(in.Date) || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v %v, want %v and 0600", c.name, info.ModTime(), info.Mode(), in.Date)
		}
	}
}

// TestAppendOrder: no name before its octets are durable, no result before its
// name is.
func TestAppendOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.disk.operations()
	refs := m.Reserve(3)
	_, err := m.Append(t.Context(), batch(incoming(refs[0], crlfMessage), incoming(refs[1], crlfMessage, imap.FlagSeen), incoming(refs[2], crlfMessage, imap.FlagSeen)))
	if err != nil {
		t.Fatal(err)
	}
	got := w.disk.operations()
	at := func(op string) int { return slices.Index(got, op) }
	lastFsync, firstRename := 0, len(got)
	for i, r := range refs {
		tmp := "INBOX/tmp/" + r.Base
		name := "INBOX/new/" + r.Base
		if i > 0 {
			name = "INBOX/cur/" + r.Base + infoSeparator + "S"
		}
		steps := []int{at("create " + tmp), at("write " + tmp), at("time " + tmp), at("fsync " + tmp), at("rename " + name)}
		if steps[0] < 0 || !slices.IsSorted(steps) {
			t.Errorf("message %d: got steps %v of %q", i, steps, got)
		}
		lastFsync, firstRename = max(lastFsync, steps[3]), min(firstRename, steps[4])
	}
	if lastFsync > firstRename {
		t.Errorf("got a rename before the last fsync: %q", got)
	}
	if tail := got[len(got)-2:]; !slices.Equal(tail, []string{"sync INBOX/cur", "sync INBOX/new"}) {
		t.Errorf("got %q at the end, want each directory synced once", tail)
	}
	if n := len(got); n != 3*5+2 {
		t.Errorf("got %d operations, want %d: %q", n, 3*5+2, got)
	}
}

// TestAppendStreams: a message's reader is used before the batch yields the
// next, and no more after.
func TestAppendStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	refs := m.Reserve(40)
	results, err := m.Append(t.Context(), func(yield func(mirror.Incoming) bool) {
		for _, r := range refs {
			in := incoming(r, crlfMessage)
			body := &endingReader{left: []byte(crlfMessage)}
			in.Body.Reader = iotest.OneByteReader(body)
			if !yield(in) {
				return
			}
			if len(body.left) != 0 {
				t.Error("the body was not read when the next was asked for")
			}
			body.over = true
		}
	})
	if err != nil || len(results) != len(refs) {
		t.Fatalf("got %d results, %v, want %d", len(results), err, len(refs))
	}
	for i, r := range results {
		if r.Err != nil || r.Target != refs[i] {
			t.Errorf("got %+v, want %v", r, refs[i])
		}
	}
}

type endingReader struct {
	left []byte
	over bool
}

func (r *endingReader) Read(p []byte) (int, error) {
	if r.over {
		panic("read after the batch went on")
	}
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	source := errors.New("the source broke")
	for _, c := range []struct {
		name string
		edit func(in *mirror.Incoming)
		want error
	}{
		{"short", func(in *mirror.Incoming) { in.Body.Octets++ }, mirror.ErrShortBody},
		{"long", func(in *mirror.Incoming) { in.Body.Octets-- }, mirror.ErrShortBody},
		{"empty", func(in *mirror.Incoming) { in.Body.Octets, in.Body.Reader = 0, strings.NewReader("") }, mirror.ErrEmptyBody},
		{"broken", func(in *mirror.Incoming) { in.Body.Reader = iotest.ErrReader(source) }, source},
		{"no name", func(in *mirror.Incoming) { in.Reserved.Base = "" }, errNoName},
		{"bad name", func(in *mirror.Incoming) { in.Reserved.Base = "../x" }, errNoName},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		refs := m.Reserve(2)
		bad := incoming(refs[0], crlfMessage)
		c.edit(&bad)
		results, err := m.Append(t.Context(), batch(bad, incoming(refs[1], crlfMessage)))
		if err != nil || len(results) != 2 {
			t.Fatalf("%s: got %+v, %v, want two results", c.name, results, err)
		}
		if got := results[0]; !errors.Is(got.Err, c.want) || !errors.Is(got.Err, mirror.ErrNotDone) || got.Target != (mirror.Ref{}) {
			t.Errorf("%s: got %+v, want %v and %v", c.name, got, c.want, mirror.ErrNotDone)
		}
		if results[1].Err != nil {
			t.Errorf("%s: the next message: got %v, want nil", c.name, results[1].Err)
		}
		w.wantFiles("INBOX", "new/"+refs[1].Base)
	}
}

// TestAppendNeverReplaces: whatever has the name already stays.
func TestAppendNeverReplaces(t *testing.T) {
	t.Parallel()
	for _, viewed := range []bool{false, true} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		r := m.Reserve(1)[0]
		w.put("INBOX/cur/"+r.Base+infoSeparator+"S", "the other")
		if viewed {
			w.view(m)
		}
		results, err := m.Append(t.Context(), batch(incoming(r, crlfMessage, imap.FlagSeen)))
		if err != nil || !errors.Is(results[0].Err, errNameTaken) || !errors.Is(results[0].Err, mirror.ErrNotDone) {
			t.Errorf("viewed %v: got %+v, %v, want %v", viewed, results, err, errNameTaken)
		}
		w.wantFiles("INBOX", "cur/"+r.Base+infoSeparator+"S")
		if got := w.text("INBOX/cur/" + r.Base + infoSeparator + "S"); got != "the other" {
			t.Errorf("viewed %v: got %q, want what was there", viewed, got)
		}
	}
}

// TestAppendNameInTmp: a file of the reserved name that is in tmp already stays
// as it is.
func TestAppendNameInTmp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	r := m.Reserve(1)[0]
	w.put("INBOX/tmp/"+r.Base, "the other, on its way")
	results, err := m.Append(t.Context(), batch(incoming(r, crlfMessage)))
	if err != nil || !errors.Is(results[0].Err, errDuplicated) || !errors.Is(results[0].Err, mirror.ErrNotDone) {
		t.Errorf("got %+v, %v, want %v", results, err, errDuplicated)
	}
	w.wantFiles("INBOX", "tmp/"+r.Base)
	if got := w.text("INBOX/tmp/" + r.Base); got != "the other, on its way" {
		t.Errorf("got %q in tmp, want the other's octets", got)
	}
}

// TestAppendOneBase: a base is one message, whatever its flags.
func TestAppendOneBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	r := m.Reserve(1)[0]
	w.put("INBOX/cur/"+r.Base+infoSeparator+"F", lfMessage)
	w.view(m)
	results, err := m.Append(t.Context(), batch(incoming(r, crlfMessage, imap.FlagSeen)))
	if err != nil || !errors.Is(results[0].Err, errNameTaken) {
		t.Errorf("got %+v, %v, want %v", results, err, errNameTaken)
	}
	w.wantFiles("INBOX", "cur/"+r.Base+infoSeparator+"F")
}

// TestAppendReservedBefore: a name reserved in an earlier run keeps its UID.
func TestAppendReservedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	r := mirror.Ref{UID: 50, Base: newBase(w.now())}
	if _, err := m.Append(t.Context(), batch(incoming(r, crlfMessage))); err != nil {
		t.Fatal(err)
	}
	if v := w.view(m); len(v.New) != 1 || v.New[0].Ref != r {
		t.Errorf("got %+v, want %v", v.New, r)
	}
	if got := m.Reserve(1)[0].UID; got != 51 {
		t.Errorf("got UID %d next, want 51", got)
	}
}

// TestAppendStopsWhenFull: the batch is not asked for more than may be on its way.
func TestAppendStopsWhenFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	refs := m.Reserve(1000)
	w.disk.before = func(op string) error {
		if strings.HasPrefix(op, "write ") && op != "write INBOX/tmp/"+refs[0].Base {
			return syscall.ENOSPC
		}
		return nil
	}
	results, err := m.Append(t.Context(), func(yield func(mirror.Incoming) bool) {
		for _, r := range refs {
			if !yield(incoming(r, crlfMessage)) {
				return
			}
		}
	})
	if !errors.Is(err, mirror.ErrFull) || len(results) > parallelSyncs+3 || results[0].Err != nil {
		t.Errorf("got %d results and %v, want one success and %v", len(results), err, mirror.ErrFull)
	}
	for _, r := range results[1:] {
		if !errors.Is(r.Err, mirror.ErrFull) {
			t.Errorf("got %+v, want %v", r, mirror.ErrFull)
		}
	}
	w.wantFiles("INBOX", "new/"+refs[0].Base)
}

// TestAppendFaults: each operation fails once; then no message is half there,
// and every result tells the truth.
func TestAppendFaults(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, fs.ErrPermission} {
		for i := 0; ; i++ {
			w := newWorld(t, nil)
			m := w.box(inbox)
			refs := m.Reserve(3)
			step, failed := 0, ""
			w.disk.before = func(op string) error {
				w.disk.mu.Lock()
				defer w.disk.mu.Unlock()
				if strings.HasPrefix(op, "open ") || strings.HasPrefix(op, "names ") || strings.HasPrefix(op, "remove ") {
					return nil
				}
				if step++; step-1 == i {
					failed = op
					return failure
				}
				return nil
			}
			results, err := m.Append(t.Context(), batch(incoming(refs[0], crlfMessage), incoming(refs[1], crlfMessage, imap.FlagSeen), incoming(refs[2], crlfMessage)))
			if failed == "" {
				break
			}
			checkFault(t, w, fmt.Sprintf("%v at %s", failure, failed), refs, results, err)
			stopped := errors.Is(err, mirror.ErrFull) || errors.Is(err, mirror.ErrOverQuota) || errors.Is(err, mirror.ErrDenied)
			if wantStop := failure != syscall.EIO; stopped != wantStop {
				t.Errorf("%v at %s: got %v, want the batch stopped: %v", failure, failed, err, wantStop)
			}
		}
	}
}

// checkFault compares results with what is on disk.
func checkFault(t *testing.T, w *world, what string, refs []mirror.Ref, results []mirror.Appended, err error) {
	t.Helper()
	on := map[string]bool{}
	for _, name := range w.files("INBOX") {
		if strings.HasPrefix(name, "tmp/") {
			t.Errorf("%s: got %s left over", what, name)
			continue
		}
		on[parseName(filepath.Base(name)).base] = true
		if got := w.text("INBOX/" + name); got != lfMessage {
			t.Errorf("%s: got %d octets of a message, want %d", what, len(got), len(lfMessage))
		}
	}
	failures := 0
	for i, r := range results {
		switch {
		case r.Err == nil && !on[refs[i].Base]:
			t.Errorf("%s: message %d: got success, and it is not there", what, i)
		case errors.Is(r.Err, mirror.ErrNotDone) && on[refs[i].Base]:
			t.Errorf("%s: message %d: got %v, and it is there", what, i, r.Err)
		case r.Err != nil:
			failures++
		}
	}
	if failures == 0 {
		t.Errorf("%s: got no failed result", what)
	}
	if len(results) < len(refs) && err == nil {
		t.Errorf("%s: got %d results and no error", what, len(results))
	}
}

func TestAppendCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	refs := m.Reserve(3)
	ctx, cancel := contextWithCancel(t)
	results, err := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
		for i, r := range refs {
			if i == 1 {
				cancel()
			}
			if !yield(incoming(r, crlfMessage)) {
				return
			}
		}
	})
	if err == nil || len(results) != 2 || results[0].Err != nil || !errors.Is(results[1].Err, mirror.ErrNotDone) {
		t.Errorf("got %+v, %v, want the first done and the second not", results, err)
	}
	w.wantFiles("INBOX", "new/"+refs[0].Base)
}

// TestLeftovers: what an interrupted run left in tmp is removed by the next,
// and nothing else.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.create(inbox)
	foreign := []string{"tmp/1.M2P3Q4R0123456789abcdef.another-host.example", "tmp/1.someone", "tmp/" + newBase(w.now()) + ".x"}
	slices.Sort(foreign)
	for _, name := range append(slices.Clone(foreign), "tmp/"+newBase(w.now())) {
		w.put("INBOX/"+name, "half a mess")
	}
	w.open(inbox, mirror.Checkpoint{})
	w.wantFiles("INBOX", foreign...)
}

// TestIndependentReader: another Maildir library finds what we wrote.
func TestIndependentReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	unseen := w.append(m, crlfMessage)
	flagged := w.append(m, crlfMessage, imap.FlagSeen, imap.FlagFlagged, imap.FlagForwarded)
	if _, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: flagged, Add: mirror.MakeFlags(imap.FlagAnswered), Remove: mirror.MakeFlags(imap.FlagFlagged)}}); err != nil {
		t.Fatal(err)
	}
	dir := gomaildir.Dir(filepath.Join(w.path, "INBOX"))
	if n, err := dir.UnseenCount(); n != 1 || err != nil {
		t.Errorf("got %d unseen, %v, want 1", n, err)
	}
	messages, err := dir.Messages()
	if err != nil || len(messages) != 1 {
		t.Fatalf("got %v, %v, want one message in cur", messages, err)
	}
	want := []gomaildir.Flag{gomaildir.FlagPassed, gomaildir.FlagReplied, gomaildir.FlagSeen}
	if got := messages[0]; got.Key() != flagged.Base || !slices.Equal(got.Flags(), want) {
		t.Errorf("got %s %q, want %s %q", got.Key(), got.Flags(), flagged.Base, want)
	}
	if _, err := dir.Unseen(); err != nil { // moves new to cur
		t.Fatal(err)
	}
	w.age()
	v := w.view(m, mirror.KnownMessage{Ref: unseen}, mirror.KnownMessage{Ref: flagged, Flags: mirror.MakeFlags(imap.FlagSeen, imap.FlagAnswered, imap.FlagForwarded)})
	if len(v.New)+len(v.Changed)+len(v.Gone)+len(v.Unknown) != 0 || v.Total != 2 {
		t.Errorf("got %+v, want no difference", v)
	}
}

// TestFileChangesWhileFetched: a body that is not what was announced is an
// error of its reader.
func TestFileChangesWhileFetched(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcde\n", maxInMemory/16+100)
	for _, c := range []struct {
		name   string
		change func(path string) error
	}{
		{"shorter", func(path string) error { return os.Truncate(path, 100) }},
		{"longer", func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("more\n")
			return err
		}},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/a:2,", long)
		err := m.Fetch(t.Context(), []mirror.Ref{ref(1, "a")}, func(b mirror.Body) error {
			if b.Octets != int64(len(long)) || b.Form != mirror.LF || b.Size != int64(len(long)+strings.Count(long, "\n")) {
				t.Errorf("%s: got %+v", c.name, b)
			}
			if err := c.change(filepath.Join(w.path, "INBOX/cur/a:2,")); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, b.Reader)
			return err
		})
		if !errors.Is(err, mirror.ErrShortBody) {
			t.Errorf("%s: got %v, want %v", c.name, err, mirror.ErrShortBody)
		}
	}
}

// TestFetchFollows: files are found whatever another program made of their
// names since the view; what is not there is skipped.
func TestFetchFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	for i, base := range []string{"a", "b", "c", "d"} {
		w.put("INBOX/new/"+base, fmt.Sprintf("Subject: %d\n\n", i))
	}
	w.view(m)
	w.rename("INBOX/new/a", "INBOX/cur/a:2,S")
	w.unlink("INBOX/new/b")
	renamed := false
	w.disk.before = func(op string) error {
		if op == "open INBOX/new/d" && !renamed {
			renamed = true
			w.rename("INBOX/new/d", "INBOX/cur/d:2,F")
		}
		return nil
	}
	var got []string
	refs := []mirror.Ref{ref(4, "d"), ref(2, "b"), ref(1, "a"), ref(3, "c"), ref(9, "nowhere")}
	err := m.Fetch(t.Context(), refs, func(b mirror.Body) error {
		text, err := io.ReadAll(b.Reader)
		got = append(got, fmt.Sprintf("%d %s", b.UID, strings.TrimSpace(string(text))))
		return err
	})
	if want := []string{"4 Subject: 3", "1 Subject: 0", "3 Subject: 2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	w.disk.before = nil
	found, err := m.Identify(t.Context(), refs, mirror.Bodies)
	if err != nil || len(found) != 3 || found[0].Date.IsZero() || found[0].Date.After(time.Now()) {
		t.Errorf("got %+v, %v, want three", found, err)
	}
}

// TestFetchRenamedWhileOpened: the file was there when it was looked at, and no
// longer when it was opened.
func TestFetchRenamedWhileOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.disk.before = func(op string) error {
		if op == "open INBOX/cur/a:2," {
			w.rename("INBOX/cur/a:2,", "INBOX/cur/a:2,S")
			return fs.ErrNotExist
		}
		return nil
	}
	if got := w.travelling(m, ref(1, "a")); got != crlfMessage {
		t.Errorf("got %q, want %q", got, crlfMessage)
	}
}

// TestSizeIsNotWhatWasSeen: a file that grew or shrank before it was read.
func TestSizeIsNotWhatWasSeen(t *testing.T) {
	t.Parallel()
	for _, size := range []int{len(lfMessage) - 1, len(lfMessage) + 1} {
		if _, err := formOf(readable{bytes.NewReader([]byte(lfMessage))}, int64(size)); !errors.Is(err, mirror.ErrShortBody) {
			t.Errorf("size %d of %d: got %v, want %v", size, len(lfMessage), err, mirror.ErrShortBody)
		}
	}
}

// TestFetchSearchesAgain: a file that a pass skipped because it was renamed at
// that moment is looked for again.
func TestFetchSearchesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/m:2,", lfMessage)
	w.put("INBOX/cur/z:2,", lfMessage)
	w.age()
	renamed := false
	w.disk.skip = func(name string) bool { return !renamed && name == "z:2," }
	w.disk.before = func(op string) error {
		if op == "names INBOX/cur/m:2," && !renamed {
			renamed = true
			w.rename("INBOX/cur/z:2,", "INBOX/cur/z:2,S")
		}
		return nil
	}
	found := 0
	if err := m.Fetch(t.Context(), []mirror.Ref{ref(1, "z")}, func(mirror.Body) error { found++; return nil }); err != nil || found != 1 {
		t.Errorf("got %d, %v, want the message", found, err)
	}
}
