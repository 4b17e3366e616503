package imapside

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// LIST attributes that RFC 9051 §7.3.1 writes in mixed case; they compare
// without it.
const (
	attrNonExistent = imap.MailboxAttrNonExistent
	attrNoSelect    = imap.MailboxAttrNoSelect
	attrSubscribed  = imap.MailboxAttrSubscribed
)

// roles are the special uses of RFC 6154 with the names under which mailboxes
// of that use are known, the likeliest first. \All and \Flagged are views of
// the server that go by no name.
var roles = []struct {
	role  mirror.Role
	names []string
}{
	{imap.MailboxAttrSent, []string{"Sent", "Sent Items", "Sent Messages", "Sent Mail", "Gesendet", "Gesendete Objekte", "Gesendete Elemente"}},
	{imap.MailboxAttrDrafts, []string{"Drafts", "Draft", "Entwürfe"}},
	{imap.MailboxAttrTrash, []string{"Trash", "Deleted Items", "Deleted Messages", "Deleted", "Papierkorb", "Gelöschte Elemente", "Gelöschte Objekte"}},
	{imap.MailboxAttrJunk, []string{"Junk", "Spam", "Junk E-mail", "Junk Email", "Bulk Mail", "Spamverdacht", "Unerwünscht"}},
	{imap.MailboxAttrArchive, []string{"Archive", "Archives", "Archiv"}},
	{imap.MailboxAttrAll, nil},
	{imap.MailboxAttrFlagged, nil},
}

// roleByAttr returns the special use that the server gives a mailbox.
func roleByAttr(entry *imapconn.ListEntry) mirror.Role {
	for _, r := range roles {
		if entry.Has(r.role) {
			return r.role
		}
	}
	return ""
}

// onePerRole leaves each role with the first mailbox of list that has it, and
// gives the roles that nobody has to mailboxes at the top of the hierarchy, or
// right below INBOX, that go by a known name.
func onePerRole(list []mirror.Listed) {
	taken := make(map[mirror.Role]bool)
	for i := range list {
		if role := list[i].Role; role != "" && taken[role] {
			list[i].Role = ""
		}
		taken[list[i].Role] = true
	}
	for _, r := range roles {
		if taken[r.role] {
			continue
		}
		if i := byName(list, r.names); i >= 0 {
			list[i].Role = r.role
		}
	}
}

// byName returns the index of the mailbox without a role that stands under the
// likeliest of names, -1 where none does.
func byName(list []mirror.Listed, names []string) int {
	best, rank := -1, len(names)
	for i, listed := range list {
		parent := listed.Name.Parent()
		if listed.Role != "" || listed.NoSelect || (parent != "" && parent != nametrans.Inbox) {
			continue
		}
		found := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, listed.Name.Base()) })
		if found >= 0 && found < rank {
			best, rank = i, found
		}
	}
	return best
}

func unselectable(entry *imapconn.ListEntry) bool {
	return entry.Has(attrNoSelect) || entry.Has(attrNonExistent)
}
