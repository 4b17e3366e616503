package imapside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Bodies are asked for in commands of windowUIDs messages, windowDepth of them
// in flight: enough for one turn of 40 ms to bring some hundred messages, few
// enough that little is under way when the receiver gives up.
const (
	windowUIDs  = 64
	windowDepth = 8
)

// stream fetches one section of many messages.
type stream struct {
	m     *mailbox
	items imapconn.FetchItems
	// body receives each message's section, once. It runs on the connection's
	// reading goroutine.
	body func(uid imap.UID, body *imapconn.FetchBody) error
	// told receives every reply's other items; may be nil.
	told func(msg *imapconn.FetchMessage)

	turn  chan struct{}     // holds one token while somebody uses what follows, or body runs
	over  chan struct{}     // closed when ended is set
	ended error             // why nothing more is handed over
	given map[imap.UID]bool // their section was handed over
	again []imap.UID        // to be asked for alone
}

// cancelGrace is how long a body whose reader was cancelled may go on before
// the connection is closed under it.
const cancelGrace = time.Second

// errStreamEnded ends the handlers that still run when the stream has ended.
var errStreamEnded = errors.New("stream ended")

// run asks for uids in their order and returns when all are answered, or at the
// first error of body, of ctx or of the connection. After an error, answers
// still under way are dropped, and body is not called any more.
//
// The commands themselves are not cancelled with ctx: that would close the
// connection whenever a body is just arriving.
func (s *stream) run(ctx context.Context, uids []imap.UID) error {
	s.given = make(map[imap.UID]bool, len(uids))
	s.turn, s.over = make(chan struct{}, 1), make(chan struct{})
	var flying []window
	for windows := split(uids); len(windows) > 0 || len(flying) > 0; {
		for len(windows) > 0 && len(flying) < windowDepth {
			flying = append(flying, s.send(ctx, windows[0], s.handler()))
			windows = windows[1:]
		}
		if err := s.wait(ctx, flying[0]); err != nil {
			s.drop(flying)
			return err
		}
		flying = flying[1:]
	}
	return s.runAlone(ctx)
}

// window is one FETCH command and what it asks for.
type window struct {
	uids    []imap.UID
	command *imapconn.DataCommand[imapconn.FetchData]
}

func (s *stream) send(ctx context.Context, uids []imap.UID, handler imapconn.FetchHandler) window {
	return window{uids, s.m.repo.conn.UIDFetch(context.WithoutCancel(ctx), setOf(uids), s.items, handler)}
}

// wait waits for a command to end, for the end of the stream, or for ctx.
func (s *stream) wait(ctx context.Context, w window) error {
	select {
	case <-w.command.Done():
	case <-s.over:
		return s.ended
	case <-ctx.Done():
		return s.cancel(ctx)
	}
	if _, err := w.command.Wait(); err != nil {
		return s.settle(err, w.uids)
	}
	return nil
}

// cancel ends the stream for ctx. A receiver that is stuck in a body which does
// not go on is freed by closing the connection.
func (s *stream) cancel(ctx context.Context) error {
	grace := time.NewTimer(cancelGrace)
	defer grace.Stop()
	select {
	case s.turn <- struct{}{}:
	case <-grace.C:
		s.m.repo.conn.Close()
		s.turn <- struct{}{}
	}
	defer s.unlock()
	s.end(fmt.Errorf("fetch: %w", context.Cause(ctx)))
	return s.ended
}

func (s *stream) lock()   { s.turn <- struct{}{} }
func (s *stream) unlock() { <-s.turn }

// end sets why the stream ended, under lock. The first reason counts.
func (s *stream) end(err error) {
	if s.ended == nil {
		s.ended = err
		close(s.over)
	}
}

// drop leaves commands to end by themselves.
func (s *stream) drop(flying []window) {
	for _, w := range flying {
		s.m.repo.dropped = append(s.m.repo.dropped, w.command.Done())
	}
}

