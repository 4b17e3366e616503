package imapside_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn/imaptest"
	"mailtwin/internal/servers"
	"mailtwin/mirror"
)

func TestConnect(t *testing.T) {
	const root = `* LIST (\Noselect) "/" ""`
	for _, c := range []struct {
		name   string
		script [][]imaptest.Step
	}{
		{"capabilities are asked for where they are not volunteered", [][]imaptest.Step{
			{send("* OK ready")},
			do("CAPABILITY", "* CAPABILITY IMAP4rev1", "$tag OK ok"),
			do("LOGIN ann secret", "$tag OK in"),
			do("CAPABILITY", "* CAPABILITY IMAP4rev1", "$tag OK ok"),
			do(`LIST "" ""`, root, "$tag OK ok")}},
		{"PLAIN with an initial response", [][]imaptest.Step{
			{send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")},
			do("AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=", "$tag OK [CAPABILITY IMAP4rev1] in"),
			do(`LIST "" ""`, root, "$tag OK ok")}},
		{"the LOGIN mechanism where nothing else is left", [][]imaptest.Step{
			{send("* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN LOGINDISABLED] ready")},
			do("AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6"), {imaptest.ExpectLine("YW5u"), send("+ UGFzc3dvcmQ6"),
				imaptest.ExpectLine("c2VjcmV0"), send("$tag OK [CAPABILITY IMAP4rev1] in")},
			do(`LIST "" ""`, root, "$tag OK ok")}},
		{"signed in already", [][]imaptest.Step{
			{send("* PREAUTH [CAPABILITY IMAP4rev1] hello")}, do(`LIST "" ""`, root, "$tag OK ok")}},
		{"one turn for the rest", [][]imaptest.Step{
			{send("* OK [CAPABILITY IMAP4rev1] ready")},
			do("LOGIN ann secret", "$tag OK [CAPABILITY IMAP4rev1 ID NAMESPACE ENABLE CONDSTORE] in"),
			{imaptest.ExpectOneWrite(`ID ("name" "mailtwin")`, "ENABLE CONDSTORE", "NAMESPACE"),
				send("* ENABLED CONDSTORE", `* NAMESPACE (("" "/")) NIL NIL`, "$2 BAD what", "$3 OK ok", "$4 OK ok")}}},
		{"NAMESPACE refused", [][]imaptest.Step{
			{send("* OK [CAPABILITY IMAP4rev1] ready")},
			do("LOGIN ann secret", "$tag OK [CAPABILITY IMAP4rev1 NAMESPACE] in"),
			do("NAMESPACE", "$tag BAD what"), do(`LIST "" ""`, root, "$tag OK ok")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := play(t, steps(steps(c.script...), do("SUBSCRIBE Box", "$tag OK ok"), bye)...)
			traits, err := r.Connect(t.Context(), mirror.Visit{Identity: testUser, Access: mirror.ReadWrite})
			traits.Recheck = 0 // TestRecheck
			if want := (mirror.Traits{Identity: testUser, Numbers: true}); err != nil || traits != want {
				t.Errorf("got %+v, %v; want %+v", traits, err, want)
			}
			if err := r.Subscribe(t.Context(), box, true); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTraits(t *testing.T) {
	r := play(t, steps(signIn("UIDPLUS APPENDLIMIT=35651584")[:3], bye)...)
	traits, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite})
	if want := (mirror.Traits{Identity: testUser, Numbers: true, UIDPlus: true, Copies: true, MaxSize: 35651584, Recheck: time.Hour}); err != nil || traits != want {
		t.Errorf("got %+v, %v; want %+v", traits, err, want)
	}
}

func TestConnectErrors(t *testing.T) {
	greeting := []imaptest.Step{send("* OK [CAPABILITY IMAP4rev1] ready")}
	login := func(answer string) []imaptest.Step { return do("LOGIN ann secret", answer) }
	for _, c := range []struct {
		name   string
		script []imaptest.Step
		want   error
		words  string
		after  time.Duration // of a RetryError; -1 means there must be none
	}{
		{"refused", steps(greeting, login("$tag NO [AUTHENTICATIONFAILED] wrong, ann"), bye), mirror.ErrSignIn, "wrong, ann", -1},
		{"refused without a code", steps(greeting, login("$tag NO no such user"), bye), mirror.ErrSignIn, "no such user", -1},
		{"throttled", steps(greeting, login("$tag NO Request is throttled. Suggested Backoff Time: 299961 milliseconds"), bye), mirror.ErrThrottled, "Suggested", 299961 * time.Millisecond},
		{"too many connections", steps(greeting, login("$tag NO [LIMIT] Too many simultaneous connections"), bye), mirror.ErrThrottled, "Too many", 0},
		{"a limit is no pause", steps(greeting, login("$tag NO Account exceeded bandwidth limits: 2500 MB in 24 hours"), bye), mirror.ErrThrottled, "limits", 0},
		{"unavailable", steps(greeting, login("$tag NO [UNAVAILABLE] try again in 5 minutes"), bye), mirror.ErrUnreachable, "try again", 5 * time.Minute},
		{"sent away", []imaptest.Step{send("* BYE Too many connections"), imaptest.Close()}, mirror.ErrThrottled, "Too many", 0},
		{"cut at the greeting", []imaptest.Step{imaptest.Send("* OK [CAPAB"), imaptest.Close()}, mirror.ErrCut, "", -1},
		{"cut at the sign-in", steps(greeting, []imaptest.Step{imaptest.Expect("LOGIN ann secret"), imaptest.Close()}), mirror.ErrCut, "", -1},
		{"no way to sign in", steps([]imaptest.Step{send("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI] ready")}, bye), mirror.ErrSignIn, "GSSAPI", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := play(t, c.script...)
			_, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.words)
			}
			var retry *mirror.RetryError
			if errors.As(err, &retry) != (c.after >= 0) || (retry != nil && retry.After != c.after) {
				t.Errorf("got %+v, want a pause of %v", retry, c.after)
			}
			if strings.Contains(err.Error(), testPassword) {
				t.Errorf("got the password in %q", err)
			}
		})
	}
}

