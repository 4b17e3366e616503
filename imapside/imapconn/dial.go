package imapconn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Dial connects to address ("host:port"), does TLS as Options say and waits
// for the greeting, unless Options.Early lets it go on without. ctx bounds all of that, not the connection afterwards; so do,
// for each step by itself, 60 seconds for TCP and TLS (ReplyIdle) and TagWait for
// the greeting.
//
// Errors: *ConnError; inside it a *CertificateError, or a *StatusError with BYE
// when the server sent us away. After an error nothing is left open.
func Dial(ctx context.Context, address string, opts Options) (*Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &ConnError{Kind: ErrUnreachable, Err: err}
	}
	if opts.ServerName == "" {
		opts.ServerName = host
	}
	dial := opts.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	within, cancel := context.WithTimeout(ctx, opts.withDefaults().ReplyIdle)
	defer cancel()
	nc, err := dial(within, "tcp", address)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	return New(ctx, nc, opts)
}

// New is Dial over a connection that exists. It owns nc from then on, and has
// closed it when it returns an error.
func New(ctx context.Context, nc net.Conn, opts Options) (*Conn, error) {
	c := newConn(nc, opts)
	if err := c.start(ctx); err != nil {
		c.nc.Close()
		return nil, err
	}
	early := opts.Early != nil && opts.TLS != TLSStart
	if early {
		c.caps, c.capsKnown = opts.Early.Copy(), true
	}
	go c.readLoop()
	go c.writeLoop()
	if early {
		return c, nil
	}
	if err := c.AwaitGreeting(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// start does what comes before the two goroutines.
func (c *Conn) start(ctx context.Context) error {
	switch c.opts.TLS {
	case TLSImplicit:
		if err := c.handshake(ctx); err != nil {
			return err
		}
	case TLSStart:
		return c.startTLS(ctx)
	}
	return nil
}

// startTLS reads the greeting in clear, asks for TLS and forgets everything
// else it was told (RFC 9051 §6.2.1, §11.1). It uses reader and writer without
// their goroutines, which could read into the handshake.
func (c *Conn) startTLS(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c.lastTag = 1
	cmd := &Command{conn: c, name: "STARTTLS", tag: 1, done: make(chan struct{}), written: true}
	c.readResponse()
	if c.scan.err == nil && c.greeting.Type == imap.StatusResponseTypePreAuth {
		return &ConnError{Kind: ErrNoStartTLS, Err: errors.New("the greeting is PREAUTH")}
	}
	if c.scan.err == nil {
		c.inflight = []*Command{cmd}
		c.trace.client([]byte("a1 STARTTLS"))
		c.nc.SetWriteDeadline(time.Now().Add(c.opts.TagWait))
		if _, err := io.WriteString(c.nc, "a1 STARTTLS\r\n"); err != nil {
			c.scan.fatal(err)
		}
	}
	for c.scan.err == nil && !cmd.ended {
		c.readResponse()
	}
	switch {
	case ctx.Err() != nil:
		return dialError(ctx, ctx.Err())
	case c.scan.err != nil:
		err := connError(c.scan.err)
		err.Bye = c.bye
		return err
	case cmd.err != nil:
		return &ConnError{Kind: ErrNoStartTLS, Err: cmd.err}
	case c.scan.buffered() > 0:
		return brokenFraming("%d octets in clear behind the answer to STARTTLS", c.scan.buffered())
	}
	c.caps, c.capsKnown, c.offered = imap.CapSet{}, false, nil
	c.alerts = nil // nobody vouches for them
	return c.handshake(ctx)
}

// dialError classes an error of the way to the greeting.
func dialError(ctx context.Context, err error) *ConnError {
	var dns *net.DNSError
	kind := ErrUnreachable
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		kind = ErrCanceled
	case errors.As(err, &dns):
		kind = ErrDNS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		kind = ErrTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = ErrRefused
	}
	return &ConnError{Kind: kind, Err: err}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
