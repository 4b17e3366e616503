package acceptance

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"mailtwin/internal/proof"
)

// tally adds up what a layer found, from tests that run at the same time.
type tally struct {
	mu sync.Mutex
	proof.Tally
}

// leftOut tells which cases of a table a plain "go test" leaves out: all but the
// first.
func leftOut(i int) bool { return !proof.Whole() && i > 0 }

// noted returns a tally that is noted when the test and its parts are done.
func noted(t testing.TB, layer string) *tally {
	sum := &tally{Tally: proof.Tally{Layer: layer}}
	t.Cleanup(func() {
		proof.Note(sum.Tally)
		t.Logf("%+v", sum.Tally)
	})
	return sum
}

func (y *tally) add(lost, doubled, changed int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.Cases++
	y.Lost, y.Doubled, y.Changed = y.Lost+lost, y.Doubled+doubled, y.Changed+changed
}

// digests counts the copies of each message, wherever they are.
func (c content) digests() map[string]int {
	counts := map[string]int{}
	for _, list := range c {
		for _, e := range list {
			counts[e.digest]++
		}
	}
	return counts
}

// compare counts the messages of want that got lacks, those that it holds more
// often, and those that are not known at all.
func compare(want, got content) (lost, doubled, changed int) {
	had, has := want.digests(), got.digests()
	for digest, n := range had {
		lost += max(0, n-has[digest])
		doubled += max(0, has[digest]-n)
	}
	for digest, n := range has {
		if had[digest] == 0 {
			changed += n
		}
	}
	return lost, doubled, changed
}

// judge compares both sides with what must be there after a disturbed run: all
// messages, once, unchanged, and with their flags in their mailboxes.
func (s *setup) judge(what string, want content, pending bool, sum *tally) {
	s.t.Helper()
	s.judgeSides(what, want, s.far(pending), s.near(), sum)
}

func (s *setup) judgeSides(what string, want, far, near content, sum *tally) {
	s.t.Helper()
	lost, doubled, changed := compare(want, far)
	sum.add(lost, doubled, changed)
	if lost+doubled+changed > 0 {
		s.t.Errorf("%s: %d messages lost, %d doubled, %d changed", what, lost, doubled, changed)
	}
	if list := differences(far, near); len(list) > 0 {
		s.t.Errorf("%s: the sides differ (far against near):\n%s", what, strings.Join(list, "\n"))
	}
	if list := differences(want.filled(), far.filled()); len(list) > 0 {
		s.t.Errorf("%s: not as it must be (expected against far):\n%s", what, strings.Join(list, "\n"))
	}
}

// unmarked leaves out what is marked \Deleted.
func (c content) unmarked() content {
	all := content{}
	for name, list := range c {
		all[name] = slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return strings.Contains(e.flags, `\deleted`) })
	}
	return all
}

// filled leaves out empty mailboxes.
func (c content) filled() content {
	all := content{}
	for name, list := range c {
		if len(list) > 0 {
			all[name] = slices.Clone(list)
		}
	}
	return all
}
