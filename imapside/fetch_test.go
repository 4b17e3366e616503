package imapside_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

// collect fetches uids of m and writes what the sink got as one line.
func collect(t *testing.T, m mirror.Mailbox, wanted []mirror.Ref) (string, error) {
	t.Helper()
	var got []string
	err := m.Fetch(t.Context(), wanted, func(b mirror.Body) error {
		octets, err := io.ReadAll(b.Reader)
		if int64(len(octets)) != b.Octets || b.Octets != b.Size || b.Form != mirror.Wire {
			t.Errorf("message %d: got %d octets, announced as %d and %d in form %d", b.UID, len(octets), b.Octets, b.Size, b.Form)
		}
		got = append(got, fmt.Sprintf("%d=%s", b.UID, octets))
		return err
	})
	return strings.Join(got, " "), err
}

func TestFetch(t *testing.T) {
	const twoBodies = "UID FETCH 1:2 (UID BODY.PEEK[])"
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		want   string
	}{
		{"in order", do(twoBodies, "* 1 FETCH (UID 1 BODY[] {2}", "aa)", "* 2 FETCH (UID 2 BODY[] {2}", "bb)", "$tag OK done"), "1=aa 2=bb"},
		{"missing", do(twoBodies, `* 2 FETCH (UID 2 BODY[] "bb")`, "$tag OK done"), "2=bb"},
		{"empty and NIL", do(twoBodies, `* 1 FETCH (UID 1 BODY[] "")`, "* 2 FETCH (UID 2 BODY[] NIL)", "$tag OK done"), ""},
		{"twice", do(twoBodies, `* 1 FETCH (UID 1 BODY[] "aa")`, `* 1 FETCH (UID 1 BODY[] "xx")`, `* 2 FETCH (UID 2 BODY[] "bb")`, "$tag OK done"), "1=aa 2=bb"},
		{"another message", do(twoBodies, `* 9 FETCH (UID 9 BODY[] "xx")`, `* 2 FETCH (UID 2 BODY[] "bb")`, "$tag OK done"), "2=bb"},
		{"NO for one: the rest one by one", steps(
			do(twoBodies, "$tag NO message 2 is no mail"),
			do("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())", "$tag OK done"),
			do("UID FETCH 1 (UID BODY.PEEK[])", `* 1 FETCH (UID 1 BODY[] "aa")`, "$tag OK done"),
			do("UID FETCH 2 (UID FLAGS)", "$tag OK done"),
			do("UID FETCH 2 (UID BODY.PEEK[])", "$tag NO message 2 is no mail")), "1=aa"},
		{"UID behind the body: asked for alone", steps(
			do(twoBodies, `* 1 FETCH (BODY[] "aa" UID 1)`, `* 2 FETCH (UID 2 BODY[] "bb")`, "$tag OK done"),
			do("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (FLAGS () UID 1)", "$tag OK done"),
			do("UID FETCH 1 (UID BODY.PEEK[])", `* 1 FETCH (BODY[] "aa" UID 1)`, "$tag OK done")), "2=bb 1=aa"},
		{"UID behind the body of another number", steps(
			do(twoBodies, `* 1 FETCH (BODY[] "aa" UID 1)`, `* 2 FETCH (UID 2 BODY[] "bb")`, "$tag OK done"),
			do("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (FLAGS () UID 1)", "$tag OK done"),
			do("UID FETCH 1 (UID BODY.PEEK[])", `* 4 FETCH (BODY[] "zz" UID 1)`, "$tag OK done")), "2=bb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := open(t, connect(t, "", sel("2", "3"), c.script), mirror.Checkpoint{})
			got, err := collect(t, m, refs(1, 2, 1))
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestFetchDescending(t *testing.T) {
	m := open(t, connect(t, "", sel("3", "4"),
		do("UID FETCH 3 (UID BODY.PEEK[])", `* 3 FETCH (UID 3 BODY[] "cc")`, "$tag OK done"),
		do("UID FETCH 1:2 (UID BODY.PEEK[])", `* 1 FETCH (UID 1 BODY[] "aa")`, `* 2 FETCH (UID 2 BODY[] "bb")`, "$tag OK done")), mirror.Checkpoint{})
	if got, err := collect(t, m, refs(3, 1, 2)); err != nil || got != "3=cc 1=aa 2=bb" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestFetchCut: a body that breaks off fails as the connection does, whatever
// the sink makes of it.
func TestFetchCut(t *testing.T) {
	m := open(t, connectLost(t, "", sel("1", "2"),
		[]imaptest.Step{imaptest.Expect("UID FETCH 1 (UID BODY.PEEK[])"), imaptest.Send("* 1 FETCH (UID 1 BODY[] {10}\r\nhalf"), imaptest.Close()}), mirror.Checkpoint{})
	sinkError := errors.New("the sink's own")
	err := m.Fetch(t.Context(), refs(1), func(b mirror.Body) error {
		if _, err := io.ReadAll(b.Reader); !errors.Is(err, mirror.ErrCut) {
			t.Errorf("reader: got %v, want %v", err, mirror.ErrCut)
		}
		return sinkError
	})
	if !errors.Is(err, mirror.ErrCut) || errors.Is(err, sinkError) {
		t.Errorf("got %v, want %v", err, mirror.ErrCut)
	}
}

// TestFetchPartOfBodies: a sink may leave as much of a body as it likes.
func TestFetchPartOfBodies(t *testing.T) {
	large := strings.Repeat("x", 200<<10)
	literal := fmt.Sprintf("BODY[] {%d}", len(large))
	m := open(t, connect(t, "", sel("2", "3"), do("UID FETCH 1:2 (UID BODY.PEEK[])",
		"* 1 FETCH (UID 1 "+literal, large+")", "* 2 FETCH (UID 2 "+literal, large+")", "$tag OK done")), mirror.Checkpoint{})
	calls := 0
	err := m.Fetch(t.Context(), refs(1, 2), func(b mirror.Body) error {
		calls++
		_, err := io.CopyN(io.Discard, b.Reader, 150<<10)
		return err
	})
	if err != nil || calls != 2 {
		t.Errorf("got %d bodies, %v; want 2", calls, err)
	}
}

// halfBody sends a first body and half of the second.
func halfBody() []imaptest.Step {
	return []imaptest.Step{imaptest.Expect("UID FETCH 1:2 (UID BODY.PEEK[])"),
		send("* 1 FETCH (UID 1 BODY[] {2}", "aa)", "* 2 FETCH (UID 2 BODY[] {8}"), imaptest.Send("bbbb")}
}

// TestFetchSinkGivesUp: the sink's error comes back at once, although its body
// is still under way, and the connection can be used.
func TestFetchSinkGivesUp(t *testing.T) {
	full := errors.New("full")
	for name, cancels := range map[string]bool{"error": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest := make(chan struct{})
			m := open(t, connect(t, "", sel("2", "3"), halfBody(), []imaptest.Step{imaptest.Await(rest), send("bbbb)", "$tag OK done")},
				do("NOOP", "$tag OK done"), do("NOOP", "$tag OK done"), do("UID SEARCH UID 1", "* SEARCH 1", "$tag OK done")), mirror.Checkpoint{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			want := full
			err := m.Fetch(ctx, refs(1, 2), func(b mirror.Body) error {
				if b.UID == 1 {
					return nil
				}
				if cancels {
					cancel()
					want = context.Canceled
					return ctx.Err()
				}
				return full
			})
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			close(rest)
			if absent, err := m.Absent(t.Context(), refs(1)); err != nil || len(absent) != 0 {
				t.Errorf("got absent %v, %v after the sink gave up; want none", absent, err)
			}
		})
	}
}

// TestFetchCancelledWhileStuck: a sink that waits for octets which do not come
// is freed, at the price of the connection.
func TestFetchCancelledWhileStuck(t *testing.T) {
	t.Parallel()
	m := open(t, connectLost(t, "", sel("2", "3"), halfBody(), []imaptest.Step{imaptest.ExpectEnd()}), mirror.Checkpoint{})
	ctx, cancel := context.WithCancel(t.Context())
	err := m.Fetch(ctx, refs(1, 2), func(b mirror.Body) error {
		if b.UID == 2 {
			cancel()
		}
		_, err := io.ReadAll(b.Reader)
		return err
	})
	if err == nil {
		t.Error("got no error")
	}
}

// TestCloseWhileReceiving: Close does not wait behind a body that nobody wants.
func TestCloseWhileReceiving(t *testing.T) {
	r := connectLost(t, "", sel("2", "3"), halfBody(), []imaptest.Step{imaptest.ExpectEnd()})
	full := errors.New("full")
	m := open(t, r, mirror.Checkpoint{})
	err := m.Fetch(t.Context(), refs(1, 2), func(b mirror.Body) error {
		if b.UID == 1 {
			return nil
		}
		// All that the server sends is on its way before we close.
		if _, err := io.ReadFull(b.Reader, make([]byte, 4)); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestBodyEndsWithSink: a goroutine that the sink left behind reads nothing
// more; the race detector watches.
func TestBodyEndsWithSink(t *testing.T) {
	m := open(t, connect(t, "", sel("1", "2"), do("UID FETCH 1 (UID BODY.PEEK[])", `* 1 FETCH (UID 1 BODY[] {4}`, "body)", "$tag OK done")), mirror.Checkpoint{})
	done := make(chan error, 1)
	returning := make(chan struct{})
	err := m.Fetch(t.Context(), refs(1), func(b mirror.Body) error {
		defer close(returning)
		go func() {
			<-returning
			_, err := io.ReadAll(b.Reader)
			done <- err
		}()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// The goroutine may still be in time for some octets, never for an error.
	<-done
}

func TestIdentifyHeaders(t *testing.T) {
	const header = "Message-ID: <1@example.org>\r\nReceived: x\r\n\r\n"
	m := open(t, connect(t, "", sel("4", "5"), do("UID FETCH 1:4 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])",
		fmt.Sprintf(`* 1 FETCH (UID 1 BODY[HEADER] {%d}`, len(header)), header+` RFC822.SIZE 123 INTERNALDATE "05-Jan-2020 01:02:03 +0000")`,
		"* 2 FETCH (UID 2 RFC822.SIZE 5 BODY[HEADER] NIL)",
		`* 4 FETCH (RFC822.SIZE 9 UID 4 BODY[HEADER] "")`, "$tag OK done")), mirror.Checkpoint{})
	found, err := m.Identify(t.Context(), refs(1, 2, 3, 4), mirror.Headers)
	if err != nil || len(found) != 3 {
		t.Fatalf("got %+v, %v; want three", found, err)
	}
	want := mirror.IdentifyHeader([]byte(header))
	if f := found[0]; f.UID != 1 || f.Size != 123 || f.Date.Year() != 2020 || f.Identity != want || !want.Decisive {
		t.Errorf("got %+v, want %+v", f, want)
	}
	if f := found[1]; f.UID != 2 || !errors.Is(f.Err, mirror.ErrEmptyBody) || f.Size != 0 || f.Identity != (mirror.Identity{}) {
		t.Errorf("got %+v, want %v", f, mirror.ErrEmptyBody)
	}
	if f := found[2]; f.UID != 4 || f.Err != nil || !f.Identity.Header.Known() || f.Identity.Decisive {
		t.Errorf("got %+v, want an identity that decides nothing", f)
	}
}

func TestIdentifyBodies(t *testing.T) {
	const body = "Subject: x\r\n\r\nhello\r\n"
	m := open(t, connect(t, "", sel("2", "3"), do("UID FETCH 1:2 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])",
		fmt.Sprintf(`* 1 FETCH (UID 1 RFC822.SIZE 999 BODY[] {%d}`, len(body)), body+")",
		`* 2 FETCH (UID 2 RFC822.SIZE 5 BODY[] "")`, "$tag OK done")), mirror.Checkpoint{})
	found, err := m.Identify(t.Context(), refs(1, 2), mirror.Bodies)
	if err != nil || len(found) != 2 {
		t.Fatalf("got %+v, %v; want two", found, err)
	}
	hasher := mirror.NewHasher(mirror.Wire)
	hasher.Write([]byte(body))
	if f := found[0]; f.Size != int64(len(body)) || f.Identity != hasher.Sum() {
		t.Errorf("got %+v, want the digest and the size of what was read", f)
	}
	if f := found[1]; !errors.Is(f.Err, mirror.ErrEmptyBody) {
		t.Errorf("got %+v, want %v", f, mirror.ErrEmptyBody)
	}
}

// TestIdentifyLongHeader: the first MiB of a header identifies, and never
// decides.
func TestIdentifyLongHeader(t *testing.T) {
	header := "Message-ID: <1@example.org>\r\nReceived: x\r\n" + strings.Repeat("X-Pad: "+strings.Repeat("x", 70)+"\r\n", 14000) + "\r\n"
	m := open(t, connect(t, "", sel("1", "2"), do("UID FETCH 1 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])",
		fmt.Sprintf(`* 1 FETCH (UID 1 RFC822.SIZE 2000000 BODY[HEADER] {%d}`, len(header)), header+")", "$tag OK done")), mirror.Checkpoint{})
	found, err := m.Identify(t.Context(), refs(1), mirror.Headers)
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v; want one", found, err)
	}
	if id := found[0].Identity; !id.Header.Known() || !id.Key.Known() || id.Decisive {
		t.Errorf("got header %v, key %v, decisive %v of %d octets", id.Header.Known(), id.Key.Known(), id.Decisive, len(header))
	}
}
