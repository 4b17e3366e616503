package imapside

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// namespace says which of the names that a server lists are the user's own
// (RFC 2342).
type namespace struct {
	prefix  string // of the personal namespace, with its delimiter
	delim   byte   // 0: flat
	foreign []string
}

// askNamespace queues the question that the server understands, and returns
// the function that waits for its answer.
func (r *Repository) askNamespace(ctx context.Context) func(context.Context) (namespace, error) {
	if !r.caps.Has(imap.CapNamespace) {
		return r.askDelimiter(ctx)
	}
	asked := r.conn.Namespace(ctx)
	return func(ctx context.Context) (namespace, error) {
		spaces, err := asked.Wait()
		if refused(err) != nil || errors.Is(err, imapconn.ErrNoData) || errors.Is(err, imapconn.ErrMalformed) {
			r.memory.Whole = false
			return r.askDelimiter(ctx)(ctx)
		}
		if err != nil {
			return namespace{}, failure("ask for namespaces", err, mirror.ErrProtocol)
		}
		if len(spaces.Personal) == 0 {
			r.memory.Whole = false
			return r.askDelimiter(ctx)(ctx)
		}
		return newNamespace(spaces), nil
	}
}

// askDelimiter learns the delimiter alone, from LIST "" "" (RFC 9051 §6.3.9).
func (r *Repository) askDelimiter(ctx context.Context) func(context.Context) (namespace, error) {
	asked := r.conn.List(ctx, "", "", nil)
	return func(context.Context) (namespace, error) {
		data, err := asked.Wait()
		if err != nil {
			return namespace{}, failure("ask for the hierarchy delimiter", err, mirror.ErrProtocol)
		}
		if len(data.Entries) == 0 {
			return namespace{}, nil
		}
		return namespace{delim: data.Entries[0].Delim}, nil
	}
}

// newNamespace takes the first personal namespace, which is where a client
// creates mailboxes. Further ones are reached where its prefix is empty.
func newNamespace(spaces imapconn.Namespaces) namespace {
	own := spaces.Personal[0]
	n := namespace{prefix: own.Prefix, delim: own.Delim}
	for _, others := range [][]imapconn.Namespace{spaces.Other, spaces.Shared} {
		for _, other := range others {
			if other.Prefix != own.Prefix {
				n.foreign = append(n.foreign, other.Prefix)
			}
		}
	}
	return n
}

func (n namespace) codec() nametrans.IMAP {
	return nametrans.IMAP{Delimiter: n.delim, Prefix: n.prefix}
}

// owns reports whether raw is listed in the personal namespace. A name in no
// namespace at all counts as owned, so that it is refused by name rather than
// passed over. The root of a namespace is no mailbox of it.
func (n namespace) owns(raw string) bool {
	if strings.EqualFold(raw, string(nametrans.Inbox)) {
		return true
	}
	if n.prefix != "" && (raw == n.prefix || raw == n.root(n.prefix)) {
		return false
	}
	longest := -1
	if strings.HasPrefix(raw, n.prefix) {
		longest = len(n.prefix)
	}
	for _, prefix := range n.foreign {
		if len(prefix) > longest && (strings.HasPrefix(raw, prefix) || raw == n.root(prefix)) {
			return false
		}
	}
	return true
}

// root is prefix without its delimiter, as LIST shows the namespace itself.
func (n namespace) root(prefix string) string {
	if n.delim == 0 {
		return prefix
	}
	return strings.TrimSuffix(prefix, string([]byte{n.delim}))
}

// sameMailbox reports whether two names on the wire are equal; INBOX is so in
// any case (RFC 9051 §5.1).
func sameMailbox(a, b string) bool {
	inbox := string(nametrans.Inbox)
	return a == b || (strings.EqualFold(a, inbox) && strings.EqualFold(b, inbox))
}
