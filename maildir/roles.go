package maildir

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// knownNames are the names by which mail programs call the mailboxes of a
// special use (RFC 6154), in the order of preference, compared without case.
var knownNames = []struct {
	role  mirror.Role
	names []string
}{
	{imap.MailboxAttrSent, []string{"Sent", "Sent Items", "Sent Messages", "Sent Mail", "Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten"}},
	{imap.MailboxAttrDrafts, []string{"Drafts", "Draft", "Entwürfe"}},
	{imap.MailboxAttrTrash, []string{"Trash", "Deleted Items", "Deleted Messages", "Papierkorb", "Gelöscht", "Gelöschte Elemente", "Gelöschte Objekte"}},
	{imap.MailboxAttrJunk, []string{"Junk", "Spam", "Junk E-mail", "Junk Email", "Junk-E-Mail", "Spamverdacht"}},
	{imap.MailboxAttrArchive, []string{"Archive", "Archives", "Archiv"}},
}

// giveRoles gives each role to at most one mailbox: at the top, or else right
// below INBOX.
func giveRoles(list []mirror.Listed) {
	for _, known := range knownNames {
		if i := namedAny(list, known.names); i >= 0 {
			list[i].Role = known.role
		}
	}
}

// namedAny returns the index of the first that is called by the first of names
// that is there, -1 where none is.
func namedAny(list []mirror.Listed, names []string) int {
	for _, parent := range []mirror.Name{"", nametrans.Inbox} {
		for _, name := range names {
			for i, box := range list {
				if box.Role == "" && box.Name.Parent() == parent && strings.EqualFold(box.Name.Base(), name) {
					return i
				}
			}
		}
	}
	return -1
}
