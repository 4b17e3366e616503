package imapside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Bodies are asked for in commands of at most windowOctets or windowMessages,
// and so many that octetsAhead are under way: enough for a link of 40 MB/s and
// 200 ms, few enough that little is lost when the receiver gives up. Where they come
// faster, it is as much as comes in aheadFor, up to mostAhead. Where sizes are not
// known, windows of windowUnsized messages are asked for, windowDepth at a time.
const (
	windowOctets   = 1 << 20
	windowMessages = 500
	octetsAhead    = 8 << 20
	aheadFor       = 300 * time.Millisecond
	mostAhead      = 32 << 20
	windowUnsized  = 64
	windowDepth    = 8
)

// stream fetches one section of many messages.
type stream struct {
	m     *mailbox
	items imapconn.FetchItems
	// body receives each message's section, once. It runs on the connection's
	// reading goroutine, and not before ready is closed.
	body  func(uid imap.UID, body *imapconn.FetchBody) error
	ready chan struct{}
	// told receives the other items of every reply that came after ready; may be
	// nil.
	told func(msg *imapconn.FetchMessage)

	windows []window           // still to be asked for
	sizes   map[imap.UID]int64 // where bodies may come over several connections, else nil
	flying  []window           // under way, in order
	missing []imap.UID         // lanes did not give them
	octets  int64              // came, and adapt was not told

	held chan struct{} // closed, once, when the first section waits for ready
	hold sync.Once

	turn   chan struct{}     // holds one token while somebody uses what follows, or body runs
	over   chan struct{}     // closed when ended is set
	ended  error             // why nothing more is handed over
	broken bool              // ended because a lane did
	given  map[imap.UID]bool // their section was handed over
	again  []imap.UID        // to be asked for alone
}

func newStream(m *mailbox, items imapconn.FetchItems, windows []window) *stream {
	return &stream{m: m, items: items, windows: windows, given: make(map[imap.UID]bool),
		ready: make(chan struct{}), held: make(chan struct{}), turn: make(chan struct{}, 1), over: make(chan struct{})}
}

// cancelGrace is how long a body whose reader was cancelled may go on before
// the connection is closed under it.
const cancelGrace = time.Second

// errStreamEnded ends the handlers that still run when the stream has ended.
var errStreamEnded = errors.New("stream ended")

// run asks for what is not under way yet, hands everything over and returns when
// all is answered, or at the first error of body, of ctx or of the connection.
// After an error, answers still under way are dropped, and body is not called any
// more.
//
// The commands themselves are not cancelled with ctx: that would close the
// connection whenever a body is just arriving.
func (s *stream) run(ctx context.Context) error {
	close(s.ready)
	s.m.repo.lanes.resume(time.Now())
	return s.rest(ctx)
}

// runMissing asks for what lanes did not give, over the first connection, on which the
// mailbox is selected.
func (s *stream) runMissing(ctx context.Context) error {
	missing := slices.DeleteFunc(s.missing, func(uid imap.UID) bool { return s.given[uid] })
	s.windows, s.sizes = split(missing, s.sizes), nil
	return s.rest(ctx)
}

// rest does the work of run.
func (s *stream) rest(ctx context.Context) error {
	for {
		room := s.m.repo.lanes.ahead()
		s.fill(ctx, &room)
		if len(s.flying) == 0 {
			return nil
		}
		if len(s.windows) == 0 {
			s.m.repo.pump(ctx, room)
		}
		first := s.flying[0]
		if err := s.wait(ctx, first); err != nil {
			s.drop()
			return err
		}
		s.flying = s.flying[1:]
		s.m.repo.adapt(ctx, first.lane, s.came(), s.m.repo.left(s))
	}
}

// window is one FETCH command and what it asks for.
type window struct {
	uids    []imap.UID
	octets  int64 // of the messages, 0 where that is not known
	lane    *lane // nil: the first connection
	command *imapconn.DataCommand[imapconn.FetchData]
	// selected is the EXAMINE in front of it, nil on the first connection.
	selected *imapconn.DataCommand[imapconn.SelectData]
}

// fill sends windows as long as there is room for octets under way; room is that of
// the first connection.
func (s *stream) fill(ctx context.Context, room *int64) {
	for _, w := range s.flying {
		if w.lane == nil {
			*room -= w.room()
		}
	}
	for len(s.windows) > 0 {
		line, ok := s.line(*room)
		if !ok {
			return
		}
		w := s.send(ctx, s.next(), line)
		s.flying = append(s.flying, w)
		if line == nil {
			*room -= w.room()
		}
	}
}

// line returns the connection that is asked next, nil for the first one, of which room
// octets are left. ok is false where that one has no room.
func (s *stream) line(room int64) (line *lane, ok bool) {
	if s.sizes == nil {
		return nil, room > 0
	}
	return s.m.repo.lanes.next(room)
}

// next returns the next window to be asked for: a small one where others come over
// other connections meanwhile.
func (s *stream) next() window {
	w := &s.windows[0]
	n := len(w.uids)
	if s.sizes != nil && len(s.m.repo.lanes.open) > 0 {
		n = atMost(laneOctets, w.uids, s.sizes)
	}
	if n == len(w.uids) {
		whole := *w
		s.windows = s.windows[1:]
		return whole
	}
	first := window{uids: w.uids[:n:n]}
	for _, uid := range first.uids {
		first.octets += s.sizes[uid]
	}
	w.uids, w.octets = w.uids[n:], w.octets-first.octets
	return first
}

// atMost returns how many of uids, but one at least, have no more than octets.
func atMost(octets int64, uids []imap.UID, sizes map[imap.UID]int64) int {
	for n, uid := range uids {
		if octets -= sizes[uid]; octets < 0 {
			return max(1, n)
		}
	}
	return len(uids)
}

