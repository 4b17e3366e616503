package mirror

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSortActions sorts as the standard library does, and keeps equal ones in order.
func TestSortActions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Action {
			small := rapid.Uint32Range(0, 2)
			return Action{Kind: Kind(small.Draw(t, "kind")), Side: Side(rapid.IntRange(0, 1).Draw(t, "side")),
				Mailbox: Name(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "mailbox")), UID: [2]UID{UID(small.Draw(t, "far")), UID(small.Draw(t, "near"))}}
		})).Draw(t, "actions")
		for i := range list {
			list[i].Intent = int64(i)
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b Action) int { return compareActions(&a, &b) })
		sortActions(list)
		for i := range list {
			if list[i].Intent != want[i].Intent {
				t.Fatalf("at %d: got the action that was at %d, want that at %d", i, list[i].Intent, want[i].Intent)
			}
		}
	})
}
