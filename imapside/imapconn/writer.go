package imapconn

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"
)

// outSize is what is gathered before a write.
const outSize = 64 << 10

// outBuffer gathers octets. It belongs to the writing goroutine.
type outBuffer struct {
	buf     []byte
	pending []written // commands with octets in buf
}

// written says where a command's octets begin in the buffer.
type written struct {
	cmd *Command
	at  int
}

// errStopped ends the writer: the connection has ended.
var errStopped = errors.New("stopped")

// writeLoop writes the commands in order until the connection ends.
func (c *Conn) writeLoop() {
	for {
		if err := c.writeNext(); err != nil {
			return
		}
	}
}

// writeNext does one thing: a command into the buffer, a response in a sign-in,
// or a flush when there is nothing to add.
func (c *Conn) writeNext() error {
	cmd, challenge, err := c.next()
	switch {
	case err != nil:
		return err
	case challenge != nil:
		return c.respond(cmd, *challenge)
	case cmd == nil:
		return c.flush()
	}
	return c.writeCommand(cmd)
}

// next waits for what is to be written; nothing at all means flush.
func (c *Conn) next() (cmd *Command, challenge *string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.ended:
			return nil, nil, errStopped
		case c.challenge != nil && c.barrier != nil:
			challenge, c.challenge = c.challenge, nil
			return c.barrier, challenge, nil
		}
		if cmd := c.take(); cmd != nil {
			return cmd, nil, nil
		}
		if len(c.out.buf) > 0 {
			return nil, nil, nil
		}
		c.wake.Wait()
	}
}

// take moves the queue's head to those in flight if it may be written now.
func (c *Conn) take() *Command {
	for c.held == 0 && len(c.queue) > 0 {
		cmd := c.queue[0]
		if err := c.denied(cmd); err != nil {
			c.queue = c.queue[1:]
			cmd.answered = true
			cmd.end(cmd.notSent(err))
			continue
		}
		if !c.may(cmd) {
			return nil
		}
		c.queue = c.queue[1:]
		if len(c.inflight) == 0 {
			c.activity = time.Now()
		}
		c.inflight = append(c.inflight, cmd)
		c.octets += cmd.size
		c.logout = cmd.kind&kindLogout != 0
		if cmd.kind&kindAuth != 0 {
			c.barrier = cmd
		}
		if cmd.hasBody() {
			cmd.busy++ // until letGo: its end waits for the body
		}
		return cmd
	}
	return nil
}

// denied says why cmd must not be written at all.
func (c *Conn) denied(cmd *Command) error {
	switch {
	case c.logout:
		return &ConnError{Kind: ErrClosed}
	case cmd.after != nil && cmd.after.answered && !cmd.after.success:
		return ErrNotSelected
	}
	return nil
}

// may says whether cmd may be written now.
func (c *Conn) may(cmd *Command) bool {
	if b := c.barrier; b != nil {
		return b.hold != 0 && b.hold == cmd.hold && b.auth.irSent
	}
	if cmd.after != nil && !cmd.after.answered && cmd.kind&kindChanges != 0 {
		return false
	}
	if cmd.hold != 0 || len(c.inflight) == 0 {
		return true
	}
	return len(c.inflight) < c.opts.Depth && c.octets+cmd.size <= c.opts.Budget
}

func (c *Conn) writeCommand(cmd *Command) error {
	if cmd.hasBody() {
		defer c.letGo(cmd)
	}
	c.out.pending = append(c.out.pending, written{cmd, len(c.out.buf)})
	if cmd.auth != nil {
		return c.writeAuth(cmd)
	}
	if c.trace != nil {
		c.trace.client(append(cmd.appendTag(nil), shown(cmd.parts)...))
	}
	c.out.buf = cmd.appendTag(c.out.buf)
	sent, err := c.writeParts(cmd, cmd.parts)
	if err != nil || !sent || cmd.more == nil {
		return err
	}
	return c.writeMore(cmd)
}

func (cmd *Command) appendTag(out []byte) []byte {
	out = strconv.AppendUint(append(out, 'a'), cmd.tag, 10)
	return append(out, ' ')
}

