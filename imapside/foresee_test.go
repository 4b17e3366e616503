package imapside_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// foresight is a session with a server that has all rungs, or with CONDSTORE only.
func foresight(t *testing.T, caps string, script ...[]imaptest.Step) *imapside.Repository {
	t.Helper()
	extension := "CONDSTORE"
	if strings.Contains(caps, "QRESYNC") {
		extension = "QRESYNC"
	}
	greeting := []imaptest.Step{send("* OK [CAPABILITY IMAP4rev1] ready")}
	login := do("LOGIN ann secret", "$tag OK [CAPABILITY IMAP4rev1 ENABLE NAMESPACE "+caps+"] in")
	begin := burst([]string{"ENABLE " + extension, "NAMESPACE"}, "* ENABLED "+extension, "$2 OK ok", `* NAMESPACE (("" "/")) NIL NIL`, "$3 OK ok")
	r := play(t, steps(greeting, login, begin, steps(script...), bye)...)
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	fetchAll = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
	dated    = `INTERNALDATE "01-Jan-2024 00:00:00 +0000"`
)

// checkpoint is one of UIDVALIDITY 7.
func checkpoint(uidNext imap.UID, messages uint32, modSeq uint64) mirror.Checkpoint {
	return mirror.Checkpoint{UIDValidity: 7, UIDNext: uidNext, Messages: messages, HighestModSeq: modSeq}
}

// expected is a mailbox of which the state holds uids without flags.
func expected(name mirror.Name, before, listed mirror.Checkpoint, uids ...imap.UID) mirror.Expected {
	view := known("", uids...)
	return mirror.Expected{Name: name, Access: mirror.ReadWrite, Known: before, View: &view, Listed: &listed}
}

// openExpected opens and views as was expected.
func openExpected(t *testing.T, r *imapside.Repository, e mirror.Expected) mirror.View {
	t.Helper()
	m, err := r.Open(t.Context(), e.Name, e.Access, e.Known)
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.View(t.Context(), *e.View)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// shows tells what a view differs in.
func shows(v mirror.View) string {
	var s []string
	for _, m := range v.New {
		s = append(s, "new "+uidText(m.UID))
	}
	for _, m := range v.Changed {
		s = append(s, "changed "+uidText(m.UID)+m.Flags.String())
	}
	for _, ref := range v.Gone {
		s = append(s, "gone "+uidText(ref.UID))
	}
	if v.Renumbered {
		s = append(s, "renumbered")
	}
	return strings.Join(s, ", ")
}

func uidText(uid imap.UID) string { return imap.UIDSetNum(uid).String() }

// selected answers SELECT of a mailbox as far as its tag.
func selected(exists, uidNext, modSeq string) []string {
	return []string{"* " + exists + " EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT " + uidNext + "] ok", "* OK [HIGHESTMODSEQ " + modSeq + "] ok"}
}

// TestForesight: all that changed in several mailboxes takes one turn.
func TestForesight(t *testing.T) {
	other, empty := nametrans.MustName("Other"), nametrans.MustName("Empty")
	views := []mirror.Expected{
		expected(box, checkpoint(4, 3, 10), checkpoint(5, 3, 12), 1, 2, 3),
		expected(other, mirror.Checkpoint{}, checkpoint(3, 2, 4)),
		expected(empty, checkpoint(2, 1, 3), checkpoint(2, 0, 4), 1),
	}
	const since = fetchAll + " (CHANGEDSINCE 10 VANISHED)"
	answer := slices.Concat(
		selected("3", "5", "12"), []string{"$4 OK [READ-WRITE] ok", "* VANISHED (EARLIER) 2",
			"* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 5 " + dated + ")", "* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 6 " + dated + ")", "$5 OK ok"},
		selected("2", "3", "4"), []string{"$6 OK [READ-WRITE] ok",
			"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 7 " + dated + ")", "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 8 " + dated + ")", "$7 OK ok"},
		selected("0", "2", "4"), []string{"$8 OK [READ-WRITE] ok"})
	r := foresight(t, "CONDSTORE QRESYNC", steps(
		[]imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect(since), imaptest.Expect("SELECT Other"), imaptest.Expect(fetchAll), imaptest.Expect("SELECT Empty"), send(answer...)}))
	r.Expect(t.Context(), views)
	for i, want := range []string{`new 4, changed 1\Seen, gone 2`, "new 1, new 2", "gone 1"} {
		if got := shows(openExpected(t, r, views[i])); got != want {
			t.Errorf("%s: got %s, want %s", views[i].Name.String(), got, want)
		}
	}
}

