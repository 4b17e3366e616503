package imapside_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/mirror"
)

// The capabilities of the server that most visits here are to, in front of and
// behind the sign-in.
const (
	capsBefore = "IMAP4rev1 SASL-IR AUTH=PLAIN"
	capsAfter  = "IMAP4rev1 NAMESPACE LIST-EXTENDED LIST-STATUS"
	plain      = "AUTHENTICATE PLAIN AGFubgBzZWNyZXQ="
	listBoth   = `LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))`
	spaceLine  = `* NAMESPACE (("" "/")) NIL NIL`
)

var (
	greeting  = "* OK [CAPABILITY " + capsBefore + "] ready"
	hello     = []imaptest.Step{send(greeting)}
	admitted  = "OK [CAPABILITY " + capsAfter + "] in"
	boxListed = []string{`* LIST () "/" Box`, "* STATUS Box (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)"}
)

// burst expects commands in one write and sends lines.
func burst(commands []string, lines ...string) []imaptest.Step {
	return []imaptest.Step{imaptest.ExpectOneWrite(commands...), send(lines...)}
}

// stepByStep is a visit without a memory, to its listing.
var stepByStep = steps(hello, do(plain, "$tag "+admitted),
	burst([]string{"NAMESPACE", listBoth}, append([]string{spaceLine, "$2 OK ok"}, append(boxListed, "$3 OK ok")...)...))

// visit is an account whose server follows one script a connection.
func visit(t *testing.T, memory string, scripts ...[]imaptest.Step) (*imapside.Repository, error) {
	t.Helper()
	var pipes []net.Conn
	for _, s := range scripts {
		pipes = append(pipes, imaptest.Pipe(t, imaptest.Script{Steps: s}))
	}
	r := imapside.New(imapside.Options{
		Host: "imap.example.org", TLS: imapside.Clear, User: testUser, Password: password(testPassword),
		Dial: func(context.Context, string, string) (net.Conn, error) {
			if len(pipes) == 0 {
				return nil, errors.New("one connection too many")
			}
			nc := pipes[0]
			pipes = pipes[1:]
			return nc, nil
		},
	})
	t.Cleanup(func() {
		r.Close()
		if len(pipes) > 0 {
			t.Errorf("%d connections were not made", len(pipes))
		}
	})
	_, err := r.Connect(t.Context(), mirror.Visit{Memory: memory, Access: mirror.ReadWrite})
	return r, err
}

// listed lists and expects Box.
func listed(t *testing.T, r *imapside.Repository, brief bool) {
	t.Helper()
	listing, err := r.List(t.Context(), brief)
	if got := listingString(listing); err != nil || got != "Box 7:2/1" {
		t.Fatalf("got %s, %v; want Box 7:2/1", got, err)
	}
}

// briefly is a visit that lists and expects nothing else.
func briefly(t *testing.T, memory string, scripts ...[]imaptest.Step) *imapside.Repository {
	t.Helper()
	r, err := visit(t, memory, scripts...)
	if err != nil {
		t.Fatal(err)
	}
	listed(t, r, true)
	return r
}

// learned returns the memory that visits leave behind, each given that of the
// one before.
func learned(t *testing.T, scripts ...[]imaptest.Step) string {
	t.Helper()
	memory := ""
	for _, script := range scripts {
		r, err := visit(t, memory, steps(script, bye))
		if err != nil {
			t.Fatal(err)
		}
		listed(t, r, false)
		memory = r.Memory()
		r.Close()
	}
	return memory
}

// tried is the second visit: it finds out whether the server answers a burst.
var tried = steps(hello, burst([]string{plain, "NOOP", "NAMESPACE", listBoth},
	append([]string{"$1 " + admitted, "$2 OK ok", spaceLine, "$3 OK ok"}, append(boxListed, "$4 OK ok")...)...))

