package imapside

import (
	"context"
	"slices"
	"time"
)

// An account has at most mostLanes connections beside its first one: servers allow
// about five in all (Yahoo, Outlook), and a person's mail program wants some too.
const mostLanes = 3

// One more connection is tried where bodies came for tryAfter, and will at this rate
// for as long again; it stays where they come faster by worthIt.
const (
	tryAfter = 2 * time.Second
	worthIt  = 1.15
)

// laneOctets bounds a window while there are several connections. What comes over
// one of them before its turn waits in the system's buffers, which hold about this
// much.
const laneOctets = 128 << 10

// lanes are the further connections of an account. One is opened while it makes
// bodies come faster, and none any more after one that did not, or was refused. It
// is used by the goroutine that uses the repository.
type lanes struct {
	open    []*lane
	leaving []*lane     // not used any more, and not answered in full
	coming  chan opened // nil where none is being opened
	stop    context.CancelFunc
	turn    int // which is asked next, 0 for the first connection
	most    int // there may be so many in this run
	good    int // so many were worth it
	pace    pace
	tried   *lane // judged when a period with it is over
	alerts  []string
	lost    bool // one was turned away, or failed
}

type opened struct {
	lane *lane
	err  error
}

// pace is how fast bodies come in the period that began at since.
type pace struct {
	since, last time.Time
	octets      int64
	before      float64 // octets a second of the period before the trial
}

// pauseBetween is how long nothing may be fetched without a new period beginning.
const pauseBetween = time.Second

// resume begins a new period where nothing was fetched for a while.
func (p *pace) resume(now time.Time) {
	if now.Sub(p.last) > pauseBetween {
		p.restart(now)
	}
}

func (p *pace) restart(now time.Time) { p.since, p.last, p.octets = now, now, 0 }

// rate returns how fast bodies came, once that can be told.
func (p *pace) rate(now time.Time) (rate float64, known bool) {
	elapsed := now.Sub(p.since)
	return float64(p.octets) / elapsed.Seconds(), elapsed >= tryAfter
}

// adapt is told that a window was answered, over which connection (nil: the first),
// how many octets came since the last time, and how many were announced and not asked
// for yet.
func (r *Repository) adapt(ctx context.Context, from *lane, octets, left int64) {
	l, now := &r.lanes, time.Now()
	l.arrive()
	l.pace.octets, l.pace.last = l.pace.octets+octets, now
	if l.tried != nil && l.pace.since.IsZero() { // its first bodies wait for what was asked before
		if from == l.tried {
			l.pace.restart(now)
		}
		return
	}
	rate, known := l.pace.rate(now)
	if !known || l.coming != nil {
		return
	}
	l.judge(rate)
	l.pace.restart(now)
	if len(l.open) < l.most && float64(left) >= rate*tryAfter.Seconds() {
		l.pace.before = rate
		l.begin(ctx, r)
	}
}

// judge keeps the lane that was tried, or closes it.
func (l *lanes) judge(rate float64) {
	switch {
	case l.tried == nil:
	case rate >= l.pace.before*worthIt:
		l.good = len(l.open)
	default:
		l.retire(l.tried)
		l.most = len(l.open)
	}
	l.tried = nil
}

// begin opens a lane beside what goes on.
func (l *lanes) begin(ctx context.Context, r *Repository) {
	ctx, l.stop = context.WithCancel(ctx)
	coming, number := make(chan opened, 1), len(l.open)+2
	l.coming = coming
	go func() {
		one, err := openLane(ctx, r.opts, r.address(), number)
		coming <- opened{one, err}
	}()
}

// arrive takes a lane that was opened.
func (l *lanes) arrive() {
	select {
	case o := <-l.coming:
		l.came(o)
	default:
	}
}

func (l *lanes) came(o opened) {
	l.coming = nil
	if o.err != nil {
		l.most, l.lost = len(l.open), l.lost || turnedAway(o.err)
		return
	}
	l.open = append(l.open, o.lane)
	if len(l.open) > l.good {
		l.tried, l.pace.since = o.lane, time.Time{}
	}
}

// next returns the connection that is asked next, nil for the first one, of which room
// octets are left: strictly one after the other, so that none has to wait for long until
// it is its turn. ok is false where that one has no room.
func (l *lanes) next(room int64) (line *lane, ok bool) {
	if l.turn %= len(l.open) + 1; l.turn > 0 {
		line = l.open[l.turn-1]
		room = octetsAhead - line.octets
	}
	return line, room > 0
}

// answered is told that octets are no longer under way over a lane.
func (l *lanes) answered(one *lane, octets int64) {
	one.octets -= octets
	if one.octets == 0 && slices.Contains(l.leaving, one) {
		l.shut(one)
	}
}

// retire takes a lane out of use. What was asked over it still comes.
func (l *lanes) retire(one *lane) {
	l.open = slices.DeleteFunc(l.open, func(o *lane) bool { return o == one })
	l.leaving = append(l.leaving, one)
	l.answered(one, 0)
}

// lose closes a lane that failed.
func (l *lanes) lose(one *lane) {
	if slices.Contains(l.open, one) || slices.Contains(l.leaving, one) {
		l.shut(one)
		l.most, l.lost = len(l.open), true
	}
}

// shut closes a lane, with what is under way over it.
func (l *lanes) shut(one *lane) {
	is := func(o *lane) bool { return o == one }
	l.open, l.leaving = slices.DeleteFunc(l.open, is), slices.DeleteFunc(l.leaving, is)
	if l.tried == one {
		l.tried = nil
	}
	l.alerts = append(l.alerts, one.conn.Alerts()...)
	one.conn.Close()
}

// allAlerts are those of all lanes so far.
func (l *lanes) allAlerts() []string {
	alerts := slices.Clone(l.alerts)
	for _, one := range slices.Concat(l.open, l.leaving) {
		alerts = append(alerts, one.conn.Alerts()...)
	}
	return alerts
}

// close closes all of them, and waits for one that is being opened.
func (l *lanes) close() {
	if l.coming != nil {
		l.stop()
		l.came(<-l.coming)
	}
	for _, one := range slices.Concat(l.open, l.leaving) {
		l.shut(one)
	}
}
