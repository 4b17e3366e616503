package imapconn

import (
	"context"

	"github.com/emersion/go-imap/v2"
)

// Command is one command, queued, in flight or ended.
//
// Canceling its context before an octet was written takes it out of the queue
// (ErrNotSent). Canceled later, it ends at once with ErrUncertain and the
// replies still to come are dropped; the connection stays usable, unless a body
// was just streaming in either direction or a continuation was awaited: then it
// is closed.
type Command struct {
	conn    *Conn
	name    string
	tag     uint64
	parts   []part
	size    int64 // octets on the wire, about
	kind    commandKind
	collect collector // where its replies go, nil if it has none
	after   *Command  // the SELECT that has to succeed for it, nil if none
	auth    *authState
	more    *moreParts // what is added while it is written, nil where nothing is
	hold    uint64     // the burst it was queued in, 0 if none

	// Guarded by conn.mu.
	written   bool  // octets of it may have been written
	answered  bool  // its tagged answer came, or it will get none
	success   bool  // … and was OK
	busy      int   // a handler runs or its body is read: the end waits for that
	streaming bool  // … and a body is what runs
	ended     bool  // err holds
	malformed bool  // a reply to it could not be read
	err       error // the outcome
	stop      func() bool

	done chan struct{}
}

// commandKind is what the writer has to know of a command.
type commandKind uint8

const (
	kindAuth     commandKind = 1 << iota // others wait for its answer
	kindSelect                           // SELECT or EXAMINE
	kindInside                           // acts on the selected mailbox
	kindChanges                          // … and changes mail there
	kindLogout                           // nothing follows it
	kindUnselect                         // no mailbox is selected behind it
)

// noMailbox stands for a SELECT that failed: the newest of a connection that
// was told to UNSELECT.
var noMailbox = &Command{answered: true}

// collector takes the replies to one command. Its methods are called with
// conn.mu held.
type collector interface {
	// complete is called for a tagged OK; its error becomes the command's.
	complete(st *statusLine) error
}

// Wait waits for the command to end and returns nil for a tagged OK. A NO or
// BAD is a *StatusError; everything else is a *CommandError, see there. It may
// be called from several goroutines and more than once.
//
// When it returns, no handler of the command is running nor will run, and the
// body of an APPEND is no longer read: a body whose Read blocks delays Wait.
func (cmd *Command) Wait() error {
	<-cmd.done
	return cmd.err
}

// Done is closed when Wait would not block.
func (cmd *Command) Done() <-chan struct{} { return cmd.done }

// Name is the command's name without arguments: "UID FETCH".
func (cmd *Command) Name() string { return cmd.name }

// DataCommand is a command whose replies are collected into a T.
type DataCommand[T any] struct {
	*Command
	data *T
}

// Wait is Command.Wait with the data collected. After an error the data holds
// what had arrived until then and must not be taken for complete.
func (cmd *DataCommand[T]) Wait() (T, error) {
	err := cmd.Command.Wait()
	return *cmd.data, err
}

