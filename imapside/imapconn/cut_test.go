package imapconn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// dialogue is a short session: what the server says between commands, and where
// in its octets each tagged answer ends.
type dialogue struct {
	script  imaptest.Script
	answers []int // octets sent by the end of each command's answer
	total   int
}

// newDialogue makes the server's part. With sync the literal of APPEND needs a
// continuation.
func newDialogue(sync bool) dialogue {
	var d dialogue
	say := func(text string) {
		d.total += len(strings.ReplaceAll(text, "$tag", "a1")) // all tags have two octets
		d.script.Steps = append(d.script.Steps, imaptest.Send(text))
	}
	reply := func(command, text string) {
		d.script.Steps = append(d.script.Steps, imaptest.Expect(command))
		say(text)
		d.answers = append(d.answers, d.total)
	}
	caps := "IMAP4rev1 LITERAL+"
	if sync {
		caps = "IMAP4rev1"
	}
	say("* OK [CAPABILITY " + caps + "] hi\r\n")
	reply("LOGIN ann sesame", "$tag OK [CAPABILITY "+caps+"] in\r\n")
	reply("SELECT INBOX", "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n$tag OK [READ-WRITE] x\r\n")
	reply("UID FETCH 1:2 (UID FLAGS BODY.PEEK[])", "* 1 FETCH (UID 1 FLAGS (\\Seen) BODY[] {6}\r\na:b\r\n\r)\r\n* 2 FETCH (BODY[] \"x\" UID 2 FLAGS ())\r\n$tag OK x\r\n")
	if sync {
		d.script.Steps = append(d.script.Steps, imaptest.Expect("APPEND INBOX {3}"))
		say("+ go\r\n")
		d.script.Steps = append(d.script.Steps, imaptest.ExpectOctets("abc\r\n"))
	} else {
		d.script.Steps = append(d.script.Steps, imaptest.Expect("APPEND INBOX {3+}"), imaptest.ExpectOctets("abc\r\n"))
	}
	say("$tag OK [APPENDUID 7 3] x\r\n")
	d.answers = append(d.answers, d.total)
	reply("UID SEARCH UID 1:9", "* SEARCH 1 2 3\r\n$tag OK x\r\n")
	reply("NOOP", "* 3 EXISTS\r\n$tag OK x\r\n")
	reply("LOGOUT", "* BYE x\r\n$tag OK x\r\n")
	return d
}

// queue sends the client's part, all at once as far as the client allows.
func (d dialogue) queue(c *imapconn.Conn) []interface{ Wait() error } {
	all := imapconn.FetchItems{Flags: true, Sections: []imapconn.Section{{}}}
	var r recorder
	return []interface{ Wait() error }{
		c.Login(bg(), "ann", "sesame"),
		c.Select(bg(), "INBOX", nil).Command,
		c.UIDFetch(bg(), uids("1:2"), all, r.handler()).Command,
		c.Append(bg(), "INBOX", message("abc")).Command,
		c.UIDSearch(bg(), uids("1:9")).Command,
		c.Noop(bg()),
		c.Logout(bg()),
	}
}

// TestCutAtEveryOctet cuts the server's side of the dialogue behind every octet:
// nothing hangs, an answer counts if and only if it arrived in full, and every
// command says whether it was sent.
func TestCutAtEveryOctet(t *testing.T) {
	for _, sync := range []bool{false, true} {
		d := newDialogue(sync)
		for n := 0; n <= d.total; n++ {
			t.Run(fmt.Sprintf("sync=%v/%d", sync, n), func(t *testing.T) {
				bubble(t, func(t *testing.T) { cutBehind(t, d, n) })
			})
		}
	}
}

func cutBehind(t *testing.T, d dialogue, n int) {
	nc := imaptest.Pipe(t, d.script.CutAfter(n, false))
	c, err := imapconn.New(t.Context(), nc, clear(imapconn.Options{}))
	if err != nil {
		if !errors.Is(err, imapconn.ErrCut) {
			t.Errorf("New: got %v, want ErrCut", err)
		}
		return
	}
	defer c.Close()
	unsent := false
	for i, cmd := range d.queue(c) {
		err := cmd.Wait()
		answered := n >= d.answers[i]
		// LOGOUT is answered by BYE and the end.
		byed := i == len(d.answers)-1 && n >= d.answers[i]-len("a7 OK x\r\n")
		switch uncertain, notSent := errors.Is(err, imapconn.ErrUncertain), errors.Is(err, imapconn.ErrNotSent); {
		case answered || byed:
			if err != nil {
				t.Errorf("command %d: got %v, want its answer", i, err)
			}
		case uncertain == notSent:
			t.Errorf("command %d: got %v, want one of ErrUncertain and ErrNotSent", i, err)
		case uncertain && unsent:
			t.Errorf("command %d: got %v behind a command that was not sent", i, err)
		case !errors.Is(err, imapconn.ErrCut) && !(i == len(d.answers)-1):
			t.Errorf("command %d: got %v, want ErrCut", i, err)
		default:
			unsent = notSent
		}
	}
	<-c.Done()
}

