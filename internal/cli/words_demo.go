package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"mailtwin/mirror"
)

// The demo.

const (
	demoFirst    = "first sync, into a Maildir that is not there yet:"
	demoAgain    = "sync again:"
	demoChange   = "meanwhile other programs change both sides:"
	demoCarry    = "sync, with --verbose:"
	demoTrash    = "what was removed on near lies in the trash of far now, a mailbox like any other; sync:"
	demoNewMail  = `a new message in "INBOX"`
	demoNewList  = `a new message in "Lists/go-nuts"`
	demoAnswered = `the newest message of "旅行" answered`
	demoExpunged = `the newest message of "Архив/2024" expunged`
	demoWritten  = `a draft written to "Entwürfe"`
	demoFlagged  = `the newest file of "Projects/2026/Haus" flagged`
	demoMoved    = `the newest file of "Sent" moved to "Архив/2024"`
	demoUnlinked = `the newest file of "Lists/imap" removed`
)

var errNotEmpty = errors.New("it is not empty")

func demoServerUp(port, messages, mailboxes int) string {
	return fmt.Sprintf("an IMAP server runs in this process, on 127.0.0.1 port %d: %d made-up messages in %d mailboxes (far)", port, messages, mailboxes)
}

func demoChanged(side mirror.Side, what string) string {
	return fmt.Sprintf("    %-4s  %s", side, what)
}

func demoEqual(messages, mailboxes int) string {
	return fmt.Sprintf("read with other eyes, both sides hold the same %d messages in %d mailboxes: same octets, flags and dates", messages, mailboxes)
}

func demoPlaces(dir, mail, state, undo string) []string {
	return []string{"", "look at:", "    the Maildir        " + shellWord(mail), "    the configuration  " + shellWord(filepath.Join(dir, "config.toml")),
		"    the state          " + shellWord(state), "    the undo store     " + shellWord(undo), "when done: rm -r " + shellWord(dir)}
}

func demoFailed(err error) *trouble {
	var known *trouble
	if errors.As(err, &known) {
		return known
	}
	return &trouble{what: fmt.Sprintf("the demo went wrong: %v", err), hints: []string{"please report this, with the lines above"}, exit: mirror.ExitFailed}
}

func demoNoDir(dir string, err error) error {
	return usage("name a directory that is empty or not there yet", "demo in %q: %v", dir, err)
}

func demoUnexpected(exit int, got, want string) error {
	return fmt.Errorf("the sync ended with exit %d and did %q instead of %q", exit, got, want)
}

func demoDiffers(mailbox string, far, near int) error {
	return fmt.Errorf("mailbox %q differs: far has %d messages, near has %d", mailbox, far, near)
}
