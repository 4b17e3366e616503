package mirror_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

var errNotDoneRefused = fmt.Errorf("%w: %w", mirror.ErrNotDone, mirror.ErrRefused)

// inStep is a pair with n letters in INBOX on both sides, and an Archive.
func inStep(t *testing.T, n int, far, near mirrortest.Options) *pair {
	t.Helper()
	p := newPair(t, far, near)
	p.servers[mirror.Far].CreateMailbox(box("Archive"), "")
	p.servers[mirror.Far].CreateMailbox(box("Trash"), `\Trash`)
	for i := range n {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	p.quiet()
	return p
}

// TestHeldIsNotConfirmedUnseen: a copy that was announced and never shown is
// held; a later run that does not look at that side must not take it for seen.
func TestHeldIsNotConfirmedUnseen(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.DropNext(1)
	id := near.Deliver(nametrans.Inbox, fileOf(letter(77)), mirror.Flags{}, when)
	p.try()                                                   // announced, dropped
	p.try()                                                   // held
	near.SetFlags(nametrans.Inbox, id, flags(`\Seen`))        // only the near side changes
	p.try()                                                   // the far side is not looked at
	p.deliverFar(nametrans.Inbox, letter(78), mirror.Flags{}) // now it is
	p.try()
	p.try()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 7 {
		t.Errorf("near holds %d messages, want 7: the only copy of a held message was removed", got)
	}
	p.checkState()
}

// TestKeptDepartureIsNotTakenForPresent: with deletions = keep a message that
// is gone on one side stays on the other, and flags of it are not sent to the
// side that has it no more.
func TestKeptDepartureIsNotTakenForPresent(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	p.policy.Deletions = mirror.DeleteNothing
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[2].ID)
	p.sync(mirror.ExitDone)
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[2].ID, flags(`\Seen`))
	for range 3 {
		p.sync(mirror.ExitDone)
	}
	p.quiet()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 5 {
		t.Errorf("near holds %d messages, want 5", got)
	}
}

// TestGoneWhileOtherSideBlocked: what went away while the other side could not
// be opened is followed once it can.
func TestGoneWhileOtherSideBlocked(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[2].ID)
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[2].ID, flags(`\Seen`))
	p.hook(mirror.Far, &hooks{open: func(mirror.Name) error { return mirror.ErrDenied }})
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	for range 3 {
		p.sync(mirror.ExitDone)
	}
	if got := len(far.Messages(nametrans.Inbox)); got != 4 {
		t.Errorf("far holds %d messages, want 4: the removal was forgotten", got)
	}
	p.alike()
}

// TestGoneWhileOtherSideMissing: the same, when the mailbox was missing.
func TestGoneWhileOtherSideMissing(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	name := box("Archive")
	for i := range 5 {
		p.deliverFar(name, letter(60+i), mirror.Flags{})
	}
	p.settle()
	far.RenameMailbox(name, box("elsewhere"))
	p.policy.Create = mirror.None
	near.Remove(name, near.Messages(name)[2].ID)
	p.sync(mirror.ExitPartly)
	far.RenameMailbox(box("elsewhere"), name)
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	if got := len(far.Messages(name)); got != 4 {
		t.Errorf("far holds %d messages, want 4: the removal was forgotten", got)
	}
}

// TestGoneWhileUnknown: near's removal of a message that the far side
// could not show is not forgotten.
func TestGoneWhileUnknown(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	victim := near.Messages(nametrans.Inbox)[1]
	near.Remove(nametrans.Inbox, victim.ID)
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, flags(``))
	p.hook(mirror.Far, &hooks{view: func(_ mirror.Name, v *mirror.View) error {
		v.Unknown = append(v.Unknown, mirror.Ref{UID: 2})
		return nil
	}})
	p.sync(mirror.ExitDone)
	p.wrap = nil
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID, flags(`\Seen`))
	p.settle()
	if got := len(far.Messages(nametrans.Inbox)); got != 4 {
		t.Errorf("far holds %d messages, want 4: the removal was forgotten", got)
	}
	p.alike()
}

// TestRefusedMove: a move that the server refuses for good neither waits nor
// turns into a removal or a double.
func TestRefusedMove(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
	tries := 0
	p.hook(mirror.Far, &hooks{move: func(_ mirror.Name, moves []mirror.Move) (out []mirror.Moved, _ error, _ bool) {
		tries++
		for _, m := range moves {
			out = append(out, mirror.Moved{From: m.Ref, Err: errNotDoneRefused})
		}
		return out, nil, true
	}})
	before := p.clock.now
	p.sync(mirror.ExitPartly)
	if tries != 1 {
		t.Errorf("tried %d times in one run, want once", tries)
	}
	if waited := p.clock.now.Sub(before); waited != 0 {
		t.Errorf("the run waited %v for a move that certainly did not happen", waited)
	}
	p.wrap = nil
	r := p.sync(mirror.ExitDone)
	if r.Summary.Moved != [2]int{1, 0} {
		t.Errorf("next run: got %+v, want the move", r.Summary)
	}
	p.settle()
	p.alike()
	p.quiet()
}

