package imapside_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// wireHistory is a pair to which anything may happen for some epochs: people
// work on both sides, between runs and in the middle of one, runs are cut in a
// row, mailboxes are renumbered. At the end of each epoch the pair is left alone
// and judged.
//
// What people do has one right outcome: each letter is flagged and removed on
// one side only, and touched only after it has been on both sides. It moves or
// goes once an epoch, as the last thing in it; one that was flagged before may
// move on either side, and does not go. Excused are servers without UIDPLUS:
// behind a move the copy is found by its digest and its flags are merged without
// a base, so that a flag which was taken away comes back. There such a letter
// stays where it is. Where a mailbox is renumbered, bases are lost with the
// records, so that epoch has deliveries and added flags only.
type wireHistory struct {
	*wirePair
	dice    *rand.Rand
	letters []*knownLetter
	next    int
	told    []string
}

// knownLetter is a letter in a history.
type knownLetter struct {
	id      string
	at      mirror.Name
	side    mirror.Side // whose people touch it
	settled bool        // it has been on both sides
	flagged bool        // in this epoch
	cleared bool        // of a flag, in this epoch
	moved   bool        // in this epoch
	gone    bool
}

var historyBoxes = []mirror.Name{inbox, listBox, "Archive"}

var historyFlags = []imap.Flag{imap.FlagSeen, imap.FlagFlagged, imap.FlagAnswered, "$Work", "$Later"}

const historyEpochs = 3

// longestAside is how long a message may be kept aside in an epoch, whose runs
// follow each other within seconds: no more than two losses of the connection at
// it count.
const longestAside = 10 * time.Minute

