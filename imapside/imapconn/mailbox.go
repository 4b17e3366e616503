package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// Create creates a mailbox (RFC 9051 §6.3.4), with special-use attributes where
// use is given (RFC 6154 §3, CREATE-SPECIAL-USE). Some servers create parents
// as well. After NO the mailbox may exist: [ALREADYEXISTS], or look with List.
func (c *Conn) Create(ctx context.Context, mailbox string, use ...imap.MailboxAttr) *Command {
	return nil
}

// Delete deletes a mailbox and its messages (RFC 9051 §6.3.5). Some servers
// close the connection when it is the selected one.
func (c *Conn) Delete(ctx context.Context, mailbox string) *Command { return nil }

// Subscribe adds a name to the subscriptions (RFC 9051 §6.3.7).
func (c *Conn) Subscribe(ctx context.Context, mailbox string) *Command { return nil }

// Unsubscribe removes a name from the subscriptions (RFC 9051 §6.3.8).
func (c *Conn) Unsubscribe(ctx context.Context, mailbox string) *Command { return nil }

// Unselect leaves the selected mailbox without expunging (RFC 3691). After an
// error the mailbox may still be selected.
func (c *Conn) Unselect(ctx context.Context) *Command { return nil }
