package imapside

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Remove sets \Deleted on refs, expunges exactly these with UID EXPUNGE (RFC
// 4315 §2.1), and looks which of them are left, all in one turn. Those left
// that carry \Deleted are Pending: there is no UIDPLUS, or the server refused
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
func (m *mailbox) expunge(ctx context.Context, uids []imap.UID) (leftover, error) {
	flags := storing{m: m, ctx: ctx, now: make(map[imap.UID]mirror.Flags)}
	opts := &imapconn.StoreOptions{Reply: flags.show}
	var stores []*imapconn.DataCommand[imapconn.StoreData]
	var expunges []*imapconn.Command
	for _, set := range lines(uids) {
		stores = append(stores, m.repo.conn.UIDStore(ctx, set, imapconn.StoreAdd, []imap.Flag{imap.FlagDeleted}, opts))
		if m.repo.caps.Has(imap.CapUIDPlus) {
			expunges = append(expunges, m.repo.conn.UIDExpunge(ctx, set))
		}
	}
	searches := m.startSearch(ctx, uids)

	var left leftover
	refusals := func(err error) error {
		if err == nil || partial(err) || flags.tolerates(err) {
			if err != nil {
				left.refusal = err
			}
			return nil
		}
		return failure("remove messages", err, mirror.ErrRefused)
	}
	for _, command := range stores {
		if _, err := command.Wait(); refusals(err) != nil {
			return leftover{}, refusals(err)
		}
	}
	for _, command := range expunges {
		if err := command.Wait(); refusals(err) != nil {
			return leftover{}, refusals(err)
		}
	}
	present, err := collectSearch(uids, searches)
	if err != nil {
		return leftover{}, err
	}
	var silent []imap.UID
	for uid := range present {
		if _, known := flags.now[uid]; !known {
			silent = append(silent, uid)
		}
	}
	if err := flags.ask(silent); err != nil {
		return leftover{}, err
	}
	left.flags = make(map[imap.UID]mirror.Flags, len(present))
	for uid := range present {
		left.flags[uid] = flags.now[uid]
	}
	return left, nil
}
