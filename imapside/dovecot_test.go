package imapside_test

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn"
	"mailtwin/internal/servers"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// account is a user of a real server, and the hands of somebody else in it.
type account struct {
	server *servers.Dovecot
	user   string
	codec  nametrans.IMAP
}

var accounts atomic.Uint32

// newAccount returns a user that nobody used before.
func newAccount(server *servers.Dovecot, opts servers.Options) account {
	codec := nametrans.IMAP{Delimiter: '/', Prefix: opts.Prefix}
	if opts.Separator != "" {
		codec.Delimiter = opts.Separator[0]
	}
	return account{server: server, user: fmt.Sprintf("user%d", accounts.Add(1)), codec: codec}
}

// options sign in to the account in clear.
func (a account) options() imapside.Options {
	return imapside.Options{Host: a.server.Host, Port: a.server.Port, TLS: imapside.Clear, User: a.user, Password: password(a.server.Password)}
}

// hand returns a connection that is signed in. It speaks to the server without
// the package under test, but on the same wire.
func (a account) hand(t *testing.T) *imapconn.Conn {
	t.Helper()
	address := net.JoinHostPort(a.server.Host, strconv.Itoa(a.server.Port))
	c, err := imapconn.Dial(t.Context(), address, imapconn.Options{TLS: imapconn.TLSNone, AllowClear: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	must(t, c.Login(t.Context(), a.user, a.server.Password))
	return c
}

// handAt returns such a connection with mailbox selected.
func (a account) handAt(t *testing.T, mailbox mirror.Name) *imapconn.Conn {
	t.Helper()
	c := a.hand(t)
	if _, err := c.Select(t.Context(), a.wire(t, mailbox), nil).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func must(t *testing.T, command interface{ Wait() error }) {
	t.Helper()
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (a account) wire(t *testing.T, mailbox mirror.Name) string {
	t.Helper()
	wire, err := a.codec.Encode(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func (a account) deliver(t *testing.T, mailbox mirror.Name, body []byte, flags mirror.Flags, date time.Time) {
	t.Helper()
	c := a.hand(t)
	defer c.Close()
	message := imapconn.AppendMessage{Flags: flags.List(), InternalDate: date, Size: int64(len(body)), Body: bytes.NewReader(body)}
	if _, err := c.Append(t.Context(), a.wire(t, mailbox), message).Wait(); err != nil {
		t.Fatal(err)
	}
}

func (a account) setFlags(t *testing.T, mailbox mirror.Name, ref mirror.Ref, flags mirror.Flags) {
	t.Helper()
	c := a.handAt(t, mailbox)
	defer c.Close()
	set := imap.UIDSetNum(ref.UID)
	if !flags.Empty() {
		must(t, c.UIDStore(t.Context(), set, imapconn.StoreAdd, flags.List(), nil).Command)
	}
	if rest := mirror.AllFlags().Flags.Minus(flags); !rest.Empty() {
		must(t, c.UIDStore(t.Context(), set, imapconn.StoreRemove, rest.List(), nil).Command)
	}
}

func (a account) remove(t *testing.T, mailbox mirror.Name, ref mirror.Ref) {
	t.Helper()
	c := a.handAt(t, mailbox)
	defer c.Close()
	set := imap.UIDSetNum(ref.UID)
	must(t, c.UIDStore(t.Context(), set, imapconn.StoreAdd, []imap.Flag{imap.FlagDeleted}, nil).Command)
	must(t, c.UIDExpunge(t.Context(), set))
}

// recreate makes a mailbox anew until its UIDVALIDITY differs: Dovecot takes
// the time in seconds.
func (a account) recreate(t *testing.T, mailbox mirror.Name) {
	t.Helper()
	c := a.hand(t)
	defer c.Close()
	wire := a.wire(t, mailbox)
	validity := func() uint32 {
		status, err := c.Status(t.Context(), wire, imapconn.StatusUIDValidity).Wait()
		if err != nil {
			t.Fatal(err)
		}
		return status.UIDValidity
	}
	for before := validity(); validity() == before; {
		must(t, c.Delete(t.Context(), wire))
		must(t, c.Create(t.Context(), wire))
	}
}

// fixture is the account as the conformance suite wants it.
func (a account) fixture() mirrortest.Fixture {
	return mirrortest.Fixture{
		Session: func(*testing.T) mirror.Repository { return imapside.New(a.options()) },
		Deliver: a.deliver, SetFlags: a.setFlags, Remove: a.remove, Recreate: a.recreate,
		Alters: storedAsLines,
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
			mirrortest.Repository(t, func(*testing.T) mirrortest.Fixture { return newAccount(server, opts).fixture() })
		})
	}
}
