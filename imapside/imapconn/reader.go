package imapconn

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/emersion/go-imap/v2"
)

// readLoop reads until the connection ends.
func (c *Conn) readLoop() {
	for c.scan.err == nil {
		c.readResponse()
	}
	c.mu.Lock()
	parting, broken := c.logout && c.bye != nil, c.broken
	c.mu.Unlock()
	switch {
	case broken != nil:
		c.fail(broken)
	case parting:
		c.fail(nil)
	default:
		c.fail(connError(c.scan.err))
	}
}

// connError classes an error of the connection.
func connError(err error) *ConnError {
	var known *ConnError
	var op *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &ConnError{Kind: ErrTimeout, Err: err}
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"):
		return &ConnError{Kind: ErrTLS, Err: err}
	case errors.Is(err, io.EOF):
		return &ConnError{Kind: ErrCut}
	}
	return &ConnError{Kind: ErrCut, Err: err}
}

// readResponse reads and dispatches one response. What ends a command ends the
// response first: the trace shows an answer before what it sets off.
func (c *Conn) readResponse() {
	s := c.scan
	if !s.begin() {
		return
	}
	c.in.reply(true)
	select {
	case <-c.greeted:
		c.dispatch()
	default:
		c.readGreeting()
	}
	bad := s.endResponse()
	c.in.reply(false)
	if bad != "" && s.err == nil {
		c.odd("syntax")
	}
}

func (c *Conn) dispatch() {
	s := c.scan
	switch s.peek() {
	case '*':
		s.accept('*')
		s.spaces()
		c.untagged()
	case '+':
		s.accept('+')
		s.spaces()
		text := bytes.TrimSpace(bytes.Clone(s.text()))
		s.endResponse()
		c.continuation(text)
	case '\r', '\n':
		c.odd("empty-line")
	case ' ':
		// Gluon answers syntax errors with an empty tag: the oldest command
		// is the one it means.
		s.spaces()
		c.odd("tag")
		if st, ok := s.status(c.odd); ok && s.ok() {
			c.tagged(c.oldest(), &st)
		}
	default:
		c.taggedLine()
	}
}

// taggedLine reads a line that begins with a tag. A line that is none of ours
// and no status either means that we lost the place.
func (c *Conn) taggedLine() {
	s := c.scan
	tag := append([]byte(nil), s.token(endsAtom, "tag")...)
	s.spaces()
	st, ok := s.status(c.odd)
	if s.err != nil {
		return
	}
	if !ok || !s.ok() {
		s.fatal(brokenFraming("not a response: it begins with %q", clip(tag)))
		return
	}
	cmd := c.byTag(tag)
	if cmd == nil {
		c.odd("tag")
		return
	}
	c.tagged(cmd, &st)
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }

func (c *Conn) byTag(tag []byte) *Command {
	n := parseTag(tag)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.inflight {
		if n != 0 && cmd.tag == n {
			return cmd
		}
	}
	return nil
}

func (c *Conn) oldest() *Command {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.inflight) == 0 {
		return nil
	}
	return c.inflight[0]
}

// tagged ends cmd with its answer.
func (c *Conn) tagged(cmd *Command, st *statusLine) {
	c.scan.endResponse()
	if cmd == nil || c.scan.err != nil {
		return
	}
	c.note(st)
	c.mu.Lock()
	if st.caps != nil {
		c.setCaps(st.caps)
	}
	for i, q := range c.inflight {
		if q == cmd {
			c.inflight = append(c.inflight[:i], c.inflight[i+1:]...)
			c.octets -= cmd.size
			break
		}
	}
	if cmd == c.barrier {
		c.signedIn(st)
	}
	cmd.answer(st)
	c.wake.Broadcast()
	c.mu.Unlock()
	if st.Code != "" && st.Type == imap.StatusResponseTypeOK && !takenCode(st.Code) && c.opts.Events.Status != nil {
		c.opts.Events.Status(st.Status)
	}
	if cmd.kind&kindLogout != 0 && st.Type == imap.StatusResponseTypeOK {
		c.fail(nil)
		c.scan.fatal(&ConnError{Kind: ErrClosed})
	}
}

// takenCode says that a tagged OK's code went where it belongs.
func takenCode(code imap.ResponseCode) bool {
	switch code {
	case "CAPABILITY", "APPENDUID", "COPYUID", "MODIFIED", "READ-ONLY", "READ-WRITE", "ALERT":
		return true
	}
	return false
}

// note keeps an ALERT (RFC 9051 §7.1).
func (c *Conn) note(st *statusLine) {
	if st.Code != imap.ResponseCodeAlert {
		return
	}
	c.mu.Lock()
	if len(c.alerts) == 100 {
		c.alerts = append(c.alerts[:0], c.alerts[1:]...)
	}
	text := c.hidden(st.Text)
	c.alerts = append(c.alerts, text)
	c.mu.Unlock()
	if c.opts.Events.Alert != nil {
		c.opts.Events.Alert(text)
	}
}

// hidden takes the secrets of the sign-in under way out of what a server says;
// some repeat the command. c.mu is held.
func (c *Conn) hidden(text string) string {
	if c.barrier == nil || c.barrier.auth == nil {
		return text
	}
	return string(redact([]byte(text), c.barrier.auth.secrets))
}

// continuation takes "+": for a literal, for a sign-in, or for nobody.
func (c *Conn) continuation(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.waiting != nil && !c.continued:
		c.continued = true
	case c.barrier != nil && c.barrier.auth.mech != nil && c.challenge == nil:
		plain, err := base64.StdEncoding.AppendDecode(nil, text)
		if err != nil {
			c.oddities["base64"]++
		}
		challenge := string(plain)
		c.challenge = &challenge
	default:
		c.oddities["continuation"]++
	}
	c.wake.Broadcast()
}

// readGreeting reads the first response (RFC 9051 §7.1).
func (c *Conn) readGreeting() {
	s := c.scan
	if !s.accept('*') {
		b, _ := s.at(0)
		s.fatal(brokenFraming("no IMAP greeting: it begins with %q", []byte{b}))
		return
	}
	s.spaces()
	st, ok := s.status(c.odd)
	if s.err != nil {
		return
	}
	if !ok || !s.ok() {
		s.fatal(brokenFraming("no IMAP greeting"))
		return
	}
	c.greet(&st)
}

func (c *Conn) greet(st *statusLine) {
	c.scan.endResponse()
	c.note(st)
	switch st.Type {
	case imap.StatusResponseTypeBye:
		c.parting(st)
		c.scan.fatal(io.EOF)
	case imap.StatusResponseTypeOK, imap.StatusResponseTypePreAuth:
		c.mu.Lock()
		c.greeting = st.Status
		if st.caps != nil { // those of a sign-in that is under way come later
			c.offered = capSet(st.caps)
			c.caps, c.capsKnown = c.offered.Copy(), true
		}
		c.mu.Unlock()
		close(c.greeted)
	default:
		c.scan.fatal(brokenFraming("%s as greeting", st.Type))
	}
}

// parting keeps the words of a BYE: the connection's error will carry them.
func (c *Conn) parting(st *statusLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bye = &StatusError{Status: st.Type, Code: st.Code, CodeArgs: c.hidden(st.CodeArgs), Text: c.hidden(st.Text)}
}

// isCut says that the other end went away.
func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
