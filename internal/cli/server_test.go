package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// A testServer is an IMAP server in memory that scripts talk to, with the
// faults that its traits ask for.
type testServer struct {
	traits   traits
	accounts *imapmemserver.Server
	user     *imapmemserver.User
	server   *imapserver.Server
	listener net.Listener
	logins   atomic.Int32
	lifted   atomic.Bool   // it takes every message now
	waiting  chan struct{} // gets one for each login that hangs
	release  chan struct{} // closed when the server is to end
	served   chan struct{} // closed when it has ended
}

type traits struct {
	tls     bool   // implicit, with a certificate of its own
	refuses bool   // every password
	busy    bool   // every sign-in
	hangs   bool   // at the password
	limit   int    // the largest message it takes, 0 for any
	hates   string // what no message may hold
	plain   bool   // stores system flags only
	forbids string
}

const testUser, testPassword = "ann", "s3cret-w0rd"

// newTestServer starts a server; close ends it.
func newTestServer(tr traits) (s *testServer, err error) {
	s = &testServer{traits: tr, accounts: imapmemserver.New(), user: imapmemserver.NewUser(testUser, testPassword),
		waiting: make(chan struct{}, 1), release: make(chan struct{}), served: make(chan struct{})}
	s.accounts.AddUser(s.user)
	if err := s.user.Create("INBOX", nil); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.server = imapserver.New(&imapserver.Options{
		NewSession:   s.session,
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0),
	})
	listener := s.listener
	if tr.tls {
		certificate, err := ownCertificate()
		if err != nil {
			return nil, err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(listener)
	}()
	return s, nil
}

func (s *testServer) close() {
	close(s.release)
	_ = s.server.Close()
	<-s.served
}

// ownCertificate makes a certificate for localhost that nobody signed.
func ownCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (s *testServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *testServer) session(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	return &testSession{UserSession: imapmemserver.NewUserSession(s.user), server: s}, nil, nil
}

// testSession is a session with faults.
type testSession struct {
	*imapmemserver.UserSession
	server *testServer
}

func (c *testSession) Login(user, password string) error {
	c.server.logins.Add(1)
	if c.server.traits.hangs {
		c.server.waiting <- struct{}{}
		<-c.server.release
	}
	if c.server.traits.refuses {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "Wrong\x1b[31m password, \u202eann"}
	}
	if c.server.traits.busy {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Text: "Too many connections, wait 90 seconds"}
	}
	return c.UserSession.Login(user, password)
}

func (c *testSession) Append(mailbox string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	limit, hates := c.server.traits.limit, c.server.traits.hates
	switch {
	case c.server.lifted.Load():
	case limit > 0 && len(body) > limit:
		return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeTooBig, Text: "Message too large, try a smaller one"}
	case hates != "" && bytes.Contains(body, []byte(hates)):
		return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "We do not like its contents"}
	}
	if c.server.traits.plain {
		options.Flags = systemFlags(options.Flags)
	}
	return c.UserSession.Append(mailbox, literal{bytes.NewReader(body)}, options)
}

func (c *testSession) Create(mailbox string, options *imap.CreateOptions) error {
	if f := c.server.traits.forbids; f != "" && strings.HasPrefix(mailbox, f) {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeNoPerm, Text: "Mailbox name is reserved"}
	}
	return c.UserSession.Create(mailbox, options)
}

func (c *testSession) Select(mailbox string, options *imap.SelectOptions) (*imap.SelectData, error) {
	data, err := c.UserSession.Select(mailbox, options)
	if err == nil && c.server.traits.plain {
		data.PermanentFlags = []imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft}
	}
	return data, err
}

func (c *testSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	if c.server.traits.plain {
		flags.Flags = systemFlags(flags.Flags)
	}
	return c.UserSession.Store(w, set, flags, options)
}

func systemFlags(flags []imap.Flag) (kept []imap.Flag) {
	for _, f := range flags {
		if strings.HasPrefix(string(f), `\`) && f != imap.FlagWildcard {
			kept = append(kept, f)
		}
	}
	return kept
}

// deliver puts a message into a mailbox, which is made if need be.
func (s *testServer) deliver(m demoMessage) error {
	if _, err := s.user.Status(m.mailbox, &imap.StatusOptions{}); err != nil {
		if err := s.user.Create(m.mailbox, nil); err != nil {
			return err
		}
	}
	_, err := s.user.Append(m.mailbox, literal{bytes.NewReader(m.body)}, &imap.AppendOptions{Flags: m.flags, Time: m.date})
	return err
}

// count returns the number of messages in a mailbox, -1 where there is none.
func (s *testServer) count(mailbox string) int {
	data, err := s.user.Status(mailbox, &imap.StatusOptions{NumMessages: true})
	if err != nil {
		return -1
	}
	return int(*data.NumMessages)
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }
