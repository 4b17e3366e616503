package mirror

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"
)

// matchCase is a set of unpaired messages on both sides, written as words:
//
//	5       content 5: a header, key and body of its own
//	5'      content 5 as a server rewrote it: same Message-ID, Date and From,
//	        other header, other size
//	5"      rewritten in another way
//	5+      the header of content 5 over another body, same size
//	5~      content 5 with a header that does not decide (no Received)
//	5!      content 5 without Message-ID
//	5@3     content 5 with INTERNALDATE of hour 3 (else: that of its number)
//	5#9     content 5, size 9
type matchCase struct {
	name      string
	far, near string
	drafts    bool
	want      string // sorted actions
	asked     string // needs, call by call, joined by "; "
}

func parseContent(t failer, uid UID, word string) Message {
	t.Helper()
	var n, hour, size int
	digits := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(word)
	}
	fmt.Sscan(word[:digits], &n)
	m := testMessage(uid, n, Flags{})
	for rest := word[digits:]; rest != ""; {
		mark, tail := rest[0], rest[1:]
		number := tail[:len(tail)-len(strings.TrimLeft(tail, "0123456789"))]
		switch mark {
		case '\'', '"':
			m.Identity.Header[3], m.Identity.Body[3] = mark, mark
			m.Size += int64(mark)
		case '+':
			m.Identity.Body[3] = mark
		case '~':
			m.Identity.Decisive = false
		case '!':
			m.Identity.Decisive, m.Identity.Key = false, Digest{}
		case '@':
			fmt.Sscan(number, &hour)
			m.Date = testDay.Add(time.Duration(hour) * time.Hour)
		case '#':
			fmt.Sscan(number, &size)
			m.Size = int64(size)
		default:
			t.Fatalf("content %q: no such mark", word)
		}
		rest = tail[len(number):]
	}
	m.Identity.Exact = m.Identity.Body
	return m
}

// fill puts the words of a case on a side, from the given UID up.
func (m *model) fill(name Name, s Side, first UID, words string) {
	m.t.Helper()
	b := m.box(name)
	for i, word := range strings.Fields(words) {
		m.unpaired(b, s, parseContent(m.t, first+UID(i), word))
	}
}

