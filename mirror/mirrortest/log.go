package mirrortest

import (
	"fmt"

	"mailtwin/mirror"
)

// Op is a command that a session gave.
type Op string

// The commands. Those that Writes reports change the store.
const (
	OpConnect   Op = "connect"
	OpList      Op = "list"
	OpOpen      Op = "open"
	OpView      Op = "view"
	OpSearch    Op = "search" // of a View, a line for each message that it asks about
	OpAbsent    Op = "absent"
	OpIdentify  Op = "identify"
	OpFetch     Op = "fetch"
	OpCreate    Op = "create"
	OpRename    Op = "rename"
	OpDelete    Op = "delete"
	OpSubscribe Op = "subscribe"
	OpAppend    Op = "append"
	OpStore     Op = "store"
	OpMove      Op = "move"
	OpCopy      Op = "copy"
	OpRemove    Op = "remove"
)

// Writes reports whether the command changes the store.
func (o Op) Writes() bool {
	switch o {
	case OpCreate, OpRename, OpDelete, OpSubscribe, OpAppend, OpStore, OpMove, OpCopy, OpRemove:
		return true
	}
	return false
}

// Command is one line of a Server's log. A command on several messages has a
// line for each.
type Command struct {
	Op      Op
	Mailbox mirror.Name
	Ref     mirror.Ref  // the message; of an Append the one that it made
	Target  mirror.Name // of a Move, Copy or Rename
}

func (c Command) String() string {
	line := string(c.Op)
	if c.Mailbox != "" {
		line += fmt.Sprintf(" %q", c.Mailbox.String())
	}
	if c.Ref != (mirror.Ref{}) {
		line += fmt.Sprintf(" %d %s", c.Ref.UID, c.Ref.Base)
	}
	if c.Target != "" {
		line += fmt.Sprintf(" to %q", c.Target.String())
	}
	return line
}

// Log returns every command that sessions gave since the last ClearLog.
func (s *Server) Log() []Command {
	s.lock()
	defer s.mu.Unlock()
	return append([]Command{}, s.log...)
}

// Effects returns the commands of Log that write.
func (s *Server) Effects() []Command {
	var list []Command
	for _, c := range s.Log() {
		if c.Op.Writes() {
			list = append(list, c)
		}
	}
	return list
}

// Count returns how many commands op are in Log.
func (s *Server) Count(op Op) int {
	n := 0
	for _, c := range s.Log() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// ClearLog forgets the log.
func (s *Server) ClearLog() {
	s.lock()
	defer s.mu.Unlock()
	s.log = nil
}
