package imapside_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

var date = time.Date(2020, 1, 5, 1, 2, 3, 0, time.UTC)

// incoming is a message with a body in wire form, numbered from 101 on.
func incoming(flags string, body string) mirror.Incoming {
	return mirror.Incoming{Flags: mirror.ParseFlags(flags), Date: date,
		Body: mirror.Body{Reader: strings.NewReader(body), Octets: int64(len(body)), Size: int64(len(body))}}
}

func batch(messages ...mirror.Incoming) iter.Seq[mirror.Incoming] {
	return func(yield func(mirror.Incoming) bool) {
		for i, in := range messages {
			in.Source = mirror.Ref{UID: mirror.UID(101 + i)}
			if !yield(in) {
				return
			}
		}
	}
}

// resultString writes results as one line.
func resultString(results []mirror.Appended) string {
	var parts []string
	for _, r := range results {
		one := fmt.Sprintf("%d→%d(%s)", r.Source.UID, r.Target.UID, r.Flags)
		for _, known := range []error{mirror.ErrNotDone, mirror.ErrTogether, mirror.ErrTooBig, mirror.ErrRefused, mirror.ErrEmptyBody, mirror.ErrShortBody, mirror.ErrNUL,
			mirror.ErrNoMailbox, mirror.ErrOverQuota, mirror.ErrDenied, mirror.ErrCut, mirror.ErrThrottled} {
			if errors.Is(r.Err, known) {
				one += " " + known.Error()
			}
		}
		if r.Err != nil && mirror.ReachOf(r.Err) == 0 {
			one += " " + r.Err.Error()
		}
		parts = append(parts, one)
	}
	return strings.Join(parts, "; ")
}

// upload is one APPEND of "body" as LITERAL+ carries it.
func upload(flags, answer string) []imaptest.Step {
	return uploadBody(flags, "body", answer)
}

func uploadBody(flags, body, answer string) []imaptest.Step {
	return uploadTo("Box", flags, body, answer)
}

func uploadTo(wire, flags, body, answer string) []imaptest.Step {
	if flags != "" {
		flags = "(" + flags + ") "
	}
	return []imaptest.Step{
		imaptest.Expect(fmt.Sprintf(`APPEND %s %s"05-Jan-2020 01:02:03 +0000" {%d+}`, wire, flags, len(body))),
		imaptest.ExpectOctets(body + "\r\n"),
		send(answer),
	}
}

const anyKeyword = `* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] ok`

