package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"mailtwin/mirror"
)

// TestMovedOn moves a letter, cuts the run that follows with that at every effect, moves
// the letter on, and lets a run come through, or cuts that one, too: the letter stands
// once on either side, in the same mailbox. A server without UIDPLUS tells no UID of a moved message; what is
// moved on before it was listed once is new there.
func TestMovedOn(t *testing.T) {
	t.Parallel()
	for _, kind := range historyKinds() {
		if kind.policy.Mode != mirror.TwoWay || kind.policy.Gone == mirror.None || strings.Contains(kind.name, "bare") {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range mirror.Sides {
				for _, mover := range mirror.Sides {
					for _, to := range []string{"INBOX", "Lists/go"} {
						for k := 1; k <= 6; k++ {
							for _, point := range []string{"before", "inside", "after"} {
								cut := fmt.Sprintf("crash %s %d", point, k)
								movedOn(t, kind, s, mover, cut, to, "")
								movedOn(t, kind, s, mover, "crash before 4", to, cut)
							}
						}
					}
				}
			}
		})
	}
}

// movedOn is one such history: the letter came on s.
func movedOn(t *testing.T, kind historyKind, s, mover mirror.Side, cut, to, again string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, kind)
		letter := keyOf(3, 0)
		move := func(to string) {
			for i, c := range h.copies(mover) {
				if c.key == letter {
					h.step(fmt.Sprintf("move %v %d %s", mover, i, to))
				}
			}
		}
		h.step(fmt.Sprintf("deliver %v INBOX 3", s))
		h.rest()
		move("Archive")
		h.step(cut)
		move(to)
		if again != "" {
			h.step(again)
		}
		h.rest()
		h.outwait()
		var places [2][]string
		for _, s := range mirror.Sides {
			for _, c := range h.copies(s) {
				if c.key == letter {
					places[s] = append(places[s], c.mailbox.String())
				}
			}
		}
		if len(places[mirror.Far]) != 1 || !slices.Equal(places[mirror.Far], places[mirror.Near]) {
			h.fail("far holds the letter in %q, near in %q", places[mirror.Far], places[mirror.Near])
		}
	})
}
