package imapconn

import (
	"bytes"
	"math"
)

// begin waits for the first octet of the next response.
func (s *scanner) begin() bool {
	s.bad, s.over = "", false
	s.start = s.pos()
	s.held = 0
	_, ok := s.at(0)
	return ok
}

// endResponse moves to the next response, skipping what was not read, and
// returns why, "" if all was.
func (s *scanner) endResponse() string {
	if s.over {
		return ""
	}
	bad := ""
	if s.skip || !s.endLine() {
		bad = s.bad
		s.bad, s.skip = "", false
		s.skipLine()
	}
	s.over = true
	if s.err == nil && s.pos()-s.start > int64(s.limits.Line) {
		s.fatal(overLimit("line longer than %d octets", s.limits.Line))
	}
	s.traceTaken()
	s.trace.endServerLine()
	return bad
}

// endLine reads the line's end.
func (s *scanner) endLine() bool {
	s.spaces()
	s.accept('\r')
	return s.expect('\n', "line-end")
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
