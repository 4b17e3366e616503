package imapconn

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// scanner is the tokenizer: a bounded buffer over the connection. Tokens are
// slices of it, valid until the next call.
//
// Two errors stick. err ends the connection: input, framing, a limit. bad says
// what could not be read in this response; the token methods then return zero
// values without moving, until endResponse skips to the next response.
type scanner struct {
	rd     io.Reader
	buf    []byte
	r, w   int // unread octets are buf[r:w]
	err    error
	bad    string
	skip   bool // the rest of this response does not matter
	over   bool // it was read to its end
	limits Limits

	base  int64 // stream position of buf[0]
	start int64 // stream position from which this line's octets count
	held  int64 // octets of this response's literals that were kept

	trace *tracer
	taken int // buf[:taken] is traced already
	flags interned
	zones zones
	body  bool // within a literal
	from  int64
}

const scanBuffer = 64 << 10

func newScanner(rd io.Reader, limits Limits, trace *tracer) *scanner {
	return &scanner{rd: rd, buf: make([]byte, max(scanBuffer, limits.Line)), limits: limits, trace: trace}
}

// ok says whether the response can still be read.
func (s *scanner) ok() bool { return s.err == nil && s.bad == "" }

func (s *scanner) reject(what string) {
	if s.ok() {
		s.bad = what
	}
}

func (s *scanner) fatal(err error) {
	if s.err == nil {
		s.err = err
	}
}

func overLimit(format string, args ...any) error {
	return &ConnError{Kind: ErrLimit, Err: fmt.Errorf(format, args...)}
}

func brokenFraming(format string, args ...any) error {
	return &ConnError{Kind: ErrProtocol, Err: fmt.Errorf(format, args...)}
}

func (s *scanner) pos() int64 { return s.base + int64(s.r) }

// buffered is the number of octets read from the connection but not used.
func (s *scanner) buffered() int { return s.w - s.r }

// fill reads more octets behind buf[r:w], moving these to the front first.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	if s.r > 0 {
		s.traceTaken()
		copy(s.buf, s.buf[s.r:s.w])
		s.base += int64(s.r)
		s.w -= s.r
		s.r, s.taken = 0, 0
	}
	if s.w == len(s.buf) || !s.body && s.pos()-s.start > int64(s.limits.Line) {
		s.fatal(overLimit("line longer than %d octets", s.limits.Line))
		return false
	}
	for range 100 {
		n, err := s.rd.Read(s.buf[s.w:])
		s.w += n
		if n > 0 {
			return true
		}
		if err != nil {
			s.fatal(err)
			return false
		}
	}
	s.fatal(io.ErrNoProgress)
	return false
}

// at is the i-th unread octet.
func (s *scanner) at(i int) (byte, bool) {
	for s.r+i >= s.w {
		if !s.fill() {
			return 0, false
		}
	}
	return s.buf[s.r+i], true
}

// peek is the next octet, 0 when there is none to read.
func (s *scanner) peek() byte {
	if s.bad != "" {
		return 0
	}
	if s.r < s.w {
		return s.buf[s.r]
	}
	b, _ := s.at(0)
	return b
}

// accept skips the octet if it is next.
func (s *scanner) accept(b byte) bool {
	if s.peek() != b || !s.ok() {
		return false
	}
	s.r++
	return true
}

func (s *scanner) expect(b byte, what string) bool {
	if s.accept(b) {
		return true
	}
	s.reject(what)
	return false
}

// spaces skips blanks: servers send none, one or several.
func (s *scanner) spaces() {
	for s.accept(' ') {
	}
}

// atLineEnd says whether only the line's end is left.
func (s *scanner) atLineEnd() bool {
	b := s.peek()
	return b == '\r' || b == '\n'
}

// Octets that end a token.
var (
	endsAtom = octets(" ()\"", true) // lenient: lists of "[", "%", "\", 8-bit are seen in atoms
	endsItem = octets(" ()\"[<", true)
	endsCode = octets(" ]", true)
	endsWord = octets(" )]", true)
)

func octets(set string, controls bool) *[256]bool {
	var t [256]bool
	for i := range len(set) {
		t[set[i]] = true
	}
	if controls {
		for i := range 32 {
			t[i] = true
		}
		t[127] = true
	}
	return &t
}

// token returns the octets up to one of ends, at least one.
func (s *scanner) token(ends *[256]bool, what string) []byte {
	if !s.ok() {
		return nil
	}
	i := 0
	for {
		for _, b := range s.buf[s.r+i : s.w] {
			if ends[b] {
				return s.takeToken(i, what)
			}
			i++
		}
		if !s.fill() {
			return nil
		}
	}
}

