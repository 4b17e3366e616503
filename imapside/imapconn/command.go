package imapconn

import "context"

// Command is one command, queued, in flight or ended.
//
// Canceling its context before an octet was written takes it out of the queue
// (ErrNotSent). Canceled later, Wait returns at once with ErrUncertain and the
// replies still to come are dropped; the connection stays usable, unless a body
// was just streaming in either direction: then it is closed.
type Command struct {
	conn    *Conn
	ctx     context.Context
	name    string
	tag     uint64
	parts   []part
	size    int64 // octets on the wire, about
	flags   commandFlags
	collect any      // where replies go: *fetchCollector, *listCollector, …
	after   *Command // the SELECT in flight or queued when this was queued

	// Guarded by conn.mu.
	state commandState
	busy  int // a handler runs or a body is read: the end waits
	ended bool
	err   error
	lax   bool // queued inside Hold
	stop  func() bool

	done chan struct{}
}

// Wait waits for the command to end and returns nil for a tagged OK. A NO or
// BAD is a *StatusError; everything else is a *CommandError, see there. It may
// be called from several goroutines and more than once.
//
// When it returns, no handler of the command is running nor will run, and the
// body of an APPEND is no longer read: a body whose Read blocks delays Wait.
func (c *Command) Wait() error {
	<-c.done
	return c.err
}

// Done is closed when Wait would not block.
func (c *Command) Done() <-chan struct{} { return c.done }

// Name is the command's name without arguments: "UID FETCH".
func (c *Command) Name() string { return c.name }

// DataCommand is a command whose replies are collected into a T.
type DataCommand[T any] struct {
	*Command
	data *T
}

// Wait is Command.Wait with the data collected. After an error the data holds
// what had arrived until then and must not be taken for complete.
func (c *DataCommand[T]) Wait() (T, error) {
	err := c.Command.Wait()
	return *c.data, err
}
