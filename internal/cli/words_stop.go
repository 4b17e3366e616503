package cli

import (
	"fmt"

	"mailtwin/mirror"
)

// Stops.

// stopped are the words for the rails: mail is missing on {side}, and {other}
// is spared.
var stopped = map[mirror.Rail]string{
	mirror.RailEmptySide:    "stopped: {side} shows no message and had {of}; nothing was removed on {other}",
	mirror.RailMailboxes:    "stopped: {side} no longer lists {count} of the {of} mailboxes that it had; nothing was removed on {other}",
	mirror.RailMailbox:      "stopped: {count} of the {of} messages of {where} are gone; none of them was removed on {other}",
	mirror.RailSide:         "stopped: {count} of the {of} messages of {side} are gone; none of them was removed on {other}",
	mirror.RailWrongAccount: "stopped: both sides hold mail, and of the {of} messages of the smaller one only {count} are on the other; nothing was changed",
}

// stillStopped are the words for a stop that stands since an earlier run.
const stillStopped = "stopped: {count} of the {of} messages of {side} are still gone since an earlier stop; none of them was removed on {other}"

// unintended is the hint for somebody who did not mean it.
func (sc scene) unintended(s mirror.Stop) string {
	if s.Rail == mirror.RailWrongAccount {
		return fmt.Sprintf("are these two the same account? see far = %q and near = %q in [pair.%s]", sc.ends[mirror.Far].Name, sc.ends[mirror.Near].Name, sc.pair)
	}
	if m := sc.ends[s.Side].Maildir; m != nil {
		return fmt.Sprintf("if nobody removed them: look whether %q is the right directory, its disk mounted and its mail there; put it back and run again", m.Path)
	}
	return "if nobody removed them: look at the account with another mail program; once the messages show again, run again"
}

// The hint for somebody who did: the whole command.
const (
	intendedAny  = "if it is right: %s"
	intendedOne  = "to remove exactly these %s on %s as well: %s"
	intendedBoth = "to remove exactly these %d messages on far and %d on near: %s"
)

const otherToken = "the token given with --confirm is for another set: what would be removed has changed since"
