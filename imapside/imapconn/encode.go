package imapconn

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// part is a piece of a command: text, then perhaps a literal. How the literal
// is announced is decided when it is written.
type part struct {
	text    []byte
	literal bool
	size    int64
	data    []byte    // the literal, or
	body    io.Reader // where it comes from
}

// encoder writes the arguments of one command; nothing reaches the wire that
// did not pass through it. The first error sticks.
type encoder struct {
	parts []part
	text  []byte
	err   error
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("%w: %s", ErrArgument, fmt.Sprintf(format, args...))
	}
}

// raw writes words of ours.
func (e *encoder) raw(s string) *encoder {
	e.text = append(e.text, s...)
	return e
}

func (e *encoder) num(n uint64) *encoder {
	e.text = strconv.AppendUint(e.text, n, 10)
	return e
}

func isAtomChar(b byte) bool {
	return b > ' ' && b < 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(b))
}

func isAtom(s string) bool {
	for i := range len(s) {
		if !isAtomChar(s[i]) {
			return false
		}
	}
	return s != ""
}

// atom writes a word that must be one.
func (e *encoder) atom(s string) *encoder {
	if !isAtom(s) {
		e.fail("%q is no atom", s)
	}
	return e.raw(s)
}

// astring writes a string in the plainest form it has.
func (e *encoder) astring(s string) *encoder {
	if isAtom(s) && !strings.EqualFold(s, "NIL") {
		return e.raw(s)
	}
	return e.str(s)
}

// str writes a quoted string, or a literal where that cannot hold it: 8-bit
// octets, CR, LF.
func (e *encoder) str(s string) *encoder {
	quotable := len(s) <= 1000 // servers bound quoted strings
	for i := range len(s) {
		switch b := s[i]; {
		case b == 0:
			e.fail("a string holds NUL")
			return e
		case b >= 0x80 || b == '\r' || b == '\n':
			quotable = false
		}
	}
	if !quotable {
		return e.literal([]byte(s))
	}
	e.text = append(e.text, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			e.text = append(e.text, '\\')
		}
		e.text = append(e.text, s[i])
	}
	e.text = append(e.text, '"')
	return e
}

func (e *encoder) literal(data []byte) *encoder {
	e.parts = append(e.parts, part{text: e.text, literal: true, size: int64(len(data)), data: data})
	e.text = nil
	return e
}

func (e *encoder) body(r io.Reader, size int64) *encoder {
	if size < 0 || r == nil {
		e.fail("a body of %d octets", size)
	}
	e.parts = append(e.parts, part{text: e.text, literal: true, size: size, body: r})
	e.text = nil
	return e
}

// mailbox writes a name or a pattern. A line end in a name is refused: no
// server means it well.
func (e *encoder) mailbox(name string) *encoder {
	if strings.ContainsAny(name, "\r\n") {
		e.fail("mailbox name %q holds a line end", name)
	}
	if strings.EqualFold(name, "INBOX") {
		return e.raw("INBOX")
	}
	return e.astring(name)
}

func (e *encoder) flagList(flags []imap.Flag) *encoder {
	e.raw("(")
	for i, f := range flags {
		if i > 0 {
			e.raw(" ")
		}
		e.flag(f)
	}
	return e.raw(")")
}

func (e *encoder) flag(f imap.Flag) {
	if !isAtom(strings.TrimPrefix(string(f), `\`)) {
		e.fail("flag %q is no atom", string(f))
	}
	if strings.EqualFold(string(f), `\Recent`) {
		e.fail(`flag \Recent cannot be set`)
	}
	e.raw(string(f))
}

// uids writes a set sorted and merged: QQ refuses others.
func (e *encoder) uids(set imap.UIDSet, dynamic bool) *encoder {
	switch {
	case len(set) == 0:
		e.fail("an empty UID set")
	case imap.IsSearchRes(set):
		e.fail("a saved search result as a UID set")
	case !dynamic && set.Dynamic():
		e.fail("a dynamic UID set")
	default:
		e.text = appendSet(e.text, canonical(set))
	}
	return e
}

// dateTime writes a date-time (RFC 9051 §9), whose year has four digits.
func (e *encoder) dateTime(t time.Time) *encoder {
	if t.Year() < 1 || t.Year() > 9999 {
		e.fail("year %d", t.Year())
	}
	return e.raw(t.Format(`"02-Jan-2006 15:04:05 -0700"`))
}

func (e *encoder) end() []part {
	return append(e.parts, part{text: append(e.text, '\r', '\n')})
}

// wireSize is about what the parts take on the wire.
func wireSize(parts []part) int64 {
	var n int64
	for _, p := range parts {
		n += int64(len(p.text)) + p.size + 24
	}
	return n
}

// lineSize is what the parts take without their literals.
func lineSize(parts []part) int {
	n := 0
	for _, p := range parts {
		n += len(p.text)
	}
	return n
}

// shown is the command for the trace.
func shown(parts []part) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		b.Write(p.text)
		if p.literal {
			fmt.Fprintf(&b, "{%d octets}", p.size)
		}
	}
	return b.Bytes()
}
