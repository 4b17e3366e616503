package mirror

import (
	"testing"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"
)

// systemOnly is a mailbox that stores no keyword, as most Maildir programs see
// one.
func systemOnly() Storable { return Storable{Flags: AllFlags().Flags} }

func drawFlags(t *rapid.T, label string) Flags {
	return flagsOf(rapid.StringOfN(rapid.RuneFrom([]rune("SFDATKW")), 0, 5, -1).Draw(t, label))
}

// sides carries a flag plan out, as sides that store what keeps says.
func storeFlags(plan flagPlan, now [2]Flags, keeps [2]Storable) [2]Flags {
	for _, s := range Sides {
		now[s] = now[s].Minus(plan.remove[s]).Union(keeps[s].Only(plan.add[s]))
	}
	return now
}

// TestMergePerFlag: for each flag alone, on both sides, the merge is
// (base ∪ added) \ removed, and a second merge finds nothing to do.
func TestMergePerFlag(t *testing.T) {
	t.Parallel()
	all := [2]Storable{AllFlags(), AllFlags()}
	rapid.Check(t, func(t *rapid.T) {
		base := drawFlags(t, "base")
		now := [2]Flags{drawFlags(t, "far"), drawFlags(t, "near")}
		r := Record{Base: [2]Flags{base, base}}
		plan := mergeFlags(NewPolicy(TwoWay, Far), r, now, all)
		after := storeFlags(plan, now, all)
		for l, flag := range flagLetters {
			want := base.Has(flag) && now[Far].Has(flag) && now[Near].Has(flag) ||
				!base.Has(flag) && (now[Far].Has(flag) || now[Near].Has(flag))
			for _, s := range Sides {
				if got := after[s].Has(flag); got != want {
					t.Fatalf("%c on %s: got %v, want %v", l, s, got, want)
				}
			}
		}
		checkMerged(t, NewPolicy(TwoWay, Far), plan, after, all)
	})
}

// checkMerged fails unless merging again changes nothing, on the sides or in
// the record.
func checkMerged(t *rapid.T, p Policy, plan flagPlan, now [2]Flags, keeps [2]Storable) {
	t.Helper()
	again := mergeFlags(p, plan.record, now, keeps)
	for _, s := range Sides {
		if !again.add[s].Empty() || !again.remove[s].Empty() {
			t.Fatalf("second merge on %s: got +%q -%q, want nothing", s, again.add[s], again.remove[s])
		}
	}
	if again.record != plan.record {
		t.Fatalf("second merge: got record %+v, want %+v", again.record, plan.record)
	}
}

// TestMergeUnderAnyPolicy: sides that are not to be changed are not, a side
// that cannot store a flag is not asked to, and merging settles at once.
func TestMergeUnderAnyPolicy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := NewPolicy(rapid.SampledFrom([]Mode{TwoWay, OneWayMirror, OneWayCopy}).Draw(t, "mode"), rapid.SampledFrom(Sides[:]).Draw(t, "target"))
		if p.Mode == TwoWay {
			p.Flags = rapid.SampledFrom([]Direction{None, ToFar, ToNear, Both}).Draw(t, "flags")
		}
		storable := rapid.SampledFrom([]Storable{AllFlags(), systemOnly(), {}, {Flags: flagsOf("SK")}})
		keeps := [2]Storable{storable.Draw(t, "far keeps"), storable.Draw(t, "near keeps")}
		r := Record{}
		var now [2]Flags
		for _, s := range Sides {
			r.Base[s] = drawFlags(t, "base")
			r.Masked[s] = r.Base[s].Minus(keeps[s].Only(r.Base[s]))
			now[s] = keeps[s].Only(drawFlags(t, "now"))
		}
		for range 3 {
			plan := mergeFlags(p, r, now, keeps)
			for _, s := range Sides {
				if !p.Flags.Allows(s) && (!plan.add[s].Empty() || !plan.remove[s].Empty()) {
					t.Fatalf("%s is not to be changed: got +%q -%q", s, plan.add[s], plan.remove[s])
				}
				if got := keeps[s].Only(plan.add[s]); !got.Equal(plan.add[s]) {
					t.Fatalf("%s asked to store %q, keeps only %q", s, plan.add[s], got)
				}
				if both := plan.add[s].Intersect(plan.remove[s]); !both.Empty() {
					t.Fatalf("%s: %q both added and removed", s, both)
				}
				if !plan.remove[s].Minus(now[s]).Empty() {
					t.Fatalf("%s: removes %q of %q", s, plan.remove[s], now[s])
				}
				if m := plan.record.Masked[s]; !m.Minus(plan.record.Base[s]).Empty() || !m.Intersect(storeFlags(plan, now, keeps)[s]).Empty() {
					t.Fatalf("%s: masked %q, base %q, shown %q: want masked within base and not shown", s, m, plan.record.Base[s], now[s])
				}
			}
			now = storeFlags(plan, now, keeps)
			checkMerged(t, p, plan, now, keeps)
			r = plan.record
			if p.resets(p.Target) && p.Flags.Allows(p.Target) {
				source, target := now[p.Target.Other()].Union(r.Masked[p.Target.Other()]), now[p.Target].Union(r.Masked[p.Target])
				if !source.Equal(target) {
					t.Fatalf("mirror: got target %q, want as source %q", target, source)
				}
			}
			// A person changes something before the next round.
			s := rapid.SampledFrom(Sides[:]).Draw(t, "who")
			now[s] = keeps[s].Only(drawFlags(t, "then"))
		}
	})
}

