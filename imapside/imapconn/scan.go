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

// startsLiteral says whether {n}, {n+} or ~{n} comes next.
func (s *scanner) startsLiteral() bool {
	b := s.peek()
	if b == '~' {
		b, _ = s.at(1)
	}
	return b == '{'
}

// literalSize reads "{n}" and its line end. What only looks like it is left
// where it is.
func (s *scanner) literalSize() (int64, bool) {
	if !s.ok() {
		return 0, false
	}
	i := 0
	if s.peek() == '~' {
		i++
	}
	var size int64
	digits := 0
	for i++; ; i++ {
		b, ok := s.at(i)
		if !ok {
			return 0, false
		}
		if b < '0' || b > '9' {
			break
		}
		if digits++; digits > 18 {
			s.fatal(brokenFraming("literal of more than 10^18 octets announced"))
			return 0, false
		}
		size = size*10 + int64(b-'0')
	}
	for _, want := range []byte("+}\r\n") {
		b, ok := s.at(i)
		if !ok {
			return 0, false
		}
		if b == want {
			i++
		} else if want == '}' || want == '\n' {
			digits = 0
		}
	}
	if digits == 0 {
		s.reject("literal")
		return 0, false
	}
	s.r += i
	s.traceLiteral(size)
	return size, true
}

// literal reads a literal that is not a body.
func (s *scanner) literal() []byte {
	size, ok := s.literalSize()
	if !ok {
		return nil
	}
	if s.held += size; s.held > s.limits.Literal {
		s.fatal(overLimit("literals of %d octets in one response", s.held))
		return nil
	}
	var b bytes.Buffer // grows with what arrives, not with what is announced
	s.copyBody(&b, size)
	return b.Bytes()
}

// discard skips n octets of a literal.
func (s *scanner) discard(n int64) { s.copyBody(io.Discard, n) }

func (s *scanner) copyBody(w io.Writer, n int64) {
	s.beginBody()
	for n > 0 && s.err == nil {
		if s.r == s.w && !s.fill() {
			break
		}
		k := int(min(int64(s.w-s.r), n))
		w.Write(s.buf[s.r : s.r+k]) // a bytes.Buffer or io.Discard: no error
		s.r += k
		n -= int64(k)
	}
	s.endBody()
}

// bodySource reads the octets of one literal.
type bodySource struct {
	s    *scanner
	left int64
}

func (b *bodySource) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	s := b.s
	if s.r == s.w && s.err == nil {
		if b.left >= int64(len(s.buf)) && len(p) >= 16<<10 {
			return b.direct(p)
		}
		s.fill()
	}
	if s.r == s.w {
		return 0, connError(s.err)
	}
	n := copy(p, s.buf[s.r:s.w])
	if int64(n) > b.left {
		n = int(b.left)
	}
	s.r += n
	b.left -= int64(n)
	return n, nil
}

// direct reads past the empty buffer, sparing one copy of a large body.
func (b *bodySource) direct(p []byte) (int, error) {
	s := b.s
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := s.rd.Read(p)
	s.base += int64(n)
	b.left -= int64(n)
	if n == 0 && err != nil {
		s.fatal(err)
		return 0, connError(err)
	}
	return n, nil
}

// beginBody and endBody keep a literal out of the trace and of the line's
// length.
func (s *scanner) beginBody() {
	s.traceTaken()
	s.body = true
	s.from = s.pos()
}

func (s *scanner) endBody() {
	s.body = false
	s.taken = s.r
	s.start += s.pos() - s.from
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

// begin waits for the first octet of the next response.
func (s *scanner) begin() bool {
	s.bad = ""
	s.start = s.pos()
	s.held = 0
	_, ok := s.at(0)
	return ok
}

// endResponse moves to the next response, skipping what was not read, and
// returns why, "" if all was.
func (s *scanner) endResponse() string {
	s.spaces()
	if s.ok() && !s.skip {
		s.accept('\r')
		if s.peek() != '\n' {
			s.reject("line-end")
		}
	}
	bad := s.bad
	s.bad, s.skip = "", false
	if s.err == nil {
		s.skipLine()
	}
	if s.err == nil && s.pos()-s.start > int64(s.limits.Line) {
		s.fatal(overLimit("line longer than %d octets", s.limits.Line))
	}
	s.traceTaken()
	s.trace.endServerLine()
	return bad
}

// skipLine skips to behind the line's end, and over the literals it announces.
func (s *scanner) skipLine() {
	var tail []byte
	for s.err == nil {
		if s.r == s.w && !s.fill() {
			return
		}
		chunk := s.buf[s.r:s.w]
		end := bytes.IndexByte(chunk, '\n')
		if end >= 0 {
			chunk = chunk[:end+1]
		}
		tail = append(tail, chunk[max(0, len(chunk)-32):]...)
		tail = tail[max(0, len(tail)-32):]
		s.r += len(chunk)
		if end < 0 {
			continue
		}
		size, found, err := announced(tail)
		if err != nil {
			s.fatal(err)
		}
		if !found {
			return
		}
		s.traceLiteral(size)
		s.discard(size)
		tail = tail[:0]
	}
}

// announced finds "{n}" before the end of a line.
func announced(line []byte) (size int64, found bool, err error) {
	line = bytes.TrimRight(line, "\r\n")
	if !bytes.HasSuffix(line, []byte("}")) {
		return 0, false, nil
	}
	line = bytes.TrimSuffix(line[:len(line)-1], []byte("+"))
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || open == len(line)-1 {
		return 0, false, nil
	}
	for _, b := range line[open+1:] {
		if b < '0' || b > '9' {
			return 0, false, nil
		}
		if size > math.MaxInt64/10-10 {
			return 0, false, brokenFraming("literal of more than 10^18 octets announced")
		}
		size = size*10 + int64(b-'0')
	}
	return size, true, nil
}

// skipLineLater leaves the rest of a response that nobody reads to
// endResponse, without counting it as broken.
func (s *scanner) skipLineLater() { s.skip = true }
