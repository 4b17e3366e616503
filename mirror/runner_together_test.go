package mirror_test

import (
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRefusedTogether: messages that were refused together are given once more.
func TestRefusedTogether(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	for i := range 3 {
		p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
	}
	calls := 0
	p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
		calls++
		if calls > 1 {
			return m.Append(ctx, batch)
		}
		for in := range batch {
			out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(fmt.Errorf("NO full: %w", mirror.ErrTogether))})
		}
		return out, nil
	}})
	p.sync(mirror.ExitDone)
	if got := p.count(mirror.Far, nametrans.Inbox); got != 5 || calls != 2 {
		t.Errorf("got %d messages after %d calls, want 5 after 2", got, calls)
	}
	p.wrap = nil
	p.settle()
	p.alike()
}

// TestAloneAfterCut: where copies are uncertain the next run sends each alone, so that
// it shows at which message the connection is lost; later runs do not.
func TestAloneAfterCut(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	var alone []bool
	h := &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
		return m.Append(ctx, func(yield func(mirror.Incoming) bool) {
			for in := range batch {
				alone = append(alone, in.Alone)
				if !yield(in) {
					return
				}
			}
		})
	}}
	p.hook(mirror.Far, h)
	p.servers[mirror.Far].CutAppend(0, mirrortest.Fate{Never: true})
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.try()
	p.settle()
	p.deliverNear(nametrans.Inbox, letter(11), mirror.Flags{})
	p.settle()
	if len(alone) < 3 || alone[0] || !alone[1] || alone[len(alone)-1] {
		t.Errorf("got alone %v, want it in the run after the cut only", alone)
	}
	p.alike()
}
