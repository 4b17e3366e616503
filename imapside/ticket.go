package imapside

import "mailtwin/imapside/imapconn"

// ticket says when the bodies of a window may be handed over: in the order in which
// they were asked for, whatever connection they come over.
type ticket struct {
	lane   bool
	before []<-chan struct{} // closed when the windows before it on other connections are answered
	own    <-chan struct{}   // the same of the one before it on this connection, nil where there is none
}

// ticketOf returns the ticket of what is asked next, over a lane or, where that is nil,
// the first connection.
func (s *stream) ticketOf(line *lane) ticket {
	t := ticket{lane: line != nil}
	for _, w := range s.flying {
		if w.lane == line {
			t.own = w.command.Done()
		} else {
			t.before = append(t.before, w.command.Done())
		}
	}
	return t
}

// come waits for its turn and reports false when over is closed first. A server that
// mixes its answers, and has not ended the one before, would wait for itself: there
// it is anybody's turn.
func (t ticket) come(over <-chan struct{}) bool {
	if t.own != nil {
		select {
		case <-t.own:
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

// laneHandler is the handler of a window that was asked for over a lane.
func (s *stream) laneHandler(t ticket, validity uint32, selected *imapconn.DataCommand[imapconn.SelectData]) imapconn.FetchHandler {
	handler := s.handler(t)
	give := handler.Body
	handler.Body = func(msg *imapconn.FetchMessage, body *imapconn.FetchBody) error {
		if !shows(selected, validity) {
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
// asked for again, over the first connection.
func (s *stream) overLane(w window, err error) error {
	lanes := &s.m.repo.lanes
	lanes.answered(w.lane, w.octets)
	s.lock()
	defer s.unlock()
	if s.ended != nil {
		return s.ended
	}
	status := refused(err)
	if err != nil && status == nil || status != nil && temporary(status) != nil || !shows(w.selected, s.m.status.UIDValidity) {
		lanes.lose(w.lane)
	}
	missing := window{again: true}
	for _, uid := range w.uids {
		if !s.given[uid] {
			missing.uids = append(missing.uids, uid)
		}
	}
	if len(missing.uids) > 0 {
		s.windows = append([]window{missing}, s.windows...)
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
