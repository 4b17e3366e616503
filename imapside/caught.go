package imapside

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// crossCheck asks what changed since the checkpoint of the state, where a full look
// showed that something did. It returns what the server was caught at, "" where it
// told the truth or nothing can be proved. From the next visit on who was caught has
// no mod-sequences for us (decision 006).
//
// A message that has the flags of the look still, behind the question, and not those
// of the state, was there and had changed when it was asked: it must be named.
func (m *mailbox) crossCheck(ctx context.Context, view *mirror.View) (caught string, err error) {
	if m.repo.memory.Untrue || view.Renumbered || len(view.Changed) == 0 || !m.repo.tellsSince(m.known, view.Checkpoint) {
		return "", nil
	}
	shown := make(map[imap.UID]mirror.Flags, len(view.Changed))
	refs := make([]mirror.Ref, len(view.Changed))
	for i, change := range view.Changed {
		shown[change.UID], refs[i] = change.Flags, change.Ref
	}
	if err := m.enter(ctx, false); err != nil {
		return "", err
	}
	// One after the other: Dovecot mixes the answers of two.
	set := lines(ascending(refs))[0]
	named, err := m.flagsOf(ctx, set, m.known.HighestModSeq)
	if err != nil || named == nil {
		return "", err
	}
	still, err := m.flagsOf(ctx, set, 0)
	if err != nil || still == nil {
		return "", err
	}
	told := make(map[imap.UID]bool, len(named.arrived))
	for _, message := range named.arrived {
		told[message.UID] = true
	}
	for _, message := range still.arrived {
		if flags, asked := shown[message.UID]; asked && message.flagged && message.Flags.Equal(flags) && !told[message.UID] {
			m.repo.memory.Untrue = true
			return fmt.Sprintf("the server does not tell that the flags of message %d changed; its mod-sequences are not believed any more, so that runs have to read more", message.UID), nil
		}
	}
	return "", nil
}

// flagsOf asks for the flags of set, of all or of those that changed since. It
// returns nil where the server did not answer in full.
func (m *mailbox) flagsOf(ctx context.Context, set imap.UIDSet, since uint64) (*looker, error) {
	look := newLooker(nil)
	asked := m.repo.conn.UIDFetch(ctx, set, imapconn.FetchItems{Flags: true, ChangedSince: since}, imapconn.FetchHandler{Message: look.take})
	if all, err := finish([]*imapconn.DataCommand[imapconn.FetchData]{asked}); err != nil || !all {
		return nil, err
	}
	return look, nil
}
