package imapside

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Store adds and removes flags with +FLAGS and -FLAGS: one STORE for all
// messages of one change, all in one turn. What the server then shows is
// compared with what was asked. A message that differs is asked for once more,
// flag by flag, so that one flag that is refused does not take others with it.
//
// Flags that PERMANENTFLAGS excludes, and keywords that are no atoms, are not
// sent. A result whose Flags differ from what was asked holds ErrFlagRefused,
// which names the flags, with the server's refusal where there was one. A
// message without an answer is asked for its flags; without them it is ErrGone.
func (m *mailbox) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	m.repo.turnTo(m.wire)
	if err := m.enter(ctx, true); err != nil {
		return nil, err
	}
	change := storing{m: m, ctx: ctx, now: make(map[imap.UID]mirror.Flags)}
	wanted := make([]mirror.FlagChange, len(changes))
	for i, c := range changes {
		wanted[i] = mirror.FlagChange{Ref: c.Ref, Add: sendable(m.keeps.Only(c.Add)), Remove: sendable(m.keeps.Only(c.Remove))}
	}
	if err := change.send(groupChanges(wanted)); err != nil {
		return nil, err
	}
	var differing []mirror.FlagChange
	for _, c := range wanted {
		if left := change.left(c); !left.Add.Empty() || !left.Remove.Empty() {
			differing = append(differing, left)
		}
	}
	if len(differing) > 0 {
		if err := change.send(groupChanges(singly(differing))); err != nil {
			return nil, err
		}
	}
	// A change of which nothing can be sent has no answer yet.
	var unasked []imap.UID
	for _, c := range wanted {
		if c.UID != 0 && c.Add.Empty() && c.Remove.Empty() {
			unasked = append(unasked, c.UID)
		}
	}
	if err := change.ask(unasked); err != nil {
		return nil, err
	}
	return change.results(changes), nil
}

// storing is one Store under way.
type storing struct {
	m       *mailbox
	ctx     context.Context
	now     map[imap.UID]mirror.Flags // what FETCH replies showed last
	refusal error                     // the last NO or BAD
}

// group is one STORE command: the same flags for several messages.
type group struct {
	op    imapconn.StoreOp
	flags mirror.Flags
	uids  []imap.UID // ascending
}

// groupChanges makes as few commands of changes as carry them out, in the order
// in which their flags first occur.
func groupChanges(changes []mirror.FlagChange) []*group {
	type key struct {
		op    imapconn.StoreOp
		flags mirror.Flags
	}
	var groups []*group
	index := make(map[key]*group)
	add := func(op imapconn.StoreOp, flags mirror.Flags, uid imap.UID) {
		if flags.Empty() || uid == 0 {
			return
		}
		k := key{op, flags}
		if index[k] == nil {
			index[k] = &group{op: op, flags: flags}
			groups = append(groups, index[k])
		}
		index[k].uids = append(index[k].uids, uid)
	}
	for _, c := range changes {
		add(imapconn.StoreAdd, c.Add, c.UID)
		add(imapconn.StoreRemove, c.Remove, c.UID)
	}
	for _, g := range groups {
		slices.Sort(g.uids)
		g.uids = slices.Compact(g.uids)
	}
	return groups
}

// singly splits changes into one for each flag.
func singly(changes []mirror.FlagChange) []mirror.FlagChange {
	var single []mirror.FlagChange
	for _, c := range changes {
		for flag := range c.Add.All() {
			single = append(single, mirror.FlagChange{Ref: c.Ref, Add: mirror.MakeFlags(flag)})
		}
		for flag := range c.Remove.All() {
			single = append(single, mirror.FlagChange{Ref: c.Ref, Remove: mirror.MakeFlags(flag)})
		}
	}
	return single
}

