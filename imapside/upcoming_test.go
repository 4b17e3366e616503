package imapside_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

const fetchBody = "UID FETCH %s (UID BODY.PEEK[])"

// bodyOf answers FETCH with a body that tells its mailbox and UID.
func bodyOf(seq int, where string, uid imap.UID) string {
	text := fmt.Sprintf("%s %d", where, uid)
	return fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)", seq, uid, len(text), text)
}

// fetch expects a FETCH of bodies and sends them.
func fetch(set, where string, uids ...imap.UID) []imaptest.Step {
	var lines []string
	for i, uid := range uids {
		lines = append(lines, bodyOf(i+1, where, uid))
	}
	return do(fmt.Sprintf(fetchBody, set), append(lines, "$tag OK ok")...)
}

// selecting answers SELECT of any mailbox.
func selecting(wire, validity string) []imaptest.Step {
	return do("SELECT "+wire, "* 3 EXISTS", "* OK [UIDVALIDITY "+validity+"] ok", "* OK [UIDNEXT 9] ok", "$tag OK [READ-WRITE] ok")
}

var other = nametrans.MustName("Other")

// announced is a Fetch to come.
func announced(name mirror.Name, uids ...imap.UID) mirror.Expected {
	e := mirror.Expected{Name: name}
	for _, uid := range uids {
		e.Fetch = append(e.Fetch, mirror.Message{Ref: mirror.Ref{UID: uid}, Size: 5})
	}
	return e
}

// twoOpen opens Box and Other, in this order.
func twoOpen(t *testing.T, caps string, script ...[]imaptest.Step) (r *imapside.Repository, inBox, inOther mirror.Mailbox) {
	t.Helper()
	all := steps(signIn(caps), selecting("Box", "7"), selecting("Other", "7"), steps(script...))
	r = play(t, all...)
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	inBox = open(t, r, mirror.Checkpoint{})
	inOther, err := r.Open(t.Context(), other, mirror.ReadWrite, mirror.Checkpoint{})
	if err != nil {
		t.Fatal(err)
	}
	return r, inBox, inOther
}

// fetched reads bodies whole.
func fetched(t *testing.T, m mirror.Mailbox, uids ...imap.UID) ([]string, error) {
	t.Helper()
	var got []string
	err := m.Fetch(t.Context(), refs(uids...), func(b mirror.Body) error {
		text, err := io.ReadAll(b.Reader)
		got = append(got, string(text))
		return err
	})
	return got, err
}

func wantFetched(t *testing.T, m mirror.Mailbox, where string, uids ...imap.UID) {
	t.Helper()
	var want []string
	for _, uid := range uids {
		want = append(want, fmt.Sprintf("%s %d", where, uid))
	}
	if got, err := fetched(t, m, uids...); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestUpcoming: what is announced is asked for in one turn, and comes when it is
// fetched; the mailbox that is selected is not selected again. The second part of
// a mailbox waits for the first.
func TestUpcoming(t *testing.T) {
	all := []imaptest.Step{imaptest.Expect(fmt.Sprintf(fetchBody, "1:2")), imaptest.Expect("SELECT Box"), imaptest.Expect(fmt.Sprintf(fetchBody, "4"))}
	answer := send(bodyOf(1, "Other", 1), bodyOf(2, "Other", 2), "$5 OK ok", "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$6 OK ok",
		bodyOf(1, "Box", 4), "$7 OK ok")
	r, inBox, inOther := twoOpen(t, "", all, []imaptest.Step{answer}, fetch("5", "Box", 5), bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 4), announced(box, 5)})
	wantFetched(t, inOther, "Other", 1, 2)
	wantFetched(t, inBox, "Box", 4)
	wantFetched(t, inBox, "Box", 5)
}

