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

// Move moves messages with UID MOVE (RFC 6851), else with UID COPY and, where
// COPYUID proved the copies, Remove's steps for exactly the sources copied.
// target must have been opened in this session for a To.UID to be told: only
// then is it known which UIDs were there before.
//
// A result without an error says one of these:
//
//	To.UID  Pending
//	given   no       done
//	0       no       done; the copy is to be found by its digest
//	given   yes      the copy is there, the source is marked \Deleted
//	0       yes      the copy was accepted, and the source was not touched,
//	                 because the server did not tell the copy: once it is found
//	                 by digest, Remove of the source completes the move
//
// An error that reaches the mailbox, as a target that is not there, is returned
// too. Messages without a result are uncertain.
//
// ErrGone stands for a message that was not in the source, ErrNotDone for one
// that certainly stayed there alone.
func (m *mailbox) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	if len(moves) == 0 {
		return nil, nil
	}
	wire, err := m.repo.spell(target)
	if err != nil {
		return nil, err
	}
	if sameMailbox(wire, m.wire) {
		// Gluon expunges the original.
		return nil, notDone(fmt.Errorf("move messages: %w: onto the same mailbox", mirror.ErrRefused))
	}
	m.repo.turnTo(m.wire)
	if err := m.enter(ctx, true); err != nil {
		return nil, err
	}
	refs := make([]mirror.Ref, len(moves))
	for i, move := range moves {
		refs[i] = move.Ref
	}
	moving := moving{m: m, ctx: ctx, target: wire, results: make(map[imap.UID]mirror.Moved)}
	uids := ascending(refs)
	if m.repo.caps.Has(imap.CapMove) {
		err = moving.byMove(uids)
	} else {
		err = moving.byCopy(uids)
	}
	results := make([]mirror.Moved, 0, len(refs))
	for _, ref := range refs {
		result, known := moving.results[ref.UID]
		if !known && err != nil {
			continue // nobody knows what became of it
		}
		result.From = ref
		results = append(results, result)
		if err == nil && result.Err != nil && mirror.ReachOf(result.Err) >= mirror.ReachMailbox {
			err = result.Err
		}
	}
	return results, err
}

// moving is one Move under way. results lacks From.
type moving struct {
	m       *mailbox
	ctx     context.Context
	target  string
	results map[imap.UID]mirror.Moved
}

// byMove sends UID MOVE, command after command: Dovecot works on several at a
// time, and which of them an untagged COPYUID belongs to cannot be told.
func (mv *moving) byMove(uids []imap.UID) error {
	all := parts(uids)
	for i, part := range all {
		command := mv.m.repo.conn.UIDMove(mv.ctx, mirror.Ranges(part), mv.target)
		if i == len(all)-1 {
			mv.m.selectNext(mv.ctx)
		}
		data, err := command.Wait()
		if err != nil && !partial(err) && refused(err) == nil || temporaryRefusal(err) {
			return failure("move messages", err, mirror.ErrRefused)
		}
		copies := mv.copies(data, part)
		for source, to := range copies {
			mv.results[source] = mirror.Moved{To: refOf(to)}
		}
		if err := mv.judgeRest(part, copies, err); err != nil {
			return err
		}
	}
	return nil
}

