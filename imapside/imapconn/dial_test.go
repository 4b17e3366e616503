package imapconn_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// TestCertificates: which check fails, and the line that would pin it.
func TestCertificates(t *testing.T) {
	good := imaptest.NewCertificate(t, imaptest.CertificateOptions{})
	expired := imaptest.NewCertificate(t, imaptest.CertificateOptions{Expired: true})
	other := imaptest.NewCertificate(t, imaptest.CertificateOptions{Hosts: []string{"imap.example.org"}})
	upper := "sha256:" + strings.ToUpper(strings.Join(chunks(strings.TrimPrefix(good.Fingerprint, "sha256:"), 2), ":"))
	tests := []struct {
		name string
		cert imaptest.Certificate
		opts imapconn.Options
		want imapconn.CertificateCheck // "" for none
	}{
		{"root in a file", good, imapconn.Options{CAFile: good.CAFile}, ""},
		{"pinned", good, imapconn.Options{Fingerprint: good.Fingerprint}, ""},
		{"pinned in another spelling", good, imapconn.Options{Fingerprint: upper}, ""},
		{"pinned though expired", expired, imapconn.Options{Fingerprint: expired.Fingerprint}, ""},
		{"pinned and root", good, imapconn.Options{Fingerprint: good.Fingerprint, CAFile: good.CAFile}, ""},
		{"unknown authority", good, imapconn.Options{}, imapconn.CheckAuthority},
		{"another's root", good, imapconn.Options{CAFile: other.CAFile}, imapconn.CheckAuthority},
		{"another name", other, imapconn.Options{CAFile: other.CAFile}, imapconn.CheckName},
		{"expired", expired, imapconn.Options{CAFile: expired.CAFile}, imapconn.CheckDates},
		{"another pin", good, imapconn.Options{Fingerprint: other.Fingerprint}, imapconn.CheckFingerprint},
		{"pinned, root does not hold", good, imapconn.Options{Fingerprint: good.Fingerprint, CAFile: other.CAFile}, imapconn.CheckAuthority},
		{"pinned, name does not hold", other, imapconn.Options{Fingerprint: other.Fingerprint, CAFile: other.CAFile}, imapconn.CheckName},
	}
	for _, tt := range tests {
		for _, starttls := range []bool{false, true} {
			tt, name := tt, tt.name // the two run at once
			steps := []imaptest.Step{imaptest.StartTLS(tt.cert.TLS), imaptest.Send("* OK hi\r\n"), imaptest.Stall()}
			if starttls {
				name += ", STARTTLS"
				tt.opts.TLS = imapconn.TLSStart
				steps = []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("$tag OK go\r\n"), imaptest.StartTLS(tt.cert.TLS), imaptest.Stall()}
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server := imaptest.Listen(t, imaptest.Script{Lenient: true, Steps: steps})
				c, err := imapconn.Dial(t.Context(), server.Address, tt.opts)
				if tt.want == "" {
					if err != nil {
						t.Fatalf("got %v, want a connection", err)
					}
					if !c.Secure() {
						t.Error("not secure")
					}
					c.Close()
					return
				}
				var certificate *imapconn.CertificateError
				if !errors.Is(err, imapconn.ErrCertificate) || !errors.As(err, &certificate) {
					t.Fatalf("got %v, want a CertificateError", err)
				}
				if certificate.Check != tt.want || certificate.Fingerprint != tt.cert.Fingerprint || certificate.Host != "127.0.0.1" {
					t.Errorf("got %+v, want check %q of %s", certificate, tt.want, tt.cert.Fingerprint)
				}
			})
		}
	}
}

func chunks(s string, n int) []string {
	var out []string
	for ; len(s) > n; s = s[n:] {
		out = append(out, s[:n])
	}
	return append(out, s)
}

// TestStartTLSRefused: without TLS there is no connection.
func TestStartTLSRefused(t *testing.T) {
	cert := imaptest.NewCertificate(t, imaptest.CertificateOptions{})
	tests := []struct {
		name  string
		steps []imaptest.Step
		want  error
	}{
		{"BAD", []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("$tag BAD what\r\n")}, imapconn.ErrNoStartTLS},
		{"NO", []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("$tag NO not now\r\n")}, imapconn.ErrNoStartTLS},
		{"PREAUTH", []imaptest.Step{imaptest.Send("* PREAUTH hi\r\n")}, imapconn.ErrNoStartTLS},
		{"BYE", []imaptest.Step{imaptest.Send("* BYE full\r\n")}, imapconn.ErrCut},
		{"injected", []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("$tag OK go\r\n* CAPABILITY LITERAL+\r\n")}, imapconn.ErrProtocol},
		{"clear text instead", []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("$tag OK go\r\n"), imaptest.ExpectOctets("\x16"), imaptest.Send("* OK hi\r\n")}, imapconn.ErrTLS},
		{"cut", []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Close()}, imapconn.ErrCut},
		{"cut in the handshake", []imaptest.Step{imaptest.Send("* OK hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("$tag OK\r\n"), imaptest.ExpectOctets("\x16"), imaptest.Reset()}, imapconn.ErrCut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := imaptest.Listen(t, imaptest.Script{Lenient: true, Steps: tt.steps})
			c, err := imapconn.Dial(t.Context(), server.Address, imapconn.Options{TLS: imapconn.TLSStart, CAFile: cert.CAFile, AllowClear: true})
			if !errors.Is(err, tt.want) || c != nil {
				t.Errorf("got %v, %v, want %v", c, err, tt.want)
			}
		})
	}
}

