package imapside_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"mailtwin/imapside"
	"mailtwin/mirror"
)

// serverKind says what a wireServer can do. The client has no MULTIAPPEND; when
// it gets it, it becomes a field here and doubles the matrix.
type serverKind struct {
	name       string
	uidPlus    bool
	move       bool
	literal    literalKind
	listStatus bool
	// account says that near is an account, too, with a trash of its own, and no Maildir.
	account bool
}

// literalKind is which literals the server takes without being asked (RFC 7888).
type literalKind int

const (
	literalPlus literalKind = iota
	literalMinus
	literalSync
)

func (k serverKind) caps() imap.CapSet {
	set := capSet(imap.CapIMAP4rev1)
	for c, has := range map[imap.Cap]bool{
		imap.CapUIDPlus: k.uidPlus, imap.CapMove: k.move, imap.CapLiteralPlus: k.literal == literalPlus,
		imap.CapListExtended: k.listStatus, imap.CapListStatus: k.listStatus,
	} {
		if has {
			set[c] = struct{}{}
		}
	}
	return set
}

// tombs reports whether what moves or goes leaves a message behind that is
// marked \Deleted.
func (k serverKind) tombs() bool { return !k.uidPlus && !k.move }

// wireServer is go-imap's server in memory at the other end of wires, and the
// hands of somebody else in its only account.
type wireServer struct {
	kind   serverKind
	user   *imapmemserver.User
	server *imapserver.Server
	lines  chan net.Conn
	closed chan struct{}

	// acting is held by whoever changes something, so that a mailbox is
	// renumbered between two commands.
	acting sync.Mutex
	ages   map[string]int // how often a mailbox was renumbered

	mu       sync.Mutex
	newest   *wire   // of the code under test
	then     *moment // of the next connection of the code under test
	trace    io.Writer
	late     *lateAppend
	lie      func(*imap.AppendData) // what APPENDUID says instead; nil says the truth
	forbade  []string               // commands that must never be sent
	effects  int                    // commands that change something
	accepted int                    // APPENDs whose literal arrived in full
}

// lateAppend delays one APPEND: when its literal is there in full, the server
// waits for the wire's cut and delay longer, and only then stores the message.
type lateAppend struct {
	index int // which one, from 0
	// now is the cut to carry out when the literal is there; nil waits for the
	// wire's own, or stores at once where that came.
	now   *cut
	delay time.Duration
	// at is when the message was stored.
	at time.Time
}

func newWireServer(kind serverKind) *wireServer {
	s := &wireServer{kind: kind, user: imapmemserver.NewUser(testUser, testPassword), lines: make(chan net.Conn), closed: make(chan struct{}), ages: map[string]int{}}
	s.create("INBOX")
	s.server = imapserver.New(&imapserver.Options{
		NewSession: func(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			wire := c.NetConn().(serverEnd).wire
			return &wireSession{UserSession: imapmemserver.NewUserSession(s.user), server: s, wire: wire}, nil, nil
		},
		Caps: kind.caps(), Logger: log.New(io.Discard, "", 0), InsecureAuth: true,
	})
	go s.server.Serve(s)
	return s
}

// Accept, Close and Addr make it the listener of its own server.
func (s *wireServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.lines:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *wireServer) Close() error {
	close(s.closed)
	return nil
}

// Addr implements net.Listener.
func (s *wireServer) Addr() net.Addr { return wireAddr{} }

// dial returns the client's end of a new wire.
func (s *wireServer) dial(plan *cut, then *moment) (net.Conn, *wire) {
	w := newWire(plan, then)
	s.lines <- serverEnd{w.ends[down], s.kind.literal == literalSync}
	return w.ends[up], w
}

// repository is the account as the code under test sees it. Its connection
// ends at plan.
func (s *wireServer) repository(plan *cut) mirror.Repository {
	return imapside.New(imapside.Options{
		Host: "imap.example.org", TLS: imapside.Clear, User: testUser, Password: password(testPassword), Trace: s.trace,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			c, w := s.dial(plan, s.then)
			s.newest, s.then = w, nil
			return c, nil
		},
	})
}

// serverEnd is the server's end of a wire. It keeps LITERAL- back where the
// server shall not have it, which go-imap always advertises. Writing never
// fails, as the kernel takes what nobody will receive: go-imap's server locks
// itself out when a FETCH reply cannot be written. It sees the end by reading,
// for which it has any time: of a stall it knows nothing.
type serverEnd struct {
	*wireEnd
	noLiteral bool
}

func (e serverEnd) Write(p []byte) (int, error) {
	octets := p
	if e.noLiteral && bytes.Contains(p, []byte("CAPABILITY ")) {
		octets = bytes.ReplaceAll(p, []byte(" LITERAL-"), nil)
	}
	_, _ = e.wireEnd.Write(octets)
	return len(p), nil
}

// SetReadDeadline implements net.Conn.
func (e serverEnd) SetReadDeadline(time.Time) error { return nil }

// wireSession is a session of imapmemserver that is honest about what the
// server can do, stores no message that came in part, and stores late.
type wireSession struct {
	*imapmemserver.UserSession
	server   *wireServer
	wire     *wire
	selected string
	age      int // of the selected mailbox
}

