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
		add := func(n int, one, many string) {
			if n > 0 {
				parts = append(parts, count(n, one, many))
			}
		}
		add(s.Created[to], "new mailbox", "new mailboxes")
		if n := s.Copied[to]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", count(n, "message", "messages"), size(s.Octets[to])))
		}
		add(s.Flagged[to], "flag change", "flag changes")
		add(s.Moved[to], "moved", "moved")
		add(s.Removed[to], "removed", "removed")
		add(s.Pending[to], `marked \Deleted, not expunged`, `marked \Deleted, not expunged`)
		if len(parts) > 0 {
			ways = append(ways, fmt.Sprintf("%s → %s %s", to.Other(), to, strings.Join(parts, ", ")))
		}
	}
	return strings.Join(ways, "; ")
}

// outcome is the text of a pair's result line.
func outcome(r mirror.Result, exit int) string {
	parts := []string{moved(r.Summary)}
	if n := r.Summary.Paired; n > 0 {
		parts = append(parts, count(n, "message", "messages")+" paired that both sides had")
	}
	if parts[0] == "" {
		parts = parts[1:]
	}
	text := strings.Join(parts, "; ")
	switch {
	case exit == mirror.ExitDone && text == "":
		return nothingToDo
	case text == "":
		text = "nothing changed"
	}
	switch {
	case exit == mirror.ExitStopped:
		text += "; stopped, see above"
	case exit == mirror.ExitPartly:
		text += "; " + count(len(r.Problems), "problem", "problems") + ", see above"
	case exit != mirror.ExitDone:
		text += "; not finished"
	}
	return text
}

// stopWords is a stop in words.
func stopWords(s mirror.Stop) string {
	return fill(stopped[s.Rail], map[string]string{
		"side": s.Side.String(), "other": s.Side.Other().String(), "where": mailboxOf(s.Side, s.Mailbox),
		"count": strconv.Itoa(s.Count), "of": strconv.Itoa(s.Of),
	})
}