// TestMixedAnswers: bodies that come before what was asked first is answered hold
// up nothing. They are given up, and asked for again.
func TestMixedAnswers(t *testing.T) {
	ask := []imaptest.Step{imaptest.Expect(fmt.Sprintf(fetchBody, "1:2")), imaptest.Expect("SELECT Box"), imaptest.Expect(fmt.Sprintf(fetchBody, "4"))}
	answer := send(bodyOf(1, "Other", 1), "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$6 OK ok", bodyOf(1, "Box", 4), bodyOf(2, "Other", 2), "$7 OK ok", "$5 OK ok")
	r, inBox, inOther := twoOpen(t, "", ask, []imaptest.Step{answer}, selecting("Box", "7"), fetch("4", "Box", 4), bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 4)})
	wantInTime(t, inOther, []string{"Other 1"}, 1, 2) // the other one is of nobody knows which mailbox
	wantInTime(t, inBox, []string{"Box 4"}, 4)
}

func wantInTime(t *testing.T, m mirror.Mailbox, want []string, uids ...imap.UID) {
	t.Helper()
	err := inTime(t, func() error {
		got, err := fetched(t, m, uids...)
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUpcomingSkipped: an announced Fetch that does not come is dropped when the
// next one does.
func TestUpcomingSkipped(t *testing.T) {
	r, inBox, _ := twoOpen(t, "", fetch("1:2", "Other", 1, 2), selecting("Box", "7"), fetch("4", "Box", 4), bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 4)})
	wantFetched(t, inBox, "Box", 4)
}

// TestUpcomingForgotten: whatever else is asked first gets its answer, and the
// Fetch that was announced is asked again when it comes.
func TestUpcomingForgotten(t *testing.T) {
	again := steps(selecting("Box", "7"), fetch("4", "Box", 4))
	for name, c := range map[string]struct {
		script []imaptest.Step
		ask    func(*imapside.Repository, mirror.Mailbox) error
	}{
		"another Fetch": {steps(selecting("Other", "7"), fetch("3", "Other", 3)),
			func(_ *imapside.Repository, m mirror.Mailbox) error { _, err := fetched(t, m, 3); return err }},
		"Absent": {steps(selecting("Other", "7"), do("NOOP", "$tag OK ok"), do("UID SEARCH UID 3", "* SEARCH", "$tag OK ok")),
			func(_ *imapside.Repository, m mirror.Mailbox) error {
				_, err := m.Absent(t.Context(), refs(3))
				return err
			}},
		"Identify": {steps(selecting("Other", "7"), do("UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])", "$tag OK ok")),
			func(_ *imapside.Repository, m mirror.Mailbox) error {
				_, err := m.Identify(t.Context(), refs(3), mirror.Headers)
				return err
			}},
		"Store": {steps(selecting("Other", "7"), do(`UID STORE 3 +FLAGS (\Seen)`, `* 1 FETCH (UID 3 FLAGS (\Seen))`, "$tag OK ok")),
			func(_ *imapside.Repository, m mirror.Mailbox) error {
				_, err := m.Store(t.Context(), []mirror.FlagChange{{Ref: refs(3)[0], Add: mirror.ParseFlags(`\Seen`)}})
				return err
			}},
		"Subscribe": {do("SUBSCRIBE Box", "$tag OK ok"),
			func(r *imapside.Repository, _ mirror.Mailbox) error { return r.Subscribe(t.Context(), box, true) }},
		"List": {steps(do(`LIST "" "*"`, "$tag OK ok"), do(`LSUB "" "*"`, "$tag OK ok")),
			func(r *imapside.Repository, _ mirror.Mailbox) error { _, err := r.List(t.Context(), false); return err }},
		"Open": {selecting("Other", "7"),
			func(r *imapside.Repository, _ mirror.Mailbox) error {
				_, err := r.Open(t.Context(), other, mirror.ReadWrite, mirror.Checkpoint{})
				return err
			}},
		"View": {steps(selecting("Other", "7"), do(fetchAll, "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 1)", "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 1)", "* 3 FETCH (UID 3 FLAGS () RFC822.SIZE 1)", "$tag OK ok")),
			func(_ *imapside.Repository, m mirror.Mailbox) error {
				_, err := m.View(t.Context(), mirror.Known{})
				return err
			}},
		"Append": {[]imaptest.Step{imaptest.Expect("APPEND Other {1}"), send("+ go"), imaptest.ExpectLine("x"), send("$tag OK ok")},
			func(_ *imapside.Repository, m mirror.Mailbox) error {
				one := mirror.Incoming{Body: mirror.Body{Reader: strings.NewReader("x"), Octets: 1, Size: 1, Form: mirror.Wire}}
				results, err := m.Append(t.Context(), slices.Values([]mirror.Incoming{one}))
				if err == nil {
					err = results[0].Err
				}
				return err
			}},
	} {
		t.Run(name, func(t *testing.T) {
			r, inBox, inOther := twoOpen(t, "", fetch("1:2", "Other", 1, 2), selecting("Box", "7"), fetch("4", "Box", 4),
				c.script, again, bye)
			r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 4)})
			if err := inTime(t, func() error { return c.ask(r, inOther) }); err != nil {
				t.Error(err)
			}
			wantFetched(t, inBox, "Box", 4)
		})
	}
}

