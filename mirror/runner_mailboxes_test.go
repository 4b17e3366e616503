package mirror_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// mailboxKinds are the pairs that the tests of mailboxes run on.
func mailboxKinds() map[string]func(t tester) *pair {
	of := func(far, near mirrortest.Options) func(tester) *pair {
		return func(t tester) *pair { return newPair(t, far, near) }
	}
	return map[string]func(tester) *pair{
		"IMAP and Maildir": of(mirrortest.Options{Gap: 2}, maildirLike()), "IMAP and IMAP": of(mirrortest.Options{}, mirrortest.Options{Gap: 3, NoMove: true}),
		"bare IMAP and bare IMAP": of(bareIMAP(), bareIMAP()), "Maildir and Maildir": of(maildirLike(), maildirLike()),
		"of other names": func(t tester) *pair {
			p := newPair(t, mirrortest.Options{}, maildirLike())
			p.elsewhere = true
			return p
		},
	}
}

// filled is a pair in step that holds letters in INBOX, in a mailbox and in one below it.
func filled(p *pair, inMailbox int) *pair {
	for _, name := range []mirror.Name{box("Archive"), box("Drafts"), box("Lists"), box("Lists", "go")} {
		p.servers[mirror.Far].CreateMailbox(name, "")
	}
	for _, s := range mirror.Sides {
		if !p.options[s].Maildir {
			p.servers[s].CreateMailbox(box("Trash"), `\Trash`)
		}
	}
	for n := range inMailbox + 12 {
		name := nametrans.Inbox
		switch {
		case n >= 12:
			name = box("Lists")
		case n >= 9:
			name = box("Lists", "go")
		}
		p.deliverFar(name, letter(n), mirror.Flags{})
	}
	p.settle()
	p.quiet()
	return p
}

// wantLetters fails the test unless both sides hold so many letters, each once.
func (p *pair) wantLetters(what string, want map[mirror.Name]int) {
	p.t.Helper()
	for _, s := range mirror.Sides {
		for name, list := range p.dump(s) {
			if len(list) != want[name] {
				p.t.Errorf("%s: %v holds %d in %q, want %d", what, s, len(list), name.String(), want[name])
			}
		}
		for name, n := range want {
			if got := len(p.dump(s)[name]); got != n {
				p.t.Errorf("%s: %v holds %d in %q, want %d", what, s, got, name.String(), n)
			}
		}
		for subject, n := range p.letters(s) {
			if n != 1 {
				p.t.Errorf("%s: %v holds %s %d times", what, s, subject, n)
			}
		}
	}
}

// did counts the effects on a side since its log was cleared.
func (p *pair) did(s mirror.Side, ops ...mirrortest.Op) (n int) {
	for _, op := range ops {
		n += p.servers[s].Count(op)
	}
	return n
}

// TestMailboxRenamed: a mailbox that was renamed on one side is renamed on the other,
// with what stands below it, and no message is touched for that. Its records stand: what
// is removed or flagged then is followed.
func TestMailboxRenamed(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			t.Run(fmt.Sprintf("%s, on %v", name, s), func(t *testing.T) {
				p := filled(make(t), 30)
				if s == mirror.Near { // no other than without it
					p.policy.Remove = mirror.Both
				}
				p.servers[mirror.Far].CreateMailbox(box("Lists", "go", "empty"), "")
				p.settle()
				o := s.Other()
				p.servers[s].RenameMailbox(box("Lists"), box("Groups"))
				p.servers[s].RenameMailbox(box("Lists", "go"), box("Groups", "go"))
				p.servers[s].RenameMailbox(box("Lists", "go", "empty"), box("Groups", "go", "empty"))
				p.servers[o].ClearLog()
				p.servers[s].ClearLog()
				result := p.sync(mirror.ExitDone)
				if result.Summary.Renamed[o] != 3 || p.did(o, mirrortest.OpRename) != 1 || p.servers[o].Has(box("Lists", "go", "empty")) {
					t.Errorf("got %+v and %d commands, want three mailboxes renamed by one", result.Summary, p.did(o, mirrortest.OpRename))
				}
				if n := p.did(o, mirrortest.OpAppend, mirrortest.OpMove, mirrortest.OpRemove, mirrortest.OpCreate) + p.did(s, mirrortest.OpFetch); n != 0 {
					t.Errorf("%d other effects: %v", n, p.servers[o].Effects())
				}
				want := map[mirror.Name]int{nametrans.Inbox: 9, box("Groups"): 30, box("Groups", "go"): 3}
				p.wantLetters("renamed", want)
				p.settle()
				p.quiet()
				there := p.servers[o].Messages(box("Groups"))
				p.servers[o].Remove(box("Groups"), there[3].ID)
				p.servers[o].SetFlags(box("Groups"), there[4].ID, flags(`\Flagged`))
				p.settle()
				for _, side := range mirror.Sides {
					if got := len(p.dump(side)[box("Groups")]); got != 29 {
						t.Errorf("%v holds %d after a removal, want 29: the records were lost", side, got)
					}
				}
				p.alike()
			})
		}
	}
}

