package imapconn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// TestConnectionEnds: what a server can do to lose us, and what we call it.
func TestConnectionEnds(t *testing.T) {
	tests := []struct {
		name  string
		reply string
		want  error
	}{
		{"long line", "* OK " + strings.Repeat("x", 70_000) + "\r\n", imapconn.ErrLimit},
		{"long line of lists", "* CAPABILITY" + strings.Repeat(" X", 50_000) + "\r\n", imapconn.ErrLimit},
		{"long line to be skipped", "* FOO" + strings.Repeat(" X", 50_000) + "\r\n", imapconn.ErrLimit},
		{"endless line to be skipped", "* FOO" + strings.Repeat(" X", 100_000), imapconn.ErrLimit},
		{"long literal", "* LIST () \"/\" {1048577}\r\n", imapconn.ErrLimit},
		{"long literals", "* ID (" + strings.Repeat("{600000}\r\n"+strings.Repeat("x", 600_000)+" ", 2) + ")\r\n", imapconn.ErrLimit},
		{"huge literal", "* LIST () \"/\" {9999999999999999999999}\r\n", imapconn.ErrProtocol},
		{"huge literal to be skipped", "* FOO {9999999999999999999999}\r\n", imapconn.ErrProtocol},
		{"many ranges", "* SEARCH" + strings.Repeat(" 9 7", 3_000) + "\r\n", imapconn.ErrLimit},
		{"message text", "Subject: not a response\r\n", imapconn.ErrProtocol},
		{"cut in a line", "* 3 EXI", imapconn.ErrCut},
		{"cut in a literal", "* LIST () \"/\" {30}\r\nabc", imapconn.ErrCut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := openScript(t, imapconn.Options{Limits: imapconn.Limits{Ranges: 5_000}}, imaptest.Script{Lenient: true, Steps: []imaptest.Step{
				imaptest.Send("* OK [CAPABILITY IMAP4rev1] hi\r\n"), imaptest.Expect(`LIST "" "*"`), imaptest.Send(tt.reply), imaptest.Close(),
			}})
			_, err := c.List(bg(), "", "*", nil).Wait()
			if !errors.Is(err, tt.want) || !errors.Is(err, imapconn.ErrUncertain) {
				t.Errorf("got %v, want %v and ErrUncertain", err, tt.want)
			}
			if tt.want == imapconn.ErrLimit && !errors.Is(err, imapconn.ErrProtocol) {
				t.Errorf("got %v, want ErrProtocol as well", err)
			}
		})
	}
}

// TestLongSets: a line of numbers may be as long as it likes, ranges stay
// ranges, and a set of four thousand million UIDs is sixteen octets.
func TestLongSets(t *testing.T) {
	t.Parallel()
	var line strings.Builder
	for uid := 200_000; uid > 0; uid -= 2 {
		fmt.Fprintf(&line, " %d", uid)
	}
	c := open(t, imapconn.Options{}, imaptest.Send(plain),
		imaptest.Expect("UID SEARCH UID 1:*"), imaptest.Send("* SEARCH"+line.String()+"\r\n* SEARCH 1:4294967295\r\n$tag OK\r\n"),
		imaptest.Expect("UID COPY 1:200000 x"), imaptest.Send("$tag OK [COPYUID 1 "+strings.ReplaceAll(line.String()[1:], " ", ",")+" 1:100000] ok\r\n"),
	)
	set, err := c.UIDSearch(bg(), uids("1:*")).Wait()
	if err != nil || set.String() != "1:4294967295" {
		t.Errorf("SEARCH: got %.40v, %v", set, err)
	}
	data, err := c.UIDCopy(bg(), uids("1:200000"), "x").Wait()
	if err != nil || len(data.Source) != 100_000 || imapconn.CountUIDs(data.Target) != 100_000 {
		t.Errorf("COPYUID: got %d ranges, %v", len(data.Source), err)
	}
}