// TestMaskDoesNotFlipFlop follows one message between a side that stores
// keywords and one that does not, over several plans.
func TestMaskDoesNotFlipFlop(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"two-way", "mirror>near"} {
		for _, swapped := range []bool{false, true} {
			m := newModel(t, parsePolicy(t, policy))
			m.row(boxA, 1, "K|.|.")
			m.box(boxA).Sides[Near].Keeps = systemOnly()
			far, near := Far, Near
			if swapped {
				m.flip()
				far, near = Near, Far
			}
			step := func(name string, flags string, s Side, want string) {
				t.Helper()
				m.box(boxA).Records[0].Seen[s].Message.Flags = flagsOf(flags)
				p := m.plan()
				if got := sayAll(p.Actions); got != want {
					t.Errorf("%s, swapped %v, %s: got %q, want %q", policy, swapped, name, got, want)
				}
				m.apply(p)
				if got := sayAll(m.plan().Actions); got != "" {
					t.Errorf("%s, swapped %v, after %s: got %q, want nothing", policy, swapped, name, got)
				}
			}
			flags := func(s Side, change string) string { return "flags " + s.String() + " " + change }
			step("a keyword that near cannot store", "K", far, "confirm")
			step("and a flag that it can", "KS", far, flags(near, "+S"))
			step("the keyword goes", "S", far, "confirm")
			step("and is back with another", "KWS", far, "confirm")
			step("near begins to store keywords", "S", near, "")
			if policy == "two-way" {
				step("near takes the flag away", "", near, flags(far, "-S"))
				if got := m.box(boxA).Records[0].Seen[far].Message.Flags; !got.Equal(flagsOf("KW")) {
					t.Errorf("swapped %v: got %q on the side that stores keywords, want them kept", swapped, got)
				}
				m.box(boxA).Sides[near].Keeps = AllFlags()
				step("near shows the keyword for once", "K", near, "confirm")
				step("and a person takes it away", "", near, flags(far, "-K"))
			}
		}
	}
}

// TestMaskedFlagsAndDepartures: a masked flag neither saves a message from
// being removed nor is lost when its partner is made again.
func TestMaskedFlagsAndDepartures(t *testing.T) {
	t.Parallel()
	masked := func(m *model) {
		m.box(boxA).Sides[Near].Keeps = systemOnly()
		m.box(boxA).Records[0].Masked[Near] = flagsOf("K")
	}
	runTable(t, []tableCase{
		{name: "removed there, untouched here", rows: []string{"x|KS|S"}, change: masked, want: "remove near"},
		{name: "removed there, changed here", rows: []string{"x|KS|SF"}, change: masked, want: "copy far again"},
		{name: "removed there, only seen here", rows: []string{"x|K|S"}, change: masked, want: "remove near"},
		{name: "both there", rows: []string{"KS|KS|S"}, change: masked, want: ""},
		{name: "removed on the side without keywords", rows: []string{"KS|KS|x"}, change: masked, want: "remove far"},
	})
	m := newModel(t, NewPolicy(TwoWay, Far))
	m.row(boxA, 1, "x|KS|SF")
	masked(m)
	p := m.plan()
	m.apply(p)
	if got := m.box(boxA).Records[0].Seen[Far].Message.Flags; !got.Equal(flagsOf("KSF")) {
		t.Errorf("made again: got flags %q, want the masked keyword too", got)
	}
}

