package maildir

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

func TestMove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		target     string // a file in the target
		from, to   string // dovecot-keywords
		after      string // in the target; BASE is the reserved one
		base       string
	}{
		{name: "keeps its base", file: "cur/a:2,S", after: "cur/a:2,S", base: "a"},
		{name: "new stays new", file: "new/a", after: "new/a", base: "a"},
		{name: "cur without flags", file: "cur/a:2,", after: "cur/a:2,", base: "a"},
		{name: "the base is taken in cur", file: "cur/a:2,S", target: "cur/a:2,F", after: "cur/BASE:2,S", base: "BASE"},
		{name: "the base is taken in new", file: "cur/a:2,S", target: "new/a", after: "cur/BASE:2,S", base: "BASE"},
		{name: "keywords get their letters", file: "cur/a:2,Sab", from: "0 Junk\n1 Work\n", to: "0 Work\n", after: "cur/a:2,Sab", base: "a"},
		{name: "other letters", file: "cur/a:2,Sa", from: "0 Junk\n", to: "0 Work\n", after: "cur/a:2,Sb", base: "a"},
		{name: "letters without a name are left behind", file: "cur/a:2,Sac,x=1", from: "0 Junk\n", to: "0 Work\n", after: "cur/a:2,Sb,x=1", base: "a"},
	} {
		w := newWorld(t, nil)
		w.create(inbox)
		w.create("Other")
		if c.from != "" {
			w.put("INBOX/"+keywordsFile, c.from)
			w.put("Other/"+keywordsFile, c.to)
		}
		w.put("INBOX/"+c.file, lfMessage)
		var there []mirror.KnownMessage
		if c.target != "" {
			w.put("Other/"+c.target, "another")
			there = []mirror.KnownMessage{{Ref: ref(1, "a"), Flags: mirror.MakeFlags(map[bool]imap.Flag{true: imap.FlagFlagged}[strings.HasSuffix(c.target, "F")])}}
		}
		m, other := w.open(inbox, mirror.Checkpoint{}), w.open("Other", mirror.Checkpoint{UIDNext: 7})
		w.view(m)
		reserved := other.Reserve(1)[0]
		results, err := m.Move(t.Context(), []mirror.Move{{Ref: ref(1, "a"), Reserved: reserved}}, "Other")
		want := mirror.Ref{UID: reserved.UID, Base: strings.Replace(c.base, "BASE", reserved.Base, 1)}
		if err != nil || len(results) != 1 || results[0].Err != nil || results[0].To != want || results[0].From != ref(1, "a") {
			t.Fatalf("%s: got %+v, %v, want %v", c.name, results, err, want)
		}
		w.wantFiles("INBOX/cur")
		w.wantFiles("INBOX/new")
		after := strings.Replace(c.after, "BASE", reserved.Base, 1)
		if got := slices.Concat(prefixed("cur/", w.files("Other/cur")), prefixed("new/", w.files("Other/new"))); !slices.Contains(got, after) {
			t.Errorf("%s: got %q, want %q among them", c.name, got, after)
		} else if w.text("Other/"+after) != lfMessage {
			t.Errorf("%s: got another message", c.name)
		}
		if v := w.view(other, there...); len(v.New) != 1 || v.New[0].Ref != want {
			t.Errorf("%s: got %+v in the target's view, want %v", c.name, v.New, want)
		}
		if c.target != "" && w.text("Other/"+c.target) != "another" {
			t.Errorf("%s: the other message is lost", c.name)
		}
	}
}

func prefixed(prefix string, names []string) []string {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

// TestMoveOrder: a message is durable in the target before it is durably gone
// from here.
func TestMoveOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m, other := w.box(inbox), w.box("Other")
	w.put("INBOX/cur/a:2,S", lfMessage)
	w.put("INBOX/new/b", lfMessage)
	reserved := other.Reserve(3)
	w.disk.operations()
	results, err := m.Move(t.Context(), []mirror.Move{{Ref: ref(1, "a"), Reserved: reserved[0]}, {Ref: ref(2, "b"), Reserved: reserved[1]}, {Ref: ref(3, "c"), Reserved: reserved[2]}}, "Other")
	if err != nil || len(results) != 3 || !errors.Is(results[2].Err, mirror.ErrGone) {
		t.Fatalf("got %+v, %v, want two moves and %v", results, err, mirror.ErrGone)
	}
	want := []string{"rename Other/cur/a:2,S", "rename Other/new/b", "sync Other/cur", "sync Other/new", "sync INBOX/cur", "sync INBOX/new"}
	if got := w.disk.operations(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMoveRaces: the target gets the name at the last moment; the source is
// renamed at the last moment.
func TestMoveRaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m, other := w.box(inbox), w.box("Other")
	w.put("INBOX/cur/a:2,", lfMessage)
	w.put("INBOX/cur/b:2,", lfMessage)
	w.view(m)
	reserved := other.Reserve(2)
	done := map[string]bool{}
	w.disk.before = func(op string) error {
		if done[op] {
			return nil
		}
		done[op] = true
		switch op {
		case "rename Other/cur/a:2,":
			w.put("Other/cur/a:2,", "another")
		case "rename Other/cur/b:2,":
			w.rename("INBOX/cur/b:2,", "INBOX/cur/b:2,S")
		}
		return nil
	}
	results, err := m.Move(t.Context(), []mirror.Move{{Ref: ref(1, "a"), Reserved: reserved[0]}, {Ref: ref(2, "b"), Reserved: reserved[1]}}, "Other")
	if err != nil || results[0].To != reserved[0] || results[1].To != (mirror.Ref{UID: reserved[1].UID, Base: "b"}) {
		t.Fatalf("got %+v, %v", results, err)
	}
	if got := w.text("Other/cur/a:2,"); got != "another" {
		t.Errorf("got %q, want what was there", got)
	}
	want := []string{reserved[0].Base + ":2,", "a:2,", "b:2,S"}
	slices.Sort(want)
	w.wantFiles("Other/cur", want...)
}

func TestMoveIntoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m := w.box(inbox)
	w.put("INBOX/cur/a:2,", lfMessage)
	if _, err := m.Move(t.Context(), []mirror.Move{{Ref: ref(1, "a"), Reserved: m.Reserve(1)[0]}}, "Nowhere"); !errors.Is(err, mirror.ErrNoMailbox) {
		t.Errorf("got %v, want %v", err, mirror.ErrNoMailbox)
	}
	other := w.box("Other")
	w.disk.before = func(op string) error {
		if strings.HasPrefix(op, "rename ") {
			return os.RemoveAll(w.path + "/Other/cur")
		}
		return nil
	}
	results, err := m.Move(t.Context(), []mirror.Move{{Ref: ref(1, "a"), Reserved: other.Reserve(1)[0]}}, "Other")
	if err != nil || !errors.Is(results[0].Err, mirror.ErrNotDone) || errors.Is(results[0].Err, mirror.ErrGone) {
		t.Errorf("the target goes meanwhile: got %+v, %v, want %v", results, err, mirror.ErrNotDone)
	}
	w.wantFiles("INBOX", "cur/a:2,")
}
