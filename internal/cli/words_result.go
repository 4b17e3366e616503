package cli

import (
	"fmt"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

// Results.

const (
	nothingToDo    = "nothing to do"
	nothingChanged = "nothing changed"
	inAll          = "in all: "
)

// A noun is a word behind a number.
type noun struct{ one, many string }

var (
	wordMessage = noun{"message", "messages"}
	wordCopy    = noun{"copy", "copies"}
	wordPair    = noun{"pair", "pairs"}
	wordProblem = noun{"problem", "problems"}
	wordCreated = noun{"new mailbox", "new mailboxes"}
	wordRenamed = noun{"mailbox renamed", "mailboxes renamed"}
	wordDeleted = noun{"mailbox deleted", "mailboxes deleted"}
	wordFlagged = noun{"flag change", "flag changes"}
	wordMoved   = noun{"moved", "moved"}
	wordRemoved = noun{"removed", "removed"}
	wordPending = noun{`marked \Deleted, not expunged`, `marked \Deleted, not expunged`}
)

func ofSize(what string, octets int64) string { return fmt.Sprintf("%s (%s)", what, size(octets)) }

// ofSizes is ofSize where octets more were copied on the side itself.
func ofSizes(what string, octets, saved int64, to mirror.Side) string {
	if saved == 0 {
		return ofSize(what, octets)
	}
	return fmt.Sprintf("%s (%s, and %s that %s had)", what, size(octets), size(saved), to)
}

func oneWay(to mirror.Side, what string) string {
	return fmt.Sprintf("%s → %s %s", to.Other(), to, what)
}

func pairedWords(n int) string {
	return fmt.Sprintf("paired %s that both sides had", count(n, wordMessage))
}

// ending says how a run ended that did not do everything.
func ending(exit, problems int) string {
	switch exit {
	case mirror.ExitStopped:
		return "stopped"
	case mirror.ExitPartly:
		return count(problems, wordProblem)
	}
	return "not finished"
}

func pairLine(pair, text string) string { return pair + ": " + text }

// Actions.

// deed is one action in words. {ref} is the message, by UID or file and never
// by its subject, {where} the mailbox that is changed, {from} the one on the
// other side.
var deed = map[mirror.Kind]string{
	mirror.Rename:     "rename {where} to {target}",
	mirror.Create:     "create {where}{role}",
	mirror.Copy:       "copy {ref} of {from} to {where} ({size})",
	mirror.MoveTo:     "move {ref} of {where} to {target}",
	mirror.SetFlags:   "flags of {ref} in {where}:{flags}",
	mirror.Remove:     "remove {ref} from {where}",
	mirror.Pair:       "pair {ref} of {from} with its equal in {where}",
	mirror.Quarantine: "leave out {ref} of {from}: {reason}",
	mirror.Wait:       "wait for a copy of {ref} that may still arrive in {where}",
	mirror.Drop:       "forget {ref} of {where}, gone on both sides",
	mirror.Rebind:     "note the new name of {ref} in {where}",
	mirror.Confirm:    "note that the copy {ref} is in {where}",
	mirror.Depart:     "note that {ref} is gone from {where}",
	mirror.Hold:       "hold {ref}: {reason}",
	mirror.Prune:      "take {ref} off {where}: {reason}",
	mirror.Release:    "forget {ref}, gone from {where}; the other one stays",
	mirror.Delete:     "delete {where}, which is empty and gone on the other side",
	mirror.Settled:    "note that an earlier copy to {where} is settled",
	mirror.Ghost:      "note {ref} of {where}: {reason}",
}

// A copy that is made of a message which the side has in {donor}, one and many.
const (
	donated     = "copy {ref} of {from} to {where} from {donor}, which has it already"
	donatedMany = "copy {messages} to {where} from {donor}, which has them already"
)

// deeds is a group of like actions. Those that only note something are left
// out.
var deeds = map[mirror.Kind]string{
	mirror.Rename:     "rename {where} to {target}",
	mirror.Delete:     "delete {where}, which is empty and gone on the other side",
	mirror.Create:     "create {where}",
	mirror.Copy:       "copy {messages} ({size}) to {where}",
	mirror.MoveTo:     "move {messages} of {where} to {target}",
	mirror.SetFlags:   "change flags of {messages} in {where}",
	mirror.Remove:     "remove {messages} from {where}",
	mirror.Prune:      "take {messages} off {where} that left the window",
	mirror.Pair:       "pair {messages} that both sides have in {mailbox}",
	mirror.Quarantine: "leave out {messages} of {from}",
	mirror.Wait:       "wait for {messages} that may still arrive in {where}",
	mirror.Hold:       "hold {messages} of {where}, announced and not shown",
	mirror.Ghost:      "note {messages} of {where} that arrived after all",
}

// The first run.

func firstRun(p config.Pair, state, undo string) []string {
	lines := []string{fmt.Sprintf("first run; what mailtwin remembers of this pair lies in %q (losing it loses no mail)", state)}
	policy := policyOf(p)
	ends := [2]config.Repository{p.Far, p.Near}
	for _, s := range mirror.Sides {
		lines = append(lines, fmt.Sprintf("a message removed on %s %s", s.Other(), fate(policy, s, ends[s], undo)))
	}
	return lines
}

// unitedWords tell of a first run between two sides that both held mail: also
// that of a pair whose state was lost without a trace.
func unitedWords(n int) string {
	return fmt.Sprintf("both sides held mail before this first run; %s paired by content, nothing removed", count(n, wordMessage))
}

// fate says what becomes of a message on side s once it is gone on the other.
func fate(policy mirror.Policy, s mirror.Side, end config.Repository, undo string) string {
	switch {
	case !policy.Gone.Allows(s) || policy.Deletions == mirror.DeleteNothing:
		return fmt.Sprintf("stays on %s", s)
	case policy.Deletions == mirror.DeleteForGood:
		return fmt.Sprintf("is removed on %s for good", s)
	case end.Maildir != nil:
		return fmt.Sprintf("goes from %s to the undo store %q, for at least 30 days", s, undo)
	}
	return fmt.Sprintf("goes to the trash mailbox of %s", s)
}

// Progress.

const (
	phaseConnecting = "connecting …"
	phaseViewing    = "looking at %s …"
	phaseComparing  = "comparing %s of %s …"
	phaseSettling   = "waiting %s for %s that may still arrive …"
	barCounts       = "%s: %d of %s  %s of %s "
	barRate         = " %s/s, %s left"
)
