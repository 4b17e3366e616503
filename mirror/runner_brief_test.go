package mirror_test

import (
	"context"
	"slices"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// visitor notes how a side is visited.
type visitor struct {
	mirror.Repository
	log *visits
}

type visits struct {
	memories []string
	briefs   []bool
	err      error // of listings
}

func (v *visitor) Connect(ctx context.Context, visit mirror.Visit) (mirror.Traits, error) {
	v.log.memories = append(v.log.memories, visit.Memory)
	return v.Repository.Connect(ctx, visit)
}

func (v *visitor) List(ctx context.Context, brief bool) (mirror.Listing, error) {
	v.log.briefs = append(v.log.briefs, brief)
	if v.log.err != nil {
		return mirror.Listing{}, v.log.err
	}
	return v.Repository.List(ctx, brief)
}

// watch notes the visits of the server's side.
func (p *pair) watch() *visits {
	log := &visits{}
	p.wrap = func(s mirror.Side, r mirror.Repository) mirror.Repository {
		if s == mirror.Far {
			return &visitor{r, log}
		}
		return r
	}
	return log
}

// TestMemory: what a repository wants to remember is there at its next visit.
func TestMemory(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	log := p.watch()
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	if want := []string{"", "listed before"}; !slices.Equal(log.memories, want) {
		t.Errorf("got %q, want %q", log.memories, want)
	}
}

// TestMemoryOfFailedRun: what a repository learned in a run that failed is there as
// well.
func TestMemoryOfFailedRun(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	log := p.watch()
	log.err = mirror.ErrCut
	p.sync(mirror.ExitTemporary)
	log.err = nil
	p.sync(mirror.ExitDone)
	if want := []string{"", "listed before"}; !slices.Equal(log.memories, want) {
		t.Errorf("got %q, want %q", log.memories, want)
	}
}

// TestBrief: a visit is brief once a run changed no mail because of this side,
// and as long as nothing else is to be done.
func TestBrief(t *testing.T) {
	for _, c := range []struct {
		name string
		// act happens before the run whose listings are looked at.
		act  func(*pair)
		want []bool
	}{
		{"nothing", func(*pair) {}, []bool{true}},
		{"mail on the server", func(p *pair) { p.deliverFar(nametrans.Inbox, letter(9), mirror.Flags{}) }, []bool{true, false}},
		{"mail in the Maildir", func(p *pair) { p.deliverNear(nametrans.Inbox, letter(9), mirror.Flags{}) }, []bool{false, false}},
		{"everything is compared", func(p *pair) { p.full = true }, []bool{false}},
		{"another policy", func(p *pair) { p.policy.Deletions = mirror.DeleteNothing }, []bool{false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, mirrortest.Options{}, maildirLike())
			p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
			p.settle()
			p.sync(mirror.ExitDone)
			c.act(p)
			log := p.watch()
			p.sync(mirror.ExitDone)
			if got := log.briefs[:len(c.want)]; !slices.Equal(got, c.want) {
				t.Errorf("got brief listings %v, want %v", log.briefs, c.want)
			}
			if slices.Contains(log.briefs[1:], true) {
				t.Errorf("got brief listings %v: only the first may be", log.briefs)
			}
			p.alike()
		})
	}
}

// TestBusySide: the run after one that found mail on a side is not brief there;
// the one after that is, and it has written nothing to say so.
func TestBusySide(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{})
	p.settle()
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.sync(mirror.ExitDone)
	log := p.watch()
	for range 3 {
		p.sync(mirror.ExitDone)
	}
	if want := []bool{false, true, true}; !slices.Equal(log.briefs, want) {
		t.Errorf("got brief listings %v, want %v", log.briefs, want)
	}
	p.quiet()
}

// TestBusyBySide: what the near side brings does not make the far one busy.
func TestBusyBySide(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{})
	p.settle()
	p.deliverNear(nametrans.Inbox, letter(1), mirror.Flags{})
	p.sync(mirror.ExitDone)
	sides := p.snapshot().Sides
	if !sides[mirror.Far].Quiet || sides[mirror.Near].Quiet {
		t.Errorf("got quiet sides %v, %v; want the far one", sides[mirror.Far].Quiet, sides[mirror.Near].Quiet)
	}
}

// TestBriefWaits: an unfinished effect is looked into in the session that lists.
func TestBriefWaits(t *testing.T) {
	p := newPair(t, mirrortest.Options{NoUIDPlus: true}, mirrortest.Options{})
	p.settle()
	p.deliverNear(nametrans.Inbox, letter(1), mirror.Flags{})
	stopped := mirrortest.NewFault(3, mirrortest.Before) // behind the notes and the intent
	p.inject(stopped)
	p.try()
	p.inject(nil)
	if len(p.snapshot().Intents) != 1 {
		t.Fatalf("got intents %v, want one", p.snapshot().Intents)
	}
	log := p.watch()
	p.sync(mirror.ExitDone)
	if log.briefs[0] {
		t.Errorf("got a brief listing while a copy is uncertain")
	}
	p.alike()
}

// TestBriefOnce: a look that begins anew because mail arrived meanwhile expects
// more than a listing.
func TestBriefOnce(t *testing.T) {
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.settle()
	p.sync(mirror.ExitDone)
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	log := p.watch()
	arriving := 2
	p.hook(mirror.Far, &hooks{view: func(mirror.Name, *mirror.View) error {
		if arriving == 2 {
			p.deliverFar(nametrans.Inbox, letter(arriving), mirror.Flags{})
		}
		arriving++
		return nil
	}})
	p.sync(mirror.ExitDone)
	if len(log.briefs) < 3 || !log.briefs[0] || slices.Contains(log.briefs[1:], true) {
		t.Errorf("got brief listings %v, want only the first of at least three", log.briefs)
	}
}