// TestRenameRefused: what a side does not rename is made anew and filled by moves; no body
// travels. The old mailbox stays, empty, and is named.
func TestRenameRefused(t *testing.T) {
	t.Parallel()
	p := filled(newPair(t, mirrortest.Options{NoRename: true}, maildirLike()), 30)
	far := p.servers[mirror.Far]
	p.servers[mirror.Near].RenameMailbox(box("Lists"), box("Groups"))
	p.servers[mirror.Near].RenameMailbox(box("Lists", "go"), box("Groups", "go"))
	far.ClearLog()
	result := p.sync(mirror.ExitPartly)
	if n := p.did(mirror.Far, mirrortest.OpAppend); n != 0 || result.Summary.Moved[mirror.Far] != 33 {
		t.Errorf("%d messages were sent, %+v; want 33 moved", n, result.Summary)
	}
	p.wantMissing(result, box("Lists"))
	if got := [2]int{p.count(mirror.Far, box("Groups")), p.count(mirror.Near, box("Groups"))}; got != [2]int{30, 30} || !far.Has(box("Lists")) {
		t.Errorf("the sides hold %v, want 30 each, and the old mailbox there", got)
	}
}

func (p *pair) wantMissing(result mirror.Result, name mirror.Name) {
	p.t.Helper()
	for _, problem := range result.Problems {
		if problem.Mailbox == name && strings.Contains(problem.Reason, "missing") {
			return
		}
	}
	p.t.Errorf("%q is not named as missing: %v", name.String(), result.Problems)
}

// TestRenamedInPart: one message of the renamed mailbox is not under the new name. The
// others are moved, and it stays where it was.
func TestRenamedInPart(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		p := filled(make(t), 20)
		near := p.servers[mirror.Near]
		near.RenameMailbox(box("Lists"), box("Groups"))
		near.RenameMailbox(box("Lists", "go"), box("Groups", "go"))
		near.Remove(box("Groups"), near.Messages(box("Groups"))[7].ID)
		p.sync(mirror.ExitPartly)
		result := p.sync(mirror.ExitPartly) // without UIDPLUS a move takes two
		if got := [3]int{len(p.dump(mirror.Far)[box("Groups")]), len(p.dump(mirror.Near)[box("Groups")]), len(p.dump(mirror.Far)[box("Lists")])}; got != [3]int{19, 19, 1} {
			t.Errorf("%s: got %v, want 19 on each side and 1 where it was", name, got)
		}
		p.wantMissing(result, box("Lists"))
	}
}

// TestRenameIsNotCoincidence: another mailbox that comes with the same numbers is not the
// one that is gone.
func TestRenameIsNotCoincidence(t *testing.T) {
	t.Parallel()
	p := filled(newPair(t, mirrortest.Options{}, mirrortest.Options{}), 12)
	near := p.servers[mirror.Near]
	validity := near.Checkpoint(box("Lists")).UIDValidity
	old := near.Messages(box("Lists"))
	near.DeleteMailbox(box("Lists"))
	near.CreateMailbox(box("Groups"), "")
	for _, m := range old {
		near.Deliver(box("Groups"), []byte(strings.Replace(string(m.Body), "Subject: letter", "Subject: LETTER", 1)), m.Flags, m.Date)
	}
	near.Renumber(box("Groups"), validity)
	p.try()
	p.try()
	if got := [2]int{p.count(mirror.Far, box("Groups")), p.count(mirror.Far, box("Lists"))}; got != [2]int{12, 12} {
		t.Errorf("far holds %v in the new mailbox and the old one, want 12 and 12", got)
	}
}