func TestAppend(t *testing.T) {
	one := func(flags string) []mirror.Incoming { return []mirror.Incoming{incoming(flags, "body")} }
	big := strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		name     string
		caps     string
		selected []string // lines of the SELECT
		script   [][]imaptest.Step
		messages []mirror.Incoming
		want     string
	}{
		{"UIDs", "LITERAL+ UIDPLUS", nil, [][]imaptest.Step{upload(`\Seen`, "$tag OK [APPENDUID 7 4] ok"), upload("", "$tag OK [APPENDUID 7 9] ok")},
			[]mirror.Incoming{incoming(`\Seen`, "body"), incoming("", "body")}, `101→4(\Seen); 102→9()`},
		{"no APPENDUID", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK ok")}, one(""), "101→0()"},
		{"APPENDUID of another UIDVALIDITY", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID 8 4] ok")}, one(""), "101→0()"},
		{"APPENDUID below UIDNEXT", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID 7 3] ok")}, one(""), "101→0()"},
		{"APPENDUID twice", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID 7 4] ok"), upload("", "$tag OK [APPENDUID 7 4] ok")},
			[]mirror.Incoming{incoming("", "body"), incoming("", "body")}, "101→4(); 102→0()"},
		{"no APPENDUID is believed behind one that is not true", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID 7 3] ok"), upload("", "$tag OK [APPENDUID 7 4] ok")},
			[]mirror.Incoming{incoming("", "body"), incoming("", "body")}, "101→0(); 102→0()"},
		{"APPENDUID behind none", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK ok"), upload("", "$tag OK [APPENDUID 7 5] ok")},
			[]mirror.Incoming{incoming("", "body"), incoming("", "body")}, "101→0(); 102→5()"},
		{"APPENDUID 0", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID 7 0] ok")}, one(""), "101→0()"},
		{"APPENDUID from a server without UIDPLUS", "NOUIDPLUS LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID 7 4] ok")}, one(""), "101→0()"},
		{"APPENDUID that is none", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag OK [APPENDUID seven] ok")}, one(""), "101→0()"},
		{"LF form travels with CRLF", "LITERAL+", nil, [][]imaptest.Step{uploadBody("", "a\r\nb\r\n", "$tag OK ok")},
			[]mirror.Incoming{{Date: date, Body: mirror.Body{Reader: strings.NewReader("a\nb\n"), Octets: 4, Size: 6, Form: mirror.LF}}}, "101→0()"},
		{"only what the mailbox stores", "LITERAL+", []string{`* OK [PERMANENTFLAGS (\Seen known)] ok`},
			[][]imaptest.Step{upload(`\Seen known`, "$tag OK ok")}, one(`\Seen \Draft known other`), `101→0(\Seen known)`},
		{"only atoms", "LITERAL+", []string{anyKeyword}, [][]imaptest.Step{upload("", "$tag OK ok")}, one(`kw]x \Bogus ümlaut`), "101→0()"},
		{"TOOBIG", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag NO [TOOBIG] no")}, one(""), "101→0() not done message is larger than the side takes"},
		{"refused, and the next goes on", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag NO [LIMIT] no"), upload("", "$tag OK [APPENDUID 7 4] ok")},
			[]mirror.Incoming{incoming("", "body"), incoming("", "body")}, "101→0() not done message was refused; 102→4()"},
		{"TRYCREATE", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag NO [TRYCREATE] no")}, one(""), "101→0() not done no such mailbox"},
		{"over quota in prose", "LITERAL+", nil, [][]imaptest.Step{upload("", "$tag NO Quota exceeded")}, one(""), "101→0() not done over quota"},
		{"BAD for a keyword: once more without", "LITERAL+", []string{anyKeyword},
			[][]imaptest.Step{upload(`\Seen odd`, "$tag BAD Parse Error"), upload(`\Seen`, "$tag OK [APPENDUID 7 4] ok"), upload(`\Seen`, "$tag OK [APPENDUID 7 5] ok")},
			[]mirror.Incoming{incoming(`\Seen odd`, "body"), incoming(`\Seen ODD`, "body")}, `101→4(\Seen); 102→5(\Seen)`},
		{"BAD not for the keyword", "LITERAL+", []string{anyKeyword},
			[][]imaptest.Step{upload("odd", "$tag BAD no"), upload("", "$tag BAD no"), upload("odd", "$tag OK ok")},
			[]mirror.Incoming{incoming("odd", "body"), incoming("odd", "body")}, "101→0() not done message was refused; 102→0(odd)"},
		{"a reason is no keyword's fault", "LITERAL+", []string{anyKeyword}, [][]imaptest.Step{upload("odd", "$tag NO [OVERQUOTA] full")},
			one("odd"), "101→0() not done over quota"},
		{"synchronising: refused unread, once more without keywords", "", []string{anyKeyword},
			[][]imaptest.Step{{imaptest.Expect(`APPEND Box (odd) "05-Jan-2020 01:02:03 +0000" {4}`), send("$tag BAD no"),
				imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4}`), send("+ go"), imaptest.ExpectOctets("body\r\n"), send("$tag OK ok")}},
			one("odd"), "101→0()"},
		{"large with a keyword: once more without", "LITERAL+", []string{anyKeyword},
			[][]imaptest.Step{uploadBody("odd", big, "$tag BAD no"), uploadBody("", big, "$tag OK [APPENDUID 7 4] ok")},
			[]mirror.Incoming{incoming("odd", big)}, "101→4()"},
		{"never sent", "LITERAL+ APPENDLIMIT=10", nil, nil,
			[]mirror.Incoming{incoming("", ""), incoming("", "12345678901"), {Body: mirror.Body{Reader: strings.NewReader("a\x00"), Octets: 2, Size: 2, NUL: true}}},
			"101→0() not done message has no body; 102→0() not done message is larger than the side takes; 103→0() not done message holds a NUL, which IMAP cannot carry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, strings.TrimPrefix("UIDPLUS "+c.caps, "UIDPLUS NOUIDPLUS "), append([][]imaptest.Step{sel("0", "4", c.selected...)}, c.script...)...), mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(c.messages...))
			if got := resultString(results); err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

// TestAppendStopsAtMailboxErrors: behind an answer that reaches the mailbox no
// message is taken.
func TestAppendStopsAtMailboxErrors(t *testing.T) {
	m := open(t, connect(t, "", sel("0", "4"),
		[]imaptest.Step{imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4}`), send("$tag NO [OVERQUOTA] full")}), mirror.Checkpoint{})
	results, err := m.Append(t.Context(), batch(incoming("", "body"), incoming("", "body")))
	if got := resultString(results); err != nil || got != "101→0() not done over quota" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestAppendDoesNotWait: the second message is on its way before the first is
// answered, and the body of the first is not read any more by then.
func TestAppendDoesNotWait(t *testing.T) {
	m := open(t, connect(t, "LITERAL+ UIDPLUS", sel("0", "4"),
		[]imaptest.Step{
			imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4+}`), imaptest.ExpectOctets("one.\r\n"),
			imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4+}`), imaptest.ExpectOctets("two.\r\n"),
			send("$4 OK [APPENDUID 7 4] ok", "$5 OK [APPENDUID 7 5] ok"),
		}), mirror.Checkpoint{})
	body := []byte("one.") // one buffer for all, as a batch may have
	results, err := m.Append(t.Context(), func(yield func(mirror.Incoming) bool) {
		for _, text := range []string{"one.", "two."} {
			copy(body, text)
			if !yield(mirror.Incoming{Date: date, Body: mirror.Body{Reader: bytes.NewReader(body), Octets: 4, Size: 4}}) {
				return
			}
			copy(body, "XXXX")
		}
	})
	if got := resultString(results); err != nil || got != "0→4(); 0→5()" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestAppendBrokenBody: a body of another length than announced ends the
