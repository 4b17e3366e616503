package imapside

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Append uploads batch with APPEND, one behind the other without waiting for
// the answers as far as the server's literals allow (RFC 7888). The mailbox
// need not be selected.
//
// A Target.UID stands for an APPENDUID that passed every check; one of another
// UIDVALIDITY counts as none, and the next View is ErrRenumbered. A tagged NO or
// BAD is ErrNotDone together with its meaning. A message whose octets are not
// as many as announced is ErrShortBody; the connection is closed then, so that
// the server takes nothing else for its text, and the call ends with ErrCut.
// After an error that reaches the mailbox no more of batch is taken. Where the last
// answer was a refusal without a code, the server is asked NOOP: one that ends
// the session says NO before BYE, and the call ends with ErrCut then.
//
// Where the server has MULTIAPPEND (RFC 3502) and LITERAL+, many messages go in one
// command. It should store all of them or none, and not every server does: where it
// refuses one, each of them is ErrTogether and uncertain, and from then on all go alone.
//
// Flags that the mailbox does not store are left out. A message with keywords
// that this server has not taken before waits for its own answer, and where it
// is refused without a reason that explains it, it is sent once more without
// them; Flags tells.
func (m *mailbox) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) ([]mirror.Appended, error) {
	return m.AppendLate(ctx, batch)()
}

// AppendLate implements mirror.LateAppender.
func (m *mailbox) AppendLate(ctx context.Context, batch iter.Seq[mirror.Incoming]) func() ([]mirror.Appended, error) {
	if m.access == mirror.ReadOnly {
		return func() ([]mirror.Appended, error) { return nil, errReadOnly }
	}
	m.repo.forget()
	m.repo.early = nil // what is selected early does not show what follows here
	up := upload{m: m, ctx: ctx}
	for in := range batch {
		up.take(in)
		if up.collect(false); up.stop {
			break
		}
	}
	up.endGroup()
	return up.end
}

// end waits for the answers.
func (u *upload) end() ([]mirror.Appended, error) {
	u.collect(true)
	u.parting()
	if at := u.m.repo.at; at != nil && at.wire == u.m.wire {
		at.used = true // a server may not show the copies before NOOP (WildDuck)
	}
	return u.results, u.err
}

// upload is one Append under way.
type upload struct {
	m       *mailbox
	ctx     context.Context
	results []mirror.Appended // of every message taken, in order
	flying  []flight          // not answered yet, ascending
	group   *flight           // what takes more messages, nil where nothing does
	octets  int64             // in it
	stop    bool              // an error reaches the mailbox or further
	err     error             // an error that reaches the side
}

// flight is an APPEND on its way, of the results from index on.
type flight struct {
	index   int
	bodies  []*outgoing
	command *imapconn.Appending
}

// take starts the upload of a message and returns when its body was read.
func (u *upload) take(in mirror.Incoming) {
	result := mirror.Appended{Source: in.Source, Form: mirror.Wire}
	index := len(u.results)
	if err := u.unsendable(in.Body); err != nil {
		u.endGroup() // its results stand in a row
		result.Err = notDone(fmt.Errorf("append message: %w", err))
		u.results = append(u.results, result)
		return
	}
	result.Flags = u.m.appendable(in.Flags)
	u.results = append(u.results, result)
	body := newOutgoing(in.Body)
	doubtful := keywords(result.Flags).Minus(u.m.accepted).Minus(u.m.keeps.Flags)
	if !doubtful.Empty() {
		u.endGroup()
		u.takeDoubtful(index, in, body, doubtful)
		return
	}
	if u.together(in) {
		u.addToGroup(index, in, body)
		return
	}
	u.endGroup()
	command := u.send(in, body, result.Flags)
	await(body, command)
	u.flying = append(u.flying, flight{index, []*outgoing{body}, command})
}

// await returns when body was read, or will not be.
func await(body *outgoing, command *imapconn.Appending) {
	select {
	case <-body.read:
		if body.broken() {
			<-command.Done() // the connection is about to be closed
		}
	case <-command.Done():
	}
}

// takeDoubtful uploads a message with keywords that the server may refuse, and
// waits. Its octets are kept until then.
func (u *upload) takeDoubtful(index int, in mirror.Incoming, body *outgoing, doubtful mirror.Flags) {
	kept := &spool{}
	defer kept.close()
	body.keep = kept
	flags := u.results[index].Flags
	command := u.send(in, body, flags)
	_, err := command.Wait()
	if err == nil {
		u.m.accepted = u.m.accepted.Union(doubtful)
	} else if unexplained(err) {
		if again := body.again(); again != nil {
			flags = flags.Minus(doubtful)
			u.results[index].Flags = flags
			body, command = again, u.send(in, again, flags)
			if _, err := command.Wait(); err == nil && strings.IndexByte(doubtful.String(), ' ') < 0 {
				u.m.refused = u.m.refused.Union(doubtful)
			}
		}
	}
	u.flying = append(u.flying, flight{index, []*outgoing{body}, command})
}

