package mirror

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// railModel has n messages in A that are gone on far, out of total records of
// the mailbox and all of the side.
func railModel(t *testing.T, n, total, all int) *model {
	m := newModel(t, NewPolicy(TwoWay, Far))
	departures(m, boxA, 1, n)
	m.box(boxA).Total = total
	for _, s := range Sides {
		m.in.Sides[s].Records, m.in.Sides[s].Shown = all, all
	}
	return m
}

func departures(m *model, name Name, first, n int) {
	for i := range n {
		m.row(name, first+i, "x|.|.")
	}
}

// stopsOf writes stops as "rail side mailbox count/of".
func stopsOf(p Plan) string {
	var list []string
	for _, s := range p.Stops {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %d/%d", s.Rail, s.Side, s.Mailbox, s.Count, s.Of)))
	}
	return strings.ReplaceAll(strings.Join(list, ", "), "  ", " ")
}

func countKind(actions []Action, kind Kind) (n int) {
	for _, a := range actions {
		if a.Kind == kind {
			n++
		}
	}
	return n
}

// checkRail fails unless a plan holds back as many removals as held and none
// when stops is "".
func checkRail(t *testing.T, m *model, stops string, held, done int) Plan {
	t.Helper()
	p := m.plan()
	if got := stopsOf(p); got != stops {
		t.Errorf("got stops %q, want %q", got, stops)
	}
	if got := countKind(p.Withheld, Remove); got != held {
		t.Errorf("got %d removals withheld, want %d", got, held)
	}
	if got := countKind(p.Actions, Remove); got != done {
		t.Errorf("got %d removals in the plan, want %d", got, done)
	}
	if (p.Token != "") != (stops != "") {
		t.Errorf("got token %q with stops %q", p.Token, stops)
	}
	return p
}

// TestRailMailbox: more than max(10, 25 %) of a mailbox.
func TestRailMailbox(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, total int
		stop     bool
	}{
		{10, 10, false}, {11, 11, true}, {10, 20, false}, {11, 40, true}, {11, 43, true}, {11, 44, false},
		{12, 47, true}, {25, 100, false}, {26, 100, true}, {25, 99, true},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.n, c.total), func(t *testing.T) {
			m := railModel(t, c.n, c.total, 10000)
			if c.stop {
				checkRail(t, m, fmt.Sprintf("mailbox-removals far A %d/%d", c.n, c.total), c.n, 0)
			} else {
				checkRail(t, m, "", 0, c.n)
			}
		})
	}
}

// TestRailSide: more than max(10, 10 %) of a side, spread over mailboxes that
// each stay below their own limit.
func TestRailSide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		inA, inB, all int
		stop          bool
	}{
		{5, 5, 10, false}, {6, 5, 11, true}, {6, 5, 109, true}, {6, 5, 110, false}, {10, 10, 199, true}, {10, 10, 200, false}, {10, 11, 200, true},
	} {
		t.Run(fmt.Sprintf("%d and %d of %d", c.inA, c.inB, c.all), func(t *testing.T) {
			m := railModel(t, c.inA, 1000, c.all)
			departures(m, boxB, 1, c.inB)
			n := c.inA + c.inB
			if c.stop {
				checkRail(t, m, fmt.Sprintf("side-removals far %d/%d", n, c.all), n, 0)
			} else {
				checkRail(t, m, "", 0, n)
			}
		})
	}
}

// TestRailsLeaveTheRest: one mailbox over its limit holds up only its own
// removals; copies, flags and other mailboxes go on.
func TestRailsLeaveTheRest(t *testing.T) {
	t.Parallel()
	m := railModel(t, 11, 11, 100) // 14 in all would be too many for the side
	m.row(boxA, 50, "S|.|.")
	m.row(boxA, 51, ".|-|-")
	m.row(boxA, 52, "x|.|x")
	departures(m, boxB, 1, 3)
	p := checkRail(t, m, "mailbox-removals far A 11/11", 11, 3)
	if got := sayAll(p.Actions); got != "copy near, drop, flags near +S, remove near, remove near, remove near" {
		t.Errorf("got %q, want all but the removals of A", got)
	}
}

