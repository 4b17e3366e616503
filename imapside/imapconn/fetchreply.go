package imapconn

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// fetchReply reads "* n FETCH (…)". The command it belongs to is settled when
// the first body begins, else at the end, when the UID is known.
func (c *Conn) fetchReply(seqNum uint32) {
	s := c.scan
	m := &c.msg
	*m = FetchMessage{SeqNum: seqNum, Flags: m.Flags[:0]}
	if seqNum == 0 {
		s.reject("sequence number")
	}
	s.expect('(', "fetch")
	var owner *Command
	for s.spaces(); s.ok() && s.peek() != ')'; s.spaces() {
		owner = c.fetchItem(m, owner)
	}
	s.expect(')', "fetch")
	if s.ok() {
		c.fetched(m, owner)
	}
}

// fetchItem reads one item and its value.
func (c *Conn) fetchItem(m *FetchMessage, owner *Command) *Command {
	s := c.scan
	word := s.token(endsItem, "fetch")
	switch keyword(word) {
	case "UID":
		s.spaces()
		m.UID = s.uid()
	case "FLAGS":
		s.spaces()
		c.fetchFlags(m)
	case "INTERNALDATE":
		s.spaces()
		c.fetchDate(m)
	case "RFC822.SIZE":
		s.spaces()
		c.fetchSize(m)
	case "MODSEQ":
		s.spaces()
		c.fetchModSeq(m)
	case "EMAILID":
		s.spaces()
		c.fetchEmailID(m)
	case "X-GM-MSGID":
		s.spaces()
		if m.named |= HasGmailMsgID; s.startsNumber() {
			m.GmailMsgID = s.number()
			m.Has |= HasGmailMsgID
		} else {
			c.oddValue("value")
		}
	case "BODY":
		if s.peek() == '[' {
			return c.fetchBody(m, owner)
		}
		fallthrough // BODY as structure
	default:
		if s.ok() {
			c.odd("fetch-item")
			c.skipItem()
		}
	}
	return owner
}

// skipItem skips what follows the name of an unknown item: perhaps a section
// and a partial range, then its value.
func (c *Conn) skipItem() {
	s := c.scan
	if s.peek() == '[' {
		s.section()
	}
	s.origin()
	s.spaces()
	if s.ok() && s.peek() != ')' {
		s.skipValue()
	}
}

// oddValue skips a value that is not what its item should have: NIL, mostly.
func (c *Conn) oddValue(kind string) {
	if c.scan.ok() {
		c.odd(kind)
		c.scan.skipValue()
	}
}

func (c *Conn) fetchFlags(m *FetchMessage) {
	m.named |= HasFlags
	list, tooMany := c.scan.flagList(m.Flags[:0])
	m.Flags = list
	if tooMany { // a part of the flags is worse than none
		c.odd("flags")
		m.Flags = list[:0]
		return
	}
	m.Has |= HasFlags
}

func (c *Conn) fetchDate(m *FetchMessage) {
	s := c.scan
	m.named |= HasInternalDate
	if s.peek() != '"' && !s.startsLiteral() {
		c.oddValue("date")
		return
	}
	t, ok := s.zones.dateTime(s.str())
	if !ok {
		c.odd("date")
		return
	}
	m.InternalDate = t
	m.Has |= HasInternalDate
}

func (c *Conn) fetchSize(m *FetchMessage) {
	s := c.scan
	m.named |= HasSize
	if !s.startsNumber() {
		c.oddValue("size")
		return
	}
	m.Size = int64(s.number63())
	m.Has |= HasSize
}

// fetchModSeq reads "(n)" (RFC 7162 §3.1.4).
func (c *Conn) fetchModSeq(m *FetchMessage) {
	s := c.scan
	m.named |= HasModSeq
	if s.peek() != '(' {
		c.oddValue("value")
		return
	}
	s.accept('(')
	s.spaces()
	m.ModSeq = s.number63()
	s.spaces()
	s.expect(')', "modseq")
	m.Has |= HasModSeq
}

// fetchEmailID reads "(id)" (RFC 8474 §5.1), or NIL.
func (c *Conn) fetchEmailID(m *FetchMessage) {
	s := c.scan
	m.named |= HasEmailID
	if s.peek() != '(' {
		c.oddValue("value")
		return
	}
	s.accept('(')
	m.EmailID = string(s.astring())
	s.expect(')', "emailid")
	m.Has |= HasEmailID
}

// section reads "[…]" and returns what is inside; only HEADER.FIELDS has
// parentheses, strings and literals in it.
func (s *scanner) section() (words []string) {
	s.expect('[', "section")
	for s.spaces(); s.ok() && s.peek() != ']'; s.spaces() {
		switch {
		case s.accept('('), s.accept(')'):
		case s.peek() == '"' || s.startsLiteral():
			words = append(words, string(s.str()))
		default:
			words = append(words, string(s.token(endsWordOrParen, "section")))
		}
	}
	s.expect(']', "section")
	return words
}

