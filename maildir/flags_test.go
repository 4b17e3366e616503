package maildir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, add, remove string
		after, flags            string
	}{
		{"add in cur", "cur/a:2,F", `\Seen`, "", "cur/a:2,FS", `\Flagged \Seen`},
		{"remove in cur", "cur/a:2,FS", "", `\Seen`, "cur/a:2,F", `\Flagged`},
		{"remove the last", "cur/a:2,S", "", `\Seen`, "cur/a:2,", ""},
		{"seen in new", "new/a", `\Seen`, "", "cur/a:2,S", `\Seen`},
		{"remove in new", "new/a", "", `\Seen`, "new/a", ""},
		{"no flags at all", "cur/a", `\Seen`, "", "cur/a:2,S", `\Seen`},
		{"nothing changes", "cur/a:2,SF", `\Seen`, `\Draft`, "cur/a:2,SF", `\Flagged \Seen`},
		{"new with seen in its name", "new/a:2,S", "", `\Flagged`, "new/a:2,S", ""},
		{"new with seen in its name, flagged", "new/a:2,S", `\Flagged`, "", "cur/a:2,F", `\Flagged`},
		{"new with seen in its name, seen", "new/a:2,S", `\Seen`, "", "cur/a:2,S", `\Seen`},
		{"new with a flag that goes", "new/a:2,F", "", `\Flagged`, "new/a", ""},
		{"what means nothing stays", "cur/a:2,SXz,x=1", `\Flagged`, `\Seen`, "cur/a:2,FXz,x=1", `\Flagged`},
		{"another separator", "cur/a!2,S", `\Flagged`, "", "cur/a:2,FS", `\Flagged \Seen`},
	} {
		for _, viewed := range []bool{false, true} {
			w := newWorld(t, nil)
			m := w.box(inbox)
			w.put("INBOX/"+c.file, lfMessage)
			if viewed {
				w.view(m)
			}
			results, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: mirror.ParseFlags(c.add), Remove: mirror.ParseFlags(c.remove)}})
			if err != nil || len(results) != 1 || results[0].Err != nil || !results[0].Flags.Equal(mirror.ParseFlags(c.flags)) {
				t.Errorf("%s: got %+v, %v, want flags %s", c.name, results, err, c.flags)
			}
			w.wantFiles("INBOX", strings.Replace(c.after, ":2,", infoSeparator, 1))
		}
	}
}

func TestStoreOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.put("INBOX/new/b", lfMessage)
	w.put("INBOX/cur/c:2,S", lfMessage)
	w.disk.operations()
	seen := mirror.MakeFlags(imap.FlagSeen)
	if _, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: seen}, {Ref: ref(2, "b"), Add: seen}, {Ref: ref(3, "c"), Add: seen}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"rename INBOX/cur/a:2,S", "rename INBOX/cur/b:2,S", "sync INBOX/cur", "sync INBOX/new"}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: seen}}); err != nil {
		t.Fatal(err)
	}
	if got := w.disk.operations(); len(got) != 0 {
		t.Errorf("nothing to do: got %q, want none", got)
	}
}

// TestStoreFollows: flags that another program set at the same time stay.
func TestStoreFollows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		races  int // how often the file is renamed before our rename
		remove bool
		flags  string
		want   error
	}{
		{"flagged since the view", 1, false, `\Flagged \Seen`, nil},
		{"renamed three times", 3, false, `\Flagged \Seen`, nil},
		{"renamed for ever", 99, false, "", mirror.ErrGone},
		{"removed", 1, true, "", mirror.ErrGone},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/a:2,", lfMessage)
		w.view(m)
		races := 0
		w.disk.before = func(op string) error {
			if !strings.HasPrefix(op, "rename ") || races >= c.races {
				return nil
			}
			races++
			at := "INBOX/" + w.files("INBOX")[0]
			if c.remove {
				w.unlink(at)
			} else {
				w.rename(at, fmt.Sprintf("INBOX/cur/a:2,F%s", strings.Repeat("X", races)))
			}
			return nil
		}
		results, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: mirror.MakeFlags(imap.FlagSeen)}})
		if err != nil || len(results) != 1 || !errors.Is(results[0].Err, c.want) || c.want == nil && !results[0].Flags.Equal(mirror.ParseFlags(c.flags)) {
			t.Errorf("%s: got %+v, %v, want %v and %s", c.name, results, err, c.want, c.flags)
		}
		if got := w.files("INBOX"); !c.remove && len(got) != 1 {
			t.Errorf("%s: got files %q, want one", c.name, got)
		}
	}
}