// effect counts a command that changes something, and begins it: nobody else
// changes anything until end is called.
func (c *wireSession) effect() (end func()) {
	c.server.acting.Lock()
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.effects++
	return c.server.acting.Unlock
}

// done counts the commands so far that changed something.
func (s *wireServer) done() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects
}

// finishLate makes late the APPEND to delay on the connections to come; nil is
// none.
func (s *wireServer) finishLate(late *lateAppend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = late
}

// storedAt is when the late APPEND was stored; zero for never.
func (s *wireServer) storedAt(late *lateAppend) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return late.at
}

// Select implements imapserver.Session.
func (c *wireSession) Select(name string, opts *imap.SelectOptions) (*imap.SelectData, error) {
	c.server.acting.Lock()
	defer c.server.acting.Unlock()
	c.selected, c.age = name, c.server.ages[name]
	return c.UserSession.Select(name, opts)
}

// List implements imapserver.Session. It never shows a mailbox half renumbered.
func (c *wireSession) List(w *imapserver.ListWriter, ref string, patterns []string, opts *imap.ListOptions) error {
	c.server.acting.Lock()
	defer c.server.acting.Unlock()
	return c.UserSession.List(w, ref, patterns, opts)
}

// lapsed says that the selected mailbox was renumbered: the connection ends, as
// Dovecot's does.
func (c *wireSession) lapsed() error {
	if c.server.ages[c.selected] == c.age {
		return nil
	}
	c.wire.cutNow(cut{way: fin})
	return &imap.Error{Type: imap.StatusResponseTypeNo, Text: "the mailbox is no longer there"}
}

func (c *wireSession) forbid(format string, args ...any) error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.forbade = append(c.server.forbade, fmt.Sprintf(format, args...))
	return &imap.Error{Type: imap.StatusResponseTypeBad, Text: "never"}
}

// Append stores a message as soon as its last octet is there, as real servers
// do, whatever has become of the connection.
func (c *wireSession) Append(mailbox string, literal imap.LiteralReader, opts *imap.AppendOptions) (*imap.AppendData, error) {
	octets, err := io.ReadAll(literal)
	if err != nil || int64(len(octets)) != literal.Size() {
		return nil, io.ErrUnexpectedEOF
	}
	late := c.server.accept()
	if late != nil {
		if late.now != nil {
			c.wire.cutNow(*late.now)
		}
		<-c.wire.done
		time.Sleep(late.delay)
	}
	defer c.effect()()
	data, err := c.UserSession.Append(mailbox, literalOf{bytes.NewReader(octets)}, opts)
	if late != nil {
		c.server.mu.Lock()
		late.at = time.Now()
		c.server.mu.Unlock()
	}
	if !c.server.kind.uidPlus {
		data = nil
	} else if c.server.lie != nil && data != nil {
		c.server.lie(data)
	}
	return data, err
}

// accept counts an APPEND and says whether it is the late one.
func (s *wireServer) accept() *lateAppend {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted++
	if s.late != nil && s.late.index == s.accepted-1 {
		return s.late
	}
	return nil
}

func (c *wireSession) Create(name string, opts *imap.CreateOptions) error {
	defer c.effect()()
	return c.UserSession.Create(name, opts)
}

func (c *wireSession) Delete(name string) error { return c.forbid("DELETE %s", name) }

func (c *wireSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, opts *imap.StoreOptions) error {
	defer c.effect()()
	if err := c.lapsed(); err != nil {
		return err
	}
	if flags.Op == imap.StoreFlagsSet {
		return c.forbid("STORE FLAGS")
	}
	return c.UserSession.Store(w, set, flags, opts)
}

func (c *wireSession) Copy(set imap.NumSet, target string) (*imap.CopyData, error) {
	defer c.effect()()
	if err := c.lapsed(); err != nil {
		return nil, err
	}
	data, err := c.UserSession.Copy(set, target)
	if !c.server.kind.uidPlus {
		data = nil
	}
	return data, err
}

// Move is made of steps where the server must not tell COPYUID.
func (c *wireSession) Move(w *imapserver.MoveWriter, set imap.NumSet, target string) error {
	defer c.effect()()
	if err := c.lapsed(); err != nil {
		return err
	}
	if c.server.kind.uidPlus {
		return c.UserSession.Move(w, set, target)
	}
	return shift(c.UserSession, set, target)
}

// shift moves messages of the selected mailbox without a word to anybody.
func shift(c *imapmemserver.UserSession, set imap.NumSet, target string) error {
	data, err := c.Copy(set, target)
	if err != nil || len(data.SourceUIDs) == 0 {
		return err
	}
	return erase(c, data.SourceUIDs)
}

// erase removes messages of the selected mailbox.
func erase(c *imapmemserver.UserSession, set imap.UIDSet) error {
	marks := imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := c.Store(nil, set, &marks, nil); err != nil {
		return err
	}
	return c.Expunge(&imapserver.ExpungeWriter{}, &set)
}

func (c *wireSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	defer c.effect()()
	if err := c.lapsed(); err != nil {
		return err
	}
	if uids == nil || !c.server.kind.uidPlus {
		return c.forbid("EXPUNGE %v", uids)
	}
	return c.UserSession.Expunge(w, uids)
}
