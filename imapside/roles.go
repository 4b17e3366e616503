package imapside

import (
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

// roles are the special uses of RFC 6154, with the words that XLIST has for them.
var roles = []struct {
	role  mirror.Role
	xlist imap.MailboxAttr // "" for the same
}{
	{imap.MailboxAttrSent, ""},
	{imap.MailboxAttrDrafts, ""},
	{imap.MailboxAttrTrash, ""},
	{imap.MailboxAttrJunk, `\Spam`},
	{imap.MailboxAttrArchive, ""},
	{imap.MailboxAttrAll, `\AllMail`},
	{imap.MailboxAttrFlagged, `\Starred`},
}

// roleByAttr returns the special use that the server gives a mailbox.
func roleByAttr(entry *imapconn.ListEntry) mirror.Role {
	for _, r := range roles {
		if entry.Has(r.role) || r.xlist != "" && entry.Has(r.xlist) {
			return r.role
		}
	}
	return ""
}

// onePerRole leaves each role with the first mailbox of list that has it, and
// gives the roles that nobody has to mailboxes at the top of the hierarchy, or
// right below INBOX, that go by a usual name.
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
		if i := byName(list, r.role); i >= 0 {
			list[i].Role = r.role
		}
	}
}

// byName returns the index of the mailbox without a role that goes by the likeliest
// name of one, -1 where none does.
func byName(list []mirror.Listed, role mirror.Role) int {
	best, rank := -1, -1
	for i, listed := range list {
		parent := listed.Name.Parent()
		if listed.Role != "" || listed.NoSelect || (parent != "" && parent != nametrans.Inbox) {
			continue
		}
		if use, found := nametrans.UsualUse(listed.Name.Base()); use == string(role) && (best < 0 || found < rank) {
			best, rank = i, found
		}
	}
	return best
}

func unselectable(entry *imapconn.ListEntry) bool {
	return entry.Has(attrNoSelect) || entry.Has(attrNonExistent)
}
