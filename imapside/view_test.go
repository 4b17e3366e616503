package imapside_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// viewString writes a view as one line; empty lists and zeros are left out.
func viewString(v mirror.View) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if v.Renumbered {
		add("renumbered")
	}
	for _, m := range v.New {
		date := ""
		if !m.Date.IsZero() {
			date = " " + m.Date.UTC().Format("2006-01-02")
		}
		add("new %d(%s) %d%s%s", m.UID, m.Flags, m.Size, date, m.Identity.ObjectID)
	}
	for _, c := range v.Changed {
		add("changed %d(%s)", c.UID, c.Flags)
	}
	for _, ref := range v.Gone {
		add("gone %d", ref.UID)
	}
	for _, ref := range v.Unknown {
		add("unknown %d", ref.UID)
	}
	c := v.Checkpoint
	add("total %d; %d:%d", v.Total, c.UIDValidity, c.UIDNext)
	if c.HighestModSeq != 0 {
		add("modseq %d", c.HighestModSeq)
	}
	return strings.Join(parts, ", ")
}

const (
	flagsOf  = "UID FETCH 1:3 (UID FLAGS)"
	newAbove = "UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
	allNew   = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
	since    = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90)"
)

// checkpoint of the state in most cases.
var before = mirror.Checkpoint{UIDValidity: 7, UIDNext: 4, Messages: 3}

