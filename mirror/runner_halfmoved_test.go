package mirror_test

import (
	"errors"
	"slices"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestMoveBegunIsNoRemoval: near moved a message whose flags changed on far, a
// server without UIDPLUS copied it, and before the round that ends the move near's
// target cannot be looked into any more. What is left in the old place is not
// copied to near again, nor where the copy never appears.
func TestMoveBegunIsNoRemoval(t *testing.T) {
	t.Parallel()
	for _, appears := range []bool{true, false} {
		moveBegun(t, appears)
	}
}

func moveBegun(t *testing.T, appears bool) {
	p := inStep(t, 3, bareIMAP(), maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, flags(`\Flagged`))
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Answered`))
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, box("Archive"))
	h := &hooks{}
	h.view = func(name mirror.Name, _ *mirror.View) error {
		if name == box("Archive") && h.viewed[name] > 1 {
			return mirror.ErrDenied
		}
		return nil
	}
	p.hook(mirror.Near, h)
	if !appears {
		p.hook(mirror.Far, &hooks{move: func(_ mirror.Name, list []mirror.Move) (out []mirror.Moved, _ error, _ bool) {
			for _, m := range list {
				out = append(out, mirror.Moved{From: m.Ref, Pending: true})
			}
			return out, nil, true
		}})
	}
	r, err := p.try()
	h.viewed = map[mirror.Name]int{box("Archive"): 1} // it is broken from the start of the next run
	p.try()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 2 {
		t.Errorf("copy appears %v: near INBOX holds %d messages, want the 2 that stayed", appears, got)
	}
	if exit := mirror.Exit(r, err); exit == mirror.ExitDone {
		t.Errorf("got exit 0 of a run that could not look into near's Archive")
	}
	p.wrap = nil
	p.try()
	p.settle()
	p.alike()
	if in, at := p.count(mirror.Near, nametrans.Inbox), p.count(mirror.Near, box("Archive")); in != 2 || at != 1 {
		t.Errorf("near holds %d messages in INBOX and %d in Archive, want 2 and 1", in, at)
	}
}

// TestRefusedMoveIsNotCopied: far moved a message, and near does not follow. A
// later round, which looks into one of the mailboxes only, neither sends it to its
// new place nor removes it from the old one.
func TestRefusedMoveIsNotCopied(t *testing.T) {
	t.Parallel()
	for _, other := range []mirror.Name{nametrans.Inbox, box("Archive")} {
		p := inStep(t, 3, mirrortest.Options{NoUIDPlus: true}, maildirLike())
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Seen`))
		far.Move(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, box("Archive"))
		p.deliverNear(other, letter(40), mirror.Flags{})
		broken := joinNotDone(mirror.ErrRefused)
		h := refuseAppends(broken)
		h.move = func(_ mirror.Name, list []mirror.Move) (out []mirror.Moved, _ error, _ bool) {
			for _, m := range list {
				out = append(out, mirror.Moved{From: m.Ref, Err: broken})
			}
			return out, nil, true
		}
		p.hook(mirror.Near, h)
		p.sync(mirror.ExitPartly)
		if q := p.snapshot().Quarantine; len(q) > 0 || len(near.Undone()) > 0 {
			t.Errorf("%s: got %+v kept aside and %d removed, want none", other, q, len(near.Undone()))
		}
		p.wrap = nil
		r := p.sync(mirror.ExitDone)
		if r.Summary.Moved[mirror.Near] != 1 {
			t.Errorf("%s: got %+v, want the move followed", other, r.Summary)
		}
		p.settle()
		p.alike()
	}
}

// TestMoveBetweenRounds: a message that is moved while a run waits for a server
// without UIDPLUS is followed, though the later round has no other reason to look
// into the mailbox that it went to.
func TestMoveBetweenRounds(t *testing.T) {
	t.Parallel()
	for _, s := range mirror.Sides {
		p := inStep(t, 3, bareIMAP(), maildirLike())
		p.deliverNear(nametrans.Inbox, letter(40), mirror.Flags{})
		moved := false
		p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
			out, err := m.Append(ctx, batch)
			if server := p.servers[s]; !moved {
				server.Move(nametrans.Inbox, server.Messages(nametrans.Inbox)[0].ID, box("Archive"))
			}
			moved = true
			return out, err
		}})
		r := p.sync(mirror.ExitDone)
		if o := s.Other(); r.Summary.Moved[o] != 1 || r.Summary.Removed[o]+r.Summary.Pending[o]+r.Summary.Copied[o] > 2 {
			t.Errorf("moved on %v: got %+v, want the move followed", s, r.Summary)
		}
		if n := len(p.servers[mirror.Near].Undone()); n > 0 {
			t.Errorf("moved on %v: %d messages were removed", s, n)
		}
		if got := p.count(mirror.Far, box("Trash")); got > 0 {
			t.Errorf("moved on %v: %d messages are in far's trash", s, got)
		}
		p.settle()
		p.alike()
	}
}