func (s *scanner) takeToken(n int, what string) []byte {
	if n == 0 {
		s.reject(what)
		return nil
	}
	t := s.buf[s.r : s.r+n]
	s.r += n
	return t
}

// number reads decimal digits.
func (s *scanner) number() uint64 {
	var n uint64
	digits := 0
	for s.ok() {
		b := s.peek()
		if b < '0' || b > '9' {
			break
		}
		d := uint64(b - '0')
		if n > (math.MaxUint64-d)/10 {
			s.reject("number")
			return 0
		}
		n = n*10 + d
		s.r++
		digits++
	}
	if digits == 0 {
		s.reject("number")
	}
	return n
}

// number32 reads a number of at most 32 bits.
func (s *scanner) number32() uint32 {
	n := s.number()
	if n > math.MaxUint32 {
		s.reject("number")
		return 0
	}
	return uint32(n)
}

// number63 reads a number of at most 63 bits (RFC 7162 §7).
func (s *scanner) number63() uint64 {
	n := s.number()
	if n > math.MaxInt64 {
		s.reject("number")
		return 0
	}
	return n
}

func (s *scanner) startsNumber() bool {
	b := s.peek()
	return b >= '0' && b <= '9'
}

// nilToken skips NIL if that is the next token.
func (s *scanner) nilToken() bool {
	if !s.ok() {
		return false
	}
	for i, want := range []byte("nil") {
		b, ok := s.at(i)
		if !ok || b|0x20 != want {
			return false
		}
	}
	b, ok := s.at(3)
	if !ok || !endsWord[b] && !endsAtom[b] {
		return false
	}
	s.r += 3
	return s.ok()
}

// quoted reads a quoted string. On a missing end quote nothing is skipped.
func (s *scanner) quoted() []byte {
	if !s.ok() {
		return nil
	}
	escapes := false
	for i := 1; ; i++ {
		b, ok := s.at(i)
		switch {
		case !ok:
			return nil
		case b == '\r' || b == '\n':
			s.reject("quoted string")
			return nil
		case b == '\\':
			escapes = true
			i++
			if next, ok := s.at(i); !ok || next == '\r' || next == '\n' {
				s.reject("quoted string")
				return nil
			}
		case b == '"':
			t := s.buf[s.r+1 : s.r+i]
			s.r += i + 1
			if escapes {
				t = unescape(t)
			}
			return t
		}
	}
}

func unescape(t []byte) []byte {
	out := make([]byte, 0, len(t))
	for i := 0; i < len(t); i++ {
		if t[i] == '\\' && i+1 < len(t) {
			i++
		}
		out = append(out, t[i])
	}
	return out
}

// str reads a quoted string or a literal.
func (s *scanner) str() []byte {
	switch {
	case s.peek() == '"':
		return s.quoted()
	case s.startsLiteral():
		return s.literal()
	}
	s.reject("string")
	return nil
}

// astring reads an atom, a quoted string or a literal.
func (s *scanner) astring() []byte {
	if s.peek() == '"' || s.startsLiteral() {
		return s.str()
	}
	return s.token(endsAtom, "astring")
}

// nstring reads a string or NIL.
func (s *scanner) nstring() (b []byte, isNil bool) {
	if s.nilToken() {
		return nil, true
	}
	return s.astring(), false
}

// skipValue skips one value of whatever form, parentheses with all they hold.
func (s *scanner) skipValue() {
	depth := 0
	for s.ok() {
		switch b := s.peek(); {
		case b == '(':
			if depth++; depth > s.limits.Nesting {
				s.reject("nesting")
			}
			s.accept('(')
		case b == ')' && depth > 0:
			depth--
			s.accept(')')
		case b == ' ' && depth > 0:
			s.accept(' ')
		case b == '"':
			s.quoted()
		case s.startsLiteral():
			if n, ok := s.literalSize(); ok {
				s.discard(n)
			}
		default:
			s.token(endsAtom, "value")
		}
		if depth == 0 {
			return
		}
	}
}

// text reads the rest of a line whose literals are none.
func (s *scanner) text() []byte {
	if !s.ok() {
		return nil
	}
	for i := 0; ; {
		if k := bytes.IndexByte(s.buf[s.r+i:s.w], '\n'); k >= 0 {
			t := s.buf[s.r : s.r+i+k]
			t = bytes.TrimSuffix(t, []byte("\r"))
			s.r += len(t)
			return t
		}
		i = s.w - s.r
		if !s.fill() {
			return nil
		}
	}
}
