package cli

import (
	"fmt"
	"strconv"
	"strings"

	"mailtwin/mirror"
)

// moved says what a run did, or would do: "far → near 12 messages (1.3 MB);
// near → far 2 messages (3.1 kB), 3 flag changes". It is "" for nothing.
func moved(s mirror.Summary) string {
	var ways []string
	for _, to := range [2]mirror.Side{mirror.Near, mirror.Far} {
		var parts []string
		add := func(n int, what noun) {
			if n > 0 {
				parts = append(parts, count(n, what))
			}
		}
		add(s.Renamed[to], wordRenamed)
		add(s.Created[to], wordCreated)
		if n := s.Copied[to]; n > 0 {
			parts = append(parts, ofSizes(count(n, wordMessage), s.Octets[to], s.Saved[to], to))
		}
		add(s.Flagged[to], wordFlagged)
		add(s.Moved[to], wordMoved)
		add(s.Removed[to], wordRemoved)
		add(s.Pending[to], wordPending)
		add(s.Deleted[to], wordDeleted)
		if len(parts) > 0 {
			ways = append(ways, oneWay(to, strings.Join(parts, ", ")))
		}
	}
	return strings.Join(ways, "; ")
}

// outcome is the text of a pair's result line.
func outcome(r mirror.Result, exit int) string {
	parts := []string{moved(r.Summary)}
	if n := r.Summary.Paired; n > 0 {
		parts = append(parts, pairedWords(n))
	}
	if parts[0] == "" {
		parts = parts[1:]
	}
	text := strings.Join(parts, "; ")
	switch {
	case exit == mirror.ExitDone && text == "":
		return nothingToDo
	case exit == mirror.ExitDone:
		return text
	case text == "":
		text = nothingChanged
	}
	return text + "; " + ending(exit, len(r.Problems))
}

// stopWords is a stop in words. One of so few messages of a side that no rail
// would stop for them is an earlier one that still stands.
func stopWords(s mirror.Stop) string {
	words := stopped[s.Rail]
	if s.Rail == mirror.RailSide && s.Count <= max(10, s.Of/10) {
		words = stillStopped
	}
	return fill(words, map[string]string{
		"side": s.Side.String(), "other": s.Side.Other().String(), "where": mailboxOf(s.Side, s.Mailbox),
		"count": strconv.Itoa(s.Count), "of": strconv.Itoa(s.Of),
	})
}

// intended is the hint that shows the command which allows what plan withholds.
func (sc scene) intended(plan mirror.Plan) string {
	command := sc.line.again(sc.pair, plan.Token)
	var n [2]int
	for _, a := range plan.Withheld {
		if a.Kind == mirror.Remove {
			n[a.Side]++
		}
	}
	far, near := n[mirror.Far], n[mirror.Near]
	switch {
	case far > 0 && near > 0:
		return fmt.Sprintf(intendedBoth, far, near, command)
	case far > 0:
		return fmt.Sprintf(intendedOne, count(far, wordMessage), mirror.Far, command)
	case near > 0:
		return fmt.Sprintf(intendedOne, count(near, wordMessage), mirror.Near, command)
	}
	return fmt.Sprintf(intendedAny, command)
}
