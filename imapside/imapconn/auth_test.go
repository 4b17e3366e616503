package imapconn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

var plainAuth = ask{"", func(c *imapconn.Conn, _ *recorder) string {
	return fmt.Sprint(c.Authenticate(bg(), sasl.NewPlainClient("", "ann", "sesame")).Wait())
}}

func login(user, password string) ask {
	return ask{"", func(c *imapconn.Conn, _ *recorder) string {
		return fmt.Sprint(c.Login(bg(), user, password).Wait())
	}}
}

const plainIR = "AGFubgBzZXNhbWU="

// TestSignIn: what goes over the wire, what the trace shows of it, and what is
// known of the capabilities afterwards.
func TestSignIn(t *testing.T) {
	expect, send, line, octets := imaptest.Expect, imaptest.Send, imaptest.ExpectLine, imaptest.ExpectOctets
	tests := []struct {
		name  string
		ask   ask
		steps []imaptest.Step
		want  string
		known bool
		trace string
	}{
		{"initial response", plainAuth, []imaptest.Step{
			send(ready), expect("AUTHENTICATE PLAIN " + plainIR), send("$tag OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"),
		}, "<nil>", true, "C: a1 AUTHENTICATE PLAIN ***\nS: a1 OK [CAPABILITY IMAP4rev1 IDLE] in\n"},
		{"untagged capabilities", plainAuth, []imaptest.Step{
			send(ready), expect("AUTHENTICATE PLAIN " + plainIR), send("* CAPABILITY IMAP4rev1 IDLE\r\n$tag OK in\r\n"),
		}, "<nil>", true, "C: a1 AUTHENTICATE PLAIN ***\nS: * CAPABILITY IMAP4rev1 IDLE\nS: a1 OK in\n"},
		{"capabilities unknown", plainAuth, []imaptest.Step{
			send(ready), expect("AUTHENTICATE PLAIN " + plainIR), send("$tag OK in\r\n"),
		}, "<nil>", false, "C: a1 AUTHENTICATE PLAIN ***\nS: a1 OK in\n"},
		{"continuation", plainAuth, []imaptest.Step{
			send(plain), expect("AUTHENTICATE PLAIN"), send("+ \r\n"), line(plainIR), send("$tag OK in\r\n"),
		}, "<nil>", false, "C: a1 AUTHENTICATE PLAIN\nS: + \nC: ***\nS: a1 OK in\n"},
		{"refused, with our words", plainAuth, []imaptest.Step{
			send(ready), expect("AUTHENTICATE PLAIN " + plainIR), send("$tag BAD cannot read " + plainIR + " (sesame)\r\n"),
		}, "AUTHENTICATE: BAD cannot read *** (***)", true, "C: a1 AUTHENTICATE PLAIN ***\nS: a1 BAD cannot read *** (***)\n"},
		{"unexpected challenge", plainAuth, []imaptest.Step{
			send(ready), expect("AUTHENTICATE PLAIN " + plainIR), send("+ eyJ4IjoxfQ==\r\n"), line("*"), send("$tag NO [AUTHENTICATIONFAILED] no\r\n"),
		}, "AUTHENTICATE: NO [AUTHENTICATIONFAILED] no", true, "C: a1 AUTHENTICATE PLAIN ***\nS: + eyJ4IjoxfQ==\nC: *\nS: a1 NO [AUTHENTICATIONFAILED] no\n"},
		{"login", login("ann", `ses"ame`), []imaptest.Step{
			send(plain), expect(`LOGIN ann "ses\"ame"`), send("$tag OK in\r\n"),
		}, "<nil>", false, "C: a1 LOGIN ***\nS: a1 OK in\n"},
		{"login echoed", login("ann", "sesame"), []imaptest.Step{
			send(plain), expect(`LOGIN ann sesame`), send("* BAD ann sesame\r\n$tag NO ann sesame?\r\n"),
		}, "LOGIN: NO ann ***?", true, "C: a1 LOGIN ***\nS: * BAD ann ***\nS: a1 NO ann ***?\n"},
		{"login with literals", login("ann", "sésame"), []imaptest.Step{
			send(plain), expect("LOGIN ann {7}"), send("+ go\r\n"), octets("sésame"), line(""), send("$tag OK in\r\n"),
		}, "<nil>", false, "C: a1 LOGIN ***\nS: + go\nS: a1 OK in\n"},
		{"login with a literal at once", login("ann", "sésame"), []imaptest.Step{
			send(ready), expect("LOGIN ann {7+}"), octets("sésame"), line(""), send("$tag OK in\r\n"),
		}, "<nil>", false, "C: a1 LOGIN ***\nS: a1 OK in\n"},
		{"login literal refused", login("ann", "sésame"), []imaptest.Step{
			send(plain), expect("LOGIN ann {7}"), send("$tag NO too early\r\n"),
		}, "LOGIN: NO too early", true, "C: a1 LOGIN ***\nS: a1 NO too early\n"},
		{"NUL", login("ann", "a\x00b"), []imaptest.Step{send(plain)},
			"LOGIN: not sent: argument cannot be sent: a string holds NUL", true, ""},
		{"disabled", login("ann", "sesame"), []imaptest.Step{send("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n")},
			"LOGIN: not sent: server has LOGIN disabled", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var trace lockedBuffer
			steps := append(tt.steps, imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"))
			c := open(t, imapconn.Options{Trace: &trace}, steps...)
			if got := tt.ask.do(c, nil); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if _, known := c.Caps(); known != tt.known {
				t.Errorf("capabilities known: got %v, want %v", known, tt.known)
			}
			if err := c.Noop(bg()).Wait(); err != nil {
				t.Errorf("NOOP: %v", err)
			}
			got := trace.String()
			_, got, _ = strings.Cut(got, "\n") // the greeting
			if i := strings.LastIndex(got, "C: "); i >= 0 {
				got = got[:i] // NOOP
			}
			if got != tt.trace {
				t.Errorf("got trace\n%s\nwant\n%s", got, tt.trace)
			}
		})
	}
}

