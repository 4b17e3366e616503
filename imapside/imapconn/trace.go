package imapconn

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
)

// tracer writes the wire for people. A nil tracer writes nothing.
type tracer struct {
	mu      sync.Mutex
	w       io.Writer
	line    []byte                // the server's line as far as it was read
	secrets map[*Command][][]byte // octets of the sign-ins under way
	over    []*Command            // their answer is the line being read
}

// traceLine is the most that is shown of one line.
const traceLine = 64 << 10

func newTracer(w io.Writer) *tracer {
	if w == nil {
		return nil
	}
	return &tracer{w: w}
}

func (t *tracer) client(line []byte) {
	if t != nil {
		t.emit("C: ", line)
	}
}

func (t *tracer) note(format string, args ...any) {
	if t != nil {
		t.emit("# ", fmt.Appendf(nil, format, args...))
	}
}

// hide keeps the secrets of a sign-in out of the server's lines, for some
// repeat the command in their BAD.
func (t *tracer) hide(cmd *Command, secrets [][]byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.secrets == nil {
		t.secrets = map[*Command][][]byte{}
	}
	t.secrets[cmd] = slices.Clone(secrets)
}

// unhide ends that behind the line being read.
func (t *tracer) unhide(cmd *Command) {
	if t != nil {
		t.mu.Lock()
		t.over = append(t.over, cmd)
		t.mu.Unlock()
	}
}

func (t *tracer) emit(prefix string, line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append(make([]byte, 0, len(prefix)+len(line)+1), prefix...)
	line = bytes.TrimRight(line, "\r\n")
	for _, secrets := range t.secrets {
		line = redact(line, secrets)
	}
	for _, b := range line {
		if b < ' ' && b != '\t' || b == 0x7f {
			out = fmt.Appendf(out, `\x%02x`, b)
		} else {
			out = append(out, b)
		}
	}
	t.w.Write(append(out, '\n')) // a full disk must not stop a run
}

// redact replaces every secret by "***".
func redact(line []byte, secrets [][]byte) []byte {
	for _, secret := range secrets {
		if len(secret) > 0 {
			line = bytes.ReplaceAll(line, secret, []byte("***"))
		}
	}
	return line
}

func (t *tracer) add(octets []byte) {
	if room := traceLine - len(t.line); len(octets) > room {
		octets = octets[:max(0, room)]
	}
	t.line = append(t.line, octets...)
}

func (t *tracer) endServerLine() {
	if t == nil {
		return
	}
	if len(t.line) > 0 {
		t.emit("S: ", t.line)
		t.line = t.line[:0]
	}
	t.mu.Lock()
	for _, cmd := range t.over {
		delete(t.secrets, cmd)
	}
	t.over = nil
	t.mu.Unlock()
}

// traceTaken hands what was consumed to the tracer, bodies left out.
func (s *scanner) traceTaken() {
	if s.trace != nil && !s.body && s.r > s.taken {
		s.trace.add(s.buf[s.taken:s.r])
	}
	s.taken = s.r
}

// traceSize stands for the body that was just read.
func (s *scanner) traceSize(size int64) {
	if s.trace != nil {
		s.trace.add(fmt.Appendf(nil, "{%d octets}", size))
	}
}

// traceLiteral shows a literal's announcement, just consumed, by its size.
func (s *scanner) traceLiteral(size int64) {
	if s.trace == nil {
		return
	}
	s.traceTaken()
	if open := bytes.LastIndexByte(s.trace.line, '{'); open >= 0 {
		s.trace.line = fmt.Appendf(s.trace.line[:open], "{%d octets}", size)
	}
}