// TestCutWrites cuts the client's side of a burst behind every octet: what was
// not written at all is told from what was in part.
func TestCutWrites(t *testing.T) {
	starts := []int{0, len("a1 NOOP\r\n"), len("a1 NOOP\r\na2 APPEND INBOX {3+}\r\nabc\r\n")}
	total := starts[2] + len("a3 CREATE x\r\n")
	for n := 0; n < total; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &wire{cutAt: n + 1, Conn: imaptest.Pipe(t, imaptest.Script{Lenient: true, Steps: []imaptest.Step{
					imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"), imaptest.Stall(),
				}})}
				c, err := imapconn.New(t.Context(), w, clear(imapconn.Options{}))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.Hold()
				cmds := []*imapconn.Command{c.Noop(bg()), c.Append(bg(), "INBOX", message("abc")).Command, c.Create(bg(), "x")}
				c.Release()
				for i, cmd := range cmds {
					want := imapconn.ErrUncertain
					if starts[i] >= n {
						want = imapconn.ErrNotSent
					}
					if err := cmd.Wait(); !errors.Is(err, want) || !errors.Is(err, imapconn.ErrCut) {
						t.Errorf("command %d: got %v, want %v and ErrCut", i, err, want)
					}
				}
			})
		})
	}
}

// TestCutSaysWhy: the server answers, says goodbye and is gone while a command is written: the
// answer counts, and the reason is known.
func TestCutSaysWhy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &wire{cutAt: len("a1 NOOP\r\n") + 3, Conn: imaptest.Pipe(t, imaptest.Script{Lenient: true, Steps: []imaptest.Step{
			imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"), imaptest.Expect("NOOP"), imaptest.ExpectOctets("a2"),
			imaptest.Do(func() { time.Sleep(time.Second / 2) }), imaptest.Send("a1 OK done\r\n* BYE [UNAVAILABLE] going down\r\n"), imaptest.Stall(),
		}})}
		c, err := imapconn.New(t.Context(), w, clear(imapconn.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		first := c.Noop(bg())
		synctest.Wait()
		second := c.Create(bg(), "x")
		if err := first.Wait(); err != nil {
			t.Errorf("the first command: got %v, want its answer", err)
		}
		var conn *imapconn.ConnError
		if err := second.Wait(); !errors.Is(err, imapconn.ErrUncertain) || !errors.As(err, &conn) || conn.Bye == nil {
			t.Errorf("the second command: got %v, want ErrUncertain and the BYE", err)
		}
	})
}

// TestReset: a connection reset by the server is a cut as well.
func TestReset(t *testing.T) {
	t.Parallel()
	d := newDialogue(false)
	server := imaptest.Listen(t, d.script.CutAfter(d.answers[1]+30, true))
	c, err := imapconn.Dial(t.Context(), server.Address, clear(imapconn.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cmds := d.queue(c)
	if err := cmds[1].Wait(); err != nil {
		t.Errorf("SELECT: %v", err)
	}
	for i, cmd := range cmds[2:4] {
		if err := cmd.Wait(); !errors.Is(err, imapconn.ErrCut) {
			t.Errorf("command %d: got %v, want ErrCut", i+2, err)
		}
	}
}

// TestBye: parting words belong to the error of every command they end.
func TestBye(t *testing.T) {
	t.Parallel()
	c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Expect("NOOP"),
		imaptest.Send("* BYE [UNAVAILABLE] rate limit hit\r\n"), imaptest.Close())
	err := c.Noop(bg()).Wait()
	var status *imapconn.StatusError
	if !errors.As(err, &status) || status.Code != "UNAVAILABLE" || status.Text != "rate limit hit" {
		t.Errorf("got %v, want the BYE", err)
	}
	if !errors.Is(err, imapconn.ErrCut) || !errors.Is(err, imapconn.ErrUncertain) {
		t.Errorf("got %v, want ErrCut and ErrUncertain", err)
	}
	if c.Bye() == nil || c.Err() == nil {
		t.Errorf("got Bye %v and Err %v, want both", c.Bye(), c.Err())
	}
	if err := c.Noop(bg()).Wait(); !errors.Is(err, imapconn.ErrNotSent) {
		t.Errorf("afterwards: got %v, want ErrNotSent", err)
	}
}

// TestClose ends what is queued and what is in flight.
func TestClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Stall())
		sent := c.Noop(bg())
		synctest.Wait()
		c.Hold()
		queued := c.Noop(bg())
		c.Close()
		c.Close()
		if err := sent.Wait(); !errors.Is(err, imapconn.ErrUncertain) || !errors.Is(err, imapconn.ErrClosed) {
			t.Errorf("in flight: got %v, want ErrUncertain and ErrClosed", err)
		}
		if err := queued.Wait(); !errors.Is(err, imapconn.ErrNotSent) || !errors.Is(err, imapconn.ErrClosed) {
			t.Errorf("queued: got %v, want ErrNotSent and ErrClosed", err)
		}
	})
}

