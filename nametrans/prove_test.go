package nametrans

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A checker is a *testing.T or a *rapid.T.
type checker interface{ Fatalf(string, ...any) }

// checkTranslation checks what holds of every translation: all that is not
// stopped translates there and back, two names never become one, and none may
// be taken for another.
func checkTranslation(t checker, r Rules, far, near []Mailbox, foldCase bool) {
	got := r.Translate(far, near, nil, foldCase)
	var listed [2][]Name
	for s, list := range [2][]Mailbox{far, near} {
		for _, m := range list {
			listed[s] = append(listed[s], m.Name)
		}
	}
	checkProof(t, got, listed, foldCase)
}

func checkProof(t checker, got Translation, listed [2][]Name, foldCase bool) {
	stops := stopsOf(t, got)
	var used [2][]Name // listed, and to be made for what is not stopped
	for _, s := range bothSides {
		for _, n := range listed[s] {
			used[s] = append(used[s], n)
			there, ok := ask(got, s, n)
			if _, stopped := stops[s][n]; ok == stopped {
				t.Fatalf("%s %q: got %q, %v, while it is stopped: %v", s, n, there, ok, stopped)
			}
			if !ok {
				continue
			}
			if err := there.check(); err != nil {
				t.Fatalf("%s %q translates to an invalid name: %v", s, n, err)
			}
			used[s.other()] = append(used[s.other()], there)
			if back, ok := ask(got, s.other(), there); !ok || back != n {
				t.Fatalf("%s %q: got %q there, and %q, %v back", s, n, there, back, ok)
			}
		}
	}
	for _, s := range bothSides {
		spelled := map[string][]Name{}
		for _, n := range used[s] {
			for above := n; above != ""; above = above.Parent() {
				k := key(above, foldCase)
				if !slices.Contains(spelled[k], above) {
					spelled[k] = append(spelled[k], above)
				}
			}
		}
		for _, n := range used[s] {
			if _, ok := ask(got, s, n); !ok {
				continue
			}
			for above := n; above != ""; above = above.Parent() {
				if all := spelled[key(above, foldCase)]; len(all) > 1 {
					t.Fatalf("%s %q is not stopped, though %q are there", s, n, all)
				}
			}
		}
	}
}

func ask(t Translation, from side, n Name) (Name, bool) {
	if from == farSide {
		return t.Near(n)
	}
	return t.Far(n)
}

// stopsOf returns the index of the Stop that each name is in, and checks that
// it is in one only.
func stopsOf(t checker, got Translation) (stops [2]map[Name]int) {
	stops = [2]map[Name]int{{}, {}}
	for i, stop := range got.Stopped {
		if len(stop.Far)+len(stop.Near) == 0 || stop.Reason == "" {
			t.Fatalf("a stop without cause: %+v", stop)
		}
		for s, list := range [2][]Name{slices.Concat(stop.Far, stop.NewFar), slices.Concat(stop.Near, stop.NewNear)} {
			for _, n := range list {
				if _, ok := stops[s][n]; ok {
					t.Fatalf("%s %q is in two stops: %q", side(s), n, got.Stopped)
				}
				stops[s][n] = i
				if there, ok := ask(got, side(s), n); ok {
					t.Fatalf("%s %q is stopped but translates to %q", side(s), n, there)
				}
			}
		}
	}
	return stops
}

var (
	someComponents = []string{"a", "b", "A", "INBOX", "inbox", "Sent", "\u00e9", "e\u0301", "a/b", "*"}
	someRoles      = []string{"", "", "", `\Sent`, `\Trash`}
	somePatterns   = []string{
		`(.+)/x -> x/$1; x/(.+) -> $1/x`, // one-to-one
		`a/(.+) -> $1; (.+) -> a/$1`,     // so where all is below a
		`(.)(.) -> $2$1; (.)(.) -> $2$1`,
		`(?i)a -> b; b -> a`,   // two become one
		`b/.* -> b; b -> b/a`,  // many become one
		`(.*)a -> $1; .* -> a`, // there, not back
		`.* -> $0/y; .* -> $0/y`,
		`Sent(.*) -> $1; q -> q`, // to no name
	}
)

func drawName(t *rapid.T, label string) Name {
	return MustName(rapid.SliceOfN(rapid.SampledFrom(someComponents), 1, 3).Draw(t, label)...)
}

func drawListing(t *rapid.T, label string) []Mailbox {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Mailbox {
		return Mailbox{Name: drawName(t, "name"), Role: rapid.SampledFrom(someRoles).Draw(t, "role")}
	}), 0, 7).Draw(t, label)
}

