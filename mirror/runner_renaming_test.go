package mirror_test

import (
	"fmt"
	"slices"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// eachRenaming calls test with every kind of pair, filled, whose mailbox Lists is called
// Groups on one side.
func eachRenaming(t *testing.T, test func(p *pair, s mirror.Side, what string)) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			p := filled(make(t), 12)
			p.servers[s].RenameMailbox(box("Lists"), box("Groups"))
			p.servers[s].RenameMailbox(box("Lists", "go"), box("Groups", "go"))
			test(p, s, fmt.Sprintf("%s, on %v", name, s))
		}
	}
}

// unreadable makes a side refuse to show a mailbox.
func unreadable(which ...mirror.Name) *hooks {
	return &hooks{view: func(n mirror.Name, _ *mirror.View) error {
		if slices.Contains(which, n) {
			return mirror.ErrDenied
		}
		return nil
	}}
}

// recovers runs without what stood between the runner and the sides.
func (p *pair) recovers() {
	p.wrap = nil
	for range 3 {
		p.try()
	}
	p.checkState()
}

// TestRenameIsSeenLate: in the run that missed the mailbox, what it is called now was not
// listed, or could not be read: a run after that finds it all the same.
func TestRenameIsSeenLate(t *testing.T) {
	late := []mirror.Name{box("Groups"), box("Groups", "go"), outside(box("Groups")), outside(box("Groups", "go"))}
	unlisted := &hooks{list: without(late...)}
	for what, h := range map[string]*hooks{"not listed": unlisted, "not readable": unreadable(late...)} {
		t.Run(what, func(t *testing.T) {
			eachRenaming(t, func(p *pair, s mirror.Side, what string) {
				p.deliver(s, nametrans.Inbox, letter(80), mirror.Flags{})
				p.hook(s, h)
				p.try()
				p.recovers()
				p.wantLetters(what, map[mirror.Name]int{nametrans.Inbox: 10, box("Groups"): 12, box("Groups", "go"): 3})
			})
		})
	}
}

// TestMovedOutOfMissing: the letters of a mailbox that is gone went to one that could not be
// read when it was missed.
func TestMovedOutOfMissing(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			p := filled(make(t), 12)
			for _, m := range p.servers[s].Messages(box("Lists", "go")) {
				p.servers[s].Move(box("Lists", "go"), m.ID, box("Archive"))
			}
			p.servers[s].DeleteMailbox(box("Lists", "go"))
			p.deliver(s, nametrans.Inbox, letter(80), mirror.Flags{})
			p.hook(s, unreadable(box("Archive"), outside(box("Archive"))))
			p.try()
			p.recovers()
			for _, side := range mirror.Sides {
				dump := p.dump(side)
				if got := [2]int{len(dump[box("Archive")]), len(dump[box("Lists", "go")])}; got != [2]int{3, 0} {
					t.Errorf("%s, on %v: %v holds %v where they went and where they were, want 3 and 0", name, s, side, got)
				}
			}
		}
	}
}

// TestRenameBringsItsOwn: a letter that is equal to one which is new under the new name
// stood in the mailbox that was renamed. It is not copied beside it.
func TestRenameBringsItsOwn(t *testing.T) {
	eachRenaming(t, func(p *pair, s mirror.Side, what string) {
		p.deliver(s, box("Groups"), letter(80), mirror.Flags{})
		p.deliver(s, box("Groups"), letter(81), mirror.Flags{})
		p.deliver(s.Other(), box("Lists"), letter(80), mirror.Flags{})
		result := p.sync(mirror.ExitDone)
		if result.Summary.Renamed[s.Other()] != 2 {
			t.Errorf("%s: got %+v, want two mailboxes renamed", what, result.Summary)
		}
		p.settle()
		p.wantLetters(what, map[mirror.Name]int{nametrans.Inbox: 9, box("Groups"): 14, box("Groups", "go"): 3})
		p.alike()
	})
}

// TestRenamedWhileLettersGo: a letter went from the mailbox on one side while that was
// renamed on the other: the mailbox is renamed all the same, none is left behind, and the
// removal is followed under the new name.
func TestRenamedWhileLettersGo(t *testing.T) {
	eachRenaming(t, func(p *pair, s mirror.Side, what string) {
		o := s.Other()
		p.servers[o].Remove(box("Lists"), p.servers[o].Messages(box("Lists"))[3].ID)
		result, err := p.try() // without UIDPLUS a removal by way of the trash takes two
		if err != nil || result.Summary.Renamed[o] != 2 {
			t.Errorf("%s: got %+v, %v, want two mailboxes renamed", what, result.Summary, err)
		}
		p.settle()
		for _, side := range mirror.Sides {
			if got := [3]int{len(p.dump(side)[nametrans.Inbox]), len(p.dump(side)[box("Groups")]), len(p.dump(side)[box("Groups", "go")])}; got != [3]int{9, 11, 3} {
				t.Errorf("%s: %v holds %v, want 9, 11 and 3", what, side, got)
			}
		}
		p.quiet()
	})
}

