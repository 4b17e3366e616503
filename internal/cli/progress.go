package cli

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mailtwin/mirror"
)

// patience is how long a run may take before it draws anything, so that one
// with nothing to do does not flicker.
const patience = 300 * time.Millisecond

// progress draws one line on a terminal: the phase of the run at first, then a
// bar with octets, messages, rate and time left. A nil progress draws nothing.
// Its methods are called one at a time; the drawing has goroutines of its own.
type progress struct {
	screen *screen
	pair   string
	lines  *mpb.Progress
	wake   *time.Timer
	status *mpb.Bar // the phase; nil while the bar is shown
	bar    *mpb.Bar // nil before there is anything to copy

	// mu guards what the drawing reads. It is never held while a method of
	// package mpb is called: that would wait for the drawing.
	mu    sync.Mutex
	shown shown
}

// shown are the numbers on the line.
type shown struct {
	phase            string
	began            time.Time
	messages, of     int   // copied so far, and to be copied
	octets, ofOctets int64 // the same
}

// newProgress returns nil where nobody watches stderr or wants lines instead.
// stop must be called.
func newProgress(s *screen, pair string, o options) *progress {
	if !s.errTerminal || o.quiet || o.json || o.verbose || os.Getenv("TERM") == "dumb" {
		return nil
	}
	ready := make(chan struct{})
	p := &progress{screen: s, pair: pair, shown: shown{phase: phaseConnecting}}
	p.lines = mpb.New(mpb.WithOutput(s.err.file), mpb.WithRenderDelay(ready))
	p.wake = time.AfterFunc(patience, func() { close(ready) })
	p.showPhase()
	s.err.draw(p.lines)
	return p
}

// stop clears the line.
func (p *progress) stop() {
	if p == nil {
		return
	}
	p.screen.err.draw(nil)
	for _, b := range []*mpb.Bar{p.status, p.bar} {
		if b != nil {
			b.Abort(true)
		}
	}
	p.lines.Wait()
	p.wake.Stop()
}

// see takes an event of the run.
func (p *progress) see(e mirror.Event) {
	if p == nil {
		return
	}
	p.note(e)
	switch e.Kind {
	case mirror.Planned:
		p.showBar()
	case mirror.Transferred:
		p.advance()
	case mirror.Settling:
		p.showPhase()
	}
}

// note changes the numbers.
func (p *progress) note(e mirror.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown.phase = phaseOf(e, p.shown.phase)
	switch e.Kind {
	case mirror.Planned:
		if p.shown.began.IsZero() {
			p.shown.began = time.Now()
		}
		p.shown.of += e.Count
		p.shown.ofOctets += e.Octets
	case mirror.Transferred:
		p.shown.octets += e.Octets
	case mirror.Done:
		if e.Action.Kind == mirror.Copy {
			p.shown.messages++
		}
	}
	// Sizes are what the sides report: a server may send more.
	p.shown.ofOctets = max(p.shown.ofOctets, p.shown.octets)
}

func (p *progress) numbers() shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown
}

// showBar shows the bar in place of the phase.
func (p *progress) showBar() {
	if p.status != nil {
		p.status.Abort(true)
		p.status = nil
	}
	if p.bar == nil {
		// A total of 0 leaves it to SetTotal, and keeps the bar from completing.
		style := mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound("")
		p.bar = p.lines.New(0, style, mpb.BarRemoveOnComplete(), mpb.BarWidth(30),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return countsLine(p.pair, p.numbers()) })),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return rateLine(p.numbers(), time.Now()) })))
	}
	p.advance()
}

// advance moves the bar. It does not complete by itself: the run is not over
// with the last octet.
func (p *progress) advance() {
	if p.bar != nil {
		n := p.numbers()
		p.bar.SetTotal(n.ofOctets+1, false)
		p.bar.SetCurrent(n.octets)
	}
}

// showPhase shows the phase in place of the bar.
func (p *progress) showPhase() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bar = nil
	}
	if p.status == nil {
		p.status = p.lines.New(1, mpb.NopStyle(), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return phaseLine(p.pair, p.numbers().phase) })))
	}
}

// phaseOf says what a run is at after e, when it was at now before.
func phaseOf(e mirror.Event, now string) string {
	switch e.Kind {
	case mirror.Viewing:
		return fmt.Sprintf(phaseViewing, mailboxOf(e.Side, e.Mailbox))
	case mirror.Comparing:
		return fmt.Sprintf(phaseComparing, count(e.Count, wordMessage), mailboxOf(e.Side, e.Mailbox))
	case mirror.Settling:
		return fmt.Sprintf(phaseSettling, e.Text, count(e.Count, wordCopy))
	}
	return now
}

func phaseLine(pair, phase string) string { return escape(pairLine(pair, phase)) }

func countsLine(pair string, n shown) string {
	return fmt.Sprintf(barCounts, pair, n.messages, count(n.of, wordMessage), size(n.octets), size(n.ofOctets))
}

// rateLine is empty as long as nothing is known of the rate.
func rateLine(n shown, now time.Time) string {
	took := now.Sub(n.began).Seconds()
	if took < 1 || n.octets == 0 {
		return ""
	}
	rate := float64(n.octets) / took
	left := time.Duration(float64(n.ofOctets-n.octets) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf(barRate, size(int64(rate)), left)
}
