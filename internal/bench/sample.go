package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A condition is under what a run is measured.
type condition struct {
	rtt time.Duration
	tls bool
}

func (c condition) String() string {
	if c.tls {
		return fmt.Sprintf("%d ms, with TLS", c.rtt.Milliseconds())
	}
	return fmt.Sprintf("%d ms, without TLS", c.rtt.Milliseconds())
}

// A sample is what one run took.
type sample struct {
	usage
	traffic         // over all connections
	connections int // how many
	// most are the turns of the connection that had most.
	most int
}

func newSample(used usage, connections []traffic) sample {
	s := sample{usage: used, connections: len(connections)}
	for _, t := range connections {
		s.sent += t.sent
		s.received += t.received
		s.turns += t.turns
		s.most = max(s.most, t.turns)
	}
	return s
}

// median takes the median of each quantity by itself. There is one sample at
// least; of an even number it is the mean of the two in the middle.
func median(list []sample) (m sample) {
	m.wall = middle(list, func(s sample) time.Duration { return s.wall })
	m.cpu = middle(list, func(s sample) time.Duration { return s.cpu })
	m.peak = middle(list, func(s sample) int64 { return s.peak })
	m.sent = middle(list, func(s sample) int64 { return s.sent })
	m.received = middle(list, func(s sample) int64 { return s.received })
	m.turns = middle(list, func(s sample) int { return s.turns })
	m.connections = middle(list, func(s sample) int { return s.connections })
	m.most = middle(list, func(s sample) int { return s.most })
	return m
}

func middle[T interface {
	cmp.Ordered
	~int | ~int64
}](list []sample, of func(sample) T) T {
	values := make([]T, len(list))
	for i, s := range list {
		values[i] = of(s)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