// TestRenameIsCut: wherever the run is stopped that renames, each letter stands once on
// each side in the end.
func TestRenameIsCut(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			prepare := func() *pair {
				p := filled(make(t), 12)
				p.servers[s].RenameMailbox(box("Lists"), box("Groups"))
				p.servers[s].RenameMailbox(box("Lists", "go"), box("Groups", "go"))
				return p
			}
			cutAnywhere(t, prepare, func(p *pair, where string) {
				for range 4 {
					p.try()
				}
				p.wantLetters(name+" "+s.String()+" "+where, map[mirror.Name]int{nametrans.Inbox: 9, box("Groups"): 12, box("Groups", "go"): 3})
			})
		}
	}
}

// TestMailboxRemoved: with remove, a mailbox that one side does not have any more goes on
// the other one as well: message by message, behind the rails, and itself once it is
// empty, with those below it first. Without it nothing happens.
func TestMailboxRemoved(t *testing.T) {
	t.Parallel()
	for name, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			for _, inMailbox := range []int{0, 6, 30} {
				what := fmt.Sprintf("%s, %d, on %v", name, inMailbox, s)
				p := filled(make(t), inMailbox)
				o := s.Other()
				for _, gone := range []mirror.Name{box("Lists", "go"), box("Lists")} {
					if p.servers[s].Has(gone) {
						p.servers[s].DeleteMailbox(gone)
					}
				}
				before := p.dump(o)
				result := p.sync(mirror.ExitPartly)
				if p.wantMissing(result, box("Lists", "go")); len(p.dump(o)[box("Lists", "go")]) != len(before[box("Lists", "go")]) {
					t.Errorf("%s: without remove something happened", what)
				}
				p.policy.Remove = mirror.Both
				if inMailbox == 30 {
					result := p.sync(mirror.ExitStopped)
					if got := len(p.dump(o)[box("Lists")]); got != 30 {
						t.Errorf("%s: %d letters are left behind the rail, want 30", what, got)
					}
					p.confirm = result.Plan.Token
				}
				for range 3 {
					p.try()
				}
				p.checkState()
				if strings.Contains(name, "bare") {
					continue // what it cannot expunge stays, marked, and the mailbox with it
				}
				for _, gone := range []mirror.Name{box("Lists", "go"), box("Lists")} {
					if p.servers[o].Has(gone) {
						t.Errorf("%s: %v still has %q", what, o, gone.String())
					}
				}
				p.quiet()
				if got := len(p.dump(o)[nametrans.Inbox]); got != 9 {
					t.Errorf("%s: INBOX holds %d, want 9", what, got)
				}
			}
		}
	}
}

// without leaves mailboxes out of a listing.
func without(names ...mirror.Name) func(*mirror.Listing) {
	return func(l *mirror.Listing) {
		l.Mailboxes = slices.DeleteFunc(slices.Clone(l.Mailboxes), func(m mirror.Listed) bool { return slices.Contains(names, m.Name) })
	}
}

