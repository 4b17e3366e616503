package imapside_test

import (
	"bytes"
	"io"
	"log"
	"net"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// memoryServer starts go-imap's server in memory, which advertises caps.
func memoryServer(t *testing.T, caps imap.CapSet) account {
	t.Helper()
	memory := imapmemserver.New()
	user := imapmemserver.NewUser(testUser, testPassword)
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return wholeMessages{memory.NewSession().(imapserver.SessionIMAP4rev2)}, nil, nil
		},
		Caps:         caps,
		Logger:       log.New(io.Discard, "", 0),
		InsecureAuth: true,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return account{address: listener.Addr().String(), user: testUser, password: testPassword, codec: nametrans.IMAP{Delimiter: '/'}}
}

// wholeMessages is a session that stores no message which ended before its
// announced size: imapmemserver does, as if it were whole.
type wholeMessages struct {
	imapserver.SessionIMAP4rev2
}

func (s wholeMessages) Append(mailbox string, literal imap.LiteralReader, opts *imap.AppendOptions) (*imap.AppendData, error) {
	octets, err := io.ReadAll(literal)
	if err != nil || int64(len(octets)) != literal.Size() {
		return nil, io.ErrUnexpectedEOF
	}
	return s.SessionIMAP4rev2.Append(mailbox, literalOf{bytes.NewReader(octets)}, opts)
}

type literalOf struct{ *bytes.Reader }

func (l literalOf) Size() int64 { return l.Reader.Size() }

// mendsHeader says which bodies imapmemserver does not give back: it splits
// the header at the first empty line and writes that with CRLF.
func mendsHeader(body []byte) bool {
	end := bytes.Index(body, []byte("\r\n\r\n"))
	return end < 0 || bytes.Contains(body[:end], []byte("\n\n"))
}

func capSet(caps ...imap.Cap) imap.CapSet {
	set := imap.CapSet{}
	for _, c := range caps {
		set[c] = struct{}{}
	}
	return set
}

// TestMemoryServer runs the conformance suite against go-imap's server with
// more and with fewer capabilities.
func TestMemoryServer(t *testing.T) {
	for name, caps := range map[string]imap.CapSet{
		"IMAP4rev2": capSet(imap.CapIMAP4rev1, imap.CapIMAP4rev2, imap.CapLiteralPlus),
		"UIDPLUS":   capSet(imap.CapIMAP4rev1, imap.CapUIDPlus, imap.CapListExtended, imap.CapListStatus, imap.CapNamespace),
		"MOVE":      capSet(imap.CapIMAP4rev1, imap.CapMove, imap.CapESearch, imap.CapLiteralPlus),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mirrortest.Repository(t, func(t *testing.T) mirrortest.Fixture {
				f := memoryServer(t, caps).fixture()
				f.Alters = mendsHeader
				return f
			})
		})
	}
}
