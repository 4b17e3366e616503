package imapside_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

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

// wirePair is a server at the end of wires on far, a Maildir in memory on near,
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
		t: t, name: name, server: newWireServer(kind), near: mirrortest.NewServer(mirrortest.Options{Maildir: true}),
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
func (p *wirePair) touched() int { return p.server.effects + len(p.near.Effects()) }

// still: a further run changes nothing.
func (p *wirePair) still() {
	p.t.Helper()
	before := p.touched()
	if result, exit := p.run(nil); exit != mirror.ExitDone || result.Changed || p.touched() != before {
		p.errorf("a further run changed something: exit %d, %+v, %d effects", exit, result.Summary, p.touched()-before)
	}
}

// The following are people's doings. Each also says what must become of it.

// mailbox makes a mailbox on one side.
func (p *wirePair) mailbox(s mirror.Side, name mirror.Name) {
	p.want[name] = p.want[name][:len(p.want[name]):len(p.want[name])]
	if s == mirror.Far {
		p.server.create(wireName(name))
	} else {
		p.near.CreateMailbox(name, "")
	}
}

// mailboxes makes mailboxes on both sides.
func (p *wirePair) mailboxes(names ...mirror.Name) {
	for _, name := range names {
		p.mailbox(mirror.Far, name)
		p.mailbox(mirror.Near, name)
	}
}

// put delivers a letter to one side.
func (p *wirePair) put(s mirror.Side, name mirror.Name, l letter) {
	p.want[name] = append(p.want[name], l)
	p.place(s, name, l)
}

// both has a letter on both sides from before the first run.
func (p *wirePair) both(name mirror.Name, l letter) {
	p.put(mirror.Far, name, l)
	p.place(mirror.Near, name, l)
}

func (p *wirePair) place(s mirror.Side, name mirror.Name, l letter) {
	if s == mirror.Far {
		p.server.deliver(name, l.body(), l.flags, l.date())
		return
	}
	p.near.Deliver(name, bytes.ReplaceAll(l.body(), []byte("\r\n"), []byte("\n")), l.flags, l.date())
}

// flag sets and clears flags on one side.
func (p *wirePair) flag(s mirror.Side, name mirror.Name, id string, add, remove mirror.Flags) {
	l := &p.want[name][p.index(name, id)]
	l.flags = l.flags.Union(add).Minus(remove)
	uid := p.find(s, name, id)
	if s == mirror.Near {
		was := p.near.Messages(name)
		i := slices.IndexFunc(was, func(m mirrortest.Held) bool { return m.ID == uid })
		p.near.SetFlags(name, uid, was[i].Flags.Union(add).Minus(remove))
		return
	}
	p.server.flag(name, uid, imap.StoreFlagsAdd, add)
	p.server.flag(name, uid, imap.StoreFlagsDel, remove)
}

// move moves a letter on one side.
func (p *wirePair) move(s mirror.Side, from mirror.Name, id string, to mirror.Name) {
	p.want[to] = append(p.want[to], p.take(from, id))
	if s == mirror.Far {
		p.server.move(from, p.find(s, from, id), to)
		return
	}
	p.near.Move(from, p.find(s, from, id), to)
	if p.server.kind.tombs() {
		p.tombs++
	}
}

// remove takes a letter away for good on one side: from far it goes to near's
// undo store, from near to the trash.
func (p *wirePair) remove(s mirror.Side, name mirror.Name, id string) {
	l := p.take(name, id)
	if s == mirror.Far {
		p.server.remove(name, p.find(s, name, id))
		p.undone = append(p.undone, l)
		return
	}
	p.near.Remove(name, p.find(s, name, id))
	p.want[trash] = append(p.want[trash], l)
	if p.server.kind.tombs() {
		p.tombs++
	}
}

func (p *wirePair) index(name mirror.Name, id string) int {
	return slices.IndexFunc(p.want[name], func(l letter) bool { return l.id == id })
}

func (p *wirePair) take(name mirror.Name, id string) letter {
	i := p.index(name, id)
	l := p.want[name][i]
	p.want[name] = slices.Delete(slices.Clone(p.want[name]), i, i+1)
	return l
}

