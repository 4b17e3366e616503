package maildir

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"

	"mailtwin/mirror"
)

// maxInMemory is the largest file, in octets, that is read once and kept while
// its form is found out. Larger ones are read twice.
const maxInMemory = 1 << 20

// openedBody is a message's file, with what must be known before it travels.
type openedBody struct {
	mirror.Body
	file source // nil when the octets are in memory
}

func (b *openedBody) close() {
	if b.file != nil {
		b.file.Close()
	}
}

// openBody opens the file at a place and finds out its form. The info is
// returned also when only reading it failed.
func (m *Mailbox) openBody(b *box, at place) (*openedBody, fs.FileInfo, error) {
	f, info, err := m.repo.disk.open(b.part(at.inNew), at.name)
	if err != nil {
		return nil, info, err
	}
	body, err := formOf(f, info.Size())
	if err != nil || body.file == nil {
		f.Close()
	}
	return body, info, err
}

// formOf reads f, of which size octets are expected, and returns it ready to
// be read again.
func formOf(f source, size int64) (*openedBody, error) {
	var ends lineEnds
	if size <= maxInMemory {
		text, err := readExactly(f, size)
		if err != nil {
			return nil, err
		}
		ends.Write(text)
		return &openedBody{Body: ends.body(bytes.NewReader(text))}, nil
	}
	octets, err := io.Copy(&ends, f)
	if err != nil {
		return nil, err
	}
	if octets != size {
		return nil, sizeChanged(size, octets)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &openedBody{Body: ends.body(&exactReader{source: f, size: size}), file: f}, nil
}

// readExactly reads the whole of f, which is to have size octets.
func readExactly(f io.Reader, size int64) ([]byte, error) {
	text := make([]byte, size+1) // one more shows that it has grown
	n, err := io.ReadFull(f, text)
	switch {
	case err == nil, err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, cmp.Or(err, sizeChanged(size, size+1))
	case int64(n) != size:
		return nil, sizeChanged(size, int64(n))
	}
	return text[:size], nil
}

func sizeChanged(announced, now int64) error {
	return fmt.Errorf("%w: the file had %d octets and has %d", mirror.ErrShortBody, announced, now)
}

// lineEnds counts what decides how a file travels.
type lineEnds struct {
	octets, lf, crlf int64
	last             byte
	nul              bool
}

// Write never fails.
func (e *lineEnds) Write(p []byte) (int, error) {
	e.octets += int64(len(p))
	e.nul = e.nul || bytes.IndexByte(p, 0) >= 0
	for rest := p; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		before := e.last
		if i > 0 {
			before = rest[i-1]
		}
		e.lf++
		if before == '\r' {
			e.crlf++
		}
		e.last, rest = '\n', rest[i+1:]
	}
	if len(p) > 0 {
		e.last = p[len(p)-1]
	}
	return len(p), nil
}

// form is LF for a file without any CRLF, AsIs for any other.
func (e *lineEnds) form() mirror.Form {
	if e.crlf == 0 {
		return mirror.LF
	}
	return mirror.AsIs
}

// body returns a Body of the octets that were counted, to be read from r.
func (e *lineEnds) body(r io.Reader) mirror.Body {
	b := mirror.Body{Reader: r, Octets: e.octets, Size: e.octets, Form: e.form(), NUL: e.nul}
	if b.Form == mirror.LF {
		b.Size += e.lf
	}
	return b
}

// exactReader gives size octets of a file, or ErrShortBody when the file has
// fewer or more by now.
type exactReader struct {
	source io.Reader
	size   int64
	read   int64
}

func (r *exactReader) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.read += int64(n)
	if r.read > r.size || err == io.EOF && r.read < r.size {
		return 0, sizeChanged(r.size, r.read)
	}
	return n, err
}

// brokenReader gives an error in place of a body that cannot be read.
type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }
