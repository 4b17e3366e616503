package imapside_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// asking adds a search for flagged messages, of some of the known, to a view.
func asking(k mirror.Known, among ...mirror.UID) mirror.Known {
	k.Search = &mirror.Search{Criteria: mirror.Criteria{Text: "FLAGGED"}, Among: among}
	return k
}

// shown answers a FETCH of UIDs with everything.
func shown(uids ...mirror.UID) (lines []string) {
	for i, uid := range uids {
		lines = append(lines, fmt.Sprintf("* %d FETCH (UID %d FLAGS () RFC822.SIZE 5 %s)", i+1, uid, dated))
	}
	return lines
}

// TestFind: a view that searches asks about what has no record, and about nothing else;
// what the server says of others, or says twice, is left out.
func TestFind(t *testing.T) {
	t.Parallel()
	full := steps(sel("4", "9"), do("UID FETCH 1:5 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 3 FLAGS ())", "* 3 FETCH (UID 5 FLAGS ())", "$tag OK ok"),
		do("UID FETCH 6:* (UID FLAGS INTERNALDATE RFC822.SIZE)", append(shown(8), "$tag OK ok")...))
	noop := do("NOOP", "$tag OK ok")
	for _, c := range []struct {
		name   string
		caps   string
		script []imaptest.Step
		want   []mirror.UID
		refuse string // in the error
	}{
		{"some", "", do("UID SEARCH UID 3,8 (FLAGGED)", "* SEARCH 8", "$tag OK ok"), []mirror.UID{8}, ""},
		{"none", "", do("UID SEARCH UID 3,8 (FLAGGED)", "* SEARCH", "$tag OK ok"), nil, ""},
		{"too much, and twice", "", do("UID SEARCH UID 3,8 (FLAGGED)", "* SEARCH 9 8 1 3 8 5 77", "$tag OK ok"), []mirror.UID{3, 8}, ""},
		{"in two lines", "", do("UID SEARCH UID 3,8 (FLAGGED)", "* SEARCH 8", "* SEARCH 3", "$tag OK ok"), []mirror.UID{3, 8}, ""},
		{"ESEARCH", "ESEARCH", do("UID SEARCH RETURN (ALL) UID 3,8 (FLAGGED)", `* ESEARCH (TAG "$tag") UID ALL 1:8`, "$tag OK ok"), []mirror.UID{3, 8}, ""},
		{"no answer", "", do("UID SEARCH UID 3,8 (FLAGGED)", "$tag OK ok"), nil, "without the data"},
		{"not to be read", "ESEARCH", do("UID SEARCH RETURN (ALL) UID 3,8 (FLAGGED)", `* ESEARCH (TAG "$tag") UID ALL x`, "$tag OK ok"), nil, "search refused"},
		{"refused", "", do("UID SEARCH UID 3,8 (FLAGGED)", "$tag NO not for you"), nil, "search refused"},
		{"not understood", "", do("UID SEARCH UID 3,8 (FLAGGED)", "$tag BAD what is that"), nil, "what is that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := connect(t, c.caps, full, noop, c.script)
			m := open(t, r, mirror.Checkpoint{})
			v, err := m.View(t.Context(), asking(known("", 1, 3, 5), 3))
			if c.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), c.refuse) {
					t.Fatalf("got %v, %v; want %q", v.Found, err, c.refuse)
				}
				if !errors.Is(err, mirror.ErrSearch) || mirror.ReachOf(err) != mirror.ReachMailbox {
					t.Errorf("got %v, want ErrSearch, of the mailbox", err)
				}
				return
			}
			if err != nil || !slices.Equal(v.Found, c.want) {
				t.Errorf("got %v, %v; want %v", v.Found, err, c.want)
			}
		})
	}
}