// enqueue makes a command of what was encoded and queues it.
func (c *Conn) enqueue(ctx context.Context, cmd *Command, e *encoder) *Command {
	cmd.conn = c
	cmd.done = make(chan struct{})
	if cmd.parts = e.parts; cmd.more == nil {
		cmd.parts = e.end()
	}
	cmd.size = wireSize(cmd.parts)
	if n := lineSize(cmd.parts); n > c.opts.Limits.Line {
		e.fail("a command line of %d octets", n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.err != nil:
		cmd.end(cmd.notSent(e.err))
	case c.ended:
		cmd.end(cmd.notSent(c.reason()))
	case ctx.Err() != nil:
		cmd.end(cmd.notSent(ctx.Err()))
	default:
		c.push(ctx, cmd)
	}
	return cmd
}

// push queues cmd. c.mu is held.
func (c *Conn) push(ctx context.Context, cmd *Command) {
	c.lastTag++
	cmd.tag = c.lastTag
	if c.held > 0 {
		cmd.hold = c.burst
	}
	switch {
	case cmd.kind&kindSelect != 0:
		c.selected = cmd
	case cmd.kind&kindUnselect != 0:
		c.selected = noMailbox
	case cmd.kind&kindInside != 0:
		cmd.after = c.selected
	}
	c.queue = append(c.queue, cmd)
	cmd.stop = context.AfterFunc(ctx, func() { c.cancel(cmd, ctx.Err()) })
	c.wake.Broadcast()
}

// cancel ends cmd because its context did.
func (c *Conn) cancel(cmd *Command, cause error) {
	c.mu.Lock()
	switch {
	case cmd.ended:
	case cmd.streaming:
		defer c.fail(&ConnError{Kind: ErrCanceled, Err: cause})
	case cmd.written:
		cmd.end(cmd.uncertain(cause))
	case c.unqueue(cmd):
		cmd.answered = true
		cmd.end(cmd.notSent(cause))
	default: // in the buffer already: it will be written
		cmd.end(cmd.uncertain(cause))
	}
	c.wake.Broadcast()
	c.mu.Unlock()
}

func (c *Conn) unqueue(cmd *Command) bool {
	for i, q := range c.queue {
		if q == cmd {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			return true
		}
	}
	return false
}

// end settles the outcome, once. conn.mu is held.
func (cmd *Command) end(err error) {
	if cmd.ended {
		return
	}
	cmd.ended, cmd.err = true, err
	if cmd.stop != nil {
		cmd.stop()
	}
	if cmd.busy == 0 {
		close(cmd.done)
	}
}

// begin keeps the command from ending while a handler runs or its body is
// read; false means that it has ended. conn.mu is held, as for release.
func (cmd *Command) begin(streaming bool) bool {
	if cmd.ended {
		return false
	}
	cmd.busy++
	cmd.streaming = streaming
	return true
}

func (cmd *Command) release() {
	cmd.busy--
	cmd.streaming = false
	if cmd.ended && cmd.busy == 0 {
		close(cmd.done)
	}
}

func (cmd *Command) notSent(cause error) error {
	return &CommandError{Command: cmd.name, Outcome: ErrNotSent, Err: cause}
}

func (cmd *Command) uncertain(cause error) error {
	return &CommandError{Command: cmd.name, Outcome: ErrUncertain, Err: cause}
}

// valid says whether replies may belong to cmd: not to one whose SELECT has
// not succeeded. conn.mu is held.
func (cmd *Command) valid() bool {
	return cmd.after == nil || cmd.after.success
}

// owns says whether replies of now may belong to cmd: not to one of a mailbox that
// is not selected any more. conn.mu is held.
func (cmd *Command) owns() bool {
	current := cmd.conn.current
	return cmd.valid() && (cmd.after == nil || current == nil || current == cmd.after)
}

// answer ends cmd with its tagged answer. conn.mu is held. The data of a command that has
// ended already, with the connection or its context, belong to whoever waited for it.
func (cmd *Command) answer(st *statusLine) {
	cmd.answered = true
	cmd.success = st.Type == imap.StatusResponseTypeOK
	if cmd.success && cmd.kind&kindSelect != 0 {
		cmd.conn.current = cmd
	}
	if !cmd.success {
		cmd.end(cmd.refused(st))
		return
	}
	var err error
	if cmd.collect != nil && !cmd.ended {
		err = cmd.collect.complete(st)
	}
	switch {
	case !cmd.valid():
		cmd.success = false
		cmd.end(&CommandError{Command: cmd.name, Outcome: ErrNoData, Err: ErrNotSelected})
	case cmd.malformed:
		cmd.end(&CommandError{Command: cmd.name, Outcome: ErrMalformed, Err: err})
	case err == ErrNoData:
		cmd.end(&CommandError{Command: cmd.name, Outcome: ErrNoData})
	default:
		cmd.end(err)
	}
}

func (cmd *Command) refused(st *statusLine) error {
	e := &StatusError{
		Command: cmd.name, Status: st.Type, Code: st.Code, CodeArgs: st.CodeArgs, Text: st.Text,
	}
	if cmd.auth != nil {
		e.Text = string(redact([]byte(e.Text), cmd.auth.secrets))
		e.CodeArgs = string(redact([]byte(e.CodeArgs), cmd.auth.secrets))
	}
	return e
}
