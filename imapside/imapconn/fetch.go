package imapconn

import (
	"context"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
)

// FetchItems say what to ask for; the UID always comes along (RFC 9051
// §6.4.9). Bodies are asked for with PEEK only.
type FetchItems struct {
	Flags        bool
	InternalDate bool
	Size         bool // RFC822.SIZE
	ModSeq       bool // needs CONDSTORE
	EmailID      bool // needs OBJECTID
	GmailMsgID   bool // X-GM-MSGID, needs X-GM-EXT-1
	Sections     []Section

	// ChangedSince, if not 0, limits the answer to messages with a higher
	// MODSEQ (needs CONDSTORE). Vanished asks for VANISHED (EARLIER) as well
	// (needs ChangedSince, and QRESYNC enabled).
	ChangedSince uint64
	Vanished     bool
}

// Section is a part of a message.
type Section struct {
	Part   SectionPart
	Fields []string // header names, for PartHeaderFields
}

// SectionPart is a kind of Section.
type SectionPart int

const (
	PartAll          SectionPart = iota // BODY[], the whole message
	PartHeader                          // BODY[HEADER]
	PartHeaderFields                    // BODY[HEADER.FIELDS (…)]
)

// FetchHas is a set of FETCH items.
type FetchHas uint8

const (
	HasFlags FetchHas = 1 << iota
	HasInternalDate
	HasSize
	HasModSeq
	HasEmailID
	HasGmailMsgID
)

// FetchMessage is one FETCH reply, as far as it was read. A field counts only
// if its bit is in Has; a NIL, negative or unreadable value has none. It and
// its slices are valid during the handler's call only.
type FetchMessage struct {
	SeqNum       uint32
	UID          imap.UID // 0: not (yet) said
	Has          FetchHas
	Flags        []imap.Flag // as sent, \Recent included
	InternalDate time.Time
	Size         int64 // octets
	ModSeq       uint64
	EmailID      string
	GmailMsgID   uint64
	Bodies       int // bodies handed over in this reply before, NIL ones not counted

	named FetchHas // items that were there, with whatever value
	part  uint64   // sections that were there, as bits of FetchItems.Sections
	whole uint64   // … and not NIL
}

// FetchBody is a body while it arrives. Read ends with io.EOF after Size
// octets; an earlier end is an error that wraps that of the connection.
type FetchBody struct {
	Section Section // as asked for; an answered header list is matched without case or order
	Size    int64   // octets; 0 for NIL
	Nil     bool    // the server answered NIL: there is no such body

	src io.Reader
}

// Read implements io.Reader. It must not be called after the handler has
// returned.
func (b *FetchBody) Read(p []byte) (int, error) { return b.src.Read(p) }

// FetchHandler receives the replies to one FETCH, in order of arrival, on the
// connection's reading goroutine: while it blocks, nothing else is read. It
// must not wait for a command of the same connection. After an error of it the
// rest of the answer is dropped, the connection stays usable, and Wait returns
// the error as it is.
type FetchHandler struct {
	// Body is called when a body begins. msg holds the items that came before
	// it in the same reply: its UID may still be 0, and is then told by
	// Message, under the same SeqNum. What it leaves unread is skipped. Nil
	// skips all bodies.
	Body func(msg *FetchMessage, body *FetchBody) error
	// Message is called at the end of each reply that could be read to its
	// end. Servers may answer a message in several replies, and with UID 0
	// when they never said it. Nil drops.
	Message func(msg *FetchMessage) error
}

// FetchData sums a FETCH up. Sets are sorted.
type FetchData struct {
	// Arrived are the UIDs for which the flags and every section asked for
	// came (in one reply or several); a NIL body does not count.
	Arrived imap.UIDSet
	// Incomplete are UIDs that were answered without all of that.
	Incomplete imap.UIDSet
	// Vanished are those of VANISHED (EARLIER).
	Vanished imap.UIDSet
}

// UIDFetch fetches items of uids (RFC 9051 §6.4.9), which may be dynamic
// ("5:*", answered with the last message even if its UID is lower). OK says
// nothing about completeness: compare FetchData.Arrived with what was asked
// (Missing). A reply is taken for this command when its UID is in uids and it
// holds at least one item asked for besides FLAGS and MODSEQ, or only such were
// asked for; other replies go to Events.Fetch.
func (c *Conn) UIDFetch(ctx context.Context, uids imap.UIDSet, items FetchItems, handler FetchHandler) *DataCommand[FetchData] {
	e := new(encoder).raw("UID FETCH ").uids(uids, true).raw(" (UID")
	e.fetchItems(&items)
	e.raw(")")
	switch {
	case items.Vanished && items.ChangedSince == 0:
		e.fail("VANISHED without CHANGEDSINCE")
	case items.ChangedSince > 0:
		e.raw(" (CHANGEDSINCE ").num(items.ChangedSince)
		if items.Vanished {
			e.raw(" VANISHED")
		}
		e.raw(")")
	}
	collect := &fetchCollector{
		delivery: delivery{body: handler.Body, message: handler.Message},
		uids:     canonical(uids),
		items:    items,
	}
	cmd := c.enqueue(ctx, &Command{name: "UID FETCH", kind: kindInside, collect: collect}, e)
	return &DataCommand[FetchData]{cmd, &collect.data}
}

func (e *encoder) fetchItems(items *FetchItems) {
	for _, item := range []struct {
		word string
		on   bool
	}{
		{"FLAGS", items.Flags},
		{"INTERNALDATE", items.InternalDate},
		{"RFC822.SIZE", items.Size},
		{"MODSEQ", items.ModSeq},
		{"EMAILID", items.EmailID},
		{"X-GM-MSGID", items.GmailMsgID},
	} {
		if item.on {
			e.raw(" " + item.word)
		}
	}
	if len(items.Sections) > 63 {
		e.fail("%d sections", len(items.Sections))
	}
	for _, section := range items.Sections {
		e.section(section)
	}
}

func (e *encoder) section(section Section) {
	switch section.Part {
	case PartAll:
		e.raw(" BODY.PEEK[]")
	case PartHeader:
		e.raw(" BODY.PEEK[HEADER]")
	case PartHeaderFields:
		if len(section.Fields) == 0 {
			e.fail("HEADER.FIELDS without a field")
		}
		for i, field := range section.Fields {
			if i == 0 {
				e.raw(" BODY.PEEK[HEADER.FIELDS (")
			} else {
				e.raw(" ")
			}
			e.atom(field)
		}
		e.raw(")]")
	default:
		e.fail("section part %d", section.Part)
	}
}
