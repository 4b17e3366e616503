package maildir

import (
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		want fileName
	}{
		{"1.a.host", fileName{base: "1.a.host"}},
		{"1.a.host:2,", fileName{base: "1.a.host"}},
		{"1.a.host:2,FS", fileName{base: "1.a.host", letters: "FS"}},
		{"1.a.host:2,SF", fileName{base: "1.a.host", letters: "SF"}},
		{"1.a.host,S=12,W=14:2,Sab", fileName{base: "1.a.host,S=12,W=14", letters: "Sab"}},
		{"1.a.host:2,S,x=1", fileName{base: "1.a.host", letters: "S", rest: ",x=1"}},
		{"1.a.host;2,S", fileName{base: "1.a.host", letters: "S"}},
		{"1.a.host!2,S", fileName{base: "1.a.host", letters: "S"}},
		{"1.a.host:1,x", fileName{base: "1.a.host:1,x"}},
		{":2,S", fileName{base: ":2,S"}},
		{"", fileName{}},
	} {
		if got := parseName(c.name); got != c.want {
			t.Errorf("parseName(%q): got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestNameWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, add, remove, want string }{
		{"a:2,", "S", "", "a:2,S"},
		{"a", "SF", "", "a:2,FS"},
		{"a:2,FS", "", "F", "a:2,S"},
		{"a:2,SF", "", "", "a:2,SF"},  // nothing changes, not even the order
		{"a:2,SF", "F", "", "a:2,SF"}, // it is there already
		{"a:2,SF", "R", "", "a:2,FRS"},
		{"a:2,SXq", "F", "S", "a:2,FXq"}, // letters that mean nothing stay
		{"a:2,S,x=1", "F", "", "a:2,FS,x=1"},
		{"a;2,S", "F", "", "a:2,FS"},
	} {
		if got := parseName(c.name).with(c.add, c.remove).inCur(); got != strings.Replace(c.want, ":2,", infoSeparator, 1) {
			t.Errorf("%q +%q -%q: got %q, want %q", c.name, c.add, c.remove, got, c.want)
		}
	}
}

func TestValidBase(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]bool{
		"1.M2P3Q4R5.host": true, "a,S=1": true,
		"": false, ".a": false, "a/b": false, "a:2,": false, "a:2,S": false, "a;2,S": false, "a\x00b": false,
	} {
		if got := validBase(base); got != want {
			t.Errorf("validBase(%q): got %v, want %v", base, got, want)
		}
	}
	if base := newBase((&clock{}).Now()); !validBase(base) || !ownBase().MatchString(base) {
		t.Errorf("got base %q, want one that is valid and recognised", base)
	}
	if got, want := escapeHost("a/b:c"), `a\057b\072c`; got != want {
		t.Errorf("got host %q, want %q", got, want)
	}
}

// FuzzName: flags never change which message a file is, and taking away what
// was added gives the same flags.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"a:2,FS", "a", "a;2,S:2,F", ":2,", "a:2,S,x", "a!2,", "a:2,:2,S"} {
		f.Add(seed, "S", "F")
	}
	f.Fuzz(func(t *testing.T, name, add, remove string) {
		if !isMessageName(name) || strings.ContainsAny(name+add+remove, "/\x00") || strings.ContainsAny(add+remove, ",:;!") {
			return
		}
		old := parseName(name)
		n := old.with(add, remove)
		back := parseName(n.inCur())
		if back.base != old.base || back.rest != old.rest {
			t.Fatalf("%q +%q -%q: got %+v, want base and rest of %+v", name, add, remove, back, old)
		}
		for i := range len(add) {
			if strings.IndexByte(back.letters, add[i]) < 0 {
				t.Fatalf("%q +%q: got letters %q", name, add, back.letters)
			}
		}
		for i := range len(remove) {
			if strings.IndexByte(add, remove[i]) < 0 && strings.IndexByte(back.letters, remove[i]) >= 0 {
				t.Fatalf("%q -%q: got letters %q", name, remove, back.letters)
			}
		}
		if again := back.with(add, ""); again != back {
			t.Fatalf("%q: got %+v after adding %q twice, want %+v", name, again, add, back)
		}
	})
}