// settle judges a command that failed. A NO may be due to one message of many
// (RFC 2180 §4.1.2; Exchange for items that are no mail): the others that did
// not come are asked for again, each alone.
func (s *stream) settle(err error, uids []imap.UID) error {
	s.lock()
	defer s.unlock()
	if s.ended == nil && (partial(err) || refused(err) != nil && temporary(refused(err)) == nil) {
		if len(uids) == 1 {
			return nil // it was asked for alone
		}
		for _, uid := range uids {
			if !s.given[uid] {
				s.again = append(s.again, uid)
			}
		}
		return nil
	}
	s.end(failure("fetch", err, mirror.ErrDenied))
	return s.ended
}

func (s *stream) handler() imapconn.FetchHandler {
	late := make(map[uint32]bool) // sequence numbers of sections that came before their UID
	return imapconn.FetchHandler{
		Body: func(msg *imapconn.FetchMessage, body *imapconn.FetchBody) error {
			if msg.UID == 0 {
				late[msg.SeqNum] = true
				return s.stopped()
			}
			return s.give(msg.UID, body)
		},
		Message: func(msg *imapconn.FetchMessage) error {
			if late[msg.SeqNum] {
				delete(late, msg.SeqNum)
				s.postpone(msg.UID)
			}
			if s.told != nil && msg.UID != 0 && s.stopped() == nil {
				s.told(msg)
			}
			return s.stopped()
		},
	}
}

func (s *stream) stopped() error {
	s.lock()
	defer s.unlock()
	if s.ended != nil {
		return errStreamEnded
	}
	return nil
}

// give hands a section over, unless the message was given before. The lock is
// held meanwhile: run does not return while body runs.
func (s *stream) give(uid imap.UID, body *imapconn.FetchBody) error {
	s.lock()
	defer s.unlock()
	if s.ended != nil {
		return errStreamEnded
	}
	if s.given[uid] {
		return nil
	}
	s.given[uid] = true
	err := s.body(uid, body)
	if err != nil {
		s.end(err)
	}
	return err
}

func (s *stream) postpone(uid imap.UID) {
	s.lock()
	defer s.unlock()
	if uid != 0 && !s.given[uid] {
		s.again = append(s.again, uid)
	}
}

// runAlone asks for the postponed messages one by one. A server that tells the
// UID behind the section tells here, in a reply of its own before it, which
// sequence number the message has.
func (s *stream) runAlone(ctx context.Context) error {
	for _, uid := range s.again {
		if s.given[uid] {
			continue
		}
		var number uint32
		learn := imapconn.FetchHandler{Message: func(msg *imapconn.FetchMessage) error {
			number = msg.SeqNum
			return nil
		}}
		s.m.repo.conn.UIDFetch(context.WithoutCancel(ctx), setOf([]imap.UID{uid}), imapconn.FetchItems{Flags: true}, learn)
		handler := s.handler()
		handler.Body = func(msg *imapconn.FetchMessage, body *imapconn.FetchBody) error {
			if msg.UID == uid || (msg.UID == 0 && number != 0 && msg.SeqNum == number) {
				return s.give(uid, body)
			}
			return s.stopped()
		}
		alone := s.send(ctx, []imap.UID{uid}, handler)
		if err := s.wait(ctx, alone); err != nil {
			s.drop([]window{alone})
			return err
		}
	}
	return nil
}

// split cuts uids into windows, each ascending: some servers refuse sets that
// are not (QQ).
func split(uids []imap.UID) [][]imap.UID {
	var windows [][]imap.UID
	for start, i := 0, 1; i <= len(uids); i++ {
		if i == len(uids) || i-start == windowUIDs || uids[i] <= uids[i-1] {
			windows = append(windows, uids[start:i])
			start = i
		}
	}
	return windows
}

// bodyReader is a body as a sink gets it: its errors are in the words of package
// mirror, and remembered, because a sink that fails as its source did is not to
// blame. Once the sink has returned it gives nothing more, even to a goroutine
// that the sink left behind.
type bodyReader struct {
	mu     sync.Mutex
	body   io.Reader
	failed error
	over   bool
}

var errBodyOver = errors.New("body read after its sink returned")

func (b *bodyReader) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errBodyOver
	}
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = failure("read body", err, mirror.ErrCut)
		b.failed = err
	}
	return n, err
}

// end waits for a Read under way and returns the error that the body had.
func (b *bodyReader) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return b.failed
}
