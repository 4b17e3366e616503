package mirror

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
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

// errTargetStopped tells the source that the target takes no more.
var errTargetStopped = errors.New("the target takes no more")

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

// relay is one batch on its way from a source to a target.
type relay struct {
	through map[UID]*carried // by source UID
	readErr error
	// answers waits for the target's results.
	answers func() ([]Appended, error)
}

// relay streams messages of source into target; a body is never held in memory.
// The source drives: its sink lets the target take one message and returns when the
// target wants the next one, without a switch from one thread to another. When it
// returns everything was sent, and perhaps not answered yet.
func (x *run) relay(ctx context.Context, source Mailbox, refs []Ref, target Mailbox, job func(Body) Incoming) *relay {
	r := &relay{through: make(map[UID]*carried, len(refs))}
	var next Incoming
	resume, stop := iter.Pull(func(wanted func(struct{}) bool) {
		r.answers = appendLate(ctx, target, func(yield func(Incoming) bool) {
			for wanted(struct{}{}) && yield(next) {
			}
		})
	})
	if _, takes := resume(); takes {
		r.readErr = source.Fetch(ctx, refs, func(b Body) error {
			c := &carried{hash: NewHasher(b.Form), started: true}
			r.through[b.UID] = c
			next = job(b)
			next.Body.Reader = io.TeeReader(&watched{b.Reader, b.Octets, c}, &progress{x: x, hash: c.hash})
			if _, takes := resume(); !takes {
				return errTargetStopped
			}
			return nil
		})
	}
	stop()
	if errors.Is(r.readErr, errTargetStopped) {
		r.readErr = nil
	}
	return r
}

// appendLate appends to a mailbox that may answer later.
func appendLate(ctx context.Context, m Mailbox, batch iter.Seq[Incoming]) func() ([]Appended, error) {
	if late, ok := m.(LateAppender); ok {
		return late.AppendLate(ctx, batch)
	}
	results, err := m.Append(ctx, batch)
	return func() ([]Appended, error) { return results, err }
}

// outcome returns the target's results. Errors of the two ends are apart, since
// they reach different sides.
func (r *relay) outcome() (results []Appended, readErr, writeErr error) {
	results, writeErr = r.answers()
	readErr = r.readErr
	for _, c := range r.through {
		if c.readErr != nil && ReachOf(c.readErr) > ReachMailbox && knownError(c.readErr) {
			readErr = cmp.Or(readErr, c.readErr)
		}
		if c.readErr != nil && errors.Is(writeErr, c.readErr) {
			writeErr = nil // it only passes on what the source said
		}
	}
	return results, readErr, writeErr
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
