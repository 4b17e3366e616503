package maildir

import (
	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// namedRoles are the special uses (RFC 6154) that go by a name; a Maildir has no other
// word for them.
var namedRoles = []mirror.Role{imap.MailboxAttrSent, imap.MailboxAttrDrafts, imap.MailboxAttrTrash, imap.MailboxAttrJunk, imap.MailboxAttrArchive}

// giveRoles gives each role to at most one mailbox: at the top, or else right
// below INBOX.
func giveRoles(list []mirror.Listed) {
	for _, role := range namedRoles {
		if i := byUsualName(list, role); i >= 0 {
			list[i].Role = role
		}
	}
}

// byUsualName returns the index of the mailbox without a role that goes by the likeliest
// name of one, -1 where none does.
func byUsualName(list []mirror.Listed, role mirror.Role) int {
	for _, parent := range []mirror.Name{"", nametrans.Inbox} {
		best, rank := -1, -1
		for i, box := range list {
			if box.Role != "" || box.Name.Parent() != parent {
				continue
			}
			if use, found := nametrans.UsualUse(box.Name.Base()); use == string(role) && (best < 0 || found < rank) {
				best, rank = i, found
			}
		}
		if best >= 0 {
			return best
		}
	}
	return -1
}