// answers are those to a burst up to the listing, and to LOGOUT behind it.
func answers(behind ...string) []string {
	lines := append([]string{"$1 " + admitted, "$2 OK ok", spaceLine, "$3 OK ok"}, append(boxListed, "$4 OK ok")...)
	if len(behind) > 0 {
		lines = append(lines, "* BYE bye", "$5 OK bye")
	}
	return lines
}

// together is every visit after that, of which the third finds out whether the server
// answers what comes before its greeting: it greets once it has read all.
func together(behind ...string) []imaptest.Step {
	return early(append([]string{plain, "NOOP", "NAMESPACE", listBoth}, behind...), answers(behind...)...)
}

// early expects commands in one write, greets, and sends lines.
func early(commands []string, lines ...string) []imaptest.Step {
	return burst(commands, append([]string{greeting}, lines...)...)
}

// TestOneTurn: from the third visit on they take one turn, greeting, LOGOUT and all,
// and the fourth leaves the memory as it is.
func TestOneTurn(t *testing.T) {
	memory := learned(t, stepByStep, tried, together())
	r := briefly(t, memory, together("LOGOUT"))
	if got := r.Memory(); got != memory {
		t.Errorf("got memory %s, want %s", got, memory)
	}
	if strings.Contains(memory, testPassword) {
		t.Errorf("the password is in %s", memory)
	}
}

