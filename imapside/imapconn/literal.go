package imapconn

import (
	"bytes"
	"io"
)

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
	s.copyOctets(w, n)
	s.endBody()
}

// copyOctets is copyBody for a body that has begun already.
func (s *scanner) copyOctets(w io.Writer, n int64) {
	for n > 0 && s.err == nil {
		if s.r == s.w && !s.fill() {
			break
		}
		k := int(min(int64(s.w-s.r), n))
		w.Write(s.buf[s.r : s.r+k]) // a bytes.Buffer or io.Discard: no error
		s.r += k
		n -= int64(k)
	}
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
