package cli

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// The account of the demo's server, which nobody but this machine can reach.
const (
	demoUser     = "ann"
	demoPassword = "demo"
)

// A demoServer is an IMAP server in this process, in memory, on a port of the
// loopback interface.
type demoServer struct {
	listener net.Listener
	server   *imapserver.Server
	served   chan error
}

func startDemoServer() (*demoServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	accounts := imapmemserver.New()
	accounts.AddUser(imapmemserver.NewUser(demoUser, demoPassword))
	s := &demoServer{listener: listener, served: make(chan error, 1)}
	s.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return accounts.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0),
	})
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

// stop ends the server; its mail is gone then.
func (s *demoServer) stop() {
	// The demo is over: what ending meets is of no interest.
	_ = s.server.Close()
	<-s.served
}

func (s *demoServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// A demoClient is another mail program at the demo's server: it fills it,
// changes things behind our back, and reads back what is there. It shares no
// code with what it checks.
type demoClient struct {
	conn *imapclient.Client
}

func (s *demoServer) client() (*demoClient, error) {
	conn, err := imapclient.DialInsecure(s.listener.Addr().String(), nil)
	if err != nil {
		return nil, err
	}
	if err := conn.Login(demoUser, demoPassword).Wait(); err != nil {
		conn.Close()
		return nil, err
	}
	return &demoClient{conn}, nil
}

func (c *demoClient) close() { c.conn.Close() }

func (c *demoClient) create(mailbox string) error {
	if err := c.conn.Create(mailbox, nil).Wait(); err != nil {
		return err
	}
	return c.conn.Subscribe(mailbox).Wait()
}

func (c *demoClient) deliver(m demoMessage) error {
	cmd := c.conn.Append(m.mailbox, int64(len(m.body)), &imap.AppendOptions{Flags: m.flags, Time: m.date})
	if _, err := cmd.Write(m.body); err != nil {
		return err
	}
	if err := cmd.Close(); err != nil {
		return err
	}
	_, err := cmd.Wait()
	return err
}

// flag adds a flag to the newest message of a mailbox.
func (c *demoClient) flag(mailbox string, flag imap.Flag) error {
	newest, err := c.newest(mailbox)
	if err != nil {
		return err
	}
	return c.conn.Store(imap.UIDSetNum(newest), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{flag}}, nil).Close()
}

// remove expunges the newest message of a mailbox.
func (c *demoClient) remove(mailbox string) error {
	if err := c.flag(mailbox, imap.FlagDeleted); err != nil {
		return err
	}
	newest, err := c.newest(mailbox)
	if err != nil {
		return err
	}
	return c.conn.UIDExpunge(imap.UIDSetNum(newest)).Close()
}

func (c *demoClient) newest(mailbox string) (imap.UID, error) {
	if _, err := c.conn.Select(mailbox, nil).Wait(); err != nil {
		return 0, err
	}
	found, err := c.conn.UIDSearch(&imap.SearchCriteria{}, nil).Wait()
	if err != nil {
		return 0, err
	}
	uids := found.AllUIDs()
	if len(uids) == 0 {
		return 0, fmt.Errorf("%q is empty", mailbox)
	}
	return uids[len(uids)-1], nil
}

// mail reads everything: the messages of each mailbox.
func (c *demoClient) mail() (map[string][]demoMessage, error) {
	list, err := c.conn.List("", "*", nil).Collect()
	if err != nil {
		return nil, err
	}
	all := map[string][]demoMessage{}
	for _, l := range list {
		if all[l.Mailbox], err = c.mailbox(l.Mailbox); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c *demoClient) mailbox(name string) ([]demoMessage, error) {
	selected, err := c.conn.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil || selected.NumMessages == 0 {
		return nil, err
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	fetched, err := c.conn.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true, InternalDate: true,
		BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		return nil, err
	}
	var list []demoMessage
	for _, m := range fetched {
		list = append(list, demoMessage{mailbox: name, flags: m.Flags, date: m.InternalDate, body: m.FindBodySection(whole)})
	}
	return list, nil
}

// A demoMessage is a message as it travels, with CRLF line ends.
type demoMessage struct {
	mailbox string
	flags   []imap.Flag
	date    time.Time
	body    []byte
}

func (m demoMessage) equal(other demoMessage) bool {
	return m.mailbox == other.mailbox && bytes.Equal(m.body, other.body) && m.date.Unix() == other.date.Unix() && sameFlags(m.flags, other.flags)
}