// inTime fails the test where f does not return: a body that nobody takes holds
// up all that comes behind it.
func inTime(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("got no answer")
		return nil
	}
}

// TestUpcomingClosed: bodies that nobody takes do not hold up the end.
func TestUpcomingClosed(t *testing.T) {
	asked := make(chan struct{}, 1)
	r, _, _ := twoOpen(t, "", []imaptest.Step{imaptest.Expect(fmt.Sprintf(fetchBody, "1:2")), send(bodyOf(1, "Other", 1)), imaptest.Signal(asked), imaptest.ExpectEnd()})
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2)})
	<-asked
	if err := inTime(t, r.Close); err != nil {
		t.Error(err)
	}
}

// TestUpcomingRenumbered: a mailbox that is renumbered when it is selected ahead
// gives no body.
func TestUpcomingRenumbered(t *testing.T) {
	r, inBox, inOther := twoOpen(t, "", fetch("1", "Other", 1), selecting("Box", "8"), fetch("4", "Box", 4), selecting("Box", "8"), bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1), announced(box, 4)})
	wantFetched(t, inOther, "Other", 1)
	if got, err := fetched(t, inBox, 4); !errors.Is(err, mirror.ErrRenumbered) || len(got) > 0 {
		t.Errorf("got %q, %v; want %v", got, err, mirror.ErrRenumbered)
	}
}

// TestUpcomingAlone: what a refused command was to bring is asked for alone, in
// its own mailbox, whatever was selected meanwhile.
func TestUpcomingAlone(t *testing.T) {
	r, inBox, inOther := twoOpen(t, "",
		do(fmt.Sprintf(fetchBody, "1:2"), bodyOf(1, "Other", 1), "$tag NO gone"), selecting("Box", "7"), fetch("4", "Box", 4),
		selecting("Other", "7"), do("UID FETCH 2 (UID FLAGS)", "* 2 FETCH (UID 2 FLAGS ())", "$tag OK ok"), fetch("2", "Other", 2),
		selecting("Box", "7"), fetch("4", "Box", 4), bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 4)})
	wantFetched(t, inOther, "Other", 1, 2)
	wantFetched(t, inBox, "Box", 4)
}

// TestUpcomingCut: a connection that is lost with announced bodies on the way is
// an error of the Fetch.
func TestUpcomingCut(t *testing.T) {
	r, _, inOther := twoOpen(t, "", []imaptest.Step{imaptest.Expect(fmt.Sprintf(fetchBody, "1:2")), send(bodyOf(1, "Other", 1)), imaptest.Close()})
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2)})
	if got, err := fetched(t, inOther, 1, 2); !errors.Is(err, mirror.ErrCut) {
		t.Errorf("got %q, %v; want %v", got, err, mirror.ErrCut)
	}
}

