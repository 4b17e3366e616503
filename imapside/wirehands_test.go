package imapside_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// The following are the hands of another client, which need no wire. A mailbox
// that is not there is a mistake of the test.

func wireName(name mirror.Name) string {
	wire, err := nametrans.IMAP{Delimiter: '/'}.Encode(name)
	if err != nil {
		panic(err)
	}
	return wire
}

func (s *wireServer) create(name string) {
	if err := s.user.Create(name, nil); err != nil {
		panic(err)
	}
}

func (s *wireServer) rename(from, to mirror.Name) {
	if err := s.user.Rename(wireName(from), wireName(to), nil); err != nil {
		panic(err)
	}
}

// at calls act with the mailbox selected.
func (s *wireServer) at(name mirror.Name, act func(*imapmemserver.UserSession) error) {
	c := imapmemserver.NewUserSession(s.user)
	if _, err := c.Select(wireName(name), nil); err != nil {
		panic(err)
	}
	err := act(c)
	c.Close()
	if err != nil {
		panic(err)
	}
}

// renumber gives a mailbox another UIDVALIDITY and its messages new UIDs.
func (s *wireServer) renumber(name mirror.Name) {
	s.acting.Lock()
	defer s.acting.Unlock()
	s.ages[wireName(name)]++
	if err := s.user.Rename(wireName(name), "old", nil); err != nil {
		panic(err)
	}
	s.create(wireName(name))
	s.at("old", func(c *imapmemserver.UserSession) error {
		_, err := c.Copy(imap.UIDSet{{Start: 1}}, wireName(name))
		return err
	})
	if err := s.user.Delete("old"); err != nil {
		panic(err)
	}
}

func (s *wireServer) deliver(name mirror.Name, body []byte, flags mirror.Flags, date time.Time) {
	opts := &imap.AppendOptions{Flags: flags.List(), Time: date}
	if _, err := s.user.Append(wireName(name), literalOf{bytes.NewReader(body)}, opts); err != nil {
		panic(err)
	}
}

func (s *wireServer) flag(name mirror.Name, uid imap.UID, op imap.StoreFlagsOp, flags mirror.Flags) {
	s.at(name, func(c *imapmemserver.UserSession) error {
		return c.Store(nil, imap.UIDSetNum(uid), &imap.StoreFlags{Op: op, Silent: true, Flags: flags.List()}, nil)
	})
}

func (s *wireServer) move(from mirror.Name, uid imap.UID, to mirror.Name) {
	s.at(from, func(c *imapmemserver.UserSession) error { return shift(c, imap.UIDSetNum(uid), wireName(to)) })
}

func (s *wireServer) remove(name mirror.Name, uid imap.UID) {
	s.at(name, func(c *imapmemserver.UserSession) error { return erase(c, imap.UIDSetNum(uid)) })
}

// stored is one message in the account.
type stored struct {
	uid   imap.UID
	entry mirrortest.Entry
	flags mirror.Flags
}

// messages reads the whole account with go-imap's client over a wire of its
// own.
func (s *wireServer) messages(t *testing.T) map[mirror.Name][]stored {
	t.Helper()
	conn, _ := s.dial(nil, nil)
	c := imapclient.New(conn, nil)
	defer c.Close()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("read the server: %v", err)
		}
	}
	try(c.Login(testUser, testPassword).Wait())
	listed, err := c.List("", "*", nil).Collect()
	try(err)
	all := map[mirror.Name][]stored{}
	section := &imap.FetchItemBodySection{Peek: true}
	for _, data := range listed {
		name, err := nametrans.IMAP{Delimiter: '/'}.Decode(data.Mailbox)
		try(err)
		all[name] = nil
		selected, err := c.Select(data.Mailbox, nil).Wait()
		try(err)
		if selected.NumMessages == 0 {
			continue
		}
		list, err := c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		try(err)
		for _, m := range list {
			flags := mirror.MakeFlags(m.Flags...)
			all[name] = append(all[name], stored{m.UID, mirrortest.NewEntry(m.FindBodySection(section), flags, m.InternalDate), flags})
		}
	}
	return all
}
