package mirror_test

import (
	"testing"

	"pgregory.net/rapid"

	"mailtwin/internal/proof"
)

// copyWords are the steps of histories in which people copy more than they do anything
// else.
var copyWords = []string{"deliver", "deliver", "copy", "copy", "copy", "copy", "copy", "flags", "keyword", "move", "remove", "edit", "rebase",
	"rest", "rest", "crash", "crash", "cut", "during", "renumber", "old", "lose"}

// TestRandomCopies: whatever else happens while copies are made of what a side has,
// nothing is lost, doubled or changed.
func TestRandomCopies(t *testing.T) {
	for _, kind := range historyKinds() {
		if kind.far.DropsHeld { // there a copy within a mailbox is none, and what is moved onto one is gone
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			cases := 0
			rapid.Check(t, func(rt *rapid.T) {
				cases++
				step := rapid.Custom(func(rt *rapid.T) string { return drawStepOf(rt, rapid.SampledFrom(copyWords).Draw(rt, "what")) })
				script := rapid.SliceOfN(step, 5, 20).Draw(rt, "script")
				rapid.SyncTest(rt, func(rt *rapid.T) { newHistory(rt, kind).play(script) })
			})
			proof.Note(proof.Tally{Layer: "histories", Cases: cases})
		})
	}
}
