package imapside_test

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"mailtwin/internal/servers"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

var accounts atomic.Uint32

// newAccount returns a user that nobody used before.
func newAccount(server *servers.Dovecot, opts servers.Options) account {
	codec := nametrans.IMAP{Delimiter: '/', Prefix: opts.Prefix}
	if opts.Separator != "" {
		codec.Delimiter = opts.Separator[0]
	}
	return account{
		address:  net.JoinHostPort(server.Host, strconv.Itoa(server.Port)),
		user:     fmt.Sprintf("user%d", accounts.Add(1)),
		password: server.Password,
		codec:    codec,
	}
}

// storedAsLines says which bodies a Maildir server cannot give back: it keeps
// lines, and sends CRLF for each end.
func storedAsLines(body []byte) bool {
	lines := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	return !bytes.Equal(bytes.ReplaceAll(lines, []byte("\n"), []byte("\r\n")), body) ||
		bytes.Contains(body, []byte("\r\r\n")) || bytes.HasSuffix(body, []byte("\r"))
}

// dovecots are servers of different minds: what a server advertises is all that
// is used of it.
var dovecots = map[string]servers.Options{
	"all":                {},
	"IMAP4rev1 alone":    {Capability: "IMAP4rev1"},
	"UIDPLUS":            {Capability: "IMAP4rev1 LITERAL+ UIDPLUS LIST-EXTENDED"},
	"MOVE":               {Capability: "IMAP4rev1 LITERAL- MOVE LIST-EXTENDED LIST-STATUS"},
	"CONDSTORE":          {Capability: "IMAP4rev1 LITERAL+ UIDPLUS CONDSTORE NAMESPACE ESEARCH"},
	"namespace INBOX.":   {Separator: ".", Prefix: "INBOX."},
	"no NAMESPACE, dots": {Separator: ".", Capability: "IMAP4rev1 LITERAL+ UIDPLUS MOVE"},
}

// TestDovecot runs the conformance suite against a real server.
func TestDovecot(t *testing.T) {
	for name, opts := range dovecots {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servers.Need(t, opts)
			mirrortest.Repository(t, func(*testing.T) mirrortest.Fixture {
				f := newAccount(server, opts).fixture()
				f.Alters = storedAsLines
				return f
			})
		})
	}
}
