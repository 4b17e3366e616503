package mirror

import "testing"

// TestSearched: on a side that is searched, what has no record is copied where it was
// found, or a copy of it may be under way. Everything else goes on as without a search.
func TestSearched(t *testing.T) {
	t.Parallel()
	far := func(found ...UID) func(*model) {
		return func(m *model) {
			b := m.box(boxA)
			b.Searched[Far], b.Found[Far] = true, map[UID]bool{}
			for _, uid := range found {
				b.Found[Far][uid] = true
			}
		}
	}
	never := func(m *model) { m.box(boxA).Searched[Far] = true }
	tried := func(m *model) {
		never(m)
		m.in.Settled = true
		b := m.box(boxA)
		b.Intents = []Intent{{ID: 1, Kind: CopyIntent, Side: Far, Mailbox: boxA, Source: Ref{UID: 1}}}
	}
	runTable(t, []tableCase{
		{name: "found", rows: []string{"S|-|-", "S|-|-"}, change: far(1, 2), want: "copy near, copy near"},
		{name: "one found", rows: []string{"S|-|-", "S|-|-"}, change: far(2), want: "copy near"},
		{name: "none found", rows: []string{"S|-|-"}, change: far(), want: ""},
		{name: "not asked", rows: []string{"S|-|-"}, change: never, want: ""},
		{name: "what was found is not there", rows: []string{"S|-|-"}, change: far(7, 101), want: ""},
		{name: "a copy may be under way", rows: []string{"S|-|-"}, change: tried, want: "copy near"},
		{name: "the other side's new mail", rows: []string{"-|-|S"}, change: never, want: "copy far"},
		{name: "equal to the other side's", rows: []string{"S|-|."}, change: never, want: "pair, flags near +S"},
		{name: "flags of a pair", rows: []string{"F|.|S"}, change: never, want: "flags far +S, flags near +F"},
		{name: "gone from near", rows: []string{".|.|x"}, change: never, want: "remove far"},
		{name: "gone from far", rows: []string{"x|.|."}, change: never, want: "remove near"},
		{name: "gone from near and changed on far", rows: []string{"F|.|x"}, change: never, want: "copy near again"},
		{name: "gone from a mirror's target", policy: "mirror>near", rows: []string{".|.|x"}, change: never, want: "copy near again"},
		{name: "extra mail, equal to one that was not found", policy: "mirror>near extra", rows: []string{"S|-|S", "-|-|S"}, change: never, want: "pair, remove near"},
	})
}
