package maildir

import (
	"bytes"
	"io"
	"sync"

	"mailtwin/mirror"
)

// formWriter writes a message into a file. Octets in Wire form are kept in LF
// form, CRLF as LF, as long as mirror.Body.Travel would give back exactly what
// came; when a bare LF turns up, or a CR before a CRLF, the file is made to
// hold everything as received, also what was written before.
type formWriter struct {
	file anywhere
	err  error // the first error of file; Write returns it ever after

	// asIs says that octets go into the file as they come.
	asIs bool
	// ends counts what the file holds.
	ends lineEnds
	// held says that a CR came which is not in the file yet: a LF may follow.
	held    bool
	pending []byte // octets not written yet
	written int64  // octets in the file
}

// anywhere is read and written at any place.
type anywhere interface {
	io.ReaderAt
	io.WriterAt
}

// flushAt is how many octets are collected before they are written.
const flushAt = 32 << 10

// newFormWriter returns a writer for octets in form. What is not in Wire form
// is copied.
func newFormWriter(f anywhere, form mirror.Form) *formWriter {
	return &formWriter{file: f, asIs: form != mirror.Wire, pending: (*pendings.Get().(*[]byte))[:0]}
}

// pendings are the buffers of writers that have ended.
var pendings = sync.Pool{New: func() any { pending := make([]byte, 0, flushAt+32<<10); return &pending }}

// release gives the writer's buffer to others. Nothing may be written after it.
func (w *formWriter) release() {
	pending := w.pending
	w.pending = nil
	pendings.Put(&pending)
}

func (w *formWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && w.err == nil; {
		if w.asIs {
			w.put(rest)
			break
		}
		if rest = w.lines(rest); len(rest) == 0 {
			break
		}
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			w.text(rest)
			break
		}
		w.text(rest[:i])
		if w.held && w.ends.last != '\r' {
			w.held = false
			w.put(rest[i : i+1])
			rest = rest[i+1:]
		} else {
			w.restore()
			rest = rest[i:]
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// lines takes the lines of p that end in CRLF, without looking at them twice, and
// returns what is left: the rest of the last line, or anything that is unusual.
func (w *formWriter) lines(p []byte) (rest []byte) {
	if w.held || w.ends.nul {
		return p
	}
	if zero := bytes.IndexByte(p, 0); zero >= 0 {
		return p // it is to be counted
	}
	for rest = p; w.err == nil; {
		i := bytes.IndexByte(rest, '\n')
		if i < 1 || rest[i-1] != '\r' {
			break
		}
		before := w.ends.last
		if i > 1 {
			before = rest[i-2]
		}
		if before == '\r' {
			break
		}
		w.pending = append(append(w.pending, rest[:i-1]...), '\n')
		w.ends.octets += int64(i)
		w.ends.lf++
		w.ends.last = '\n'
		rest = rest[i+1:]
		if len(w.pending) >= flushAt {
			w.flush()
		}
	}
	return rest
}

// text takes octets without a LF. A CR at their end is held back.
func (w *formWriter) text(p []byte) {
	if len(p) == 0 {
		return
	}
	if w.held {
		w.put([]byte{'\r'})
	}
	if w.held = p[len(p)-1] == '\r'; w.held {
		p = p[:len(p)-1]
	}
	w.put(p)
}

// put adds octets to the file.
func (w *formWriter) put(p []byte) {
	w.ends.Write(p)
	w.pending = append(w.pending, p...)
	if len(w.pending) >= flushAt {
		w.flush()
	}
}

func (w *formWriter) flush() {
	if w.err == nil && len(w.pending) > 0 {
		_, w.err = w.file.WriteAt(w.pending, w.written)
		w.written += int64(len(w.pending))
	}
	w.pending = w.pending[:0]
}

// restore makes the file hold what came so far as it came: every LF in it was
// a CRLF. It works from the end, so that nothing is overwritten before it was
// moved.
func (w *formWriter) restore() {
	w.flush()
	lines := w.ends.lf
	from, to := w.written, w.written+lines
	chunk := make([]byte, flushAt)
	for from < to && w.err == nil {
		n := min(int64(len(chunk)), from)
		from -= n
		if _, w.err = w.file.ReadAt(chunk[:n], from); w.err != nil {
			return
		}
		text := bytes.ReplaceAll(chunk[:n], []byte("\n"), []byte("\r\n"))
		to -= int64(len(text))
		_, w.err = w.file.WriteAt(text, to)
	}
	w.asIs = true
	w.written += lines
	w.ends.octets += lines
	w.ends.crlf = lines
	if w.held {
		w.held = false
		w.put([]byte{'\r'})
	}
}

// finish writes what was held back and returns the form that a reader of the
// file will find. It is LF also for wire octets that hold a bare LF and no
// CRLF at all, which no file can tell from LF form.
func (w *formWriter) finish() (mirror.Form, error) {
	if w.held {
		w.held = false
		w.put([]byte{'\r'})
	}
	w.flush()
	return w.ends.form(), w.err
}
