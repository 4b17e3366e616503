package imapside_test

import (
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mailtwin/mirror/mirrortest"
)

// TestServerFinishes: the server stores a message once it has the whole
// literal, although the connection is gone by then, and never before.
func TestServerFinishes(t *testing.T) {
	script := "a LOGIN ann secret\r\nb APPEND INBOX {5+}\r\nhello"
	whole := len(script)
	script += "\r\n"
	for _, way := range []way{fin, stall} {
		for n := 0; n <= len(script); n++ {
			synctest.Test(t, func(t *testing.T) {
				s := newWireServer(serverKinds[0])
				defer s.server.Close()
				conn, w := s.dial(&cut{up, way, n}, nil)
				io.WriteString(conn, script)
				synctest.Wait()
				if stored := len(s.messages(t)[inbox]) == 1; stored != (n >= whole) {
					t.Errorf("%v after %d of %d octets: stored is %v", way, n, whole, stored)
				}
				w.cutNow(cut{way: rst})
			})
		}
	}
}

// TestWire holds the wire to what TCP does.
func TestWire(t *testing.T) {
	for _, c := range []struct {
		way    way
		writes error // of the sender, after the cut
		reads  error // of the receiver, after what it gets
		gets   string
	}{
		{fin, syscall.EPIPE, io.EOF, "abc"},
		{rst, syscall.ECONNRESET, syscall.ECONNRESET, ""},
		{stall, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded, "abc"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(&cut{up, c.way, 3}, nil)
			client, server := w.ends[up], w.ends[down]
			client.SetDeadline(time.Now().Add(time.Minute))
			server.SetDeadline(time.Now().Add(time.Minute))
			_, err := io.WriteString(client, "abcdef")
			if err == nil {
				_, err = io.WriteString(client, strings.Repeat("g", upRoom))
			}
			got, end := io.ReadAll(server)
			if c.reads == io.EOF && end == nil {
				end = io.EOF
			}
			if err != c.writes || end != c.reads || string(got) != c.gets {
				t.Errorf("%v: got write %v, read %q, %v, want %v, %q, %v", c.way, err, got, end, c.writes, c.gets, c.reads)
			}
		})
	}
}

// TestVerdict: the oracle sees what is missing, too many and another.
func TestVerdict(t *testing.T) {
	entry := func(id string) mirrortest.Entry { return letter{id: id}.entry() }
	seen := letter{id: "a", flags: flags(historyFlags[0])}.entry()
	for name, c := range map[string]struct {
		got, want []mirrortest.Entry
		verdict   verdict
	}{
		"alike":   {[]mirrortest.Entry{entry("a")}, []mirrortest.Entry{entry("a")}, verdict{}},
		"lost":    {nil, []mirrortest.Entry{entry("a")}, verdict{lost: 1}},
		"doubled": {[]mirrortest.Entry{entry("a"), entry("a")}, []mirrortest.Entry{entry("a")}, verdict{doubled: 1}},
		"flags":   {[]mirrortest.Entry{seen}, []mirrortest.Entry{entry("a")}, verdict{changed: 1}},
		"octets":  {[]mirrortest.Entry{entry("b")}, []mirrortest.Entry{entry("a")}, verdict{lost: 1, changed: 1}},
	} {
		if got := difference(c.got, c.want); got != c.verdict {
			t.Errorf("%s: got %+v, want %+v", name, got, c.verdict)
		}
	}
}
