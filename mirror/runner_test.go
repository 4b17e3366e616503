package mirror_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// clock is a time that only waiting moves.
type clock struct {
	now time.Time
	// real is set in a testing/synctest bubble, where that holds for all time.
	real bool
}

func (c *clock) Now() time.Time {
	if c.real {
		return time.Now()
	}
	return c.now
}

func (c *clock) Sleep(_ context.Context, d time.Duration) error {
	if c.real {
		time.Sleep(d)
	}
	c.now = c.now.Add(d)
	return nil
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// pair is two in-memory sides and a state, with a few words to work on them.
type pair struct {
	t       tester
	clock   *clock
	options [2]mirrortest.Options
	servers [2]*mirrortest.Server
	state   *mirrortest.State
	policy  mirror.Policy
	confirm string
	report  func(mirror.Event)
	dry     bool
	full    bool
	// elsewhere says that far's mailboxes have other names, which rules lead back from.
	elsewhere bool
	// wrap, where set, stands between the runner and the real thing.
	wrap      func(mirror.Side, mirror.Repository) mirror.Repository
	wrapState func(mirror.State) mirror.State
}

func newPair(t tester, far, near mirrortest.Options) *pair {
	c := &clock{now: when.AddDate(1, 0, 0)}
	far.Now, near.Now = c.Now, c.Now
	p := &pair{t: t, clock: c, options: [2]mirrortest.Options{far, near}, state: mirrortest.NewState(), policy: mirror.NewPolicy(mirror.TwoWay, 0)}
	p.servers[mirror.Far], p.servers[mirror.Near] = mirrortest.NewServer(far), mirrortest.NewServer(near)
	return p
}

func maildirLike() mirrortest.Options { return mirrortest.Options{Maildir: true} }

// try runs once and returns what came of it.
func (p *pair) try() (mirror.Result, error) { return p.tryOnly(nil) }

// tryOnly is try with some mailboxes selected; nil is all.
func (p *pair) tryOnly(which func(mirror.Name) bool) (mirror.Result, error) {
	r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: p.policy, Confirm: p.confirm, Selected: selected(which), Report: p.report, DryRun: p.dry, Full: p.full, Now: p.clock.Now, Sleep: p.clock.Sleep}
	for _, s := range mirror.Sides {
		r.Repositories[s] = p.servers[s].Repository()
		if p.elsewhere && s == mirror.Far {
			r.Repositories[s], r.Rules = elsewhere{r.Repositories[s]}, elsewhereRules
		}
		if p.wrap != nil {
			r.Repositories[s] = p.wrap(s, r.Repositories[s])
		}
	}
	if p.wrapState != nil {
		r.State = p.wrapState(p.state)
	}
	r.State = strictly(p.t, r.State)
	result, err := r.Run(context.Background())
	if s, ok := r.State.(*strict); ok {
		s.ended()
	}
	return result, err
}

// selected is a choice by name; nil is all.
func selected(which func(mirror.Name) bool) func(mirror.Selectable) bool {
	if which == nil {
		return nil
	}
	return func(s mirror.Selectable) bool { return which(s.Name) }
}

// sync runs once and fails the test when the run ends other than with exit.
func (p *pair) sync(exit int) mirror.Result {
	p.t.Helper()
	result, err := p.try()
	if got := mirror.Exit(result, err); got != exit {
		p.t.Fatalf("run: got exit %d (%v, problems %v, stops %v), want %d", got, err, result.Problems, result.Plan.Stops, exit)
	}
	p.checkState()
	return result
}

func (p *pair) checkState() {
	p.t.Helper()
	if err := p.state.Check(); err != nil {
		p.t.Fatalf("state: %v", err)
	}
}

// settle runs until nothing changes, at most three times.
func (p *pair) settle() {
	p.t.Helper()
	for range 3 {
		if r := p.sync(mirror.ExitDone); !r.Changed {
			return
		}
	}
	p.t.Fatalf("still changing mail in the third run")
}

// alike fails the test unless both sides hold the same.
func (p *pair) alike() {
	p.t.Helper()
	far, near := p.dump(mirror.Far), p.dump(mirror.Near)
	for _, name := range names(far, near) {
		if !slices.Equal(far[name], near[name]) {
			p.t.Errorf("mailbox %q:\n far %v\nnear %v", name.String(), far[name], near[name])
		}
	}
}

// dump is what a side shows to people: without UIDPLUS a removed message stays,
// marked \Deleted, with a tomb in the state.
func (p *pair) dump(s mirror.Side) map[mirror.Name][]mirrortest.Entry {
	all := p.servers[s].Dump()
	if p.options[s].NoUIDPlus {
		for name, list := range all {
			all[name] = slices.DeleteFunc(list, func(e mirrortest.Entry) bool { return strings.Contains(e.Flags, `\deleted`) })
		}
	}
	return all
}

func (p *pair) deliverFar(name mirror.Name, body []byte, f mirror.Flags) {
	p.deliver(mirror.Far, name, body, f)
}

func (p *pair) deliverNear(name mirror.Name, body []byte, f mirror.Flags) {
	p.deliver(mirror.Near, name, body, f)
}

// deliver puts a message on a side as that side's programs would write it.
func (p *pair) deliver(s mirror.Side, name mirror.Name, body []byte, f mirror.Flags) {
	if p.options[s].Maildir {
		body = fileOf(body)
	}
	p.servers[s].Deliver(name, body, f, when)
}