var endsWordOrParen = octets(` ()]"`, true)

// origin skips "<n>".
func (s *scanner) origin() {
	if s.accept('<') {
		s.number()
		s.expect('>', "origin")
	}
}

// fetchBody reads "[section] value", the value being streamed to the command
// that asked for it.
func (c *Conn) fetchBody(m *FetchMessage, owner *Command) *Command {
	s := c.scan
	words := s.section()
	s.origin()
	s.spaces()
	if !s.ok() {
		return owner
	}
	m.part |= anySection // until the owner's sections are known
	if owner == nil {
		owner = c.fetchOwner(m)
	}
	m.part &^= anySection
	f := fetchOf(owner)
	if f == nil {
		c.odd("fetch-item")
		s.skipValue()
		return owner
	}
	i := sectionIndex(f.items.Sections, words)
	if i < 0 {
		c.odd("fetch-item")
		s.skipValue()
		return owner
	}
	m.part |= 1 << i
	c.body = FetchBody{Section: f.items.Sections[i]}
	c.streamBody(m, owner, f, i)
	return owner
}

// anySection stands for a section whose index is not known yet.
const anySection = 1 << 63

// streamBody hands the value to the handler and skips what it leaves.
func (c *Conn) streamBody(m *FetchMessage, owner *Command, f *fetchCollector, section int) {
	s := c.scan
	src, b := &c.source, &c.body
	*src = bodySource{s: s}
	b.src = src
	switch {
	case s.startsLiteral():
		src.left, _ = s.literalSize()
		b.Size = src.left
	case s.peek() == '"':
		text := s.quotedBody()
		b.Size, b.src = int64(len(text)), bytes.NewReader(text)
	case s.nilToken():
		b.Nil = true
	default:
		s.reject("body")
	}
	if !s.ok() {
		return
	}
	s.beginBody()
	if c.begin(owner, true) {
		f.giveBody(m, b)
		c.release(owner)
	}
	if !b.Nil {
		m.Bodies++
		m.whole |= 1 << section
	}
	b.src = closedBody{}
	if left := src.left; left > 0 {
		s.copyOctets(io.Discard, left)
		src.left = 0
	}
	s.endBody()
}

// quotedBody reads a body that came as a quoted string, keeping it out of the
// trace like any other.
func (s *scanner) quotedBody() []byte {
	s.beginBody()
	text := bytes.Clone(s.quoted())
	s.endBody()
	s.traceSize(int64(len(text)))
	return text
}

// sectionIndex finds which of the sections asked for words are, -1 for none.
// Servers spell the header list in their own order and case.
func sectionIndex(asked []Section, words []string) int {
	for i, section := range asked {
		switch section.Part {
		case PartAll:
			if len(words) == 0 {
				return i
			}
		case PartHeader:
			if len(words) == 1 && strings.EqualFold(words[0], "HEADER") {
				return i
			}
		case PartHeaderFields:
			if len(words) > 0 && strings.EqualFold(words[0], "HEADER.FIELDS") && sameFields(section.Fields, words[1:]) {
				return i
			}
		}
	}
	return -1
}

func sameFields(asked, answered []string) bool {
	for _, list := range [][2][]string{{asked, answered}, {answered, asked}} {
		for _, field := range list[0] {
			if !containsFold(list[1], field) {
				return false
			}
		}
	}
	return true
}

func containsFold(list []string, word string) bool {
	for _, w := range list {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// fetchOwner is the oldest command in flight that the reply can belong to.
func (c *Conn) fetchOwner(m *FetchMessage) *Command {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, cmd := range c.inflight {
		taker, ok := cmd.collect.(fetchTaker)
		if !ok || cmd.ended || !cmd.owns() {
			continue
		}
		if _, isSelect := taker.(*selectCollector); isSelect && i > 0 {
			continue
		}
		if taker.wants(m) {
			return cmd
		}
	}
	return nil
}

func fetchOf(cmd *Command) *fetchCollector {
	if cmd == nil {
		return nil
	}
	f, _ := cmd.collect.(*fetchCollector)
	return f
}

// fetched hands over a reply that was read to its end.
func (c *Conn) fetched(m *FetchMessage, owner *Command) {
	if owner == nil {
		owner = c.fetchOwner(m)
	}
	if owner == nil {
		if f := c.opts.Events.Fetch; f != nil {
			f(m)
		}
		return
	}
	if c.begin(owner, false) {
		taker := owner.collect.(fetchTaker)
		taker.took(m)
		taker.deliver().giveMessage(m)
		c.release(owner)
	}
}

func (c *Conn) begin(cmd *Command, streaming bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmd.begin(streaming)
}

func (c *Conn) release(cmd *Command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd.release()
}

// closedBody is what a body is once its handler has returned.
type closedBody struct{}

func (closedBody) Read([]byte) (int, error) { return 0, errBodyOver }

var errBodyOver = errors.New("body read after its handler returned")