// TestForesightFails: what was asked ahead and does not add up is asked for again,
// in the mailbox alone.
func TestForesightFails(t *testing.T) {
	before := checkpoint(4, 3, 10)
	const since = fetchAll + " (CHANGEDSINCE 10 VANISHED)"
	select3 := do("SELECT Box", append(selected("3", "4", "12"), "$tag OK [READ-WRITE] ok")...)
	full := steps(select3, do("UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS (\\Seen))", "$tag OK ok"),
		do("UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "$tag OK ok"))
	for _, c := range []struct {
		name   string
		caps   string
		listed mirror.Checkpoint
		script []imaptest.Step
		want   string
	}{
		{"SELECT refused once", "CONDSTORE QRESYNC", checkpoint(4, 3, 12), steps(
			[]imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect(since), send("$4 NO busy", "$5 BAD no mailbox")},
			select3, do(since, "* 3 FETCH (UID 3 FLAGS (\\Seen) RFC822.SIZE 5 "+dated+")", "$tag OK ok")), `changed 3\Seen`},
		{"VANISHED unknown", "CONDSTORE QRESYNC", checkpoint(4, 3, 12), steps(
			select3, do(since, "$tag BAD Invalid modifier"),
			select3, do(strings.TrimSuffix(since, " VANISHED)")+")", "* 3 FETCH (UID 3 FLAGS (\\Seen) RFC822.SIZE 5 "+dated+")", "$tag OK ok")), `changed 3\Seen`},
		{"fewer than there are", "CONDSTORE QRESYNC", checkpoint(4, 3, 12), steps(
			select3, do(since, "* VANISHED (EARLIER) 2", "$tag OK ok"),
			select3, do(since, "* VANISHED (EARLIER) 2", "$tag OK ok"), full), `changed 3\Seen`},
		{"gone and not said", "CONDSTORE", checkpoint(4, 3, 12), steps(
			do("SELECT Box", append(selected("2", "4", "13"), "$tag OK [READ-WRITE] ok")...), do(strings.TrimSuffix(since, " VANISHED)")+")", "$tag OK ok"),
			do("SELECT Box", append(selected("2", "4", "13"), "$tag OK [READ-WRITE] ok")...), do(strings.TrimSuffix(since, " VANISHED)")+")", "$tag OK ok"),
			do("UID SEARCH UID 1:*", "* SEARCH 1 3", "$tag OK ok")), "gone 2"},
		{"gone and expected so", "CONDSTORE", checkpoint(4, 2, 13), steps(
			do("SELECT Box", append(selected("2", "4", "13"), "$tag OK [READ-WRITE] ok")...), do(strings.TrimSuffix(since, " VANISHED)")+")", "$tag OK ok"),
			do("UID SEARCH UID 1:*", "* SEARCH 1 3", "$tag OK ok")), "gone 2"},
		{"gone and named", "CONDSTORE QRESYNC", checkpoint(4, 2, 13), steps(
			do("SELECT Box", append(selected("2", "4", "13"), "$tag OK [READ-WRITE] ok")...),
			do(since, "* 2 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 5 "+dated+")", "* VANISHED (EARLIER) 2", "$tag OK ok")), "gone 2"},
		{"changed, and not said how", "CONDSTORE QRESYNC", checkpoint(4, 3, 12), steps(
			select3, do(since, "* 3 FETCH (UID 3 RFC822.SIZE 5 "+dated+")", "$tag OK ok"),
			select3, do(since, "* 3 FETCH (UID 3 RFC822.SIZE 5 "+dated+")", "$tag OK ok"), full), `changed 3\Seen`},
		{"told, and gone by the list", "CONDSTORE", checkpoint(6, 2, 13), steps(
			do("SELECT Box", append(selected("2", "6", "13"), "$tag OK [READ-WRITE] ok")...), do(strings.TrimSuffix(since, " VANISHED)")+")",
				"* 2 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 5 "+dated+")", "* 4 FETCH (UID 5 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"),
			do("UID SEARCH UID 1:*", "* SEARCH 1 3", "$tag OK ok")), "gone 2"},
		{"new and named", "CONDSTORE QRESYNC", checkpoint(5, 4, 13), steps(
			do("SELECT Box", append(selected("4", "5", "13"), "$tag OK [READ-WRITE] ok")...),
			do(since, "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok")), "new 4"},
		{"come and gone, and neither named", "CONDSTORE QRESYNC", checkpoint(5, 3, 13), steps(
			do("SELECT Box", append(selected("3", "5", "13"), "$tag OK [READ-WRITE] ok")...), do(since, "$tag OK ok"),
			do("SELECT Box", append(selected("3", "5", "13"), "$tag OK [READ-WRITE] ok")...), do(since, "$tag OK ok"),
			do("UID SEARCH UID 1:*", "* SEARCH 1 3 4", "$tag OK ok"),
			do("SELECT Box", append(selected("3", "5", "13"), "$tag OK [READ-WRITE] ok")...),
			do("UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())", "$tag OK ok"),
			do("UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok")), "new 4, gone 2"},
		{"renumbered behind the listing", "CONDSTORE QRESYNC", checkpoint(4, 3, 12), steps(
			do("SELECT Box", "* 1 EXISTS", "* OK [UIDVALIDITY 8] ok", "* OK [UIDNEXT 2] ok", "* OK [HIGHESTMODSEQ 12] ok", "$tag OK [READ-WRITE] ok"), do(since, "$tag OK ok"),
			do("SELECT Box", "* 1 EXISTS", "* OK [UIDVALIDITY 8] ok", "* OK [UIDNEXT 2] ok", "* OK [HIGHESTMODSEQ 12] ok", "$tag OK [READ-WRITE] ok"),
			do(fetchAll, "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok")), "new 1, renumbered"},
		{"renumbered as listed", "CONDSTORE QRESYNC", mirror.Checkpoint{UIDValidity: 8, UIDNext: 2, Messages: 1, HighestModSeq: 12}, steps(
			do("SELECT Box", "* 1 EXISTS", "* OK [UIDVALIDITY 8] ok", "* OK [UIDNEXT 2] ok", "* OK [HIGHESTMODSEQ 12] ok", "$tag OK [READ-WRITE] ok"),
			do(fetchAll, "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok")), "new 1, renumbered"},
		{"listed as renumbered and not", "CONDSTORE QRESYNC", mirror.Checkpoint{UIDValidity: 8, UIDNext: 2, Messages: 1, HighestModSeq: 12}, steps(
			select3, do(fetchAll, "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 5 "+dated+")", "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 5 "+dated+")", "* 3 FETCH (UID 3 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"),
			select3, do(since, "$tag OK ok")), ""},
		{"HIGHESTMODSEQ fell", "CONDSTORE QRESYNC", checkpoint(4, 3, 9), steps(
			do("SELECT Box", append(selected("3", "4", "9"), "$tag OK [READ-WRITE] ok")...),
			do("UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS (\\Seen))", "$tag OK ok"),
			do("UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "$tag OK ok")), `changed 3\Seen`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := foresight(t, c.caps, c.script)
			e := expected(box, before, c.listed, 1, 2, 3)
			r.Expect(t.Context(), []mirror.Expected{e})
			if got := shows(openExpected(t, r, e)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestForesightOfAnother: what was expected is not taken for what is asked.
func TestForesightOfAnother(t *testing.T) {
	select2 := do("SELECT Box", append(selected("2", "3", "12"), "$tag OK [READ-WRITE] ok")...)
	all := do(fetchAll, "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 5 "+dated+")", "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok")
	r := foresight(t, "CONDSTORE QRESYNC", select2, all, select2,
		do("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "$tag OK ok"),
		do("UID FETCH 2:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"))
	r.Expect(t.Context(), []mirror.Expected{expected(box, mirror.Checkpoint{}, checkpoint(3, 2, 12))})
	if got := shows(openExpected(t, r, expected(box, checkpoint(2, 1, 0), mirror.Checkpoint{}, 1))); got != "new 2" {
		t.Errorf("got %s, want new 2", got)
	}
}

// TestForesightOfAll: an answer about what changed is none where all was asked for.
func TestForesightOfAll(t *testing.T) {
	select3 := do("SELECT Box", append(selected("3", "4", "12"), "$tag OK [READ-WRITE] ok")...)
	r := foresight(t, "CONDSTORE QRESYNC", select3, do(fetchAll+" (CHANGEDSINCE 10 VANISHED)", "$tag OK ok"), select3,
		do("UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS (\\Seen))", "* 2 FETCH (UID 2 FLAGS ())", "* 3 FETCH (UID 3 FLAGS ())", "$tag OK ok"),
		do("UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "$tag OK ok"),
		do("NOOP", "$tag OK ok"), do("UID FETCH 1 (UID FLAGS) (CHANGEDSINCE 10)", "* 1 FETCH (UID 1 FLAGS (\\Seen))", "$tag OK ok"), do("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS (\\Seen))", "$tag OK ok"))
	e := expected(box, checkpoint(4, 3, 10), checkpoint(4, 3, 12), 1, 2, 3)
	r.Expect(t.Context(), []mirror.Expected{e})
	all := *e.View
	all.Full, e.View = true, &all
	if got := shows(openExpected(t, r, e)); got != `changed 1\Seen` {
		t.Errorf("got %s, want the flags that all show", got)
	}
}

// TestForesightOfMore: an answer about some messages is none about fewer.
func TestForesightOfMore(t *testing.T) {
	select3 := do("SELECT Box", append(selected("3", "4", "12"), "$tag OK [READ-WRITE] ok")...)
	since := do(fetchAll+" (CHANGEDSINCE 10 VANISHED)", "$tag OK ok")
	r := foresight(t, "CONDSTORE QRESYNC", select3, since, select3, since, select3,
		do("UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "$tag OK ok"),
		do("UID FETCH 3:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 3 FETCH (UID 3 FLAGS () RFC822.SIZE 5 "+dated+")", "$tag OK ok"))
	before := checkpoint(4, 3, 10)
	r.Expect(t.Context(), []mirror.Expected{expected(box, before, checkpoint(4, 3, 12), 1, 2, 3)})
	if got := shows(openExpected(t, r, expected(box, before, mirror.Checkpoint{}, 1, 2))); got != "new 3" {
		t.Errorf("got %s, want new 3", got)
	}
}
