package imapconn

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-imap/v2"
)

// canned is a connection that says what it was given and swallows the rest.
type canned struct {
	net.Conn
	rd io.Reader
}

func (c canned) Read(p []byte) (int, error)       { return c.rd.Read(p) }
func (canned) Write(p []byte) (int, error)        { return len(p), nil }
func (canned) Close() error                       { return nil }
func (canned) SetReadDeadline(time.Time) error    { return nil }
func (canned) SetWriteDeadline(t time.Time) error { return nil }

// listen lets a connection with one command of each kind in flight read a
// stream to its end and returns all that came of it.
func listen(rd io.Reader) string {
	var out bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	c := newConn(canned{rd: rd}, Options{
		AllowClear: true,
		Trace:      &out,
		Limits:     Limits{Line: 1 << 10, Literal: 1 << 10, Ranges: 100},
		Events: Events{
			Exists:        func(n uint32) { say("exists %d", n) },
			Expunge:       func(n uint32) { say("expunge %d", n) },
			Vanished:      func(set imap.UIDSet, earlier bool) { say("vanished %v %v", set, earlier) },
			Fetch:         func(m *FetchMessage) { say("unasked %+v", *m) },
			Flags:         func(flags []imap.Flag) { say("flags %v", flags) },
			Status:        func(st Status) { say("status %+v", st) },
			Alert:         func(text string) { say("alert %s", text) },
			MailboxStatus: func(d *StatusData) { say("mailbox %+v", *d) },
		},
	})
	close(c.greeted)
	ctx := context.Background()
	handler := FetchHandler{
		Body: func(m *FetchMessage, b *FetchBody) error {
			n, err := io.Copy(io.Discard, b)
			say("body %+v %d of %d %v", *m, n, b.Size, err != nil)
			return nil
		},
		Message: func(m *FetchMessage) error { say("message %+v", *m); return nil },
	}
	sel := c.Select(ctx, "a", &SelectOptions{QResync: &QResync{UIDValidity: 1, ModSeq: 1}, Changed: handler.Message})
	list := c.List(ctx, "", "*", &ListOptions{Status: StatusMessages})
	status := c.Status(ctx, "b", StatusMessages)
	search := c.UIDSearch(ctx, imap.UIDSet{{Start: 1}})
	fetch := c.UIDFetch(ctx, imap.UIDSet{{Start: 1}}, FetchItems{Flags: true, Sections: []Section{{}, {Part: PartHeaderFields, Fields: []string{"Date"}}}}, handler)
	namespaces := c.Namespace(ctx)
	id := c.ID(ctx, nil)
	for c.take() != nil {
	}
	store := c.UIDStore(ctx, imap.UIDSet{{Start: 1, Stop: 9}}, StoreAdd, []imap.Flag{"a"}, &StoreOptions{Reply: handler.Message})
	cp := c.UIDCopy(ctx, imap.UIDSet{{Start: 1, Stop: 9}}, "b")
	for _, cmd := range append(c.queue, c.inflight...) {
		cmd.written, cmd.after = true, nil
	}
	c.inflight = append(c.inflight, c.queue...)
	c.queue = nil
	for c.scan.err == nil {
		c.readResponse()
	}
	c.fail(connError(c.scan.err))
	say("%+v", *sel.data)
	say("%+v", *list.data)
	say("%+v", *status.data)
	say("%+v", *search.data)
	say("%+v", *fetch.data)
	say("%+v", *namespaces.data)
	say("%+v", *id.data)
	say("%+v", *store.data)
	say("%+v", *cp.data)
	for _, cmd := range []*Command{sel.Command, list.Command, status.Command, search.Command, fetch.Command, namespaces.Command, id.Command, store.Command, cp.Command} {
		say("%s: %v", cmd.name, cmd.Wait())
	}
	say("%v", c.Oddities())
	return out.String()
}

// FuzzStream: whatever a server says ends in no panic and no endless loop, and
// means the same however the octets are cut.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		"* 23 EXISTS\r\n* OK [HIGHESTMODSEQ 5]\r\n* OK [PERMANENTFLAGS (kw]x \\*)] x\r\na1 OK [READ-WRITE] x\r\n",
		"* LIST (\\Noselect) \"/\" {3}\r\na b\r\n* STATUS b (MESSAGES 1 UIDNEXT NIL)\r\na2 OK\r\na3 NO [X y] z\r\n",
		"* ESEARCH (TAG \"a4\") UID ALL 1:4,9\r\n* SEARCH 1 2 3 (MODSEQ 4)\r\na4 OK\r\n",
		"* 1 FETCH (UID 1 FLAGS (\\Seen kw]x) BODY[] {5}\r\nab\r\nc BODY[HEADER.FIELDS (DATE)] \"x\\\"y\")\r\na5 OK\r\n",
		"* 1 FETCH (BODY[] NIL RFC822.SIZE NIL INTERNALDATE \" 1-Feb-2001 03:04:05 -0800\" MODSEQ (5) UID 5 )\r\n",
		"* NAMESPACE ((\"\" \"/\")) NIL ((\"a\" NIL \"X\" (\"b\")))\r\n* ID (\"a\" NIL)\r\n* VANISHED (EARLIER) 1:5\r\n* VANISHED 7\r\n",
		" BAD [Error offset=28]: x\r\n+ \r\n\r\n* FOO {3}\r\nabc (\r\n* BYE bye\r\n",
		"* OK [COPYUID 1 2:3 4:5] x\r\na9 OK [COPYUID 11 a107 NO [SERVERBUG]\r\na8 OK [MODIFIED 1] x\r\n",
		"* FOO {99999999999999999999999}\r\n",
		"*" + strings.Repeat("\x1b", 1500) + "d\x00 ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := listen(bytes.NewReader(stream))
		apart := listen(iotest.OneByteReader(bytes.NewReader(stream)))
		if limit := ErrLimit.Error(); strings.Contains(whole, limit) || strings.Contains(apart, limit) {
			return // how far a line that is too long was read depends on the cuts
		}
		if whole != apart {
			t.Errorf("read at once:\n%s\noctet by octet:\n%s", whole, apart)
		}
	})
}

// FuzzString: what the encoder writes, the scanner reads back.
func FuzzString(f *testing.F) {
	for _, seed := range []string{"INBOX", "a b", `a"\b`, "é", "a\r\nb", "NIL", "", "%*", "{3}", strings.Repeat("x", 1001)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := new(encoder).astring(s)
		parts := e.end()
		if strings.Contains(s, "\x00") != (e.err != nil) {
			t.Fatalf("%q: got %v", s, e.err)
		}
		if e.err != nil {
			return
		}
		var wire bytes.Buffer
		for _, p := range parts {
			wire.Write(p.text)
			if p.literal {
				fmt.Fprintf(&wire, "{%d+}\r\n%s", p.size, p.data)
			}
		}
		sc := newScanner(bytes.NewReader(wire.Bytes()), Options{}.withDefaults().Limits, nil)
		sc.begin()
		got := string(sc.astring())
		if bad := sc.endResponse(); got != s || bad != "" || sc.err != nil {
			t.Errorf("%q went as %q: got %q, %q, %v", s, wire.Bytes(), got, bad, sc.err)
		}
	})
}