// TestUpcomingCanceled: a Fetch that is given up in the middle leaves the session
// usable.
func TestUpcomingCanceled(t *testing.T) {
	r, inBox, inOther := twoOpen(t, "", fetch("1:2", "Other", 1, 2), selecting("Box", "7"), fetch("4", "Box", 4),
		selecting("Box", "7"), fetch("4", "Box", 4), bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 4)})
	ctx, cancel := context.WithCancel(t.Context())
	err := inOther.Fetch(ctx, refs(1, 2), func(b mirror.Body) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	r.Expect(t.Context(), nil) // nothing more
	wantFetched(t, inBox, "Box", 4)
}

// TestProofsAhead: second proofs of several mailboxes take one turn where the
// server says which search it answers.
func TestProofsAhead(t *testing.T) {
	all := []imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect("NOOP"), imaptest.Expect("UID SEARCH RETURN (ALL) UID 1:2"),
		imaptest.Expect("SELECT Other"), imaptest.Expect("NOOP"), imaptest.Expect("UID SEARCH RETURN (ALL) UID 3")}
	answer := send("* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$5 OK ok", "$6 OK ok", `* ESEARCH (TAG "$7") UID ALL 2`, "$7 OK ok",
		"* 3 EXISTS", "* OK [UIDVALIDITY 8] ok", "$8 OK ok", "$9 OK ok", `* ESEARCH (TAG "$10") UID`, "$10 OK ok")
	r, inBox, inOther := twoOpen(t, "ESEARCH", all, []imaptest.Step{answer}, selecting("Other", "8"), bye)
	r.Expect(t.Context(), []mirror.Expected{{Name: box, Absent: refs(1, 2)}, {Name: other, Absent: refs(3)}})
	if got, err := inBox.Absent(t.Context(), refs(1, 2)); err != nil || !slices.Equal(got, refs(1)) {
		t.Errorf("got %v, %v; want %v", got, err, refs(1))
	}
	// Another UIDVALIDITY proves nothing.
	if got, err := inOther.Absent(t.Context(), refs(3)); !errors.Is(err, mirror.ErrRenumbered) {
		t.Errorf("got %v, %v; want %v", got, err, mirror.ErrRenumbered)
	}
}

// TestProofOfAnother: what was asked ahead of some messages says nothing of
// others.
func TestProofOfAnother(t *testing.T) {
	ahead := []imaptest.Step{imaptest.Expect("SELECT Box"), imaptest.Expect("NOOP"), imaptest.Expect("UID SEARCH RETURN (ALL) UID 1:2"),
		send("* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$5 OK ok", "$6 OK ok", `* ESEARCH (TAG "$7") UID`, "$7 OK ok")}
	r, inBox, _ := twoOpen(t, "ESEARCH", ahead, selecting("Box", "7"), do("NOOP", "$tag OK ok"),
		do("UID SEARCH RETURN (ALL) UID 2:3", `* ESEARCH (TAG "$tag") UID ALL 2:3`, "$tag OK ok"), bye)
	r.Expect(t.Context(), []mirror.Expected{{Name: box, Absent: refs(1, 2)}})
	if got, err := inBox.Absent(t.Context(), refs(2, 3)); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want none", got, err)
	}
}

// TestMixedNumbers: what comes behind a SELECT that succeeded is of that mailbox,
// whatever was asked before it is not answered yet.
func TestMixedNumbers(t *testing.T) {
	ask := []imaptest.Step{imaptest.Expect(fmt.Sprintf(fetchBody, "1:2")), imaptest.Expect("SELECT Box"), imaptest.Expect(fmt.Sprintf(fetchBody, "2"))}
	answer := send(bodyOf(1, "Other", 1), "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$6 OK ok", bodyOf(1, "Box", 2), "$7 OK ok", "$5 OK ok")
	r, _, inOther := twoOpen(t, "", ask, []imaptest.Step{answer}, bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(box, 2)})
	wantInTime(t, inOther, []string{"Other 1"}, 1, 2)
}

