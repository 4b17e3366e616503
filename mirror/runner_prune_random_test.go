package mirror_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

var subject = regexp.MustCompile(`Subject: (letter \d+)`)

// letters counts the copies of every letter that a side shows, in all mailboxes. What is
// marked \Deleted is not shown: any program may expunge it.
func (p *pair) letters(s mirror.Side) map[string]int {
	shown := map[string]int{}
	for name := range p.servers[s].Dump() {
		for _, m := range p.servers[s].Messages(name) {
			if !strings.Contains(strings.ToLower(m.Flags.String()), `\deleted`) {
				shown[subject.FindStringSubmatch(string(m.Body))[1]]++
			}
		}
	}
	return shown
}

// TestPruneLosesNothing: whatever people do, whatever the window is, and wherever a run is
// stopped, far keeps every letter that nobody removed, once, and near has those in
// the window at last.
func TestPruneLosesNothing(t *testing.T) {
	t.Parallel()
	kinds := [][2]mirrortest.Options{{{}, maildirLike()}, {{}, {NoMove: true}}, {bareIMAP(), bareIMAP()}, {bareIMAP(), maildirLike()}, {maildirLike(), maildirLike()}, {{}, bareIMAP()}}
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
		p := newPair(rt, kind[0], kind[1])
		twoWay := rapid.IntRange(0, 3).Draw(rt, "mode") > 0
		if !twoWay {
			p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
			p.policy.RemoveExtra = rapid.Bool().Draw(rt, "extra")
		}
		p.policy.Deletions = rapid.SampledFrom([]mirror.Deletions{mirror.DeleteToTrash, mirror.DeleteForGood}).Draw(rt, "deletions")
		boxes := []mirror.Name{nametrans.Inbox, box("Archive")}
		for _, s := range mirror.Sides {
			p.servers[s].CreateMailbox(boxes[1], "")
		}
		windows := []mirror.Window{{}, {Last: 1}, {Last: 3}, {Age: 20 * aDay}, {Age: 35 * aDay}, {Before: p.clock.now.AddDate(0, 0, -10)}}
		removed, taken, known, sent, lost, moved, cut := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0, false, false, false
		name := func(m mirrortest.Held) string { return subject.FindStringSubmatch(string(m.Body))[1] }
		pick := func(s mirror.Side) (at mirror.Name, m mirrortest.Held, ok bool) {
			at = rapid.SampledFrom(boxes).Draw(rt, "at")
			held := p.servers[s].Messages(at)
			if len(held) == 0 {
				return at, m, false
			}
			m = rapid.SampledFrom(held).Draw(rt, "message")
			return at, m, !strings.Contains(strings.ToLower(m.Flags.String()), `\deleted`)
		}
		judge := func(what string) {
			far := p.letters(mirror.Far)
			for letter := range known {
				if far[letter] == 0 && !removed[letter] {
					rt.Fatalf("%s: far lost %s", what, letter)
				}
			}
			for letter := range far {
				known[letter] = true
			}
		}
		for range rapid.IntRange(1, 7).Draw(rt, "runs") {
			for range rapid.IntRange(0, 6).Draw(rt, "steps") {
				switch what := rapid.IntRange(0, 9).Draw(rt, "what"); what {
				case 0, 1:
					if at, m, ok := pick(mirror.Far); ok {
						removed[name(m)] = true
						p.servers[mirror.Far].Remove(at, m.ID)
					}
				case 2:
					if at, m, ok := pick(mirror.Near); ok {
						removed[name(m)], taken[name(m)] = removed[name(m)] || twoWay, true // a copy that nobody confirmed is not sent again
						p.servers[mirror.Near].Remove(at, m.ID)
					}
				case 3, 4:
					s := mirror.Side(what - 3)
					if at, m, ok := pick(s); ok && (twoWay || s == mirror.Far) {
						to := boxes[0]
						if at == to {
							to = boxes[1]
						}
						p.servers[s].Move(at, m.ID, to)
						moved = true
					}
				case 5:
					if at, m, ok := pick(mirror.Near); ok {
						p.servers[mirror.Near].SetFlags(at, m.ID, flags(`\Flagged`))
					}
				default:
					sent++
					s := mirror.Far
					if what == 6 {
						s = mirror.Near
					}
					p.dated(s, sent, p.clock.now.AddDate(0, 0, -rapid.IntRange(0, 40).Draw(rt, "age")))
				}
			}
			judge("people") // learns what came
			if rapid.IntRange(0, 9).Draw(rt, "lose") == 0 {
				p.state, lost = mirrortest.NewState(), true
			}
			p.policy.Window = rapid.SampledFrom(windows).Draw(rt, "window")
			p.policy.Prune = rapid.IntRange(0, 3).Draw(rt, "prune") > 0
			p.dry = rapid.IntRange(0, 9).Draw(rt, "dry") == 0
			if rapid.Bool().Draw(rt, "cut") {
				cut = true
				p.inject(mirrortest.NewFault(rapid.IntRange(1, 12).Draw(rt, "k"), rapid.SampledFrom(mirrortest.Points[:]).Draw(rt, "point")))
			}
			p.try()
			p.dry, p.wrap, p.wrapState = false, nil, nil
			p.checkState()
			judge("run")
			p.clock.now = p.clock.now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 7, 365, -365}).Draw(rt, "days")) * aDay)
		}
		p.policy.Window, p.policy.Prune, p.full = mirror.Window{Age: 20 * aDay}, true, true
		var last mirror.Result
		for range 6 {
			result, err := p.try()
			if err != nil {
				rt.Fatalf("%v", err)
			}
			last = result
			p.checkState()
			judge("end")
		}
		if !lost && !(moved && cut) { // an uncertain copy may have been moved away before it is sent again
			for letter, n := range p.letters(mirror.Far) {
				if n > 1 && !removed[letter] {
					rt.Fatalf("far holds %s %d times", letter, n)
				}
			}
		}
		if len(last.Plan.Stops) > 0 || lost && kind[1].NoUIDPlus {
			return // a rail keeps what depends on it; without tombs a mark on near is a person's
		}
		near := p.letters(mirror.Near)
		for _, at := range boxes {
			for _, m := range p.servers[mirror.Far].Messages(at) {
				if !m.Date.Before(p.clock.now.Add(-20*aDay)) && near[name(m)] == 0 && !removed[name(m)] && !taken[name(m)] && !strings.Contains(strings.ToLower(m.Flags.String()), `\deleted`) {
					rt.Fatalf("near lacks %s, which is in the window; stops %v, problems %v, open %d", name(m), last.Plan.Stops, last.Problems, last.Open)
				}
			}
		}
	})
}
