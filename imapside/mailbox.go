package imapside

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// mailbox is an open mailbox. Several may be open; the connection selects the
// one that is used.
type mailbox struct {
	repo   *Repository
	name   mirror.Name
	wire   string
	access mirror.Access

	known  mirror.Checkpoint   // the state's, as Open was given it
	status mirror.Checkpoint   // what Open or the last View saw
	data   imapconn.SelectData // of the last SELECT
	keeps  mirror.Storable     // as it said
	// ahead is what was asked of the mailbox before View, nil where nothing was.
	ahead *foreseen
	limit int64 // APPENDLIMIT of this mailbox, 0: none known

	announced map[imap.UID]bool // by APPENDUID and COPYUID, in this session
	lied      bool              // one of them could not be true
	accepted  mirror.Flags      // keywords that an APPEND of this session carried
	refused   mirror.Flags      // keywords that made it refuse an APPEND of this session
}

var (
	_ mirror.Mailbox      = (*mailbox)(nil)
	_ mirror.LateAppender = (*mailbox)(nil)
)

// Open selects the mailbox (EXAMINE for ReadOnly), which a View needs anyway,
// and learns UIDVALIDITY and UIDNEXT.
//
// Where the server says neither UIDNEXT in SELECT nor in STATUS, it is one
// above the highest UID that the mailbox or known shows: no UID given out
// before is as high.
func (r *Repository) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	if err := r.attend(ctx); err != nil {
		return nil, err
	}
	wire, err := r.spell(name)
	if err != nil {
		return nil, err
	}
	if r.access == mirror.ReadOnly && access != mirror.ReadOnly {
		return nil, errReadOnly
	}
	m := &mailbox{repo: r, name: name, wire: wire, access: access, known: known, announced: make(map[imap.UID]bool)}
	if before := r.opened[wire]; before != nil {
		m.announced, m.lied, m.accepted, m.refused = before.announced, before.lied, before.accepted, before.refused
	}
	limit := m.askLimit(ctx)
	if !m.foresaw() {
		if err := m.sel(ctx); err != nil {
			return nil, err
		}
	}
	if m.status, err = m.checkpoint(ctx); err != nil {
		return nil, err
	}
	m.limit = limit()
	r.opened[wire] = m
	return m, nil
}

// askLimit queues STATUS (APPENDLIMIT) where each mailbox has its own.
func (m *mailbox) askLimit(ctx context.Context) func() int64 {
	limit, byMailbox := m.repo.appendLimit()
	if !byMailbox {
		return func() int64 { return limit }
	}
	asked := m.repo.conn.Status(ctx, m.wire, imapconn.StatusAppendLimit)
	return func() int64 {
		// Without an answer no limit is known; the APPEND will tell.
		status, _ := asked.Wait()
		return status.AppendLimit
	}
}

// checkpoint is what the SELECT of now shows, completed where it says too
// little (Winmail: no UIDNEXT; QQ: UIDNEXT 0 from EXAMINE).
func (m *mailbox) checkpoint(ctx context.Context) (mirror.Checkpoint, error) {
	if m.data.UIDNext == 0 {
		next, err := m.learnUIDNext(ctx)
		if err != nil {
			return mirror.Checkpoint{}, err
		}
		m.data.UIDNext = next
	}
	point := mirror.Checkpoint{UIDValidity: m.data.UIDValidity, UIDNext: m.data.UIDNext, Messages: m.data.Exists}
	if m.repo.condStore() {
		point.HighestModSeq = m.data.HighestModSeq
	}
	return point, nil
}

func (m *mailbox) learnUIDNext(ctx context.Context) (imap.UID, error) {
	status, err := m.repo.conn.Status(ctx, m.wire, imapconn.StatusUIDNext).Wait()
	if err == nil && status.UIDNext != 0 {
		return status.UIDNext, nil
	}
	next := max(m.known.UIDNext, m.status.UIDNext, 1)
	if m.data.Exists == 0 {
		return next, nil
	}
	present, err := m.repo.conn.UIDSearch(ctx, from(1)).Wait()
	if err != nil {
		return 0, failure("learn UIDNEXT", err, mirror.ErrDenied)
	}
	if len(present) > 0 {
		next = max(next, present[len(present)-1].Stop+1)
	}
	return next, nil
}

// Status implements mirror.Mailbox.
func (m *mailbox) Status() mirror.Checkpoint { return m.status }

// Reserve implements mirror.Mailbox: the server numbers its messages itself.
func (m *mailbox) Reserve(n int) []mirror.Ref { return make([]mirror.Ref, n) }

// announce takes the UID that APPENDUID or COPYUID told for a new message and
// returns it when it can be believed: of this UIDVALIDITY, not below the
// UIDNEXT seen before, not told for another message. Otherwise it returns 0, and
// so it does from then on: the next lie may be the UID of another message.
func (m *mailbox) announce(validity uint32, uid imap.UID) imap.UID {
	if !m.repo.caps.Has(imap.CapUIDPlus) || validity != m.status.UIDValidity || uid == 0 || uid < m.status.UIDNext || m.announced[uid] {
		m.lied = m.lied || uid != 0
		return 0
	}
	m.announced[uid] = true
	if m.lied {
		return 0
	}
	return uid
}

// appendable returns the part of f that a message can be appended with.
func (m *mailbox) appendable(f mirror.Flags) mirror.Flags {
	return sendable(m.keeps.Only(f)).Minus(m.refused)
}
