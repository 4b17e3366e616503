package mirror

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// TestDecisionTable is the table of base, far and near, in every mode. Each
// row is a mailbox of its own, run as written and with the sides swapped.
func TestDecisionTable(t *testing.T) {
	t.Parallel()
	tables := []struct {
		policy string
		rows   string // far|base|near -> actions
	}{
		{"two-way", `
			.  | .  | .   ->
			S  | S  | S   ->
			S  | .  | .   -> flags near +S
			.  | S  | S   -> flags near -S
			F  | S  | S   -> flags near +F-S
			S  | .  | S   -> confirm
			.  | S  | .   -> confirm
			S  | .  | F   -> flags far +F, flags near +S
			S  | F  | AF  -> flags far +A, flags near +S-F
			.  | SF | F   -> flags near -F
			D  | .  | .   -> flags near +D
			.  | D  | D   -> flags near -D
			K  | .  | W   -> flags far +W, flags near +K
			x  | .  | .   -> remove near
			x  | .  | S   -> remove near
			x  | .  | D   -> remove near
			x  | .  | SD  -> remove near
			x  | SF | SFD -> remove near
			x  | .  | F   -> copy far again
			x  | .  | SF  -> copy far again
			x  | .  | K   -> copy far again
			x  | F  | .   -> copy far again
			x  | S  | .   -> copy far again
			x  | D  | .   -> copy far again
			x  | .  | x   -> drop
			?  | .  | .   ->
			?  | .  | SFK ->
			?  | .  | x   ->
			?  | .  | ?   ->
			.  | -  | -   -> copy near
			SD | -  | -   -> copy near
			.  | -  | .   -> pair
			S  | -  | .   -> pair, flags near +S
			S  | -  | FK  -> pair, flags far +FK, flags near +S
			D  | -  | .   -> pair
			SD | -  | F   -> pair, flags far +F, flags near +S
			D  | -  | D   -> pair`},
		{"mirror>near", `
			.  | .  | .   ->
			S  | .  | .   -> flags near +S
			.  | .  | S   -> flags near -S
			.  | S  | .   -> confirm
			.  | S  | S   -> flags near -S
			S  | .  | F   -> flags near +S-F
			.  | .  | D   -> flags near -D
			x  | .  | .   -> remove near
			x  | .  | F   -> remove near
			.  | .  | x   -> copy near again
			F  | .  | x   -> copy near again
			x  | .  | x   -> drop
			?  | .  | .   ->
			?  | .  | F   ->
			?  | .  | x   ->
			.  | .  | ?   ->
			F  | .  | ?   ->
			x  | .  | ?   ->
			.  | -  | -   -> copy near
			-  | -  | F   ->
			S  | -  | F   -> pair, flags near +S-F
			D  | -  | .   -> pair, flags near +D
			.  | -  | D   -> pair, flags near -D`},
		{"mirror>near extra", `
			.  | -  | -   -> copy near
			-  | -  | F   -> remove near
			.  | .  | .   ->
			?  | .  | .   ->
			.  | -  | .   -> pair`},
		{"mirror>near extra keep", `
			-  | -  | F   ->
			x  | .  | .   ->
			.  | .  | x   -> copy near again`},
		{"copy>near", `
			.  | .  | .   ->
			S  | .  | .   -> confirm
			.  | .  | S   -> confirm
			x  | .  | .   ->
			x  | .  | F   ->
			.  | .  | x   ->
			F  | .  | x   ->
			x  | .  | x   -> drop
			?  | .  | .   ->
			.  | .  | ?   ->
			.  | -  | -   -> copy near
			-  | -  | .   ->
			.  | -  | .   -> pair
			S  | -  | F   -> pair, confirm`},
		{"two-way new=near", `
			.  | -  | -   -> copy near
			-  | -  | .   ->
			S  | -  | F   -> pair, flags far +F, flags near +S
			F  | .  | x   -> copy near again
			.  | .  | x   -> remove far`},
		{"two-way new=none", `
			.  | -  | -   ->
			-  | -  | .   ->
			S  | .  | .   -> flags near +S
			x  | .  | .   -> remove near`},
		{"two-way flags=near", `
			S  | .  | .   -> flags near +S
			.  | .  | S   -> confirm
			S  | .  | F   -> flags near +S
			S  | -  | F   -> pair, flags near +S
			x  | .  | F   -> copy far again`},
		{"two-way flags=none", `
			S  | .  | .   -> confirm
			S  | .  | F   -> confirm
			S  | -  | -   -> copy near`},
		{"two-way gone=near", `
			x  | .  | .   -> remove near
			.  | .  | x   ->
			F  | .  | x   ->
			x  | .  | F   -> copy far again`},
		{"two-way gone=none", `
			x  | .  | .   ->
			x  | .  | F   ->
			x  | .  | x   -> drop`},
		{"two-way keep", `
			x  | .  | .   ->
			x  | .  | S   ->
			x  | .  | x   -> drop
			.  | -  | -   -> copy near`},
		{"two-way expunge", `
			x  | .  | .   -> remove near`},
	}
	for _, table := range tables {
		for line := range strings.Lines(table.rows) {
			row, want, found := strings.Cut(strings.TrimSpace(line), "->")
			if !found {
				continue
			}
			want = strings.TrimSpace(want)
			build := func(t *testing.T) *model {
				m := newModel(t, parsePolicy(t, table.policy))
				m.row(boxA, 1, row)
				return m
			}
			flipped(t, table.policy+" "+strings.Join(strings.Fields(row), ""), build, want)
		}
	}
}

