package mirror_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// exchange gives two mailboxes of a side each other's name.
func exchange(s *mirrortest.Server, a, b mirror.Name) {
	s.RenameMailbox(a, box("between"))
	s.RenameMailbox(b, a)
	s.RenameMailbox(box("between"), b)
}

// takeOver removes a mailbox and gives its name to another one.
func takeOver(s *mirrortest.Server, from, to mirror.Name) {
	s.DeleteMailbox(to)
	s.RenameMailbox(from, to)
}

// withArchive is filled, and has six letters in Archive as well.
func withArchive(p *pair) *pair {
	p = filled(p, 12)
	for n := range 6 {
		p.deliverFar(box("Archive"), letter(40+n), mirror.Flags{})
	}
	p.settle()
	p.quiet()
	return p
}

// eachExchange calls test with every kind of pair in which two mailboxes have other names
// on one side, by what is done to both there; want is how many letters are in each when
// that was done on the other side as well.
func eachExchange(t *testing.T, test func(p *pair, s mirror.Side, do func(*mirrortest.Server), want map[mirror.Name]int, what string)) {
	t.Parallel()
	cases := map[string]struct {
		do   func(*mirrortest.Server)
		want map[mirror.Name]int
	}{
		"exchanged": {func(s *mirrortest.Server) { exchange(s, box("Archive"), box("Lists", "go")) },
			map[mirror.Name]int{nametrans.Inbox: 9, box("Archive"): 3, box("Lists"): 12, box("Lists", "go"): 6}},
		"taken over": {func(s *mirrortest.Server) { takeOver(s, box("Lists", "go"), box("Archive")) },
			map[mirror.Name]int{nametrans.Inbox: 9, box("Archive"): 3, box("Lists"): 12}},
		"round three": {func(s *mirrortest.Server) {
			exchange(s, box("Archive"), box("Lists", "go"))
			exchange(s, box("Archive"), box("Drafts"))
		}, map[mirror.Name]int{nametrans.Inbox: 9, box("Drafts"): 3, box("Lists"): 12, box("Lists", "go"): 6}},
	}
	for kind, make := range mailboxKinds() {
		for name, c := range cases {
			for _, s := range mirror.Sides {
				p := withArchive(make(t))
				c.do(p.servers[s])
				test(p, s, c.do, c.want, fmt.Sprintf("%s, %s on %v", kind, name, s))
			}
		}
	}
}

// TestExchangedNames: mailboxes that exchanged their names on a server stop, and both are
// named, until the other side has the same. No letter stands twice, and none is removed.
func TestExchangedNames(t *testing.T) {
	eachExchange(t, func(p *pair, s mirror.Side, do func(*mirrortest.Server), want map[mirror.Name]int, what string) {
		if p.options[s].Maildir {
			p.recovers() // each file is found again by its name, or followed to the trash
			want = maps.Clone(want)
			want[box("Trash")] = len(p.dump(mirror.Far)[box("Trash")])
		} else {
			before := [2]map[mirror.Name][]mirrortest.Entry{p.dump(mirror.Far), p.dump(mirror.Near)}
			for range 3 {
				result, err := p.try()
				named := slices.IndexFunc(result.Problems, func(m mirror.Problem) bool { return strings.Contains(m.Reason, "exchanged") }) >= 0
				if exit := mirror.Exit(result, err); exit != mirror.ExitPartly || !named {
					p.t.Fatalf("%s: exit %d, %v, %v; want both named", what, exit, result.Problems, err)
				}
			}
			for _, side := range mirror.Sides {
				if now := p.dump(side); fmt.Sprint(now) != fmt.Sprint(before[side]) {
					p.t.Errorf("%s: %v changed:\n%v\n%v", what, side, before[side], now)
				}
			}
			do(p.servers[s.Other()])
			p.settle()
			p.alike()
		}
		p.wantLetters(what, want)
	})
}

