package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// StatusItems is a set of STATUS items.
type StatusItems uint16

const (
	StatusMessages StatusItems = 1 << iota
	StatusUIDNext
	StatusUIDValidity
	StatusUnseen
	StatusDeleted       // IMAP4rev2 or QUOTA
	StatusSize          // STATUS=SIZE
	StatusHighestModSeq // CONDSTORE
	StatusAppendLimit   // APPENDLIMIT; has no value where there is no limit
	StatusMailboxID     // OBJECTID
)

// statusWords are the items' names, in the order of their bits.
var statusWords = [...]string{
	"MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "APPENDLIMIT", "MAILBOXID",
}

// StatusData is one STATUS reply. A field counts only if its bit is in Has; a
// server may answer fewer items than were asked for (Courier: none).
type StatusData struct {
	Mailbox       string // octets on the wire
	Has           StatusItems
	Messages      uint32
	UIDNext       imap.UID // QQ says 0
	UIDValidity   uint32   // iCloud says 0
	Unseen        uint32
	Deleted       uint32
	Size          int64 // octets
	HighestModSeq uint64
	AppendLimit   int64 // octets
	MailboxID     string
}

// Status asks for the state of a mailbox, which should not be the selected one
// (RFC 9051 §6.3.11). OK without a readable reply for that name is ErrNoData.
// Servers report a missing mailbox as NO.
func (c *Conn) Status(ctx context.Context, mailbox string, items StatusItems) *DataCommand[StatusData] {
	e := new(encoder).raw("STATUS ").mailbox(mailbox).raw(" ")
	e.statusItems(items)
	collect := &statusCollector{name: sameName(mailbox)}
	cmd := c.enqueue(ctx, &Command{name: "STATUS", collect: collect}, e)
	return &DataCommand[StatusData]{cmd, &collect.data}
}

func (e *encoder) statusItems(items StatusItems) {
	if items == 0 || items >= 1<<len(statusWords) {
		e.fail("STATUS items %#x", uint16(items))
	}
	sep := "("
	for i, word := range statusWords {
		if items&(1<<i) != 0 {
			e.raw(sep + word)
			sep = " "
		}
	}
	e.raw(")")
}

type statusCollector struct {
	name    string
	data    StatusData
	arrived bool
}

func (s *statusCollector) complete(*statusLine) error {
	if !s.arrived {
		return ErrNoData
	}
	return nil
}

func (c *Conn) statusReply() {
	s := c.scan
	d := StatusData{Mailbox: s.name()}
	s.spaces()
	s.expect('(', "status")
	for s.spaces(); s.ok() && s.peek() != ')'; s.spaces() {
		word := upper(s.token(endsAtom, "status"))
		s.spaces()
		if s.ok() && !s.statusItem(&d, word) {
			c.odd("value")
		}
	}
	s.expect(')', "status")
	if s.ok() {
		c.giveStatus(&d)
	}
}

// statusItem reads the value of one item; false means that it was skipped.
func (s *scanner) statusItem(d *StatusData, word string) bool {
	if word == "MAILBOXID" {
		return s.statusMailboxID(d)
	}
	if !s.startsNumber() {
		s.skipValue() // NIL, or negative
		return word == "APPENDLIMIT"
	}
	var item StatusItems
	switch word {
	case "MESSAGES":
		item, d.Messages = StatusMessages, s.number32()
	case "UIDNEXT":
		item, d.UIDNext = StatusUIDNext, imap.UID(s.number32())
	case "UIDVALIDITY":
		item, d.UIDValidity = StatusUIDValidity, s.number32()
	case "UNSEEN":
		item, d.Unseen = StatusUnseen, s.number32()
	case "DELETED":
		item, d.Deleted = StatusDeleted, s.number32()
	case "SIZE":
		item, d.Size = StatusSize, int64(s.number63())
	case "HIGHESTMODSEQ":
		item, d.HighestModSeq = StatusHighestModSeq, s.number63()
	case "APPENDLIMIT":
		item, d.AppendLimit = StatusAppendLimit, int64(s.number63())
	default:
		s.skipValue()
		return word == "RECENT"
	}
	d.Has |= item
	return true
}

func (s *scanner) statusMailboxID(d *StatusData) bool {
	if !s.accept('(') {
		s.skipValue()
		return false
	}
	d.MailboxID = string(s.astring())
	s.expect(')', "status")
	d.Has |= StatusMailboxID
	return true
}

// giveStatus hands a STATUS to the oldest command that asked for that name.
func (c *Conn) giveStatus(d *StatusData) {
	name := sameName(d.Mailbox)
	c.mu.Lock()
	for _, cmd := range c.inflight {
		if cmd.ended {
			continue
		}
		switch collect := cmd.collect.(type) {
		case *statusCollector:
			if collect.name == name {
				collect.data, collect.arrived = *d, true
				c.mu.Unlock()
				return
			}
		case *listCollector:
			if collect.status != 0 {
				if collect.statuses == nil {
					collect.statuses = map[string]*StatusData{}
				}
				collect.statuses[name] = d
				c.mu.Unlock()
				return
			}
		}
	}
	c.mu.Unlock()
	if f := c.opts.Events.MailboxStatus; f != nil {
		f(d)
	}
}