// TestNothingSent: errors before anything goes over the wire.
func TestNothingSent(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) {
		t.Error("connected")
		return nil, errors.New("connected")
	}
	r := imapside.New(imapside.Options{User: "ann", Dial: dial})
	if _, err := r.Connect(t.Context(), mirror.Visit{Identity: "bob", Access: mirror.ReadWrite}); !errors.Is(err, mirror.ErrOtherIdentity) {
		t.Errorf("got %v, want %v", err, mirror.ErrOtherIdentity)
	}
	if _, err := r.List(t.Context(), false); err == nil {
		t.Error("list before connect: got no error")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestPasswordFails(t *testing.T) {
	locked := errors.New("store is locked")
	nc := imaptest.Pipe(t, imaptest.Script{Steps: steps([]imaptest.Step{send("* OK [CAPABILITY IMAP4rev1] ready")}, bye)})
	r := imapside.New(imapside.Options{Host: "h", TLS: imapside.Clear, User: "ann",
		Password: func(context.Context) (string, error) { return "", locked },
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nc, nil }})
	t.Cleanup(func() { r.Close() })
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); !errors.Is(err, mirror.ErrSignIn) || !errors.Is(err, locked) {
		t.Errorf("got %v, want %v: %v", err, mirror.ErrSignIn, locked)
	}
}

// TestPorts: the port follows the protection, and nobody answers.
func TestPorts(t *testing.T) {
	for _, c := range []struct {
		security imapside.Security
		port     int
		want     string
	}{{imapside.ImplicitTLS, 0, "h:993"}, {imapside.StartTLS, 0, "h:143"}, {imapside.Clear, 0, "h:143"}, {imapside.ImplicitTLS, 1993, "h:1993"}} {
		got := ""
		r := imapside.New(imapside.Options{Host: "h", Port: c.port, TLS: c.security, User: "ann",
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				got = address
				return nil, &net.OpError{Op: "dial", Err: errors.New("nobody")}
			}})
		if _, err := r.Connect(t.Context(), mirror.Visit{}); !errors.Is(err, mirror.ErrUnreachable) || got != c.want {
			t.Errorf("%s: got %s, %v; want %v", c.want, got, err, mirror.ErrUnreachable)
		}
		r.Close()
	}
}

// TestTLS signs in to a real server under its own certificate.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	base := newAccount(server, servers.Options{}).options(t)
	implicit, start := base, base
	implicit.TLS, implicit.Port = imapside.ImplicitTLS, server.TLSPort
	start.TLS = imapside.StartTLS
	pinned := "sha256:" + server.Fingerprint
	for _, c := range []struct {
		name        string
		opts        imapside.Options
		ca          string
		fingerprint string
		want        error
	}{
		{"implicit, CA", implicit, server.CertFile, "", nil},
		{"implicit, fingerprint", implicit, "", pinned, nil},
		{"implicit, neither", implicit, "", "", mirror.ErrCertificate},
		{"implicit, another fingerprint", implicit, "", "sha256:" + strings.Repeat("0", 64), mirror.ErrCertificate},
		{"STARTTLS, CA", start, server.CertFile, "", nil},
		{"STARTTLS, fingerprint", start, "", pinned, nil},
		{"STARTTLS, neither", start, "", "", mirror.ErrCertificate},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := c.opts
			opts.CAFile, opts.Fingerprint = c.ca, c.fingerprint
			r := imapside.New(opts)
			defer r.Close()
			if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	wrong := implicit
	wrong.CAFile, wrong.Password = server.CertFile, password("wrong")
	r := imapside.New(wrong)
	defer r.Close()
	if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); !errors.Is(err, mirror.ErrSignIn) {
		t.Errorf("got %v, want %v", err, mirror.ErrSignIn)
	}
}

// TestCloseAfterCut: a lost connection is closed without waiting.
func TestCloseAfterCut(t *testing.T) {
	r := connectLost(t, "", []imaptest.Step{imaptest.Close()})
	if _, err := r.List(t.Context(), false); err == nil {
		t.Error("got a listing from a connection that is closed")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
