package imapside

import "mailtwin/imapside/imapconn"

// ticket says when the bodies of a window may be handed over: in the order in which
// they were asked for, whatever connection they come over.
type ticket struct {
	lane bool
	// These are closed when the windows before it, on this connection and on others, are
	// answered.
	own, before []<-chan struct{}
}

// ticketOf returns the ticket of what is asked next, over a lane or, where that is nil,
// the first connection.
func (s *stream) ticketOf(line *lane) ticket {
	t := ticket{lane: line != nil}
	for _, w := range s.flying {
		if w.lane == line {
			t.own = append(t.own, w.command.Done())
		} else {
			t.before = append(t.before, w.command.Done())
		}
	}
	return t
}

// come waits for its turn and reports false when over is closed first. Where the server
// mixes its answers, and one before it on this connection is still to come, others wait
// for that one, and it cannot come before this: there it is anybody's turn.
func (t ticket) come(over <-chan struct{}) bool {
	for _, answered := range t.own {
		select {
		case <-answered:
		default:
			return true
		}
	}
	for _, answered := range t.before {
		select {
		case <-answered:
		case <-over:
			return false
		}
	}
	return true
}

// laneHandler is the handler of a window that was asked for over a lane. What is of
// another mailbox, or empty, counts as not given.
func (s *stream) laneHandler(t ticket, validity uint32, selected *imapconn.DataCommand[imapconn.SelectData]) imapconn.FetchHandler {
	handler := s.handler(t)
	give := handler.Body
	handler.Body = func(msg *imapconn.FetchMessage, body *imapconn.FetchBody) error {
		if !shows(selected, validity) || body.Nil || body.Size == 0 {
			return nil
		}
		return give(msg, body)
	}
	return handler
}

// shows reports whether a selection has this UIDVALIDITY, which the first connection
// saw: UIDs of any other one mean nothing.
func shows(selected *imapconn.DataCommand[imapconn.SelectData], validity uint32) bool {
	select {
	case <-selected.Done():
	default:
		return false
	}
	data, err := selected.Wait()
	return err == nil && validityOf(data) == validity
}

// overLane judges a window that was asked for over a lane. What it did not give is
// asked for in the end, over the first connection, on which another mailbox may be
// selected by now.
func (s *stream) overLane(w window, err error) error {
	s.lock()
	defer s.unlock()
	if s.ended != nil {
		return s.ended
	}
	lanes := &s.m.repo.lanes
	lanes.answered(w.lane, w.room())
	status := refused(err)
	if err != nil && status == nil || status != nil && temporary(status) != nil || !shows(w.selected, s.m.status.UIDValidity) {
		lanes.lose(w.lane)
	}
	for _, uid := range w.uids {
		if !s.given[uid] {
			s.missing = append(s.missing, uid)
		}
	}
	return nil
}

// left is how many octets were announced and not asked for, of a stream and of what
// comes after it.
func (r *Repository) left(s *stream) (octets int64) {
	for _, w := range s.windows {
		octets += w.octets
	}
	for _, u := range r.upcoming {
		for _, w := range u.stream.windows {
			octets += w.octets
		}
	}
	return octets
}
