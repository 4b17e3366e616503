package imapconn

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
)

// TLSMode says how a connection is protected.
type TLSMode int

const (
	// TLSImplicit starts with the handshake (port 993, RFC 8314). It is the
	// zero value.
	TLSImplicit TLSMode = iota
	// TLSStart asks for STARTTLS right after the greeting (port 143, RFC 9051
	// §6.2.1). Where the server refuses, the connection is closed; it is never
	// used in clear.
	TLSStart
	// TLSNone sends everything in clear. Credentials are refused all the same
	// unless AllowClear is set.
	TLSNone
)

// Options are the settings of one connection. The zero value is implicit TLS
// against the system's roots, with the default limits.
type Options struct {
	TLS TLSMode

	// ServerName is the name the certificate must hold; empty means the host
	// given to Dial. New has no host and needs it for TLS.
	ServerName string

	// CAFile names a PEM file. Its certificates replace the system's roots.
	CAFile string

	// Fingerprint is "sha256:" and the 64 hexadecimal digits of the SHA-256
	// of the server's own certificate (DER); colons between the digits and
	// upper case are accepted. When set, the certificate must be that one, and
	// neither its name nor its dates nor its issuer are looked at, unless
	// CAFile is set as well: then both must hold.
	Fingerprint string

	// AllowClear permits LOGIN and AUTHENTICATE without TLS. It is meant for
	// loopback and for a tunnel; the caller judges that.
	AllowClear bool

	// Early are the capabilities of the server's last greeting. Where they are set,
	// and there is no STARTTLS, Dial and New do not wait for the greeting and commands
	// are written before it has come; AwaitGreeting tells whether it did, and Offered
	// what it listed.
	Early imap.CapSet

	// Trace receives every line in both directions, "C: " or "S: " first, a
	// literal shown as "{n octets}", credentials as "***". Nil means none. An
	// error of it is ignored. Write is called from one goroutine at a time.
	Trace io.Writer

	// Events receives what the server says unasked.
	Events Events

	Limits Limits

	// ReplyIdle is the longest silence within a reply; 0 means 60 seconds.
	// TagWait is the longest silence in both directions while a tagged answer
	// or the greeting is awaited, and the longest time a write may be stuck;
	// 0 means 5 minutes. Time spent in a handler or in reading the body of an
	// APPEND does not count, and there is no limit on the total.
	ReplyIdle time.Duration
	TagWait   time.Duration

	// Depth is the most commands in flight, 0 means 64. Budget is the most
	// octets, bodies included, of commands in flight, 0 means 4 MiB; a larger
	// command goes alone. A burst (Conn.Hold) is not split by them.
	Depth  int
	Budget int64

	// DialContext replaces net.Dialer's. Nil means that.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Limits bound what a server can make us hold. Zero means the default.
// Exceeding Line, Literal or Ranges ends the connection with ErrLimit; a reply
// over Nesting, Name or Flags is skipped and counted.
type Limits struct {
	Line    int   // octets of a line without its literals and number sets; 64 KiB
	Literal int64 // octets of a literal that is not a body; 1 MiB
	Nesting int   // parentheses within parentheses; 32
	Name    int   // octets of a mailbox name; 1,000
	Flags   int   // flags of one message; 256
	Ranges  int   // ranges of one number set; 2 Mi
}

func (o Options) withDefaults() Options {
	orInt(&o.Limits.Line, 64<<10)
	orInt(&o.Limits.Nesting, 32)
	orInt(&o.Limits.Name, 1000)
	orInt(&o.Limits.Flags, 256)
	orInt(&o.Limits.Ranges, 2<<20)
	orInt(&o.Depth, 64)
	if o.Limits.Literal <= 0 {
		o.Limits.Literal = 1 << 20
	}
	if o.Budget <= 0 {
		o.Budget = 4 << 20
	}
	if o.ReplyIdle <= 0 {
		o.ReplyIdle = 60 * time.Second
	}
	if o.TagWait <= 0 {
		o.TagWait = 5 * time.Minute
	}
	return o
}

func orInt(v *int, def int) {
	if *v <= 0 {
		*v = def
	}
}
