package imapside_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// heading is one of the two directions of a wire.
type heading int

const (
	up   heading = iota // from the client to the server
	down                // from the server to the client
)

var headings = [...]heading{up, down}

func (h heading) String() string { return [...]string{"up", "down"}[h] }

// way is how a connection is cut.
type way int

const (
	// fin: what was sent before arrives, then the end.
	fin way = iota
	// rst: what was sent and not read yet is dropped, and both ends are told.
	rst
	// stall: nothing passes any more in that direction, and nobody is told.
	stall
)

var ways = [...]way{fin, rst, stall}

func (w way) String() string { return [...]string{"fin", "rst", "stall"}[w] }

// cut is the end of a connection once octets octets have passed in a direction.
type cut struct {
	heading heading
	way     way
	octets  int
}

func (c cut) String() string { return fmt.Sprintf("%v/%v/%d", c.heading, c.way, c.octets) }

// upRoom is how many octets a wire keeps on their way to the server: fewer than
// the largest message has. Down it keeps any number, because the server holds
// the lock of a mailbox while it writes.
const upRoom = 1 << 10

// wire is a connection in memory. Like TCP it keeps what was written until it
// is read; a cut ends it after an exact number of octets.
type wire struct {
	plan *cut          // nil: none
	done chan struct{} // closed at the cut
	sent []byte        // all that went up
	then *moment       // nil: none

	mu    sync.Mutex
	moved *sync.Cond // anything below
	lanes [2]lane
	ends  [2]*wireEnd
	reset bool
}

// lane is one direction.
type lane struct {
	queue   []byte
	passed  int // octets that were ever put into queue
	behind  int // octets written after a stall
	stalled bool
	ended   bool // after queue the reader finds the end, and writing is an error
	swallow bool // the write under way succeeds although the wire is cut
}

// moment is something that happens once octets octets have passed, while the
// connection goes on.
type moment struct {
	heading heading
	octets  int
	act     func()
}

func newWire(plan *cut, then *moment) *wire {
	w := &wire{plan: plan, then: then, done: make(chan struct{})}
	w.moved = sync.NewCond(&w.mu)
	w.ends = [2]*wireEnd{{wire: w, out: up, in: down}, {wire: w, out: down, in: up}}
	for _, h := range headings {
		w.cutIfDue(h)
	}
	return w
}

// passed returns how many octets went in a direction.
func (w *wire) passed(h heading) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lanes[h].passed
}

// wasCut reports whether the planned cut came.
func (w *wire) wasCut() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// cutNow carries a cut out at once.
func (w *wire) cutNow(c cut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.carryOut(c)
}

// cutIfDue carries the planned cut out if its octet has passed. w.mu is held,
// or nobody knows the wire yet.
func (w *wire) cutIfDue(h heading) {
	if w.plan != nil && w.plan.heading == h && w.lanes[h].passed == w.plan.octets {
		w.carryOut(*w.plan)
	}
}

// carryOut cuts. The kernel takes the rest of the write under way, or says how
// much of it went out: both happen, so even and odd octets differ.
func (w *wire) carryOut(c cut) {
	if w.wasCut() {
		return
	}
	close(w.done)
	w.lanes[c.heading].swallow = c.octets%2 == 0
	switch c.way {
	case fin:
		w.lanes[up].ended, w.lanes[down].ended = true, true
	case rst:
		w.reset = true
		w.lanes[up].queue, w.lanes[down].queue = nil, nil
	case stall:
		w.lanes[c.heading].stalled = true
	}
	w.moved.Broadcast()
}

// room is how much a lane takes now. w.mu is held.
func (w *wire) room(h heading) int {
	l := &w.lanes[h]
	if h == down {
		return 1 << 20
	}
	return upRoom - len(l.queue) - l.behind
}

// put moves octets into a lane, no further than to the planned cut.
func (w *wire) put(h heading, octets []byte) int {
	l := &w.lanes[h]
	n := min(len(octets), w.room(h))
	if l.stalled {
		l.behind += n
		return n
	}
	if w.plan != nil && w.plan.heading == h && !w.wasCut() {
		n = min(n, w.plan.octets-l.passed)
	}
	l.queue = append(l.queue, octets[:n]...)
	if h == up {
		w.sent = append(w.sent, octets[:n]...)
	}
	l.passed += n
	if w.then != nil && w.then.heading == h && l.passed >= w.then.octets {
		go w.then.act()
		w.then = nil
	}
	w.cutIfDue(h)
	w.moved.Broadcast()
	return n
}

// wait waits for a change, at most until the deadline. w.mu is held.
func (w *wire) wait(deadline time.Time) error {
	if !deadline.IsZero() {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		timer := time.AfterFunc(left, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.moved.Broadcast()
		})
		defer timer.Stop()
	}
	w.moved.Wait()
	return nil
}

// wireEnd is one end of a wire.
type wireEnd struct {
	wire    *wire
	out, in heading
	closed  bool
	reads   time.Time // deadlines
	writes  time.Time
}

// Read implements net.Conn.
func (e *wireEnd) Read(p []byte) (int, error) {
	w := e.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.lanes[e.in]
	for {
		switch {
		case e.closed:
			return 0, net.ErrClosed
		case w.reset:
			return 0, syscall.ECONNRESET
		case len(l.queue) > 0:
			n := copy(p, l.queue)
			l.queue = l.queue[n:]
			w.moved.Broadcast()
			return n, nil
		case l.ended && !l.stalled:
			return 0, io.EOF
		}
		if err := w.wait(e.reads); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (e *wireEnd) Write(p []byte) (n int, err error) {
	w := e.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.lanes[e.out]
	l.swallow = false
	for n < len(p) {
		switch {
		case e.closed:
			return n, net.ErrClosed
		case l.swallow && !l.stalled:
			l.swallow = false
			return len(p), nil
		case w.reset:
			return n, syscall.ECONNRESET
		case l.ended:
			return n, syscall.EPIPE
		}
		k := w.put(e.out, p[n:])
		n += k
		if k == 0 && !l.ended && !w.reset {
			if err := w.wait(e.writes); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Close implements net.Conn: the other end reads what is on its way, then the
// end. Nothing of that passes where the wire is stalled.
func (e *wireEnd) Close() error {
	w := e.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	w.lanes[e.out].ended = true
	w.lanes[e.in].ended = true
	w.moved.Broadcast()
	return nil
}

// SetDeadline implements net.Conn.
func (e *wireEnd) SetDeadline(t time.Time) error { return e.setDeadlines(&t, &t) }

// SetReadDeadline implements net.Conn.
func (e *wireEnd) SetReadDeadline(t time.Time) error { return e.setDeadlines(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (e *wireEnd) SetWriteDeadline(t time.Time) error { return e.setDeadlines(nil, &t) }

func (e *wireEnd) setDeadlines(reads, writes *time.Time) error {
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	if reads != nil {
		e.reads = *reads
	}
	if writes != nil {
		e.writes = *writes
	}
	e.wire.moved.Broadcast()
	return nil
}

// LocalAddr implements net.Conn.
func (e *wireEnd) LocalAddr() net.Addr { return wireAddr{} }

// RemoteAddr implements net.Conn.
func (e *wireEnd) RemoteAddr() net.Addr { return wireAddr{} }

type wireAddr struct{}

func (wireAddr) Network() string { return "memory" }
func (wireAddr) String() string  { return "wire" }