// TestMoveIntoMailboxThatCannotBeMade: moved once the mailbox can be made.
func TestMoveIntoMailboxThatCannotBeMade(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	near.CreateMailbox(box("new"), "")
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("new"))
	p.hook(mirror.Far, &hooks{create: func(mirror.Name) error { return mirror.ErrDenied }})
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	p.alike()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 4 {
		t.Errorf("far INBOX holds %d, want 4: the message is there twice", got)
	}
	p.quiet()
}

// TestMoveNotProven: a move whose second proof fails is made later, as a move.
func TestMoveNotProven(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
	p.hook(mirror.Near, &hooks{absent: func(mirror.Name) error { return mirror.ErrDenied }})
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	r := p.sync(mirror.ExitDone)
	if r.Summary.Moved != [2]int{1, 0} || r.Summary.Removed != [2]int{} {
		t.Errorf("next run: got %+v, want one move", r.Summary)
	}
	p.settle()
	p.alike()
}

// TestWithheldMoveKeepsItsToken: the token of a withheld plan is good in the
// next run, and its moves are still moves then.
func TestWithheldMoveKeepsItsToken(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		far.CreateMailbox(box(n), "")
		p.deliverFar(box(n), letter(int(n[0])), mirror.Flags{})
	}
	for i := range 5 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("a"))
	for _, n := range []string{"b", "c", "d", "e"} {
		near.DeleteMailbox(box(n))
	}
	first := p.sync(mirror.ExitStopped)
	if first.Plan.Token == "" || len(first.Plan.Withheld) != 1 {
		t.Fatalf("got %d withheld, token %q; want the move", len(first.Plan.Withheld), first.Plan.Token)
	}
	second := p.sync(mirror.ExitStopped)
	if first.Plan.Token != second.Plan.Token {
		t.Errorf("the same set has token %s, then %s: %v", first.Plan.Token, second.Plan.Token, second.Plan.Withheld)
	}
	p.confirm = first.Plan.Token
	r := p.sync(mirror.ExitPartly) // four mailboxes are missing
	if r.Summary.Moved != [2]int{1, 0} || r.Summary.Removed != [2]int{} {
		t.Errorf("confirmed: got %+v, want one move", r.Summary)
	}
}

// TestRefusedRemoval: a removal that is refused for good is named, and the run
// neither waits nor repeats itself.
func TestRefusedRemoval(t *testing.T) {
	t.Parallel()
	for _, deletions := range []mirror.Deletions{mirror.DeleteToTrash, mirror.DeleteForGood} {
		p := inStep(t, 5, mirrortest.Options{}, maildirLike())
		p.policy.Deletions = deletions
		near := p.servers[mirror.Near]
		near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID)
		tries := 0
		p.hook(mirror.Far, &hooks{
			move: func(_ mirror.Name, moves []mirror.Move) (out []mirror.Moved, _ error, _ bool) {
				tries++
				for _, m := range moves {
					out = append(out, mirror.Moved{From: m.Ref, Err: errNotDoneRefused})
				}
				return out, nil, true
			},
			remove: func(_ mirror.Name, refs []mirror.Ref) (out []mirror.Removed, _ error, _ bool) {
				tries++
				for _, r := range refs {
					out = append(out, mirror.Removed{Ref: r, Err: errNotDoneRefused})
				}
				return out, nil, true
			}})
		before := p.clock.now
		p.sync(mirror.ExitPartly)
		if tries != 1 || p.clock.now != before {
			t.Errorf("deletions %d: tried %d times and waited %v, want once and no wait", deletions, tries, p.clock.now.Sub(before))
		}
		p.wrap = nil
		p.settle()
		p.alike()
	}
}

// TestOverQuotaIsTemporary: DESIGN §10 counts it under 75.
func TestOverQuotaIsTemporary(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{Quota: 1000}, maildirLike())
	for i := range 10 {
		p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
	}
	p.sync(mirror.ExitTemporary)
	p.sync(mirror.ExitTemporary)
}

// TestEmptyBodyIsLookedAtAgain: RFC 2180 §4.1.3.
func TestEmptyBodyIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	id := far.Deliver(nametrans.Inbox, letter(9), mirror.Flags{}, when)
	far.Hollow(nametrans.Inbox, id, 1)
	p.sync(mirror.ExitDone)
	p.alike()
	p.quiet()
}

