package mirror_test

import (
	"context"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

type ctxT = context.Context

func bg() context.Context { return context.Background() }

// TestRefusedFlagRemoval: a flag that a side does not take away stays there,
// and does not come back on the other side.
func TestRefusedFlagRemoval(t *testing.T) {
	t.Parallel()
	keeps := mirror.Storable{Flags: flags(`\Seen \Answered \Flagged \Deleted \Draft`)}
	p := inStep(t, 3, mirrortest.Options{Keeps: &keeps}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, flags(`Junk`))
	p.settle()
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(``))
	p.try()
	p.try()
	p.sync(mirror.ExitDone)
	p.quiet()
	if got := near.Messages(nametrans.Inbox)[0].Flags; !got.Empty() {
		t.Errorf("near shows %q again, want none: a difference is never propagated", got)
	}
}

// TestRefusedKeyword is named once, stays on its side and does not flip.
func TestRefusedKeyword(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{
		{Keeps: &mirror.Storable{Flags: flags(`\Seen \Answered \Flagged \Deleted \Draft`)}},
		{Forgets: flags("work")},
		{Forgets: flags("work"), NoUIDPlus: true, NoMove: true},
	} {
		p := inStep(t, 3, o, maildirLike())
		near := p.servers[mirror.Near]
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`work \Flagged`))
		near.Deliver(nametrans.Inbox, fileOf(letter(9)), flags(`work \Seen`), when)
		p.try()
		p.try()
		p.try()
		p.quiet()
		for _, i := range []int{0, 3} {
			if got := near.Messages(nametrans.Inbox)[i].Flags; !got.Has("work") {
				t.Errorf("message %d: near shows %q, the keyword was lost", i, got)
			}
		}
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Flagged`))
		p.settle()
		p.quiet()
	}
}

// TestBothSidesOfARecordChange and one side's part fails: the next run ends it.
func TestHalfOfAFlagMergeFails(t *testing.T) {
	t.Parallel()
	for _, s := range mirror.Sides {
		p := inStep(t, 3, mirrortest.Options{}, maildirLike())
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, flags(`\Flagged`))
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Seen`))
		p.hook(s, &hooks{store: func(_ mirror.Name, list []mirror.Stored) []mirror.Stored {
			for i := range list {
				list[i].Err = mirror.ErrRefused
			}
			return list
		}})
		p.sync(mirror.ExitPartly)
		p.wrap = nil
		p.settle()
		p.alike()
		if got := far.Messages(nametrans.Inbox)[0].Flags; !got.Equal(flags(`\Seen \Flagged`)) {
			t.Errorf("far: got %q", got)
		}
		p.quiet()
	}
}
