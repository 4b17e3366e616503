package imapconn

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
)

// UIDSearch returns those of uids that exist (RFC 9051 §6.4.4), sorted, as
// ranges. uids may be dynamic. ESEARCH (RFC 4731) is used where advertised. It
// always names a set, because iCloud answers bogus UIDs otherwise; UIDs outside
// the set are still possible, and the caller's to ignore.
//
// OK without SEARCH or ESEARCH is ErrNoData, an unreadable one ErrMalformed:
// an empty result without an error means that none exists.
func (c *Conn) UIDSearch(ctx context.Context, uids imap.UIDSet) *DataCommand[imap.UIDSet] {
	return c.UIDSearchFor(ctx, uids, "")
}

// UIDSearchFor is UIDSearch for those that match criteria as well: search keys of RFC
// 9051 §6.4.4 parted by single spaces, every string in quotes, in UTF-8; "" matches all.
// A string that quotes cannot carry goes as a literal, and then UTF-8 is named as the
// charset. Line ends, and braces outside of strings, are refused.
func (c *Conn) UIDSearchFor(ctx context.Context, uids imap.UIDSet, criteria string) *DataCommand[imap.UIDSet] {
	c.mu.Lock()
	extended := c.caps.Has(imap.CapESearch)
	c.mu.Unlock()
	e := new(encoder).raw("UID SEARCH ")
	if extended {
		e.raw("RETURN (ALL) ")
	}
	if !IsASCII(criteria) {
		e.raw("CHARSET UTF-8 ")
	}
	e.raw("UID ").uids(uids, true)
	if criteria != "" {
		e.raw(" (").criteria(criteria).raw(")")
	}
	collect := &searchCollector{}
	cmd := c.enqueue(ctx, &Command{name: "UID SEARCH", kind: kindInside, collect: collect}, e)
	return &DataCommand[imap.UIDSet]{cmd, &collect.data}
}

// criteria writes search keys, each string in the plainest form it has.
func (e *encoder) criteria(keys string) *encoder {
	open := 0 // brackets; the one around all is not theirs to close
	for keys != "" {
		plain, rest, quoted := strings.Cut(keys, `"`)
		for _, c := range plain {
			switch c {
			case '(':
				open++
			case ')':
				open--
			}
			if open < 0 || c < ' ' || c >= 0x7f || c == '{' || c == '}' {
				e.fail("search keys %q", plain)
			}
		}
		e.raw(plain)
		if !quoted {
			break
		}
		var text string
		if text, keys, quoted = unquote(rest); !quoted || strings.ContainsAny(text, "\r\n") {
			e.fail("search keys %q", rest)
		}
		e.str(text)
	}
	if open > 0 {
		e.fail("search keys with an open bracket")
	}
	return e
}

// unquote reads a string as far as its closing quote. ok is false where there is none.
func unquote(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// IsASCII reports whether s goes without a charset.
func IsASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf })
}

type searchCollector struct {
	data    imap.UIDSet
	found   setBuilder
	arrived bool
}

func (s *searchCollector) complete(*statusLine) error {
	s.data = s.found.set()
	if !s.arrived {
		return ErrNoData
	}
	return nil
}

// searchReply reads "SEARCH 1 2 3 (MODSEQ 4)".
func (c *Conn) searchReply() {
	s := c.scan
	var b setBuilder
	for s.spaces(); s.ok() && !s.atLineEnd(); {
		from := s.pos()
		if s.peek() == '(' {
			s.skipValue()
		} else {
			s.uidRange(&b)
		}
		s.spaces()
		s.uncount(from)
	}
	c.giveSearch(&b, 0)
}

// esearchReply reads `ESEARCH (TAG "a1") UID ALL 1:4 COUNT 4` (RFC 9051
// §7.3.4).
func (c *Conn) esearchReply() {
	s := c.scan
	var b setBuilder
	var tag uint64
	if s.accept('(') {
		s.token(endsWord, "esearch")
		s.spaces()
		tag = parseTag(s.astring())
		s.expect(')', "esearch")
	}
	for s.spaces(); s.ok() && !s.atLineEnd(); s.spaces() {
		switch word := upper(s.token(endsAtom, "esearch")); word {
		case "UID":
		case "ALL":
			s.spaces()
			s.uidSet(&b)
		default:
			s.spaces()
			s.skipValue()
		}
	}
	c.giveSearch(&b, tag)
}

// parseTag is the number in one of our tags, 0 for anything else.
func parseTag(tag []byte) uint64 {
	if len(tag) < 2 || tag[0]|0x20 != 'a' {
		return 0
	}
	n, err := strconv.ParseUint(string(tag[1:]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// giveSearch hands a result to the command with that tag, or to the oldest one
// where the reply names none.
func (c *Conn) giveSearch(b *setBuilder, tag uint64) {
	if c.scan.err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.inflight {
		collect, ok := cmd.collect.(*searchCollector)
		if !ok || !cmd.valid() || tag != 0 && cmd.tag != tag {
			continue
		}
		if cmd.ended {
			return
		}
		if !c.scan.ok() {
			cmd.malformed = true
			return
		}
		collect.found.addSet(b.ranges)
		collect.arrived = true
		return
	}
}