// tableCase is one row of a table with what is special about it.
type tableCase struct {
	name   string
	policy string // "two-way" where empty
	rows   []string
	change func(m *model) // after the rows were read, before flipping
	want   string
}

func runTable(t *testing.T, cases []tableCase) {
	t.Helper()
	for _, c := range cases {
		build := func(t *testing.T) *model {
			policy := c.policy
			if policy == "" {
				policy = "two-way"
			}
			m := newModel(t, parsePolicy(t, policy))
			for i, row := range c.rows {
				m.row(boxA, i+1, row)
			}
			if c.change != nil {
				c.change(m)
			}
			return m
		}
		flipped(t, c.name, build, c.want)
	}
}

func fresh(m *model) { m.in.Fresh = true }

func renumbered(s Side) func(m *model) {
	return func(m *model) { m.box(boxA).Sides[s].Renumbered = true }
}

// TestUnconfirmedAndHeld: a copy that was announced is confirmed by the first
// listing that shows it and held by one that does not.
func TestUnconfirmedAndHeld(t *testing.T) {
	t.Parallel()
	runTable(t, []tableCase{
		{name: "shown", rows: []string{". | .u | ."}, want: "confirm"},
		{name: "shown with a flag fewer: refused, not removed", rows: []string{"S | S.u | ."}, want: "confirm"},
		{name: "shown, and both sides set a flag", rows: []string{"S | .u | S"}, want: "confirm"},
		{name: "shown, and the source set a flag", rows: []string{"S | .u | ."}, want: "confirm, flags near +S"},
		{name: "not shown", rows: []string{". | .u | x"}, want: "hold near"},
		{name: "not shown, and the source changed", rows: []string{"F | .u | x"}, want: "hold near"},
		{name: "not shown, to a mirror's target", policy: "mirror>near", rows: []string{". | .u | x"}, want: "hold near"},
		{name: "neither shown nor gone", rows: []string{". | .u | ?"}, want: ""},
		{name: "not shown, and the source is gone", rows: []string{"x | .u | x"}, want: "drop"},
		{name: "the source is gone, and the copy was never looked at", rows: []string{"x | .u | ."}, want: "",
			change: func(m *model) { m.box(boxA).Sides[Near].Unviewed = true }},
		{name: "held", rows: []string{"F | .h | x"}, want: ""},
		{name: "held in a mirror's target", policy: "mirror>near", rows: []string{"F | .h | x"}, want: ""},
		{name: "held, the source is gone", rows: []string{"x | .h | x"}, want: "drop"},
		{name: "held, and there after all", rows: []string{". | .h | ."}, want: "confirm"},
		{name: "the source is gone before the copy was confirmed", rows: []string{"x | .u | ."}, want: "confirm, remove near"},
		{name: "the same, and the copy came with a flag fewer", rows: []string{"x | F.u | ."}, want: "confirm, remove near"},
		{name: "the same, and the copy was changed by a person", rows: []string{"x | .u | F"}, want: "confirm, copy far again"},
	})
}

