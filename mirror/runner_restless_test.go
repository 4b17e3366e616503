package mirror_test

import (
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestRemovalsWithoutRest shows that removals do not starve while mail keeps coming in.
func TestRemovalsWithoutRest(t *testing.T) {
	t.Parallel()
	p := inStep(t, 5, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
	n := 100
	p.hook(mirror.Near, &hooks{view: func(mirror.Name, *mirror.View) error {
		p.deliverFar(box("Archive"), letter(n), mirror.Flags{})
		n++
		return nil
	}})
	for range 5 {
		p.try()
	}
	if got := p.count(mirror.Far, nametrans.Inbox); got != 4 {
		t.Errorf("far INBOX holds %d, want 4", got)
	}
}

// TestConsentWithoutRest never ends with 0 unless what was confirmed is done.
func TestConsentWithoutRest(t *testing.T) {
	t.Parallel()
	p := inStep(t, 30, mirrortest.Options{}, maildirLike())
	near := p.servers[mirror.Near]
	for _, m := range near.Messages(nametrans.Inbox)[:12] {
		near.Remove(nametrans.Inbox, m.ID)
	}
	r := p.sync(mirror.ExitStopped)
	p.confirm = r.Plan.Token
	n := 100
	p.hook(mirror.Near, &hooks{view: func(mirror.Name, *mirror.View) error {
		p.deliverFar(box("Archive"), letter(n), mirror.Flags{})
		n++
		return nil
	}})
	r, err := p.try()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 18 && mirror.Exit(r, err) == 0 {
		t.Errorf("exit 0, and far holds %d, want 18", got)
	}
}
