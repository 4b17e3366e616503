package mirror

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"
)

// anyFlag draws system flags and keywords in many spellings.
var anyFlag = rapid.Custom(func(t *rapid.T) imap.Flag {
	name := rapid.SampledFrom([]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`, `\Other`, "$Forwarded", "$Junk", "NonJunk", "a", "b", "work-1", "Ünread"}).Draw(t, "flag")
	switch rapid.IntRange(0, 2).Draw(t, "case") {
	case 0:
		name = strings.ToLower(name)
	case 1:
		name = strings.ToUpper(name)
	}
	return imap.Flag(name)
})

var anyFlags = rapid.Custom(func(t *rapid.T) Flags { return MakeFlags(rapid.SliceOfN(anyFlag, 0, 8).Draw(t, "flags")...) })

// namesOf is the model of a set: its members in lower case.
func namesOf(f Flags) map[string]bool {
	set := map[string]bool{}
	for flag := range f.All() {
		set[strings.ToLower(string(flag))] = true
	}
	return set
}

// TestFlagsAreSets compares the operations with those of a map.
func TestFlagsAreSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, g, h := anyFlags.Draw(t, "f"), anyFlags.Draw(t, "g"), anyFlags.Draw(t, "h")
		inF, inG := namesOf(f), namesOf(g)
		for _, op := range []struct {
			name string
			got  Flags
			want func(f, g bool) bool
		}{
			{"union", f.Union(g), func(f, g bool) bool { return f || g }},
			{"minus", f.Minus(g), func(f, g bool) bool { return f && !g }},
			{"intersect", f.Intersect(g), func(f, g bool) bool { return f && g }},
		} {
			in := namesOf(op.got)
			for _, flag := range []string{`\seen`, `\answered`, `\flagged`, `\deleted`, `\draft`, `\other`, "$forwarded", "$junk", "nonjunk", "a", "b", "work-1", "ünread"} {
				want := op.want(inF[flag], inG[flag])
				if in[flag] != want || op.got.Has(imap.Flag(flag)) != want || op.got.Has(imap.Flag(strings.ToUpper(flag))) != want {
					t.Fatalf("%q %s %q: got %q, want %s in it: %v", f, op.name, g, op.got, flag, want)
				}
			}
			if len(in) != len(op.got.List()) {
				t.Fatalf("%q %s %q: got %q, want each flag once", f, op.name, g, op.got)
			}
			if again := ParseFlags(op.got.String()); again != op.got {
				t.Fatalf("%q: parsed back as %q", op.got, again)
			}
		}
		laws := map[string][2]Flags{
			"union commutes":           {f.Union(g), g.Union(f)},
			"union associates":         {f.Union(g).Union(h), f.Union(g.Union(h))},
			"intersection commutes":    {f.Intersect(g), g.Intersect(f)},
			"intersection distributes": {f.Intersect(g.Union(h)), f.Intersect(g).Union(f.Intersect(h))},
			"minus of a union":         {f.Minus(g.Union(h)), f.Minus(g).Minus(h)},
			"nothing left of itself":   {f.Minus(f), {}},
			"with itself":              {f.Union(f), f},
		}
		for law, sides := range laws {
			if !sides[0].Equal(sides[1]) {
				t.Fatalf("%s: got %q and %q", law, sides[0], sides[1])
			}
		}
		if f.Equal(g) != f.Minus(g).Union(g.Minus(f)).Empty() {
			t.Fatalf("%q and %q: equal %v, but the difference is %q", f, g, f.Equal(g), f.Minus(g).Union(g.Minus(f)))
		}
		if f.Has(`\Recent`) {
			t.Fatalf("%q holds \\Recent", f)
		}
	})
}

// TestFlagsSpelling: system flags in RFC spelling, keywords as first seen, in
// one order whatever the order given.
func TestFlagsSpelling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{`\SEEN \answered`, `\Answered \Seen`},
		{`\recent \Recent`, ""},
		{"zeta Alpha $Forwarded", "$Forwarded Alpha zeta"},
		{"Work work WORK", "Work"},
		{`b \deleted a \FLAGGED`, `\Flagged \Deleted a b`},
		{`\Custom`, `\Custom`},
	} {
		if got := ParseFlags(c.in).String(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
	first, second := ParseFlags("Work a"), ParseFlags("WORK b")
	for name, c := range map[string][2]string{
		"union keeps the first spelling":        {first.Union(second).String(), "a b Work"},
		"union the other way":                   {second.Union(first).String(), "a b WORK"},
		"intersection keeps the first spelling": {first.Intersect(second).String(), "Work"},
		"minus ignores case":                    {first.Minus(second).String(), "a"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: got %q, want %q", name, c[0], c[1])
		}
	}
	if !ParseFlags("Work a").Equal(ParseFlags("A wORK")) {
		t.Error("flags do not compare without case")
	}
}

// TestFlagsAreNotShared: sets made from one another stay as they were.
func TestFlagsAreNotShared(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, g := anyFlags.Draw(t, "f"), anyFlags.Draw(t, "g")
		before := [2]string{f.String(), g.String()}
		f.Union(g)
		f.Minus(g)
		f.Intersect(g)
		list := f.List()
		for i := range list {
			list[i] = "changed"
		}
		if after := [2]string{f.String(), g.String()}; after != before {
			t.Fatalf("got %q, want %q", after, before)
		}
	})
}

// TestFlagsOrderOfInput: the same flags in another order are the same set,
// also to ==, as long as they are spelt alike.
func TestFlagsOrderOfInput(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.SampledFrom([]imap.Flag{`\Seen`, `\Draft`, "a", "B", "c", "$D"}), 0, 8).Draw(t, "flags")
		shuffled := rapid.Permutation(list).Draw(t, "shuffled")
		if f, g := MakeFlags(list...), MakeFlags(shuffled...); f != g {
			t.Fatalf("got %q and %q", f, g)
		}
	})
}

func TestFlagsStopEarly(t *testing.T) {
	t.Parallel()
	all := ParseFlags(`\Seen \Draft a b`)
	for n := range 5 {
		var got []imap.Flag
		for flag := range all.All() {
			if len(got) == n {
				break
			}
			got = append(got, flag)
		}
		if !slices.Equal(got, all.List()[:n]) {
			t.Errorf("first %d: got %q", n, got)
		}
	}
}

// TestStorable: by name without case, or any keyword but only the system flags
// that are named.
func TestStorable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keeps   Storable
		in, out string
	}{
		{Storable{}, `\Seen a`, ""},
		{Storable{Flags: ParseFlags(`\Seen A`)}, `\Seen \Draft a b`, `\Seen a`},
		{Storable{Flags: ParseFlags(`\Seen`), Any: true}, `\Seen \Draft a b`, `\Seen a b`},
		{AllFlags(), `\Seen \Draft \Flagged \Answered \Deleted a b`, `\Answered \Flagged \Deleted \Seen \Draft a b`},
	} {
		if got := c.keeps.Only(ParseFlags(c.in)).String(); got != c.out {
			t.Errorf("%+v of %q: got %q, want %q", c.keeps, c.in, got, c.out)
		}
	}
}
