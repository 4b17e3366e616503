package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// onMailbox queues a command whose argument is a name.
func (c *Conn) onMailbox(ctx context.Context, name, mailbox string) *Command {
	e := new(encoder).raw(name + " ").mailbox(mailbox)
	return c.enqueue(ctx, &Command{name: name}, e)
}

// Create creates a mailbox (RFC 9051 §6.3.4), with special-use attributes where
// use is given (RFC 6154 §3, CREATE-SPECIAL-USE). Some servers create parents
// as well. After NO the mailbox may exist: [ALREADYEXISTS], or look with List.
func (c *Conn) Create(ctx context.Context, mailbox string, use ...imap.MailboxAttr) *Command {
	e := new(encoder).raw("CREATE ").mailbox(mailbox)
	for i, attr := range use {
		if i == 0 {
			e.raw(" (USE (")
		} else {
			e.raw(" ")
		}
		e.flag(imap.Flag(attr))
	}
	if len(use) > 0 {
		e.raw("))")
	}
	return c.enqueue(ctx, &Command{name: "CREATE"}, e)
}

// Delete deletes a mailbox and its messages (RFC 9051 §6.3.5). Some servers
// close the connection when it is the selected one.
func (c *Conn) Delete(ctx context.Context, mailbox string) *Command {
	return c.onMailbox(ctx, "DELETE", mailbox)
}

// Rename gives a mailbox another name (RFC 9051 §6.3.6), and the mailboxes below it.
func (c *Conn) Rename(ctx context.Context, mailbox, to string) *Command {
	e := new(encoder).raw("RENAME ").mailbox(mailbox).raw(" ").mailbox(to)
	return c.enqueue(ctx, &Command{name: "RENAME"}, e)
}

// Subscribe adds a name to the subscriptions (RFC 9051 §6.3.7).
func (c *Conn) Subscribe(ctx context.Context, mailbox string) *Command {
	return c.onMailbox(ctx, "SUBSCRIBE", mailbox)
}

// Unsubscribe removes a name from the subscriptions (RFC 9051 §6.3.8).
func (c *Conn) Unsubscribe(ctx context.Context, mailbox string) *Command {
	return c.onMailbox(ctx, "UNSUBSCRIBE", mailbox)
}

// Unselect leaves the selected mailbox without expunging (RFC 3691). After an
// error the mailbox may still be selected; commands on a mailbox that are
// queued behind it end with ErrNotSelected all the same.
func (c *Conn) Unselect(ctx context.Context) *Command {
	return c.simple(ctx, "UNSELECT", kindUnselect)
}