// find returns a letter's number on one side.
func (p *wirePair) find(s mirror.Side, name mirror.Name, id string) (uid imap.UID) {
	if s == mirror.Near {
		for _, m := range p.near.Messages(name) {
			if bytes.Contains(m.Body, []byte("<"+id+"@")) {
				return m.ID
			}
		}
		panic("no letter " + id)
	}
	p.server.at(name, func(c *imapmemserver.UserSession) error {
		criteria := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "<" + id + "@"}}}
		data, err := c.Search(imapserver.NumKindUID, criteria, &imap.SearchOptions{})
		if err == nil {
			uid = imap.UID(data.Min)
		}
		return err
	})
	return uid
}

// verdict counts messages that are not as they must be.
type verdict struct{ lost, doubled, changed int }

func (v verdict) plus(o verdict) verdict {
	return verdict{v.lost + o.lost, v.doubled + o.doubled, v.changed + o.changed}
}

// judge compares what is stored with what must be: every message on both sides
// exactly once, with its octets, flags and date.
func (p *wirePair) judge() verdict {
	p.t.Helper()
	far := p.farEntries()
	v := p.compare("far", far, nil).plus(p.compare("near", p.near.Dump(), nil))
	var undone []mirrortest.Entry
	for _, l := range p.undone {
		undone = append(undone, l.entry())
	}
	return v.plus(p.compareBox("near's undo store", p.near.Undone(), undone))
}

// farEntries reads the server, without the messages that the state knows to be
// left over there.
func (p *wirePair) farEntries() map[mirror.Name][]mirrortest.Entry {
	p.t.Helper()
	snapshot, err := p.state.Load()
	if err != nil {
		p.t.Fatal(err)
	}
	tombs := map[mirror.MessageKey]bool{}
	for _, tomb := range snapshot.Tombs {
		tombs[mirror.MessageKey{Side: tomb.Side, Mailbox: tomb.Mailbox, UID: tomb.UID}] = true
	}
	all, left := map[mirror.Name][]mirrortest.Entry{}, 0
	for name, list := range p.server.messages(p.t) {
		all[name] = []mirrortest.Entry{}
		for _, m := range list {
			if tombs[mirror.MessageKey{Side: mirror.Far, Mailbox: name, UID: m.uid}] && m.flags.Has(imap.FlagDeleted) {
				left++
				continue
			}
			all[name] = append(all[name], m.entry)
		}
	}
	if left != p.tombs {
		p.errorf("far: got %d messages left over, want %d", left, p.tombs)
	}
	if len(p.server.forbade) > 0 {
		p.errorf("far: never to be sent: %q", p.server.forbade)
	}
	return all
}

// compare judges one side. Extra are entries that may be there once more.
func (p *wirePair) compare(side string, got map[mirror.Name][]mirrortest.Entry, extra []mirrortest.Entry) (v verdict) {
	p.t.Helper()
	names := slices.Sorted(maps.Keys(got))
	if want := slices.Sorted(maps.Keys(p.want)); !slices.Equal(names, want) {
		p.errorf("%s: got mailboxes %q, want %q", side, names, want)
		v.lost++
	}
	for name, letters := range p.want {
		var want []mirrortest.Entry
		for _, l := range letters {
			want = append(want, l.entry())
		}
		if name == inbox {
			want = append(want, extra...)
		}
		v = v.plus(p.compareBox(side+" "+name.String(), got[name], want))
	}
	return v
}

func (p *wirePair) compareBox(where string, got, want []mirrortest.Entry) (v verdict) {
	p.t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	mirrortest.SortEntries(got)
	mirrortest.SortEntries(want)
	if slices.Equal(got, want) {
		return verdict{}
	}
	v = difference(got, want)
	p.errorf("%s: lost %d, doubled %d, changed %d:\n got %v\nwant %v", where, v.lost, v.doubled, v.changed, got, want)
	return v
}

// difference counts, by digest, what is missing, what is there too often, and
// what has other flags, another date or unknown octets.
func difference(got, want []mirrortest.Entry) (v verdict) {
	count := map[mirror.Digest]int{}
	known := map[mirror.Digest]bool{}
	whole := map[mirrortest.Entry]int{}
	for _, e := range want {
		count[e.Digest]++
		whole[e]++
		known[e.Digest] = true
	}
	for _, e := range got {
		count[e.Digest]--
		whole[e]--
		if !known[e.Digest] {
			v.changed++
		}
	}
	for d, n := range count {
		if n > 0 {
			v.lost += n
		} else if known[d] {
			v.doubled -= n
		}
	}
	if v == (verdict{}) {
		for _, n := range whole {
			v.changed += max(n, 0)
		}
	}
	return v
}
