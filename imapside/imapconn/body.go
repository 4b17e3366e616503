package imapconn

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// putBody streams the body of an APPEND. The last octets stay in the buffer
// until the body has proved to end where it should: the server must never see
// the end of a command whose body is in doubt.
func (c *Conn) putBody(cmd *Command, body io.Reader, size int64) error {
	if err := c.needed(cmd); err != nil {
		return err
	}
	if !inMemory(body) {
		// Its Read may block, and for something that waits for us.
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.feed(cmd, true)
	defer c.feed(cmd, false)
	for left := size; left > 0; {
		if len(c.out.buf) == cap(c.out.buf) {
			if err := c.flush(); err != nil {
				return err
			}
		}
		room := c.out.buf[len(c.out.buf):cap(c.out.buf)]
		n, err := body.Read(room[:min(int64(len(room)), left)])
		c.out.buf = c.out.buf[:len(c.out.buf)+n]
		left -= int64(n)
		if err != nil && left > 0 {
			return c.badBody(fmt.Errorf("%d of %d octets: %w", size-left, size, err))
		}
		if c.stopped() {
			return errStopped
		}
	}
	return c.bodyEnds(body, size)
}

// bodyEnds asks for one octet more than announced.
func (c *Conn) bodyEnds(body io.Reader, size int64) error {
	var one [1]byte
	switch _, err := io.ReadFull(body, one[:]); {
	case err == nil:
		return c.badBody(fmt.Errorf("more than %d octets", size))
	case err != io.EOF:
		return c.badBody(fmt.Errorf("behind %d octets: %w", size, err))
	}
	return nil
}

func (c *Conn) badBody(cause error) error {
	c.fail(&ConnError{Kind: ErrBody, Err: cause})
	return errStopped
}

func (c *Conn) stopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// feed marks that the body is being read: its time does not count as silence,
// and a cancel has to close the connection.
func (c *Conn) feed(cmd *Command, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd.streaming, c.feeding = on, on
	c.activity = time.Now()
}

// letGo lets a command with a body end.
func (c *Conn) letGo(cmd *Command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd.release()
}

func (cmd *Command) hasBody() bool {
	for _, p := range cmd.parts {
		if p.body != nil {
			return true
		}
	}
	return false
}

// inMemory says that Read does not wait for others.
func inMemory(r io.Reader) bool {
	switch r.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader, *os.File:
		return true
	}
	return false
}