var viewCases = []struct {
	name   string
	caps   string
	script [][]imaptest.Step
	at     mirror.Checkpoint
	known  mirror.Known
	want   string
}{
	{"nothing changed",
		"", [][]imaptest.Step{
			sel("2", "4"),
			do(flagsOf, `* 1 FETCH (UID 1 FLAGS (\Seen))`, `* 2 FETCH (UID 3 FLAGS (\Recent \SEEN))`, "$tag OK done"),
			do(newAbove, "$tag OK done")},
		before, known(`\Seen`, 1, 3),
		"total 2; 7:4"},
	{"n:* shows the last message",
		"", [][]imaptest.Step{
			sel("2", "4"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())", "$tag OK done"),
			do(newAbove, "* 2 FETCH (UID 3 FLAGS () RFC822.SIZE 10)", "$tag OK done")},
		before, known("", 1, 3),
		"total 2; 7:4"},
	{"new, changed, gone; descending, twice, in pieces",
		"", [][]imaptest.Step{
			sel("3", "6"),
			do(flagsOf, `* 2 FETCH (UID 3 FLAGS (Later))`, `* 1 FETCH (UID 1 FLAGS (old))`, `* 1 FETCH (UID 1 FLAGS (\Flagged))`, "$tag OK done"),
			do(newAbove, `* 3 FETCH (UID 5 FLAGS (\Seen) RFC822.SIZE 99)`, `* 3 FETCH (UID 5 INTERNALDATE "05-Jan-2020 01:02:03 +0000")`, "$tag OK done")},
		before, known("", 1, 2, 3),
		`new 5(\Seen) 99 2020-01-05, changed 1(\Flagged), changed 3(Later), gone 2, total 3; 7:6`},
	{"a message below the known ones that the state lacks",
		"", [][]imaptest.Step{
			sel("2", "4"),
			do(flagsOf, "* 1 FETCH (UID 2 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())", "$tag OK done"),
			do(newAbove, "$tag OK done"),
			do("UID FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE)", `* 1 FETCH (UID 2 FLAGS () RFC822.SIZE 12 INTERNALDATE "05-Jan-2020 01:02:03 +0000")`, "$tag OK done")},
		before, known("", 3),
		"new 2() 12 2020-01-05, total 2; 7:4"},
	{"empty mailbox: nothing is fetched",
		"", [][]imaptest.Step{sel("0", "4")},
		before, known("", 1, 3),
		"gone 1, gone 3, total 0; 7:4"},
	{"size NIL, dates that are none",
		"", [][]imaptest.Step{
			sel("3", "4"),
			do(allNew, `* 1 FETCH (UID 1 FLAGS () RFC822.SIZE NIL INTERNALDATE "30-Dec-1899 00:00:00 +0000")`,
				`* 2 FETCH (UID 2 FLAGS () RFC822.SIZE -1 INTERNALDATE NIL)`,
				`* 3 FETCH (UID 3 FLAGS () RFC822.SIZE 5 INTERNALDATE "01-Jan-0001 00:00:00 +0000")`, "$tag OK done")},
		mirror.Checkpoint{}, mirror.Known{},
		"new 1() 0, new 2() 0, new 3() 5, total 3; 7:4"},
	{"a listing that is short is asked for once more",
		"", [][]imaptest.Step{
			sel("2", "4"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "$tag OK done"),
			do(newAbove, "$tag OK done"),
			sel("2", "4"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())", "$tag OK done"),
			do(newAbove, "$tag OK done")},
		before, known("", 1, 3),
		"total 2; 7:4"},
	{"one that stays short proves nothing gone",
		"", [][]imaptest.Step{
			sel("3", "4", "* OK [HIGHESTMODSEQ 95] ok"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "$tag OK done"),
			do(newAbove, "$tag OK done"),
			sel("3", "4", "* OK [HIGHESTMODSEQ 95] ok"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "$tag OK done"),
			do(newAbove, "$tag OK done")},
		before, known("", 1, 3),
		"unknown 3, total 1; 7:4"},
	{"a message shown without its flags is neither changed nor gone",
		"", [][]imaptest.Step{
			sel("1", "4"),
			do(flagsOf, "* 1 FETCH (UID 3)", "$tag OK done"), do(newAbove, "$tag OK done"),
			sel("1", "4"),
			do(flagsOf, "* 1 FETCH (UID 3)", "$tag OK done"), do(newAbove, "$tag OK done")},
		before, known("", 3),
		"unknown 3, total 0; 7:4"},
	{"a new message does not make up for a missing one",
		"", [][]imaptest.Step{
			sel("2", "4"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "$tag OK done"), do(newAbove, "* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 6)", "$tag OK done"),
			sel("3", "5"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())", "$tag OK done"), do(newAbove, "* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 6)", "$tag OK done")},
		before, known("", 1, 3),
		"new 4() 6, total 3; 7:5"},
	{"NO: another session expunged (RFC 2180)",
		"", [][]imaptest.Step{
			sel("2", "4"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "$tag NO some are gone"), do(newAbove, "$tag OK done"),
			sel("1", "4"),
			do(flagsOf, "* 1 FETCH (UID 1 FLAGS ())", "$tag OK done"), do(newAbove, "$tag OK done")},
		before, known("", 1, 3),
		"gone 3, total 1; 7:4"},
	{"UIDVALIDITY changed since the state",
		"", [][]imaptest.Step{
			sel("1", "9"),
			do(allNew, "* 1 FETCH (UID 3 FLAGS () RFC822.SIZE 6)", "$tag OK done")},
		mirror.Checkpoint{UIDValidity: 6, UIDNext: 4}, known("", 3),
		"renumbered, new 3() 6, total 1; 7:9"},
	{"UIDNEXT went back",
		"", [][]imaptest.Step{
			sel("1", "3"),
			do(allNew, "* 1 FETCH (UID 2 FLAGS () RFC822.SIZE 6)", "$tag OK done")},
		before, known("", 1, 3),
		"renumbered, new 2() 6, total 1; 7:3"},
	{"UIDNEXT only in STATUS",
		"", [][]imaptest.Step{
			do("SELECT Box", "* 0 EXISTS", "* OK [UIDVALIDITY 7] ok", "$tag OK [READ-WRITE] ok"),
			do("STATUS Box (UIDNEXT)", "* STATUS Box (UIDNEXT 8)", "$tag OK done")},
		before, mirror.Known{},
		"total 0; 7:8"},
	{"UIDNEXT nowhere: above all that is there",
		"", [][]imaptest.Step{
			do("SELECT Box", "* 1 EXISTS", "* OK [UIDVALIDITY 7] ok", "$tag OK [READ-WRITE] ok"),
			do("STATUS Box (UIDNEXT)", "$tag NO no"),
			do("UID SEARCH UID 1:*", "* SEARCH 8", "$tag OK done"),
			do(allNew, "* 1 FETCH (UID 8 FLAGS () RFC822.SIZE 6)", "$tag OK done")},
		before, mirror.Known{},
		"new 8() 6, total 1; 7:9"},
	{"UIDNEXT nowhere: above all that was known",
		"", [][]imaptest.Step{
			do("SELECT Box", "* 0 EXISTS", "* OK [UIDVALIDITY 7] ok", "$tag OK [READ-WRITE] ok"),
			do("STATUS Box (UIDNEXT)", "* STATUS Box ()", "$tag OK done")},
		before, known("", 3),
		"gone 3, total 0; 7:4"},
	{"no UIDVALIDITY: 1, and no mod-sequence",
		"CONDSTORE", [][]imaptest.Step{
			do("SELECT Box (CONDSTORE)", "* 0 EXISTS", "* OK [UIDVALIDITY 0] ok", "* OK [UIDNEXT 4] ok", "* OK [HIGHESTMODSEQ 95] ok", "$tag OK [READ-WRITE] ok")},
		mirror.Checkpoint{}, mirror.Known{},
		"total 0; 1:4"},
	{"EMAILID",
		"OBJECTID", [][]imaptest.Step{
			sel("1", "4"),
			do("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID)", "* 1 FETCH (UID 1 FLAGS () EMAILID (M-1))", "$tag OK done")},
		mirror.Checkpoint{}, mirror.Known{},
		"new 1() 0M-1, total 1; 7:4"},
	{"X-GM-MSGID",
		"X-GM-EXT-1", [][]imaptest.Step{
			sel("1", "4"),
			do("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE X-GM-MSGID)", "* 1 FETCH (X-GM-MSGID 1278455344230334865 UID 1 FLAGS ())", "$tag OK done")},
		mirror.Checkpoint{}, mirror.Known{},
		"new 1() 01278455344230334865, total 1; 7:4"},
}

