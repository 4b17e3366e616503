package imapconn_test

import (
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

// wire records what is written, write by write, and can cut it.
type wire struct {
	net.Conn
	mu     sync.Mutex
	writes []string
	octets int
	cutAt  int // Write fails behind so many octets; 0 means never
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	cut := w.cutAt > 0 && w.octets+len(p) >= w.cutAt
	if cut {
		p = p[:w.cutAt-1-w.octets]
	}
	w.octets += len(p)
	w.writes = append(w.writes, string(p))
	w.mu.Unlock()
	n, err := w.Conn.Write(p)
	if cut {
		return n, syscall.EPIPE
	}
	return n, err
}

func (w *wire) written() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.writes...)
}

// openWire is open with a record of the writes.
func openWire(t testing.TB, opts imapconn.Options, script imaptest.Script) (*imapconn.Conn, *wire) {
	t.Helper()
	w := &wire{Conn: imaptest.Pipe(t, script)}
	c, err := imapconn.New(t.Context(), w, clear(opts))
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c, w
}

func checkWrites(t *testing.T, w *wire, want ...string) {
	t.Helper()
	got := w.written()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got writes %q, want %q", got, want)
	}
}

// bubble runs a test with a clock of its own.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}
