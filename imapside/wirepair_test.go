package imapside_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

const (
	inbox   = nametrans.Inbox
	listBox = mirror.Name("Lists")
	trash   = mirror.Name("Trash")
)

// settleTime is the settle of every pair over a wire.
const settleTime = time.Minute

// wirePair is a server at the end of wires on far, a Maildir or an account in memory on near,
// and what both must hold in the end. It lives in a testing/synctest bubble.
type wirePair struct {
	t      *testing.T
	name   string // of the case, for messages
	server *wireServer
	near   *mirrortest.Server
	state  *mirrortest.State

	want   map[mirror.Name][]letter
	undone []letter // what the undo store must hold
	tombs  int      // messages that stay on far, marked \Deleted
	ghosts int      // that the runs reported
	events io.Writer
}

// letter is a message by its id, and how it was put away.
type letter struct {
	id    string
	size  int // octets of text beyond the header, at least
	flags mirror.Flags
}

func (l letter) body() []byte {
	return mirrortest.Letter(l.id, strings.Repeat("0123456789abcde\r\n", l.size/17)+".")
}

// date is the letter's INTERNALDATE, another one for each.
func (l letter) date() time.Time {
	seconds := 0
	for _, c := range l.id {
		seconds = seconds*31 + int(c)
	}
	return time.Date(1999, 5, 6, 7, 8, 9, 0, time.UTC).Add(time.Duration(seconds%1e6) * time.Second)
}

func (l letter) entry() mirrortest.Entry { return mirrortest.NewEntry(l.body(), l.flags, l.date()) }

func flags(list ...imap.Flag) mirror.Flags { return mirror.MakeFlags(list...) }

func newWirePair(t *testing.T, name string, kind serverKind) *wirePair {
	return &wirePair{
		t: t, name: name, server: newWireServer(kind), near: mirrortest.NewServer(mirrortest.Options{Maildir: !kind.account, ObjectIDs: true}),
		state: mirrortest.NewState(), want: map[mirror.Name][]letter{inbox: nil},
	}
}

// end closes everything that lives in the bubble.
func (p *wirePair) end() {
	if w := p.server.newest; w != nil {
		w.cutNow(cut{way: rst})
	}
	synctest.Wait()
	p.server.server.Close()
}

func (p *wirePair) errorf(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf("%s: "+format, append([]any{p.name}, args...)...)
}

// run runs once; the connection ends at plan.
func (p *wirePair) run(plan *cut) (mirror.Result, int) {
	p.t.Helper()
	policy := mirror.NewPolicy(mirror.TwoWay, 0)
	policy.Settle = settleTime
	r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: policy}
	r.Repositories = [2]mirror.Repository{p.server.repository(plan), p.near.Repository()}
	if p.events != nil {
		r.Report = p.say
	}
	result, err := r.Run(context.Background())
	synctest.Wait()
	p.ghosts += result.Summary.Ghosts
	exit := mirror.Exit(result, err)
	if p.events != nil {
		fmt.Fprintf(p.events, "run: exit %d, %v, changed %v, %+v, %v\n", exit, err, result.Changed, result.Summary, result.Problems)
	}
	if err := p.state.Check(); err != nil {
		p.errorf("state: %v", err)
	}
	return result, exit
}

func (p *wirePair) say(e mirror.Event) {
	if e.Action != nil {
		fmt.Fprintf(p.events, "  %v %v %s %v %s: %s\n", e.Action.Kind, e.Action.Side, e.Action.Mailbox.String(), e.Action.UID, e.Action.Target.String(), e.Action.Reason)
	} else if e.Text != "" {
		fmt.Fprintf(p.events, "  %s\n", e.Text)
	}
}

// mostRuns is how many runs without a cut may pass until nothing is left to do.
const mostRuns = 5

// quiet runs until a run has nothing to do and touches neither side.
func (p *wirePair) quiet() {
	p.t.Helper()
	for range mostRuns {
		touched := p.touched()
		result, exit := p.run(nil)
		switch {
		case exit == mirror.ExitDone && !result.Changed && p.touched() == touched:
			return
		case exit != mirror.ExitDone && exit != mirror.ExitTemporary:
			p.errorf("a run without a cut: got exit %d, %v, %v", exit, result.Problems, result.Plan.Stops)
			return
		}
	}
	p.errorf("the %dth run without a cut still had something to do", mostRuns)
}

// touched counts the commands that change something, on both sides.
func (p *wirePair) touched() int { return p.server.done() + len(p.near.Effects()) }

// still: a further run changes nothing.
func (p *wirePair) still() {
	p.t.Helper()
	before := p.touched()
	if result, exit := p.run(nil); exit != mirror.ExitDone || result.Changed || p.touched() != before {
		p.errorf("a further run changed something: exit %d, %+v, %d effects", exit, result.Summary, p.touched()-before)
	}
}