func (h *wireHistory) tell(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

// begin has letters in step in every mailbox.
func (h *wireHistory) begin() {
	h.mailboxes(historyBoxes[1:]...)
	for range 7 {
		l := h.newLetter()
		h.both(l.at, letter{id: l.id, flags: h.someFlags()})
	}
	h.quiet()
	h.rest()
}

func (h *wireHistory) newLetter() *knownLetter {
	l := &knownLetter{id: fmt.Sprintf("m%d", h.next), at: historyBoxes[h.next%3], side: mirror.Sides[h.dice.IntN(2)]}
	h.next++
	h.letters = append(h.letters, l)
	return l
}

func (h *wireHistory) someFlags() mirror.Flags {
	return flags(historyFlags[h.dice.IntN(len(historyFlags))])
}

// rest begins a new epoch: all letters are on both sides.
func (h *wireHistory) rest() {
	for _, l := range h.letters {
		l.settled, l.flagged, l.cleared, l.moved = true, false, false, false
	}
}

// epoch is some doings and runs, of which the last are left alone.
func (h *wireHistory) epoch() verdict {
	renumbered := h.dice.IntN(3) == 0
	for range 1 + h.dice.IntN(3) {
		for range 1 + h.dice.IntN(4) {
			h.act(renumbered)
		}
		if renumbered && h.dice.IntN(2) == 0 {
			h.renumber()
		}
		h.disturbedRun(renumbered)
	}
	h.untilDue()
	h.quiet()
	v := h.judge()
	h.still()
	h.rest()
	return v
}

// untilDue waits until the messages are tried again that are kept aside, since the
// connection was lost at them twice: a run before that leaves them out.
func (h *wireHistory) untilDue() {
	snapshot, err := h.state.Load()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, q := range snapshot.Quarantine {
		wait := time.Until(q.Next)
		if wait > longestAside {
			h.errorf("%v %s %d is kept aside for %v, want at most %v: %s", q.Side, q.Mailbox, q.UID, wait, longestAside, q.Reason)
		}
		time.Sleep(wait)
	}
}

// disturbedRun may be cut, and something may happen in the middle of it.
func (h *wireHistory) disturbedRun(renumbered bool) {
	var plan *cut
	if h.dice.IntN(4) > 0 {
		plan = &cut{headings[h.dice.IntN(2)], ways[h.dice.IntN(3)], h.dice.IntN(3500)}
	}
	if h.dice.IntN(3) == 0 {
		m := &moment{heading: headings[h.dice.IntN(2)], octets: 1 + h.dice.IntN(3000)}
		m.act = h.meanwhile(renumbered)
		h.tell("after %d octets %v:", m.octets, m.heading)
		h.server.then = m
	}
	_, exit := h.run(plan)
	h.tell("run, cut %v: exit %d", plan, exit)
	h.server.then = nil
	time.Sleep(time.Second)
}

// meanwhile draws what happens in the middle of a run. It is part of what must
// be in the end only if it happens, which is when it says so.
func (h *wireHistory) meanwhile(renumbered bool) func() {
	if renumbered && h.dice.IntN(2) == 0 {
		return h.renumber
	}
	f := h.someFlags()
	return func() {
		l := h.newLetter()
		h.tell("  meanwhile deliver %s to %s on %v", l.id, l.at, l.side)
		h.put(l.side, l.at, letter{id: l.id, flags: f})
	}
}

// renumber gives a mailbox new UIDs, if need be more than once.
func (h *wireHistory) renumber() {
	name := historyBoxes[len(h.told)%3]
	h.tell("renumber %s", name)
	h.server.renumber(name)
}

// act is one thing that people do.
func (h *wireHistory) act(renumbered bool) {
	kind := h.dice.IntN(5)
	if kind < 2 {
		l := h.newLetter()
		f := h.someFlags()
		h.tell("deliver %s to %s on %v %v", l.id, l.at, l.side, f)
		h.put(l.side, l.at, letter{id: l.id, flags: f})
		return
	}
	l := h.pick()
	if l == nil {
		return
	}
	switch {
	case kind == 2 || renumbered:
		add, remove := h.someFlags(), h.someFlags()
		if renumbered || remove.Equal(add) {
			remove = flags()
		}
		h.tell("flag %s in %s on %v +%v -%v", l.id, l.at, l.side, add, remove)
		h.flag(l.side, l.at, l.id, add, remove)
		l.flagged, l.cleared = true, l.cleared || !remove.Empty()
	case kind == 3:
		h.shift(l)
	case l.flagged:
		// A removal hides what became of the flags.
	default:
		h.tell("remove %s from %s on %v", l.id, l.at, l.side)
		h.remove(l.side, l.at, l.id)
		l.gone = true
	}
}

// shift moves a letter on one side.
func (h *wireHistory) shift(l *knownLetter) {
	to, side := historyBoxes[h.dice.IntN(3)], l.side
	if to == l.at || l.cleared && !h.server.kind.uidPlus {
		return
	}
	if l.flagged {
		side = mirror.Sides[h.dice.IntN(2)]
	}
	h.tell("move %s from %s to %s on %v", l.id, l.at, to, side)
	h.move(side, l.at, l.id, to)
	l.at, l.moved = to, true
}

// pick returns a letter that may be touched, nil where the dice find none. The
// first three letters stay, so that no mailbox is ever emptied.
func (h *wireHistory) pick() *knownLetter {
	for range 10 {
		i := h.dice.IntN(len(h.letters))
		if l := h.letters[i]; i >= 3 && l.settled && !l.moved && !l.gone {
			return l
		}
	}
	return nil
}

// playWire plays the history of a seed.
func playWire(t *testing.T, kind serverKind, seed int) (v verdict) {
	synctest.Test(t, func(t *testing.T) {
		h := &wireHistory{wirePair: newWirePair(t, fmt.Sprintf("%s/%d", kind.name, seed), kind), dice: rand.New(rand.NewPCG(uint64(seed), uint64(len(kind.name))))}
		defer h.end()
		if *onlyHistory != "" {
			h.events = t.Output()
			h.server.trace = t.Output()
		}
		h.begin()
		for range historyEpochs {
			if v = v.plus(h.epoch()); t.Failed() {
				t.Logf("%s:\n%s", h.name, strings.Join(h.told, "\n"))
				return
			}
		}
	})
	return v
}

// historiesInCI is how many histories CI plays over wires.
const historiesInCI = 504

// TestWireHistories plays random histories over the wire of each kind of
// server. None has CONDSTORE, which go-imap's server lacks.
func TestWireHistories(t *testing.T) {
	for _, kind := range serverKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			var sum verdict
			n := proof.Times(historiesInCI/len(serverKinds), 2)
			for seed := range n {
				if name := fmt.Sprintf("%s/%d", kind.name, seed); *onlyHistory == "" || *onlyHistory == name {
					sum = sum.plus(playWire(t, kind, seed))
				}
			}
			proof.Note(proof.Tally{Layer: "wire histories", Cases: n, Lost: sum.lost, Doubled: sum.doubled, Changed: sum.changed})
		})
	}
}