// TestEmptyBodyIsQuarantined: named once, then left alone until it is due.
func TestEmptyBodyIsQuarantined(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	id := far.Deliver(nametrans.Inbox, letter(9), mirror.Flags{}, when)
	far.Hollow(nametrans.Inbox, id, 1000)
	p.deliverFar(nametrans.Inbox, letter(10), mirror.Flags{})
	p.sync(mirror.ExitPartly)
	p.sync(mirror.ExitDone)
	p.quiet()
	p.clock.now = p.clock.now.Add(61 * time.Minute)
	p.sync(mirror.ExitPartly)
	p.clock.now = p.clock.now.Add(61 * time.Minute)
	p.sync(mirror.ExitDone)
	p.clock.now = p.clock.now.Add(61 * time.Minute)
	p.sync(mirror.ExitPartly)
	far.Hollow(nametrans.Inbox, id, 0)
	p.clock.now = p.clock.now.Add(200 * time.Minute)
	p.clock.now = p.clock.now.Add(200 * time.Minute)
	p.sync(mirror.ExitDone)
	p.alike()
	p.quiet()
}

// TestUnreadableWhileComparing: a message that cannot be read to be compared
// is quarantined like any other that cannot pass.
func TestUnreadableWhileComparing(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	id := far.Deliver(nametrans.Inbox, letter(1), mirror.Flags{}, when)
	p.deliverFar(nametrans.Inbox, letter(2), mirror.Flags{})
	p.deliverNear(nametrans.Inbox, letter(2), mirror.Flags{})
	// One may be its partner, by its date; the other is not.
	p.deliverNear(nametrans.Inbox, letter(3), mirror.Flags{})
	p.servers[mirror.Near].Deliver(nametrans.Inbox, fileOf(letter(4)), mirror.Flags{}, when.Add(time.Hour))
	far.Hollow(nametrans.Inbox, id, 1000)
	p.sync(mirror.ExitPartly)
	p.sync(mirror.ExitPartly)
	p.sync(mirror.ExitPartly)
	p.sync(mirror.ExitPartly)
	if got := p.count(mirror.Far, nametrans.Inbox); got != 3 {
		t.Errorf("far holds %d messages, want 3: what may be there already waits", got)
	}
	far.Hollow(nametrans.Inbox, id, 0)
	p.clock.now = p.clock.now.AddDate(0, 0, 8)
	p.settle()
	p.alike()
}

// TestOtherNameLeavesNothingBehind: a run that is refused because of one
// side's name leaves no session of the other open.
func TestOtherNameLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := inStep(t, 1, mirrortest.Options{}, maildirLike())
	h := &hooks{}
	r := &mirror.Runner{Names: [2]string{"server", "renamed"}, State: p.state, Policy: p.policy, Now: p.clock.Now, Sleep: p.clock.Sleep}
	block := make(chan struct{})
	h.connect = func(_ ctxT, tr mirror.Traits, err error) (mirror.Traits, error) { <-block; return tr, err }
	for _, s := range mirror.Sides {
		r.Repositories[s] = &hookedRepository{p.servers[s].Repository(), h}
	}
	done := make(chan error)
	go func() { _, err := r.Run(bg()); done <- err }()
	select {
	case err := <-done:
		if !errors.Is(err, mirror.ErrOtherIdentity) {
			t.Errorf("got %v, want ErrOtherIdentity", err)
		}
		h.mu.Lock()
		if h.connects > 0 && h.closes == 0 {
			t.Errorf("Run returned with %d sessions connecting, %d closed", h.connects, h.closes)
		}
		h.mu.Unlock()
		close(block)
		time.Sleep(20 * time.Millisecond)
		h.mu.Lock()
		if h.connects != 0 {
			t.Errorf("a side was connected to (%d) and closed %d times although the run was refused", h.connects, h.closes)
		}
		h.mu.Unlock()
	case <-time.After(100 * time.Millisecond):
		close(block)
		<-done
		if h.closes < h.connects {
			t.Errorf("%d sessions, %d closed", h.connects, h.closes)
		}
	}
}

type failingState struct{ mirror.State }

func (failingState) Commit(c *mirror.Changes) error {
	if c.Empty() {
		return nil
	}
	return errors.New("disk full")
}

// TestStateFailureClosesSides: also when the very first row cannot be written.
func TestStateFailureClosesSides(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	h := &hooks{}
	p.hook(mirror.Far, h)
	p.wrapState = func(s mirror.State) mirror.State { return failingState{s} }
	if _, err := p.try(); err == nil {
		t.Fatal("no error")
	}
	if h.connects != 1 || h.closes != 1 {
		t.Errorf("connected %d, closed %d times", h.connects, h.closes)
	}
}
