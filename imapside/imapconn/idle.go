package imapconn

import (
	"errors"
	"os"
	"sync"
	"time"
)

// idleReader reads from the connection with the two limits on silence: within
// a reply, and while a tagged answer is awaited. Only waiting counts: the clock
// of each Read starts when it is called.
type idleReader struct {
	c *Conn

	mu     sync.Mutex
	within bool // a reply has begun and not ended
	last   bool // the connection is cut: only what arrived is read
}

// reply says whether a reply is under way.
func (r *idleReader) reply(within bool) {
	r.mu.Lock()
	r.within = within
	r.mu.Unlock()
}

func (r *idleReader) Read(p []byte) (int, error) {
	began := time.Now()
	for {
		r.arm()
		n, err := r.c.nc.Read(p)
		if n > 0 {
			return n, nil // an error with it comes again
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !r.expired(began) {
			continue
		}
		if err != nil {
			return 0, err
		}
	}
}

// arm sets the deadline for one read; none while nothing is awaited.
func (r *idleReader) arm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.last:
		r.c.nc.SetReadDeadline(time.Now().Add(drainWait))
	case r.within:
		r.c.nc.SetReadDeadline(time.Now().Add(r.c.opts.ReplyIdle))
	case r.c.awaits():
		r.c.nc.SetReadDeadline(time.Now().Add(r.c.opts.TagWait))
	default:
		r.c.nc.SetReadDeadline(time.Time{})
	}
}

// awaken gives a read that waits without a deadline one: a command was written.
func (r *idleReader) awaken() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.within {
		r.c.nc.SetReadDeadline(time.Now().Add(r.c.opts.TagWait))
	}
}

// drain says that the connection is cut: only what arrived is read.
func (r *idleReader) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = true
	r.c.nc.SetReadDeadline(time.Now().Add(drainWait))
}

// expired says whether a read that began then has waited in silence too long.
func (r *idleReader) expired(began time.Time) bool {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if last {
		return true
	}
	if r.within { // set by the goroutine that reads, which calls this
		return time.Since(began) >= r.c.opts.ReplyIdle
	}
	if !r.c.awaits() {
		return false
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.activity.After(began) {
		began = r.c.activity
	}
	return !r.c.feeding && time.Since(began) >= r.c.opts.TagWait
}

// awaits says whether the server owes us something.
func (c *Conn) awaits() bool {
	select {
	case <-c.greeted:
	default:
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.inflight) > 0
}