func TestCredentialsNotInClear(t *testing.T) {
	t.Parallel()
	nc := imaptest.Pipe(t, imaptest.Script{Steps: []imaptest.Step{imaptest.Send(ready), imaptest.ExpectEnd()}})
	c, err := imapconn.New(t.Context(), nc, imapconn.Options{TLS: imapconn.TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, cmd := range map[string]*imapconn.Command{
		"LOGIN":        c.Login(bg(), "ann", "sesame"),
		"AUTHENTICATE": c.Authenticate(bg(), sasl.NewPlainClient("", "ann", "sesame")),
	} {
		if err := cmd.Wait(); !errors.Is(err, imapconn.ErrClear) || !errors.Is(err, imapconn.ErrNotSent) {
			t.Errorf("%s in clear: got %v, want ErrClear and ErrNotSent", name, err)
		}
	}
}

// TestBurst: sign-in and everything behind it in one write.
func TestBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		c, w := openWire(t, imapconn.Options{}, imaptest.Script{Steps: []imaptest.Step{
			imaptest.Send(ready),
			imaptest.ExpectOneWrite("AUTHENTICATE PLAIN "+plainIR, "ENABLE QRESYNC", `LIST "" "*"`, "LOGOUT"),
			imaptest.Await(answer),
			imaptest.Send("$1 OK in\r\n* ENABLED QRESYNC\r\n$2 OK\r\n* LIST () \"/\" a\r\n$3 OK\r\n* BYE see you\r\n$4 OK\r\n"),
		}})
		c.Hold()
		auth := c.Authenticate(bg(), sasl.NewPlainClient("", "ann", "sesame"))
		enabled := c.Enable(bg(), imap.CapQResync)
		list := c.List(bg(), "", "*", nil)
		logout := c.Logout(bg())
		late := c.Noop(bg())
		synctest.Wait()
		checkWrites(t, w)
		c.Release()
		synctest.Wait()
		close(answer)
		if err := auth.Wait(); err != nil {
			t.Errorf("AUTHENTICATE: %v", err)
		}
		if caps, err := enabled.Wait(); err != nil || len(caps) != 1 {
			t.Errorf("ENABLE: got %v, %v", caps, err)
		}
		if data, err := list.Wait(); err != nil || len(data.Entries) != 1 {
			t.Errorf("LIST: got %v, %v", data, err)
		}
		if err := logout.Wait(); err != nil {
			t.Errorf("LOGOUT: %v", err)
		}
		if err := late.Wait(); !errors.Is(err, imapconn.ErrNotSent) {
			t.Errorf("behind LOGOUT: got %v, want ErrNotSent", err)
		}
		if _, known := c.Caps(); known {
			t.Error("capabilities known, but the server listed none")
		}
		<-c.Done()
		if err := c.Err(); err != nil {
			t.Errorf("after LOGOUT: got %v, want no error", err)
		}
		if got := len(w.written()); got != 1 {
			t.Errorf("got %d writes, want 1", got)
		}
	})
}

