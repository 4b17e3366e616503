package imapside

import (
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// How much one APPEND of several messages carries at most. Larger messages go alone.
const (
	groupMessages = 50
	groupOctets   = 4 << 20
)

// together reports whether a message may go in one command with others.
func (u *upload) together(in mirror.Incoming) bool {
	r := u.m.repo
	return r.caps.Has(imap.CapMultiAppend) && r.caps.Has(imap.CapLiteralPlus) && !r.memory.Alone && !in.Alone && in.Body.Size < groupOctets/4
}

// addToGroup sends a message in one command with those before it.
func (u *upload) addToGroup(index int, in mirror.Incoming, body *outgoing) {
	if u.group != nil && (len(u.group.bodies) == groupMessages || u.octets+in.Body.Size > groupOctets || answered(u.group)) {
		u.endGroup()
	}
	message := messageOf(in, body, u.results[index].Flags)
	if u.group == nil {
		u.group, u.octets = &flight{index: index, command: u.m.repo.conn.AppendMany(u.ctx, u.m.wire, message)}, 0
	} else if err := u.group.command.Add(message); err != nil {
		u.results[index].Err = notDone(fmt.Errorf("append message: %w: %w", mirror.ErrRefused, err))
		u.endGroup()
		return
	}
	u.group.bodies = append(u.group.bodies, body)
	u.octets += in.Body.Size
	await(body, u.group.command)
}

func answered(f *flight) bool {
	select {
	case <-f.command.Done():
		return true
	default:
		return false
	}
}

// endGroup ends the command that takes more messages. It may be called where there
// is none.
func (u *upload) endGroup() {
	if u.group == nil {
		return
	}
	u.group.command.End()
	u.flying = append(u.flying, *u.group)
	u.group = nil
}
