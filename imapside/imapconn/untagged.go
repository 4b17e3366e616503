package imapconn

import (
	"github.com/emersion/go-imap/v2"
)

// untagged dispatches what stands behind "* ".
func (c *Conn) untagged() {
	s := c.scan
	if s.startsNumber() {
		c.numbered()
		return
	}
	word := keyword(s.token(endsAtom, "response"))
	if word != "OK" && word != "NO" && word != "BAD" {
		s.spaces()
	}
	switch word {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		c.untaggedStatus(word)
	case "CAPABILITY":
		c.capabilities()
	case "ENABLED":
		c.enabledReply()
	case "FLAGS":
		c.flagsReply()
	case "LIST", "LSUB", "XLIST":
		c.listReply(word)
	case "STATUS":
		c.statusReply()
	case "SEARCH":
		c.searchReply()
	case "ESEARCH":
		c.esearchReply()
	case "VANISHED":
		c.vanishedReply()
	case "NAMESPACE":
		c.namespaceReply()
	case "ID":
		c.idReply()
	default:
		if s.ok() {
			c.odd("response")
			s.skipLineLater()
		}
	}
}

// numbered dispatches "* n WORD".
func (c *Conn) numbered() {
	s := c.scan
	n := s.number32()
	s.spaces()
	word := keyword(s.token(endsAtom, "response"))
	s.spaces()
	if !s.ok() {
		return
	}
	switch word {
	case "FETCH":
		c.fetchReply(n)
	case "EXISTS":
		c.exists(n)
	case "EXPUNGE":
		if f := c.opts.Events.Expunge; f != nil {
			f(n)
		}
	case "RECENT": // obsolete (RFC 9051 Appendix E), and of no use to anybody
	default:
		c.odd("response")
		s.skipLineLater()
	}
}

func (c *Conn) untaggedStatus(word string) {
	s := c.scan
	st := statusLine{Status: Status{Type: imap.StatusResponseType(word)}}
	s.spaces()
	s.statusRest(&st, c.odd)
	if s.err != nil {
		return
	}
	c.note(&st)
	if word == "BYE" {
		c.parting(&st)
		return
	}
	c.mu.Lock()
	if st.caps != nil {
		c.setCaps(st.caps)
	}
	taken := st.caps != nil || st.codeRead && c.takeCode(&st)
	c.mu.Unlock()
	if f := c.opts.Events.Status; f != nil && !taken {
		f(st.Status)
	}
}

// takeCode gives an untagged OK's code to the command it belongs to. c.mu is
// held.
func (c *Conn) takeCode(st *statusLine) bool {
	for i, cmd := range c.inflight {
		switch collect := cmd.collect.(type) {
		case *selectCollector:
			if i == 0 && !cmd.ended && collect.code(st) {
				return true
			}
		case *copyCollector:
			if !cmd.ended && collect.code(st) {
				return true
			}
		}
	}
	return false
}

// head is the oldest command in flight if it is a SELECT that wants replies:
// what arrives for a SELECT further behind belongs to the mailbox before it.
// c.mu is held.
func (c *Conn) headSelect() *selectCollector {
	if len(c.inflight) == 0 || c.inflight[0].ended {
		return nil
	}
	sel, _ := c.inflight[0].collect.(*selectCollector)
	return sel
}

func (c *Conn) exists(n uint32) {
	c.mu.Lock()
	if sel := c.headSelect(); sel != nil {
		sel.data.HasExists, sel.data.Exists = true, n
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	if f := c.opts.Events.Exists; f != nil {
		f(n)
	}
}

func (c *Conn) flagsReply() {
	flags, tooMany := c.scan.flagList(nil)
	if !c.scan.ok() {
		return
	}
	if tooMany {
		c.odd("flags")
	}
	c.mu.Lock()
	if sel := c.headSelect(); sel != nil {
		sel.data.Flags = flags
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	if f := c.opts.Events.Flags; f != nil {
		f(flags)
	}
}

// vanishedReply reads VANISHED (RFC 7162 §3.2.10).
func (c *Conn) vanishedReply() {
	s := c.scan
	earlier := false
	if s.accept('(') {
		earlier = upper(s.token(endsWord, "vanished")) == "EARLIER"
		s.expect(')', "vanished")
		s.spaces()
	}
	var b setBuilder
	s.uidSet(&b)
	if s.err != nil {
		return
	}
	c.mu.Lock()
	to, cmd := c.vanishedTarget(earlier || !s.ok())
	if !s.ok() {
		if cmd != nil {
			cmd.malformed = true
		}
		c.mu.Unlock()
		return
	}
	if to != nil {
		to.addSet(b.set())
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	if f := c.opts.Events.Vanished; f != nil {
		f(b.set(), earlier)
	}
}

// vanishedTarget finds the SELECT or FETCH that asked for VANISHED (EARLIER).
// One that cannot be read counts against the oldest command that may have asked
// for it. c.mu is held.
func (c *Conn) vanishedTarget(earlier bool) (*setBuilder, *Command) {
	if !earlier {
		return nil, nil
	}
	for i, cmd := range c.inflight {
		if cmd.ended || !cmd.owns() {
			continue
		}
		switch collect := cmd.collect.(type) {
		case *selectCollector:
			if i == 0 && collect.qresync {
				return &collect.vanished, cmd
			}
		case *fetchCollector:
			if collect.items.Vanished {
				return &collect.vanished, cmd
			}
		}
	}
	return nil, nil
}

// keywords are the words of responses and FETCH items.
var keywords = func() map[string]string {
	m := map[string]string{}
	for _, word := range []string{
		"OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "ENABLED", "FLAGS", "LIST", "LSUB", "XLIST", "STATUS",
		"SEARCH", "ESEARCH", "VANISHED", "NAMESPACE", "ID", "FETCH", "EXISTS", "EXPUNGE", "RECENT",
		"UID", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "EMAILID", "X-GM-MSGID", "BODY",
	} {
		m[word] = word
	}
	return m
}()

// keyword spells a word in upper case without making garbage, "" if it is not
// one of ours.
func keyword(word []byte) string {
	var buf [16]byte
	if len(word) > len(buf) {
		return ""
	}
	for i, b := range word {
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		buf[i] = b
	}
	return keywords[string(buf[:len(word)])]
}