// TestRailEmptySide: a side that had mail shows none.
func TestRailEmptySide(t *testing.T) {
	t.Parallel()
	for _, shown := range []int{0, 1} {
		m := railModel(t, 3, 3, 100)
		m.row(boxA, 50, "x|.|F")
		m.row(boxA, 51, "x|.|x")
		m.row(boxB, 1, "x|.|.")
		m.fill(boxC, Far, 500, "1") // 1 of B or A moved to C
		m.in.Sides[Far].Shown = shown
		p := m.plan()
		if shown == 1 {
			if len(p.Stops) > 0 {
				t.Errorf("1 message shown: got stops %q", stopsOf(p))
			}
			continue
		}
		if got := stopsOf(p); got != "empty-side far 100/100" {
			t.Errorf("got stops %q, want far empty", got)
		}
		for _, a := range p.Actions {
			if a.Kind == Remove || a.Kind == MoveTo || a.Kind == Drop {
				t.Errorf("far is empty: got %q", say(a))
			}
		}
		if got := sayAll(p.Actions); got != "copy far again" {
			t.Errorf("got %q, want what a person changed made again", got)
		}
	}
	m := newModel(t, NewPolicy(TwoWay, Far)) // nothing was paired yet
	m.in.Sides[Far].Records, m.in.Sides[Far].Shown = 0, 0
	m.row(boxA, 1, "-|-|.")
	m.check("copy far")
}

// TestRailMailboxes: a side lists under half of the mailboxes it had.
func TestRailMailboxes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listed, known int
		stop          bool
	}{
		{0, 1, true}, {1, 2, false}, {1, 3, true}, {2, 4, false}, {2, 5, true}, {5, 10, false}, {4, 10, true}, {0, 0, false},
	} {
		m := railModel(t, 3, 100, 1000)
		m.in.Sides[Far].Listed, m.in.Sides[Far].Known = c.listed, c.known
		if c.stop {
			checkRail(t, m, fmt.Sprintf("mailboxes-missing far %d/%d", c.known-c.listed, c.known), 3, 0)
		} else {
			checkRail(t, m, "", 0, 3)
		}
	}
}

// TestRailWrongAccount: on a first two-way run, and with extra = "remove", both
// sides hold over 20 messages and under half of the smaller one pairs.
func TestRailWrongAccount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy    string
		first     bool
		far, near int // messages shown
		records   int
		pairs     int // equal ones in this run
		stop      bool
	}{
		{"two-way", true, 20, 100, 0, 0, false},
		{"two-way", true, 100, 20, 0, 0, false},
		{"two-way", true, 21, 21, 0, 10, true},
		{"two-way", true, 21, 21, 0, 11, false},
		{"two-way", true, 22, 400, 0, 10, true},
		{"two-way", true, 22, 400, 0, 11, false},
		{"two-way", true, 22, 400, 5, 6, false},
		{"two-way", true, 22, 400, 5, 5, true},
		{"two-way", false, 400, 400, 0, 0, false},
		{"mirror>near", true, 400, 400, 0, 0, false},
		{"copy>near", true, 400, 400, 0, 0, false},
		{"mirror>near extra", true, 400, 400, 0, 0, true},
		{"mirror>near extra", false, 400, 400, 199, 0, true},
		{"mirror>near extra", false, 400, 400, 200, 0, false},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			m := newModel(t, parsePolicy(t, c.policy))
			for i := range c.pairs {
				m.row(boxA, i+1, "S|-|.")
			}
			m.row(boxA, 300, ".|-|-")
			m.in.Fresh = c.first
			m.in.Sides[Far].Shown, m.in.Sides[Near].Shown = c.far, c.near
			for _, s := range Sides {
				m.in.Sides[s].Records = c.records
			}
			p := m.plan()
			want := ""
			if c.stop {
				want = fmt.Sprintf("wrong-account far %d/%d", c.records+c.pairs, min(c.far, c.near))
			}
			if got := stopsOf(p); got != want {
				t.Errorf("got stops %q, want %q", got, want)
			}
			for _, a := range p.Actions {
				if c.stop && a.Kind.ChangesMail() {
					t.Errorf("stopped: got %q", say(a))
				}
			}
			if got := countKind(p.Actions, Pair); got != c.pairs {
				t.Errorf("got %d pairs, want %d: pairing changes no mail", got, c.pairs)
			}
		})
	}
}

// TestRailTrash: a removal inside an IMAP \Trash is exempt from the mailbox
// rail; a Maildir's, which goes to the undo store, is not.
func TestRailTrash(t *testing.T) {
	t.Parallel()
	trash := func(undo bool) *model {
		m := newModel(t, NewPolicy(TwoWay, Far))
		departures(m, boxTrash, 1, 60)
		m.box(boxTrash).Total = 60
		for _, s := range Sides {
			m.box(boxTrash).Sides[s].Role = imap.MailboxAttrTrash
		}
		m.in.Sides[Near].Traits.Undo = undo
		return m
	}
	checkRail(t, trash(false), "", 0, 60)
	checkRail(t, trash(true), "mailbox-removals far Trash 60/60", 60, 0)
}

