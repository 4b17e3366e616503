package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// Capability asks for the capabilities (RFC 9051 §6.1.1); Conn.Caps has them
// afterwards. After an error they are as before.
func (c *Conn) Capability(ctx context.Context) *Command { return nil }

// Noop gives the server a chance to report changes (RFC 9051 §6.1.2). They
// have reached Events when it ends.
func (c *Conn) Noop(ctx context.Context) *Command { return nil }

// Logout ends the session (RFC 9051 §6.1.3). Its end is the connection's:
// commands queued behind it are not sent. A server that says BYE and closes
// without a tagged answer counts as OK.
func (c *Conn) Logout(ctx context.Context) *Command { return nil }

// Enable switches extensions on (RFC 5161) and returns those the server
// confirmed, which may be none. It must not be sent while a mailbox is
// selected. After NO or BAD nothing is enabled.
func (c *Conn) Enable(ctx context.Context, caps ...imap.Cap) *DataCommand[[]imap.Cap] { return nil }

// ID tells the server who we are and returns who it is (RFC 2971). A nil map
// is sent as NIL; keys in the answer are lower case. Without an ID reply the
// result is nil and no error.
func (c *Conn) ID(ctx context.Context, client map[string]string) *DataCommand[map[string]string] {
	return nil
}

// Namespace is one prefix of RFC 2342.
type Namespace struct {
	Prefix string // as on the wire, usually ending in Delim
	Delim  byte   // 0 for NIL: flat
}

// Namespaces is the answer to NAMESPACE, nil where the server said NIL.
type Namespaces struct {
	Personal, Other, Shared []Namespace
}

// Namespace asks for the namespaces (RFC 9051 §6.3.10). OK without the reply
// is ErrNoData.
func (c *Conn) Namespace(ctx context.Context) *DataCommand[Namespaces] { return nil }
