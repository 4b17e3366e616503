package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A mutant whose old text is gone from its file, or there twice, would say
// nothing: the list has to follow the code. Nor would one whose tests are gone.
func TestListIsNotStale(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	seen, tests := map[string]bool{}, map[string][]string{}
	for _, m := range all() {
		if seen[m.id] {
			t.Errorf("%s: got the id twice", m.id)
		}
		seen[m.id] = true
		if m.guard == "" || m.tests == "" || m.old == m.mutated {
			t.Errorf("%s: got %+v, want a guard, tests and a change", m.id, m)
		}
		if _, err := m.apply(root); err != nil {
			t.Error(err)
		}
		if tests[m.in()] == nil {
			tests[m.in()] = testsIn(t, filepath.Join(root, m.in()))
		}
		for _, pattern := range m.patterns() {
			if !slices.ContainsFunc(tests[m.in()], regexp.MustCompile(pattern).MatchString) {
				t.Errorf("%s: no test of %s has a name like %s", m.id, m.in(), pattern)
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("got %d mutants, want at least 40", len(seen))
	}
}

// patterns are those of the tests, each of which must find one, without their subtests.
func (m mutant) patterns() []string {
	top, _, _ := strings.Cut(m.tests, "/")
	if strings.Contains(top, "(") {
		return []string{top}
	}
	return strings.Split(top, "|")
}

var testName = regexp.MustCompile(`(?m)^func (Test\w*)\(`)

// testsIn returns the names of the tests in a directory.
func testsIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testName.FindAllSubmatch(text, -1) {
			names = append(names, string(found[1]))
		}
	}
	return names
}

func TestApplyWantsOneOccurrence(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "x.go"), []byte("a a b"), 0o600); err != nil {
		t.Fatal(err)
	}
	for old, want := range map[string]string{"a": "", "c": "", "b": "a a B"} {
		got, err := mutant{file: "x.go", old: old, mutated: "B"}.apply(root)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, error %v; want %q", old, got, err, want)
		}
	}
}

func TestReadFindsTheKiller(t *testing.T) {
	lines := func(list ...string) []byte { return []byte(strings.Join(list, "\n")) }
	run := func(name string) string { return `{"Action":"run","Test":"` + name + `"}` }
	end := func(action, name string) string { return `{"Action":"` + action + `","Test":"` + name + `"}` }
	tests := []struct {
		name          string
		out           []byte
		killer, build string
		ran           bool
	}{
		{"passed", lines(run("A"), end("pass", "A"), `{"Action":"pass"}`), "", "", true},
		{"failed", lines(run("A"), end("pass", "A"), run("B"), end("fail", "B"), run("C"), end("fail", "C")), "B", "", true},
		{"subtest", lines(run("A"), run("A/x"), end("fail", "A/x"), end("fail", "A")), "A/x", "", true},
		{"panicked", lines(run("A"), run("A/x"), `{"Action":"output","Output":"panic: no"}`, `{"Action":"fail"}`), "A/x", "", false},
		{"did not build", lines(`{"Action":"build-output","Output":"x.go:1: no"}`, `{"Action":"build-fail"}`,
			`{"Action":"fail","FailedBuild":"p"}`), "", "x.go:1: no", false},
		{"no tests", lines(`{"Action":"output","Output":"no tests to run"}`, `{"Action":"pass"}`), "", "", false},
		{"skipped", lines(run("A"), end("skip", "A")), "", "", false},
	}
	for _, test := range tests {
		killer, ran, build := read(test.out)
		if killer != test.killer || ran != test.ran || build != test.build {
			t.Errorf("%s: got killer %q, ran %v, build %q; want %q, %v, %q", test.name, killer, ran, build, test.killer, test.ran, test.build)
		}
	}
}
