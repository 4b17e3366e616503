package mirror

import (
	"cmp"
	"context"
	"errors"
	"io"
)

// carried is what a relay learned of one message besides the target's result.
type carried struct {
	hash *Hasher
	// started says that the target was given the message, so that it may be
	// there whatever happened then.
	started bool
	// readErr is the source's error in the middle of the body.
	readErr error
}

// watched reads a body and remembers the source's error before its last octet,
// so that the target's complaint about it is not taken for an error of the
// target.
type watched struct {
	source io.Reader
	left   int64 // octets that are still to come
	c      *carried
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.source.Read(p)
	w.left -= int64(n)
	if err != nil && err != io.EOF && w.left > 0 {
		w.c.readErr = err
	}
	return n, err
}

// relay streams messages of source into target: one goroutine reads, the
// caller's writes, and a body is never held in memory. It returns the target's
// results and what was carried, by source UID. Errors of the two ends are
// returned apart, since they reach different sides.
func (x *run) relay(ctx context.Context, source Mailbox, refs []Ref, target Mailbox, job func(Body) Incoming) (results []Appended, through map[UID]*carried, readErr, writeErr error) {
	parent := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	through = map[UID]*carried{}
	bodies := make(chan Body)
	taken := make(chan struct{})
	read := make(chan error, 1)
	go func() {
		defer close(bodies)
		read <- source.Fetch(ctx, refs, func(b Body) error {
			select {
			case bodies <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case <-taken:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	results, writeErr = target.Append(ctx, func(yield func(Incoming) bool) {
		for b := range bodies {
			in := job(b)
			c := &carried{hash: NewHasher(b.Form), started: true}
			through[b.UID] = c
			in.Body.Reader = io.TeeReader(&watched{b.Reader, b.Octets, c}, &progress{x: x, hash: c.hash})
			more := yield(in)
			select {
			case taken <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if !more {
				return
			}
		}
	})
	cancel()
	for range bodies {
		// The reader gives up at its next body; until then it owns its side.
	}
	readErr = <-read
	if errors.Is(readErr, context.Canceled) && parent.Err() == nil {
		readErr = nil // the target gave up first
	}
	for _, c := range through {
		if c.readErr != nil && ReachOf(c.readErr) > ReachMailbox && knownError(c.readErr) {
			readErr = cmp.Or(readErr, c.readErr)
		}
		if c.readErr != nil && errors.Is(writeErr, c.readErr) {
			writeErr = nil // it only passes on what the source said
		}
	}
	return results, through, readErr, writeErr
}

// progress reports octets while they are hashed.
type progress struct {
	x    *run
	hash *Hasher
}

func (p *progress) Write(octets []byte) (int, error) {
	p.x.report(Event{Kind: Transferred, Octets: int64(len(octets))})
	return p.hash.Write(octets)
}
