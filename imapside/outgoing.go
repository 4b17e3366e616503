package imapside

import (
	"bytes"
	"io"
	"os"

	"mailtwin/mirror"
)

// outgoing is a body on its way into an APPEND. It tells when its end was
// reached, because the source is valid only until the batch goes on: imapconn
// reads beyond the announced size to see that nothing follows.
//
// One goroutine reads it, which is not the one that waits for read.
type outgoing struct {
	source io.Reader
	size   int64         // octets announced
	count  int64         // octets read
	read   chan struct{} // closed once source is not needed any more
	ended  error         // what source ended with
	keep   *spool        // receives a copy; nil means none
	begun  bool
}

func newOutgoing(body mirror.Body) *outgoing {
	return &outgoing{source: body.Travel(), size: body.Size, read: make(chan struct{})}
}

// Read implements io.Reader.
func (o *outgoing) Read(p []byte) (int, error) {
	o.begun = true
	if o.ended != nil {
		return 0, o.ended
	}
	n, err := o.source.Read(p)
	o.count += int64(n)
	if o.keep != nil {
		o.keep.write(p[:n])
	}
	if err != nil {
		o.ended = err
		close(o.read)
	}
	return n, err
}

// broken reports whether the body was begun and is not what was announced. It
// is asked once read is closed or the command has ended.
func (o *outgoing) broken() bool {
	return o.begun && (o.ended != io.EOF || o.count != o.size)
}

// again returns the same body once more, after its command has ended: as it is
// where the server refused it unread, else the copy. It is nil where neither is
// whole.
func (o *outgoing) again() *outgoing {
	if !o.begun {
		return o
	}
	if o.broken() || o.keep == nil {
		return nil
	}
	source, err := o.keep.reader()
	if err != nil {
		return nil
	}
	return &outgoing{source: source, size: o.size, read: make(chan struct{})}
}

// spoolMemory is how much of a message a spool keeps in memory, in octets.
const spoolMemory = 1 << 20

// spool keeps the octets of one message: in memory, beyond spoolMemory in a
// file without a name. It never fails to write: an error shows in reader.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	err    error
}

func (s *spool) write(p []byte) {
	switch {
	case s.err != nil:
	case s.file != nil:
		_, s.err = s.file.Write(p)
	case s.memory.Len()+len(p) <= spoolMemory:
		s.memory.Write(p)
	default:
		if s.err = s.toFile(); s.err == nil {
			_, s.err = s.file.Write(p)
		}
	}
}

func (s *spool) toFile() error {
	file, err := os.CreateTemp("", "mailtwin-*")
	if err != nil {
		return err
	}
	s.file = file
	// Nobody else needs its name, and nothing is left behind by a kill.
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	_, err = s.memory.WriteTo(file)
	return err
}

// reader returns what was written, from the start.
func (s *spool) reader() (io.Reader, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes()), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
}
