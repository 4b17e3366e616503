package mirror_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// viewedFar returns the mailboxes that were looked into on the far side, sorted,
// since it was asked last.
func (p *pair) viewedFar() (list []string) {
	for _, c := range p.servers[mirror.Far].Log() {
		if c.Op == mirrortest.OpView {
			list = append(list, c.Mailbox.String())
		}
	}
	p.servers[mirror.Far].ClearLog()
	slices.Sort(list)
	return slices.Compact(list)
}

// TestUntrueStatus: what a side does not tell is found when its mailboxes are
// compared in full, and that costs a run that finds nothing nothing until then.
func TestUntrueStatus(t *testing.T) {
	p := newPair(t, mirrortest.Options{Untrue: true}, maildirLike())
	log := p.watch()
	for i := range 3 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	far := p.servers[mirror.Far]
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID, flags(`\Flagged`))
	p.viewedFar()
	commits := p.state.Commits()
	p.clock.now = p.clock.now.Add(24*time.Hour - time.Second)
	if r := p.sync(mirror.ExitDone); r.Changed || len(p.viewedFar()) > 0 || p.state.Commits() != commits {
		t.Errorf("the day before: got changes %t, %d commits", r.Changed, p.state.Commits()-commits)
	}
	p.clock.now = p.clock.now.Add(time.Second)
	log.briefs = nil
	if r := p.sync(mirror.ExitDone); r.Summary.Flagged[mirror.Near] != 1 || log.briefs[0] {
		t.Errorf("got %d flags changed, brief %v; want 1, and a listing that is not the last word", r.Summary.Flagged[mirror.Near], log.briefs)
	}
	p.alike()
	p.settle()
	p.viewedFar()
	commits = p.state.Commits()
	if p.quiet(); len(p.viewedFar()) > 0 || p.state.Commits() != commits {
		t.Errorf("the run after: got %d commits, want none", p.state.Commits()-commits)
	}
}

// TestFullViews: where every view is full, runs that find nothing write nothing.
func TestFullViews(t *testing.T) {
	p := newPair(t, mirrortest.Options{NoModSeq: true}, maildirLike())
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.settle()
	for _, wait := range []time.Duration{time.Hour, 24 * time.Hour, time.Hour} {
		p.clock.now = p.clock.now.Add(wait)
		commits := p.state.Commits()
		p.sync(mirror.ExitDone)
		if got := p.state.Commits() > commits; got != (wait > time.Hour) {
			t.Errorf("after %v: got commits %t", wait, got)
		}
	}
}

// TestComparedInTurn: no run compares much more than its share, those come first
// that were compared longest ago, and all have their turn.
func TestComparedInTurn(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	for i := range 3 {
		p.servers[mirror.Far].CreateMailbox(box(fmt.Sprint("box", i+1)), "")
	}
	const many = 9000 // as if each held so many
	p.hook(mirror.Far, &hooks{
		list: func(l *mirror.Listing) {
			for i := range l.Mailboxes {
				l.Mailboxes[i].Status.Messages = many
			}
		},
		view: func(_ mirror.Name, v *mirror.View) error { v.Checkpoint.Messages = many; return nil },
	})
	p.settle()
	p.clock.now = p.clock.now.Add(time.Hour)
	p.servers[mirror.Far].CreateMailbox(box("box0"), "")
	p.settle()
	p.viewedFar()
	p.clock.now = p.clock.now.Add(24 * time.Hour)
	for _, want := range [][]string{{"INBOX", "box1", "box2"}, {"box0", "box3"}, nil} {
		p.sync(mirror.ExitDone)
		if got := p.viewedFar(); !slices.Equal(got, want) {
			t.Errorf("got %q compared, want %q", got, want)
		}
	}
}

// TestCaught: what a side is caught at is said.
func TestCaught(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.hook(mirror.Far, &hooks{
		view: func(_ mirror.Name, v *mirror.View) error { v.Caught = "flags it hid"; return nil },
	})
	var said []string
	p.report = func(e mirror.Event) {
		if e.Kind == mirror.Noted {
			said = append(said, e.Text)
		}
	}
	p.sync(mirror.ExitDone)
	if want := `far mailbox "INBOX": flags it hid`; !slices.Contains(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
}

// TestComparedThoughAnotherFails: a mailbox that cannot be looked into has its turn
// like any other, and no more.
func TestComparedThoughAnotherFails(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.servers[mirror.Far].CreateMailbox(box("Apart"), "")
	const many = 30000
	var denied error
	p.hook(mirror.Far, &hooks{
		list: func(l *mirror.Listing) {
			for i := range l.Mailboxes {
				l.Mailboxes[i].Status.Messages = many
			}
		},
		view: func(name mirror.Name, v *mirror.View) error {
			v.Checkpoint.Messages = many
			if name == box("Apart") {
				return denied
			}
			return nil
		},
	})
	p.settle()
	denied = mirror.ErrDenied
	p.viewedFar()
	p.clock.now = p.clock.now.Add(24 * time.Hour)
	seen := map[string]int{}
	for range 4 {
		p.try()
		for _, name := range p.viewedFar() {
			seen[name]++
		}
	}
	if seen["INBOX"] != 1 || seen["Apart"] != 1 {
		t.Errorf("got %v, want each compared once", seen)
	}
}
