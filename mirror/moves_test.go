package mirror

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

const boxC Name = "C"

// fresh puts contents into a mailbox on one side, under UIDs from 500 up.
func freshIn(name Name, s Side, words string) func(*model) {
	return func(m *model) { m.fill(name, s, 500, words) }
}

// with chains changes to a model.
func with(changes ...func(*model)) func(*model) {
	return func(m *model) {
		for _, change := range changes {
			change(m)
		}
	}
}

// TestMoves: gone and new with equal content on one side is a move, and the
// partner follows. Rows stand in A.
func TestMoves(t *testing.T) {
	t.Parallel()
	toB := freshIn(boxB, Far, "1")
	runTable(t, []tableCase{
		{name: "to another mailbox", rows: []string{"x|.|."}, change: toB, want: "move near A>B"},
		{name: "in a mirror", policy: "mirror>near", rows: []string{"x|.|."}, change: toB, want: "move near A>B"},
		{name: "on a mirror's target", policy: "mirror>far", rows: []string{"x|.|."}, change: toB, want: "copy far again"},
		{name: "in a copy", policy: "copy>near", rows: []string{"x|.|."}, change: toB, want: "copy near"},
		{name: "whatever deletions say", policy: "two-way keep", rows: []string{"x|.|."}, change: toB, want: "move near A>B"},
		{name: "new is not to travel", policy: "two-way new=none", rows: []string{"x|.|."}, change: toB, want: "remove near"},
		{name: "gone is not to travel", policy: "two-way gone=none", rows: []string{"x|.|."}, change: toB, want: "copy near"},
		{name: "first run: a move takes nothing away", rows: []string{"x|.|."}, change: with(toB, fresh), want: "move near A>B"},
		{name: "out of a renumbered mailbox", rows: []string{"x|.|."}, change: with(toB, renumbered(Far)), want: "copy near"},
		{name: "into a renumbered mailbox", rows: []string{"x|.|."}, want: "copy near, remove near",
			change: with(toB, func(m *model) { m.box(boxB).Sides[Far].Renumbered = true })},
		{name: "the partner is unknown", rows: []string{"x|.|?"}, change: toB, want: "copy near"},
		{name: "not proved gone", rows: []string{"?|.|."}, change: toB, want: "copy near"},
		{name: "into a mailbox that near has not", rows: []string{"x|.|."}, want: "create near, move near A>B",
			change: with(toB, func(m *model) { m.box(boxB).Sides[Near] = MailboxSide{Keeps: AllFlags()} })},
		{name: "into quarantine", rows: []string{"x|.|."}, want: "remove near",
			change: with(toB, func(m *model) { m.box(boxB).Quarantined[Far][500] = true })},
		{name: "and a flag was set on it", rows: []string{"x|.|."}, want: "move near A>B",
			change: with(toB, func(m *model) { m.box(boxB).Unpaired[Far][0].Flags = flagsOf("S") })},
		{name: "and a flag was set on its partner", rows: []string{"x|.|F"}, change: toB, want: "move near A>B"},
		{name: "on both sides alike", rows: []string{"x|.|x"}, change: with(toB, freshIn(boxB, Near, "1")), want: "drop, pair"},
		{name: "on both sides, to different mailboxes", rows: []string{"x|.|x"}, change: with(toB, freshIn(boxC, Near, "1")),
			want: "copy far, copy near, drop"},
		{name: "copied first, then moved", rows: []string{"x|.|."}, change: freshIn(boxB, Far, "1 1"), want: "copy near, move near A>B"},
		{name: "one of two twins", rows: []string{"x|.|.", "x|.|."}, want: "move near A>B, remove near",
			change: with(twinRows, toB)},
		{name: "both twins", rows: []string{"x|.|.", "x|.|."}, change: with(twinRows, freshIn(boxB, Far, "1 1")), want: "move near A>B, move near A>B"},
		{name: "one moved on each side", rows: []string{"x|.|.", ".|.|x"}, change: with(toB, freshIn(boxB, Near, "2")),
			want: "move far A>B, move near A>B"},
		{name: "another size is another message", rows: []string{"x|.|."}, change: freshIn(boxB, Far, "1#9"), want: "copy near, remove near"},
		{name: "another header is another message", rows: []string{"x|.|."}, change: freshIn(boxB, Far, "2#1001"), want: "copy near, remove near"},
		{name: "same header, another body", rows: []string{"x|.|."}, change: freshIn(boxB, Far, "1~+"), want: "copy near, remove near"},
	})
}