// TestRemovesNothing: no removal on a first run, after a lost state and in a
// renumbered mailbox, on whatever side.
func TestRemovesNothing(t *testing.T) {
	t.Parallel()
	var cases []tableCase
	for _, policy := range []string{"two-way", "mirror>near", "mirror>far", "mirror>near extra", "two-way expunge"} {
		for name, change := range map[string]func(*model){"fresh": fresh, "far renumbered": renumbered(Far), "near renumbered": renumbered(Near)} {
			cases = append(cases, tableCase{name: policy + " " + name, policy: policy, rows: []string{"x|.|.", ".|.|x", "-|-|.", "x|.|F"}, change: change})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, parsePolicy(t, c.policy))
			for i, row := range c.rows {
				m.row(boxA, i+1, row)
			}
			c.change(m)
			for _, a := range m.plan().Actions {
				if a.Kind == Remove || a.Kind == MoveTo || a.Kind == Drop {
					t.Errorf("got %q, want no removal", say(a))
				}
			}
		})
	}
}

// TestMailboxes: created where they never were, never created again, left
// alone when missing or blocked.
func TestMailboxes(t *testing.T) {
	t.Parallel()
	absent := MailboxSide{Keeps: AllFlags()}
	missing := MailboxSide{Keeps: AllFlags(), Known: true}
	at := func(far, near MailboxSide) func(*model) {
		return func(m *model) { m.box(boxA).Sides = [2]MailboxSide{far, near} }
	}
	there := MailboxSide{Known: true, Exists: true, Keeps: AllFlags()}
	isNew := MailboxSide{Exists: true, Keeps: AllFlags()}
	blocked := MailboxSide{Known: true, Exists: true, Keeps: AllFlags(), Blocked: "permission denied"}
	runTable(t, []tableCase{
		{name: "new on one side", rows: []string{"S|-|-"}, change: at(isNew, absent), want: "create near, copy near"},
		{name: "new and empty", change: at(isNew, absent), want: "create near"},
		{name: "known here, never there", rows: []string{"S|-|-"}, change: at(there, absent), want: "create near, copy near"},
		{name: "new on both", rows: []string{"S|-|S"}, change: at(isNew, isNew), want: "pair"},
		{name: "create not allowed", policy: "two-way create=far", rows: []string{"S|-|-"}, change: at(isNew, absent), want: ""},
		{name: "not on a mirror's source", policy: "mirror>near", rows: []string{"-|-|S"}, change: at(absent, isNew), want: ""},
		{name: "extra mail in a mailbox of the target alone", policy: "mirror>near extra", rows: []string{"-|-|S"}, change: at(absent, isNew), want: ""},
		{name: "missing: not filled, not created, nothing removed", rows: []string{"?|.|.", "-|-|S"}, change: at(missing, there), want: ""},
		{name: "missing for a mirror's target", policy: "mirror>near", rows: []string{".|.|?", "S|-|-"}, change: at(there, missing), want: ""},
		{name: "missing on both", rows: []string{"?|.|?"}, change: at(missing, missing), want: "drop mailbox"},
		{name: "blocked: nothing is copied or created", rows: []string{"?|.|F", "-|-|S"}, change: at(blocked, there), want: ""},
		{name: "blocked and new: not created", rows: []string{"S|-|-"}, change: at(MailboxSide{Exists: true, Blocked: "permission denied"}, absent), want: ""},
	})
}