// TestAdoption: what is new on both sides is paired as a multiset and read no
// deeper than it takes to tell. In these cases far UIDs start at 1, near ones
// at 101, and nothing is known before.
func TestAdoption(t *testing.T) {
	t.Parallel()
	headers := func(far, near string) string { return "far A " + far + " headers; near A " + near + " headers" }
	bodies := func(far, near string) string { return "; far A " + far + " bodies; near A " + near + " bodies" }
	cases := []matchCase{
		{name: "one side alone asks nothing", far: "1 2 3", want: "copy near, copy near, copy near"},
		{name: "headers and size decide", far: "1 2", near: "2 1", want: "pair, pair", asked: headers("1,2", "101,102")},
		{name: "different", far: "1", near: "2", want: "copy far, copy near", asked: headers("1", "101")},
		{name: "one of three", far: "1 2 3", near: "2", want: "copy near, copy near, pair", asked: headers("1,2,3", "101")},
		{name: "same header, other size", far: "1", near: "1#9", want: "pair", asked: headers("1", "101") + bodies("1", "101")},
		{name: "no Received", far: "1~", near: "1~", want: "pair", asked: headers("1", "101") + bodies("1", "101")},
		{name: "no Received on one side", far: "1~", near: "1", want: "pair", asked: headers("1", "101") + bodies("1", "101")},
		{name: "no Message-ID", far: "1!", near: "1!", want: "pair", asked: headers("1", "101") + bodies("1", "101")},
		{name: "no Message-ID, same header, other body", far: "1!", near: "1!+", want: "copy far, copy near", asked: headers("1", "101") + bodies("1", "101")},
		{name: "drafts are edited under one header", far: "1", near: "1", drafts: true, want: "pair", asked: headers("1", "101") + bodies("1", "101")},
		{name: "twins", far: "1 1", near: "1 1", want: "pair, pair", asked: headers("1,2", "101,102") + bodies("1,2", "101,102")},
		{name: "twins, one more here", far: "1 1 1", near: "1", want: "copy near, copy near, pair", asked: headers("1,2,3", "101") + bodies("1,2,3", "101")},
		{name: "only the twins are read", far: "1 1 2 3", near: "1 3", want: "copy near, copy near, pair, pair",
			asked: headers("1,2,3,4", "101,102") + bodies("1,2", "101")},
		{name: "same header, bodies crossed", far: "1 1+", near: "1+ 1", want: "pair, pair", asked: headers("1,2", "101,102") + bodies("1,2", "101,102")},
		{name: "rewritten by the server", far: "1", near: "1'", want: "pair altered", asked: headers("1", "101")},
		{name: "rewritten, among others", far: "1 2 3", near: "4 2'", want: "copy far, copy near, copy near, pair altered", asked: headers("1,2,3", "101,102")},
		{name: "rewritten, no Message-ID", far: "1!", near: "1!'", want: "copy far, copy near", asked: headers("1", "101")},
		{name: "an equal one is taken before a rewritten one", far: "1", near: "1' 1", want: "copy far, pair", asked: headers("1", "101,102")},
		{name: "several rewritten: nobody knows", far: "1@1", near: "1'@2 1\"@3", want: "quarantine far, quarantine far, quarantine near", asked: headers("1", "101,102")},
		{name: "several, on both sides", far: "1@1 1\"@1", near: "1'@1 1'@1", want: "quarantine far, quarantine far, quarantine near, quarantine near",
			asked: headers("1,2", "101,102")},
		{name: "INTERNALDATE singles out all", far: "1@1 1+@2", near: "1'@2 1\"@1", want: "pair altered, pair altered", asked: headers("1,2", "101,102")},
		{name: "INTERNALDATE singles out one, the rest is in doubt", far: "1@1 1+@2 1~@3", near: "1'@2 1\"@4",
			want: "pair altered, quarantine far, quarantine near, quarantine near", asked: headers("1,2,3", "101,102")},
		{name: "INTERNALDATE singles out one, nothing is left for the other", far: "1@1 1+@2", near: "1'@2",
			want: "copy near, pair altered", asked: headers("1,2", "101")},
		{name: "doubt holds up only its own kind", far: "1@1 2", near: "1'@2 1\"@3 3",
			want: "copy far, copy near, quarantine far, quarantine far, quarantine near", asked: headers("1,2", "101,102,103")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			build := func() *model {
				m := newModel(t, NewPolicy(TwoWay, Far))
				m.fill(boxA, Far, 1, c.far)
				m.fill(boxA, Near, 101, c.near)
				if c.drafts {
					m.box(boxA).Sides[Far].Role = imap.MailboxAttrDrafts
				}
				m.forget()
				return m
			}
			m := build()
			p := m.plan()
			if got := sayAll(p.Actions); got != sorted(c.want) {
				t.Errorf("got %q, want %q", got, sorted(c.want))
			}
			if got := strings.Join(m.asked, "; "); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			m.settlesAfter(p)
			m = build()
			m.flip()
			if got, want := sayAll(m.plan().Actions), sorted(flipWords(c.want)); got != want {
				t.Errorf("flipped: got %q, want %q", got, want)
			}
		})
	}
}