// send carries the groups out in one turn, and asks in another for the flags of
// the messages about which there was no answer. A refused STORE is no error
// here: it may have been carried out in part (Cyrus), so the flags decide.
func (s *storing) send(groups []*group) error {
	if err := s.m.back(s.ctx); err != nil {
		return err
	}
	var silent []imap.UID
	type query struct {
		uids    []imap.UID
		command *imapconn.DataCommand[imapconn.StoreData]
	}
	var asked []query
	opts := &imapconn.StoreOptions{Reply: s.show}
	for _, g := range groups {
		for _, set := range lines(g.uids) {
			asked = append(asked, query{g.uids, s.m.repo.conn.UIDStore(s.ctx, set, g.op, g.flags.List(), opts)})
		}
	}
	s.m.selectNext(s.ctx)
	for _, q := range asked {
		data, err := q.command.Wait()
		if err != nil && !s.tolerates(err) {
			return failure("store flags", err, mirror.ErrFlagRefused)
		}
		for _, uid := range q.uids {
			if err != nil || !within(data.Replied, uid) {
				silent = append(silent, uid)
			}
		}
	}
	return s.ask(silent)
}

// tolerates notes a refusal of the server. It reports false for an error after
// which nothing more can be asked.
func (s *storing) tolerates(err error) bool {
	if status := refused(err); status != nil && temporary(status) == nil {
		s.refusal = failure("store flags", err, mirror.ErrFlagRefused)
		return true
	}
	return partial(err)
}

// ask fetches the flags of uids. Those that do not come are forgotten.
func (s *storing) ask(uids []imap.UID) error {
	slices.Sort(uids)
	uids = slices.Compact(uids)
	if len(uids) == 0 {
		return nil
	}
	for _, uid := range uids {
		delete(s.now, uid)
	}
	if err := s.m.back(s.ctx); err != nil {
		return err
	}
	var asked []*imapconn.DataCommand[imapconn.FetchData]
	handler := imapconn.FetchHandler{Message: s.show}
	for _, set := range lines(uids) {
		asked = append(asked, s.m.repo.conn.UIDFetch(s.ctx, set, imapconn.FetchItems{Flags: true}, handler))
	}
	_, err := finish(asked)
	return err
}

// show notes the flags in a FETCH reply. It runs on the connection's reading
// goroutine, while nobody else looks at the map.
func (s *storing) show(msg *imapconn.FetchMessage) error {
	if msg.UID != 0 && msg.Has&imapconn.HasFlags != 0 {
		s.now[msg.UID] = mirror.MakeFlags(msg.Flags...)
	}
	return nil
}

// left returns the part of c that the message does not show yet; none for a
// message about which nothing is known.
func (s *storing) left(c mirror.FlagChange) mirror.FlagChange {
	now, known := s.now[c.UID]
	if !known {
		return mirror.FlagChange{Ref: c.Ref}
	}
	return mirror.FlagChange{Ref: c.Ref, Add: c.Add.Minus(now), Remove: c.Remove.Intersect(now)}
}

func (s *storing) results(changes []mirror.FlagChange) []mirror.Stored {
	results := make([]mirror.Stored, len(changes))
	for i, c := range changes {
		now, known := s.now[c.UID]
		results[i] = mirror.Stored{Ref: c.Ref, Flags: now}
		left := s.left(c)
		switch {
		case !known:
			results[i].Err = fmt.Errorf("store flags: %w", mirror.ErrGone)
		case !left.Add.Empty() || !left.Remove.Empty():
			results[i].Err = s.refusedFlags(left)
		}
	}
	return results
}

// refusedFlags names the flags that a message should and should not have.
func (s *storing) refusedFlags(left mirror.FlagChange) error {
	var names []string
	for flag := range left.Add.All() {
		names = append(names, "+"+string(flag))
	}
	for flag := range left.Remove.All() {
		names = append(names, "-"+string(flag))
	}
	err := fmt.Errorf("store flags: %w: %s", mirror.ErrFlagRefused, strings.Join(names, " "))
	if s.refusal != nil {
		err = fmt.Errorf("%w: %w", err, s.refusal)
	}
	return err
}
