package mirror_test

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestAnnouncedBesideMove has a copy that was announced and never shown, and a twin of it
// that is moved and copied: one of the two that are new is what was moved, and the other
// one, in the mailbox of the announced copy, is that one. Nothing is moved to where it is.
func TestAnnouncedBesideMove(t *testing.T) {
	t.Parallel()
	p := inStep(t, 4, mirrortest.Options{DropsHeld: true}, maildirLike())
	far := p.servers[mirror.Far]
	for _, s := range mirror.Sides {
		p.servers[s].CreateMailbox(box("Archive"), "")
		p.servers[s].CreateMailbox(box("Work"), "")
	}
	twin := letter(7)
	for _, name := range []mirror.Name{nametrans.Inbox, box("Work"), box("Work")} {
		p.deliverNear(name, twin, mirror.Flags{})
	}
	p.try()
	p.try()
	shown := far.Messages(nametrans.Inbox)
	moved := shown[len(shown)-1]
	far.Deliver(box("Archive"), moved.Body, moved.Flags, moved.Date)
	far.Move(nametrans.Inbox, moved.ID, box("Work"))
	if result, err := p.try(); mirror.Exit(result, err) != mirror.ExitDone {
		t.Errorf("exit %d, %v, problems %v, want none", mirror.Exit(result, err), err, result.Problems)
	}
	for _, s := range mirror.Sides {
		if a, b := p.count(s, box("Work")), p.count(s, box("Archive")); a != 2 || b != 1 {
			t.Errorf("%v has %d in Work and %d in Archive, want 2 and 1", s, a, b)
		}
	}
}