// TestPipelining: answers come in any order, untagged data goes where it
// belongs.
func TestPipelining(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{Depth: 2}, imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH] hi\r\n"),
			imaptest.Expect("STATUS a (MESSAGES)"), imaptest.Expect("STATUS b (MESSAGES)"),
			imaptest.Send("* STATUS b (MESSAGES 2)\r\n* STATUS a (MESSAGES 1)\r\n$2 OK\r\n$1 OK\r\n"),
			imaptest.Expect("UID FETCH 1:5 (UID FLAGS)"), imaptest.Expect("UID FETCH 6:9 (UID FLAGS)"),
			imaptest.Send("* 6 FETCH (UID 6 FLAGS (b))\r\n* 1 FETCH (UID 1 FLAGS (a))\r\n$3 OK\r\n$4 OK\r\n"),
			imaptest.Expect("UID SEARCH RETURN (ALL) UID 1"), imaptest.Expect("UID SEARCH RETURN (ALL) UID 2"),
			imaptest.Send("* ESEARCH (TAG \"$6\") UID ALL 2\r\n* ESEARCH (TAG \"$5\") UID ALL 1\r\n$5 OK\r\n$6 OK\r\n"),
		)
		a, b := c.Status(bg(), "a", imapconn.StatusMessages), c.Status(bg(), "b", imapconn.StatusMessages)
		var low, high recorder
		fetchLow := c.UIDFetch(bg(), uids("1:5"), imapconn.FetchItems{Flags: true}, low.handler())
		fetchHigh := c.UIDFetch(bg(), uids("6:9"), imapconn.FetchItems{Flags: true}, high.handler())
		one, two := c.UIDSearch(bg(), uids("1")), c.UIDSearch(bg(), uids("2"))
		for i, cmd := range []*imapconn.DataCommand[imapconn.StatusData]{a, b} {
			if d, err := cmd.Wait(); err != nil || d.Messages != uint32(i+1) {
				t.Errorf("STATUS %d: got %v, %v", i+1, d.Messages, err)
			}
		}
		if err := errors.Join(fetchLow.Command.Wait(), fetchHigh.Command.Wait()); err != nil {
			t.Error(err)
		}
		if low.lines() != `message #1 uid=1 flags=["a"]` || high.lines() != `message #6 uid=6 flags=["b"]` {
			t.Errorf("got %q and %q", low.lines(), high.lines())
		}
		for i, cmd := range []*imapconn.DataCommand[imap.UIDSet]{one, two} {
			if set, err := cmd.Wait(); err != nil || set.String() != fmt.Sprint(i+1) {
				t.Errorf("SEARCH %d: got %v, %v", i+1, set, err)
			}
		}
	})
}

// TestDepth: no more commands in flight than allowed.
func TestDepth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		c, w := openWire(t, imapconn.Options{Depth: 2}, imaptest.Script{Steps: []imaptest.Step{
			imaptest.Send(ready), imaptest.Expect("NOOP"), imaptest.Expect("NOOP"), imaptest.Await(answer),
			imaptest.Send("$1 OK\r\n"), imaptest.Expect("NOOP"), imaptest.Send("$2 OK\r\n$3 OK\r\n"),
		}})
		cmds := []*imapconn.Command{c.Noop(bg()), c.Noop(bg()), c.Noop(bg())}
		synctest.Wait()
		if got := strings.Join(w.written(), ""); got != "a1 NOOP\r\na2 NOOP\r\n" {
			t.Errorf("got %q written, want two commands", got)
		}
		close(answer)
		for _, cmd := range cmds {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestBudget: no more octets in flight than allowed; a larger command alone.
func TestBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		long := strings.Repeat("x", 5000)
		c, w := openWire(t, imapconn.Options{Budget: 4000}, imaptest.Script{Steps: []imaptest.Step{
			imaptest.Send("* PREAUTH [CAPABILITY LITERAL+]\r\n"), imaptest.Expect("APPEND INBOX {5000+}"), imaptest.ExpectOctets(long + "\r\n"),
			imaptest.Await(answer), imaptest.Send("$1 OK\r\n"), imaptest.Expect("NOOP"), imaptest.Send("$2 OK\r\n"),
		}})
		first, second := c.Append(bg(), "INBOX", message(long)), c.Noop(bg())
		synctest.Wait()
		if got := strings.Join(w.written(), ""); strings.Contains(got, "NOOP") {
			t.Error("a second command was written beyond the budget")
		}
		close(answer)
		if err := errors.Join(first.Command.Wait(), second.Wait()); err != nil {
			t.Error(err)
		}
	})
}