// TestStoreNeverReplaces: a file that has the name already is not lost.
func TestStoreNeverReplaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.view(m)
	w.put("INBOX/cur/a:2,S", "the other")
	results, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: mirror.MakeFlags(imap.FlagSeen)}})
	if err != nil || !errors.Is(results[0].Err, mirror.ErrNotDone) || !errors.Is(results[0].Err, errNameTaken) {
		t.Errorf("got %+v, %v, want %v", results, err, errNameTaken)
	}
	if got := w.text("INBOX/cur/a:2,S"); got != "the other" {
		t.Errorf("got %q, want what was there", got)
	}
	w.wantFiles("INBOX", "cur/a:2,", "cur/a:2,S")
}

func TestKeywords(t *testing.T) {
	t.Parallel()
	full := ""
	for i := range 26 {
		full += fmt.Sprintf("%d kw%d\n", i, i)
	}
	for _, c := range []struct {
		name, file  string
		others      string // letters of another file
		add         string
		after       string
		kept, stays string
		anyMore     bool
	}{
		{name: "no file", add: "Work $Junk", after: "0 $Junk\n1 Work\n", kept: "$Junk Work", stays: "ab", anyMore: true},
		{name: "known, in another case", file: "3 Work\n", add: "WORK", after: "3 Work\n", kept: "Work", stays: "d", anyMore: true},
		{name: "the first letter free", file: "0 a\n2 c", add: "b", after: "0 a\n2 c\n1 b\n", kept: "b", stays: "b", anyMore: true},
		{name: "lines that mean nothing stay", file: "x\n0 a\n99 z\n", add: "b", after: "x\n0 a\n99 z\n1 b\n", kept: "b", stays: "b", anyMore: true},
		{name: "a letter without a name is not given away", others: "ab", add: "new", after: "2 new\n", kept: "new", stays: "c", anyMore: true},
		{name: "a letter with a bad name is not given away", file: "0 \\bad\n", add: "new", after: "0 \\bad\n1 new\n", kept: "new", stays: "b", anyMore: true},
		{name: "full", file: full, add: "kw7 more", after: full, kept: "kw7", stays: "h"},
		{name: "one left", file: strings.TrimSuffix(full, "25 kw25\n"), add: "x y", after: strings.TrimSuffix(full, "25 kw25\n") + "25 x\n", kept: "x", stays: "z"},
		{name: "not a keyword", add: `\Custom Work`, after: "0 Work\n", kept: "Work", stays: "a", anyMore: true},
		{name: "forwarded is no keyword here", add: "$forwarded", kept: "$Forwarded", stays: "P", anyMore: true},
	} {
		w := newWorld(t, nil)
		w.create(inbox)
		if c.file != "" {
			w.put("INBOX/"+keywordsFile, c.file)
		}
		w.put("INBOX/cur/a:2,", lfMessage)
		w.put("INBOX/cur/b:2,"+c.others, lfMessage)
		m := w.open(inbox, mirror.Checkpoint{})
		results, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: mirror.ParseFlags(c.add)}})
		if err != nil || results[0].Err != nil || !results[0].Flags.Equal(mirror.ParseFlags(c.kept)) {
			t.Errorf("%s: got %+v, %v, want %s", c.name, results, err, c.kept)
		}
		var text string
		if got, err := os.ReadFile(filepath.Join(w.path, "INBOX", keywordsFile)); err == nil {
			text = string(got)
		}
		if text != c.after {
			t.Errorf("%s: got file %q, want %q", c.name, text, c.after)
		}
		if got := w.files("INBOX/cur")[0]; got != "a"+infoSeparator+c.stays {
			t.Errorf("%s: got %q, want letters %q", c.name, got, c.stays)
		}
		v := w.view(m)
		if v.Keeps.Any != c.anyMore || !v.Keeps.Flags.Has(imap.FlagForwarded) || !v.Keeps.Flags.Has(imap.FlagSeen) {
			t.Errorf("%s: got storable %+v, want more %v", c.name, v.Keeps, c.anyMore)
		}
		if r := w.append(m, crlfMessage, mirror.ParseFlags(c.kept).List()...); !strings.HasSuffix(w.files("INBOX/cur")[0], infoSeparator+c.stays) {
			t.Errorf("%s: appended %s as %q", c.name, r.Base, w.files("INBOX/cur"))
		}
	}
}

