package mirror

import "testing"

// intent leaves an intent in A, whose source is row n on side s.
func intent(kind IntentKind, s Side, uid UID, target Name, accepted bool) func(*model) {
	return func(m *model) {
		b := m.box(boxA)
		in := Intent{ID: int64(len(b.Intents) + 1), Kind: kind, Side: s, Mailbox: boxA, Source: Ref{UID: uid}, Target: target, TargetUIDNext: 500, Accepted: accepted}
		b.Intents = append(b.Intents, in)
		if target != "" {
			m.box(target)
		}
	}
}

// settled: uncertain effects had their time, and every mailbox was looked into.
func settled(m *model) { m.in.Settled, m.in.Wide = true, true }

// dated gives the intents the date of content n.
func dated(n int) func(*model) {
	return func(m *model) {
		for i := range m.box(boxA).Intents {
			m.box(boxA).Intents[i].Date = testMessage(1, n, Flags{}).Date
		}
	}
}

// changing lets a side change what it is given.
func changing(s Side) func(*model) {
	return func(m *model) { m.in.Sides[s].KeepsBytes = false }
}

func unnumbered(s Side) func(*model) {
	return func(m *model) { m.in.Sides[s].Traits.Numbers = false }
}

// TestUncertainCopies: a copy that was cut waits until the server can no longer
// finish it, is then looked for, then sent again.
func TestUncertainCopies(t *testing.T) {
	t.Parallel()
	cut := intent(CopyIntent, Far, 1, "", false)
	accepted := intent(CopyIntent, Far, 1, "", true)
	runTable(t, []tableCase{
		{name: "not there yet", rows: []string{".|-|-"}, change: cut, want: "wait near"},
		{name: "not there after all", rows: []string{".|-|-"}, change: with(cut, settled), want: "copy near"},
		{name: "not there, and not looked for everywhere", rows: []string{".|-|-"}, change: with(cut, settled, func(m *model) { m.in.Wide = false }), want: "wait near"},
		{name: "moved away by somebody", rows: []string{".|-|-"}, change: with(cut, dated(1), freshIn(boxB, Near, "1")), want: "move far A>B"},
		{name: "an equal one elsewhere, of another date", rows: []string{".|-|-"}, change: with(cut, dated(9), freshIn(boxB, Near, "1")), want: "copy far, wait near"},
		{name: "an equal one elsewhere that was there before", rows: []string{".|-|-"}, want: "copy far, wait near",
			change: with(cut, dated(1), func(m *model) { m.fill(boxB, Near, 400, "1") })},
		{name: "an equal one in the trash", rows: []string{".|-|-"}, want: "copy far, wait near",
			change: with(cut, dated(1), freshIn(boxTrash, Near, "1"), func(m *model) { m.in.Sides[Near].Trash = boxTrash })},
		{name: "others go on", rows: []string{".|-|-", ".|-|-", "F|.|."}, change: cut, want: "copy near, flags near +F, wait near"},
		{name: "found", rows: []string{".|-|-"}, change: with(cut, freshIn(boxA, Near, "1")), want: "pair, settled"},
		{name: "found, rewritten", rows: []string{".|-|-"}, change: with(cut, freshIn(boxA, Near, "1'")), want: "pair altered, settled"},
		{name: "another one came", rows: []string{".|-|-"}, change: with(cut, freshIn(boxA, Near, "2")), want: "copy far, wait near"},
		{name: "accepted, not shown yet", rows: []string{".|-|-"}, change: accepted, want: "wait near"},
		{name: "accepted and never shown", rows: []string{".|-|-"}, change: with(accepted, settled), want: "quarantine near, settled"},
		{name: "to a side without numbers", rows: []string{".|-|-"}, change: with(cut, unnumbered(Near)), want: "copy near"},
		{name: "the source is gone", change: cut, want: "settled"},
		{name: "the source is in quarantine", rows: []string{".|-|-"}, want: "",
			change: with(cut, func(m *model) { m.box(boxA).Quarantined[Far][1] = true })},
		{name: "the mailbox cannot be looked into", rows: []string{".|-|-"}, want: "",
			change: with(cut, func(m *model) { m.box(boxA).Sides[Near].Blocked = "denied" })},
		{name: "of a message made again", rows: []string{"F|.|x"}, change: cut, want: "wait near"},
		{name: "of a message made again, settled", rows: []string{"F|.|x"}, change: with(cut, settled), want: "copy near again"},
		{name: "of a message made again, found", rows: []string{"F|.|x"}, change: with(cut, freshIn(boxA, Near, "1")),
			want: "flags near +F, rebind near, settled"},
		{name: "of a message made again, in a mirror", policy: "mirror>near", rows: []string{".|.|x"}, change: cut, want: "wait near"},
		{name: "of a message made again, found rewritten", policy: "mirror>near", rows: []string{".|.|x"}, change: with(cut, changing(Near), freshIn(boxA, Near, "1'")),
			want: "rebind near, settled"},
		{name: "twins, one found", rows: []string{".|-|-", ".|-|-"}, want: "pair, settled, wait near",
			change: with(cut, intent(CopyIntent, Far, 2, "", false), func(m *model) {
				b := m.box(boxA)
				for s := range Sides {
					for i := range b.Unpaired[s] {
						m.real[MessageKey{Side(s), boxA, b.Unpaired[s][i].UID}] = content(1)
						b.Unpaired[s][i].Identity, b.Unpaired[s][i].Size = content(1), 1001
					}
				}
			}, freshIn(boxA, Near, "1"))},
	})
}

