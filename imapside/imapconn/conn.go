package imapconn

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Conn is one connection. Its methods may be called from several goroutines.
// After an error of the connection every command of it has ended, later ones
// end with ErrNotSent, and Close still has to be called.
type Conn struct {
	opts  Options
	nc    net.Conn // as it is now: the TLS connection once there is one
	scan  *scanner
	trace *tracer
	in    *idleReader
	out   outBuffer

	msg    FetchMessage // these three are reused for every FETCH reply
	body   FetchBody
	source bodySource

	greeted chan struct{} // closed when greeting holds
	done    chan struct{} // closed when ended

	mu       sync.Mutex
	wake     *sync.Cond // for the writer: any change below
	queue    []*Command // not yet given to the writer
	inflight []*Command // given to the writer and not answered, in order
	octets   int64      // of those in flight
	lastTag  uint64
	held     int      // nested Holds
	burst    uint64   // counts outermost Holds
	selected *Command // the newest SELECT queued, nil after UNSELECT
	current  *Command // the newest SELECT that succeeded
	barrier  *Command // the sign-in in flight, nil if none
	bye      *StatusError
	logout   bool // LOGOUT was written: nothing follows it

	continued bool     // "+" came for the writer that waits
	waiting   *Command // it waits with this command's literal
	challenge *string  // "+" came for the sign-in, base64 undone

	ended    bool
	err      error      // why; nil after LOGOUT
	broken   *ConnError // a write was cut off; what arrived is read still
	greeting Status
	offered  imap.CapSet // what the greeting listed, nil where it listed nothing

	caps      imap.CapSet
	capsKnown bool
	enabled   imap.CapSet
	alerts    []string
	oddities  map[string]uint64

	activity time.Time // the last octet in either direction
	feeding  bool      // the writer reads the body of an APPEND
}

func newConn(nc net.Conn, opts Options) *Conn {
	opts = opts.withDefaults()
	c := &Conn{
		opts:     opts,
		nc:       nc,
		trace:    newTracer(opts.Trace),
		greeted:  make(chan struct{}),
		done:     make(chan struct{}),
		caps:     imap.CapSet{},
		enabled:  imap.CapSet{},
		oddities: map[string]uint64{},
		activity: time.Now(),
	}
	c.wake = sync.NewCond(&c.mu)
	c.in = &idleReader{c: c}
	c.scan = newScanner(c.in, opts.Limits, c.trace)
	c.out.buf = make([]byte, 0, outSize)
	return c
}

// Close closes the connection without LOGOUT. Commands in flight end with
// ErrUncertain, queued ones with ErrNotSent, both with ErrClosed, unless the
// connection had failed before. It does not wait for handlers that run. It may
// be called more than once and from a handler, and returns nil.
func (c *Conn) Close() error {
	c.fail(&ConnError{Kind: ErrClosed})
	return nil
}

// Done is closed when the connection has ended for any reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection ended, nil while it lives and after LOGOUT.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// reason is what commands that come too late are told. c.mu is held.
func (c *Conn) reason() error {
	if c.err != nil {
		return c.err
	}
	return &ConnError{Kind: ErrClosed}
}

// fail ends the connection and all its commands; the first cause counts. A nil
// cause is the end that LOGOUT asked for.
func (c *Conn) fail(cause *ConnError) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	if cause != nil {
		cause.Bye = c.bye
		c.err = cause
	}
	for _, cmd := range c.inflight {
		cmd.answered = true
		switch {
		case !cmd.written:
			cmd.end(cmd.notSent(c.reason()))
		case cmd.kind&kindLogout != 0 && cause == nil:
			cmd.end(nil)
		case cause == nil: // behind a LOGOUT that was answered out of order
			cmd.end(cmd.uncertain(&ConnError{Kind: ErrCut, Bye: c.bye}))
		default:
			cmd.end(cmd.uncertain(c.reason()))
		}
	}
	for _, cmd := range c.queue {
		cmd.answered = true
		cmd.end(cmd.notSent(c.reason()))
	}
	c.queue = nil
	close(c.done)
	c.wake.Broadcast()
	c.mu.Unlock()
	c.nc.Close()
}

// Greeting returns what the server said first. Where Options.Early is set it must
// have been awaited.
func (c *Conn) Greeting() Status { return c.greeting }

// Offered returns the capabilities that the greeting listed, nil where it listed
// none, or in clear before STARTTLS. It is to be awaited as for Greeting.
func (c *Conn) Offered() imap.CapSet { return maps.Clone(c.offered) }

// AwaitGreeting waits for the greeting. Its errors are those of Dial; after one
// Close still has to be called.
func (c *Conn) AwaitGreeting(ctx context.Context) error {
	select {
	case <-c.greeted:
		return nil
	case <-c.done:
	case <-ctx.Done():
		return dialError(ctx, ctx.Err())
	}
	select { // both may be
	case <-c.greeted:
		return nil
	default:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.reason()
	}
}

// Caps returns a copy of the capabilities last listed. Known is false before
// any were listed, and after a sign-in or STARTTLS that listed none: then
// Capability should be asked.
func (c *Conn) Caps() (caps imap.CapSet, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caps.Copy(), c.capsKnown
}

// setCaps takes a list from the server. c.mu is held.
func (c *Conn) setCaps(list []imap.Cap) {
	c.caps = capSet(list)
	c.capsKnown = true
	if c.barrier != nil && c.inflight[0] == c.barrier {
		c.barrier.auth.listed = true
	}
}

// Enabled returns what the server confirmed with ENABLED.
func (c *Conn) Enabled() imap.CapSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enabled.Copy()
}

// Secure says whether the connection is inside TLS.
func (c *Conn) Secure() bool {
	_, ok := c.nc.(*tls.Conn)
	return ok
}

// Alerts returns the texts of the ALERTs so far, the newest 100.
func (c *Conn) Alerts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.alerts)
}

// Bye returns the server's parting words, nil if there were none.
func (c *Conn) Bye() *StatusError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bye
}

// Oddities counts what was skipped or put up with, by kind: "response"
// (untagged, unknown), "code", "fetch-item", "value" (of a known item), "date",
// "size", "flags" (too many), "continuation" (stray "+"), "tag" (none or
// unknown), "empty-line", "base64", and "syntax" for a response given up in the
// middle.
func (c *Conn) Oddities() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.oddities)
}

func (c *Conn) odd(kind string) {
	c.mu.Lock()
	c.oddities[kind]++
	c.mu.Unlock()
	c.trace.note("odd: %s", kind)
}

// Hold keeps commands from being written until Release, which then sends what
// was queued meanwhile in one write, as far as the commands need no
// continuation from the server. Inside one Hold commands behind AUTHENTICATE
// (with initial response) and LOGIN do not wait for their answer; outside they
// do, because some servers lose them (Courier) and because their form depends
// on the capabilities announced there. Holds nest.
func (c *Conn) Hold() {
	c.mu.Lock()
	if c.held++; c.held == 1 {
		c.burst++
	}
	c.mu.Unlock()
}

// Release ends a Hold.
func (c *Conn) Release() {
	c.mu.Lock()
	c.held--
	c.wake.Broadcast()
	c.mu.Unlock()
}