func TestView(t *testing.T) {
	for _, c := range viewCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, c.caps, c.script...), c.at)
			v, err := m.View(t.Context(), c.known)
			if err != nil {
				t.Fatal(err)
			}
			if got := viewString(v); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if m.Status() != v.Checkpoint {
				t.Errorf("got status %+v, want the view's %+v", m.Status(), v.Checkpoint)
			}
		})
	}
}

// selSince is sel for a server with CONDSTORE.
func selSince(exists, uidNext, modSeq string) []imaptest.Step {
	return do("SELECT Box (CONDSTORE)", "* "+exists+" EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT "+uidNext+"] ok",
		"* OK [HIGHESTMODSEQ "+modSeq+"] ok", "$tag OK [READ-WRITE] ok")
}

func TestViewSince(t *testing.T) {
	modSeq := mirror.Checkpoint{UIDValidity: 7, UIDNext: 4, Messages: 3, HighestModSeq: 90}
	full := known("", 1, 2, 3)
	full.Full = true
	fully := func(replies ...string) []imaptest.Step {
		return steps(do(flagsOf, append(replies, "$tag OK done")...), do(newAbove, "$tag OK done"))
	}
	for _, c := range []struct {
		name   string
		script [][]imaptest.Step
		at     mirror.Checkpoint
		known  mirror.Known
		want   string
	}{
		{"changed and new, none gone: the UIDs are listed all the same",
			[][]imaptest.Step{selSince("4", "5", "95"),
				do(since, `* 2 FETCH (UID 2 FLAGS (\Seen) RFC822.SIZE 9 MODSEQ (94))`, "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 9 MODSEQ (95))", "$tag OK done"),
				do("UID SEARCH UID 1:*", "* SEARCH 1 2 3 4", "$tag OK done")},
			modSeq, known("", 1, 2, 3),
			`new 4() 9, changed 2(\Seen), total 4; 7:5, modseq 95`},
		{"one gone: the UIDs are listed",
			[][]imaptest.Step{selSince("3", "5", "95"),
				do(since, "* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 9 MODSEQ (95))", "$tag OK done"),
				do("UID SEARCH UID 1:*", "* SEARCH 1 3 4", "$tag OK done")},
			modSeq, known("", 1, 2, 3),
			"new 4() 9, gone 2, total 3; 7:5, modseq 95"},
		{"equal count, one gone and one new",
			[][]imaptest.Step{selSince("3", "5", "95"),
				do(since, "* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 9 MODSEQ (95))", "$tag OK done"),
				do("UID SEARCH UID 1:*", "* SEARCH 2 3 4", "$tag OK done")},
			modSeq, known("", 1, 2, 3),
			"new 4() 9, gone 1, total 3; 7:5, modseq 95"},
		{"more messages than known: full look",
			[][]imaptest.Step{selSince("3", "4", "95"), do(since, "$tag OK done"), selSince("3", "4", "95"),
				fully("* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS ())"),
				do("UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 8)", "$tag OK done")},
			modSeq, known("", 2, 3),
			"new 1() 8, total 3; 7:4, modseq 95"},
		{"the UID list is short: full look",
			[][]imaptest.Step{selSince("2", "4", "95"), do(since, "$tag OK done"),
				do("UID SEARCH UID 1:*", "* SEARCH 1", "$tag OK done"), selSince("2", "4", "95"),
				fully("* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())")},
			modSeq, known("", 1, 2, 3),
			"gone 3, total 2; 7:4, modseq 95"},
		{"SEARCH without an answer: full look",
			[][]imaptest.Step{selSince("2", "4", "95"), do(since, "$tag OK done"),
				do("UID SEARCH UID 1:*", "$tag OK done"), selSince("2", "4", "95"),
				fully("* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())")},
			modSeq, known("", 1, 2, 3),
			"gone 3, total 2; 7:4, modseq 95"},
		{"HIGHESTMODSEQ fell: full look",
			[][]imaptest.Step{selSince("3", "4", "80"),
				fully(`* 1 FETCH (UID 1 FLAGS (\Seen))`, "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS ())")},
			modSeq, known("", 1, 2, 3),
			`changed 1(\Seen), total 3; 7:4, modseq 80`},
		{"Full: full look",
			[][]imaptest.Step{selSince("3", "4", "90"),
				fully("* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS ())")},
			modSeq, full,
			"total 3; 7:4, modseq 90"},
		{"no mod-sequence in the state: full look",
			[][]imaptest.Step{selSince("3", "4", "90"),
				fully("* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS ())")},
			before, known("", 1, 2, 3),
			"total 3; 7:4, modseq 90"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, "CONDSTORE", c.script...), c.at)
			v, err := m.View(t.Context(), c.known)
			if err != nil {
				t.Fatal(err)
			}
			if got := viewString(v); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestViewRenumberedDuringTheSession(t *testing.T) {
	m := open(t, connect(t, "", sel("0", "4"),
		do("SELECT Box", "* 0 EXISTS", "* OK [UIDVALIDITY 8] ok", "* OK [UIDNEXT 1] ok", "$tag OK [READ-WRITE] ok")), before)
	if _, err := m.View(t.Context(), mirror.Known{}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.View(t.Context(), mirror.Known{}); !errors.Is(err, mirror.ErrRenumbered) {
		t.Errorf("got %v, want %v", err, mirror.ErrRenumbered)
	}
}

func TestKeeps(t *testing.T) {
	all := mirror.AllFlags()
	for _, c := range []struct {
		name string
		line string
		want mirror.Storable
	}{
		{"not said", "* OK hello", all},
		{"some", `* OK [PERMANENTFLAGS (\Seen $Forwarded)] ok`, mirror.Storable{Flags: mirror.MakeFlags(`\Seen`, "$Forwarded")}},
		{"none", "* OK [PERMANENTFLAGS ()] ok", mirror.Storable{}},
		{"any", `* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] ok`, all},
		{"any but a defined one", `* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \*)] ok`,
			mirror.Storable{Flags: mirror.MakeFlags(`\Answered`, `\Flagged`, `\Deleted`, `\Seen`), Any: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, "", sel("0", "4", c.line)), mirror.Checkpoint{})
			v, err := m.View(t.Context(), mirror.Known{})
			if err != nil {
				t.Fatal(err)
			}
			if v.Keeps != c.want {
				t.Errorf("got %+v, want %+v", v.Keeps, c.want)
			}
		})
	}
}

