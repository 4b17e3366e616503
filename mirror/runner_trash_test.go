package mirror_test

import (
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// bareTrash is a pair in step whose far side shows no special uses.
func bareTrash(t *testing.T, far mirrortest.Options) *pair {
	p := newPair(t, far, maildirLike())
	for i := range 6 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	return p
}

func (p *pair) removeNear(i int) {
	near := p.servers[mirror.Near]
	near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[i].ID)
}

// TestTrashIsMadeAgain when somebody removed it.
func TestTrashIsMadeAgain(t *testing.T) {
	t.Parallel()
	p := bareTrash(t, mirrortest.Options{NoRoles: true})
	noTrash := func(n mirror.Name) bool { return n != box("Trash") }
	p.removeNear(0)
	p.only(mirror.ExitDone, noTrash)
	p.only(mirror.ExitDone, noTrash)
	far := p.servers[mirror.Far]
	if got := p.count(mirror.Far, box("Trash")); got != 1 {
		t.Fatalf("trash holds %d, want 1", got)
	}
	far.DeleteMailbox(box("Trash"))
	p.removeNear(1)
	p.only(mirror.ExitDone, noTrash)
	if got := p.count(mirror.Far, nametrans.Inbox); got != 4 {
		t.Errorf("far INBOX holds %d, want 4: nothing can be removed any more", got)
	}
}

// TestRemovalInsideTrashWithoutRole is never a copy onto itself.
func TestRemovalInsideTrashWithoutRole(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{NoRoles: true}, maildirLike())
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.CreateMailbox(box("Trash"), "")
	for i := range 6 {
		p.deliverFar(box("Trash"), letter(i), mirror.Flags{})
		p.deliverFar(nametrans.Inbox, letter(20+i), mirror.Flags{})
	}
	p.settle()
	near.Remove(box("Trash"), near.Messages(box("Trash"))[0].ID)
	moved := false
	p.hook(mirror.Far, &hooks{move: func(mirror.Name, []mirror.Move) ([]mirror.Moved, error, bool) {
		moved = true
		return nil, nil, false
	}})
	p.sync(mirror.ExitDone)
	if moved {
		t.Error("the removal was a move of Trash onto itself")
	}
	if got := p.count(mirror.Far, box("Trash")); got != 5 {
		t.Errorf("far trash holds %d, want 5", got)
	}
}

// TestTrashOutsideThePatterns works for several mailboxes, with one handle.
func TestTrashOutsideThePatterns(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}, {NoMove: true}, {NoUIDPlus: true}} {
		p := newPair(t, o, maildirLike())
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		far.CreateMailbox(box("Archive"), "")
		far.CreateMailbox(box("Bin"), `\Trash`)
		noBin := func(n mirror.Name) bool { return n != box("Bin") }
		for i := range 6 {
			p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
			p.deliverFar(box("Archive"), letter(10+i), mirror.Flags{})
		}
		p.only(mirror.ExitDone, noBin)
		p.only(mirror.ExitDone, noBin)
		near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
		near.Remove(box("Archive"), near.Messages(box("Archive"))[0].ID)
		h := &hooks{}
		p.hook(mirror.Far, h)
		p.only(mirror.ExitDone, noBin)
		if got := len(p.dump(mirror.Far)[box("Bin")]); got != 2 {
			t.Errorf("%+v: trash holds %d, want 2", o, got)
		}
		p.only(mirror.ExitDone, noBin)
		if got := len(p.dump(mirror.Far)[box("Bin")]); got != 2 {
			t.Errorf("%+v: trash holds %d, want 2", o, got)
		}
		for _, n := range []mirror.Name{nametrans.Inbox, box("Archive")} {
			if got := len(p.dump(mirror.Far)[n]); got != 5 {
				t.Errorf("%+v: far %q holds %d, want 5", o, n.String(), got)
			}
		}
		commits := p.state.Commits()
		p.only(mirror.ExitDone, noBin)
		if got := p.state.Commits(); got != commits {
			t.Errorf("%+v: a quiet run wrote state", o)
		}
		if h.opened[box("Bin")] > 2 {
			t.Errorf("the trash was opened %d times", h.opened[box("Bin")])
		}
	}
}

// TestTombs: without UIDPLUS a removed message stays, marked; it does not come
// back, and its tomb goes when it does.
func TestTombs(t *testing.T) {
	t.Parallel()
	for _, deletions := range []mirror.Deletions{mirror.DeleteToTrash, mirror.DeleteForGood} {
		p := inStep(t, 6, mirrortest.Options{NoUIDPlus: true, NoMove: true}, maildirLike())
		p.policy.Deletions = deletions
		far := p.servers[mirror.Far]
		victim := far.Messages(nametrans.Inbox)[1].ID
		p.removeNear(1)
		p.settle()
		if got := len(p.snapshot().Tombs); got != 1 {
			t.Fatalf("%d tombs, want 1", got)
		}
		far.SetFlags(nametrans.Inbox, victim, flags(`\Deleted \Seen`))
		p.settle()
		if got := p.count(mirror.Near, nametrans.Inbox); got != 5 {
			t.Errorf("near holds %d, want 5: a removed message came back", got)
		}
		far.Remove(nametrans.Inbox, victim)
		p.settle()
		if got := len(p.snapshot().Tombs); got != 0 {
			t.Errorf("%d tombs, want 0", got)
		}
		p.quiet()
	}
}

// TestTombsSurviveRenumbering: what we removed is not copied back because the
// mailbox was renumbered.
func TestTombsSurviveRenumbering(t *testing.T) {
	t.Parallel()
	p := inStep(t, 6, mirrortest.Options{NoUIDPlus: true, NoMove: true}, maildirLike())
	p.policy.Deletions = mirror.DeleteForGood
	p.removeNear(1)
	p.settle()
	p.servers[mirror.Far].Renumber(nametrans.Inbox, 77)
	p.settle()
	if got := p.count(mirror.Near, nametrans.Inbox); got != 5 {
		t.Errorf("near holds %d, want 5: a removed message came back", got)
	}
}

// TestTrashRenamed: what is removed in the run that renames the trash goes to the trash
// under its new name, and so does what is removed later.
func TestTrashRenamed(t *testing.T) {
	t.Parallel()
	for _, role := range []mirror.Role{"", `\Trash`} {
		for _, s := range mirror.Sides {
			p := newPair(t, mirrortest.Options{}, mirrortest.Options{Gap: 3})
			for _, side := range mirror.Sides {
				p.servers[side].CreateMailbox(box("Trash"), role)
			}
			for n := range 20 {
				p.deliverFar(nametrans.Inbox, letter(n), mirror.Flags{})
			}
			p.settle()
			remove := func(on mirror.Side) {
				p.servers[on].Remove(nametrans.Inbox, p.servers[on].Messages(nametrans.Inbox)[2].ID)
				p.settle()
			}
			remove(s)
			remove(s.Other()) // now both sides know where removals go
			p.servers[s].RenameMailbox(box("Trash"), box("Bin"))
			remove(s)
			remove(s.Other())
			p.wantLetters(fmt.Sprintf("role %q, on %v", role, s), map[mirror.Name]int{nametrans.Inbox: 16, box("Bin"): 4})
		}
	}
}