// TestAdoptionPairsContents: whatever is on the two sides, every pair that is
// not altered has one body, each body is paired as often as both have it, and
// the order of the lists does not matter for that.
func TestAdoptionPairsContents(t *testing.T) {
	t.Parallel()
	word := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "content")) + rapid.SampledFrom([]string{"", "", "", "'", "\"", "~+", "~", "!", "@1", "@2", "'@1", "!+"}).Draw(t, "mark")
	})
	rapid.Check(t, func(t *rapid.T) {
		far, near := rapid.SliceOfN(word, 0, 6).Draw(t, "far"), rapid.SliceOfN(word, 0, 6).Draw(t, "near")
		m := newModel(t, NewPolicy(TwoWay, Far))
		m.fill(boxA, Far, 1, strings.Join(far, " "))
		m.fill(boxA, Near, 101, strings.Join(near, " "))
		m.forget()
		p := m.plan()
		have, paired := [2]map[Digest]int{{}, {}}, map[Digest]int{}
		for _, s := range Sides {
			for _, msg := range m.box(boxA).Unpaired[s] {
				have[s][m.real[MessageKey{s, boxA, msg.UID}].Body]++
			}
		}
		said := [2]map[UID]int{{}, {}}
		for _, a := range p.Actions {
			switch a.Kind {
			case Pair:
				body := [2]Digest{}
				for _, s := range Sides {
					said[s][a.UID[s]]++
					body[s] = m.real[MessageKey{s, boxA, a.UID[s]}].Body
				}
				key := m.real[MessageKey{Far, boxA, a.UID[Far]}].Key
				if same := body[Far] == body[Near]; same == a.Record.Altered {
					t.Fatalf("pair %d: bodies equal %v, altered %v", a.UID, same, a.Record.Altered)
				}
				if a.Record.Altered && (!key.Known() || key != m.real[MessageKey{Near, boxA, a.UID[Near]}].Key) {
					t.Fatalf("altered pair %d: keys differ or are not known", a.UID)
				}
				if !a.Record.Altered {
					paired[body[Far]]++
				}
			case Copy, Quarantine:
				said[a.Side.Other()][a.Message.UID]++
			}
		}
		for body, n := range have[Far] {
			if want := min(n, have[Near][body]); paired[body] != want {
				t.Fatalf("body %x: paired %d, want %d", body[:4], paired[body], want)
			}
		}
		for _, s := range Sides {
			for _, msg := range m.box(boxA).Unpaired[s] {
				if said[s][msg.UID] != 1 {
					t.Fatalf("%s %d: decided on %d times, want once", s, msg.UID, said[s][msg.UID])
				}
			}
		}
	})
}

// TestDoubtIsSaidOnce: what is in quarantine for doubt stays there without
// being put there again by every plan, also when a third one arrives.
func TestDoubtIsSaidOnce(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.fill(boxA, Far, 1, "1@1")
	m.fill(boxA, Near, 101, "1'@2 1\"@3")
	m.apply(m.plan())
	m.fill(boxA, Near, 103, "2")
	if got := sayAll(m.plan().Actions); got != "copy far" {
		t.Errorf("got %q, want only the new one copied", got)
	}
}

// TestMatchNeedsNothingTwice: what was identified is not asked for again.
func TestMatchNeedsNothingTwice(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.fill(boxA, Far, 1, "1 1 2~ 3")
	m.fill(boxA, Near, 101, "1 2~ 4")
	m.forget()
	m.plan()
	seen := map[string]bool{}
	for _, need := range m.asked {
		if seen[need] {
			t.Errorf("asked twice: %q in %q", need, m.asked)
		}
		seen[need] = true
	}
	m.plan()
	if len(m.asked) > 0 {
		t.Errorf("asked again for %q, want nothing", m.asked)
	}
}

// TestNeedsAreSorted: needs come by side, mailbox and depth, refs ascending.
func TestNeedsAreSorted(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.fill(boxB, Far, 1, "1 2")
	m.fill(boxB, Near, 101, "3")
	m.fill(boxA, Far, 1, "5 4")
	m.fill(boxA, Near, 101, "6")
	m.forget()
	_, needs := MakePlan(m.in)
	var got []string
	for _, n := range needs {
		got = append(got, fmt.Sprint(n.Side, n.Mailbox, n.Refs))
		if !slices.IsSortedFunc(n.Refs, func(a, b Ref) int { return int(a.UID) - int(b.UID) }) {
			t.Errorf("refs %v are not ascending", n.Refs)
		}
	}
	want := []string{"farA[{1 } {2 }]", "farB[{1 } {2 }]", "nearA[{101 }]", "nearB[{101 }]"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
