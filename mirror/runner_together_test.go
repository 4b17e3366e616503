package mirror_test

import (
	"fmt"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRefusedTogether: a server that refuses several messages may have stored some of
// them all the same; none is doubled, and none is left out.
func TestRefusedTogether(t *testing.T) {
	t.Parallel()
	for stored := range 4 {
		for _, far := range []mirrortest.Options{{}, bareIMAP()} {
			p := inStep(t, 2, far, maildirLike())
			for i := range 3 {
				p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
			}
			first := true
			p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, err error) {
				if !first {
					return m.Append(ctx, batch)
				}
				first = false
				_, err = m.Append(ctx, func(yield func(mirror.Incoming) bool) {
					for in := range batch {
						out = append(out, mirror.Appended{Source: in.Source, Err: fmt.Errorf("NO full: %w", mirror.ErrTogether)})
						if len(out) <= stored && !yield(in) {
							return
						}
					}
				})
				return out, err
			}})
			p.try()
			p.settle()
			p.alike()
			if got := p.count(mirror.Far, nametrans.Inbox); got != 5 {
				t.Errorf("%d stored: got %d messages, want 5", stored, got)
			}
		}
	}
}

// alone notes of every message that is sent to the server whether it must go alone.
func (p *pair) alone() *[]bool {
	var list []bool
	p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
		return m.Append(ctx, func(yield func(mirror.Incoming) bool) {
			for in := range batch {
				list = append(list, in.Alone)
				if !yield(in) {
					return
				}
			}
		})
	}})
	return &list
}

// TestAloneAfterCut: where copies are uncertain the next run sends each alone, so that
// it shows at which message the connection is lost; later runs do not.
func TestAloneAfterCut(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	alone := p.alone()
	p.servers[mirror.Far].CutAppend(0, mirrortest.Fate{Never: true})
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.try()
	p.settle()
	p.deliverNear(nametrans.Inbox, letter(11), mirror.Flags{})
	p.settle()
	if len(*alone) < 3 || (*alone)[0] || !(*alone)[1] || (*alone)[len(*alone)-1] {
		t.Errorf("got alone %v, want it in the run after the cut only", *alone)
	}
	p.alike()
}

// TestLateThoughTheSourceIsOutOfSight: a copy that comes late is known even where the
// mailbox that its source was moved to is gone since.
func TestLateThoughTheSourceIsOutOfSight(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	near.CreateMailbox(box("B"), "")
	p.settle()
	p.servers[mirror.Far].CutAppend(0, mirrortest.Fate{After: 3 * time.Hour})
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.try()
	list := near.Messages(nametrans.Inbox)
	near.Move(nametrans.Inbox, list[len(list)-1].ID, box("B"))
	p.settle()
	for _, s := range mirror.Sides {
		p.servers[s].RenameMailbox(box("B"), box("C"))
	}
	p.settle()
	p.clock.now = p.clock.now.Add(4 * time.Hour)
	ghosts := 0
	for range 3 {
		r, _ := p.try()
		ghosts += r.Summary.Ghosts
	}
	if got := p.count(mirror.Near, nametrans.Inbox); got != 2 || ghosts != 1 {
		t.Errorf("near INBOX holds %d, %d ghosts; want 2, and the late copy known", got, ghosts)
	}
}
