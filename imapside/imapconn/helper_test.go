package imapconn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"
	"go.uber.org/goleak"

	"mailtwin/imapside/imapconn"
	"mailtwin/imapside/imapconn/imaptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clear are the options for a scripted server on a pipe.
func clear(opts imapconn.Options) imapconn.Options {
	opts.TLS = imapconn.TLSNone
	opts.AllowClear = true
	return opts
}

// open connects to a script that begins with steps for the greeting.
func open(t testing.TB, opts imapconn.Options, steps ...imaptest.Step) *imapconn.Conn {
	t.Helper()
	return openScript(t, opts, imaptest.Script{Steps: steps})
}

func openScript(t testing.TB, opts imapconn.Options, script imaptest.Script) *imapconn.Conn {
	t.Helper()
	c, err := imapconn.New(t.Context(), imaptest.Pipe(t, script), clear(opts))
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const ready = "* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ESEARCH] ready\r\n"
const plain = "* OK [CAPABILITY IMAP4rev1] ready\r\n"

func uids(s string) imap.UIDSet {
	var set imap.UIDSet
	for _, part := range strings.Split(s, ",") {
		first, last, isRange := strings.Cut(part, ":")
		if !isRange {
			last = first
		}
		a, _ := strconv.ParseUint(first, 10, 32) // "*" is 0
		b, _ := strconv.ParseUint(last, 10, 32)
		set = append(set, imap.UIDRange{Start: imap.UID(a), Stop: imap.UID(b)})
	}
	return set
}

// lockedBuffer is a buffer that two goroutines may use.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// recorder writes down what handlers and events were given.
type recorder struct{ lockedBuffer }

func (r *recorder) add(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *recorder) lines() string { return strings.TrimSuffix(r.String(), "\n") }

func describe(m *imapconn.FetchMessage) string {
	s := fmt.Sprintf("#%d uid=%d", m.SeqNum, m.UID)
	if m.Has&imapconn.HasFlags != 0 {
		s += fmt.Sprintf(" flags=%q", m.Flags)
	}
	if m.Has&imapconn.HasInternalDate != 0 {
		s += " date=" + m.InternalDate.Format("2006-01-02T15:04:05-0700")
	}
	if m.Has&imapconn.HasSize != 0 {
		s += fmt.Sprintf(" size=%d", m.Size)
	}
	if m.Has&imapconn.HasModSeq != 0 {
		s += fmt.Sprintf(" modseq=%d", m.ModSeq)
	}
	if m.Has&imapconn.HasEmailID != 0 {
		s += " email=" + m.EmailID
	}
	if m.Has&imapconn.HasGmailMsgID != 0 {
		s += fmt.Sprintf(" gm=%d", m.GmailMsgID)
	}
	if m.Bodies > 0 {
		s += fmt.Sprintf(" bodies=%d", m.Bodies)
	}
	return s
}

func (r *recorder) handler() imapconn.FetchHandler {
	return imapconn.FetchHandler{
		Body: func(m *imapconn.FetchMessage, b *imapconn.FetchBody) error {
			octets, err := io.ReadAll(b)
			r.add("body %s part=%d size=%d nil=%v %q err=%v", describe(m), b.Section.Part, b.Size, b.Nil, octets, err)
			return nil
		},
		Message: func(m *imapconn.FetchMessage) error {
			r.add("message %s", describe(m))
			return nil
		},
	}
}

func (r *recorder) events() imapconn.Events {
	return imapconn.Events{
		Exists:   func(n uint32) { r.add("exists %d", n) },
		Expunge:  func(n uint32) { r.add("expunge %d", n) },
		Vanished: func(set imap.UIDSet, earlier bool) { r.add("vanished %v %v", set, earlier) },
		Fetch:    func(m *imapconn.FetchMessage) { r.add("fetch %s", describe(m)) },
		Flags:    func(flags []imap.Flag) { r.add("flags %q", flags) },
		Status: func(st imapconn.Status) {
			r.add("status %s [%s|%s] %q", st.Type, st.Code, st.CodeArgs, st.Text)
		},
		Alert:         func(text string) { r.add("alert %q", text) },
		MailboxStatus: func(d *imapconn.StatusData) { r.add("mailbox-status %+v", *d) },
	}
}

var bg = context.Background