// TestTimeouts runs on a clock of its own.
func TestTimeouts(t *testing.T) {
	send, stall := imaptest.Send, imaptest.Stall()
	tests := []struct {
		name  string
		steps []imaptest.Step
		want  time.Duration
	}{
		{"no answer", []imaptest.Step{imaptest.Expect("NOOP"), stall}, 5 * time.Minute},
		{"half an answer", []imaptest.Step{imaptest.Expect("NOOP"), send("a1 O"), stall}, time.Minute},
		{"silence after untagged", []imaptest.Step{imaptest.Expect("NOOP"), pause(4 * time.Minute), send("* OK Still here\r\n"), stall}, 9 * time.Minute},
		{"slow but steady", []imaptest.Step{imaptest.Expect("NOOP"), send("* OK "), pause(50 * time.Second), send("x"), pause(50 * time.Second), send("y"), stall}, 160 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := openScript(t, imapconn.Options{}, imaptest.Script{Lenient: true, Steps: append([]imaptest.Step{send(ready)}, tt.steps...)})
				time.Sleep(time.Hour) // nothing is awaited: no limit
				began := time.Now()
				err := c.Noop(bg()).Wait()
				if !errors.Is(err, imapconn.ErrTimeout) || !errors.Is(err, imapconn.ErrUncertain) {
					t.Errorf("got %v, want ErrTimeout and ErrUncertain", err)
				}
				if got := time.Since(began); got != tt.want {
					t.Errorf("got a timeout after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// TestNobodyReads: a write may be stuck as long as an answer may take.
func TestNobodyReads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Await(nil))
		began := time.Now()
		if err := c.Noop(bg()).Wait(); !errors.Is(err, imapconn.ErrTimeout) || !errors.Is(err, imapconn.ErrNotSent) {
			t.Errorf("got %v, want ErrTimeout and ErrNotSent", err)
		}
		if got := time.Since(began); got != 5*time.Minute {
			t.Errorf("got a timeout after %v, want 5m", got)
		}
	})
}

func pause(d time.Duration) imaptest.Step {
	return imaptest.Do(func() { time.Sleep(d) })
}

// TestHandlerTakesItsTime: the time a handler needs is nobody's silence.
func TestHandlerTakesItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH hi\r\n"), imaptest.Expect("UID FETCH 1:2 (UID BODY.PEEK[])"),
			imaptest.Send("* 1 FETCH (UID 1 BODY[] {4}\r\nabcd)\r\n* 2 FETCH (UID 2 BODY[] {4}\r\nabcd)\r\n"), pause(4*time.Minute), imaptest.Send("$tag OK\r\n"))
		data, err := c.UIDFetch(bg(), uids("1:2"), imapconn.FetchItems{Sections: []imapconn.Section{{}}}, imapconn.FetchHandler{
			Body: func(_ *imapconn.FetchMessage, b *imapconn.FetchBody) error {
				time.Sleep(time.Hour)
				b.Read(make([]byte, 2)) // the rest is skipped
				time.Sleep(time.Hour)
				return nil
			},
		}).Wait()
		if err != nil || data.Arrived.String() != "1:2" {
			t.Errorf("got %v, %v", data, err)
		}
	})
}

// TestSlowUpload: while octets move, the server may keep silent.
func TestSlowUpload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		steps := []imaptest.Step{imaptest.Send("* PREAUTH [CAPABILITY LITERAL+] hi\r\n"), imaptest.Expect("NOOP"), imaptest.Expect("APPEND INBOX {200000+}")}
		part := strings.Repeat("x", 20_000)
		for range 10 {
			steps = append(steps, pause(55*time.Second), imaptest.ExpectOctets(part))
		}
		steps = append(steps, imaptest.ExpectLine(""), pause(4*time.Minute), imaptest.Send("$1 OK\r\n$2 OK\r\n"))
		c := open(t, imapconn.Options{}, steps...)
		noop, cmd := c.Noop(bg()), c.Append(bg(), "INBOX", message(strings.Repeat(part, 10)))
		if err := errors.Join(noop.Wait(), cmd.Command.Wait()); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowSource: a body that is long in coming is not the server's silence.
func TestSlowSource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH [CAPABILITY LITERAL+] hi\r\n"), imaptest.Expect("APPEND INBOX {3+}"),
			imaptest.ExpectOctets("abc\r\n"), pause(4*time.Minute), imaptest.Send("$tag OK\r\n"))
		pr, pw := io.Pipe()
		cmd := c.Append(bg(), "INBOX", imapconn.AppendMessage{Size: 3, Body: pr})
		time.Sleep(time.Hour)
		io.WriteString(pw, "abc")
		pw.Close()
		if _, err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestSilenceStartsAnew: a write that begins ends a silence, even if the server
