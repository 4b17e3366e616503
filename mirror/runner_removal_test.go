package mirror_test

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRemovalHasIntent: before anything is removed the state says what and why.
func TestRemovalHasIntent(t *testing.T) {
	t.Parallel()
	p := inStep(t, 12, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	far.Remove(nametrans.Inbox, far.Messages(nametrans.Inbox)[3].ID)
	removed := 0
	p.hook(mirror.Near, &hooks{remove: func(name mirror.Name, refs []mirror.Ref) ([]mirror.Removed, error, bool) {
		snapshot, err := p.state.Load()
		if err != nil {
			t.Error(err)
		}
		for _, ref := range refs {
			removed++
			found := false
			for _, in := range snapshot.Intents {
				found = found || in.Kind == mirror.RemoveIntent && in.Side == mirror.Near && in.Mailbox == name && in.Source == ref
			}
			if !found {
				t.Errorf("%v is removed, and no intent says so: %+v", ref, snapshot.Intents)
			}
		}
		return nil, nil, false
	}})
	p.sync(mirror.ExitDone)
	if removed != 1 {
		t.Errorf("removed %d messages, want 1", removed)
	}
}

// TestKeepRemovesNothing: with deletions = keep, what goes on one side stays on
// the other, whichever it is.
func TestKeepRemovesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range mirror.Sides {
		p := inStep(t, 5, mirrortest.Options{}, maildirLike())
		p.policy.Deletions = mirror.DeleteNothing
		p.servers[s].Remove(nametrans.Inbox, p.servers[s].Messages(nametrans.Inbox)[2].ID)
		p.settle()
		if got := p.count(s.Other(), nametrans.Inbox); got != 5 {
			t.Errorf("removed on %v: the other side holds %d messages, want all 5", s, got)
		}
	}
}