func TestMailboxCreatedAlike(t *testing.T) {
	t.Parallel()
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.box(boxA).Sides = [2]MailboxSide{{Exists: true, Role: imap.MailboxAttrSent, Subscribed: true, Keeps: AllFlags()}, {Keeps: AllFlags()}}
	a := m.plan().Actions[0]
	if a.Kind != Create || a.Side != Near || a.Role != imap.MailboxAttrSent || !a.Subscribed {
		t.Errorf("got %+v, want near created as \\Sent, subscribed", a)
	}
}

func TestMissingMailboxIsNamed(t *testing.T) {
	t.Parallel()
	for _, side := range []MailboxSide{{Known: true}, {Known: true, Exists: true, Blocked: "permission denied"}} {
		m := newModel(t, NewPolicy(TwoWay, Far))
		m.box(boxA).Sides[Near] = side
		got := m.plan().Problems
		if len(got) != 1 || got[0].Side != Near || got[0].Mailbox != boxA || got[0].UID != 0 || got[0].Reason == "" {
			t.Errorf("%+v: got problems %+v, want near A named", side, got)
		}
	}
}

// TestQuarantine: what is in quarantine and not due blocks only itself.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	aside := func(s Side, uid UID) func(*model) {
		return func(m *model) { m.box(boxA).Quarantined[s][uid] = true }
	}
	limit := func(m *model) { m.in.Sides[Near].Traits.MaxSize = 1001 }
	runTable(t, []tableCase{
		{name: "not due: not sent, the next one is", rows: []string{"S|-|-", "S|-|-"}, change: aside(Far, 1), want: "copy near"},
		{name: "its equal turns up", rows: []string{"S|-|S"}, change: aside(Far, 1), want: "pair"},
		{name: "too big for the side", rows: []string{"S|-|-", "S|-|-"}, change: limit, want: "copy near, quarantine near"},
		{name: "not due: not refilled", policy: "mirror>near", rows: []string{"S|S|x", "S|S|x"}, change: aside(Far, 1), want: "copy near again"},
		{name: "too big to be refilled", policy: "mirror>near", rows: []string{"S|S|x", "S|S|x"}, change: limit, want: "copy near again, quarantine near"},
		{name: "extra mail stays", policy: "mirror>near extra", rows: []string{"-|-|S", "-|-|S"}, change: aside(Near, 101), want: "remove near"},
		{name: "flags of a pair do not care", rows: []string{"S|.|."}, change: aside(Far, 1), want: "flags near +S"},
	})
}

// TestUnknownDecidesNothing tries every state of a record in every mode: with
// one side unknown there is no action, whatever the other shows.
func TestUnknownDecidesNothing(t *testing.T) {
	t.Parallel()
	policies := []string{"two-way", "two-way keep", "mirror>near", "mirror>far", "mirror>near extra", "copy>near", "copy>far"}
	for _, policy := range policies {
		for _, base := range []string{".", "S", "SF", "K", "u.", ".u", "h.", ".h", "a."} {
			for _, other := range []string{"?", "x", ".", "S", "F", "SFDATK"} {
				for _, row := range []string{"?|" + base + "|" + other, other + "|" + base + "|?"} {
					m := newModel(t, parsePolicy(t, policy))
					m.row(boxA, 1, row)
					if got := sayAll(m.plan().Actions); got != "" {
						t.Errorf("%s %s: got %q, want nothing", policy, row, got)
					}
				}
			}
		}
	}
}

// TestExtraNeedsASeenSource: extra mail of a mirror's target is removed only
// where every message of the source could be told apart from it.
func TestExtraNeedsASeenSource(t *testing.T) {
	t.Parallel()
	unread := func(m *model) { m.box(boxA).Unknown[Far] = map[UID]bool{7: true} }
	runTable(t, []tableCase{
		{name: "all seen", policy: "mirror>near extra", rows: []string{"-|-|."}, want: "remove near"},
		{name: "one unread", policy: "mirror>near extra", rows: []string{"-|-|."}, change: unread, want: ""},
	})
}