// TestExchangedBack: what was exchanged and is put back is as it was.
func TestExchangedBack(t *testing.T) {
	t.Parallel()
	for kind, make := range mailboxKinds() {
		for _, s := range mirror.Sides {
			p := withArchive(make(t))
			if p.options[s].Maildir {
				continue
			}
			exchange(p.servers[s], box("Archive"), box("Lists", "go"))
			p.try()
			exchange(p.servers[s], box("Archive"), box("Lists", "go"))
			p.servers[mirror.Far].ClearLog()
			p.servers[mirror.Near].ClearLog()
			p.settle()
			what := fmt.Sprintf("%s, on %v", kind, s)
			if n := p.did(mirror.Far, mirrortest.OpAppend) + p.did(mirror.Near, mirrortest.OpAppend); n > 0 {
				t.Errorf("%s: %d letters were copied", what, n)
			}
			p.wantLetters(what, map[mirror.Name]int{nametrans.Inbox: 9, box("Archive"): 6, box("Lists"): 12, box("Lists", "go"): 3})
		}
	}
}

// TestExchangedAndRead: a letter less does not hide an exchange, and removals of whole
// mailboxes are not read into it.
func TestExchangedAndRead(t *testing.T) {
	eachExchange(t, func(p *pair, s mirror.Side, do func(*mirrortest.Server), want map[mirror.Name]int, what string) {
		if p.options[s].Maildir {
			return
		}
		p.policy.Remove = mirror.Both
		for _, name := range []mirror.Name{box("Archive"), box("Lists", "go"), box("Drafts")} {
			if p.servers[s].Has(name) && len(p.servers[s].Messages(name)) > 1 {
				p.servers[s].Remove(name, p.servers[s].Messages(name)[0].ID)
			}
		}
		held := p.dump(s.Other())
		for range 2 {
			if result, err := p.try(); mirror.Exit(result, err) != mirror.ExitPartly {
				p.t.Errorf("%s: exit %d, want %d", what, mirror.Exit(result, err), mirror.ExitPartly)
			}
		}
		if now := p.dump(s.Other()); fmt.Sprint(now) != fmt.Sprint(held) {
			p.t.Errorf("%s: the other side changed:\n%v\n%v", what, held, now)
		}
	})
}

// TestValidityByChance: mailboxes were made anew, and one got the UIDVALIDITY that another
// one had, but none of its letters. That is no exchange: they are paired anew.
func TestValidityByChance(t *testing.T) {
	t.Parallel()
	p := withArchive(newPair(t, mirrortest.Options{}, maildirLike()))
	far := p.servers[mirror.Far]
	was := far.Checkpoint(box("Archive")).UIDValidity
	letters := far.Messages(box("Lists"))
	for _, name := range []mirror.Name{box("Archive"), box("Lists")} {
		far.DeleteMailbox(name)
		far.CreateMailbox(name, "")
	}
	for _, m := range letters {
		far.Deliver(box("Lists"), m.Body, m.Flags, m.Date.Add(time.Hour))
	}
	far.Renumber(box("Lists"), was)
	p.sync(mirror.ExitDone)
	p.settle()
	p.wantLetters("by chance", map[mirror.Name]int{nametrans.Inbox: 9, box("Archive"): 6, box("Lists"): 12, box("Lists", "go"): 3})
}

// TestStoppedInLaterRounds: a mailbox took the name of another one, and a third was renamed
// and made anew, so that later rounds look for what is missing. What was stopped stays so.
func TestStoppedInLaterRounds(t *testing.T) {
	t.Parallel()
	p := withArchive(newPair(t, mirrortest.Options{}, maildirLike()))
	p.policy.Remove = mirror.Both
	p.settle()
	far := p.servers[mirror.Far]
	takeOver(far, box("Archive"), box("Drafts"))
	far.RenameMailbox(box("Lists"), box("Groups"))
	far.RenameMailbox(box("Lists", "go"), box("Groups", "go"))
	far.CreateMailbox(box("Lists"), "")
	p.deliverFar(box("Lists"), letter(80), mirror.Flags{})
	for range 2 {
		p.try()
	}
	for name, want := range map[mirror.Name]int{box("Archive"): 6, box("Drafts"): 0, box("Groups"): 12, box("Groups", "go"): 3, box("Lists"): 1} {
		if n := len(p.dump(mirror.Near)[name]); n != want {
			t.Errorf("near holds %d in %q, want %d", n, name.String(), want)
		}
	}
}
