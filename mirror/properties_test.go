package mirror

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"
)

// drawModel draws any input that the executor could make: several mailboxes
// with records in every state, unpaired mail, intents, ghosts, quarantine. twins
// allows several messages of one content.
func drawModel(t *rapid.T, twins bool) *model {
	p := NewPolicy(rapid.SampledFrom([]Mode{TwoWay, TwoWay, OneWayMirror, OneWayCopy}).Draw(t, "mode"), rapid.SampledFrom(Sides[:]).Draw(t, "target"))
	if p.Mode == TwoWay && rapid.Bool().Draw(t, "limited") {
		direction := rapid.SampledFrom([]Direction{Both, Both, None, ToFar, ToNear})
		p.New, p.Flags, p.Gone, p.Create = direction.Draw(t, "new"), direction.Draw(t, "flags"), direction.Draw(t, "gone"), direction.Draw(t, "create")
	}
	p.RemoveExtra = p.Mode == OneWayMirror && rapid.Bool().Draw(t, "extra")
	p.Deletions = rapid.SampledFrom([]Deletions{DeleteToTrash, DeleteForGood, DeleteNothing}).Draw(t, "deletions")
	m := newModel(t, p)
	m.in.Fresh = rapid.IntRange(0, 9).Draw(t, "fresh") == 0
	m.in.Settled = rapid.Bool().Draw(t, "settled")
	for _, s := range Sides {
		m.in.Sides[s].Shown = 20 // no rail
		m.in.Sides[s].Traits.Numbers = rapid.Bool().Draw(t, "numbers")
	}
	number := 0
	content := func() int {
		number++
		if twins {
			return rapid.IntRange(1, 3).Draw(t, "content")
		}
		return number
	}
	for _, name := range []Name{boxA, boxB, boxTrash} {
		drawBox(t, m, name, content)
	}
	if !twins {
		drawMoves(t, m)
	}
	if rapid.Bool().Draw(t, "unread") {
		m.eachMessage(func(_ Side, _ Name, msg *Message) {
			if rapid.Bool().Draw(t, "not read") {
				msg.Identity = Identity{}
			}
		})
	}
	return m
}

func drawBox(t *rapid.T, m *model, name Name, content func() int) {
	b := m.box(name)
	if name == boxTrash {
		b.Sides[Far].Role, b.Sides[Near].Role = imap.MailboxAttrTrash, imap.MailboxAttrTrash
	}
	cell := rapid.SampledFrom([]string{"x", "x", "?", ".", ".", "S", "F", "SD", "K"})
	base := rapid.SampledFrom([]string{".", ".", "S", "F", "K", "u.", ".u", "h.", ".h", "a."})
	closed := [2]bool{}
	for _, s := range Sides {
		side := &b.Sides[s]
		side.Keeps = rapid.SampledFrom([]Storable{AllFlags(), AllFlags(), systemOnly()}).Draw(t, "keeps")
		switch rapid.IntRange(0, 19).Draw(t, "side") {
		case 0:
			side.Exists = false
		case 1:
			side.Blocked = "denied"
		case 2:
			side.Renumbered = true
		}
		closed[s] = !side.Exists || side.Blocked != ""
	}
	at := func(s Side) string {
		if closed[s] {
			return "?"
		}
		c := cell.Draw(t, "cell")
		if !b.Sides[s].Keeps.Any && c == "K" {
			c = "."
		}
		return c
	}
	for n := 1; n <= rapid.IntRange(0, 4).Draw(t, "records"); n++ {
		m.rowOf(name, n, content(), at(Far)+"|"+base.Draw(t, "base")+"|"+at(Near))
	}
	for _, s := range Sides {
		if closed[s] {
			continue
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "unpaired") {
			word := fmt.Sprint(content()) + rapid.SampledFrom([]string{"", "", "", "'", "\"", "~", "!", "@1"}).Draw(t, "mark")
			m.unpaired(b, s, parseContent(t, UID(500+i), word))
			if rapid.IntRange(0, 5).Draw(t, "aside") == 0 {
				b.Quarantined[s][UID(500+i)] = true
			}
		}
	}
	drawIntents(t, b)
}