// drawRules returns up to four rules that do not say anything twice.
func drawRules(t *rapid.T) Rules {
	var rules Rules
	var taken []RuleText
	text := func(e end) string { return e.text() }
	for range rapid.IntRange(0, 4).Draw(t, "rules") {
		var next RuleText
		name := func() end { return end{kind: exactKind, name: drawName(t, "name")} }
		roleOrName := func() end {
			if role := rapid.SampledFrom([]string{"", "Sent", "Trash"}).Draw(t, "role"); role != "" {
				return end{kind: roleKind, role: role}
			}
			return name()
		}
		prefix := func() end {
			e := end{kind: prefixKind}
			if rapid.Bool().Draw(t, "not bare") {
				e.name = drawName(t, "prefix")
			}
			return e
		}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			next = RuleText{Near: text(name()), Far: text(name())}
		case 1:
			next = RuleText{Near: text(roleOrName()), Far: text(roleOrName())}
		case 2:
			next = RuleText{Near: text(prefix()), Far: text(prefix())}
		default:
			next = ruleTexts(rapid.SampledFrom(somePatterns).Draw(t, "pattern"))[0]
		}
		if more, err := NewRules(append(slices.Clone(taken), next)); err == nil {
			rules, taken = more, append(taken, next)
		}
	}
	return rules
}

// A world is what one translation is made of, its roles looked up once: what is
// listed besides may then be varied.
type world struct {
	lookup   *lookup
	foldCase bool
	selected func(Name) bool
}

func (w world) prove(listed [2][]Name) Translation {
	return prove(w.lookup, listed, w.selected, w.foldCase)
}

func drawWorld(t *rapid.T) (w world, listed [2][]Name, rules Rules, boxes [2][]Mailbox) {
	rules = drawRules(t)
	boxes = [2][]Mailbox{drawListing(t, "far"), drawListing(t, "near")}
	w.foldCase = rapid.Bool().Draw(t, "fold case")
	w.lookup = newLookup(rules.rules, boxes, w.foldCase)
	w.selected = func(Name) bool { return true }
	for s, list := range boxes {
		for _, m := range list {
			listed[s] = append(listed[s], m.Name)
		}
	}
	t.Logf("rules:\n%s%q", rules, boxes)
	return w, listed, rules, boxes
}

func TestProofHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		_, listed, rules, boxes := drawWorld(t)
		foldCase := rapid.Bool().Draw(t, "fold case again")
		got := rules.Translate(boxes[farSide], boxes[nearSide], nil, foldCase)
		checkProof(t, got, listed, foldCase)
		// Names that are asked for later.
		for range 10 {
			n := drawName(t, "later")
			for _, s := range bothSides {
				there, ok := ask(got, s, n)
				if !ok {
					continue
				}
				if back, ok := ask(got, s.other(), there); !ok || back != n {
					t.Fatalf("later, %s %q: got %q there, and %q, %v back", s, n, there, back, ok)
				}
			}
		}
	})
}

func TestTranslateIsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, _, rules, boxes := drawWorld(t)
		want := rules.Translate(boxes[farSide], boxes[nearSide], nil, w.foldCase)
		far := rapid.Permutation(boxes[farSide]).Draw(t, "far in another order")
		near := rapid.Permutation(boxes[nearSide]).Draw(t, "near in another order")
		got := rules.Translate(far, near, nil, w.foldCase)
		if !reflect.DeepEqual(got.Stopped, want.Stopped) || !reflect.DeepEqual(got.pairs, want.pairs) {
			t.Fatalf("the order of the listing shows:\n%q\n%q", got.Stopped, want.Stopped)
		}
	})
}

// Every mailbox that is stopped is so on its own, or because of one other of
// its Stop; without that one, it is not.
func TestStoppingIsMinimal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, listed, _, _ := drawWorld(t)
		for _, stop := range w.prove(listed).Stopped {
			var members []onSide
			for s, list := range [2][]Name{stop.Far, stop.Near} {
				for _, n := range list {
					members = append(members, onSide{side(s), n})
				}
			}
			for _, m := range members {
				if !slices.ContainsFunc(members, func(other onSide) bool { return w.stopsBeside(listed, m, other) }) {
					t.Fatalf("%s %q: nothing stops it in %q", m.side, m.name, stop)
				}
			}
		}
	})
}

type onSide struct {
	side side
	name Name
}

// stopsBeside reports whether m is stopped where nothing but m and other is
// listed, each as often as it was.
func (w world) stopsBeside(listed [2][]Name, m, other onSide) bool {
	var few [2][]Name
	for _, s := range bothSides {
		for _, n := range listed[s] {
			if here := (onSide{s, n}); here == m || here == other {
				few[s] = append(few[s], n)
			}
		}
	}
	_, ok := ask(w.prove(few), m.side, m.name)
	return !ok
}