// send sends a message alone.
func (u *upload) send(in mirror.Incoming, body *outgoing, flags mirror.Flags) *imapconn.Appending {
	command := u.m.repo.conn.AppendMany(u.ctx, u.m.wire, messageOf(in, body, flags))
	command.End()
	return command
}

func messageOf(in mirror.Incoming, body *outgoing, flags mirror.Flags) imapconn.AppendMessage {
	return imapconn.AppendMessage{Flags: flags.List(), InternalDate: in.Date, Size: in.Body.Size, Body: body}
}

// unsendable says why a body cannot be sent to this server at all.
func (u *upload) unsendable(body mirror.Body) error {
	switch {
	case body.NUL:
		return mirror.ErrNUL
	case body.Size <= 0:
		// Some servers close the connection at "{0}" (Gluon, mailutils).
		return mirror.ErrEmptyBody
	case u.m.limit > 0 && body.Size > u.m.limit:
		return fmt.Errorf("%w: %d octets, the limit is %d", mirror.ErrTooBig, body.Size, u.m.limit)
	}
	return nil
}

// collect takes the answers that are there, or waits for all of them.
func (u *upload) collect(wait bool) {
	for len(u.flying) > 0 {
		first := u.flying[0]
		if !wait {
			select {
			case <-first.command.Done():
			default:
				return
			}
		}
		u.flying = u.flying[1:]
		u.judge(first)
	}
}

// judge fills in what became of the messages of one command.
func (u *upload) judge(f flight) {
	results := u.results[f.index : f.index+len(f.bodies)]
	data, err := f.command.Wait()
	if err == nil || errors.Is(err, imapconn.ErrMalformed) || errors.Is(err, imapconn.ErrNoData) {
		// A tagged OK: they are stored, whatever else could not be read.
		for i := range results {
			uid := imap.UID(0)
			if len(data.UIDs) == len(results) {
				uid = data.UIDs[i]
			}
			results[i].Target.UID = u.m.announce(data.UIDValidity, uid)
		}
		return
	}
	each, failed := u.blame(err, len(results))
	for i := range results {
		results[i].Flags, results[i].Err = mirror.Flags{}, each
		if errors.Is(err, imapconn.ErrBody) && f.bodies[i].broken() {
			results[i].Err = fmt.Errorf("append message: %w: %w", mirror.ErrShortBody, err)
			failed = fmt.Errorf("append message: %w: %w", mirror.ErrCut, err)
		}
	}
	switch mirror.ReachOf(failed) {
	case mirror.ReachMailbox:
		u.stop = true
	case mirror.ReachSide, mirror.ReachRun:
		u.fail(failed)
	}
}

// blame says what a command that failed means for each of its messages, and for the
// call. A refusal of several says nothing of any one of them.
func (u *upload) blame(err error, messages int) (each, failed error) {
	failed = failure("append message", err, mirror.ErrRefused)
	switch {
	case certain(err) && messages > 1 && mirror.ReachOf(failed) < mirror.ReachSide:
		u.m.repo.memory.Alone = true
		each = fmt.Errorf("append message: %w: %v", mirror.ErrTogether, err)
		return each, each
	case certain(err):
		return notDone(failed), failed
	}
	return failed, failed
}

// parting finds out whether the last message was refused because the session ends.
func (u *upload) parting() {
	if u.err != nil || len(u.results) == 0 || !errors.Is(u.results[len(u.results)-1].Err, mirror.ErrRefused) {
		return
	}
	if err := u.m.repo.conn.Noop(u.ctx).Wait(); err != nil && refused(err) == nil {
		u.fail(failure("append message", err, mirror.ErrCut))
	}
}

func (u *upload) fail(err error) {
	u.stop = true
	if u.err == nil {
		u.err = err
	}
}

// unexplained reports whether a message was refused without a reason, so that
// its keywords may be it (iCloud: "BAD Parse Error").
func unexplained(err error) bool {
	status := refused(err)
	if status == nil || temporary(status) != nil || quotaWords.MatchString(status.Text) {
		return false
	}
	_, explained := codeErrors[status.Code]
	return !explained
}

// keywords returns the flags of f that are no system flags.
func keywords(f mirror.Flags) mirror.Flags { return f.Minus(mirror.AllFlags().Flags) }