// TestUncertainCopyKeepsItsIntent: the copy that is sent again names the intent
// that it replaces, and so does the wait.
func TestUncertainCopyKeepsItsIntent(t *testing.T) {
	t.Parallel()
	for _, row := range []string{".|-|-", "F|.|x"} {
		for _, late := range []bool{false, true} {
			m := newModel(t, NewPolicy(TwoWay, Far))
			m.row(boxA, 1, row)
			intent(CopyIntent, Far, 1, "", false)(m)
			m.in.Settled = late
			p := m.plan()
			if len(p.Actions) != 1 || p.Actions[0].Intent != 1 || p.Actions[0].Message.UID != 1 {
				t.Errorf("%s, settled %v: got %+v, want one action about intent 1", row, late, p.Actions)
			}
			if want := map[bool]int{false: 1, true: 0}[late]; p.Waiting != want {
				t.Errorf("%s, settled %v: waiting for %d, want %d", row, late, p.Waiting, want)
			}
		}
	}
}

// TestUnknownSourceKeepsIntent: nothing is decided on an intent whose source
// can neither be seen nor proved gone.
func TestUnknownSourceKeepsIntent(t *testing.T) {
	t.Parallel()
	unknown := func(m *model) { m.box(boxA).Unknown[Far] = map[UID]bool{1: true} }
	runTable(t, []tableCase{
		{name: "unpaired source", change: with(intent(CopyIntent, Far, 1, "", false), unknown), want: ""},
		{name: "paired source", rows: []string{"?|.|x"}, change: with(intent(CopyIntent, Far, 1, "", false), unknown), want: ""},
		{name: "moved source", rows: []string{"?|.|x"}, change: with(intent(MoveIntent, Far, 1, boxB, false), unknown), want: ""},
		{name: "partner of a moved source", rows: []string{".|.|?"}, change: intent(MoveIntent, Far, 1, boxB, false), want: ""},
	})
}

