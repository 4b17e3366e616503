package imapconn

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"
)

// Appending is an APPEND of several messages (RFC 3502). The server should store all
// of them or none; after a *StatusError it may have stored some all the same. It takes
// messages until End; until then no other command is written. For more than one the
// server must have MULTIAPPEND and LITERAL+.
type Appending struct {
	*DataCommand[AppendManyData]
}

// AppendManyData is what APPENDUID said (RFC 4315 §3): the UIDs of the messages in
// their order. It is zero where it was not sent, or does not name them in ascending
// order.
type AppendManyData struct {
	UIDValidity uint32
	UIDs        []imap.UID
}

// moreParts is what a command takes while it is written. Guarded by conn.mu.
type moreParts struct {
	parts [][]part
	ended bool // nothing follows
}

// AppendMany begins with its first message; Append says what holds for each.
func (c *Conn) AppendMany(ctx context.Context, mailbox string, first AppendMessage) *Appending {
	e := new(encoder).raw("APPEND ").mailbox(mailbox).message(first)
	collect := &appendManyCollector{}
	cmd := c.enqueue(ctx, &Command{name: "APPEND", collect: collect, more: &collect.more}, e)
	return &Appending{&DataCommand[AppendManyData]{cmd, &collect.data}}
}

// Add adds a message. Its error says that it cannot be written, and the command goes
// on without it; what becomes of the others tells Wait. After the command has ended
// nothing is read of the body.
func (a *Appending) Add(msg AppendMessage) error {
	e := new(encoder).message(msg)
	if e.err != nil {
		return e.err
	}
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	a.more.parts = append(a.more.parts, e.parts)
	c.wake.Broadcast()
	return nil
}

// End says that no message follows. It is to be called once.
func (a *Appending) End() {
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	a.more.ended = true
	c.wake.Broadcast()
}

// writeMore writes what was added to a command, until its end. One that was answered
// early needs no more.
func (c *Conn) writeMore(cmd *Command) error {
	for {
		parts, err := c.nextParts(cmd)
		if err != nil {
			return err
		}
		if parts == nil {
			break
		}
		if c.trace != nil {
			c.trace.client(shown(parts))
		}
		if sent, err := c.writeParts(cmd, parts); err != nil || !sent {
			return err
		}
	}
	return c.put([]byte("\r\n"))
}

// nextParts waits for the next message; nil means that there is none. What is in the
// buffer is written first: more may take its time. A command that was canceled in the
// middle ends the connection: its line is open.
func (c *Conn) nextParts(cmd *Command) ([]part, error) {
	for {
		if err := c.needed(cmd); err != nil {
			return nil, err
		}
		parts, ready := c.takeParts(cmd)
		if ready {
			return parts, nil
		}
		if err := c.flush(); err != nil {
			return nil, err
		}
		c.feed(cmd, true)
		c.mu.Lock()
		for len(cmd.more.parts) == 0 && !cmd.more.ended && !cmd.answered && !cmd.ended && !c.ended {
			c.wake.Wait()
		}
		c.mu.Unlock()
		c.feed(cmd, false)
	}
}

// takeParts returns what is there without waiting.
func (c *Conn) takeParts(cmd *Command) (parts []part, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch more := cmd.more; {
	case cmd.answered:
		return nil, true
	case len(more.parts) > 0:
		parts, more.parts = more.parts[0], more.parts[1:]
		return parts, true
	default:
		return nil, more.ended
	}
}

type appendManyCollector struct {
	data AppendManyData
	more moreParts
}

// complete takes no OK for messages that were never written.
func (a *appendManyCollector) complete(st *statusLine) error {
	if !a.more.ended || len(a.more.parts) > 0 {
		return &CommandError{Command: "APPEND", Outcome: ErrUncertain, Err: errEarly}
	}
	if st.Code != "APPENDUID" || !st.codeRead {
		return nil
	}
	data := AppendManyData{UIDValidity: uint32(st.codeNum)}
	for _, r := range st.target {
		if r.Start > r.Stop || uint64(r.Stop)-uint64(r.Start) > maxAppended || len(data.UIDs) > 0 && r.Start <= data.UIDs[len(data.UIDs)-1] {
			return nil
		}
		for uid := uint64(r.Start); uid <= uint64(r.Stop); uid++ {
			data.UIDs = append(data.UIDs, imap.UID(uid))
		}
	}
	a.data = data
	return nil
}

var errEarly = errors.New("the server said OK before it had all messages")

// maxAppended is how many UIDs one range may name: nobody appends as many.
const maxAppended = 1 << 16
