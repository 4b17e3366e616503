package mirror_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestSearchRandom: whatever comes, goes, is flagged or searched for, and whatever stops a
// run: what matches comes to near, what near has comes to far, what has a copy is like it,
// and nothing is lost or doubled.
func TestSearchRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		near := rapid.SampledFrom([]mirrortest.Options{{}, maildirLike()}).Draw(rt, "near")
		p := newPair(rt, searching(mirrortest.Options{NoModSeq: rapid.Bool().Draw(rt, "no mod-sequences")}), near)
		sent, taken := 0, map[mirror.Digest]bool{} // what a person took away
		for range rapid.IntRange(1, 6).Draw(rt, "runs") {
			for range rapid.IntRange(0, 5).Draw(rt, "steps") {
				sent++
				p.searchStep(rt, sent, taken)
			}
			if rapid.IntRange(0, 5).Draw(rt, "lose") == 0 {
				p.state = mirrortest.NewState()
			}
			p.search(rapid.SampledFrom([]string{"", "ODD", "FLAGGED", "UNFLAGGED", "NONE"}).Draw(rt, "search"))
			before := [2][]mirrortest.Entry{p.servers[mirror.Far].Dump()[nametrans.Inbox], p.servers[mirror.Near].Dump()[nametrans.Inbox]}
			if k := rapid.IntRange(0, 8).Draw(rt, "stop"); k > 0 && rapid.Bool().Draw(rt, "stops") {
				p.inject(mirrortest.NewFault(k, rapid.SampledFrom([]mirrortest.Point{mirrortest.Before, mirrortest.After}).Draw(rt, "point")))
				p.try()
				p.inject(nil)
			}
			p.settle()
			p.checkSearched(rt, before, taken)
			p.quiet()
		}
	})
}

// searchStep is what somebody does.
func (p *pair) searchStep(rt *rapid.T, sent int, taken map[mirror.Digest]bool) {
	side := rapid.SampledFrom(mirror.Sides[:]).Draw(rt, "side")
	held := p.servers[side].Messages(nametrans.Inbox)
	flag := flags(rapid.SampledFrom([]string{"", `\Flagged`, `\Seen`}).Draw(rt, "flags"))
	switch what := rapid.IntRange(0, 6).Draw(rt, "what"); {
	case what == 0 && len(held) > 2: // an emptied side is another matter
		m := rapid.SampledFrom(held).Draw(rt, "removed")
		taken[p.digestOf(side, m)] = true
		p.servers[side].Remove(nametrans.Inbox, m.ID)
	case what < 3 && len(held) > 0:
		p.servers[side].SetFlags(nametrans.Inbox, rapid.SampledFrom(held).Draw(rt, "flagged").ID, flag)
	case what == 3: // both have it already
		p.deliverFar(nametrans.Inbox, letter(sent), flag)
		p.deliverNear(nametrans.Inbox, letter(sent), flag)
	default:
		p.deliver(side, nametrans.Inbox, letter(sent), flag)
	}
}

// digestOf is that of Entry.
func (p *pair) digestOf(s mirror.Side, m mirrortest.Held) mirror.Digest {
	body := m.Body
	if p.options[s].Maildir {
		body = bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	}
	return mirrortest.NewEntry(body, m.Flags, m.Date).Digest
}

// checkSearched holds what the sides have against what they had before the run.
func (p *pair) checkSearched(rt *rapid.T, before [2][]mirrortest.Entry, taken map[mirror.Digest]bool) {
	var now [2][]mirrortest.Entry
	find := func(list []mirrortest.Entry, digest mirror.Digest) *mirrortest.Entry {
		if i := slices.IndexFunc(list, func(e mirrortest.Entry) bool { return e.Digest == digest }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	for _, s := range mirror.Sides {
		now[s] = p.servers[s].Dump()[nametrans.Inbox]
		seen := map[mirror.Digest]bool{}
		for _, e := range now[s] {
			if seen[e.Digest] {
				rt.Fatalf("%s holds %v twice", s, e)
			}
			seen[e.Digest] = true
		}
		for _, e := range before[s] {
			if !taken[e.Digest] && !seen[e.Digest] {
				rt.Fatalf("%s lost %v", s, e)
			}
		}
	}
	for _, e := range now[mirror.Near] {
		twin := find(now[mirror.Far], e.Digest)
		if twin == nil || twin.Flags != e.Flags {
			rt.Fatalf("near holds %v, far %v", e, twin)
		}
	}
	for _, held := range p.servers[mirror.Far].Messages(nametrans.Inbox) {
		matches := p.policy.Search.Text == ""
		if !matches {
			matches, _ = p.options[mirror.Far].Search(p.policy.Search.Text, held)
		}
		if matches && find(now[mirror.Near], p.digestOf(mirror.Far, held)) == nil {
			rt.Fatalf("far message %d matches, and near has no copy", held.ID)
		}
	}
}
