package imapside

import (
	"testing"
	"time"
)

// TestAhead: as much is asked for ahead as comes in aheadFor, but not before so much
// came that this can be told, and only within bounds.
func TestAhead(t *testing.T) {
	start := time.Unix(1_600_000_000, 0)
	for _, c := range []struct {
		name   string
		octets int64
		in     time.Duration
		lanes  int
		want   int64
	}{
		{"nothing yet", 0, time.Second, 0, octetsAhead},
		{"too little to tell", octetsAhead - 1, time.Millisecond, 0, octetsAhead},
		{"slow", octetsAhead, 4 * time.Second, 0, octetsAhead},
		{"fast", 20 << 20, 400 * time.Millisecond, 0, 15 << 20},
		{"very fast", 1 << 30, time.Second, 0, mostAhead},
		{"over several connections", 1 << 30, time.Second, 1, octetsAhead},
	} {
		l := lanes{pace: pace{since: start, octets: c.octets}, open: make([]*lane, c.lanes)}
		l.widen(start.Add(c.in))
		if got := l.ahead(); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
	l := lanes{pace: pace{since: start, octets: 1 << 30}}
	l.widen(start.Add(time.Second))
	l.pace.restart(start.Add(time.Minute))
	l.pace.octets = octetsAhead
	if l.widen(start.Add(2 * time.Minute)); l.ahead() != octetsAhead {
		t.Errorf("got %d after it became slow, want %d", l.ahead(), octetsAhead)
	}
}