// TestRenameRefusedWhileLettersGo: what went from the mailbox is remembered also where the
// other side does not rename it, so that it is not taken for there when the mailbox is back.
func TestRenameRefusedWhileLettersGo(t *testing.T) {
	t.Parallel()
	p := filled(newPair(t, mirrortest.Options{NoRename: true}, maildirLike()), 12)
	near, far := p.servers[mirror.Near], p.servers[mirror.Far]
	for _, below := range []mirror.Name{"", "\x00go"} {
		near.RenameMailbox(box("Lists")+below, box("Groups")+below)
	}
	far.Remove(box("Lists"), far.Messages(box("Lists"))[3].ID)
	p.sync(mirror.ExitPartly)
	p.sync(mirror.ExitPartly)
	if got := [3]int{p.count(mirror.Far, box("Groups")), p.count(mirror.Near, box("Groups")), p.count(mirror.Far, box("Lists"))}; got != [3]int{12, 12, 0} {
		t.Errorf("got %v, want 12 on each side and none where they were", got)
	}
	near.CreateMailbox(box("Lists"), "")
	near.CreateMailbox(box("Lists", "go"), "")
	p.settle()
	p.quiet()
	if got := p.count(mirror.Near, box("Lists")) + p.count(mirror.Far, box("Lists")); got != 0 {
		t.Errorf("%d letters are back where they were, want none", got)
	}
}

// TestCutRenameMovedOn: the run is stopped between RENAME and the state, and somebody
// moves or removes a letter before the next one: that is followed, as if nothing had been cut.
func TestCutRenameMovedOn(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			for _, mover := range mirror.Sides {
				for _, act := range []string{"move", "remove"} {
					prepare := func() *pair {
						p := filled(make(t), 12)
						p.servers[s].RenameMailbox(box("Lists"), box("Groups"))
						p.servers[s].RenameMailbox(box("Lists", "go"), box("Groups", "go"))
						return p
					}
					cutAnywhere(t, prepare, func(p *pair, where string) {
						hands := p.servers[mover]
						if !p.servers[s.Other()].Has(box("Groups")) {
							return // nothing was done yet
						}
						id := hands.Messages(box("Groups"))[3].ID
						want := map[mirror.Name]int{nametrans.Inbox: 9, box("Groups"): 11, box("Groups", "go"): 3}
						if act == "move" {
							hands.Move(box("Groups"), id, box("Archive"))
							want[box("Archive")] = 1
						} else {
							hands.Remove(box("Groups"), id)
						}
						for range 4 {
							p.try()
						}
						for _, side := range mirror.Sides {
							for n, count := range want {
								if got := len(p.dump(side)[n]); got != count {
									t.Errorf("%s, renamed on %v, %s on %v, %s: %v holds %d in %q, want %d", name, s, act, mover, where, side, got, n.String(), count)
								}
							}
						}
					})
				}
			}
		}
	}
}

// TestRenameInAnotherOrder: a side that has one UIDVALIDITY for all numbers the messages of
// the mailbox that it renamed anew, in another order. No message is taken for another.
func TestRenameInAnotherOrder(t *testing.T) {
	t.Parallel()
	for _, other := range []mirrortest.Options{maildirLike(), {}} {
		p := filled(newPair(t, mirrortest.Options{}, other), 12)
		far, near := p.servers[mirror.Far], p.servers[mirror.Near]
		validity := far.Checkpoint(box("Lists")).UIDValidity
		old := far.Messages(box("Lists"))
		for _, below := range []mirror.Name{"", "\x00go"} {
			far.RenameMailbox(box("Lists")+below, box("Groups")+below)
		}
		far.DeleteMailbox(box("Groups"))
		far.CreateMailbox(box("Groups"), "")
		for _, m := range slices.Backward(old) {
			far.Deliver(box("Groups"), m.Body, m.Flags, m.Date)
		}
		far.Renumber(box("Groups"), validity)
		for range 2 {
			p.try()
		}
		far.SetFlags(box("Groups"), far.Messages(box("Groups"))[2].ID, flags(`\Flagged`))
		p.settle()
		p.wantLetters("in another order", map[mirror.Name]int{nametrans.Inbox: 9, box("Groups"): 12, box("Groups", "go"): 3})
		p.alike()
		if len(near.Messages(box("Groups"))) != 12 {
			t.Error("near lost letters")
		}
	}
}

// TestRenamedAndMadeAnew: a mailbox is renamed, and a new one made under its old name: each is
// there once, with what it holds.
func TestRenamedAndMadeAnew(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			p := filled(make(t), 12)
			p.servers[s].RenameMailbox(box("Lists"), box("Lists-2025"))
			p.servers[s].CreateMailbox(box("Lists"), "")
			p.deliver(s, box("Lists"), letter(80), mirror.Flags{})
			p.settle()
			p.wantLetters(fmt.Sprintf("%s, on %v", name, s), map[mirror.Name]int{nametrans.Inbox: 9, box("Lists"): 1, box("Lists-2025"): 12, box("Lists", "go"): 3})
		}
	}
}