// TestMailboxIsNotRemoved: one that is not listed and is there all the same, one that gets
// mail at the last moment, and INBOX.
func TestMailboxIsNotRemoved(t *testing.T) {
	t.Parallel()
	remove := func() *pair {
		p := filled(newPair(t, mirrortest.Options{}, maildirLike()), 5)
		p.policy.Remove = mirror.Both
		return p
	}
	t.Run("not listed", func(t *testing.T) {
		p := remove()
		p.hook(mirror.Far, &hooks{list: without(box("Lists"))})
		p.dry = true
		planned, err := p.try()
		p.dry = false
		for _, a := range slices.Concat(planned.Plan.Actions, planned.Plan.Withheld) {
			if a.Kind.ChangesMail() {
				t.Errorf("planned to %v %q on %v, %v", a.Kind, a.Mailbox.String(), a.Side, err)
			}
		}
		p.wantMissing(p.sync(mirror.ExitPartly), box("Lists"))
		if got := p.count(mirror.Near, box("Lists")); got != 5 {
			t.Errorf("near holds %d, want 5", got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		p := remove()
		p.servers[mirror.Far].RenameMailbox(box("Lists"), box("Hidden"))
		p.hook(mirror.Far, &hooks{open: func(name mirror.Name) error {
			if name == box("Lists") {
				return mirror.ErrDenied
			}
			return nil
		}, list: without(box("Hidden"))})
		p.wantMissing(p.sync(mirror.ExitPartly), box("Lists"))
		if got := p.count(mirror.Near, box("Lists")); got != 5 {
			t.Errorf("near holds %d, want 5", got)
		}
	})
	t.Run("mail comes", func(t *testing.T) {
		p := remove()
		p.servers[mirror.Near].DeleteMailbox(box("Lists"))
		far := p.servers[mirror.Far]
		p.report = func(e mirror.Event) {
			if e.Kind == mirror.Done && e.Action.Kind == mirror.Remove && p.count(mirror.Far, box("Lists")) == 0 {
				far.Deliver(box("Lists"), letter(99), mirror.Flags{}, when)
			}
		}
		p.try()
		p.report = nil
		p.try()
		if !far.Has(box("Lists")) || p.count(mirror.Far, box("Lists")) != 1 {
			t.Error("the mailbox went with the mail that had come")
		}
	})
	t.Run("it is back", func(t *testing.T) {
		p := remove()
		p.servers[mirror.Near].DeleteMailbox(box("Lists"))
		opened := 0
		p.hook(mirror.Near, &hooks{open: func(name mirror.Name) error {
			if name != box("Lists") {
				return nil
			}
			if opened++; opened > 1 {
				return errors.Join(mirror.ErrBusy)
			}
			return nil
		}})
		p.try()
		if got := p.count(mirror.Far, box("Lists")); got != 5 {
			t.Errorf("far holds %d after the second proof failed, want 5", got)
		}
	})
}

// TestRenameTakesNothingAlong: a mailbox below stayed where it was on one side, or is not
// among those that are mirrored. The one above it is not renamed, since the other side
// would take that along; its messages are moved.
func TestRenameTakesNothingAlong(t *testing.T) {
	t.Parallel()
	for what, which := range map[string]func(mirror.Name) bool{"stayed": nil, "not mirrored": func(name mirror.Name) bool { return name != box("Lists", "go") }} {
		p := newPair(t, mirrortest.Options{}, maildirLike())
		for _, name := range []mirror.Name{box("Archive"), box("Drafts"), box("Lists")} {
			p.servers[mirror.Far].CreateMailbox(name, "")
		}
		p.deliverFar(nametrans.Inbox, letter(40), mirror.Flags{})
		for n := range 12 {
			p.deliverFar(box("Lists"), letter(n), mirror.Flags{})
		}
		if which == nil {
			p.servers[mirror.Far].CreateMailbox(box("Lists", "go"), "")
		}
		for range 2 {
			if _, err := p.tryOnly(which); err != nil {
				t.Fatal(err)
			}
		}
		p.servers[mirror.Far].CreateMailbox(box("Lists", "go"), "")
		p.servers[mirror.Near].RenameMailbox(box("Lists"), box("Groups"))
		result, err := p.tryOnly(which)
		if err != nil || result.Summary.Renamed != [2]int{} || result.Summary.Moved[mirror.Far] != 12 {
			t.Errorf("%s: got %+v, %v, want 12 moved and nothing renamed", what, result.Summary, err)
		}
		if far := p.servers[mirror.Far]; !far.Has(box("Lists", "go")) || p.count(mirror.Far, box("Groups")) != 12 {
			t.Errorf("%s: far holds %v", what, p.dump(mirror.Far))
		}
	}
}

// TestRenameTakesNothingAlongElsewhere: what stands below what is said by the names of the
// side itself, which are others than those of the pair.
func TestRenameTakesNothingAlongElsewhere(t *testing.T) {
	t.Parallel()
	far, near := sides()
	r := newRuled(t, far, near, "Lists", "A", "Work", "A/b", "Groups", "C")
	server := r.servers[mirror.Far]
	for _, name := range []mirror.Name{box("Archive"), box("Drafts"), box("A"), box("A", "b")} {
		server.CreateMailbox(name, "")
	}
	r.deliverFar(nametrans.Inbox, letter(40), mirror.Flags{})
	for n := range 6 {
		r.deliverFar(box("A"), letter(n), mirror.Flags{})
		r.deliverFar(box("A", "b"), letter(10+n), mirror.Flags{})
	}
	r.sync(mirror.ExitDone)
	r.sync(mirror.ExitDone)
	r.servers[mirror.Near].RenameMailbox(box("Lists"), box("Groups"))
	result := r.sync(mirror.ExitPartly)
	if result.Summary.Renamed != [2]int{} || result.Summary.Moved[mirror.Far] != 6 {
		t.Errorf("got %+v, want 6 moved and nothing renamed", result.Summary)
	}
	if !server.Has(box("A", "b")) || r.count(mirror.Far, box("C")) != 6 {
		t.Errorf("far holds %v", r.dump(mirror.Far))
	}
}

// TestMailboxAboveOthersStays: it is missing on one side while a mailbox below it is there
// on both, or stands on one side only and is not mirrored.
func TestMailboxAboveOthersStays(t *testing.T) {
	t.Parallel()
	for what, which := range map[string]func(mirror.Name) bool{"below it": nil, "not mirrored": func(name mirror.Name) bool { return name != box("Lists", "go") }} {
		p := filled(newPair(t, mirrortest.Options{}, maildirLike()), 0)
		p.policy.Remove = mirror.Both
		p.servers[mirror.Near].DeleteMailbox(box("Lists"))
		if which != nil {
			p.servers[mirror.Near].DeleteMailbox(box("Lists", "go"))
		}
		for range 2 {
			if _, err := p.tryOnly(which); err != nil {
				t.Fatal(err)
			}
		}
		if !p.servers[mirror.Far].Has(box("Lists")) {
			t.Errorf("%s: far lost the mailbox above", what)
		}
	}
}

// TestMissingIsLookedForOnce: what is missing and stays so costs nothing in the runs to
// come, whatever they have to do elsewhere, but for its being named.
func TestMissingIsLookedForOnce(t *testing.T) {
	t.Parallel()
	p := filled(newPair(t, mirrortest.Options{}, maildirLike()), 12)
	far := p.servers[mirror.Far]
	far.DeleteMailbox(box("Lists"))
	p.deliverFar(nametrans.Inbox, letter(80), mirror.Flags{})
	p.sync(mirror.ExitPartly)
	h := &hooks{}
	for n := range 3 {
		p.deliverFar(nametrans.Inbox, letter(81+n), mirror.Flags{})
		p.hook(mirror.Far, h)
		p.wantMissing(p.sync(mirror.ExitPartly), box("Lists"))
	}
	if n := h.opened[box("Lists")]; n != 0 {
		t.Errorf("the missing mailbox was asked for %d times more", n)
	}
}

// TestMailboxesRenamedOddly: whatever people rename, on either side or on both, no letter
// is lost, and none stands twice on a side; but for two things: a letter that went to two
// places is in both, and two mailboxes that were swapped have each other's UIDVALIDITY on
// an IMAP server: they are paired anew, so that nothing is removed for it.
func TestMailboxesRenamedOddly(t *testing.T) {
	t.Parallel()
	a, b, c, below := box("Lists"), box("Archive"), box("Groups"), box("Lists", "below")
	far := func(p *pair) *mirrortest.Server { return p.servers[mirror.Far] }
	near := func(p *pair) *mirrortest.Server { return p.servers[mirror.Near] }
	for what, change := range map[string]func(p *pair){
		"swapped": func(p *pair) {
			near(p).RenameMailbox(a, c)
			near(p).RenameMailbox(b, a)
			near(p).RenameMailbox(c, b)
		},
		"another one made under the old name": func(p *pair) {
			near(p).RenameMailbox(a, c)
			near(p).CreateMailbox(a, "")
			p.deliverNear(a, letter(90), mirror.Flags{})
		},
		"below itself": func(p *pair) { near(p).RenameMailbox(a, below) },
		"the same on both": func(p *pair) {
			near(p).RenameMailbox(a, c)
			far(p).RenameMailbox(a, c)
		},
		"the same on both, and mail came to both": func(p *pair) {
			near(p).RenameMailbox(a, c)
			far(p).RenameMailbox(a, c)
			p.deliverNear(c, letter(91), mirror.Flags{})
			p.deliverFar(c, letter(92), mirror.Flags{})
		},
		"mail came to the old one": func(p *pair) {
			near(p).RenameMailbox(a, c)
			p.deliverFar(a, letter(93), mirror.Flags{})
		},
		"mail came to the new one": func(p *pair) {
			near(p).RenameMailbox(a, c)
			p.deliverNear(c, letter(94), mirror.Flags{})
		},
		"one went from the old one": func(p *pair) {
			near(p).RenameMailbox(a, c)
			far(p).Move(a, far(p).Messages(a)[2].ID, b)
		},
		"one went from the new one": func(p *pair) {
			near(p).RenameMailbox(a, c)
			near(p).Move(c, near(p).Messages(c)[2].ID, b)
		},
		"flagged on both": func(p *pair) {
			near(p).RenameMailbox(a, c)
			near(p).SetFlags(c, near(p).Messages(c)[2].ID, flags(`\Flagged`))
			far(p).SetFlags(a, far(p).Messages(a)[3].ID, flags(`\Seen`))
		},
		"again before the next run": func(p *pair) {
			near(p).RenameMailbox(a, c)
			p.try()
			near(p).RenameMailbox(c, below)
		},
		"and back": func(p *pair) {
			near(p).RenameMailbox(a, c)
			p.try()
			near(p).RenameMailbox(c, a)
		},
		"into one": func(p *pair) {
			near(p).RenameMailbox(a, c)
			for _, m := range near(p).Messages(b) {
				near(p).Move(b, m.ID, c)
			}
			near(p).DeleteMailbox(b)
		},
	} {
		for name, make := range mailboxKinds() {
			p := make(t)
			for _, n := range []mirror.Name{a, b, box("Drafts"), box("Work"), box("Home")} {
				far(p).CreateMailbox(n, "")
			}
			for _, s := range mirror.Sides {
				if !p.options[s].Maildir {
					p.servers[s].CreateMailbox(box("Trash"), `\Trash`)
				}
			}
			for n := range 24 {
				p.deliverFar([]mirror.Name{a, b, nametrans.Inbox}[n%3], letter(n), mirror.Flags{})
			}
			p.settle()
			p.quiet()
			change(p)
			for range 4 {
				p.try()
			}
			p.checkState()
			have := p.letters(mirror.Far)
			for subject := range p.letters(mirror.Near) {
				if have[subject] == 0 {
					t.Errorf("%s, %s: far lacks %s", what, name, subject)
				}
			}
			for _, s := range mirror.Sides {
				letters := map[string]int{}
				for at, list := range p.dump(s) {
					for range list {
						letters[at.String()]++
					}
				}
				total := 0
				for subject, n := range p.letters(s) {
					twice := what == "one went from the old one" && subject == "letter 6" || what == "swapped" && !p.options[mirror.Near].Maildir
					if n != 1 && !twice && !strings.Contains(name, "bare") {
						t.Errorf("%s, %s: %v holds %s %d times: %v", what, name, s, subject, n, letters)
					}
					total++
				}
				if total < 24 {
					t.Errorf("%s, %s: %v holds %d letters of 24: %v", what, name, s, total, letters)
				}
			}
		}
	}
}
