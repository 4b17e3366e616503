//go:build unix

package maildir

import (
	"errors"
	"os"
	"testing"
)

// TestRenameExclusive: each way in which this system renames without
// replacing.
func TestRenameExclusive(t *testing.T) {
	t.Parallel()
	for name, rename := range map[string]func(*directory, string, *directory, string) error{"rename": renameExclusive, "link": linkExclusive} {
		w := newWorld(t, nil)
		w.put("a/x", "x")
		w.put("b/taken", "taken")
		from, err := w.root.open("a")
		if err != nil {
			t.Fatal(err)
		}
		defer from.close()
		to, err := w.root.open("b")
		if err != nil {
			t.Fatal(err)
		}
		defer to.close()
		if err := rename(from, "x", to, "taken"); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: got %v, want %v", name, err, os.ErrExist)
		}
		if err := rename(from, "nothing", to, "y"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v, want %v", name, err, os.ErrNotExist)
		}
		if err := rename(from, "x", to, "y"); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
		w.wantFiles("a")
		w.wantFiles("b", "taken", "y")
		if got := w.text("b/taken") + w.text("b/y"); got != "takenx" {
			t.Errorf("%s: got %q, want what was there", name, got)
		}
	}
}
