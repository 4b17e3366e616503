package nametrans

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// TestUsualUse: no name stands for two uses, none is there twice, and all are found as
// they are written, in lower case and decomposed.
func TestUsualUse(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for use, names := range programNames {
		for i, name := range names {
			key := usualKey(name)
			if before, twice := seen[key]; twice {
				t.Errorf("%q stands for %s and for %s", name, before, use)
			}
			seen[key] = use
			for _, spelled := range []string{name, strings.ToLower(name), norm.NFD.String(name)} {
				if got, rank := UsualUse(spelled); got != use || rank != i {
					t.Errorf("%q: got %s %d, want %s %d", spelled, got, rank, use, i)
				}
			}
			if _, err := NewName(name); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	for _, name := range []string{"Lists", "All Mail", "", "INBOX", "Sent 2024"} {
		if got, _ := UsualUse(name); got != "" {
			t.Errorf("%q: got %s, want none", name, got)
		}
	}
	if got, _ := UsualUse("ÉLÉMENTS ENVOYÉS"); got != `\Sent` {
		t.Errorf("in upper case: got %q", got)
	}
}
