package statedb

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// An oldTwin is a pair with a history: its states after each run, and what
// people did since it last rested.
type oldTwin struct {
	*twin
	random *rand.Rand
	states [][]byte
	// base is how often both sides held each letter when the pair rested, tombs
	// how many more an IMAP side without UIDPLUS still holds of it.
	base, tombs map[int]int
	// since are what people did to each letter since then.
	since map[int]*deeds
	flags map[int]mirror.Flags // ever set on a letter
}

type deeds struct{ put, removed, moved int }

// statesKept is from how many runs ago a state is brought back at most.
const statesKept = 6

// oldHistories is how many histories CI plays of each kind of pair.
const oldHistories = 4

// A state restored from r runs ago loses no mail, doubles none and removes
// nothing that was not removed. What people removed since the pair last rested
// may be there again, and what they moved since then may be in both mailboxes:
// the old state need not know of it. Flags may come back; they are the same on
// both sides in the end.
func TestOldStates(t *testing.T) {
	t.Parallel()
	for i, kind := range twinKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			cases := 0
			for seed := range proof.Times(oldHistories, 1) {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					h := newOldTwin(t, kind, uint64(100*i+seed))
					cases += h.play()
				})
			}
			proof.Note(proof.Tally{Layer: "old states", Cases: cases})
		})
	}
}

func newOldTwin(t *testing.T, kind twinKind, seed uint64) *oldTwin {
	h := &oldTwin{twin: newTwin(t, kind), random: rand.New(rand.NewPCG(seed, 7)), flags: map[int]mirror.Flags{}}
	h.begin()
	for h.next < 12 {
		h.deed("deliver")
	}
	h.settled()
	return h
}

func (h *oldTwin) begin() { h.since = map[int]*deeds{} }

// play lets six runs pass, then brings states back, one after another, each
// with work on both sides before and after. It returns how many.
func (h *oldTwin) play() int {
	for range statesKept {
		h.work()
		h.settled()
	}
	order := h.random.Perm(statesKept)
	for _, r := range order {
		if h.random.IntN(3) > 0 {
			h.work()
		}
		h.tell("state of %d runs ago", r+1)
		h.put(h.states[len(h.states)-1-r])
		h.settled()
		h.work()
		h.settled()
	}
	return len(order)
}

func (h *oldTwin) tell(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

func (h *oldTwin) fail(format string, args ...any) {
	h.t.Helper()
	for _, s := range mirror.Sides {
		for _, l := range h.letters(s) {
			h.tell("%v %q holds %d as %d %s %v tomb %v", s, l.mailbox.String(), l.number, l.ID, l.Base, l.Flags, l.tomb)
		}
	}
	h.t.Fatalf("%s\nwhat happened:\n%s", fmt.Sprintf(format, args...), strings.Join(h.told, "\n"))
}

// work is a few deeds of people.
func (h *oldTwin) work() {
	for range 1 + h.random.IntN(5) {
		h.deed([]string{"deliver", "deliver", "flags", "flags", "move", "move", "remove", "both"}[h.random.IntN(8)])
	}
}

func (h *oldTwin) of(n int) *deeds {
	if h.since[n] == nil {
		h.since[n] = &deeds{}
	}
	return h.since[n]
}

// pinnedLetters is how many letters are never touched, so that no side looks emptied.
const pinnedLetters = 4

func (h *oldTwin) deed(what string) {
	s := mirror.Side(h.random.IntN(2))
	place := twinPlaces[h.random.IntN(len(twinPlaces))]
	switch what {
	case "deliver":
		h.tell("deliver %v %q %d", s, place.String(), h.next)
		h.deliver(s, place, h.next, "")
		h.of(h.next).put++
		h.next++
		return
	case "both": // the same letter reaches both sides by other ways
		h.tell("deliver both %q %d", place.String(), h.next)
		h.deliver(mirror.Far, place, h.next, "")
		h.deliver(mirror.Near, place, h.next, `\Seen`)
		h.flags[h.next] = mirror.ParseFlags(`\Seen`)
		h.of(h.next).put++
		h.next++
		return
	}
	list := slices.DeleteFunc(h.letters(s), func(l heldLetter) bool { return l.tomb || l.number < pinnedLetters })
	if len(list) == 0 {
		return
	}
	l := list[h.random.IntN(len(list))]
	switch what {
	case "flags":
		flags := mirror.ParseFlags([]string{`\Seen`, `\Flagged`, `\Answered work`, ``}[h.random.IntN(4)])
		h.tell("flags %v %q %d %v", s, l.mailbox.String(), l.number, flags)
		h.servers[s].SetFlags(l.mailbox, l.ID, flags)
		h.flags[l.number] = h.flags[l.number].Union(flags)
	case "move":
		if place != l.mailbox {
			h.tell("move %v %q %d to %q", s, l.mailbox.String(), l.number, place.String())
			h.servers[s].Move(l.mailbox, l.ID, place)
			h.of(l.number).moved++
		}
	case "remove":
		h.tell("remove %v %q %d", s, l.mailbox.String(), l.number)
		h.servers[s].Remove(l.mailbox, l.ID)
		h.of(l.number).removed++
	}
}

// settled lets the pair rest, judges what is there, and keeps the state.
func (h *oldTwin) settled() {
	first := h.rest()
	h.tell("run: %+v %v", first.Summary, first.Problems)
	h.judge()
	h.states = append(h.states, h.read())
	h.begin()
}

// judge compares what is there with what people did.
func (h *oldTwin) judge() {
	h.t.Helper()
	var shown, tombs [2]map[int]int
	for _, s := range mirror.Sides {
		shown[s], tombs[s] = h.count(s)
	}
	for n := range h.next {
		d := h.of(n)
		least, most := h.base[n]+d.put-d.removed, h.base[n]+d.put+d.moved+h.tombs[n]
		for _, s := range mirror.Sides {
			// What is marked \Deleted is there, but nobody's second copy.
			if got := shown[s][n]; got+tombs[s][n] < least || got > most {
				h.fail("%v: letter %d is there %d times and %d times marked, want %d to %d", s, n, got, tombs[s][n], least, most)
			}
		}
		if shown[mirror.Far][n]+shown[mirror.Near][n] == 0 && d.removed == 0 && h.base[n]+d.put > 0 {
			h.fail("letter %d is nowhere", n)
		}
	}
	if diff := h.difference(); diff != "" {
		h.fail("%s", diff)
	}
	for _, l := range h.letters(mirror.Far) {
		if strange := l.Flags.Minus(h.flags[l.number]).Minus(mirror.MakeFlags(`\Deleted`)); !strange.Empty() {
			h.fail("letter %d has %v, which nobody ever set", l.number, strange)
		}
	}
	h.base, h.tombs = map[int]int{}, map[int]int{}
	for n := range h.next {
		// A letter that is more often on one side than on the other has its
		// others marked there.
		h.base[n] = min(shown[mirror.Far][n], shown[mirror.Near][n])
		h.tombs[n] = tombs[mirror.Far][n] + tombs[mirror.Near][n] + max(shown[mirror.Far][n], shown[mirror.Near][n]) - h.base[n]
	}
}