// TestInterruptedMoves: near was to follow a move or a removal of far.
func TestInterruptedMoves(t *testing.T) {
	t.Parallel()
	move, remove := intent(MoveIntent, Near, 101, boxB, false), intent(RemoveIntent, Near, 101, boxTrash, false)
	toB, arrived := freshIn(boxB, Far, "1"), freshIn(boxB, Near, "1")
	runTable(t, []tableCase{
		{name: "move, nothing arrived yet", rows: []string{"x|.|."}, change: with(move, toB), want: "wait near"},
		{name: "move, nothing arrived at all", rows: []string{"x|.|."}, change: with(move, toB, settled), want: "move near A>B"},
		{name: "move, the copy arrived", rows: []string{"x|.|."}, change: with(move, toB, arrived), want: "remove near for good; pair"},
		{name: "move, the copy arrived, settled", rows: []string{"x|.|."}, change: with(move, toB, arrived, settled), want: "remove near for good; pair"},
		{name: "move, the copy arrived, keep", policy: "two-way keep", rows: []string{"x|.|."}, change: with(move, toB, arrived), want: "remove near for good; pair"},
		{name: "move, all arrived", rows: []string{"x|.|x"}, change: with(move, toB, arrived), want: "drop, pair, settled"},
		{name: "move, all arrived, and far was moved on", rows: []string{"x|.|x"}, change: with(move, dated(1), arrived, freshIn(boxTrash, Far, "1")), want: "move near B>Trash; confirm, drop"},
		{name: "move, all arrived, another date moved on", rows: []string{"x|.|x"}, change: with(move, dated(9), arrived, freshIn(boxTrash, Far, "1")),
			want: "copy far, copy near, drop, settled"},
		{name: "move, an older twin was there", rows: []string{"x|.|."}, want: "copy far, wait near",
			change: with(move, toB, func(m *model) { m.fill(boxB, Near, 400, "1") })},
		{name: "move, taken back by a person", rows: []string{".|.|."}, change: move, want: "wait near"},
		{name: "move, taken back by a person, settled", rows: []string{".|.|."}, change: with(move, settled), want: "settled"},
		{name: "move, taken back by a person, its copy arrived", rows: []string{".|.|."}, change: with(move, arrived), want: "ghost near"},
		{name: "move, made a copy by a person, its copy arrived", rows: []string{".|.|."}, change: with(move, toB, arrived), want: "pair, settled"},
		{name: "move, taken back by a person, marked by us", rows: []string{".|.|D"}, change: with(move, settled), want: "flags near -D; settled"},
		{name: "move, without numbers", rows: []string{"x|.|."}, change: with(move, toB, unnumbered(Near)), want: "move near A>B"},
		{name: "removal, nothing arrived yet", rows: []string{"x|.|."}, change: remove, want: "wait near"},
		{name: "removal, nothing arrived at all", rows: []string{"x|.|."}, change: with(remove, settled), want: "remove near"},
		{name: "removal, it is in the trash", rows: []string{"x|.|."}, change: with(remove, freshIn(boxTrash, Near, "1")),
			want: "remove near for good; copy far"},
		{name: "removal, it is in the trash, not read", rows: []string{"x|.|."}, want: "remove near for good; copy far",
			change: with(remove, freshIn(boxTrash, Near, "1"), (*model).forget)},
		{name: "removal, another version is in the trash", rows: []string{"x|.|."}, change: with(remove, freshIn(boxTrash, Near, "1'")),
			want: "copy far, wait near"},
		{name: "removal, another version is in the trash, settled", rows: []string{"x|.|."}, change: with(remove, freshIn(boxTrash, Near, "1'"), settled),
			want: "copy far, remove near"},
		{name: "removal by way of nothing", rows: []string{"x|.|."}, change: intent(RemoveIntent, Near, 101, "", false), want: "remove near"},
		{name: "removal by way of nothing, done, and the other is back", rows: []string{".|.|x"}, change: intent(RemoveIntent, Near, 101, "", false), want: "release near, settled; copy near"},
		{name: "removal on far, done, and the other is back", rows: []string{"x|.|."}, change: intent(RemoveIntent, Far, 1, "", false), want: "release far, settled; copy far"},
		{name: "removal, done", rows: []string{"x|.|x"}, change: remove, want: "drop, settled"},
		{name: "removal of extra mail, nothing arrived yet", policy: "mirror>near extra", rows: []string{"-|-|."}, change: remove, want: "wait near"},
		{name: "twins, one in the trash", rows: []string{"x|.|.", "x|.|."}, want: "wait near, wait near",
			change: with(twinRows, remove, intent(RemoveIntent, Near, 102, boxTrash, false), freshIn(boxTrash, Near, "1"))},
		{name: "twins, one in the trash, settled", rows: []string{"x|.|.", "x|.|."}, want: "remove near, remove near for good; copy far",
			change: with(twinRows, remove, intent(RemoveIntent, Near, 102, boxTrash, false), freshIn(boxTrash, Near, "1"), settled)},
	})
}

// TestGhosts: a copy that appears after it was sent again is reported, put
// aside and never propagated; a person's own copy is not taken for one.
func TestGhosts(t *testing.T) {
	t.Parallel()
	again := func(m *model) {
		m.box(boxA).Ghosts = append(m.box(boxA).Ghosts, GhostInput{
			Intent: Intent{ID: 7, Kind: GhostIntent, Side: Far, Mailbox: boxA, Source: Ref{UID: 1}, Date: testMessage(1, 1, Flags{}).Date, TargetUIDNext: 500},
			Source: testMessage(1, 1, Flags{}),
		})
	}
	runTable(t, []tableCase{
		{name: "none came", rows: []string{".|.|."}, change: again, want: ""},
		{name: "it came", rows: []string{".|.|."}, change: with(again, freshIn(boxA, Near, "1")), want: "ghost near"},
		{name: "it came rewritten", rows: []string{".|.|."}, change: with(again, freshIn(boxA, Near, "1'")), want: "copy far"},
		{name: "it came rewritten, where that happens", rows: []string{".|.|."}, change: with(again, changing(Near), freshIn(boxA, Near, "1'")), want: "ghost near"},
		{name: "it came, not read", rows: []string{".|.|."}, change: with(again, freshIn(boxA, Near, "1"), (*model).forget), want: "ghost near"},
		{name: "at most one", rows: []string{".|.|."}, change: with(again, freshIn(boxA, Near, "1 1")), want: "copy far, ghost near"},
		{name: "other mail", rows: []string{".|.|."}, change: with(again, freshIn(boxA, Near, "2")), want: "copy far"},
		{name: "older than the copy", rows: []string{".|.|."}, change: with(again, func(m *model) { m.fill(boxA, Near, 400, "1") }), want: "copy far"},
		{name: "in a mirror", policy: "mirror>near extra", rows: []string{".|.|."}, change: with(again, freshIn(boxA, Near, "1")), want: "ghost near"},
	})
}