// connection before the server has a whole message.
func TestAppendBrokenBody(t *testing.T) {
	broken := errors.New("source broke")
	for name, reader := range map[string]io.Reader{
		"short":  strings.NewReader("bo"),
		"long":   strings.NewReader("body!"),
		"breaks": io.MultiReader(strings.NewReader("bo"), failing{broken}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connectLost(t, "LITERAL+", sel("0", "4"),
				[]imaptest.Step{imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4+}`), imaptest.ExpectEnd()}), mirror.Checkpoint{})
			results, err := m.Append(t.Context(), batch(
				mirror.Incoming{Date: date, Body: mirror.Body{Reader: reader, Octets: 4, Size: 4}}, incoming("", "next")))
			if got := resultString(results); !errors.Is(err, mirror.ErrCut) || got != "101→0() message ended before its announced size" {
				t.Errorf("got %s, %v; want %v", got, err, mirror.ErrCut)
			}
			if name == "breaks" && !errors.Is(results[0].Err, broken) {
				t.Errorf("got %v, want it to wrap %v", results[0].Err, broken)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestAppendBrokenBodyBehindOthers: only the broken message is short. What was
// sent before it is uncertain.
func TestAppendBrokenBodyBehindOthers(t *testing.T) {
	command := imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4+}`)
	m := open(t, connectLost(t, "LITERAL+", sel("0", "4"),
		[]imaptest.Step{command, imaptest.ExpectOctets("body\r\n"), command, imaptest.ExpectEnd()}), mirror.Checkpoint{})
	results, err := m.Append(t.Context(), batch(incoming("", "body"),
		mirror.Incoming{Date: date, Body: mirror.Body{Reader: strings.NewReader("bo"), Octets: 4, Size: 4}}, incoming("", "next")))
	if got := resultString(results); !errors.Is(err, mirror.ErrCut) || got != "101→0() connection lost; 102→0() message ended before its announced size" {
		t.Errorf("got %s, %v; want %v", got, err, mirror.ErrCut)
	}
}

// TestAppendCut: without an answer nobody knows; what was not sent was not
// done.
func TestAppendCut(t *testing.T) {
	m := open(t, connectLost(t, "LITERAL+", sel("0", "4"),
		[]imaptest.Step{imaptest.Expect(`APPEND Box "05-Jan-2020 01:02:03 +0000" {4+}`), imaptest.ExpectOctets("body\r\n"), imaptest.Close()}), mirror.Checkpoint{})
	results, err := m.Append(t.Context(), batch(incoming("", "body")))
	if !errors.Is(err, mirror.ErrCut) || len(results) != 1 || !errors.Is(results[0].Err, mirror.ErrCut) || errors.Is(results[0].Err, mirror.ErrNotDone) {
		t.Errorf("got %v, %v; want an uncertain result and %v", results, err, mirror.ErrCut)
	}
	results, err = m.Append(t.Context(), batch(incoming("", "body")))
	if !errors.Is(err, mirror.ErrCut) || len(results) != 1 || !errors.Is(results[0].Err, mirror.ErrNotDone) {
		t.Errorf("got %v, %v after the cut; want %v", results, err, mirror.ErrNotDone)
	}
}

// TestAppendSentAway: behind a refusal that nothing explains, a NOOP tells whether
// the server ended the session with it.
func TestAppendSentAway(t *testing.T) {
	gone := func(bye string) []imaptest.Step {
		return append(upload("", "$tag NO no"), send(bye), imaptest.Close())
	}
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		want   error
	}{
		{"BYE", gone("* BYE idle for too long"), mirror.ErrCut},
		{"BYE that says when to come back", gone("* BYE [UNAVAILABLE] shutting down"), mirror.ErrUnreachable},
		{"still there", steps(upload("", "$tag NO no"), do("NOOP", "$tag OK done"), bye), nil},
		{"NOOP refused", steps(upload("", "$tag NO no"), do("NOOP", "$tag BAD what"), bye), nil},
		{"another one was taken since", steps(upload("", "$tag NO no"), upload("", "$tag OK [APPENDUID 7 4] ok"), bye), nil},
		{"explained", steps(upload("", "$tag NO [TOOBIG] no"), bye), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connectLost(t, "LITERAL+ UIDPLUS", sel("0", "4"), c.script), mirror.Checkpoint{})
			messages := []mirror.Incoming{incoming("", "body"), incoming("", "body")}
			if c.name != "another one was taken since" {
				messages = messages[:1]
			}
			results, err := m.Append(t.Context(), batch(messages...))
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if len(results) != len(messages) || !errors.Is(results[0].Err, mirror.ErrNotDone) {
				t.Errorf("got %s, want the first message not done", resultString(results))
			}
		})
	}
}

// TestAppendLimitOfMailbox: with a bare APPENDLIMIT each mailbox tells its own.
func TestAppendLimitOfMailbox(t *testing.T) {
	r := connect(t, "APPENDLIMIT", []imaptest.Step{imaptest.Expect("STATUS Box (APPENDLIMIT)"), send("* STATUS Box (APPENDLIMIT 3)", "$tag OK ok")}, sel("0", "4"))
	m := open(t, r, mirror.Checkpoint{})
	results, err := m.Append(t.Context(), batch(incoming("", "body")))
	if got := resultString(results); err != nil || got != "101→0() not done message is larger than the side takes" {
		t.Errorf("got %s, %v", got, err)
	}
}
