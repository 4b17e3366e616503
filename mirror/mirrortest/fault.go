package mirrortest

import (
	"fmt"
	"sync"

	"mailtwin/mirror"
)

// Fault counts effects and stops everything at one of them, as a kill or a
// power cut does: that call and every later one, of all that the Fault wraps,
// fails with an error that wraps mirror.ErrCut. One Fault wraps both sides and
// the state of a pair, so that its count runs through all of them.
//
// Effects are: Create, Subscribe, each message of an Append, Store, Move, Copy and
// Remove, and each Commit that is not empty.
//
// A Fault may be used by several goroutines.
type Fault struct {
	at    int // 0: never
	point Point

	mu      sync.Mutex
	count   int
	stopped bool
}

// Point says where at its effect a Fault stops.
type Point uint8

const (
	// Before: the effect does not happen.
	Before Point = iota
	// After: it happens, and the caller never learns.
	After
	// Inside: the body of an appended message ends after half its octets, with
	// an error, and a copy has the flags of its donor. Any other effect does not happen.
	Inside
)

// Points lists them all.
var Points = [...]Point{Before, After, Inside}

func (p Point) String() string { return [...]string{"before", "after", "inside"}[p] }

// NewFault returns a Fault that stops at the k-th effect, counted from 1. With
// k 0 it only counts.
func NewFault(k int, point Point) *Fault { return &Fault{at: k, point: point} }

// Effects counts the effects that were begun.
func (f *Fault) Effects() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Stopped reports whether the k-th effect was reached.
func (f *Fault) Stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// verdict is what becomes of one effect.
type verdict uint8

const (
	goOn     verdict = iota
	stopNow          // it must not happen
	stopThen         // it is the last
	cutHere          // its body is cut
)

// effect counts one effect and says what becomes of it.
func (f *Fault) effect() verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return stopNow
	}
	f.count++
	if f.count != f.at {
		return goOn
	}
	f.stopped = true
	return [...]verdict{Before: stopNow, After: stopThen, Inside: cutHere}[f.point]
}

// whole is effect for those that cannot be cut.
func (f *Fault) whole() verdict {
	if v := f.effect(); v != cutHere {
		return v
	}
	return stopNow
}

// err is what everything answers once the Fault has stopped; nil before.
func (f *Fault) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopped {
		return nil
	}
	return fmt.Errorf("stopped %s effect %d: %w", f.point, f.at, mirror.ErrCut)
}

// do carries out one effect.
func (f *Fault) do(act func() error) error {
	if f.whole() == stopNow {
		return f.err()
	}
	err := act()
	if stopped := f.err(); stopped != nil {
		return stopped
	}
	return err
}

// read carries out what is no effect. What it read is lost if the Fault
// stopped meanwhile.
func (f *Fault) read(act func() error) error {
	if err := f.err(); err != nil {
		return err
	}
	err := act()
	if stopped := f.err(); stopped != nil {
		return stopped
	}
	return err
}

// each carries out as much of a batch of effects as happens.
func each[In, Out any](f *Fault, batch []In, act func([]In) ([]Out, error)) ([]Out, error) {
	n := 0
	for range batch {
		v := f.whole()
		if v != stopNow {
			n++
		}
		if v != goOn {
			break
		}
	}
	if n == 0 && len(batch) > 0 {
		return nil, f.err()
	}
	results, err := act(batch[:n])
	if stopped := f.err(); stopped != nil {
		return nil, stopped
	}
	return results, err
}
