package imapconn_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

func message(text string) imapconn.AppendMessage {
	return imapconn.AppendMessage{Size: int64(len(text)), Body: strings.NewReader(text)}
}

func TestAppendForms(t *testing.T) {
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", -8*3600))
	expect, send, line, octets := imaptest.Expect, imaptest.Send, imaptest.ExpectLine, imaptest.ExpectOctets
	long := strings.Repeat("x", 4097)
	greeting := func(caps string) imaptest.Step { return send("* PREAUTH [CAPABILITY " + caps + "] hi\r\n") }
	tests := []struct {
		name    string
		mailbox string
		msg     imapconn.AppendMessage
		steps   []imaptest.Step
		want    string
	}{
		{"LITERAL+", "INBOX", message(long), []imaptest.Step{
			greeting("IMAP4rev1 LITERAL+"), expect("APPEND INBOX {4097+}"), octets(long), line(""), send("$tag OK [APPENDUID 38505 3955] ok\r\n"),
		}, "{UIDValidity:38505 UID:3955} <nil>"},
		{"LITERAL- short", "INBOX", message(long[:4096]), []imaptest.Step{
			greeting("IMAP4rev1 LITERAL-"), expect("APPEND INBOX {4096+}"), octets(long[:4096]), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"LITERAL- long", "INBOX", message(long), []imaptest.Step{
			greeting("IMAP4rev1 LITERAL-"), expect("APPEND INBOX {4097}"), send("+ OK\r\n"), octets(long), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"rev2 implies LITERAL-", "INBOX", message("abc"), []imaptest.Step{
			greeting("IMAP4rev2"), expect("APPEND INBOX {3+}"), octets("abc"), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"synchronising", "INBOX", message("abc"), []imaptest.Step{
			greeting("IMAP4rev1"), expect("APPEND INBOX {3}"), send("+\r\n"), octets("abc"), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"refused before the body", "INBOX", message("abc"), []imaptest.Step{
			greeting("IMAP4rev1"), expect("APPEND INBOX {3}"), send("$tag NO [TRYCREATE] no such mailbox\r\n"),
		}, "{UIDValidity:0 UID:0} APPEND: NO [TRYCREATE] no such mailbox"},
		{"refused, body owed", "INBOX", message("abc"), []imaptest.Step{
			greeting("IMAP4rev1 LITERAL+"), expect("APPEND INBOX {3+}"), octets("abc"), line(""), send("$tag NO [OVERQUOTA] full\r\n"),
		}, "{UIDValidity:0 UID:0} APPEND: NO [OVERQUOTA] full"},
		{"flags and date", "INBOX", imapconn.AppendMessage{Flags: []imap.Flag{imap.FlagSeen, "$Forwarded"}, InternalDate: date, Size: 1, Body: strings.NewReader("x")}, []imaptest.Step{
			greeting("IMAP4rev1 LITERAL+"), expect(`APPEND INBOX (\Seen $Forwarded) "03-Feb-2001 04:05:06 -0800" {1+}`), octets("x"), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"name quoted", `a "b`, message("x"), []imaptest.Step{
			greeting("IMAP4rev1 LITERAL+"), expect(`APPEND "a \"b" {1+}`), octets("x"), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"name as literal", "é", message("x"), []imaptest.Step{
			greeting("IMAP4rev1"), expect(`APPEND {2}`), send("+\r\n"), octets("é"), line(" {1}"), send("+\r\n"), octets("x"), line(""), send("$tag OK\r\n"),
		}, "{UIDValidity:0 UID:0} <nil>"},
		{"empty body", "INBOX", message(""), []imaptest.Step{
			greeting("IMAP4rev1 LITERAL+"), expect("APPEND INBOX {0+}"), line(""), send("$tag NO empty\r\n"),
		}, "{UIDValidity:0 UID:0} APPEND: NO empty"},
		{"flag no atom", "INBOX", imapconn.AppendMessage{Flags: []imap.Flag{"a b"}, Size: 1, Body: strings.NewReader("x")}, []imaptest.Step{greeting("IMAP4rev1")},
			`{UIDValidity:0 UID:0} APPEND: not sent: argument cannot be sent: flag "a b" is no atom`},
		{"recent", "INBOX", imapconn.AppendMessage{Flags: []imap.Flag{`\recent`}, Size: 1, Body: strings.NewReader("x")}, []imaptest.Step{greeting("IMAP4rev1")},
			`{UIDValidity:0 UID:0} APPEND: not sent: argument cannot be sent: flag \Recent cannot be set`},
		{"line end in a name", "a\r\nb", message("x"), []imaptest.Step{greeting("IMAP4rev1")},
			`{UIDValidity:0 UID:0} APPEND: not sent: argument cannot be sent: mailbox name "a\r\nb" holds a line end`},
		{"NUL in a name", "a\x00", message("x"), []imaptest.Step{greeting("IMAP4rev1")},
			`{UIDValidity:0 UID:0} APPEND: not sent: argument cannot be sent: a string holds NUL`},
		{"year", "INBOX", imapconn.AppendMessage{InternalDate: date.AddDate(9000, 0, 0), Size: 1, Body: strings.NewReader("x")}, []imaptest.Step{greeting("IMAP4rev1")},
			`{UIDValidity:0 UID:0} APPEND: not sent: argument cannot be sent: year 11001`},
		{"negative size", "INBOX", imapconn.AppendMessage{Size: -1, Body: strings.NewReader("x")}, []imaptest.Step{greeting("IMAP4rev1")},
			`{UIDValidity:0 UID:0} APPEND: not sent: argument cannot be sent: a body of -1 octets`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, imapconn.Options{}, append(tt.steps, expect("NOOP"), send("$tag OK\r\n"))...)
			data, err := c.Append(bg(), tt.mailbox, tt.msg).Wait()
			if got := fmt.Sprintf("%+v %v", data, err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if err := c.Noop(bg()).Wait(); err != nil {
				t.Errorf("NOOP: %v", err)
			}
		})
	}
}

// TestAppendWrongBody: the server never sees the end of a command whose body is
// not what was announced.
func TestAppendWrongBody(t *testing.T) {
	errDisk := errors.New("disk on fire")
	big := strings.Repeat("0123456789", 20_000)
	tests := []struct {
		name string
		size int
		body io.Reader
		want error
	}{
		{"short", 10, strings.NewReader("123456789"), imapconn.ErrBody},
		{"empty", 10, strings.NewReader(""), imapconn.ErrBody},
		{"long", 10, strings.NewReader("12345678901"), imapconn.ErrBody},
		{"long at the buffer's end", 64<<10 - len("a1 APPEND INBOX {65515+}\r\n"), strings.NewReader(big), imapconn.ErrBody},
		{"long and slow", 10, iotest.OneByteReader(strings.NewReader("12345678901")), imapconn.ErrBody},
		{"big and short", 200_001, strings.NewReader(big), imapconn.ErrBody},
		{"big and long", 199_999, strings.NewReader(big), imapconn.ErrBody},
		{"fails", 10, io.MultiReader(strings.NewReader("123"), iotest.ErrReader(errDisk)), errDisk},
		{"fails behind the last octet", 3, io.MultiReader(strings.NewReader("123"), iotest.ErrReader(errDisk)), errDisk},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got lockedBuffer
			script := imaptest.Script{Steps: []imaptest.Step{imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"), imaptest.Record(&got)}}
			c := openScript(t, imapconn.Options{}, script)
			c.Hold()
			cmd := c.Append(bg(), "INBOX", imapconn.AppendMessage{Size: int64(tt.size), Body: tt.body})
			behind := c.Noop(bg())
			c.Release()
			_, err := cmd.Wait()
			if !errors.Is(err, tt.want) || !errors.Is(err, imapconn.ErrBody) {
				t.Errorf("got %v, want %v and ErrBody", err, tt.want)
			}
			if errors.Is(err, imapconn.ErrNotSent) == errors.Is(err, imapconn.ErrUncertain) {
				t.Errorf("got %v, want one of ErrNotSent and ErrUncertain", err)
			}
			if err := behind.Wait(); !errors.Is(err, imapconn.ErrNotSent) {
				t.Errorf("behind it: got %v, want ErrNotSent", err)
			}
			<-c.Done()
			if s := got.String(); strings.HasSuffix(s, "\r\n") && strings.Count(s, "\r\n") > 1 || strings.Contains(s, "NOOP") {
				t.Errorf("the server saw the command's end: %q", s[max(0, len(s)-40):])
			}
		})
	}
}

// TestAppendWaitsForBody: Wait does not return while the body is being read,
// even if the server has refused long ago.
func TestAppendWaitsForBody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := open(t, imapconn.Options{}, imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"),
			imaptest.Expect("APPEND INBOX {3+}"), imaptest.Send("$tag NO no\r\n"), imaptest.ExpectOctets("abc\r\n"),
			imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
		pr, pw := io.Pipe()
		cmd := c.Append(bg(), "INBOX", imapconn.AppendMessage{Size: 3, Body: pr})
		time.Sleep(time.Hour) // a slow source is no silence
		select {
		case <-cmd.Done():
			t.Fatal("ended while its body was being read")
		default:
		}
		io.WriteString(pw, "abc")
		pw.Close()
		var status *imapconn.StatusError
		if _, err := cmd.Wait(); !errors.As(err, &status) {
			t.Errorf("got %v, want a StatusError", err)
		}
		if err := c.Noop(bg()).Wait(); err != nil {
			t.Errorf("NOOP: %v", err)
		}
	})
}

// TestAppendPipelined: messages go out without waiting for answers, small ones
// several to a write.
func TestAppendPipelined(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		steps := []imaptest.Step{imaptest.Send("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"), imaptest.Await(answer)}
		for range 3 {
			steps = append(steps, imaptest.Expect("APPEND INBOX {3+}"), imaptest.ExpectOctets("abc\r\n"))
		}
		steps = append(steps, imaptest.Send("$1 OK [APPENDUID 1 7]\r\n$2 OK [APPENDUID 1 8]\r\n$3 OK [APPENDUID 1 9]\r\n"))
		c, w := openWire(t, imapconn.Options{}, imaptest.Script{Steps: steps})
		c.Hold()
		var cmds []*imapconn.DataCommand[imapconn.AppendData]
		for range 3 {
			cmds = append(cmds, c.Append(bg(), "INBOX", message("abc")))
		}
		c.Release()
		synctest.Wait()
		close(answer)
		for i, cmd := range cmds {
			if data, err := cmd.Wait(); err != nil || data.UID != imap.UID(7+i) {
				t.Errorf("message %d: got %v, %v", i, data, err)
			}
		}
		if got := len(w.written()); got != 1 {
			t.Errorf("got %d writes, want 1", got)
		}
	})
}
