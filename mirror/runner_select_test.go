package mirror_test

import (
	"context"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// choosing is a pair that runs with a choice of mailboxes.
func choosing(t *testing.T, choose func(mirror.Selectable) bool) (p *pair, run func() mirror.Result) {
	p = newPair(t, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	far.CreateMailbox(box("Archive"), "")
	far.CreateMailbox(box("Bulk"), imap.MailboxAttrJunk)
	for i, name := range []mirror.Name{nametrans.Inbox, box("Archive"), box("Bulk")} {
		p.deliverFar(name, letter(i), mirror.Flags{})
	}
	return p, func() mirror.Result {
		t.Helper()
		r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: p.policy, Selected: choose, Now: p.clock.Now, Sleep: p.clock.Sleep}
		for _, s := range mirror.Sides {
			r.Repositories[s] = p.servers[s].Repository()
		}
		result, err := r.Run(t.Context())
		if exit := mirror.Exit(result, err); exit != mirror.ExitDone {
			t.Fatalf("got exit %d, %v, problems %v", exit, err, result.Problems)
		}
		p.checkState()
		return result
	}
}

// TestSelectedByRole: a mailbox is chosen by the special use that either side gives it.
func TestSelectedByRole(t *testing.T) {
	t.Parallel()
	p, run := choosing(t, func(s mirror.Selectable) bool { return !slices.Contains(s.Roles, imap.MailboxAttrJunk) })
	run()
	if n := p.count(mirror.Near, box("Archive")); n != 1 {
		t.Errorf("near Archive holds %d, want 1", n)
	}
	if _, there := p.servers[mirror.Near].Dump()[box("Bulk")]; there {
		t.Error("the junk was copied")
	}
	// It is left alone as well where only the other side says what it is.
	p.servers[mirror.Near].CreateMailbox(box("Spam"), imap.MailboxAttrJunk)
	p.deliver(mirror.Near, box("Spam"), letter(9), mirror.Flags{})
	run()
	if _, there := p.servers[mirror.Far].Dump()[box("Spam")]; there {
		t.Error("the junk of near was copied")
	}
}

// TestSelectedBySubscription: what is no longer subscribed is left alone from then on,
// also where the state remembers it otherwise, and nothing of it is removed.
func TestSelectedBySubscription(t *testing.T) {
	t.Parallel()
	p, run := choosing(t, func(s mirror.Selectable) bool { return s.Subscribed || s.Name == nametrans.Inbox })
	subscribe := func(s mirror.Side, on bool) {
		t.Helper()
		r := p.servers[s].Repository()
		if _, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite}); err != nil {
			t.Fatal(err)
		}
		if err := r.Subscribe(t.Context(), box("Archive"), on); err != nil {
			t.Fatal(err)
		}
	}
	subscribe(mirror.Far, true)
	run()
	if near := p.servers[mirror.Near].Dump(); len(near[box("Archive")]) != 1 || len(near[box("Bulk")]) != 0 {
		t.Fatalf("near holds %v, want what is subscribed", near)
	}
	for _, s := range mirror.Sides {
		subscribe(s, false)
	}
	p.deliverFar(box("Archive"), letter(7), mirror.Flags{})
	run()
	if n := p.count(mirror.Near, box("Archive")); n != 1 {
		t.Errorf("near Archive holds %d, want the one that was there", n)
	}
	subscribe(mirror.Far, true)
	run()
	if n := p.count(mirror.Near, box("Archive")); n != 2 {
		t.Errorf("near Archive holds %d once it is subscribed again, want 2", n)
	}
}

// TestUntouched: a side that nothing may be written to is opened for reading from the
// first visit on.
func TestUntouched(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.policy = mirror.NewPolicy(mirror.OneWayCopy, mirror.Near)
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	var visits [2][]mirror.Access
	r := &mirror.Runner{Names: [2]string{"server", "laptop"}, State: p.state, Policy: p.policy, Untouched: [2]bool{true, false}, Now: p.clock.Now, Sleep: p.clock.Sleep}
	for _, s := range mirror.Sides {
		r.Repositories[s] = &visited{p.servers[s].Repository(), &visits[s]}
	}
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(visits[mirror.Far], []mirror.Access{mirror.ReadOnly}) || !slices.Equal(visits[mirror.Near], []mirror.Access{mirror.ReadWrite}) {
		t.Errorf("got %v", visits)
	}
	if p.count(mirror.Near, nametrans.Inbox) != 1 {
		t.Error("nothing was copied")
	}
}

// visited notes what a repository is connected to for.
type visited struct {
	mirror.Repository
	visits *[]mirror.Access
}

func (r *visited) Connect(ctx context.Context, visit mirror.Visit) (mirror.Traits, error) {
	*r.visits = append(*r.visits, visit.Access)
	return r.Repository.Connect(ctx, visit)
}