// TestFindNothingToAsk: where every message has a record nothing is searched.
func TestFindNothingToAsk(t *testing.T) {
	t.Parallel()
	r := connect(t, "", sel("1", "2"), do("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "$tag OK ok"),
		do("UID FETCH 2:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "$tag OK ok"))
	if v, err := open(t, r, mirror.Checkpoint{}).View(t.Context(), asking(known("", 1))); err != nil || len(v.Found) != 0 {
		t.Errorf("got %v, %v", v.Found, err)
	}
}

// TestFindLongSets: a set that takes more than a command line is asked about in parts.
func TestFindLongSets(t *testing.T) {
	t.Parallel()
	var uids []mirror.UID
	for uid := mirror.UID(100_001); uid < 104_000; uid += 2 {
		uids = append(uids, uid)
	}
	// 7 octets each, and "FLAGGED" beside them.
	first, second := uids[:1070], uids[1070:]
	set := func(uids []mirror.UID) string {
		words := make([]string, len(uids))
		for i, uid := range uids {
			words[i] = fmt.Sprint(uid)
		}
		return strings.Join(words, ",")
	}
	last := uids[len(uids)-1]
	r := connect(t, "", sel("1", "200000"),
		do(fmt.Sprintf("UID FETCH 1:%d (UID FLAGS)", last), fmt.Sprintf("* 1 FETCH (UID %d FLAGS ())", last), "$tag OK ok"),
		do(fmt.Sprintf("UID FETCH %d:* (UID FLAGS INTERNALDATE RFC822.SIZE)", last+1), "$tag OK ok"), do("NOOP", "$tag OK ok"),
		do("UID SEARCH UID "+set(first)+" (FLAGGED)", "* SEARCH 100001", "$tag OK ok"),
		do("UID SEARCH UID "+set(second)+" (FLAGGED)", fmt.Sprintf("* SEARCH %d", last), "$tag OK ok"))
	if v, err := open(t, r, mirror.Checkpoint{}).View(t.Context(), asking(known("", uids...), uids...)); err != nil || !slices.Equal(v.Found, []mirror.UID{100001, last}) {
		t.Errorf("got %v, %v; want the first and the last", v.Found, err)
	}
}

// TestFindByAge: YOUNGER is asked of servers that know it.
func TestFindByAge(t *testing.T) {
	t.Parallel()
	view := func(t *testing.T, caps string, script ...[]imaptest.Step) (mirror.View, error) {
		r := connect(t, caps, append([][]imaptest.Step{sel("1", "9"), do(fetchAll, append(shown(8), "$tag OK ok")...)}, script...)...)
		k := mirror.Known{Search: &mirror.Search{Criteria: mirror.Criteria{Text: "YOUNGER 60", Within: true}}}
		return open(t, r, mirror.Checkpoint{}).View(t.Context(), k)
	}
	if _, err := view(t, ""); !errors.Is(err, mirror.ErrSearch) {
		t.Errorf("without WITHIN: got %v, want ErrSearch", err)
	}
	v, err := view(t, "WITHIN", do("NOOP", "$tag OK ok"), do("UID SEARCH UID 8 (YOUNGER 60)", "* SEARCH 8", "$tag OK ok"))
	if err != nil || !slices.Equal(v.Found, []mirror.UID{8}) {
		t.Errorf("with WITHIN: got %v, %v; want 8", v.Found, err)
	}
}

// TestFindAhead: in several mailboxes the searches go with the looks, in one turn; an
// answer that does not speak of a message that the look showed is not taken for "no".
func TestFindAhead(t *testing.T) {
	t.Parallel()
	other := nametrans.MustName("Other")
	views := []mirror.Expected{
		expected(box, checkpoint(4, 3, 10), checkpoint(5, 4, 12), 1, 2, 3),
		expected(other, mirror.Checkpoint{}, checkpoint(3, 2, 4)),
	}
	for i, among := range [][]mirror.UID{{2}, nil} {
		view := asking(*views[i].View, among...)
		views[i].View = &view
	}
	const since = fetchAll + " (CHANGEDSINCE 10 VANISHED)"
	ask := []imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect(since), imaptest.Expect("UID SEARCH RETURN (ALL) UID 2,4:* (FLAGGED)"),
		imaptest.Expect("SELECT Other"), imaptest.Expect(fetchAll), imaptest.Expect("UID SEARCH RETURN (ALL) UID 1:* (FLAGGED)")}
	first := slices.Concat(selected("4", "5", "12"), []string{"$4 OK [READ-WRITE] ok", "* 4 FETCH (UID 4 FLAGS (\\Flagged) RFC822.SIZE 6 " + dated + ")", "$5 OK ok"})
	second := slices.Concat(selected("2", "3", "4"), []string{"$7 OK [READ-WRITE] ok"}, shown(1, 2), []string{"$8 OK ok", `* ESEARCH (TAG "$9") UID ALL 2`, "$9 OK ok"})

	t.Run("all in one turn", func(t *testing.T) {
		answer := slices.Concat(first, []string{`* ESEARCH (TAG "$6") UID ALL 2:4`, "$6 OK ok"}, second)
		r := foresight(t, "CONDSTORE QRESYNC ESEARCH", steps(ask, []imaptest.Step{send(answer...)}))
		r.Expect(t.Context(), views)
		for i, want := range [][]mirror.UID{{2, 4}, {2}} {
			if v := openExpected(t, r, views[i]); !slices.Equal(v.Found, want) {
				t.Errorf("%s: got %v, want %v", views[i].Name.String(), v.Found, want)
			}
		}
	})
	t.Run("refused ahead, asked again", func(t *testing.T) {
		answer := slices.Concat(first, []string{"$6 NO busy"}, second)
		r := foresight(t, "CONDSTORE QRESYNC ESEARCH", steps(ask, []imaptest.Step{send(answer...)},
			do("SELECT Box", append(selected("4", "5", "12"), "$tag OK [READ-WRITE] ok")...),
			do("UID SEARCH RETURN (ALL) UID 2,4 (FLAGGED)", `* ESEARCH (TAG "$tag") UID ALL 4`, "$tag OK ok")))
		r.Expect(t.Context(), views)
		if v := openExpected(t, r, views[0]); !slices.Equal(v.Found, []mirror.UID{4}) {
			t.Errorf("got %v, want 4", v.Found)
		}
	})
	t.Run("came behind the SELECT", func(t *testing.T) {
		answer := slices.Concat(selected("4", "5", "12"), []string{"$4 OK [READ-WRITE] ok",
			"* 5 EXISTS", "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 6 " + dated + ")", "* 5 FETCH (UID 5 FLAGS (\\Flagged) RFC822.SIZE 6 " + dated + ")", "$5 OK ok",
			`* ESEARCH (TAG "$6") UID ALL 2`, "$6 OK ok"}, second)
		r := foresight(t, "CONDSTORE QRESYNC ESEARCH", steps(ask, []imaptest.Step{send(answer...)},
			do("SELECT Box", append(selected("5", "6", "13"), "$tag OK [READ-WRITE] ok")...),
			do("UID SEARCH RETURN (ALL) UID 2,4:5 (FLAGGED)", `* ESEARCH (TAG "$tag") UID ALL 2,5`, "$tag OK ok")))
		r.Expect(t.Context(), views)
		if v := openExpected(t, r, views[0]); !slices.Equal(v.Found, []mirror.UID{2, 5}) {
			t.Errorf("got %v, want 2 and 5", v.Found)
		}
	})
	t.Run("the look is of another time", func(t *testing.T) {
		answer := slices.Concat(selected("4", "5", "12"), []string{"$4 OK [READ-WRITE] ok", "$5 NO busy", `* ESEARCH (TAG "$6")`, "$6 OK ok"}, second)
		r := foresight(t, "CONDSTORE QRESYNC ESEARCH", steps(ask, []imaptest.Step{send(answer...)},
			do("SELECT Box", append(selected("4", "5", "14"), "$tag OK [READ-WRITE] ok")...),
			do(since, "* 2 FETCH (UID 2 FLAGS (\\Flagged) RFC822.SIZE 6 "+dated+")", "* 4 FETCH (UID 4 FLAGS () RFC822.SIZE 6 "+dated+")", "$tag OK ok"),
			do("NOOP", "$tag OK ok"), do("UID SEARCH RETURN (ALL) UID 2,4 (FLAGGED)", `* ESEARCH (TAG "$tag") UID ALL 2`, "$tag OK ok")))
		r.Expect(t.Context(), views)
		if v := openExpected(t, r, views[0]); !slices.Equal(v.Found, []mirror.UID{2}) {
			t.Errorf("got %v, want 2", v.Found)
		}
	})
}

// TestFindNotAhead: where an answer does not say which search it is for, where nothing is
// to be asked, and where a literal would wait, the look goes without the search.
func TestFindNotAhead(t *testing.T) {
	t.Parallel()
	const since = fetchAll + " (CHANGEDSINCE 10 VANISHED)"
	for _, c := range []struct {
		name, caps, criteria string
		among                []mirror.UID
		search               []imaptest.Step
		want                 []mirror.UID
	}{
		{"no ESEARCH", "CONDSTORE QRESYNC", "FLAGGED", []mirror.UID{2},
			steps(do("NOOP", "$tag OK ok"), do("UID SEARCH UID 2 (FLAGGED)", "* SEARCH 2", "$tag OK ok")), []mirror.UID{2}},
		{"nothing without a record", "CONDSTORE QRESYNC ESEARCH", "FLAGGED", nil, nil, nil},
		{"a literal", "CONDSTORE QRESYNC ESEARCH", `FROM "ü"`, []mirror.UID{2},
			steps(do("NOOP", "$tag OK ok"), []imaptest.Step{imaptest.Expect("UID SEARCH RETURN (ALL) CHARSET UTF-8 UID 2 (FROM {2}"), send("+ go on"),
				imaptest.ExpectOctets("ü"), imaptest.ExpectLine(")"), send(`* ESEARCH (TAG "$tag") UID ALL 2`, "$tag OK ok")}), []mirror.UID{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			view := expected(box, checkpoint(4, 3, 10), checkpoint(4, 3, 12), 1, 2, 3)
			view.View.Search = &mirror.Search{Criteria: mirror.Criteria{Text: c.criteria}, Among: c.among}
			answer := append(selected("3", "4", "12"), "$4 OK [READ-WRITE] ok", "* 3 FETCH (UID 3 FLAGS (\\Seen) RFC822.SIZE 6 "+dated+")", "$5 OK ok")
			r := foresight(t, c.caps, steps([]imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect(since), send(answer...)}, c.search))
			r.Expect(t.Context(), []mirror.Expected{view})
			if v := openExpected(t, r, view); !slices.Equal(v.Found, c.want) {
				t.Errorf("got %v, want %v", v.Found, c.want)
			}
		})
	}
}

// TestFindAheadCovers: a message that the look showed to be new, below those that were
// expected to be, is asked about.
func TestFindAheadCovers(t *testing.T) {
	t.Parallel()
	view := expected(box, checkpoint(4, 2, 10), checkpoint(5, 4, 12), 1, 3)
	searching := asking(*view.View, 3)
	view.View = &searching
	const since = fetchAll + " (CHANGEDSINCE 10 VANISHED)"
	answer := slices.Concat(selected("4", "5", "12"), []string{"$4 OK [READ-WRITE] ok",
		"* 2 FETCH (UID 2 FLAGS (\\Flagged) RFC822.SIZE 6 " + dated + ")", "* 4 FETCH (UID 4 FLAGS (\\Flagged) RFC822.SIZE 6 " + dated + ")", "$5 OK ok", `* ESEARCH (TAG "$6") UID ALL 4`, "$6 OK ok"})
	r := foresight(t, "CONDSTORE QRESYNC ESEARCH", steps([]imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect(since), imaptest.Expect("UID SEARCH RETURN (ALL) UID 3:* (FLAGGED)"), send(answer...)},
		do("NOOP", "$tag OK ok"), do("UID SEARCH RETURN (ALL) UID 2:4 (FLAGGED)", `* ESEARCH (TAG "$tag") UID ALL 2,4`, "$tag OK ok")))
	r.Expect(t.Context(), []mirror.Expected{view})
	if v := openExpected(t, r, view); !slices.Equal(v.Found, []mirror.UID{2, 4}) {
		t.Errorf("got %v, want 2 and 4", v.Found)
	}
}