// judgeRest finds out what became of the messages that COPYUID did not name: a
// server may have moved some of them in spite of a NO (RFC 6851 §3.3), or all
// without telling.
func (mv *moving) judgeRest(uids []imap.UID, copies map[imap.UID]imap.UID, refusal error) error {
	var rest []imap.UID
	for _, uid := range uids {
		if _, told := copies[uid]; !told {
			rest = append(rest, uid)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	if err := mv.m.back(mv.ctx); err != nil {
		return err
	}
	present, err := mv.m.search(mv.ctx, rest)
	if err != nil {
		return err
	}
	for _, uid := range rest {
		switch {
		case present[uid] && refusal != nil:
			mv.results[uid] = mirror.Moved{Err: notDone(failure("move message", refusal, mirror.ErrRefused))}
		case present[uid]:
			mv.results[uid] = mirror.Moved{Err: fmt.Errorf("move message: %w: the server kept it", mirror.ErrRefused)}
		case len(copies) > 0:
			// COPYUID is to be trusted: it was not there to be moved.
			mv.results[uid] = mirror.Moved{Err: fmt.Errorf("move message: %w", mirror.ErrGone)}
		default:
			mv.results[uid] = mirror.Moved{}
		}
	}
	return nil
}

// byCopy sends UID COPY for all uids, then removes the sources of the copies that were
// proved.
func (mv *moving) byCopy(uids []imap.UID) error {
	copied := make(map[imap.UID]imap.UID) // by source
	err := mv.copyAll(uids, func(uids []imap.UID, copies map[imap.UID]imap.UID, refusal error) {
		for _, uid := range uids {
			to, told := copies[uid]
			switch {
			case refusal != nil:
				mv.results[uid] = mirror.Moved{Err: refusal}
			case told:
				copied[uid] = to
			case len(copies) > 0:
				mv.results[uid] = mirror.Moved{Err: fmt.Errorf("copy message: %w", mirror.ErrGone)}
			default:
				mv.results[uid] = mirror.Moved{Pending: true}
			}
		}
	})
	if err != nil {
		return err
	}
	return mv.removeSources(copied)
}

// copyAll sends UID COPY for all uids in one turn, and calls visit for each command with
// what it was to copy, the copies that COPYUID told, and the error of those that a refusal
// of the server left uncopied.
func (mv *moving) copyAll(uids []imap.UID, visit func(uids []imap.UID, copies map[imap.UID]imap.UID, refusal error)) error {
	type query struct {
		uids    []imap.UID
		command *imapconn.DataCommand[imapconn.CopyData]
	}
	var asked []query
	for _, part := range parts(uids) {
		asked = append(asked, query{part, mv.m.repo.conn.UIDCopy(mv.ctx, mirror.Ranges(part), mv.target)})
	}
	for _, q := range asked {
		data, err := q.command.Wait()
		if err != nil && !partial(err) && refused(err) == nil || temporaryRefusal(err) {
			return failure("copy messages", err, mirror.ErrRefused)
		}
		var refusal error
		if refused(err) != nil {
			refusal = notDone(failure("copy message", err, mirror.ErrRefused))
		}
		visit(q.uids, mv.copies(data, q.uids), refusal)
	}
	return nil
}

// removeSources gives the copied messages their results. After an error they
// have none: nobody knows whether the sources are still there.
func (mv *moving) removeSources(copied map[imap.UID]imap.UID) error {
	if len(copied) == 0 {
		return nil
	}
	left, err := mv.m.expunge(mv.ctx, slices.Sorted(maps.Keys(copied)))
	if err != nil {
		return err
	}
	for uid, to := range copied {
		_, there := left.flags[uid]
		mv.results[uid] = mirror.Moved{To: refOf(to), Pending: there}
	}
	return nil
}

// copies reads COPYUID: the new UID of each source. It is empty unless every
// word of it holds: the target's UIDVALIDITY, as many copies as sources,
// sources that were asked for, copies that were not there before.
func (mv *moving) copies(data imapconn.CopyData, asked []imap.UID) map[imap.UID]imap.UID {
	target := mv.m.repo.opened[mv.target]
	if target == nil {
		return nil
	}
	copies := make(map[imap.UID]imap.UID)
	trusted := true
	data.Pairs(func(source, to imap.UID) bool {
		_, asked := slices.BinarySearch(asked, source)
		_, again := copies[source]
		uid := target.announce(data.UIDValidity, to)
		trusted = asked && !again && uid != 0
		copies[source] = uid
		return trusted
	})
	if !trusted {
		return nil
	}
	return copies
}

// temporaryRefusal reports a NO that concerns the whole side.
func temporaryRefusal(err error) bool {
	status := refused(err)
	return status != nil && temporary(status) != nil
}
