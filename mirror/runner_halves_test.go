package mirror_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// unreadMove is a pair whose far moved its second message to Archive, where the
// connection is lost whenever anybody reads it. Two runs were cut there.
func unreadMove(t *testing.T, o mirrortest.Options) *pair {
	t.Helper()
	p := inStep(t, 4, o, maildirLike())
	far := p.servers[mirror.Far]
	id := far.Move(nametrans.Inbox, far.Messages(nametrans.Inbox)[1].ID, box("Archive"))
	p.hook(mirror.Far, breaksIn(box("Archive"), id))
	p.sync(mirror.ExitTemporary)
	p.sync(mirror.ExitTemporary)
	return p
}

// breaksIn is breaksAt in one mailbox only.
func breaksIn(name mirror.Name, id mirror.UID) *hooks {
	at := breaksAt(id)
	return &hooks{identify: func(in mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
		if in == name {
			return at.identify(in, list)
		}
		return list, nil
	}}
}

// TestRemovalWaitsForHalfMove: a message that went to where it cannot be read is
// not taken for a removed one, in no run, also where the one run after the other
// has nothing else to do there. Once it is read, the move is followed.
func TestRemovalWaitsForHalfMove(t *testing.T) {
	t.Parallel()
	p := unreadMove(t, mirrortest.Options{})
	near := p.servers[mirror.Near]
	for range 3 {
		p.sync(mirror.ExitPartly)
		p.deliverFar(box("Archive"), letter(30), mirror.Flags{})
	}
	if got := p.count(mirror.Near, nametrans.Inbox); got != 4 || len(near.Undone()) > 0 {
		t.Errorf("near INBOX holds %d messages, %d were removed, want 4 and none", got, len(near.Undone()))
	}
	p.wrap = nil
	p.clock.now = p.clock.now.Add(time.Hour)
	r := p.sync(mirror.ExitDone)
	if r.Summary.Moved[mirror.Near] != 1 || r.Summary.Removed[mirror.Near] != 0 {
		t.Errorf("got %+v, want the move followed", r.Summary)
	}
	p.settle()
	p.alike()
	p.quiet()
}

// TestNothingWaitsWhereRemovalsStay: where a removal does not travel nothing waits for
// what may be half of a move, and no message is named for it.
func TestNothingWaitsWhereRemovalsStay(t *testing.T) {
	t.Parallel()
	for _, gone := range []mirror.Direction{mirror.None, mirror.Both} {
		p := unreadMove(t, mirrortest.Options{})
		p.policy.Gone = gone
		result, err := p.try()
		if err != nil {
			t.Fatal(err)
		}
		named := func(p mirror.Problem) bool { return strings.Contains(p.Reason, "cannot be followed yet") }
		if got := slices.ContainsFunc(result.Problems, named); got != (gone == mirror.Both) {
			t.Errorf("gone %v: got problems %v", gone, result.Problems)
		}
	}
}

// TestRemovalWaitsInLaterRounds: nor in a round that looks into one of the two
// mailboxes only, since a server did not tell the UID of what it was sent.
func TestRemovalWaitsInLaterRounds(t *testing.T) {
	t.Parallel()
	p := unreadMove(t, mirrortest.Options{NoUIDPlus: true})
	p.deliverNear(nametrans.Inbox, letter(31), mirror.Flags{})
	p.sync(mirror.ExitPartly)
	if got, undone := p.count(mirror.Near, nametrans.Inbox), p.servers[mirror.Near].Undone(); got != 5 || len(undone) > 0 {
		t.Errorf("near INBOX holds %d messages, %d were removed, want 5 and none", got, len(undone))
	}
	p.wrap = nil
	p.clock.now = p.clock.now.Add(time.Hour)
	p.settle()
	p.alike()
}

// TestRefillWaitsForHalfMove: nor is it sent again because near changed it.
func TestRefillWaitsForHalfMove(t *testing.T) {
	t.Parallel()
	p := unreadMove(t, mirrortest.Options{})
	near := p.servers[mirror.Near]
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, flags(`\Flagged`))
	p.sync(mirror.ExitPartly)
	if got := p.count(mirror.Far, nametrans.Inbox); got != 3 {
		t.Errorf("far INBOX holds %d messages, want the 3 that stayed", got)
	}
	p.wrap = nil
	p.clock.now = p.clock.now.Add(time.Hour)
	p.settle()
	p.alike()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 3 {
		t.Errorf("near INBOX holds %d messages, want 3", got)
	}
}

// TestHalfMoveIsNotAwaitedForEver: after a week the removal is carried out, and
// when the message can be read after all, it arrives as a new one.
func TestHalfMoveIsNotAwaitedForEver(t *testing.T) {
	t.Parallel()
	p := unreadMove(t, mirrortest.Options{})
	p.sync(mirror.ExitPartly)
	for range 10 {
		p.clock.now = p.clock.now.AddDate(0, 0, 1)
		p.try()
	}
	if got, undone := p.count(mirror.Near, nametrans.Inbox), p.servers[mirror.Near].Undone(); got != 3 || len(undone) != 1 {
		t.Errorf("near INBOX holds %d messages, %d were removed, want 3 and 1", got, len(undone))
	}
	p.wrap = nil
	p.clock.now = p.clock.now.AddDate(0, 0, 8)
	p.settle()
	p.alike()
}

// TestOtherSizeIsNoHalfMove: a message of another size than what is gone holds
// nothing up.
func TestOtherSizeIsNoHalfMove(t *testing.T) {
	t.Parallel()
	p := unreadMove(t, mirrortest.Options{})
	far := p.servers[mirror.Far]
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[2].ID)
	p.sync(mirror.ExitPartly)
	near := p.servers[mirror.Near].Messages(nametrans.Inbox)
	if has := func(i int) bool {
		return slices.ContainsFunc(near, func(m mirrortest.Held) bool { return string(m.Body) == string(fileOf(letter(i))) })
	}; len(near) != 3 || !has(1) || has(3) {
		t.Errorf("near INBOX holds %d messages, want all but what was removed", len(near))
	}
}
