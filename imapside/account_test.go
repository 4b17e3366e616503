package imapside_test

import (
	"bytes"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside"
	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// account is a user of a server, and the hands of somebody else in it.
type account struct {
	address  string // in clear
	user     string
	password string
	codec    nametrans.IMAP
}

// options sign in to the account in clear.
func (a account) options(t *testing.T) imapside.Options {
	t.Helper()
	host, port, err := net.SplitHostPort(a.address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return imapside.Options{Host: host, Port: number, TLS: imapside.Clear, User: a.user, Password: password(a.password)}
}

// hand returns a connection that is signed in. It speaks to the server without
// the package under test, but on the same wire.
func (a account) hand(t *testing.T) *imapconn.Conn {
	t.Helper()
	c, err := imapconn.Dial(t.Context(), a.address, imapconn.Options{TLS: imapconn.TLSNone, AllowClear: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	must(t, c.Login(t.Context(), a.user, a.password))
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
		Session: func(t *testing.T) mirror.Repository { return imapside.New(a.options(t)) },
		Deliver: a.deliver, SetFlags: a.setFlags, Remove: a.remove, Recreate: a.recreate,
	}
}
