package imapside

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Remove sets \Deleted on refs, expunges exactly these with UID EXPUNGE (RFC
// 4315 §2.1) and then looks which of them are left. Those left that carry \Deleted are Pending: there is no UIDPLUS, or the server refused
// or put off the UID EXPUNGE (Proton Bridge, WildDuck). Those left without
// \Deleted were refused and hold ErrNotDone. keep is ignored: there is no undo
// store on this side.
//
// Messages are never expunged otherwise, so \Deleted ones of other programs
// stay.
func (m *mailbox) Remove(ctx context.Context, refs []mirror.Ref, keep bool) ([]mirror.Removed, error) {
	uids := ascending(refs)
	if len(uids) == 0 {
		return nil, nil
	}
	m.repo.turnTo(m.wire)
	if err := m.enter(ctx, true); err != nil {
		return nil, err
	}
	left, err := m.expunge(ctx, uids)
	if err != nil {
		return nil, err
	}
	results := make([]mirror.Removed, len(refs))
	for i, ref := range refs {
		results[i].Ref = ref
		if flags, there := left.flags[ref.UID]; there && flags.Has(imap.FlagDeleted) {
			results[i].Pending = true
		} else if there {
			results[i].Err = notDone(left.reason("remove message", mirror.ErrRefused))
		}
	}
	return results, nil
}

// leftover are the messages that stayed after expunge, with their flags.
type leftover struct {
	flags   map[imap.UID]mirror.Flags
	refusal error // the server's NO or BAD to STORE or UID EXPUNGE, if any
}

// reason is why a message stayed.
func (l leftover) reason(op string, kind error) error {
	if l.refusal != nil {
		return failure(op, l.refusal, kind)
	}
	return fmt.Errorf("%s: %w: the server kept it", op, kind)
}

// expunge marks ascending uids of the selected mailbox \Deleted, expunges them
// where UIDPLUS allows, and returns those that are still there.
//
// Each step waits for the one before. Dovecot works on pipelined commands at
// the same time: UID EXPUNGE may then not see the flags that STORE sets, and
// SEARCH shows what UID EXPUNGE is about to remove.
func (m *mailbox) expunge(ctx context.Context, uids []imap.UID) (leftover, error) {
	var left leftover
	finishAll := func(asked []*imapconn.Command) error {
		for _, command := range asked {
			switch err := command.Wait(); {
			case err == nil, partial(err) && refused(err) == nil:
			case refused(err) != nil && !temporaryRefusal(err):
				left.refusal = err
			default:
				return failure("remove messages", err, mirror.ErrRefused)
			}
		}
		return nil
	}
	sets := lines(uids)
	var asked []*imapconn.Command
	for _, set := range sets {
		mark := m.repo.conn.UIDStore(ctx, set, imapconn.StoreAdd, []imap.Flag{imap.FlagDeleted}, &imapconn.StoreOptions{Silent: true})
		asked = append(asked, mark.Command)
	}
	if err := finishAll(asked); err != nil {
		return leftover{}, err
	}
	if m.repo.caps.Has(imap.CapUIDPlus) {
		asked = asked[:0]
		for _, set := range sets {
			asked = append(asked, m.repo.conn.UIDExpunge(ctx, set))
		}
		if err := finishAll(asked); err != nil {
			return leftover{}, err
		}
	}
	present, err := m.search(ctx, uids)
	if err != nil {
		return leftover{}, err
	}
	flags := storing{m: m, ctx: ctx, now: make(map[imap.UID]mirror.Flags)}
	if err := flags.ask(slices.Sorted(maps.Keys(present))); err != nil {
		return leftover{}, err
	}
	left.flags = make(map[imap.UID]mirror.Flags, len(present))
	for uid := range present {
		left.flags[uid] = flags.now[uid]
	}
	return left, nil
}