// departed leaves an intent of a copy in A whose source went away, read before or
// not.
func departed(known bool) func(*model) {
	return func(m *model) {
		source := testMessage(1, 1, Flags{})
		if !known {
			source.Identity = Identity{}
		}
		b := m.box(boxA)
		b.Departed[Far] = append(b.Departed[Far], source)
		b.Intents = append(b.Intents, Intent{ID: 1, Kind: CopyIntent, Side: Far, Mailbox: boxA, Source: source.Ref,
			Size: source.Size, Date: source.Date, TargetUIDNext: 500})
	}
}

// TestReclaim: a copy that was cut and whose source went away meanwhile. Only
// what is surely that copy is removed for it.
func TestReclaim(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		change  func(*model)
		removes bool
	}{
		{"read before, the copy is there", with(departed(true), freshIn(boxA, Near, "1")), true},
		{"read before, another of equal size and date", with(departed(true), freshIn(boxA, Near, "2#1001@1")), false},
		{"never read, one of equal size and date", with(departed(false), freshIn(boxA, Near, "1")), false},
		{"never read, its reserved name", with(departed(false), unnumbered(Near), freshIn(boxA, Near, "1"), func(m *model) {
			m.box(boxA).Unpaired[Near][0].Base = "100.1.host"
			m.box(boxA).Intents[0].Reserved.Base = "100.1.host"
		}), true},
	} {
		for _, late := range []bool{false, true} {
			m := newModel(t, NewPolicy(TwoWay, Far))
			c.change(m)
			m.in.Settled = late
			p := m.plan()
			if got := countKind(p.Actions, Remove) > 0; got != c.removes {
				t.Errorf("%s, settled %v: got %q, want a removal: %v", c.name, late, sayAll(p.Actions), c.removes)
			}
			if got := countKind(p.Actions, Copy); c.removes && got > 0 {
				t.Errorf("%s, settled %v: got %q, want nothing copied back", c.name, late, sayAll(p.Actions))
			}
		}
	}
	m := newModel(t, NewPolicy(TwoWay, Far))
	departed(false)(m)
	if p := m.plan(); sayAll(p.Actions) != "wait near" || p.Waiting != 1 {
		t.Errorf("nothing there yet: got %q, waiting %d, want a wait", sayAll(p.Actions), p.Waiting)
	}
	m.in.Settled = true
	if got := sayAll(m.plan().Actions); got != "settled" {
		t.Errorf("nothing there at all: got %q, want the intent settled", got)
	}
}

// TestAbandonedIntentStays: a copy whose source went away may come late, and what may
// be its source under another name is to be known for that when it is sent, be it in a
// later run.
func TestAbandonedIntentStays(t *testing.T) {
	t.Parallel()
	renamed := with(departed(false), settled, freshIn(boxA, Far, "1"))
	unread := func(m *model) {
		m.box(boxA).Unread[Near] = []Message{{Ref: Ref{UID: 700}, Date: testMessage(1, 1, Flags{}).Date}}
	}
	unseen := func(m *model) {
		m.row(boxB, 1, ".|.|.")
		seen := &m.box(boxB).Records[0].Seen[Far]
		seen.Sight, seen.Message.Base = Unknown, "7.1.host"
	}
	for _, c := range []struct {
		name   string
		change func(*model)
		want   string
	}{
		{"sent", renamed, "copy near"},
		{"what may be its copy cannot be read", with(renamed, unread), "wait near"},
		{"it may come from a mailbox that nobody could look into", with(renamed, unseen), ""},
	} {
		m := newModel(t, NewPolicy(TwoWay, Far))
		c.change(m)
		p := m.plan()
		if got := sayAll(p.Actions); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if len(p.Actions) > 0 && p.Actions[0].Intent != 1 {
			t.Errorf("%s: got %+v, want its intent with it", c.name, p.Actions[0])
		}
	}
}