// is slow to take it.
func TestSilenceStartsAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Expect("NOOP"), pause(6*time.Minute),
			imaptest.Expect("NOOP"), imaptest.Send("$1 OK\r\n$2 OK\r\n"))
		first := c.Noop(bg())
		time.Sleep(4 * time.Minute)
		if err := errors.Join(c.Noop(bg()).Wait(), first.Wait()); err != nil {
			t.Error(err)
		}
	})
}

// TestBodyWaitsForCommand: a body may depend on a command that was queued
// before it, even in the same burst.
func TestBodyWaitsForCommand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH [CAPABILITY LITERAL+] hi\r\n"), imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"),
			imaptest.Expect("APPEND INBOX {3+}"), imaptest.ExpectOctets("abc\r\n"), imaptest.Send("$tag OK\r\n"))
		c.Hold()
		noop := c.Noop(bg())
		cmd := c.Append(bg(), "INBOX", imapconn.AppendMessage{Size: 3, Body: &late{after: noop, rd: strings.NewReader("abc")}})
		c.Release()
		if _, err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestBodyReadInPart: what a handler leaves of a long body does not count as
// octets of the line.
func TestBodyReadInPart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const size, taken = 200 << 10, 150 << 10
		c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Expect("UID FETCH 7 (UID BODY.PEEK[])"),
			imaptest.Send(fmt.Sprintf("* 1 FETCH (UID 7 BODY[] {%d}\r\n", size)), imaptest.SendOctets(bytes.Repeat([]byte("x"), size)),
			imaptest.Send(")\r\n$tag OK\r\n"), imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
		read := int64(0)
		cmd := c.UIDFetch(bg(), uids("7"), imapconn.FetchItems{Sections: []imapconn.Section{{}}}, imapconn.FetchHandler{
			Body: func(_ *imapconn.FetchMessage, b *imapconn.FetchBody) error {
				n, err := io.CopyN(io.Discard, b, taken)
				read = n
				return err
			}})
		if _, err := cmd.Wait(); err != nil || read != taken {
			t.Errorf("got %d octets, %v; want %d", read, err, taken)
		}
		if err := c.Noop(bg()).Wait(); err != nil {
			t.Errorf("the next command: %v", err)
		}
	})
}

// late is a reader that waits for a command.
type late struct {
	after *imapconn.Command
	rd    io.Reader
}

func (l *late) Read(p []byte) (int, error) {
	if err := l.after.Wait(); err != nil {
		return 0, err
	}
	return l.rd.Read(p)
}

// TestCancelSelect: what still comes for it is nobody's.
func TestCancelSelect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		var seen recorder
		c := open(t, imapconn.Options{Events: seen.events()}, imaptest.Send(ready), imaptest.Expect("SELECT a"), imaptest.Await(answer),
			imaptest.Send("* 5 EXISTS\r\n$tag OK [READ-ONLY] ok\r\n"), imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
		ctx, cancel := context.WithCancel(bg())
		cmd := c.Select(ctx, "a", nil)
		synctest.Wait()
		cancel()
		cmd.Command.Wait()
		close(answer)
		if err := c.Noop(bg()).Wait(); err != nil {
			t.Error(err)
		}
		if data, err := cmd.Wait(); data.HasExists || data.ReadOnly || !errors.Is(err, imapconn.ErrUncertain) {
			t.Errorf("got %+v, %v, want nothing more", data, err)
		}
		if got := seen.lines(); got != "exists 5" {
			t.Errorf("events: got %s", got)
		}
	})
}