// TestKeywordsLock: dovecot-keywords is written under Dovecot's lock, durably,
// and before a file has the letter.
func TestKeywordsLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	w.disk.operations()
	add := []mirror.FlagChange{{Ref: ref(1, "a"), Add: mirror.MakeFlags("Work")}}
	if _, err := m.Store(t.Context(), add); err != nil {
		t.Fatal(err)
	}
	want := []string{"create INBOX/" + keywordsLock, "write INBOX/" + keywordsLock, "remove INBOX/" + keywordsTemp, "create INBOX/" + keywordsTemp, "write INBOX/" + keywordsTemp,
		"fsync INBOX/" + keywordsTemp, "replace INBOX/" + keywordsFile, "sync INBOX", "remove INBOX/" + keywordsLock,
		"rename INBOX/cur/a:2,a", "sync INBOX/cur"}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDotlock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		text   string
		age    time.Duration
		sleeps int // after which the holder gives it back
		err    error
		waits  int
	}{
		{"given back", "1:elsewhere", 0, 3, nil, 3},
		{"stale", "1:elsewhere", dotlockStale + time.Second, 0, nil, 0},
		{"left by a run that was killed", ourMark, 0, 0, nil, 0},
		{"held", "1:elsewhere", 0, 1000, errDotlocked, int(dotlockWait / dotlockPoll)},
	} {
		w := newWorld(t, nil)
		m := w.box(inbox)
		w.put("INBOX/cur/a:2,", lfMessage)
		w.put("INBOX/cur/b:2,", lfMessage)
		lock := "INBOX/" + keywordsLock
		w.put(lock, c.text)
		then := w.now().Add(-c.age)
		if err := os.Chtimes(filepath.Join(w.path, lock), then, then); err != nil {
			t.Fatal(err)
		}
		waits := 0
		w.clock.during = func() {
			if waits++; waits == c.sleeps {
				w.unlink(lock)
			}
		}
		work := mirror.MakeFlags("Work")
		results, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: ref(1, "a"), Add: work}, {Ref: ref(2, "b"), Add: work}})
		if err != nil || len(results) != 2 {
			t.Fatalf("%s: got %+v, %v", c.name, results, err)
		}
		for _, r := range results {
			if !errors.Is(r.Err, c.err) || c.err != nil && !errors.Is(r.Err, mirror.ErrNotDone) {
				t.Errorf("%s: got %v, want %v", c.name, r.Err, c.err)
			}
		}
		if waits != c.waits {
			t.Errorf("%s: got %d waits, want %d", c.name, waits, c.waits)
		}
		_, err = os.Lstat(filepath.Join(w.path, lock))
		if left := err == nil; left != (c.err != nil) {
			t.Errorf("%s: got lock left %v, want %v", c.name, left, c.err != nil)
		}
	}
}
