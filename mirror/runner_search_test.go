package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// searching is a store that searches: for FLAGGED, for UNFLAGGED, for ODD numbers in the
// mailbox, for what holds some words, or refuses what holds them.
func searching(o mirrortest.Options) mirrortest.Options {
	o.Search = func(criteria string, m mirrortest.Held) (bool, error) {
		flagged := m.Flags.Has(`\Flagged`)
		switch word, text, _ := strings.Cut(criteria, " "); word {
		case "FLAGGED":
			return flagged, nil
		case "UNFLAGGED":
			return !flagged, nil
		case "ODD":
			return m.ID%2 == 1, nil
		case "TEXT":
			return bytes.Contains(m.Body, []byte(text)), nil
		case "REFUSED":
			if bytes.Contains(m.Body, []byte(text)) {
				return false, errors.New("BAD what is that")
			}
		}
		return false, nil
	}
	return o
}

// search sets the criteria of the next runs.
func (p *pair) search(text string) { p.policy.Search = mirror.Criteria{Text: text} }

// searched returns the messages that far was asked to search since it was asked last, as
// UIDs, and whether anything was looked into.
func (p *pair) searched() (uids []mirror.UID, viewed bool) {
	for _, c := range p.servers[mirror.Far].Log() {
		viewed = viewed || c.Op == mirrortest.OpView
		if c.Op == mirrortest.OpSearch {
			uids = append(uids, c.Ref.UID)
		}
	}
	p.servers[mirror.Far].ClearLog()
	slices.Sort(uids)
	return slices.Compact(uids), viewed
}

func (p *pair) wantCounts(what string, far, near int) {
	p.t.Helper()
	if gotFar, gotNear := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); gotFar != far || gotNear != near {
		p.t.Fatalf("%s: far holds %d, near %d; want %d and %d", what, gotFar, gotNear, far, near)
	}
}

// nearSides are those that a far side is mirrored to.
func nearSides() map[string]mirrortest.Options {
	return map[string]mirrortest.Options{"IMAP": {}, "Maildir": maildirLike()}
}

// TestSearch: what matches is copied; what has a copy is kept in step, match or not; what
// near has is copied to far, whatever it is; and only what has no record is asked about.
func TestSearch(t *testing.T) {
	t.Parallel()
	for name, options := range nearSides() {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, searching(mirrortest.Options{}), options)
			p.search("FLAGGED")
			far, near := p.servers[mirror.Far], p.servers[mirror.Near]
			for i := range 4 {
				p.deliverFar(nametrans.Inbox, letter(i), flags([]string{"", `\Flagged`}[i%2]))
			}
			p.deliverNear(nametrans.Inbox, letter(9), mirror.Flags{})
			p.settle()
			p.wantCounts("two of four match, and one is near's", 5, 3)
			p.searched()
			if p.quiet(); len(far.Log()) == 0 {
				t.Fatal("nothing was asked")
			}
			if uids, viewed := p.searched(); viewed || len(uids) > 0 {
				t.Errorf("nothing changed: searched %v, looked into %v; want neither", uids, viewed)
			}
			p.deliverFar(nametrans.Inbox, letter(10), flags(`\Flagged`)) // UID 6
			p.sync(mirror.ExitDone)
			if uids, _ := p.searched(); !slices.Equal(uids, []mirror.UID{1, 3, 6}) {
				t.Errorf("searched %v, want those without a record", uids)
			}
			p.settle()
			p.wantCounts("a new one that matches", 6, 4)

			far.SetFlags(nametrans.Inbox, 3, flags(`\Flagged`))
			p.settle()
			p.wantCounts("one that matches by now", 6, 5)
			far.SetFlags(nametrans.Inbox, 2, flags(`\Seen`))
			p.settle()
			p.wantCounts("one that does not match any more", 6, 5)
			if list := p.dump(mirror.Near)[nametrans.Inbox]; !slices.ContainsFunc(list, func(e mirrortest.Entry) bool { return strings.Contains(e.Flags, "seen") }) {
				t.Errorf("near holds %v, want the flag that it has now", list)
			}
			far.Remove(nametrans.Inbox, 2)
			p.settle()
			p.wantCounts("that one is gone from far", 5, 4)
			near.Remove(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID)
			p.settle()
			p.wantCounts("one is gone from near", 4, 3)
			p.search("")
			p.settle()
			p.alike()
		})
	}
}