// twinRows gives rows 1 and 2 of A the same content.
func twinRows(m *model) {
	for s := range m.in.Mailboxes[0].Records[1].Seen {
		seen := &m.in.Mailboxes[0].Records[1].Seen[s].Message
		twin := testMessage(seen.UID, 1, seen.Flags)
		*seen = twin
		m.real[MessageKey{Side(s), boxA, seen.UID}] = twin.Identity
	}
}

// TestRenames: gone and new in one mailbox is the same message under a new
// name, whatever else happened to it.
func TestRenames(t *testing.T) {
	t.Parallel()
	again := freshIn(boxA, Near, "1")
	flagged := func(m *model) { m.box(boxA).Unpaired[Near][0].Flags = flagsOf("F") }
	runTable(t, []tableCase{
		{name: "renamed", rows: []string{".|.|x"}, change: again, want: "rebind near"},
		{name: "renamed and flagged", rows: []string{".|.|x"}, change: with(again, flagged), want: "flags far +F, rebind near"},
		{name: "renamed, and the partner flagged", rows: []string{"F|.|x"}, change: again, want: "flags near +F, rebind near"},
		{name: "in a mirror's target", policy: "mirror>near", rows: []string{".|.|x"}, change: again, want: "rebind near"},
		{name: "in a copy", policy: "copy>near", rows: []string{".|.|x"}, change: again, want: "rebind near"},
		{name: "keep", policy: "two-way keep", rows: []string{".|.|x"}, change: again, want: "rebind near"},
		{name: "on both sides", rows: []string{"x|.|x"}, change: with(again, freshIn(boxA, Far, "1")), want: "drop, pair"},
		{name: "the partner is gone", rows: []string{"x|.|x"}, change: again, want: "copy far, drop"},
		{name: "the partner is unknown", rows: []string{"?|.|x"}, change: again, want: "copy far"},
		{name: "announced and then numbered anew", rows: []string{"S|S.u|x"}, change: again, want: "rebind near"},
		{name: "announced, rewritten and numbered anew", rows: []string{".|.u|x"}, change: with(changing(Near), freshIn(boxA, Near, "1'")), want: "rebind near"},
		{name: "announced and gone, and another version is there", rows: []string{".|.u|x"}, change: freshIn(boxA, Near, "1'"), want: "copy far, hold near"},
		{name: "announced, then under another size", rows: []string{".|.u|x"}, change: freshIn(boxA, Near, "1#9"), want: "rebind near"},
		{name: "held and there after all", rows: []string{".|.h|x"}, change: again, want: "rebind near"},
		{name: "renamed rather than moved", rows: []string{".|.|x"}, change: with(again, freshIn(boxB, Near, "1")), want: "copy far, rebind near"},
	})
}

// TestVouchedNames: a base name and an object id tell without reading, whatever
// the content looks like now.
func TestVouchedNames(t *testing.T) {
	t.Parallel()
	base := func(name Name, word string) func(*model) {
		return with(freshIn(name, Far, word), func(m *model) {
			m.in.Sides[Far].Traits.Numbers = false
			m.box(boxA).Records[0].Seen[Far].Message.Base = "100.1.host"
			m.box(name).Unpaired[Far][0].Base = "100.1.host"
			m.forget()
		})
	}
	object := func(name Name, word string) func(*model) {
		return with(freshIn(name, Far, word), func(m *model) {
			m.box(boxA).Records[0].Seen[Far].Message.Identity.ObjectID = "M1"
			m.box(name).Unpaired[Far][0].Identity.ObjectID = "M1"
			m.forget()
		})
	}
	cases := []tableCase{
		{name: "base name, moved", rows: []string{"x|.|."}, change: base(boxB, "9"), want: "move near A>B"},
		{name: "base name, same mailbox", rows: []string{"x|.|."}, change: base(boxA, "9"), want: "rebind far"},
		{name: "object id, moved", rows: []string{"x|.|."}, change: object(boxB, "9"), want: "move near A>B"},
		{name: "object id, same mailbox", rows: []string{"x|.|."}, change: object(boxA, "9"), want: "rebind far"},
	}
	runTable(t, cases)
	for _, c := range cases {
		m := newModel(t, NewPolicy(TwoWay, Far))
		m.row(boxA, 1, c.rows[0])
		c.change(m)
		m.plan()
		if len(m.asked) > 0 {
			t.Errorf("%s: asked %q, want nothing", c.name, m.asked)
		}
	}
}