// One mailbox more stops what a Stop names together with it, and changes the
// translation of no other.
func TestUnrelatedMailboxChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, listed, _, _ := drawWorld(t)
		before := w.prove(listed)
		s := rapid.SampledFrom(bothSides).Draw(t, "side")
		more := drawName(t, "one more")
		if slices.Contains(listed[s], more) {
			t.Skip("listed already")
		}
		extended := listed
		extended[s] = append(slices.Clone(listed[s]), more)
		after := w.prove(extended)
		stops := stopsOf(t, after)
		for _, from := range bothSides {
			for _, n := range listed[from] {
				was, wasOK := ask(before, from, n)
				is, isOK := ask(after, from, n)
				if is == was && isOK == wasOK {
					continue
				}
				i, moreStops := stops[s][more]
				if isOK || !moreStops || stops[from][n] != i {
					t.Fatalf("with %s %q, %s %q is %q, %v; before, %q, %v", s, more, from, n, is, isOK, was, wasOK)
				}
			}
		}
	})
}

// What is not selected changes nothing.
func TestUnselectedMailboxesChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, listed, _, _ := drawWorld(t)
		hidden := drawName(t, "hidden")
		w.selected = func(near Name) bool { return near != hidden }
		got := w.prove(listed)
		var without [2][]Name
		for _, s := range bothSides {
			for _, n := range listed[s] {
				there := w.lookup.image(s, n)
				if s == nearSide && n == hidden || s == farSide && there.name == hidden {
					continue
				}
				without[s] = append(without[s], n)
			}
		}
		want := w.prove(without)
		if len(got.Stopped) != len(want.Stopped) || !reflect.DeepEqual(got.pairs, want.pairs) || !reflect.DeepEqual(got.stopped, want.stopped) {
			t.Fatalf("hidden %q: got %q, want %q", hidden, got.Stopped, want.Stopped)
		}
	})
}

// Without rules, Translate stops what Collisions finds.
func TestTranslateAgreesWithCollisions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		boxes := [2][]Mailbox{drawListing(t, "far"), drawListing(t, "near")}
		foldCase := rapid.Bool().Draw(t, "fold case")
		var listed [2][]Name
		for s, list := range boxes {
			for _, m := range list {
				listed[s] = append(listed[s], m.Name)
			}
		}
		colliding := map[Name]bool{}
		for _, c := range Collisions(listed[farSide], listed[nearSide], foldCase) {
			for _, n := range slices.Concat(c.Far, c.Near) {
				colliding[n] = true
			}
		}
		got := Rules{}.Translate(boxes[farSide], boxes[nearSide], nil, foldCase)
		for _, s := range bothSides {
			for _, n := range listed[s] {
				if there, ok := ask(got, s, n); ok == colliding[n] || ok && there != n {
					t.Fatalf("%s %q: got %q, %v, while Collisions has it: %v", s, n, there, ok, colliding[n])
				}
			}
		}
	})
}

// Two sides of many names each, half of which the other side lacks; and one
// side of names that differ in nothing but case.
func BenchmarkTranslate(b *testing.B) {
	rules := mustRules(b, "Sent = [Gmail]/Sent Mail", `Trash = \Trash`, "Lists/* = Mailing lists/*", "Work/* = *",
		`Archive/(\d+)/(.+) -> Work/$2 $1; Work/(.+) (\d+) -> Archive/$2/$1`)
	for _, count := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			var far, near []Mailbox
			for i := range count {
				words := []string{"Übung ", "list ", "work ", "a-b ", "c "} // one in five is not ASCII
				far = append(far, Mailbox{Name: MustName("Mailing lists", fmt.Sprint(i%100), fmt.Sprint(words[i%5], i))})
				near = append(near, Mailbox{Name: MustName("Lists", fmt.Sprint(i%100), fmt.Sprint(words[i%5], i+count/2))})
			}
			for b.Loop() {
				if got := rules.Translate(far, near, nil, true); len(got.Stopped) > 0 {
					b.Fatal(got.Stopped[0])
				}
			}
		})
		b.Run(fmt.Sprintf("%d alike", count), func(b *testing.B) {
			var alike []Mailbox
			for i := range count {
				text := []byte("abcdefghijklmnopq")
				for bit := range text {
					if i>>bit&1 == 1 {
						text[bit] -= 'a' - 'A'
					}
				}
				alike = append(alike, Mailbox{Name: MustName(string(text))})
			}
			for b.Loop() {
				if got := (Rules{}).Translate(alike, nil, nil, true); len(got.Stopped) != 1 {
					b.Fatal(len(got.Stopped))
				}
			}
		})
	}
}
