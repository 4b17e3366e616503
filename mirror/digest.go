package mirror

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"net/mail"
	"strings"
	"sync"
)

// Hasher computes a message's Identity while its octets flow through Write.
// Octets are in the side's own form; LF form and travelling form of one
// message give the same Identity but for Form.
type Hasher struct {
	form  Form
	exact hash.Hash // octets as they travel
	// body takes the canonical octets without foreign header lines. It is nil as
	// long as these are the ones that travel, and then exact stands for both.
	body   hash.Hash
	octets int64 // as given
	size   int64 // in canonical form
	last   byte
	nul    bool
	crlfs  int
	bareLF int

	// parted says that canonical octets were others than those that travel.
	parted   bool
	inHeader bool
	header   []byte // canonical, at most maxHeader octets and a chunk
	id       Identity
	scratch  *[]byte // nil while none is needed
}

// maxHeader bounds the header that is looked at, in octets. A longer one is
// cut there and never decides.
const maxHeader = 1 << 20

// NewHasher returns a hasher for octets in form.
func NewHasher(form Form) *Hasher {
	return &Hasher{exact: sha256.New(), form: form, inHeader: true}
}

// Write takes the next octets. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	h.octets += int64(len(p))
	h.nul = h.nul || bytes.IndexByte(p, 0) >= 0
	out := h.canonical(p)
	h.size += int64(len(out))
	if len(out) != len(p) && h.form != LF {
		h.part()
	}
	if h.form == LF {
		h.exact.Write(out)
	} else {
		h.exact.Write(p)
	}
	switch {
	case h.inHeader:
		h.takeHeader(out)
	case h.body != nil:
		h.body.Write(out)
	}
	return len(p), nil
}

// part makes body a hash of its own, before octets that are not the same in both.
func (h *Hasher) part() {
	h.parted = true
	if h.body == nil && !h.inHeader {
		h.body = clone(h.exact)
	}
}

// clone copies a SHA-256 under way.
func clone(digest hash.Hash) hash.Hash {
	copied, _ := digest.(hash.Cloner).Clone() // crypto/sha256 never fails to
	return copied
}

// canonical returns p with CRLF for every LF that no CR precedes: p itself where
// there is none. The result is valid until the next call.
func (h *Hasher) canonical(p []byte) []byte {
	if h.wellEnded(p) {
		return p
	}
	if h.scratch == nil {
		h.scratch = scratches.Get().(*[]byte)
	}
	out := (*h.scratch)[:0]
	for len(p) > 0 {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		if len(line) > 0 {
			out = append(out, line...)
			h.last = line[len(line)-1]
		}
		if !found {
			break
		}
		if h.last == '\r' {
			h.crlfs++
		} else {
			h.bareLF++
			out = append(out, '\r')
		}
		out = append(out, '\n')
		h.last = '\n'
		p = rest
	}
	*h.scratch = out
	return out
}

// scratches are the buffers of hashers.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// wellEnded reports whether a CR precedes every LF of p, and counts them then.
func (h *Hasher) wellEnded(p []byte) bool {
	lines, last := 0, h.last
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			last = rest[len(rest)-1]
			break
		}
		if i > 0 {
			last = rest[i-1]
		}
		if last != '\r' {
			return false
		}
		lines++
		last, rest = '\n', rest[i+1:]
	}
	h.crlfs += lines
	h.last = last
	return true
}

// takeHeader collects canonical octets up to the empty line, and lets the
// header go by without the lines that other mirrors add. A header that comes whole
// is not copied.
func (h *Hasher) takeHeader(out []byte) {
	from := max(0, len(h.header)-3)
	all := out
	if len(h.header) > 0 {
		h.header = append(h.header, out...)
		all = h.header
	}
	end := -1
	if bytes.HasPrefix(all, []byte("\r\n")) {
		end = 0
	} else if i := bytes.Index(all[from:], []byte("\r\n\r\n")); i >= 0 {
		end = from + i + 2
	}
	switch {
	case end >= 0 && end <= maxHeader:
		h.endHeader(all, end, true)
	case end >= 0 || len(all) > maxHeader+3:
		h.endHeader(all, maxHeader, false)
	case len(h.header) == 0:
		h.header = append(h.header, out...)
	}
}

