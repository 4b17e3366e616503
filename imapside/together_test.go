package imapside_test

import (
	"fmt"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

// groupOf is one APPEND of bodies, as MULTIAPPEND and LITERAL+ carry it.
func groupOf(answer string, bodies ...string) (list []imaptest.Step) {
	for i, body := range bodies {
		what := fmt.Sprintf(`"05-Jan-2020 01:02:03 +0000" {%d+}`, len(body))
		if i == 0 {
			list = append(list, imaptest.Expect("APPEND Box "+what))
		} else {
			list = append(list, imaptest.ExpectLine(" "+what))
		}
		list = append(list, imaptest.ExpectOctets(body))
	}
	list = append(list, imaptest.ExpectLine(""))
	if answer != "" {
		list = append(list, send(answer))
	}
	return list
}

// plain are messages without flags.
func plainMessages(bodies ...string) (list []mirror.Incoming) {
	for _, body := range bodies {
		list = append(list, incoming("", body))
	}
	return list
}

func TestAppendTogether(t *testing.T) {
	const caps = "LITERAL+ UIDPLUS MULTIAPPEND"
	alone := incoming("", "c")
	alone.Alone = true
	nul := mirror.Incoming{Body: mirror.Body{Reader: strings.NewReader("a\x00"), Octets: 2, Size: 2, NUL: true}}
	single := func(body, answer string) []imaptest.Step { return uploadBody("", body, answer) }
	for _, c := range []struct {
		name, caps string
		selected   []string
		script     [][]imaptest.Step
		messages   []mirror.Incoming
		want       string
	}{
		{"one command, UIDs in order", caps, nil, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 7 4:5,8] ok", "a", "bb", "c")},
			plainMessages("a", "bb", "c"), "101→4(); 102→5(); 103→8()"},
		{"too few UIDs are none", caps, nil, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 7 4:5] ok", "a", "bb", "c")},
			plainMessages("a", "bb", "c"), "101→0(); 102→0(); 103→0()"},
		{"so are too many", caps, nil, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 7 4:7] ok", "a", "bb", "c")},
			plainMessages("a", "bb", "c"), "101→0(); 102→0(); 103→0()"},
		{"and those of another UIDVALIDITY", caps, nil, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 8 4:5] ok", "a", "bb")},
			plainMessages("a", "bb"), "101→0(); 102→0()"},
		{"without LITERAL+ one by one", "UIDPLUS MULTIAPPEND LITERAL-", nil, [][]imaptest.Step{single("a", "$tag OK [APPENDUID 7 4] ok"), single("bb", "$tag OK [APPENDUID 7 5] ok")},
			plainMessages("a", "bb"), "101→4(); 102→5()"},
		{"what is to go alone does", caps, nil, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 7 4:5] ok", "a", "bb"), single("c", "$tag OK [APPENDUID 7 6] ok"), groupOf("$tag OK [APPENDUID 7 7] ok", "d")},
			append(plainMessages("a", "bb"), alone, incoming("", "d")), "101→4(); 102→5(); 103→6(); 104→7()"},
		{"so does what has new keywords", caps, []string{anyKeyword}, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 7 4] ok", "a"), uploadBody("odd", "bb", "$tag OK [APPENDUID 7 5] ok"), groupOf("$tag OK [APPENDUID 7 6] ok", "c")},
			[]mirror.Incoming{incoming("", "a"), incoming("odd", "bb"), incoming("", "c")}, "101→4(); 102→5(odd); 103→6()"},
		{"what cannot be sent parts them", caps, nil, [][]imaptest.Step{groupOf("$tag OK [APPENDUID 7 4] ok", "a"), groupOf("$tag OK [APPENDUID 7 5] ok", "c")},
			[]mirror.Incoming{incoming("", "a"), nul, incoming("", "c")}, "101→4(); 102→0() not done message holds a NUL, which IMAP cannot carry; 103→5()"},
		{"refused: which, nobody knows", caps, nil, [][]imaptest.Step{groupOf("$tag NO [OVERQUOTA] full", "a", "bb")},
			plainMessages("a", "bb"), "101→0() refused together with others; 102→0() refused together with others"},
		{"one alone is refused for its own sake", caps, nil, [][]imaptest.Step{groupOf("$tag NO [TOOBIG] no", "a")},
			plainMessages("a"), "101→0() not done message is larger than the side takes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, c.caps, append([][]imaptest.Step{sel("0", "4", c.selected...)}, c.script...)...), mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(c.messages...))
			if got := resultString(results); err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

// TestRefusedTogether: after a refusal all go alone, in later visits too, and each is
// judged for itself.
func TestRefusedTogether(t *testing.T) {
	m := open(t, connect(t, "LITERAL+ UIDPLUS MULTIAPPEND", sel("0", "4"), groupOf("$tag NO no", "a", "bb"),
		uploadBody("", "a", "$tag OK [APPENDUID 7 4] ok"), uploadBody("", "bb", "$tag NO [TOOBIG] no")), mirror.Checkpoint{})
	for _, want := range []string{
		"101→0() refused together with others; 102→0() refused together with others",
		"101→4(); 102→0() not done message is larger than the side takes",
	} {
		results, err := m.Append(t.Context(), batch(plainMessages("a", "bb")...))
		if got := resultString(results); err != nil || got != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

// TestRefusedTogetherAndSentAway: where the session ends with the refusal, all are
// uncertain still.
func TestRefusedTogetherAndSentAway(t *testing.T) {
	m := open(t, connectLost(t, "LITERAL+ UIDPLUS MULTIAPPEND", sel("0", "4"), groupOf("", "a", "bb"),
		[]imaptest.Step{send("$tag NO no", "* BYE enough"), imaptest.Close()}), mirror.Checkpoint{})
	results, _ := m.Append(t.Context(), batch(plainMessages("a", "bb")...))
	if got, want := resultString(results), "101→0() refused together with others; 102→0() refused together with others"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestGroupsEnd: no command carries more than so many messages or octets, and what
// is large goes alone.
func TestGroupsEnd(t *testing.T) {
	half, large := strings.Repeat("x", 1<<20-1), strings.Repeat("x", 1<<20)
	many := make([]string, 53)
	for i := range many {
		many[i] = "a"
	}
	for name, c := range map[string]struct {
		script   [][]imaptest.Step
		messages []mirror.Incoming
	}{
		"messages": {[][]imaptest.Step{groupOf("$tag OK ok", many[:50]...), groupOf("$tag OK ok", many[50:]...)}, plainMessages(many...)},
		"octets":   {[][]imaptest.Step{groupOf("$tag OK ok", half, half, half, half), groupOf("$tag OK ok", half)}, plainMessages(half, half, half, half, half)},
		"large":    {[][]imaptest.Step{groupOf("$tag OK ok", "a"), uploadBody("", large, "$tag OK ok"), groupOf("$tag OK ok", "b")}, plainMessages("a", large, "b")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, "LITERAL+ MULTIAPPEND", append([][]imaptest.Step{sel("0", "4")}, c.script...)...), mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(c.messages...))
			for _, r := range results {
				if r.Err != nil {
					t.Errorf("got %v", r.Err)
				}
			}
			if err != nil || len(results) != len(c.messages) {
				t.Errorf("got %d results, %v; want %d", len(results), err, len(c.messages))
			}
		})
	}
}

// TestBrokenTogether: a body that is not what was announced ends the connection; the
// others may be there, as far as we know.
func TestBrokenTogether(t *testing.T) {
	short := incoming("", "bb")
	short.Body.Octets, short.Body.Size = 3, 3
	m := open(t, connectLost(t, "LITERAL+ UIDPLUS MULTIAPPEND", sel("0", "4"), []imaptest.Step{
		imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {1+}`), imaptest.ExpectOctets("a"), imaptest.ExpectLine(` "05-Jan-2020 01:02:03 +0000" {3+}`), imaptest.ExpectEnd(),
	}), mirror.Checkpoint{})
	results, err := m.Append(t.Context(), batch(incoming("", "a"), short, incoming("", "c")))
	if got, want := resultString(results), "101→0() connection lost; 102→0() message ended before its announced size"; !strings.HasPrefix(got, want) || err == nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// TestTogetherCut cuts the connection behind every octet of such a command and of its
// answer: whether the messages are there is known exactly where it can be.
func TestTogetherCut(t *testing.T) {
	const command = "a4 APPEND Box \"05-Jan-2020 01:02:03 +0000\" {1+}\r\na \"05-Jan-2020 01:02:03 +0000\" {2+}\r\nbb\r\n"
	const answer = "a4 OK [APPENDUID 7 4:5] ok\r\n"
	for n := range len(command) + len(answer) + 1 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			script := []imaptest.Step{imaptest.ExpectOctets(command[:min(n, len(command))])}
			if n > len(command) {
				script = append(script, imaptest.Send(answer[:n-len(command)]))
			}
			m := open(t, connectLost(t, "LITERAL+ UIDPLUS MULTIAPPEND", sel("0", "4"), append(script, imaptest.Close())), mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(plainMessages("a", "bb")...))
			want := "101→4(); 102→5()"
			if n < len(command)+len(answer) {
				want = "101→0() connection lost; 102→0() connection lost"
			}
			got := resultString(results)
			if n < len(command) { // it was never whole, so that both are true
				got = strings.ReplaceAll(got, " not done", "")
			}
			if !strings.HasPrefix(want, got) || len(results) == 0 || (err == nil) != (n == len(command)+len(answer)) {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
		})
	}
}