func (s *stream) send(ctx context.Context, w window, line *lane) window {
	t := s.ticketOf(line)
	s.m.repo.lanes.turn++
	if w.lane = line; line == nil {
		w.command = s.ask(ctx, w.uids, s.handler(t))
		return w
	}
	line.octets += w.room()
	w.selected = line.enter(ctx, s)
	w.command = line.conn.UIDFetch(context.WithoutCancel(ctx), mirror.Ranges(w.uids), s.items, s.laneHandler(t, s.m.status.UIDValidity, w.selected))
	return w
}

// room is what a window takes of octetsAhead.
func (w window) room() int64 {
	if w.octets == 0 {
		return octetsAhead / windowDepth
	}
	return w.octets
}

func (s *stream) ask(ctx context.Context, uids []imap.UID, handler imapconn.FetchHandler) *imapconn.DataCommand[imapconn.FetchData] {
	return s.m.repo.conn.UIDFetch(context.WithoutCancel(ctx), mirror.Ranges(uids), s.items, handler)
}

// abandon ends a stream that nobody will run.
func (s *stream) abandon() {
	s.lock()
	s.end(errForgotten)
	s.unlock()
	s.drop()
}

// wait waits for a command to end, for the end of the stream, or for ctx.
func (s *stream) wait(ctx context.Context, w window) error {
	select {
	case <-w.command.Done():
		return s.answered(w)
	default:
	}
	select {
	case <-w.command.Done():
	case <-s.over:
		return s.ended
	case <-ctx.Done():
		return s.cancel(ctx)
	case <-s.m.repo.heldUp(w):
		s.m.repo.forget()
		return s.wait(ctx, w)
	}
	return s.answered(w)
}

// answered judges the answer to a command.
func (s *stream) answered(w window) error {
	_, err := w.command.Wait()
	switch {
	case w.lane != nil:
		return s.overLane(w, err)
	case err != nil:
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
		s.m.repo.lanes.abort()
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
func (s *stream) drop() {
	lanes := &s.m.repo.lanes
	lanes.lost = lanes.lost || s.broken
	for _, w := range s.flying {
		if w.lane != nil {
			lanes.answered(w.lane, w.room())
			continue
		}
		s.m.repo.dropped = append(s.m.repo.dropped, w.command.Done())
	}
	s.flying = nil
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

func (s *stream) handler(t ticket) imapconn.FetchHandler {
	late := make(map[uint32]bool) // sequence numbers of sections that came before their UID
	return imapconn.FetchHandler{
		Body: func(msg *imapconn.FetchMessage, body *imapconn.FetchBody) error {
			if msg.UID == 0 {
				late[msg.SeqNum] = true
				return s.stopped()
			}
			return s.give(msg.UID, body, t)
		},
		Message: func(msg *imapconn.FetchMessage) error {
			if late[msg.SeqNum] {
				delete(late, msg.SeqNum)
				s.postpone(msg.UID)
			}
			select {
			case <-s.ready:
			default:
				return nil // it answers something else
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

// give hands a section over when it is its turn, unless the message was given before.
// The lock is held meanwhile: run does not return while body runs.
func (s *stream) give(uid imap.UID, body *imapconn.FetchBody, t ticket) error {
	if !s.await(t.lane) || !t.come(s.over) {
		return errStreamEnded
	}
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
	s.octets += body.Size
	if err != nil {
		s.broken = t.lane && errors.Is(err, mirror.ErrCut)
		s.end(err)
	}
	return err
}

// came returns how many octets came since it was called last.
func (s *stream) came() (octets int64) {
	s.lock()
	defer s.unlock()
	octets, s.octets = s.octets, 0
	return octets
}

// await waits until somebody takes the bodies, and reports false where nobody
// will. Over a lane they may come before those that were asked for before.
func (s *stream) await(lane bool) bool {
	select {
	case <-s.ready:
		return true
	default:
	}
	if !lane {
		s.hold.Do(func() { close(s.held) })
	}
	select {
	case <-s.ready:
		return true
	case <-s.over:
		return false
	}
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
		s.m.repo.conn.UIDFetch(context.WithoutCancel(ctx), mirror.Ranges([]imap.UID{uid}), imapconn.FetchItems{Flags: true}, learn)
		handler := s.handler(ticket{})
		handler.Body = func(msg *imapconn.FetchMessage, body *imapconn.FetchBody) error {
			if msg.UID == uid || (msg.UID == 0 && number != 0 && msg.SeqNum == number) {
				return s.give(uid, body, ticket{})
			}
			return s.stopped()
		}
		alone := window{uids: []imap.UID{uid}}
		alone.command = s.ask(ctx, alone.uids, handler)
		if err := s.wait(ctx, alone); err != nil {
			s.flying = []window{alone}
			s.drop()
			return err
		}
	}
	return nil
}

// split cuts uids into windows, each ascending: some servers refuse sets that
// are not (QQ). sizes may be nil.
func split(uids []imap.UID, sizes map[imap.UID]int64) []window {
	limit := windowMessages
	if sizes == nil {
		limit = windowUnsized
	}
	var windows []window
	for i, uid := range uids {
		last := len(windows) - 1
		if i == 0 || uid <= uids[i-1] || len(windows[last].uids) == limit || windows[last].octets+sizes[uid] > windowOctets {
			windows = append(windows, window{uids: uids[i:i:len(uids)]})
			last++
		}
		w := &windows[last]
		w.uids = w.uids[:len(w.uids)+1]
		w.octets += sizes[uid]
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
