package main_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which of our packages a package may import. Tests and
// internal/bench may import anything.
var allowed = map[string][]string{
	"":                  {"internal/cli"},
	"nametrans":         {},
	"mirror":            {"nametrans"},
	"mirror/mirrortest": {"mirror", "nametrans"},
	"imapside":          {"mirror", "nametrans", "imapside/imapconn"},
	"imapside/imapconn": {},
	"maildir":           {"mirror", "nametrans"},
	"statedb":           {"mirror"},
	"internal/config":   {"nametrans"},
	"internal/cli":      {"mirror", "imapside", "imapside/imapconn", "maildir", "statedb", "nametrans", "internal/config"},
	"internal/servers":  {},
	"internal/prove":    {"internal/proof"},
	"internal/mutants":  {},
}

// testSupport are packages that only tests and internal/bench import.
var testSupport = []string{"mirror/mirrortest", "imapside/imapconn/imaptest", "internal/servers", "internal/proof", "internal/bench", "internal/acceptance"}

func TestImportEdges(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		checkEdges(t, short(p.ImportPath), p.Imports)
	}
	if seen < 5 {
		t.Errorf("got %d packages, want all of them", seen)
	}
}

func checkEdges(t *testing.T, from string, imports []string) {
	if slices.Contains(testSupport, from) {
		return
	}
	may, known := allowed[from]
	if !known {
		t.Errorf("package %q has no line in this test: say what it may import, and why, in docs/ARCHITECTURE.md", from)
	}
	for _, path := range imports {
		if path != "mailtwin" && !strings.HasPrefix(path, "mailtwin/") {
			continue
		}
		if to := short(path); !slices.Contains(may, to) {
			t.Errorf("%q imports %q: the design has no such edge; sides decide nothing and know nothing of each other, and mirror knows no side", from, to)
		}
	}
}

func short(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, "mailtwin"), "/") }