// TestMoreIsAsked: a session that ended with the listing is followed by another.
func TestMoreIsAsked(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	for name, next := range map[string]struct {
		script []imaptest.Step
		ask    func(*imapside.Repository) error
	}{
		"open": {steps(early([]string{plain, "NOOP", "NAMESPACE"}, "$1 "+admitted, "$2 OK ok", spaceLine, "$3 OK ok"), sel("1", "2"), bye),
			func(r *imapside.Repository) error {
				_, err := r.Open(t.Context(), box, mirror.ReadWrite, mirror.Checkpoint{})
				return err
			}},
		"list": {steps(together(), bye), func(r *imapside.Repository) error {
			listed(t, r, false)
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := briefly(t, memory, together("LOGOUT"), next.script)
			if err := next.ask(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServerChanged: what a memory promises is asked for in the plain way where
// the server does not keep it.
func TestServerChanged(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	all := []string{plain, "NOOP", "NAMESPACE", listBoth, "LOGOUT"}
	for _, c := range []struct {
		name    string
		scripts [][]imaptest.Step
	}{
		{"another greeting", [][]imaptest.Step{
			burst(all, append([]string{"* OK [CAPABILITY IMAP4rev1] ready"}, answers("LOGOUT")...)...)}},
		{"signed in by then", [][]imaptest.Step{
			burst(all, "* PREAUTH [CAPABILITY "+capsAfter+"] hello", "$1 BAD signed in", "$2 OK ok"),
			steps([]imaptest.Step{send("* PREAUTH [CAPABILITY " + capsAfter + "] hello")},
				burst([]string{"NAMESPACE", listBoth}, append([]string{spaceLine, "$1 OK ok"}, append(boxListed, "$2 OK ok")...)...), bye)}},
		{"LIST refused", [][]imaptest.Step{
			early(all, "$1 "+admitted, "$2 OK ok", spaceLine, "$3 OK ok", "$4 BAD what", "* BYE bye", "$5 OK bye"),
			steps(early([]string{plain, "NOOP", "NAMESPACE", `LIST "" "*"`, `LSUB "" "*"`},
				"$1 "+admitted, "$2 OK ok", spaceLine, "$3 OK ok", `* LIST () "/" Box`, "$4 OK ok", "$5 OK ok"),
				do("STATUS Box (MESSAGES UIDNEXT UIDVALIDITY)", boxListed[1], "$tag OK ok"), bye)}},
		{"NAMESPACE refused", [][]imaptest.Step{
			early(all, "$1 "+admitted, "$2 OK ok", "$3 BAD what", boxListed[0], boxListed[1], "$4 OK ok", "* BYE bye", "$5 OK bye"),
			steps(early(all[:4], "$1 "+admitted, "$2 OK ok", spaceLine, "$3 OK ok", boxListed[0], boxListed[1], "$4 OK ok"), bye)}},
		{"ended before the listing", [][]imaptest.Step{
			steps(early(all, "$1 "+admitted, "$2 OK ok", "* BYE bye"), []imaptest.Step{imaptest.Close()}),
			steps(together(), bye)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			briefly(t, memory, c.scripts...)
		})
	}
}

// TestLostBehindSignIn: a server that loses what stands behind the sign-in is
// asked step by step, once five seconds have passed and ever after.
func TestLostBehindSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := learned(t, stepByStep)
		silent := steps(hello, []imaptest.Step{imaptest.ExpectOneWrite(plain, "NOOP", "NAMESPACE", listBoth), send("$1 " + admitted), imaptest.ExpectEnd()})
		r, err := visit(t, memory, silent, steps(stepByStep, bye))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		listed(t, r, true)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("got the listing after %v, want 5s", took)
		}
		memory = r.Memory()
		r.Close()
		r = briefly(t, memory, steps(stepByStep, bye))
		if got := r.Memory(); got != memory {
			t.Errorf("got memory %s, want %s", got, memory)
		}
		r.Close()
	})
}

// TestRefusedInBurst: a wrong password is tried once.
func TestRefusedInBurst(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	r, err := visit(t, memory, early([]string{plain, "NOOP", "NAMESPACE", listBoth, "LOGOUT"},
		"$1 NO [AUTHENTICATIONFAILED] wrong", "$2 OK ok", "$3 BAD first sign in", "$4 BAD first sign in", "* BYE bye", "$5 OK bye"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.List(t.Context(), true); !errors.Is(err, mirror.ErrSignIn) || strings.Contains(err.Error(), testPassword) {
		t.Errorf("got %v, want %v", err, mirror.ErrSignIn)
	}
}

// TestMemoryOfAnother: a memory is of one address, and must be readable.
func TestMemoryOfAnother(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	for name, other := range map[string]string{
		"another address": strings.ReplaceAll(memory, "imap.example.org", "mail.example.org"),
		"half of it":      memory[:len(memory)/2],
	} {
		t.Run(name, func(t *testing.T) {
			briefly(t, other, steps(stepByStep, bye))
		})
	}
}

// TestAnotherServer: what one server answered is tried again on the next.
func TestAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := "* OK [CAPABILITY " + capsBefore + " X-OTHER] ready"
		all := []string{plain, "NOOP", "NAMESPACE", listBoth}
		memory := learned(t, stepByStep, tried, burst(all, append([]string{other}, answers()...)...))
		lost := []imaptest.Step{imaptest.ExpectOneWrite(all...), send(other, "$1 "+admitted), imaptest.ExpectEnd()}
		r := briefly(t, memory, lost, steps([]imaptest.Step{send(other)}, stepByStep[len(hello):], bye))
		r.Close()
	})
}

// TestProvedNoMore: a server that stops to answer bursts is asked step by step
// from then on.
func TestProvedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := learned(t, stepByStep, tried, together())
		lost := []imaptest.Step{imaptest.ExpectOneWrite(plain, "NOOP", "NAMESPACE", listBoth, "LOGOUT"), send(greeting, "$1 "+admitted), imaptest.ExpectEnd()}
		r := briefly(t, memory, lost, steps(stepByStep, bye))
		memory = r.Memory()
		r.Close()
		r = briefly(t, memory, steps(stepByStep, bye))
		r.Close()
	})
}

