package mirror_test

import (
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestTokenStands over dry and real runs, and the confirmed run ends in one go.
func TestTokenStands(t *testing.T) {
	t.Parallel()
	for i, o := range []mirrortest.Options{{}, bareIMAP(), {NoMove: true}, {NoUIDPlus: true}, {Stale: true}, {NoUIDPlus: true, NoMove: true, Stale: true}, {Announce: func(b []byte) int64 { return int64(len(b)) + 7 }}, maildirLike()} {
		for _, paired := range []bool{false, true} {
			for _, all := range []bool{false, true} {
				t.Run(fmt.Sprint(i, paired, all), func(t *testing.T) {
					p := newPair(t, o, maildirLike())
					far, near := p.servers[mirror.Far], p.servers[mirror.Near]
					for _, s := range mirror.Sides {
						p.servers[s].CreateMailbox(box("Archive"), "")
					}
					far.CreateMailbox(box("Trash"), `\Trash`)
					for i := range 20 {
						p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
						if paired {
							p.deliverNear(nametrans.Inbox, letter(i), mirror.Flags{})
						}
					}
					p.settle()
					n := 14
					if all {
						n = 20
					}
					for _, m := range near.Messages(nametrans.Inbox)[:n] {
						near.Remove(nametrans.Inbox, m.ID)
					}
					p.dry = true
					r0 := p.sync(mirror.ExitStopped)
					p.dry = false
					r1 := p.sync(mirror.ExitStopped)
					r2 := p.sync(mirror.ExitStopped)
					p.dry = true
					r3 := p.sync(mirror.ExitStopped)
					p.dry = false
					if r0.Plan.Token != r1.Plan.Token || r1.Plan.Token != r2.Plan.Token || r3.Plan.Token != r2.Plan.Token {
						t.Errorf("tokens %s %s %s %s (%v %v)", r0.Plan.Token, r1.Plan.Token, r2.Plan.Token, r3.Plan.Token, r0.Plan.Stops, r2.Plan.Stops)
					}
					p.confirm = r2.Plan.Token
					r, err := p.try()
					if got := mirror.Exit(r, err); got != 0 {
						t.Errorf("confirmed: exit %d %v %v %v", got, err, r.Plan.Stops, r.Problems)
					}
					p.confirm = ""
					p.settle()
					p.quiet()
				})
			}
		}
	}
}

// TestConfirmedOnce asks for no second consent to what a server accepted and did not do.
func TestConfirmedOnce(t *testing.T) {
	t.Parallel()
	p := inStep(t, 30, mirrortest.Options{NoUIDPlus: true, NoMove: true}, maildirLike())
	near := p.servers[mirror.Near]
	for _, m := range near.Messages(nametrans.Inbox)[:12] {
		near.Remove(nametrans.Inbox, m.ID)
	}
	r := p.sync(mirror.ExitStopped)
	p.confirm = r.Plan.Token
	n := 0
	p.hook(mirror.Far, &hooks{move: func(_ mirror.Name, moves []mirror.Move) (out []mirror.Moved, err error, done bool) {
		if n++; n > 1 {
			return nil, nil, false
		}
		for _, m := range moves {
			out = append(out, mirror.Moved{From: m.Ref, Pending: true}) // accepted, and nothing came of it
		}
		return out, nil, true
	}})
	p.try()
	p.wrap = nil
	if got, err := p.try(); mirror.Exit(got, err) == mirror.ExitStopped {
		t.Errorf("the same set must be confirmed twice")
	}
}