// TestPairsNoHalfOfABlindMove: near's INBOX fails right after the COPY of a move that
// goes out of far's: the round that finds the copy does not look into INBOX. The copy
// is not paired then, or its source would count as removed by somebody.
func TestPairsNoHalfOfABlindMove(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true}, maildirLike())
	near := p.servers[mirror.Near]
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
	p.deliverFar(nametrans.Inbox, letter(40), mirror.Flags{})
	p.deliverNear(box("Archive"), letter(44), mirror.Flags{})
	failed := false
	p.hook(mirror.Near, &hooks{append: func(name mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
		if failed || name != nametrans.Inbox {
			return m.Append(ctx, batch)
		}
		failed = true
		return nil, errors.Join(mirror.ErrNotDone, mirror.ErrDenied)
	}})
	p.sync(mirror.ExitPartly)
	p.settle()
	p.alike()
	p.quiet()
	for _, s := range mirror.Sides {
		if archive, trash := p.count(s, box("Archive")), p.count(s, box("Trash")); archive != 2 || trash != 1 {
			t.Errorf("%v: Archive holds %d, Trash %d, want 2 and the one that was removed", s, archive, trash)
		}
	}
}

// TestBegunMoveWaitsForItsMailboxes: near moved a message, the run that follows is
// stopped, and the next one cannot look into a mailbox of the move on one of the
// sides. It neither takes the source for removed nor pairs the copy without it.
func TestBegunMoveWaitsForItsMailboxes(t *testing.T) {
	t.Parallel()
	archive := box("Archive")
	for _, blocked := range [][2][]mirror.Name{
		{mirror.Far: {nametrans.Inbox}}, {mirror.Near: {nametrans.Inbox}}, {{nametrans.Inbox}, {nametrans.Inbox}},
		{mirror.Far: {archive}}, {mirror.Near: {archive}},
	} {
		begun := 0
		for effect, reached := 1, true; reached; effect++ {
			var open bool
			if reached, open = stoppedMove(t, effect, blocked); open {
				begun++
			}
		}
		if begun < 3 {
			t.Errorf("blocked %v: got %d stops with the move begun, want 3 or more", blocked, begun)
		}
	}
}

// stoppedMove reports whether the effect to stop after was reached, and whether the
// move had been begun by then.
func stoppedMove(t *testing.T, effect int, blocked [2][]mirror.Name) (reached, open bool) {
	p := inStep(t, 3, bareIMAP(), maildirLike())
	near := p.servers[mirror.Near]
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
	fault := mirrortest.NewFault(effect, mirrortest.After)
	p.inject(fault)
	p.try()
	p.inject(nil)
	open = slices.ContainsFunc(p.snapshot().Intents, func(in mirror.Intent) bool { return in.Kind == mirror.MoveIntent })
	if !open {
		return fault.Stopped(), false
	}
	for _, s := range mirror.Sides {
		p.hook(s, &hooks{view: func(name mirror.Name, _ *mirror.View) error {
			if slices.Contains(blocked[s], name) {
				return mirror.ErrDenied
			}
			return nil
		}})
	}
	p.try()
	p.wrap = nil
	p.settle()
	p.alike()
	p.quiet()
	for _, s := range mirror.Sides {
		if moved, trash := p.count(s, box("Archive")), p.count(s, box("Trash")); moved != 1 || trash != 0 {
			t.Errorf("blocked %v, stopped after effect %d: %v: Archive holds %d, Trash %d, want 1 and none", blocked, effect, s, moved, trash)
		}
	}
	return fault.Stopped(), true
}

// TestMoveMadeAfterAll: near made a move that it answered with an error. The next
// round of that run sees its file, and must not take it for new mail beside the one
// that the move followed.
func TestMoveMadeAfterAll(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	p.deliver(mirror.Near, box("Archive"), letter(44), mirror.Flags{})
	far.Move(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID, box("Archive"))
	p.hook(mirror.Near, &hooks{move: func(name mirror.Name, moves []mirror.Move) ([]mirror.Moved, error, bool) {
		for _, m := range moves {
			near.Move(name, m.UID, box("Archive"))
		}
		return nil, mirror.ErrDenied, true
	}})
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	p.settle()
	p.alike()
	p.quiet()
	for _, s := range mirror.Sides {
		if archive, trash := p.count(s, box("Archive")), p.count(s, box("Trash")); archive != 2 || trash != 0 {
			t.Errorf("%v: Archive holds %d, Trash %d, want 2 and none", s, archive, trash)
		}
	}
}