// TestStartTLSForgets: nothing said in clear is believed afterwards.
func TestStartTLSForgets(t *testing.T) {
	t.Parallel()
	cert := imaptest.NewCertificate(t, imaptest.CertificateOptions{})
	server := imaptest.Listen(t, imaptest.Script{Steps: []imaptest.Step{
		imaptest.Send("* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"), imaptest.Expect("STARTTLS"), imaptest.Send("* OK [ALERT] boo\r\n$tag OK go\r\n"),
		imaptest.StartTLS(cert.TLS), imaptest.Expect("CAPABILITY"), imaptest.Send("* CAPABILITY IMAP4rev1 IDLE\r\n$tag OK\r\n"), imaptest.Stall(),
	}})
	c, err := imapconn.Dial(t.Context(), server.Address, imapconn.Options{TLS: imapconn.TLSStart, CAFile: cert.CAFile})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if caps, known := c.Caps(); known || len(caps) != 0 || len(c.Alerts()) != 0 {
		t.Errorf("got %v, %v, %v, want nothing known", caps, known, c.Alerts())
	}
	if err := c.Capability(bg()).Wait(); err != nil {
		t.Fatal(err)
	}
	if caps, known := c.Caps(); !known || len(caps) != 2 {
		t.Errorf("got %v, %v", caps, known)
	}
}

// TestDialErrors: every way not to arrive has its name.
func TestDialErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := ln.Addr().String()
	ln.Close()
	canceled, cancel := context.WithCancel(bg())
	cancel()
	late, cancel := context.WithTimeout(bg(), 1)
	defer cancel()
	<-late.Done()
	noDNS := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}
	}
	tests := []struct {
		name string
		ctx  context.Context
		addr string
		opts imapconn.Options
		want error
	}{
		{"refused", bg(), free, imapconn.Options{}, imapconn.ErrRefused},
		{"no port", bg(), "127.0.0.1", imapconn.Options{}, imapconn.ErrUnreachable},
		{"DNS", bg(), "x:1", imapconn.Options{DialContext: noDNS}, imapconn.ErrDNS},
		{"canceled", canceled, free, imapconn.Options{}, imapconn.ErrCanceled},
		{"late", late, free, imapconn.Options{}, imapconn.ErrTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var conn *imapconn.ConnError
			if _, err := imapconn.Dial(tt.ctx, tt.addr, tt.opts); !errors.Is(err, tt.want) || !errors.As(err, &conn) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestGreetings(t *testing.T) {
	tests := []struct {
		name, greeting string
		want           error // nil for a connection
	}{
		{"OK", "* OK [CAPABILITY IMAP4rev1] hello there\r\n", nil},
		{"PREAUTH", "* PREAUTH\r\n", nil},
		{"BYE", "* BYE [UNAVAILABLE] too many\r\n", imapconn.ErrCut},
		{"NO", "* NO\r\n", imapconn.ErrProtocol},
		{"another protocol", "220 smtp.example.org ESMTP\r\n", imapconn.ErrProtocol},
		{"another response", "* 3 EXISTS\r\n", imapconn.ErrProtocol},
		{"TLS on a clear port", "\x15\x03\x01\x00\x02\x02\x16", imapconn.ErrProtocol},
		{"nothing", "", imapconn.ErrCut},
		{"endless", "* OK " + strings.Repeat("x", 80_000), imapconn.ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			nc := imaptest.Pipe(t, imaptest.Script{Lenient: true, Steps: []imaptest.Step{imaptest.Send(tt.greeting), imaptest.Close()}})
			c, err := imapconn.New(t.Context(), nc, clear(imapconn.Options{}))
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if tt.want == nil {
				if st := c.Greeting(); string(st.Type) != tt.name {
					t.Errorf("greeting: got %+v, want %s", st, tt.name)
				}
				c.Close()
			}
			var status *imapconn.StatusError
			if errors.As(err, &status) != (tt.name == "BYE") {
				t.Errorf("got %v, want a StatusError for BYE only", err)
			}
		})
	}
}

// TestGreetingTimeout: a server that accepts and says nothing.
func TestGreetingTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		nc := imaptest.Pipe(t, imaptest.Script{Lenient: true, Steps: []imaptest.Step{imaptest.Stall()}})
		if _, err := imapconn.New(t.Context(), nc, clear(imapconn.Options{})); !errors.Is(err, imapconn.ErrTimeout) {
			t.Errorf("got %v, want ErrTimeout", err)
		}
	})
}

// TestEarly: what the last greeting listed is enough to begin with. What the one of now
// lists is not taken for what the sign-in lists that is under way.
func TestEarly(t *testing.T) {
	nc := imaptest.Pipe(t, imaptest.Script{Steps: []imaptest.Step{
		imaptest.Expect("AUTHENTICATE PLAIN " + plainIR), imaptest.Send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n$tag OK in\r\n"),
	}})
	early := imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapSASLIR: {}, imap.AuthCap(sasl.Plain): {}}
	c, err := imapconn.New(bg(), nc, imapconn.Options{TLS: imapconn.TLSNone, AllowClear: true, Early: early})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	signIn := c.Authenticate(bg(), sasl.NewPlainClient("", "ann", "sesame"))
	if err := c.AwaitGreeting(bg()); err != nil || c.Greeting().Text != "ready" {
		t.Errorf("got greeting %v, %v; want ready", c.Greeting(), err)
	}
	if err := signIn.Wait(); err != nil || !maps.Equal(c.Offered(), early) {
		t.Errorf("got %v, and offered %v; want %v", err, c.Offered(), early)
	}
	if caps, known := c.Caps(); known {
		t.Errorf("got capabilities %v, want none known: the sign-in listed none", caps)
	}
}
