package cli

import (
	"fmt"

	"mailtwin/mirror"
	"mailtwin/statedb"
)

// Notes: to know, nothing to do.

const interrupting = "interrupted; ending in good order (again: at once)"

func stateRebuilt(r *statedb.Rebuilt) string {
	return fmt.Sprintf("the state was not usable (%v); it was set aside as %q and both sides are paired anew by content, nothing is removed in this run", r.Reason, r.Aside)
}

func serverAlert(s mirror.Side, text string) string {
	return fmt.Sprintf("%s: the server says: %s", s, text)
}

func inPair(pair, text string) string { return fmt.Sprintf("pair %s: %s", pair, text) }
func asHint(text string) string       { return "hint: " + text }