// TestUpcomingOutlivesItsBatch: what was asked ahead during one Fetch is there for
// the next, though the first one's context is over.
func TestUpcomingOutlivesItsBatch(t *testing.T) {
	ended := make(chan struct{})
	r, inBox, inOther := twoOpen(t, "", fetch("1:2", "Other", 1, 2),
		[]imaptest.Step{imaptest.Expect(fmt.Sprintf(fetchBody, "3")), imaptest.Expect("SELECT Box"), imaptest.Expect(fmt.Sprintf(fetchBody, "4")),
			send(bodyOf(3, "Other", 3), "$6 OK ok"), imaptest.Await(ended),
			send("* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$7 OK ok", bodyOf(1, "Box", 4), "$8 OK ok")}, bye)
	r.Expect(t.Context(), []mirror.Expected{announced(other, 1, 2), announced(other, 3), announced(box, 4)})
	wantFetched(t, inOther, "Other", 1, 2)
	ctx, cancel := context.WithCancel(t.Context())
	if err := inOther.Fetch(ctx, refs(3), func(mirror.Body) error { return nil }); err != nil {
		t.Fatal(err)
	}
	cancel()
	close(ended)
	wantInTime(t, inBox, []string{"Box 4"}, 4)
}

// TestIdentifyAhead: headers of several mailboxes are asked for in one turn, and
// those of a mailbox that was renumbered meanwhile are not believed.
func TestIdentifyAhead(t *testing.T) {
	const header = "UID FETCH %s (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])"
	answer := func(uid imap.UID) string {
		return fmt.Sprintf("* 1 FETCH (UID %d INTERNALDATE \"01-Feb-2024 10:00:00 +0000\" RFC822.SIZE 90 BODY[HEADER] {19}\r\nMessage-ID: <%d@x>\r\n)", uid, uid)
	}
	ask := func(uid string) imaptest.Step { return imaptest.Expect(fmt.Sprintf(header, uid)) }
	all := []imaptest.Step{ask("1"), imaptest.Expect("SELECT Box"), ask("4"), imaptest.Expect("SELECT Other"), ask("2")}
	all = append(all, send(answer(1), "* 1 FETCH (FLAGS (\\Seen))", "$5 OK ok", "* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "$6 OK ok", answer(4), "$7 OK ok",
		"* 3 EXISTS", "* OK [UIDVALIDITY 8] ok", "$8 OK ok", answer(2), "$9 OK ok"))
	r, inBox, inOther := twoOpen(t, "", all, selecting("Other", "8"), bye)
	expected := func(name mirror.Name, uid imap.UID) mirror.Expected {
		return mirror.Expected{Name: name, Depth: mirror.Headers, Identify: []mirror.Message{{Ref: mirror.Ref{UID: uid}, Size: 90}}}
	}
	r.Expect(t.Context(), []mirror.Expected{expected(other, 1), expected(box, 4), expected(other, 2)})
	for _, c := range []struct {
		m   mirror.Mailbox
		uid imap.UID
	}{{inOther, 1}, {inBox, 4}} {
		found, err := c.m.Identify(t.Context(), refs(c.uid), mirror.Headers)
		want := mirror.IdentifyHeader([]byte(fmt.Sprintf("Message-ID: <%d@x>\r\n", c.uid)))
		if err != nil || len(found) != 1 || found[0].UID != c.uid || found[0].Identity.Key != want.Key || found[0].Size != 90 || found[0].Date.IsZero() {
			t.Errorf("UID %d: got %+v, %v; want its header, size and date", c.uid, found, err)
		}
	}
	if _, err := inOther.Identify(t.Context(), refs(2), mirror.Headers); !errors.Is(err, mirror.ErrRenumbered) {
		t.Errorf("renumbered: got %v, want ErrRenumbered", err)
	}
}