// TestCancel: before, during and in the middle of a body.
func TestCancel(t *testing.T) {
	t.Run("queued", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c, w := openWire(t, imapconn.Options{}, imaptest.Script{Steps: []imaptest.Step{
				imaptest.Send(ready), imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"),
			}})
			ctx, cancel := context.WithCancel(bg())
			c.Hold()
			cmd := c.Create(ctx, "x")
			cancel()
			if err := cmd.Wait(); !errors.Is(err, imapconn.ErrNotSent) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want ErrNotSent and Canceled", err)
			}
			if err := c.Create(ctx, "y").Wait(); !errors.Is(err, imapconn.ErrNotSent) {
				t.Errorf("with a dead context: got %v, want ErrNotSent", err)
			}
			c.Release()
			if err := c.Noop(bg()).Wait(); err != nil {
				t.Error(err)
			}
			checkWrites(t, w, "a2 NOOP\r\n")
		})
	})
	t.Run("in flight", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			answer := make(chan struct{})
			var r recorder
			c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Expect("UID FETCH 1 (UID FLAGS)"), imaptest.Await(answer),
				imaptest.Send("* 1 FETCH (UID 1 FLAGS ())\r\n$tag OK\r\n"), imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
			ctx, cancel := context.WithCancel(bg())
			cmd := c.UIDFetch(ctx, uids("1"), imapconn.FetchItems{Flags: true}, r.handler())
			synctest.Wait()
			cancel()
			if _, err := cmd.Wait(); !errors.Is(err, imapconn.ErrUncertain) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want ErrUncertain and Canceled", err)
			}
			close(answer)
			if err := c.Noop(bg()).Wait(); err != nil {
				t.Errorf("NOOP: %v", err)
			}
			if r.lines() != "" {
				t.Errorf("handler called after Wait returned: %s", r.lines())
			}
		})
	})
	t.Run("in a body", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c := openScript(t, imapconn.Options{}, imaptest.Script{Lenient: true, Steps: []imaptest.Step{
				imaptest.Send(ready), imaptest.Expect("UID FETCH 1 (UID BODY.PEEK[])"), imaptest.Send("* 1 FETCH (UID 1 BODY[] {9}\r\nabc"),
			}})
			ctx, cancel := context.WithCancel(bg())
			began := make(chan struct{})
			cmd := c.UIDFetch(ctx, uids("1"), imapconn.FetchItems{Sections: []imapconn.Section{{}}}, imapconn.FetchHandler{
				Body: func(_ *imapconn.FetchMessage, b *imapconn.FetchBody) error {
					close(began)
					_, err := io.ReadAll(b)
					return err
				},
			})
			<-began
			cancel()
			if _, err := cmd.Wait(); !errors.Is(err, imapconn.ErrCanceled) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want ErrCanceled and Canceled", err)
			}
			<-c.Done()
		})
	})
	t.Run("awaiting a continuation", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c := openScript(t, imapconn.Options{}, imaptest.Script{Lenient: true, Steps: []imaptest.Step{imaptest.Send(plain)}})
			ctx, cancel := context.WithCancel(bg())
			cmd := c.Append(ctx, "INBOX", message("abc"))
			synctest.Wait()
			cancel()
			if _, err := cmd.Wait(); !errors.Is(err, imapconn.ErrUncertain) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want ErrUncertain and Canceled", err)
			}
			<-c.Done()
		})
	})
}

// TestHandlerError: the rest is dropped, the error is the command's, the
// connection lives.
func TestHandlerError(t *testing.T) {
	t.Parallel()
	errFull := errors.New("disk full")
	c := open(t, imapconn.Options{}, imaptest.Send(ready), imaptest.Expect("UID FETCH 1:2 (UID BODY.PEEK[])"),
		imaptest.Send("* 1 FETCH (UID 1 BODY[] {9}\r\nabcdefghi)\r\n* 2 FETCH (UID 2 BODY[] {1}\r\nx)\r\n$tag OK\r\n"),
		imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
	calls := 0
	var kept *imapconn.FetchBody
	data, err := c.UIDFetch(bg(), uids("1:2"), imapconn.FetchItems{Sections: []imapconn.Section{{}}}, imapconn.FetchHandler{
		Body: func(_ *imapconn.FetchMessage, b *imapconn.FetchBody) error {
			calls++
			kept = b
			b.Read(make([]byte, 3))
			return errFull
		},
		Message: func(*imapconn.FetchMessage) error { calls++; return nil },
	}).Wait()
	if err != errFull || calls != 1 {
		t.Errorf("got %v after %d calls, want %v after 1", err, calls, errFull)
	}
	if data.Arrived.String() != "1:2" {
		t.Errorf("arrived: got %v", data.Arrived)
	}
	if n, err := kept.Read(make([]byte, 3)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("body read after its time: got %d, %v, want an error", n, err)
	}
	if err := c.Noop(bg()).Wait(); err != nil {
		t.Errorf("NOOP: %v", err)
	}
}
