package acceptance

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailtwin/internal/servers"
)

// twins are two accounts on two servers, far and near, and a pair of them.
type twins struct {
	*setup // runs the program
	ends   [2]*account
	due    []lasting // what must become of the letter of that number
	// late are letters that take one more run: what one run put into a trash, the
	// next one copies to the other; and a message that was moved here and flagged
	// there is moved first.
	late []int
}

// far and near are the indexes of the ends.
const (
	far = iota
	near
)

var sideNames = [2]string{"far", "near"}

// An account is one user's mail on a server that has names of its own.
type account struct {
	*setup
	delimiter, prefix string
}

// lasting says where a letter must lie, on both sides, and as what.
type lasting struct {
	mailbox string
	entry
}

// A view is what an account shows to an independent reader, by names with "/"
// and without a prefix.
type view struct {
	content content
	// marks are the subscription and the special uses of each mailbox.
	marks map[string]string
	// stamp changes with whatever is changed in a mailbox.
	stamp map[string]string
}

// twinServer is the end of a server's configuration. It gives mailboxes special
// uses there, for Dovecot 2.3 has no CREATE-SPECIAL-USE; and nobody cuts its power.
const twinServer = `
mail_fsync = never
namespace inbox {
  mailbox Gesendet {
    special_use = \Sent
  }
  mailbox Spamverdacht {
    special_use = \Junk
  }
  mailbox Архив {
    special_use = \Archive
  }
}
`

// newTwins starts two servers, far with names as most have them and near with
// names as Courier's, and gives a fresh account on each.
func newTwins(t testing.TB) *twins {
	t.Helper()
	a := &account{newSetup(t, servers.Need(t, servers.Options{Extra: twinServer})), "/", ""}
	b := &account{newSetup(t, servers.Need(t, servers.Options{Separator: ".", Prefix: "INBOX.", Extra: twinServer})), ".", "INBOX."}
	w := &twins{setup: a.setup, ends: [2]*account{a, b}}
	w.pairUp()
	return w
}

// pairUp writes the configuration of a pair of two servers.
func (w *twins) pairUp() {
	w.t.Helper()
	var text strings.Builder
	for i, a := range w.ends {
		fmt.Fprintf(&text, "[repository.%s]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nuser = %q\npassword = %q\n\n",
			[]string{"old", "new"}[i], cmp.Or(a.port, a.server.Port), a.user, a.server.Password)
	}
	text.WriteString("[pair.mail]\nfar = \"old\"\nnear = \"new\"\nsettle = \"2s\"\n")
	w.config = filepath.Join(w.dir, "servers.toml")
	w.must(os.WriteFile(w.config, []byte(text.String()), 0o600))
}

// wire is the name of a mailbox on the server.
func (a *account) wire(name string) string {
	if name == "INBOX" {
		return name
	}
	return a.prefix + strings.ReplaceAll(name, "/", a.delimiter)
}

// name is what wire began with.
func (a *account) name(wire string) string {
	return strings.ReplaceAll(strings.TrimPrefix(wire, a.prefix), a.delimiter, "/")
}

// view reads all that the account holds.
func (a *account) view() view {
	a.t.Helper()
	c := a.dial()
	defer c.Close()
	status := imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, HighestModSeq: true}
	list, err := c.List("", "*", &imap.ListOptions{ReturnSubscribed: true, ReturnSpecialUse: true, ReturnStatus: &status}).Collect()
	a.must(err)
	v := view{content{}, map[string]string{}, map[string]string{}}
	for _, box := range list {
		if slices.Contains(box.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(box.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		name := a.name(box.Mailbox)
		v.content[name] = a.farMailbox(c, box.Mailbox, false)
		v.marks[name] = marks(box.Attrs)
		v.stamp[name] = fmt.Sprintln(box.Mailbox, *box.Status.NumMessages, box.Status.UIDNext, box.Status.UIDValidity, box.Status.HighestModSeq)
	}
	v.content.sort()
	return v
}

// marks are the subscription and the special uses among attributes.
func marks(attrs []imap.MailboxAttr) string {
	var list []string
	for _, attr := range attrs {
		switch attr {
		case imap.MailboxAttrSubscribed, imap.MailboxAttrSent, imap.MailboxAttrDrafts, imap.MailboxAttrTrash, imap.MailboxAttrJunk, imap.MailboxAttrArchive,
			imap.MailboxAttrFlagged, imap.MailboxAttrAll:
			list = append(list, string(attr))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// alike fails the test unless both sides hold what is due: octets, flags,
// keywords, INTERNALDATE, and have equal subscriptions and special uses. Late
// letters are left out.
func (w *twins) alike(what string) (views [2]view) {
	w.t.Helper()
	due, late := content{}, map[string]bool{}
	for n, l := range w.due {
		if slices.Contains(w.late, n) {
			late[l.digest] = true
		} else {
			due[l.mailbox] = append(due[l.mailbox], l.entry)
		}
	}
	due.sort()
	for i, a := range w.ends {
		views[i] = a.view()
		for name, list := range views[i].content {
			views[i].content[name] = slices.DeleteFunc(list, func(e entry) bool { return late[e.digest] })
		}
		if list := differences(due, views[i].content.filled()); len(list) > 0 {
			w.t.Errorf("%s: %s is not as it must be (expected against got):\n%s", what, sideNames[i], strings.Join(list, "\n"))
		}
	}
	if !maps.Equal(views[far].marks, views[near].marks) {
		w.t.Errorf("%s: mailboxes, subscriptions and special uses differ:\nfar  %v\nnear %v", what, views[far].marks, views[near].marks)
	}
	return views
}

// deliver puts a new letter into a mailbox of a, by another client. The function
// that it returns waits for the answer.
func (w *twins) deliver(c *imapclient.Client, a *account, mailbox string, flags ...imap.Flag) (wait func()) {
	w.t.Helper()
	n := len(w.due)
	w.due = append(w.due, lasting{mailbox, entry{digestOf(letter(someRand(), n)), flagText(flags), bulkDate(n).Unix()}})
	return w.upload(c, a.wire(mailbox), n, flags)
}

// upload sends letter n.
func (w *twins) upload(c *imapclient.Client, wire string, n int, flags []imap.Flag) (wait func()) {
	w.t.Helper()
	body := letter(someRand(), n)
	cmd := c.Append(wire, int64(len(body)), &imap.AppendOptions{Flags: flags, Time: bulkDate(n)})
	_, err := cmd.Write(body)
	w.must(err)
	w.must(cmd.Close())
	return func() {
		_, err := cmd.Wait()
		w.must(err)
	}
}