// endHeader splits what was collected at end, the length of the header section
// in octets.
func (h *Hasher) endHeader(all []byte, end int, whole bool) {
	header, rest := all[:end], all[end:]
	h.id = IdentifyHeader(header)
	h.id.Decisive = h.id.Decisive && whole
	if h.parted || h.id.Foreign > 0 {
		h.body = sha256.New()
		writeHeader(h.body, header)
		h.body.Write(rest)
	}
	h.inHeader, h.header = false, nil
}

// Size is the number of octets in canonical form so far; Octets as given.
func (h *Hasher) Size() int64   { return h.size }
func (h *Hasher) Octets() int64 { return h.octets }

// NUL reports whether a NUL was among the octets.
func (h *Hasher) NUL() bool { return h.nul }

// CRLFs and BareLFs count the line ends seen so far.
func (h *Hasher) CRLFs() int   { return h.crlfs }
func (h *Hasher) BareLFs() int { return h.bareLF }

// Sum returns the identity of what was written. Nothing may be written after
// it.
func (h *Hasher) Sum() Identity {
	if h.inHeader {
		h.endHeader(h.header, len(h.header), len(h.header) <= maxHeader)
	}
	id := h.id
	h.exact.Sum(id.Exact[:0])
	if id.Body = id.Exact; h.body != nil {
		h.body.Sum(id.Body[:0])
	}
	id.Form = h.form
	if h.scratch != nil {
		scratches.Put(h.scratch)
		h.scratch = nil
	}
	return id
}

// IdentifyHeader returns the header part of an Identity: Header, Key, Decisive
// and Foreign. header is the header section with any line ends, with or without
// the empty line that ends it.
func IdentifyHeader(header []byte) Identity {
	var id Identity
	digest := sha256.New()
	id.Foreign = writeHeader(digest, header)
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

// writeHeader writes the lines of a header section with CRLF, up to an empty
// one and without those that mbsync and OfflineIMAP add. It returns how many
// octets it left out.
func writeHeader(w io.Writer, header []byte) (left int64) {
	skip := false
	for line := range bytes.Lines(header) {
		line, ended := bytes.CutSuffix(line, []byte("\n"))
		if ended {
			line = bytes.TrimSuffix(line, []byte("\r"))
			if len(line) == 0 {
				return left
			}
		}
		if line[0] != ' ' && line[0] != '\t' {
			skip = foreignLine(line)
		}
		if skip {
			left += int64(len(line)) + 2
			continue
		}
		w.Write(line)
		if ended {
			w.Write([]byte("\r\n"))
		}
	}
	return left
}

// foreignLine recognises the lines that mbsync and OfflineIMAP add to mail. Old
// versions of OfflineIMAP gave their line a name of its own each time,
// X-OfflineIMAP-….
func foreignLine(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	const offlineIMAP = "X-OfflineIMAP"
	if !found || bytes.EqualFold(name, []byte("X-TUID")) {
		return found
	}
	rest := name[min(len(name), len(offlineIMAP)):]
	return bytes.EqualFold(name[:len(name)-len(rest)], []byte(offlineIMAP)) && (len(rest) == 0 || rest[0] == '-')
}

// squeeze folds runs of white space, which servers re-fold at will.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// readFields parses as much of the fields that identify a message as is well-formed.
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
		if name = identifying(bytes.TrimSpace(before)); name != "" {
			fields[name] = append(fields[name], string(bytes.TrimSpace(after)))
		}
	}
	return fields
}

// identifying returns the canonical name of a field that identifies a message, ""
// for any other.
func identifying(name []byte) string {
	for _, wanted := range [...]string{"Message-Id", "Date", "From", "Received"} {
		if strings.EqualFold(string(name), wanted) {
			return wanted
		}
	}
	return ""
}

// crlfReader turns every LF of its source into CRLF.
type crlfReader struct {
	source  *bufio.Reader
	pending bool // a LF is owed
}

// newCRLFReader returns one for octets, as they are in r.
func newCRLFReader(r io.Reader, octets int64) io.Reader {
	return &crlfReader{source: bufio.NewReaderSize(r, int(min(octets, 32<<10)))}
}

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