func drawIntents(t *rapid.T, b *MailboxInput) {
	for i := range rapid.IntRange(0, 2).Draw(t, "intents") {
		s := rapid.SampledFrom(Sides[:]).Draw(t, "side")
		in := Intent{ID: int64(len(b.Name)*10 + i), Kind: rapid.SampledFrom([]IntentKind{CopyIntent, MoveIntent, RemoveIntent}).Draw(t, "kind"), Side: s, Mailbox: b.Name,
			TargetUIDNext: rapid.SampledFrom([]UID{1, 501}).Draw(t, "next"), Accepted: rapid.Bool().Draw(t, "accepted")}
		if in.Kind != CopyIntent {
			in.Target = rapid.SampledFrom([]Name{boxB, boxTrash, ""}).Draw(t, "target")
		}
		if in.Kind == MoveIntent && (in.Target == "" || in.Target == b.Name) || in.Target == b.Name {
			continue
		}
		uid := rapid.SampledFrom([]UID{1, 2, 500, 501}).Draw(t, "source")
		if uid < 500 && s == Near {
			uid += 100
		}
		in.Source.UID = uid
		if !slices.ContainsFunc(b.Intents, func(o Intent) bool { return o.Side == s && o.Source.UID == uid }) {
			b.Intents = append(b.Intents, in)
		}
	}
}

// drawMoves puts what is gone from some records into other places on its side.
func drawMoves(t *rapid.T, m *model) {
	for i := range m.in.Mailboxes {
		for _, r := range m.in.Mailboxes[i].Records {
			for _, s := range Sides {
				to := m.box(rapid.SampledFrom([]Name{boxA, boxB}).Draw(t, "to"))
				if r.Seen[s].Sight != Gone || to.Sides[s].Blocked != "" || !to.Sides[s].Exists || rapid.Bool().Draw(t, "removed") {
					continue
				}
				moved := r.Seen[s].Message
				moved.UID = m.number()
				m.unpaired(to, s, moved)
			}
		}
	}
}

// TestPlanIsPure: one input, one plan, whatever order its records come in, and
// the input stays as it was (model.plan checks that).
func TestPlanIsPure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t, false)
		first, firstNeeds := MakePlan(m.in)
		again, needs := MakePlan(m.in)
		if !reflect.DeepEqual(first, again) || !reflect.DeepEqual(firstNeeds, needs) {
			t.Fatalf("one input, two plans: %q and %q", sayAll(first.Actions), sayAll(again.Actions))
		}
		shuffled := cloneInput(m.in)
		for i := range shuffled.Mailboxes {
			b := &shuffled.Mailboxes[i]
			if len(b.Records) > 1 {
				b.Records = rapid.Permutation(b.Records).Draw(t, "records")
			}
			slices.Reverse(b.Intents)
		}
		other, needs := MakePlan(shuffled)
		if !reflect.DeepEqual(first, other) || !reflect.DeepEqual(firstNeeds, needs) {
			t.Fatalf("another order of records: got %q, want %q", sayAll(other.Actions), sayAll(first.Actions))
		}
	})
}

// TestPlanIsSymmetric: with the sides swapped the plan is the mirror image.
func TestPlanIsSymmetric(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t, rapid.Bool().Draw(t, "twins"))
		image := *m
		image.in = cloneInput(m.in)
		image.flip()
		got, want := comparablePlan(image.plan()), comparablePlan(flipPlan(m.plan()))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %q\nwant %q\ngot  %+v\nwant %+v", sayAll(got.Actions), sayAll(want.Actions), got, want)
		}
	})
}

// TestPlanIsSafe checks every plan against the rules that guard mail.
func TestPlanIsSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t, rapid.Bool().Draw(t, "twins"))
		p := m.plan()
		decided := map[MessageKey]string{}
		for _, a := range append(slices.Clone(p.Actions), p.Withheld...) {
			checkAllowed(t, m, a)
			checkRecordRules(t, m, a)
			for _, key := range decides(a) {
				if before := decided[key]; before != "" {
					t.Fatalf("%v: both %q and %q", key, before, say(a))
				}
				decided[key] = say(a)
			}
		}
		checkSorted(t, p)
	})
}

// decides lists the messages that an action takes out of the hands of others.
func decides(a Action) []MessageKey {
	o := a.Side.Other()
	switch a.Kind {
	case Pair:
		return []MessageKey{{Far, a.Mailbox, a.UID[Far]}, {Near, a.Mailbox, a.UID[Near]}}
	case Rebind, Ghost:
		return []MessageKey{{a.Side, a.Mailbox, a.Message.UID}}
	case Copy, Quarantine:
		return []MessageKey{{o, a.Mailbox, a.Message.UID}}
	case Remove:
		return []MessageKey{{a.Side, a.Mailbox, a.Message.UID}}
	case MoveTo:
		return []MessageKey{{a.Side, a.Mailbox, a.Message.UID}, {o, a.Target, a.Partner.UID}}
	}
	return nil
}

