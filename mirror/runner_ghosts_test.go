package mirror_test

import (
	"bytes"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// sentTwice is a pair whose letter 10 was sent to far a second time: its first
// copy never came.
func sentTwice(t *testing.T, far mirrortest.Options) *pair {
	t.Helper()
	p := inStep(t, 3, far, maildirLike())
	for _, s := range mirror.Sides {
		p.servers[s].CreateMailbox(box("Archive"), "")
	}
	p.settle()
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.swallow(mirror.ErrCut)
	p.sync(mirror.ExitTemporary)
	p.wrap = nil
	p.sync(mirror.ExitDone)
	p.settle()
	p.alike()
	return p
}

// lookAlike is another letter, as long as letter 10.
func lookAlike() []byte {
	return bytes.ReplaceAll(letter(10), []byte("10"), []byte("77"))
}

// findBody counts the messages of INBOX that have a body.
func (p *pair) findBody(s mirror.Side, body []byte) int {
	n := 0
	for _, m := range p.servers[s].Messages(nametrans.Inbox) {
		if bytes.Equal(m.Body, body) || bytes.Equal(m.Body, fileOf(body)) {
			n++
		}
	}
	return n
}

// find returns the number of letter n in a mailbox.
func (p *pair) find(s mirror.Side, name mirror.Name, n int) (uid mirror.UID) {
	p.t.Helper()
	for _, m := range p.servers[s].Messages(name) {
		if bytes.Equal(m.Body, letter(n)) || bytes.Equal(m.Body, fileOf(letter(n))) {
			uid = m.ID
		}
	}
	if uid == 0 {
		p.t.Errorf("%v %q lacks letter %d", s, name.String(), n)
	}
	return uid
}

// TestGhostMovedBack: a person moves a message that was once sent again away and
// back: it is moved on the other side too.
// TestGhostMovedBack: nor is one that was moved away and back.
func TestGhostMovedBack(t *testing.T) {
	p := sentTwice(t, mirrortest.Options{})
	p.servers[mirror.Far].Move(nametrans.Inbox, p.find(mirror.Far, nametrans.Inbox, 10), box("Archive"))
	p.settle()
	p.alike()
	p.servers[mirror.Far].Move(box("Archive"), p.find(mirror.Far, box("Archive"), 10), nametrans.Inbox)
	for range 3 {
		p.try()
	}
	p.alike()
}

// TestGhostRestored: a person removes it, and puts it back later.
// TestGhostRestored: a message that somebody puts back, date and all, is no late
// copy.
func TestGhostRestored(t *testing.T) {
	p := sentTwice(t, mirrortest.Options{})
	p.servers[mirror.Near].Remove(nametrans.Inbox, p.find(mirror.Near, nametrans.Inbox, 10))
	p.settle()
	p.deliverFar(nametrans.Inbox, letter(10), mirror.Flags{})
	for range 3 {
		p.try()
	}
	p.find(mirror.Near, nametrans.Inbox, 10)
}

// TestGhostLookAlike: another letter of the same size and second is no ghost of
// one that was sent again and removed.
// TestGhostLookAlike: nor is another one of the same size and date.
func TestGhostLookAlike(t *testing.T) {
	p := sentTwice(t, mirrortest.Options{})
	p.servers[mirror.Near].Remove(nametrans.Inbox, p.find(mirror.Near, nametrans.Inbox, 10))
	p.settle()
	p.deliverFar(nametrans.Inbox, lookAlike(), mirror.Flags{})
	for range 3 {
		p.try()
	}
	if p.findBody(mirror.Near, lookAlike()) != 1 {
		t.Error("it was never propagated")
	}
}

// TestGhostRenumbered: another letter that looks like a ghost is not put
// aside in its place when the mailbox is renumbered.
// TestGhostRenumbered: a late copy is the same one once its mailbox is renumbered,
// whatever looks like it.
func TestGhostRenumbered(t *testing.T) {
	p := sentTwice(t, mirrortest.Options{})
	p.deliverFar(nametrans.Inbox, letter(10), mirror.Flags{}) // the ghost
	p.sync(mirror.ExitPartly)
	p.deliverFar(nametrans.Inbox, lookAlike(), mirror.Flags{})
	for range 3 {
		p.try()
	}
	far, near := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox)
	t.Logf("before: far %d near %d", far, near)
	p.servers[mirror.Far].Renumber(nametrans.Inbox, 99)
	for range 4 {
		p.try()
	}
	if f, n := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); f != far || n != near {
		t.Errorf("after: far %d near %d; %v\n%v", f, n, p.dump(mirror.Far)[nametrans.Inbox], p.dump(mirror.Near)[nametrans.Inbox])
	}
}
