package imapside

import (
	"context"
	"slices"
	"time"

	"mailtwin/imapside/imapconn"
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
	leaving []*lane          // not used any more, and not answered in full
	gone    []*imapconn.Conn // said good-bye
	coming  chan opened      // nil where none is being opened
	stop    context.CancelFunc
	turn    int // which is asked next, 0 for the first connection
	most    int // there may be so many in this run
	good    int // so many were worth it
	pace    pace
	wide    int64 // octets ahead on the first connection, 0: octetsAhead
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

// resume begins a new period where nothing was fetched for a while, but not before the
// first bodies of a lane that is tried.
func (l *lanes) resume(now time.Time) {
	if !l.awaited() && now.Sub(l.pace.last) > pauseBetween {
		l.pace.restart(now)
	}
}

// awaited reports whether a lane is tried that gave nothing yet: its first bodies come
// behind what was asked before it.
func (l *lanes) awaited() bool { return l.tried != nil && l.pace.since.IsZero() }

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
	if l.awaited() {
		if from == l.tried {
			l.pace.restart(now)
		}
		return
	}
	l.widen(now)
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

// ahead is how many octets are asked for over the first connection before they come.
func (l *lanes) ahead() int64 { return max(l.wide, octetsAhead) }

// widen sets that by how fast bodies come. While there are several connections it stays
// as it is.
func (l *lanes) widen(now time.Time) {
	if rate, _ := l.pace.rate(now); l.pace.octets >= octetsAhead && len(l.open) == 0 {
		l.wide = min(int64(rate*aheadFor.Seconds()), mostAhead)
	}
}

// judge keeps the lane that was tried, or closes it.
func (l *lanes) judge(rate float64) {
	switch {
	case l.tried == nil:
	case rate >= l.pace.before*worthIt:
		l.good, l.tried = len(l.open), nil
	default:
		l.retire(l.tried)
		l.most = len(l.open)
	}
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
	l.stop()
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
// it is its turn. ok is false where that one has no room. One that ended while it had
// nothing to do, as servers end what is idle, is dropped.
func (l *lanes) next(room int64) (line *lane, ok bool) {
	for _, one := range slices.Clone(l.open) {
		if one.octets == 0 && one.conn.Err() != nil {
			l.shut(one)
		}
	}
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
	l.untry(one)
	l.open = slices.DeleteFunc(l.open, func(o *lane) bool { return o == one })
	l.leaving = append(l.leaving, one)
	l.answered(one, 0)
}

// lose takes a lane that failed out of use.
func (l *lanes) lose(one *lane) {
	if slices.Contains(l.open, one) {
		l.retire(one)
		l.most, l.lost = len(l.open), true
	}
}

// untry ends the trial of a lane without a verdict.
func (l *lanes) untry(one *lane) {
	if l.tried == one {
		l.tried = nil
		l.pace.restart(time.Now())
	}
}

// shut ends a lane, with what is under way over it.
func (l *lanes) shut(one *lane) {
	is := func(o *lane) bool { return o == one }
	l.open, l.leaving = slices.DeleteFunc(l.open, is), slices.DeleteFunc(l.leaving, is)
	l.untry(one)
	l.alerts = append(l.alerts, one.conn.Alerts()...)
	if one.octets > 0 || one.conn.Err() != nil {
		one.conn.Close()
		return
	}
	one.conn.Logout(context.Background()) // ends with the connection
	l.gone = append(l.gone, one.conn)
}

// allAlerts are those of all lanes so far.
func (l *lanes) allAlerts() []string {
	alerts := slices.Clone(l.alerts)
	for _, one := range slices.Concat(l.open, l.leaving) {
		alerts = append(alerts, one.conn.Alerts()...)
	}
	return alerts
}

// abort closes all of them at once.
func (l *lanes) abort() {
	for _, one := range slices.Concat(l.open, l.leaving) {
		one.conn.Close()
	}
}

// leave ends all of them, and waits for one that is being opened.
func (l *lanes) leave() {
	if l.coming != nil {
		l.stop()
		l.came(<-l.coming)
	}
	for _, one := range slices.Concat(l.open, l.leaving) {
		l.shut(one)
	}
}

// close waits until the server has ended what said good-bye, but not longer than ctx.
func (l *lanes) close(ctx context.Context) {
	for _, conn := range l.gone {
		select {
		case <-conn.Done():
		case <-ctx.Done():
		}
		conn.Close()
	}
	l.gone = nil
}