// TestSearchAdopts: a first run over two sides that are filled pairs what is equal,
// whether it matches or not, and copies only what does.
func TestSearchAdopts(t *testing.T) {
	t.Parallel()
	for name, options := range nearSides() {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, searching(mirrortest.Options{}), options)
			p.search("FLAGGED")
			for i := range 6 {
				p.deliverFar(nametrans.Inbox, letter(i), flags([]string{"", `\Flagged`}[i%2]))
				if i < 4 {
					p.deliverNear(nametrans.Inbox, letter(i), mirror.Flags{})
				}
			}
			r := p.sync(mirror.ExitDone)
			p.wantCounts("four of both, one more that matches", 6, 5)
			if r.Summary.Paired != 4 {
				t.Errorf("%d paired, want 4", r.Summary.Paired)
			}
			p.settle()
			p.wantCounts("and after another run", 6, 5)
		})
	}
}

// TestSearchChanged: other criteria are asked in every mailbox, once.
func TestSearchChanged(t *testing.T) {
	t.Parallel()
	p := newPair(t, searching(mirrortest.Options{}), maildirLike())
	p.search("FLAGGED")
	p.servers[mirror.Far].CreateMailbox(box("Archive"), "")
	for i := range 3 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
		p.deliverFar(box("Archive"), letter(10+i), mirror.Flags{})
	}
	p.settle()
	p.wantCounts("none match", 3, 0)
	p.quiet()
	p.search("ODD")
	p.searched()
	p.sync(mirror.ExitDone)
	if uids, _ := p.searched(); !slices.Equal(uids, []mirror.UID{1, 2, 3}) {
		t.Errorf("searched %v, want all", uids)
	}
	p.wantCounts("two match", 3, 2)
	if got := p.count(mirror.Near, box("Archive")); got != 2 {
		t.Errorf("near Archive holds %d, want 2", got)
	}
	p.settle()
	p.searched()
	p.quiet()
	if _, viewed := p.searched(); viewed {
		t.Error("looked into a mailbox again")
	}
}

// TestSearchRefused: of a mailbox for which the criteria are refused nothing is copied or
// removed, every run names it, and it is made up for once they are right.
func TestSearchRefused(t *testing.T) {
	t.Parallel()
	p := newPair(t, searching(mirrortest.Options{}), maildirLike())
	p.search("ODD")
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.CreateMailbox(box("Archive"), "")
	for i := range 4 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
		p.deliverFar(box("Archive"), letter(10+i), mirror.Flags{})
	}
	p.settle()
	p.wantCounts("two match", 4, 2)
	p.search("REFUSED Subject: letter 11")
	for run := range 3 {
		switch run {
		case 1: // a removal meanwhile is not followed there
			near.Remove(box("Archive"), near.Messages(box("Archive"))[0].ID)
		case 2:
			far.Remove(nametrans.Inbox, 1)
		}
		r := p.sync(mirror.ExitPartly)
		if len(r.Problems) != 1 || r.Problems[0].Mailbox != box("Archive") || !strings.Contains(r.Problems[0].Reason, "BAD what is that") {
			t.Fatalf("run %d: got problems %v, want Archive with the server's words", run, r.Problems)
		}
	}
	p.wantCounts("the other mailbox goes on", 3, 1)
	if n := p.count(mirror.Far, box("Archive")); n != 4 {
		t.Errorf("far Archive holds %d, want 4", n)
	}
	p.search("UNFLAGGED")
	p.settle()
	p.alike()
	if n := p.count(mirror.Far, box("Archive")); n != 3 {
		t.Errorf("far Archive holds %d, want 3: what was removed near is removed", n)
	}
}