// TestSilentGreeting: where the greeting lists no capabilities they are asked for,
// and compared, before anything is taken from the memory.
func TestSilentGreeting(t *testing.T) {
	bare := []imaptest.Step{send("* OK ready")}
	ready := burst([]string{"NAMESPACE", listBoth}, append([]string{spaceLine, "$3 OK ok"}, append(boxListed, "$4 OK ok")...)...)
	asked := func(caps string) []imaptest.Step { return do("CAPABILITY", "* CAPABILITY "+caps, "$tag OK ok") }
	memory := learned(t, steps(bare, asked(capsBefore), do(plain, "$tag "+admitted), ready))
	r, err := visit(t, memory, steps(bare, asked("IMAP4rev1"), do("LOGIN ann secret", "$tag "+admitted), ready, bye))
	if err != nil {
		t.Fatal(err)
	}
	listed(t, r, false)
	r.Close()
	r, err = visit(t, learned(t, steps(bare, asked(capsBefore), do(plain, "$tag "+admitted), ready),
		steps(bare, asked(capsBefore), burst([]string{plain, "NOOP", "NAMESPACE", listBoth}, later(1, answers())...))),
		steps(bare, asked(capsBefore), burst([]string{plain, "NOOP", "NAMESPACE", listBoth}, later(1, answers())...), bye))
	if err != nil {
		t.Fatal(err)
	}
	listed(t, r, false) // and nothing comes before the greeting
}

// later counts the tags of answers up.
func later(by int, lines []string) (list []string) {
	for _, line := range lines {
		if len(line) > 1 && line[0] == '$' {
			line = "$" + string(line[1]+byte(by)) + line[2:]
		}
		list = append(list, line)
	}
	return list
}

// TestOneAttempt: a sign-in is made once a run, however it was turned down.
func TestOneAttempt(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	t.Run("BYE instead of NO", func(t *testing.T) {
		r, err := visit(t, memory, steps(early([]string{plain, "NOOP", "NAMESPACE", listBoth, "LOGOUT"}, "* BYE wrong password"), []imaptest.Step{imaptest.Close()}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.List(t.Context(), true); !errors.Is(err, mirror.ErrCut) {
			t.Errorf("got %v, want %v", err, mirror.ErrCut)
		}
	})
	t.Run("in the second session", func(t *testing.T) {
		r := briefly(t, memory, together("LOGOUT"), steps(
			early([]string{plain, "NOOP", "NAMESPACE"}, "$1 NO [AUTHENTICATIONFAILED] too many", "$2 OK ok", "$3 BAD no"), bye))
		r.Expect(t.Context(), []mirror.Expected{expected(box, mirror.Checkpoint{}, checkpoint(3, 2, 4))})
		if _, err := r.Open(t.Context(), box, mirror.ReadWrite, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrSignIn) {
			t.Errorf("got %v, want %v", err, mirror.ErrSignIn)
		}
	})
}

// TestMemoryOfFailedSession: a second session that fails before it listed capabilities
// takes nothing from what the account knows.
func TestMemoryOfFailedSession(t *testing.T) {
	memory := strings.TrimSuffix(learned(t, stepByStep, tried, together()), "}") + `,"alone":true,"untrue":true}`
	r := briefly(t, memory, together("LOGOUT"), []imaptest.Step{imaptest.ExpectOneWrite(plain, "NOOP", "NAMESPACE"), send("* OK ready"), imaptest.Close()})
	r.Expect(t.Context(), []mirror.Expected{expected(box, mirror.Checkpoint{}, checkpoint(3, 2, 4))})
	if _, err := r.Open(t.Context(), box, mirror.ReadWrite, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrCut) {
		t.Errorf("got %v, want %v", err, mirror.ErrCut)
	}
	if got := r.Memory(); got != memory {
		t.Errorf("got  %s\nwant %s", got, memory)
	}
}

// TestMemoryOfUntoldSession: neither does one that is cut when it asks for capabilities.
func TestMemoryOfUntoldSession(t *testing.T) {
	all := []string{plain, "NOOP", "NAMESPACE", listBoth, "LOGOUT"}
	waiting := steps(hello, burst(all, answers("LOGOUT")...))
	r := briefly(t, learned(t, stepByStep, tried), []imaptest.Step{imaptest.ExpectOneWrite(all...), send(greeting), imaptest.Close()}, waiting)
	memory := r.Memory()
	r.Close()
	r = briefly(t, memory, waiting, []imaptest.Step{send("* OK ready"), imaptest.Expect("CAPABILITY"), imaptest.Close()})
	memory = r.Memory()
	if _, err := r.Open(t.Context(), box, mirror.ReadWrite, mirror.Checkpoint{}); !errors.Is(err, mirror.ErrCut) {
		t.Errorf("got %v, want %v", err, mirror.ErrCut)
	}
	if got := r.Memory(); got != memory {
		t.Errorf("got  %s\nwant %s", got, memory)
	}
}

// TestLostBeforeGreeting: a server that loses what comes before its greeting, or ends the
// connection for it, is waited for from then on, and still answers all in one turn.
func TestLostBeforeGreeting(t *testing.T) {
	for name, c := range map[string]struct {
		end  imaptest.Step
		took time.Duration
	}{
		"lost":  {imaptest.ExpectEnd(), 30 * time.Second},
		"ended": {imaptest.Close(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := learned(t, stepByStep, tried)
				all := []string{plain, "NOOP", "NAMESPACE", listBoth, "LOGOUT"}
				waiting := steps(hello, burst(all, answers("LOGOUT")...))
				start := time.Now()
				r := briefly(t, memory, []imaptest.Step{imaptest.ExpectOneWrite(all...), send(greeting), c.end}, waiting)
				if took := time.Since(start); took != c.took {
					t.Errorf("got the listing after %v, want %v", took, c.took)
				}
				memory = r.Memory()
				r.Close()
				r = briefly(t, memory, waiting)
				if got := r.Memory(); got != memory {
					t.Errorf("got memory %s, want %s", got, memory)
				}
				r.Close()
			})
		})
	}
}