func TestAbsent(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		want   []mirror.Ref
		fails  bool
	}{
		{"some are", do("UID SEARCH UID 2:3,9", "* SEARCH 3 77", "$tag OK done"), refs(9, 2), false},
		{"none is there", do("UID SEARCH UID 2:3,9", "* SEARCH", "$tag OK done"), refs(3, 9, 2), false},
		{"refused", do("UID SEARCH UID 2:3,9", "$tag NO no"), nil, true},
		{"no answer", do("UID SEARCH UID 2:3,9", "$tag OK done"), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, "", sel("4", "10"), do("NOOP", "$tag OK done"), c.script), mirror.Checkpoint{})
			got, err := m.Absent(t.Context(), refs(3, 9, 2))
			if (err != nil) != c.fails || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	exists := do(`LIST "" "Box"`, `* LIST () "/" Box`, "$tag OK done")
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		want   error
	}{
		{"NONEXISTENT", do("SELECT Box", "$tag NO [NONEXISTENT] no"), mirror.ErrNoMailbox},
		{"NOPERM", do("SELECT Box", "$tag NO [NOPERM] no"), mirror.ErrDenied},
		{"NO, not listed", steps(do("SELECT Box", "$tag NO Error in IMAP command"), do(`LIST "" "Box"`, "$tag OK done")), mirror.ErrNoMailbox},
		{"NO, listed", steps(do("SELECT Box", "$tag NO Error in IMAP command"), exists), mirror.ErrDenied},
		{"NO, \\Noselect", steps(do("SELECT Box", "$tag NO no"), do(`LIST "" "Box"`, `* LIST (\NoSelect) "/" Box`, "$tag OK done")), mirror.ErrNoMailbox},
		{"throttled", do("SELECT Box", "$tag NO [LIMIT] Rate limit hit"), mirror.ErrThrottled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := connect(t, "", c.script)
			if _, err := r.Open(t.Context(), box, mirror.ReadWrite, mirror.Checkpoint{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestTwoMailboxes: handles select their mailbox again when another was used,
// and see that it was renumbered meanwhile.
func TestTwoMailboxes(t *testing.T) {
	other := nametrans.MustName("Other")
	selectOther := func(validity string) []imaptest.Step {
		return do("SELECT Other", "* 0 EXISTS", "* OK [UIDVALIDITY "+validity+"] ok", "* OK [UIDNEXT 1] ok", "$tag OK [READ-WRITE] ok")
	}
	r := connect(t, "", sel("0", "4"), selectOther("9"), sel("0", "4"), selectOther("10"))
	m := open(t, r, mirror.Checkpoint{})
	n, err := r.Open(t.Context(), other, mirror.ReadWrite, mirror.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := m.View(t.Context(), mirror.Known{}); err != nil || v.Checkpoint.UIDValidity != 7 {
		t.Errorf("got %+v, %v; want a view of the first mailbox", v.Checkpoint, err)
	}
	if err := n.Fetch(t.Context(), refs(1), func(mirror.Body) error { return nil }); !errors.Is(err, mirror.ErrRenumbered) {
		t.Errorf("got %v, want %v", err, mirror.ErrRenumbered)
	}
}
