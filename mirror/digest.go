package mirror

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"net/mail"
	"strings"
)

// Hasher computes a message's Identity while its octets flow through Write.
// Octets are in the side's own form; LF form and travelling form of one
// message give the same Body, Header and Key.
type Hasher struct {
	canonical hash.Hash // LF not preceded by CR counted as CRLF
	exact     hash.Hash // octets as given
	form      Form
	last      byte
	size      int64 // octets in canonical form
	octets    int64 // octets as given
	header    []byte
	inHeader  bool
	cut       bool // the header is longer than maxHeader
	scratch   []byte
	crlf      int
	bareLF    int
	nul       bool
}

// maxHeader bounds the header kept in memory, in octets. Longer headers are
// identified by their first part.
const maxHeader = 1 << 20

// NewHasher returns a hasher for octets in form.
func NewHasher(form Form) *Hasher {
	return &Hasher{canonical: sha256.New(), exact: sha256.New(), form: form, inHeader: true}
}

// Write takes the next octets. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	h.octets += int64(len(p))
	if h.form != LF {
		h.exact.Write(p)
	}
	if !h.nul && bytes.IndexByte(p, 0) >= 0 {
		h.nul = true
	}
	out := h.scratch[:0]
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			out = append(out, rest...)
			h.last = rest[len(rest)-1]
			break
		}
		before := h.last
		if i > 0 {
			before = rest[i-1]
		}
		out = append(out, rest[:i]...)
		if before == '\r' {
			h.crlf++
		} else {
			h.bareLF++
			out = append(out, '\r')
		}
		out = append(out, '\n')
		h.last = '\n'
		rest = rest[i+1:]
	}
	h.scratch = out
	h.size += int64(len(out))
	h.canonical.Write(out)
	h.takeHeader(out)
	return len(p), nil
}

// takeHeader collects canonical octets up to the empty line.
func (h *Hasher) takeHeader(out []byte) {
	if !h.inHeader {
		return
	}
	from := max(0, len(h.header)-3)
	h.header = append(h.header, out...)
	if bytes.HasPrefix(h.header, []byte("\r\n")) {
		h.header, h.inHeader = h.header[:0], false
	} else if i := bytes.Index(h.header[from:], []byte("\r\n\r\n")); i >= 0 {
		h.header, h.inHeader = h.header[:from+i+2], false
	} else if len(h.header) > maxHeader {
		h.header, h.inHeader, h.cut = h.header[:maxHeader], false, true
	}
}

// Size is the number of octets in canonical form so far; Octets as given.
func (h *Hasher) Size() int64   { return h.size }
func (h *Hasher) Octets() int64 { return h.octets }

// NUL reports whether a NUL was among the octets.
func (h *Hasher) NUL() bool { return h.nul }

// CRLFs and BareLFs count the line ends seen so far.
func (h *Hasher) CRLFs() int   { return h.crlf }
func (h *Hasher) BareLFs() int { return h.bareLF }

// Sum returns the identity of what was written.
func (h *Hasher) Sum() Identity {
	id := IdentifyHeader(h.header)
	id.Decisive = id.Decisive && !h.cut
	h.canonical.Sum(id.Body[:0])
	id.Exact = id.Body
	if h.form != LF {
		h.exact.Sum(id.Exact[:0])
	}
	id.Form = h.form
	return id
}

// IdentifyHeader returns the header part of an Identity: Header, Key and
// Decisive. header is the header section with any line ends, with or without
// the empty line that ends it.
func IdentifyHeader(header []byte) Identity {
	var id Identity
	digest := sha256.New()
	skip := false
	for line := range bytes.Lines(header) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			skip = foreignLine(line)
		}
		if !skip {
			digest.Write(line)
			digest.Write([]byte("\r\n"))
		}
	}
	digest.Sum(id.Header[:0])
	fields := readFields(header)
	messageID := strings.TrimSpace(fields.Get("Message-Id"))
	if messageID == "" {
		return id
	}
	id.Decisive = fields.Get("Received") != ""
	id.Key = sha256.Sum256([]byte(messageID + "\x00" + squeeze(fields.Get("Date")) + "\x00" + squeeze(fields.Get("From"))))
	return id
}

// foreignLine recognises the lines that mbsync and OfflineIMAP add to mail.
func foreignLine(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	return found && (bytes.EqualFold(name, []byte("X-TUID")) || bytes.EqualFold(name, []byte("X-OfflineIMAP")))
}

// squeeze folds runs of white space, which servers re-fold at will.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// readFields parses as much of header as is well-formed.
func readFields(header []byte) mail.Header {
	fields := mail.Header{}
	var name string
	for line := range bytes.Lines(header) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last := len(fields[name]) - 1; last >= 0 {
				fields[name][last] += " " + strings.TrimSpace(string(line))
			}
			continue
		}
		before, after, found := bytes.Cut(line, []byte(":"))
		if !found {
			name = ""
			continue
		}
		name = canonicalField(string(bytes.TrimSpace(before)))
		fields[name] = append(fields[name], strings.TrimSpace(string(after)))
	}
	return fields
}

// canonicalField gives "message-id" the spelling Message-Id; other names that
// nobody asks for may stay as they are.
func canonicalField(name string) string {
	switch strings.ToLower(name) {
	case "message-id":
		return "Message-Id"
	case "date":
		return "Date"
	case "from":
		return "From"
	case "received":
		return "Received"
	}
	return name
}

// crlfReader turns every LF of its source into CRLF.
type crlfReader struct {
	source  *bufio.Reader
	pending bool // a LF is owed
}

func newCRLFReader(r io.Reader) io.Reader { return &crlfReader{source: bufio.NewReaderSize(r, 32<<10)} }

func (c *crlfReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if c.pending {
			p[n] = '\n'
			n++
			c.pending = false
			continue
		}
		if n > 0 && c.source.Buffered() == 0 {
			break
		}
		chunk, err := c.peek(len(p) - n)
		if len(chunk) == 0 {
			if n > 0 && err == io.EOF {
				return n, nil
			}
			return n, err
		}
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			i = len(chunk)
		}
		copy(p[n:], chunk[:i])
		n += i
		c.source.Discard(i)
		if i < len(chunk) {
			c.source.Discard(1)
			p[n] = '\r' // there is room: chunk is no longer than what is left of p
			n++
			c.pending = true
		}
	}
	return n, nil
}

// peek returns up to n octets that are buffered, reading once if none are.
func (c *crlfReader) peek(n int) ([]byte, error) {
	if c.source.Buffered() == 0 {
		if _, err := c.source.Peek(1); err != nil {
			return nil, err
		}
	}
	return c.source.Peek(min(n, c.source.Buffered()))
}