// TestRailEndOfMove: what ends an interrupted move is no removal.
func TestRailEndOfMove(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	var words []string
	for n := 1; n <= 30; n++ {
		m.row(boxA, n, "x|.|.")
		intent(MoveIntent, Near, UID(100+n), boxB, false)(m)
		words = append(words, fmt.Sprint(n))
	}
	m.box(boxA).Total = 30
	m.fill(boxB, Far, 500, strings.Join(words, " "))
	m.fill(boxB, Near, 500, strings.Join(words, " "))
	checkRail(t, m, "", 0, 30)
}

// TestConfirm: the token lets exactly the withheld set pass, and no other.
func TestConfirm(t *testing.T) {
	t.Parallel()
	stopped := railModel(t, 11, 11, 10000).plan()
	again := railModel(t, 11, 11, 10000).plan()
	if stopped.Token == "" || stopped.Token != again.Token {
		t.Fatalf("got tokens %q and %q for one set, want the same", stopped.Token, again.Token)
	}
	allowed := railModel(t, 11, 11, 10000)
	allowed.in.Confirm = stopped.Token
	p := checkRail(t, allowed, "", 0, 11)
	if !p.hasOnly(Remove) {
		t.Errorf("got %q, want removals only", sayAll(p.Actions))
	}
	others := map[string]*model{
		"one more":           railModel(t, 12, 12, 10000),
		"another message":    railModel(t, 10, 11, 10000),
		"another mailbox":    newModel(t, NewPolicy(TwoWay, Far)),
		"another side":       railModel(t, 11, 11, 10000),
		"another base name":  railModel(t, 11, 11, 10000),
		"another mailbox to": railModel(t, 11, 11, 10000),
	}
	departures(others["another message"], boxA, 50, 1)
	departures(others["another mailbox"], boxB, 1, 11)
	others["another mailbox"].box(boxB).Total = 11
	others["another side"].flip()
	others["another base name"].box(boxA).Records[3].Seen[Near].Message.Base = "100.1.host"
	departures(others["another mailbox to"], boxB, 1, 11)
	others["another mailbox to"].box(boxB).Total = 11
	for name, m := range others {
		m.in.Confirm = stopped.Token
		p := m.plan()
		if len(p.Stops) == 0 || p.Token == stopped.Token {
			t.Errorf("%s: got stops %q, token %q; want it stopped under another token", name, stopsOf(p), p.Token)
		}
	}
}

func (p Plan) hasOnly(kind Kind) bool { return countKind(p.Actions, kind) == len(p.Actions) }

// TestConfirmEveryRail: whatever rail was reached, its token gives the plan
// that would have been without it.
func TestConfirmEveryRail(t *testing.T) {
	t.Parallel()
	models := map[string]func() *model{
		"empty side": func() *model { m := railModel(t, 3, 3, 100); m.in.Sides[Far].Shown = 0; return m },
		"mailboxes":  func() *model { m := railModel(t, 3, 3, 100); m.in.Sides[Far].Known = 3; return m },
		"mailbox":    func() *model { return railModel(t, 11, 11, 1000) },
		"side":       func() *model { return railModel(t, 11, 100, 11) },
		"wrong account": func() *model {
			m := newModel(t, NewPolicy(TwoWay, Far))
			m.in.Fresh = true
			m.in.Sides[Far].Records, m.in.Sides[Near].Records = 0, 0
			m.row(boxA, 1, ".|-|-")
			return m
		},
		"two at once": func() *model { m := railModel(t, 11, 11, 100); m.in.Sides[Far].Shown = 0; return m },
	}
	for name, build := range models {
		stopped := build().plan()
		m := build()
		m.in.Confirm = stopped.Token
		p := m.plan()
		if stopped.Token == "" || len(p.Stops) > 0 || len(p.Withheld) > 0 {
			t.Errorf("%s: got token %q, then stops %q, want none", name, stopped.Token, stopsOf(p))
		}
		stopped.Actions = slices.DeleteFunc(stopped.Actions, func(a Action) bool { return a.Kind == Depart })
		if got, want := len(p.Actions), len(stopped.Actions)+len(stopped.Withheld); got != want || len(stopped.Withheld) == 0 {
			t.Errorf("%s: got %d actions, want the %d that there were, %d withheld", name, got, want, len(stopped.Withheld))
		}
		m.in.Confirm = "000000000000"
		if len(m.plan().Stops) == 0 {
			t.Errorf("%s: a wrong token was taken", name)
		}
	}
}
