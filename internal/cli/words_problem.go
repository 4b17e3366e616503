package cli

import (
	"errors"
	"slices"
	"strings"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Problems: what a run left out.

// problemHints say what to do about messages and mailboxes that were left out.
// A problem is kept as text in the state, so it is known by its sentinel's.
var problemHints = []struct {
	is   error
	hint string
}{
	{mirror.ErrTooBig, "the other side takes no message of this size; it stays where it is, the rest goes on, and it is tried again after a growing pause"},
	{mirror.ErrRefused, "the message stays where it is, the rest goes on, and it is tried again after a growing pause"},
	{mirror.ErrEmptyBody, "the server lists this message and gives no body for it; look at it with another mail program"},
	{mirror.ErrShortBody, "the server gives less of this message than it announced; look at it with another mail program"},
	{mirror.ErrNUL, "IMAP cannot carry this message; it stays where it is"},
	{mirror.ErrGone, "it was removed while this run was at work; the next run sees to it"},
	{mirror.ErrTogether, "it is sent alone as soon as it is certain that it is not there"},
	{mirror.ErrFlagRefused, "the flag stays on the other side and is not asked for again"},
	{mirror.ErrNoMailbox, "it went away while this run was at work; run it again"},
	{mirror.ErrName, `rename the mailbox, or leave it out with "!NAME" in mailboxes`},
	{mirror.ErrRenumbered, "run it again: the mailbox is paired anew by content, nothing is removed"},
	{mirror.ErrOverQuota, "make room in this account, then run it again"},
	{mirror.ErrBusy, "run it again when that program is done"},
	{mirror.ErrSearch, "change search in this pair, or leave it out; nothing of this mailbox was copied or removed"},
	{mirror.ErrDenied, `ask for the right to it, or leave the mailbox out with "!NAME" in mailboxes; the others went on`},
	{mirror.ErrNotDone, "nothing was done about it; the next run tries again"},
	{errOtherOrigin, "set the rules back, or give the pair a new name: a new pair unites both sides and removes nothing"},
	{errMissingMailbox, `if it was removed or renamed on purpose, do the same on the other side, or let remove = "both" do it; until then its mail is left alone`},
	{mirror.ErrNotEmpty, "mail came there meanwhile; the next run looks again"},
	{errRefusedFlags, "they stay on the other side and are not asked for again"},
}

// What the planner and the executor say of problems that have no sentinel.
var (
	errMissingMailbox = errors.New("mailbox is missing")
	errRefusedFlags   = errors.New("flags that this side does not store")
	errOtherOrigin    = errors.New("is now paired with ")
)

// stoppedByRules are the reasons why rules stop mailboxes.
var stoppedByRules = []nametrans.Reason{nametrans.ReasonShared, nametrans.ReasonNoReturn, nametrans.ReasonSpelling,
	nametrans.ReasonRoleTwice, nametrans.ReasonTwoRules, nametrans.ReasonNoName}

func problemHint(reason string) string {
	if slices.ContainsFunc(stoppedByRules, func(r nametrans.Reason) bool { return strings.Contains(reason, string(r)) }) {
		return "change the rules in [pair.NAME.nametrans], or rename one of the mailboxes; nothing of them was touched"
	}
	for _, p := range problemHints {
		if strings.Contains(reason, p.is.Error()) {
			return p.hint
		}
	}
	return `it is left as it is on both sides, the rest went on; "mailtwin status" lists what waits`
}

func problemLine(p mirror.Problem, ref string) string {
	return place(p.Side, p.Mailbox, ref) + ": " + tidy(p.Reason)
}

func notCertain(n int) *trouble {
	return &trouble{what: count(n, noun{"copy is", "copies are"}) + " not certain yet: the server has not shown what became of it", hints: []string{runAgain}}
}
