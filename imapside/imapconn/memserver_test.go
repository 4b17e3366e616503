package imapconn_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"

	"mailtwin/imapside/imapconn"
)

// memServer starts go-imap's in-memory server with one user, and returns its
// address.
func memServer(t testing.TB, caps imap.CapSet) string {
	t.Helper()
	user := imapmemserver.NewUser("ann", "sesame")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	mem := imapmemserver.New()
	mem.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps:         caps,
		InsecureAuth: true,
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(ln)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return ln.Addr().String()
}

func signedIn(t testing.TB, address string, opts imapconn.Options) *imapconn.Conn {
	t.Helper()
	c, err := imapconn.Dial(t.Context(), address, clear(opts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Authenticate(bg(), sasl.NewPlainClient("", "ann", "sesame")).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, known := c.Caps(); !known {
		if err := c.Capability(bg()).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

var memCaps = map[string]imap.CapSet{
	"rev1":     {imap.CapIMAP4rev1: {}, imap.CapLiteralPlus: {}, imap.CapMove: {}, imap.CapUIDPlus: {}, imap.CapListStatus: {}, imap.CapListExtended: {}, imap.CapSpecialUse: {}, imap.CapESearch: {}, imap.CapNamespace: {}, imap.CapSASLIR: {}, imap.CapUnselect: {}, imap.CapEnable: {}},
	"rev2":     {imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
	"old rev1": {imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}},
}

// TestDialogue holds a real session with a server we did not write.
func TestDialogue(t *testing.T) {
	for name, caps := range memCaps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var trace lockedBuffer
			c := signedIn(t, memServer(t, caps), imapconn.Options{Trace: &trace})
			talk(t, c)
			if t.Failed() {
				t.Log(trace.String())
			}
			if strings.Contains(trace.String(), "sesame") || strings.Contains(trace.String(), plainIR) {
				t.Error("the trace holds the password")
			}
			if got := c.Oddities(); len(got) > 0 {
				t.Errorf("oddities: %v", got)
			}
		})
	}
}

func talk(t *testing.T, c *imapconn.Conn) {
	caps, _ := c.Caps()
	has := func(err error, what string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	has(c.Create(bg(), "Archive").Wait(), "CREATE")
	has(c.Subscribe(bg(), "Archive").Wait(), "SUBSCRIBE")

	// Twenty messages, pipelined.
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	var appends []*imapconn.DataCommand[imapconn.AppendData]
	texts := map[imap.UID]string{}
	for i := range 20 {
		text := fmt.Sprintf("Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\n%s\r\n", i, i, strings.Repeat("x", i*500))
		appends = append(appends, c.Append(bg(), "INBOX", imapconn.AppendMessage{
			Flags: []imap.Flag{imap.FlagSeen}, InternalDate: date, Size: int64(len(text)), Body: strings.NewReader(text),
		}))
		texts[imap.UID(i+1)] = text
	}
	for i, cmd := range appends {
		data, err := cmd.Wait()
		has(err, "APPEND")
		if data.UID != imap.UID(i+1) || data.UIDValidity == 0 {
			t.Errorf("APPENDUID: got %+v, want UID %d", data, i+1)
		}
	}

	if caps.Has(imap.CapListStatus) {
		list, err := c.List(bg(), "", "*", &imapconn.ListOptions{Subscribed: true, Status: imapconn.StatusMessages | imapconn.StatusUIDNext}).Wait()
		has(err, "LIST")
		for _, entry := range list.Entries {
			if entry.Name == "INBOX" && (entry.Status == nil || entry.Status.Messages != 20 || entry.Status.UIDNext != 21) {
				t.Errorf("LIST: got %+v of INBOX", entry.Status)
			}
			if entry.Name == "Archive" && !entry.Has(imap.MailboxAttrSubscribed) {
				t.Errorf("LIST: got %+v of Archive", entry.Attrs)
			}
		}
		if len(list.Entries) != 2 {
			t.Errorf("LIST: got %+v", list)
		}
	}
	status, err := c.Status(bg(), "INBOX", imapconn.StatusMessages|imapconn.StatusUIDValidity).Wait()
	has(err, "STATUS")
	if status.Messages != 20 || status.UIDValidity == 0 {
		t.Errorf("STATUS: got %+v", status)
	}

	sel, err := c.Select(bg(), "INBOX", nil).Wait()
	has(err, "SELECT")
	if sel.Exists != 20 || sel.UIDNext != 21 || sel.UIDValidity != status.UIDValidity || sel.ReadOnly {
		t.Errorf("SELECT: got %+v", sel)
	}

	got := map[imap.UID]string{}
	fetched, err := c.UIDFetch(bg(), uids("1:*"), imapconn.FetchItems{
		Flags: true, InternalDate: true, Size: true, Sections: []imapconn.Section{{}},
	}, imapconn.FetchHandler{
		Body: func(m *imapconn.FetchMessage, b *imapconn.FetchBody) error {
			text, err := io.ReadAll(b)
			got[m.UID] = string(text)
			return err
		},
		Message: func(m *imapconn.FetchMessage) error {
			if m.Size != int64(len(texts[m.UID])) || !m.InternalDate.Equal(date) {
				t.Errorf("FETCH: got %s", describe(m))
			}
			return nil
		},
	}).Wait()
	has(err, "FETCH")
	if fetched.Arrived.String() != "1:20" {
		t.Errorf("FETCH: got %+v", fetched)
	}
	for uid, text := range texts {
		if got[uid] != text {
			t.Errorf("UID %d: got %d octets, want %d", uid, len(got[uid]), len(text))
		}
	}

	stored, err := c.UIDStore(bg(), uids("1:5"), imapconn.StoreAdd, []imap.Flag{imap.FlagDeleted}, nil).Wait()
	has(err, "STORE")
	if stored.Replied.String() != "1:5" {
		t.Errorf("STORE: got %+v", stored)
	}
	copied, err := c.UIDCopy(bg(), uids("6:8"), "Archive").Wait()
	has(err, "COPY")
	if copied.Source.String() != "6:8" || copied.Target.String() != "1:3" || copied.UIDValidity == 0 {
		t.Errorf("COPYUID: got %+v", copied)
	}
	if caps.Has(imap.CapMove) {
		moved, err := c.UIDMove(bg(), uids("9:10"), "Archive").Wait()
		has(err, "MOVE")
		if moved.Source.String() != "9:10" || moved.Target.String() != "4:5" {
			t.Errorf("MOVE: got %+v", moved)
		}
	}
	has(c.UIDExpunge(bg(), uids("2:4")).Wait(), "UID EXPUNGE")
	left, err := c.UIDSearch(bg(), uids("1:12")).Wait()
	has(err, "SEARCH")
	want := "1,5:8,11:12"
	if !caps.Has(imap.CapMove) {
		want = "1,5:12"
	}
	if left.String() != want {
		t.Errorf("SEARCH: got %v, want %s", left, want)
	}
	if none, err := c.UIDSearch(bg(), uids("900:901")).Wait(); err != nil || len(none) != 0 {
		t.Errorf("SEARCH for nothing: got %v, %v", none, err)
	}

	var refused *imapconn.StatusError
	if err := c.Select(bg(), "nowhere", nil).Command.Wait(); !errors.As(err, &refused) {
		t.Errorf("SELECT nowhere: got %v, want a StatusError", err)
	}
	has(c.Delete(bg(), "Archive").Wait(), "DELETE")
	has(c.Logout(bg()).Wait(), "LOGOUT")
	if err := c.Err(); err != nil {
		t.Errorf("after LOGOUT: %v", err)
	}
}

// BenchmarkAppend is an upload of 3 KB messages to a server that keeps up.
func BenchmarkAppend(b *testing.B) {
	text := strings.Repeat("x", 3<<10)
	c := signedIn(b, memServer(b, memCaps["rev1"]), imapconn.Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var cmds []*imapconn.DataCommand[imapconn.AppendData]
	for b.Loop() {
		cmds = append(cmds, c.Append(bg(), "INBOX", message(text)))
		if len(cmds) == 100 {
			for _, cmd := range cmds {
				if _, err := cmd.Wait(); err != nil {
					b.Fatal(err)
				}
			}
			cmds = cmds[:0]
		}
	}
}
