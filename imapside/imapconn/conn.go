package imapconn

import (
	"context"
	"net"

	"github.com/emersion/go-imap/v2"
)

// Dial connects to address ("host:port"), does TLS as Options say and waits
// for the greeting (see Options.AssumeCaps). ctx bounds all of that, not the
// connection afterwards.
//
// Errors: *ConnError; inside it a *CertificateError, or a *StatusError with BYE
// when the server sent us away. After an error nothing is left open.
func Dial(ctx context.Context, address string, opts Options) (*Conn, error) {
	return nil, ErrClosed
}

// New is Dial over a connection that exists. It owns nc from then on, and has
// closed it when it returns an error.
func New(ctx context.Context, nc net.Conn, opts Options) (*Conn, error) {
	return nil, ErrClosed
}

// Conn is one connection. Its methods may be called from several goroutines.
// After an error of the connection every command of it has ended, later ones
// end with ErrNotSent, and Close still has to be called.
type Conn struct{}

// Close closes the connection without LOGOUT. Commands in flight end with
// ErrUncertain, queued ones with ErrNotSent, both with ErrClosed, unless the
// connection had failed before. It does not wait for handlers that run. It may
// be called more than once and from a handler, and returns nil.
func (c *Conn) Close() error { return nil }

// Done is closed when the connection has ended for any reason.
func (c *Conn) Done() <-chan struct{} { return nil }

// Err is why the connection ended, nil while it lives and after LOGOUT.
func (c *Conn) Err() error { return nil }

// Greeting waits for the greeting. It is only needed with Options.AssumeCaps;
// otherwise it returns at once. A BYE greeting is the error.
func (c *Conn) Greeting(ctx context.Context) (Status, error) { return Status{}, nil }

// Caps returns a copy of the capabilities last listed. Known is false before
// any were listed, while they are assumed, and after a sign-in or STARTTLS that
// listed none: then Capability should be asked.
func (c *Conn) Caps() (caps imap.CapSet, known bool) { return nil, false }

// Enabled returns what the server confirmed with ENABLED.
func (c *Conn) Enabled() imap.CapSet { return nil }

// Secure says whether the connection is inside TLS.
func (c *Conn) Secure() bool { return false }

// Alerts returns the texts of the ALERTs so far, the newest 100.
func (c *Conn) Alerts() []string { return nil }

// Bye returns the server's parting words, nil if there were none.
func (c *Conn) Bye() *StatusError { return nil }

// Oddities counts what was skipped or put up with, by kind: "response",
// "code", "fetch-item", "continuation", "tag", "date", "size", "number",
// "flag", "name", "syntax", "line-end".
func (c *Conn) Oddities() map[string]uint64 { return nil }

// Hold keeps commands from being written until Release, which then sends what
// was queued meanwhile in one write, as far as the commands need no
// continuation from the server. Inside Hold commands behind AUTHENTICATE (with
// initial response) and LOGIN do not wait for their answer; outside they do,
// because some servers lose them (Courier) and because their form depends on
// the capabilities announced there. Holds nest.
func (c *Conn) Hold() {}

// Release ends a Hold.
func (c *Conn) Release() {}
