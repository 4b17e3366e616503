package cli

import (
	"fmt"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

// Copy.

const inAllMailboxes = "in all"

var reportColumns = []string{"mailbox", "far", "", "near", "", "copied", "left out"}

func leftLine(left reportMessage) string {
	return fmt.Sprintf("not copied: %s (%s): %s", place(mirror.Far, "", inMailbox(left)), size(left.Octets), left.Reason)
}

func inMailbox(left reportMessage) string {
	return fmt.Sprintf("mailbox %q %s", left.Mailbox, refWords(mirror.Ref{UID: mirror.UID(left.UID), Base: left.File}))
}

func reportIn(path string) string {
	return pairLine(copyName, fmt.Sprintf("the report as a page: %q", path))
}

func copyRemembers(state string) string {
	return fmt.Sprintf("what mailtwin remembers of this copy, to go on from there, lies in %q; it can be removed once you are done", state)
}

func passwordOf(s mirror.Side, a *config.IMAP) string {
	return fmt.Sprintf("%s: password of %s at %s: ", s, a.User, a.Host)
}

func noPassword(s mirror.Side, a *config.IMAP) error {
	return usage(fmt.Sprintf("give --%s-password-command COMMAND, or run it on a terminal, where it is asked for", s), "%s: there is no password for %q at %q", s, a.User, a.Host)
}

func noPasswordCommand(s mirror.Side) error {
	return usage(fmt.Sprintf("such as --%s-password-command 'pass show mail/work'; it is split as a shell splits words, and run without a shell", s),
		"--%s-password-command cannot be split into words", s)
}

func noReport(path string, err error) *trouble {
	return &trouble{what: fmt.Sprintf("report %q: %v", path, bare(err)), hints: []string{"the copy itself is not concerned; name another file with --report FILE, and run it again"}}
}

func noSource(path string, err error) *trouble {
	return &trouble{what: fmt.Sprintf("far: Maildir %q: %v", path, bare(err)), hints: []string{"check the path; nothing was copied"}, exit: mirror.ExitFailed}
}

var (
	sameEnds        = usage("name two different places", "far and near are the same place, or one lies in the other")
	copyHasNoConfig = usage("copy takes all it needs from the two URLs; leave --config out", "copy reads no configuration")
)

func flagOfCopy(name string) error {
	return usage("leave it out", "--%s means something with copy only", name)
}