// writeParts writes parts of a command. Sent is false when the server's answer made
// the rest needless.
func (c *Conn) writeParts(cmd *Command, parts []part) (sent bool, err error) {
	for _, p := range parts {
		if err := c.put(p.text); err != nil {
			return false, err
		}
		if !p.literal {
			continue
		}
		if sent, err := c.putLiteral(cmd, p); err != nil || !sent {
			return false, err
		}
	}
	return true, nil
}

// put adds octets to the buffer, writing it whenever it is full.
func (c *Conn) put(octets []byte) error {
	for {
		n := copy(c.out.buf[len(c.out.buf):cap(c.out.buf)], octets)
		c.out.buf = c.out.buf[:len(c.out.buf)+n]
		if octets = octets[n:]; len(octets) == 0 {
			return nil
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
}

// flush writes the buffer. It decides which commands count as written: those
// that begin before the octet at which a failed write stopped.
func (c *Conn) flush() error {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return errStopped
	}
	for _, p := range c.out.pending {
		p.cmd.written = true
	}
	c.activity = time.Now()
	c.mu.Unlock()

	c.nc.SetWriteDeadline(time.Now().Add(c.opts.TagWait))
	n, err := c.nc.Write(c.out.buf)
	c.mu.Lock()
	if err != nil && !c.ended {
		for _, p := range c.out.pending {
			p.cmd.written = p.at < n
		}
	}
	c.activity = time.Now()
	c.mu.Unlock()
	c.in.awaken()
	c.out.buf, c.out.pending = c.out.buf[:0], c.out.pending[:0]
	if err != nil {
		c.breakOff(connError(err))
		return errStopped
	}
	return nil
}

// drainWait is how long is waited for what the server sent before it cut the connection.
const drainWait = time.Second

// breakOff ends the connection after a write that failed. Where the server cut it, what it
// said before is heard first: answers that arrived count, and a BYE says why.
func (c *Conn) breakOff(cause *ConnError) {
	if cause.Kind != ErrCut {
		c.fail(cause)
		return
	}
	c.mu.Lock()
	c.broken = cause
	c.mu.Unlock()
	c.in.drain()
}

// literalMode announces a literal as the server's capabilities allow: RFC 7888
// §4 to §5.
func (c *Conn) literalMode(size int64) (announce []byte, wait bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, plus := c.caps[imap.CapLiteralPlus]
	if plus || size <= 4096 && c.caps.Has(imap.CapLiteralMinus) {
		return fmt.Appendf(nil, "{%d+}\r\n", size), false
	}
	return fmt.Appendf(nil, "{%d}\r\n", size), true
}

// putLiteral writes a literal. Sent is false when the server's answer made it
// needless.
func (c *Conn) putLiteral(cmd *Command, p part) (sent bool, err error) {
	announce, wait := c.literalMode(p.size)
	if err := c.put(announce); err != nil {
		return false, err
	}
	if wait {
		if ready, err := c.awaitContinuation(cmd); !ready || err != nil {
			return false, err
		}
	}
	if p.body == nil {
		return true, c.put(p.data)
	}
	return true, c.putBody(cmd, p.body, p.size)
}

// awaitContinuation writes what is in the buffer and waits for "+"; false means
// that the command was answered instead.
func (c *Conn) awaitContinuation(cmd *Command) (bool, error) {
	if err := c.needed(cmd); err != nil {
		return false, err
	}
	c.mu.Lock()
	c.waiting, c.continued = cmd, false // before "+" can come
	cmd.streaming = true
	c.mu.Unlock()
	err := c.flush()
	c.mu.Lock()
	defer c.mu.Unlock()
	for err == nil && !c.continued && !cmd.answered && !c.ended {
		c.wake.Wait()
	}
	c.waiting, cmd.streaming = nil, false
	if c.ended || err != nil {
		return false, errStopped
	}
	return c.continued, nil
}

// needed closes the connection when cmd was canceled in the middle: the server
// waits for a literal that will not come. One that was refused early still owes
// the server its literal.
func (c *Conn) needed(cmd *Command) error {
	c.mu.Lock()
	canceled := cmd.ended && !cmd.answered
	stopped := c.ended
	c.mu.Unlock()
	if canceled {
		c.fail(&ConnError{Kind: ErrCanceled})
	}
	if canceled || stopped {
		return errStopped
	}
	return nil
}