// TestNothingBehindLogin: outside a burst a sign-in is alone on the wire, for
// Courier loses what follows LOGIN.
func TestNothingBehindLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		c, w := openWire(t, imapconn.Options{}, imaptest.Script{Steps: []imaptest.Step{
			imaptest.Send(ready), imaptest.Expect("LOGIN ann sesame"), imaptest.Await(answer), imaptest.Send("$tag OK\r\n"),
			imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"),
		}})
		login, noop := c.Login(bg(), "ann", "sesame"), c.Noop(bg())
		synctest.Wait()
		checkWrites(t, w, "a1 LOGIN ann sesame\r\n")
		close(answer)
		if err := errors.Join(login.Wait(), noop.Wait()); err != nil {
			t.Error(err)
		}
		checkWrites(t, w, "a1 LOGIN ann sesame\r\n", "a2 NOOP\r\n")
	})
}

// TestBurstWithoutSASLIR: the rest of a burst waits where the server has to be
// heard first.
func TestBurstWithoutSASLIR(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, w := openWire(t, imapconn.Options{}, imaptest.Script{Steps: []imaptest.Step{
			imaptest.Send(plain), imaptest.Expect("AUTHENTICATE PLAIN"), imaptest.Send("+\r\n"),
			imaptest.ExpectLine(plainIR), imaptest.Send("$tag OK\r\n"),
			imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"),
		}})
		c.Hold()
		auth, noop := c.Authenticate(bg(), sasl.NewPlainClient("", "ann", "sesame")), c.Noop(bg())
		c.Release()
		if err := errors.Join(auth.Wait(), noop.Wait()); err != nil {
			t.Error(err)
		}
		checkWrites(t, w, "a1 AUTHENTICATE PLAIN\r\n", plainIR+"\r\n", "a2 NOOP\r\n")
	})
}

// TestAnotherBurst: only the burst that holds the sign-in may run ahead of its
// answer.
func TestAnotherBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		answer := make(chan struct{})
		c, w := openWire(t, imapconn.Options{}, imaptest.Script{Steps: []imaptest.Step{
			imaptest.Send(ready), imaptest.Expect("LOGIN ann sesame"), imaptest.Await(answer), imaptest.Send("$tag OK\r\n"),
			imaptest.Expect("NOOP"), imaptest.Send("$tag OK\r\n"),
		}})
		c.Hold()
		login := c.Login(bg(), "ann", "sesame")
		c.Release()
		c.Hold()
		noop := c.Noop(bg())
		c.Release()
		synctest.Wait()
		checkWrites(t, w, "a1 LOGIN ann sesame\r\n")
		close(answer)
		if err := errors.Join(login.Wait(), noop.Wait()); err != nil {
			t.Error(err)
		}
	})
}