// TestSearchNoSuchSide: a side that cannot search names every mailbox.
func TestSearchNoSuchSide(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	p.search("ALL")
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	if r := p.sync(mirror.ExitPartly); len(r.Problems) != 1 {
		t.Errorf("got %v, want one problem", r.Problems)
	}
	p.wantCounts("not searched", 1, 0)
}

// TestSearchAnswersTooMuch: what a side found though nobody asked, or found twice, does
// no harm.
func TestSearchAnswersTooMuch(t *testing.T) {
	t.Parallel()
	p := newPair(t, searching(mirrortest.Options{}), maildirLike())
	p.search("FLAGGED")
	for i := range 3 {
		p.deliverFar(nametrans.Inbox, letter(i), flags([]string{`\Flagged`, ""}[i%2]))
	}
	p.settle()
	p.hook(mirror.Far, &hooks{view: func(_ mirror.Name, v *mirror.View) error {
		v.Found = append(v.Found, 1, 1, 3, 77)
		return nil
	}})
	p.deliverFar(nametrans.Inbox, letter(4), flags(`\Flagged`))
	p.settle()
	p.wantCounts("one more", 4, 3)
}

// TestSearchMadeUpFor: what matched and could not be copied is asked about again, though
// its mailbox shows nothing new: criteria were new when that went wrong, or what matches
// changed with time.
func TestSearchMadeUpFor(t *testing.T) {
	t.Parallel()
	for _, why := range []string{"other criteria", "time"} {
		t.Run(why, func(t *testing.T) {
			p := newPair(t, searching(mirrortest.Options{}), mirrortest.Options{})
			p.search("FLAGGED")
			criteria := p.options[mirror.Far].Search
			p.servers[mirror.Far].SetSearch(func(text string, m mirrortest.Held) (bool, error) {
				if p.clock.Now().After(when.AddDate(1, 0, 1)) {
					text = "ODD"
				}
				return criteria(text, m)
			})
			for i := range 3 {
				p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
			}
			p.settle()
			p.wantCounts("none match", 3, 0)
			if why == "time" {
				p.clock.now = p.clock.now.AddDate(0, 0, 2)
			} else {
				p.search("ODD")
			}
			p.hook(mirror.Near, &hooks{append: overQuota})
			p.sync(mirror.ExitTemporary)
			p.wantCounts("over quota", 3, 0)
			p.wrap = nil
			p.clock.now = p.clock.now.Add(time.Minute)
			p.settle()
			p.wantCounts("quota again", 3, 2)
			p.settle()
			p.searched()
			p.quiet()
			if _, viewed := p.searched(); viewed {
				t.Error("looked into a mailbox in which nothing is left to do")
			}
		})
	}
}

// TestSearchAndRenumberedNear: near is renumbered as it loses a copy. What matches is
// copied again, in whatever run; and where nothing stops this one, what does not match any
// more as well, since it was copied once.
func TestSearchAndRenumberedNear(t *testing.T) {
	t.Parallel()
	for k := range 6 {
		for _, point := range []mirrortest.Point{mirrortest.Before, mirrortest.After} {
			for _, matches := range []bool{true, false} {
				t.Run(fmt.Sprint(k, point, matches), func(t *testing.T) {
					p := newPair(t, searching(mirrortest.Options{}), mirrortest.Options{})
					p.search("FLAGGED")
					for i := range 6 {
						p.deliverFar(nametrans.Inbox, letter(i), flags([]string{"", `\Flagged`}[i%2]))
					}
					p.settle()
					p.wantCounts("three match", 6, 3)
					if !matches {
						p.servers[mirror.Far].SetFlags(nametrans.Inbox, 4, mirror.Flags{})
						p.settle()
					}
					p.servers[mirror.Near].Remove(nametrans.Inbox, 2)
					p.servers[mirror.Near].Renumber(nametrans.Inbox, 99)
					if k > 0 {
						p.inject(mirrortest.NewFault(k, point))
						p.try()
						p.inject(nil)
					}
					p.settle()
					if matches || k == 0 {
						p.wantCounts("it is there again", 6, 3)
					}
				})
			}
		}
	}
}