// TestAnotherGreetingRefuses: where a server greets in another way than it did, and
// refuses the sign-in, no other is made in this run, and the next one begins anew.
func TestAnotherGreetingRefuses(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	r, err := visit(t, memory, burst([]string{plain, "NOOP", "NAMESPACE", listBoth},
		"* OK [CAPABILITY IMAP4rev1] ready", "$1 NO no such mechanism", "$2 OK ok", "$3 BAD no", "$4 BAD no"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.List(t.Context(), false); !errors.Is(err, mirror.ErrSignIn) {
		t.Errorf("got %v, want %v", err, mirror.ErrSignIn)
	}
	again := steps([]imaptest.Step{send("* OK [CAPABILITY IMAP4rev1] ready")}, burst([]string{"LOGIN ann secret", "NOOP", "NAMESPACE", listBoth}, answers()...), bye)
	next, err := visit(t, r.Memory(), again)
	if err != nil {
		t.Fatal(err)
	}
	listed(t, next, false)
}

// TestSentAwayEarly: BYE in place of a greeting is told with its words, and teaches
// nothing.
func TestSentAwayEarly(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	r, err := visit(t, memory, []imaptest.Step{imaptest.ExpectOneWrite(plain, "NOOP", "NAMESPACE", listBoth), send("* BYE Too many connections"), imaptest.Close()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.List(t.Context(), false); !errors.Is(err, mirror.ErrThrottled) || !strings.Contains(err.Error(), "Too many connections") {
		t.Errorf("got %v, want %v", err, mirror.ErrThrottled)
	}
	if got := r.Memory(); got != memory {
		t.Errorf("got  %s\nwant %s", got, memory)
	}
}

// TestCanceledEarly: a run that is stopped while it signs in teaches nothing.
func TestCanceledEarly(t *testing.T) {
	memory := learned(t, stepByStep, tried)
	r, err := visit(t, memory, []imaptest.Step{imaptest.ExpectOneWrite(plain, "NOOP", "NAMESPACE", listBoth), send(greeting), imaptest.ExpectEnd()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := r.List(ctx, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if got := r.Memory(); got != memory {
		t.Errorf("got  %s\nwant %s", got, memory)
	}
}