// TestCopyToSideWithoutKeywords: what the target cannot store is masked from
// the beginning and never comes back as a removal.
func TestCopyToSideWithoutKeywords(t *testing.T) {
	t.Parallel()
	runTable(t, []tableCase{
		{name: "new", rows: []string{"KS|-|-"}, change: func(m *model) { m.box(boxA).Sides[Near].Keeps = systemOnly() }, want: "copy near"},
		{name: "found equal", rows: []string{"KS|-|F"}, change: func(m *model) { m.box(boxA).Sides[Near].Keeps = systemOnly() }, want: "pair, flags far +F, flags near +S"},
		{name: "read-only target", rows: []string{"KS|-|."}, change: func(m *model) { m.box(boxA).Sides[Near].Keeps = Storable{} }, want: "pair, confirm"},
	})
}

// TestConfirmFlags: flags missing at the first sight of a copy count as
// refused; those that came are not masked.
func TestConfirmFlags(t *testing.T) {
	t.Parallel()
	r := Record{Base: [2]Flags{flagsOf("SFK"), flagsOf("SFK")}, Masked: [2]Flags{{}, flagsOf("K")}, State: [2]Confirmation{Confirmed, Unconfirmed}}
	got := confirmFlags(r, Near, r.Base[Near], flagsOf("SW"), AllFlags())
	if got.State[Near] != Confirmed || !got.Masked[Near].Equal(flagsOf("FK")) || got.Base != r.Base {
		t.Errorf("got %+v, want confirmed, base as before, F and K masked", got)
	}
	moved := confirmFlags(Record{Base: [2]Flags{flagsOf("SK"), flagsOf("SK")}}, Near, Flags{}, Flags{}, systemOnly())
	if !moved.Masked[Near].Equal(flagsOf("K")) {
		t.Errorf("got %q masked where nothing is known of what came along, want K, which is not stored", moved.Masked[Near])
	}
	for _, keeps := range []Storable{AllFlags(), systemOnly()} {
		plan := mergeFlags(NewPolicy(TwoWay, Far), got, [2]Flags{flagsOf("SFK"), flagsOf("SW")}, [2]Storable{AllFlags(), keeps})
		if !plan.remove[Far].Empty() || !plan.add[Far].Equal(flagsOf("W")) || !plan.add[Near].Empty() {
			t.Errorf("got far +%q -%q, near +%q, want far +W only", plan.add[Far], plan.remove[Far], plan.add[Near])
		}
	}
}

func TestPairBases(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := [2]Flags{drawFlags(t, "far"), drawFlags(t, "near")}
		all := [2]Storable{AllFlags(), AllFlags()}
		plan := mergeFlags(NewPolicy(TwoWay, Far), Record{Base: pairBases(now)}, now, all)
		after := storeFlags(plan, now, all)
		united := now[Far].Union(now[Near])
		for _, s := range Sides {
			deletedHere := now[s].Has(imap.FlagDeleted)
			want := united.Minus(MakeFlags(imap.FlagDeleted))
			if deletedHere {
				want = want.Union(MakeFlags(imap.FlagDeleted)) // nothing is taken away
			}
			if !after[s].Equal(want) {
				t.Fatalf("%s: got %q, want %q: united, \\Deleted not spread", s, after[s], want)
			}
		}
	})
}

func TestOnlyTouched(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, now string
		want      bool
	}{
		{"", "", true}, {"", "S", true}, {"", "D", true}, {"F", "FSD", true}, {"S", "S", true},
		{"", "F", false}, {"", "SF", false}, {"", "K", false}, {"S", "", false}, {"D", "", false}, {"K", "S", false},
	} {
		if got := onlyTouched(flagsOf(c.base), flagsOf(c.now)); got != c.want {
			t.Errorf("base %q, now %q: got %v, want %v", c.base, c.now, got, c.want)
		}
	}
}