// TestSearchAndUncertainCopy: a copy that was cut is seen through, though its message does
// not match any more: the server may still finish it.
func TestSearchAndUncertainCopy(t *testing.T) {
	t.Parallel()
	for _, point := range []mirrortest.Point{mirrortest.Before, mirrortest.After} {
		p := newPair(t, searching(mirrortest.Options{}), mirrortest.Options{})
		p.search("FLAGGED")
		p.settle()
		p.deliverFar(nametrans.Inbox, letter(1), flags(`\Flagged`))
		p.inject(mirrortest.NewFault(3, point)) // behind the notes and the intent: the copy itself
		if _, err := p.try(); !errors.Is(err, mirror.ErrCut) {
			t.Fatalf("got %v, want a cut", err)
		}
		p.wrap, p.wrapState = nil, nil
		if n := len(p.snapshot().Intents); n != 1 {
			t.Fatalf("%d intents are open, want 1", n)
		}
		p.servers[mirror.Far].SetFlags(nametrans.Inbox, 1, mirror.Flags{})
		p.settle()
		p.alike()
		p.wantCounts("one each", 1, 1)
	}
}

// TestSearchWithoutCopies: where nothing is copied from far nothing is searched.
func TestSearchWithoutCopies(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike()) // which could not be searched
	p.search("ALL")
	p.policy.New = mirror.ToFar
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.deliverNear(nametrans.Inbox, letter(2), mirror.Flags{})
	p.settle()
	p.wantCounts("only to far", 2, 1)
}

// TestSettingsMadeUpFor: what other settings ask for and could not be carried out is made
// up for, though the mailbox shows nothing new.
func TestSettingsMadeUpFor(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, mirrortest.Options{})
	p.policy.Window = mirror.Window{MaxSize: 1}
	p.deliverFar(nametrans.Inbox, letter(1), mirror.Flags{})
	p.settle()
	p.wantCounts("too large", 1, 0)
	p.policy.Window = mirror.Window{}
	p.hook(mirror.Near, &hooks{append: overQuota})
	p.sync(mirror.ExitTemporary)
	p.wrap = nil
	p.settle()
	p.wantCounts("there is room", 1, 1)
}

// overQuota refuses every message of a batch.
func overQuota(_ mirror.Name, _ context.Context, _ mirror.Mailbox, batch iter.Seq[mirror.Incoming]) (list []mirror.Appended, _ error) {
	for in := range batch {
		list = append(list, mirror.Appended{Source: in.Source, Err: fmt.Errorf("%w: %w", mirror.ErrNotDone, mirror.ErrOverQuota)})
	}
	return list, nil
}

// TestSearchRefusedAndRenumbered: that near was renumbered is still known once a search
// that was refused is right: that run removes nothing.
func TestSearchRefusedAndRenumbered(t *testing.T) {
	t.Parallel()
	p := newPair(t, searching(mirrortest.Options{}), mirrortest.Options{})
	p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
	p.policy.RemoveExtra = true
	p.search("UNFLAGGED")
	for i := range 4 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	p.deliverFar(nametrans.Inbox, letter(4), mirror.Flags{})
	p.deliverNear(nametrans.Inbox, letter(9), mirror.Flags{})
	p.servers[mirror.Near].Renumber(nametrans.Inbox, 99)
	p.search("REFUSED Subject")
	p.sync(mirror.ExitPartly)
	p.wantCounts("refused", 5, 5)
	p.search("UNFLAGGED")
	p.sync(mirror.ExitDone)
	p.wantCounts("paired again, and nothing removed", 5, 6)
	p.settle()
	p.wantCounts("what is extra is removed", 5, 5)
}
