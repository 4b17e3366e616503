package imapconn

import (
	"context"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// ListOptions ask for the RETURN options of LIST-EXTENDED (RFC 5258, RFC 6154,
// RFC 5819). Only what the server advertises may be set.
type ListOptions struct {
	Subscribed bool        // RETURN (SUBSCRIBED)
	SpecialUse bool        // RETURN (SPECIAL-USE)
	Status     StatusItems // RETURN (STATUS (…)); 0 means none
}

// ListEntry is one LIST or LSUB reply.
type ListEntry struct {
	Name   string // octets on the wire
	Delim  byte   // 0 for NIL
	Attrs  []imap.MailboxAttr
	Status *StatusData // nil if the server gave none for this name
}

// Has says whether attr is among the attributes; case does not matter.
func (entry *ListEntry) Has(attr imap.MailboxAttr) bool {
	return slices.ContainsFunc(entry.Attrs, func(a imap.MailboxAttr) bool {
		return strings.EqualFold(string(a), string(attr))
	})
}

// ListData is the answer to LIST.
type ListData struct {
	Entries []ListEntry // in the server's order
	// Unread counts LIST replies that could not be read (an over-long name,
	// broken syntax). Not 0 means that the listing is not complete.
	Unread int
}

// List lists mailboxes (RFC 9051 §6.3.9). A nil opts is plain LIST. No reply
// is an empty list.
func (c *Conn) List(ctx context.Context, reference, pattern string, opts *ListOptions) *DataCommand[ListData] {
	e := new(encoder).raw("LIST ").listArgs(reference, pattern)
	collect := &listCollector{word: "LIST"}
	if opts != nil && *opts != (ListOptions{}) {
		collect.status = opts.Status
		e.returnOptions(opts)
	}
	cmd := c.enqueue(ctx, &Command{name: "LIST", collect: collect}, e)
	return &DataCommand[ListData]{cmd, &collect.data}
}

// Lsub lists subscribed names (RFC 3501 §6.3.9), for servers without
// LIST-EXTENDED. Names may not exist any more.
func (c *Conn) Lsub(ctx context.Context, reference, pattern string) *DataCommand[ListData] {
	e := new(encoder).raw("LSUB ").listArgs(reference, pattern)
	collect := &listCollector{word: "LSUB"}
	cmd := c.enqueue(ctx, &Command{name: "LSUB", collect: collect}, e)
	return &DataCommand[ListData]{cmd, &collect.data}
}

// Xlist is LIST with the special uses that some servers had before RFC 6154: \Inbox,
// \AllMail, \Spam and \Starred stand beside its words. For servers with the capability
// XLIST.
func (c *Conn) Xlist(ctx context.Context, reference, pattern string) *DataCommand[ListData] {
	e := new(encoder).raw("XLIST ").listArgs(reference, pattern)
	collect := &listCollector{word: "XLIST"}
	cmd := c.enqueue(ctx, &Command{name: "XLIST", collect: collect}, e)
	return &DataCommand[ListData]{cmd, &collect.data}
}

// listArgs quotes both arguments: wildcards are no atoms everywhere.
func (e *encoder) listArgs(reference, pattern string) *encoder {
	if strings.ContainsAny(reference+pattern, "\r\n") {
		e.fail("pattern %q holds a line end", reference+pattern)
	}
	return e.str(reference).raw(" ").str(pattern)
}

func (e *encoder) returnOptions(opts *ListOptions) {
	sep := " RETURN ("
	word := func(w string) {
		e.raw(sep + w)
		sep = " "
	}
	if opts.Subscribed {
		word("SUBSCRIBED")
	}
	if opts.SpecialUse {
		word("SPECIAL-USE")
	}
	if opts.Status != 0 {
		word("STATUS ")
		e.statusItems(opts.Status)
	}
	e.raw(")")
}

type listCollector struct {
	data     ListData
	word     string // of its replies
	status   StatusItems
	statuses map[string]*StatusData // by name, until the end: they may come first
}

// complete gives each entry the STATUS of its name.
func (l *listCollector) complete(*statusLine) error {
	for i := range l.data.Entries {
		l.data.Entries[i].Status = l.statuses[sameName(l.data.Entries[i].Name)]
	}
	l.statuses = nil
	return nil
}

// sameName is the key under which names are equal: INBOX is, in any case.
func sameName(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func (c *Conn) listReply(word string) {
	s := c.scan
	entry := ListEntry{Attrs: s.attrs()}
	s.spaces()
	entry.Delim = s.delim()
	s.spaces()
	entry.Name = s.name()
	for s.spaces(); s.ok() && !s.atLineEnd(); s.spaces() {
		s.skipValue() // extended data (RFC 5258 §6)
	}
	if s.err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.inflight {
		l, ok := cmd.collect.(*listCollector)
		if !ok || cmd.ended || l.word != word {
			continue
		}
		if s.ok() {
			l.data.Entries = append(l.data.Entries, entry)
		} else {
			l.data.Unread++
		}
		return
	}
}

// attrs reads the attributes of a LIST reply.
func (s *scanner) attrs() []imap.MailboxAttr {
	if s.nilToken() {
		return nil
	}
	var attrs []imap.MailboxAttr
	s.expect('(', "attributes")
	for s.spaces(); s.ok() && s.peek() != ')'; s.spaces() {
		attrs = append(attrs, imap.MailboxAttr(s.astring()))
	}
	s.expect(')', "attributes")
	return attrs
}

// name reads a mailbox name.
func (s *scanner) name() string {
	b := s.astring()
	if len(b) > s.limits.Name {
		s.reject("name")
		return ""
	}
	return string(b)
}