// TestObjectIDOfTwoMailboxes: one EMAILID stands in several mailboxes (labels);
// taking one label away and adding another is one move, not two.
func TestObjectIDOfTwoMailboxes(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.row(boxA, 1, "x|.|.")
	m.row(boxB, 1, ".|.|.")
	m.fill(boxC, Far, 500, "1")
	m.eachMessage(func(s Side, _ Name, msg *Message) {
		if s == Far {
			msg.Identity.ObjectID = "M1"
		}
	})
	m.check("move near A>C")
}

// TestMoveNeeds: what is gone cannot be read, so its partner is; headers first,
// bodies only where headers do not decide, and nobody is asked of an altered
// pair.
func TestMoveNeeds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, row, to string
		change        func(*model)
		want, asked   string
	}{
		{"nothing known", "x|.|.", "1", (*model).forget, "move near A>B", "far B 500 headers; near A 101 headers"},
		{"the new one is not known", "x|.|.", "1", func(m *model) { m.box(boxB).Unpaired[Far][0].Identity = Identity{} }, "move near A>B", "far B 500 headers"},
		{"the gone one is not known", "x|.|.", "1", func(m *model) { m.box(boxA).Records[0].Seen[Far].Message.Identity = Identity{} }, "move near A>B", ""},
		{"headers do not decide", "x|.|.", "1~", (*model).forget, "move near A>B",
			"far B 500 headers; near A 101 headers; far B 500 bodies; near A 101 bodies"},
		{"another size", "x|.|.", "1#9", (*model).forget, "copy near, remove near", ""},
		{"drafts", "x|.|.", "1", func(m *model) { m.box(boxA).Sides[Far].Role = imap.MailboxAttrDrafts; m.forget() }, "move near A>B",
			"far B 500 headers; near A 101 headers; far B 500 bodies; near A 101 bodies"},
		{"altered, header known", "x|a.|.", "1", nil, "move near A>B", ""},
		{"altered, nothing known", "x|a.|.", "1", (*model).forget, "copy near, remove near", ""},
		{"altered, body wanted", "x|a.|.", "1~", func(m *model) { m.box(boxA).Records[0].Seen[Far].Message.Identity.Body = Digest{} }, "copy near, remove near", ""},
	} {
		m := newModel(t, NewPolicy(TwoWay, Far))
		m.row(boxA, 1, c.row)
		m.fill(boxB, Far, 500, c.to)
		if c.change != nil {
			c.change(m)
		}
		if got := sayAll(m.plan().Actions); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if got := strings.Join(m.asked, "; "); got != c.asked {
			t.Errorf("%s: asked %q, want %q", c.name, got, c.asked)
		}
	}
}

// TestMoveAction: the executor finds in a move all that it needs.
func TestMoveAction(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.row(boxA, 1, "x|S|S")
	m.fill(boxB, Far, 500, "1")
	a := m.plan().Actions[0]
	want := Record{Mailbox: boxB, UID: [2]UID{500, 0}, Base: [2]Flags{flagsOf("S"), flagsOf("S")}, State: [2]Confirmation{Confirmed, Unconfirmed}}
	if a.Message.UID != 101 || a.Partner.UID != 500 || a.UID != [2]UID{1, 101} || a.Record != want {
		t.Errorf("got %+v, want message 101, partner 500, record %+v", a, want)
	}
}

// TestMovesAreNoRemovals: any number of messages may move without a rail.
func TestMovesAreNoRemovals(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	var words []string
	for n := 1; n <= 60; n++ {
		m.row(boxA, n, "x|.|.")
		words = append(words, fmt.Sprint(n))
	}
	m.fill(boxB, Far, 500, strings.Join(words, " "))
	m.box(boxA).Total = 60
	for _, s := range Sides {
		m.in.Sides[s].Records, m.in.Sides[s].Shown = 60, 60
	}
	p := m.plan()
	if len(p.Stops) > 0 || len(p.Actions) != 60 {
		t.Errorf("got %d actions and stops %+v, want 60 moves", len(p.Actions), p.Stops)
	}
}