func names(dumps ...map[mirror.Name][]mirrortest.Entry) []mirror.Name {
	var list []mirror.Name
	for _, d := range dumps {
		for name := range d {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// quiet fails the test unless another run changes nothing on either side.
func (p *pair) quiet() {
	p.t.Helper()
	before := p.writes()
	r := p.sync(mirror.ExitDone)
	if after := p.writes(); r.Changed || len(before) != len(after) {
		p.t.Errorf("a further run changed something: %+v, commands %v", r.Summary, after[len(before):])
	}
}

// writes are the commands that changed a side, so far.
func (p *pair) writes() (list []mirrortest.Command) {
	for _, s := range mirror.Sides {
		for _, c := range p.servers[s].Log() {
			if c.Op.Writes() {
				list = append(list, c)
			}
		}
	}
	return list
}

func (p *pair) count(s mirror.Side, name mirror.Name) int {
	return len(p.servers[s].Dump()[name])
}

var when = time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)

// letter is a message with everything that lets its header decide.
func letter(n int) []byte {
	return []byte(fmt.Sprintf("Received: from mx.example.org\r\nMessage-ID: <%d@example.org>\r\nDate: Thu, 4 Mar 2021 05:06:%02d +0000\r\nFrom: ann@example.org\r\nSubject: letter %d\r\n\r\nhello %d\r\n%s",
		n, n%60, n, n, strings.Repeat("x", n%7)))
}

// fileOf is a body as a Maildir program would write it.
func fileOf(body []byte) []byte { return []byte(strings.ReplaceAll(string(body), "\r\n", "\n")) }

func flags(s string) mirror.Flags { return mirror.ParseFlags(s) }

func box(parts ...string) mirror.Name { return nametrans.MustName(parts...) }

func TestFirstDownload(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	far.CreateMailbox(box("Lists", "go"), "")
	for i := range 250 {
		far.Deliver(nametrans.Inbox, letter(i), flags(`\Seen`), when)
	}
	far.Deliver(box("Lists", "go"), letter(1000), flags(`\Flagged work`), when)
	r := p.sync(mirror.ExitDone)
	if got, want := r.Summary.Copied[mirror.Near], 251; got != want {
		t.Errorf("copied: got %d, want %d", got, want)
	}
	p.alike()
	p.quiet()
	p.quiet()
}

func TestUploadWithoutUIDPlus(t *testing.T) {
	p := newPair(t, mirrortest.Options{NoUIDPlus: true, NoMove: true}, maildirLike())
	for i := range 130 {
		p.servers[mirror.Near].Deliver(nametrans.Inbox, fileOf(letter(i)), flags(`\Seen`), when)
	}
	p.sync(mirror.ExitDone)
	if got := p.count(mirror.Far, nametrans.Inbox); got != 130 {
		t.Errorf("far holds %d messages, want 130", got)
	}
	p.alike()
	p.quiet()
}

func TestChangesOnBothSides(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.CreateMailbox(box("Archive"), "")
	for i := range 50 {
		far.Deliver(nametrans.Inbox, letter(i), mirror.Flags{}, when)
	}
	p.settle()
	ids := far.Messages(nametrans.Inbox)
	files := near.Messages(nametrans.Inbox)
	far.SetFlags(nametrans.Inbox, ids[0].ID, flags(`\Flagged`))
	near.SetFlags(nametrans.Inbox, files[0].ID, flags(`\Seen work`))
	far.Remove(nametrans.Inbox, ids[1].ID)
	near.Remove(nametrans.Inbox, files[2].ID)
	far.Move(nametrans.Inbox, ids[3].ID, box("Archive"))
	near.Move(nametrans.Inbox, files[4].ID, box("Archive"))
	far.Deliver(nametrans.Inbox, letter(100), mirror.Flags{}, when)
	near.Deliver(nametrans.Inbox, fileOf(letter(101)), mirror.Flags{}, when)
	r := p.sync(mirror.ExitDone)
	if r.Summary.Moved != [2]int{1, 1} || r.Summary.Copied != [2]int{1, 1} || r.Summary.Removed != [2]int{1, 1} {
		t.Errorf("got %+v, want one move, copy and removal on each side", r.Summary)
	}
	p.settle()
	p.alike()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 48 {
		t.Errorf("INBOX holds %d, want 48", got)
	}
	if got := p.count(mirror.Far, box("Trash")); got != 1 {
		t.Errorf("the server's trash holds %d, want the one removed locally", got)
	}
	p.quiet()
}

// TestNamesThatCollide: two spellings of one name are left alone on both sides
// and named; the other mailboxes go on.
func TestNamesThatCollide(t *testing.T) {
	composed, decomposed := box("Entw\u00fcrfe"), box("Entwu\u0308rfe")
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.servers[mirror.Far].CreateMailbox(composed, "")
	p.servers[mirror.Near].CreateMailbox(decomposed, "")
	p.deliverFar(composed, letter(1), mirror.Flags{})
	p.deliverFar(nametrans.Inbox, letter(2), mirror.Flags{})
	r := p.sync(mirror.ExitPartly)
	if len(r.Problems) == 0 || !strings.Contains(r.Problems[0].Reason, "accents") {
		t.Errorf("got %v, want both spellings named", r.Problems)
	}
	if far, near := len(p.dump(mirror.Far)), len(p.dump(mirror.Near)); far != 2 || near != 2 {
		t.Errorf("far has %d mailboxes, near %d, want INBOX and one spelling each", far, near)
	}
	if got := p.count(mirror.Near, nametrans.Inbox); got != 1 {
		t.Errorf("near INBOX holds %d, want 1", got)
	}
}
