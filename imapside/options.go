package imapside

import (
	"context"
	"errors"
	"io"
	"net"

	"mailtwin/imapside/imapconn"
)

// Security says how the connection is protected.
type Security uint8

const (
	// ImplicitTLS starts with the handshake (RFC 8314). The zero value.
	ImplicitTLS Security = iota
	// StartTLS asks for STARTTLS before anything else; without it nothing is
	// sent.
	StartTLS
	// Clear sends everything, the password too, as it is. It is for loopback
	// and for a tunnel; whoever sets it has judged that.
	Clear
)

// Options say which account, and how to reach it.
type Options struct {
	Host string
	Port int // 0: 993 with ImplicitTLS, else 143
	TLS  Security
	// CAFile names a PEM file whose certificates replace the system's roots.
	CAFile string
	// Fingerprint pins the server's certificate: "sha256:" and 64 hexadecimal
	// digits. See imapconn.Options.Fingerprint.
	Fingerprint string

	// User is the account's name, and its Traits.Identity.
	User string
	// Password is asked once a connection, when the server is ready to take
	// it. Its error fails the sign-in.
	Password func(ctx context.Context) (string, error)

	// Trace receives the wire without credentials, a line a call, from several
	// goroutines at once; nil means none.
	Trace io.Writer
	// Dial replaces the network in tests; nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Ports of RFC 8314 §3.2 and RFC 9051 §2.1.
const (
	portTLS   = 993
	portClear = 143
)

func (o Options) port() int {
	switch {
	case o.Port != 0:
		return o.Port
	case o.TLS == ImplicitTLS:
		return portTLS
	}
	return portClear
}

func (o Options) password(ctx context.Context) (string, error) {
	if o.Password == nil {
		return "", errors.New("no password is set")
	}
	return o.Password(ctx)
}

// wire translates the options into those of a connection.
func (o Options) wire() imapconn.Options {
	modes := map[Security]imapconn.TLSMode{
		ImplicitTLS: imapconn.TLSImplicit,
		StartTLS:    imapconn.TLSStart,
		Clear:       imapconn.TLSNone,
	}
	return imapconn.Options{
		TLS:         modes[o.TLS],
		CAFile:      o.CAFile,
		Fingerprint: o.Fingerprint,
		AllowClear:  o.TLS == Clear,
		Trace:       o.Trace,
		DialContext: o.Dial,
	}
}