func checkAllowed(t *rapid.T, m *model, a Action) {
	t.Helper()
	p := m.in.Policy
	var allowed bool
	switch a.Kind {
	case Create:
		allowed = p.Create.Allows(a.Side)
	case Copy:
		allowed = p.New.Allows(a.Side)
	case SetFlags:
		unmarks := a.Add.Empty() && a.Remove == MakeFlags(imap.FlagDeleted) && p.Writes(a.Side) // a mark of ours
		allowed = p.Flags.Allows(a.Side) || unmarks
	case MoveTo:
		allowed = p.New.Allows(a.Side) && p.Gone.Allows(a.Side)
	case Remove:
		allowed = p.Gone.Allows(a.Side) || p.RemoveExtra && a.Side == p.Target
		allowed = allowed && (a.ForGood || p.Deletions != DeleteNothing)
	default:
		allowed = true
	}
	if !allowed {
		t.Fatalf("%q is not allowed by %+v", say(a), p)
	}
	for _, side := range Sides {
		b := m.box(a.Mailbox).Sides[side]
		if b.Blocked != "" && a.Kind != Drop && a.Kind != Settled && a.Kind != Depart && a.Kind != Confirm {
			if a.Kind != Create || a.Side == side {
				t.Fatalf("%q in a mailbox that is blocked on %s", say(a), side)
			}
		}
	}
}

// checkRecordRules checks an action on a record: nothing is decided on unknown
// messages, and a removal needs a confirmed record whose other message is gone.
func checkRecordRules(t *rapid.T, m *model, a Action) {
	t.Helper()
	b := m.box(a.Mailbox)
	if a.UID[Far] == 0 || a.UID[Near] == 0 || a.Kind == Pair {
		endsMove := a.ForGood && slices.ContainsFunc(b.Intents, func(in Intent) bool {
			return in.ID == a.Intent && in.Kind == MoveIntent && in.Side == a.Side && in.Source.UID == a.Message.UID
		})
		if a.Kind == Remove && !m.in.Policy.RemoveExtra && !endsMove {
			t.Fatalf("%q of a message without a record", say(a))
		}
		return
	}
	for _, r := range b.Records {
		if a.UID != r.UID {
			continue
		}
		if a.Kind != Depart && (r.Seen[Far].Sight == Unknown || r.Seen[Near].Sight == Unknown) {
			t.Fatalf("%q of a record that is unknown: %+v", say(a), r)
		}
		if a.Kind != Remove {
			continue
		}
		here, there := r.Seen[a.Side].Sight, r.Seen[a.Side.Other()].Sight
		// What ends a move (for good) follows the rule of moves: a held partner
		// may have been moved, too.
		if here != Present || there != Gone || r.State[a.Side.Other()] != Confirmed && !a.ForGood {
			t.Fatalf("%q: %s is %d, the other %d, state %v", say(a), a.Side, here, there, r.State)
		}
		if (m.in.Fresh || b.Sides[Far].Renumbered || b.Sides[Near].Renumbered) && !a.ForGood {
			t.Fatalf("%q in a first or renumbering run", say(a))
		}
	}
}

func checkSorted(t *rapid.T, p Plan) {
	t.Helper()
	for _, list := range [][]Action{p.Actions, p.Withheld} {
		again := slices.Clone(list)
		sortActions(again)
		if !reflect.DeepEqual(list, again) {
			t.Fatalf("not sorted: %q", sayAll(list))
		}
	}
}

// TestPlanConverges: carried out again and again on obedient sides, plans come
// to an end, and no content disappears but by removal.
func TestPlanConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t, rapid.Bool().Draw(t, "twins"))
		var said []string
		for range 6 {
			p := m.plan()
			said = append(said, sayAll(p.Actions))
			quiet := true
			for _, a := range p.Actions {
				quiet = quiet && a.Kind == Wait
			}
			if quiet {
				return
			}
			before := m.contents()
			m.apply(p)
			after := m.contents()
			removed := map[Digest]bool{}
			for _, a := range p.Actions {
				if a.Kind == Remove {
					removed[m.real[MessageKey{a.Side, a.Mailbox, a.Message.UID}].Body] = true
				}
			}
			for body, n := range before {
				if after[body] < n && !removed[body] {
					t.Fatalf("%q: content %x was there %d times, is %d times", said, body[:3], n, after[body])
				}
			}
		}
		t.Fatalf("no end: %q", said)
	})
}

// contents counts what is there, by body, on both sides.
func (m *model) contents() map[Digest]int {
	count := map[Digest]int{}
	for i := range m.in.Mailboxes {
		b := &m.in.Mailboxes[i]
		for _, s := range Sides {
			for _, msg := range b.Unpaired[s] {
				count[m.real[MessageKey{s, b.Name, msg.UID}].Body]++
			}
			for _, r := range b.Records {
				if r.Seen[s].Sight == Present {
					count[m.real[MessageKey{s, b.Name, r.UID[s]}].Body]++
				}
			}
		}
	}
	return count
}