// TestMadeAnewAlone: a mailbox was taken away and made anew, and so was another one, which
// has the old UIDVALIDITY by chance and other letters. Nothing was renamed: the old letters
// come back, as after any renumbering, and nothing is removed for it.
func TestMadeAnewAlone(t *testing.T) {
	t.Parallel()
	p := filled(newPair(t, mirrortest.Options{}, maildirLike()), 6)
	p.policy.Remove = mirror.Both
	far := p.servers[mirror.Far]
	validity := far.Checkpoint(box("Lists")).UIDValidity
	far.DeleteMailbox(box("Lists"))
	far.CreateMailbox(box("Lists"), "")
	far.CreateMailbox(box("Other"), "")
	for n := range 6 {
		p.deliverFar(box("Other"), letter(60+n), mirror.Flags{})
	}
	far.Renumber(box("Other"), validity)
	viewed := &hooks{}
	p.hook(mirror.Far, viewed)
	result := p.sync(mirror.ExitDone)
	if result.Summary.Removed != [2]int{} || result.Summary.Moved != [2]int{} || result.Summary.Renamed != [2]int{} {
		t.Errorf("got %+v, want nothing removed, moved or renamed", result.Summary)
	}
	if n := viewed.opened[box("Lists")]; n != 1 {
		t.Errorf("the mailbox was opened %d times, want once: it counted as missing", n)
	}
	p.wrap = nil
	p.settle()
	p.wantLetters("made anew", map[mirror.Name]int{nametrans.Inbox: 9, box("Lists"): 6, box("Lists", "go"): 3, box("Other"): 6})
}

// TestLetterMovedOutFirst: one letter is moved out of a mailbox that is renamed then:
// the mailbox is renamed all the same, and nothing is left to be named for ever.
func TestLetterMovedOutFirst(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			p := filled(make(t), 12)
			p.servers[s].Move(box("Lists"), p.servers[s].Messages(box("Lists"))[3].ID, box("Archive"))
			p.servers[s].RenameMailbox(box("Lists"), box("Groups"))
			p.servers[s].RenameMailbox(box("Lists", "go"), box("Groups", "go"))
			p.try()
			result, err := p.try()
			if exit := mirror.Exit(result, err); exit != mirror.ExitDone || p.servers[s.Other()].Has(box("Lists")) {
				t.Errorf("%s, on %v: exit %d, %v; the old mailbox is there: %v", name, s, exit, result.Problems, p.servers[s.Other()].Has(box("Lists")))
			}
		}
	}
}

// TestRemoveWaitsForUnread: a mailbox is missing where mailboxes are removed, and a new one
// cannot be read: what the old one held may be there, so that nothing is removed for it.
func TestRemoveWaitsForUnread(t *testing.T) {
	eachRenaming(t, func(p *pair, s mirror.Side, what string) {
		p.policy.Remove = mirror.Both
		held := p.letters(s.Other())
		p.hook(s, unreadable(box("Groups"), box("Groups", "go"), outside(box("Groups")), outside(box("Groups", "go"))))
		result, err := p.try()
		if exit := mirror.Exit(result, err); exit != mirror.ExitPartly || result.Summary.Removed != [2]int{} || result.Summary.Moved != [2]int{} {
			p.t.Errorf("%s: exit %d, %+v; want nothing removed", what, exit, result.Summary)
		}
		if now := p.letters(s.Other()); fmt.Sprint(now) != fmt.Sprint(held) {
			p.t.Errorf("%s: the other side changed:\n%v\n%v", what, held, now)
		}
		if p.servers[s.Other()].Has(box("Groups")) || p.servers[s.Other()].Has(outside(box("Groups"))) {
			p.t.Errorf("%s: the new one was made on the other side, and nobody knows what it holds", what)
		}
		p.recovers()
		p.wantLetters(what, map[mirror.Name]int{nametrans.Inbox: 9, box("Groups"): 12, box("Groups", "go"): 3})
		if p.servers[s.Other()].Has(box("Lists")) {
			p.t.Errorf("%s: the old one stays on the other side", what)
		}
	})
}

// TestUnseenInLaterRounds: a new mailbox that cannot be read is left alone in the rounds
// behind a renaming as well, where nobody looks into it again.
func TestUnseenInLaterRounds(t *testing.T) {
	eachRenaming(t, func(p *pair, s mirror.Side, what string) {
		p.servers[s].CreateMailbox(box("New"), "")
		p.deliver(s, box("New"), letter(80), mirror.Flags{})
		p.hook(s, unreadable(box("New"), outside(box("New"))))
		result, err := p.try()
		if exit := mirror.Exit(result, err); exit != mirror.ExitPartly || len(result.Problems) != 1 || result.Summary.Renamed[s.Other()] != 2 || result.Summary.Created != [2]int{} {
			p.t.Errorf("%s: exit %d, %+v, %v; want two renamed, and New named once", what, exit, result.Summary, result.Problems)
		}
		p.recovers()
		p.wantLetters(what, map[mirror.Name]int{nametrans.Inbox: 9, box("New"): 1, box("Groups"): 12, box("Groups", "go"): 3})
	})
}
