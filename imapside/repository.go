package imapside

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// logoutWait bounds the LOGOUT of Close.
const logoutWait = 5 * time.Second

// Repository is an IMAP account. Make it with New; it holds one connection at a
// time from Connect to Close, beside which bodies may come over up to three others,
// and is used by one goroutine at a time. Sinks and batches
// given to its mailboxes may run on another goroutine while a call lasts, and
// never after it has returned.
type Repository struct {
	opts   Options
	access mirror.Access

	conn      *imapconn.Conn
	stage     stage
	ungreeted bool // the session began before its greeting had come
	memory    memory
	untrue    bool  // memory.Untrue at Connect: listings of one run are compared
	denied    error // of the sign-in
	// before and caps are the capabilities in front of and behind the sign-in.
	before, caps imap.CapSet
	space        namespace
	// codec spells names as the last listing taught.
	codec nametrans.IMAP
	// plainList says that LIST with RETURN was refused although advertised.
	plainList bool
	// noVanished says that FETCH with VANISHED was refused although advertised.
	noVanished bool

	// farewell is the LOGOUT that was sent with a listing, nil where none was.
	farewell *imapconn.Command
	alerts   []string // of the sessions before this one

	// ahead are the mailboxes that were asked about before they are opened, by
	// their wire name; last is the one that was selected last.
	ahead map[string]*foreseen
	last  *foreseen
	// proofs are the searches that were asked ahead; upcoming the bodies, in the
	// order in which they arrive.
	proofs   []*foreproof
	upcoming []*upcoming
	tail     *upcoming // the last one that was sent, nil where something else was

	// lanes are further connections, for bodies.
	lanes lanes

	// at is the selected mailbox, nil where none is or nobody knows; early is the
	// one that was selected ahead of the changes to be made in it.
	at    *selection
	early *earlySelect
	// creating and subscribing are commands that were sent ahead, by wire name.
	creating, subscribing map[string]*imapconn.Command
	// changes are the mailboxes to be changed next, by their wire name, in order.
	changes []string
	// dropped are commands whose answers nobody waits for any more.
	dropped []<-chan struct{}
	// opened are the mailboxes opened in this session by their wire name; the
	// last handle of each.
	opened map[string]*mailbox
}

var _ mirror.Repository = (*Repository)(nil)

// New returns the account that opts describe. Nothing is sent before Connect.
func New(opts Options) *Repository {
	return &Repository{opts: opts, opened: make(map[string]*mailbox), lanes: lanes{most: mostLanes}}
}

// Close signs out, waiting no longer than five seconds for the server, and
// closes the connection. Answers that are under way are not waited for. It may be called at any time after New.
func (r *Repository) Close() error {
	if r.conn == nil {
		return nil
	}
	defer r.conn.Close()
	r.forget()
	r.lanes.leave()
	ctx, cancel := context.WithTimeout(context.Background(), logoutWait)
	defer cancel()
	defer r.lanes.close(ctx)
	if r.conn.Err() != nil || r.draining() {
		return nil
	}
	farewell := r.farewell
	if farewell == nil {
		farewell = r.conn.Logout(ctx)
	}
	// What LOGOUT answers changes nothing: every effect was answered before.
	select {
	case <-farewell.Done():
	case <-ctx.Done():
	}
	return nil
}

// draining reports whether answers that nobody wants are still under way, so
// that LOGOUT would wait for them.
func (r *Repository) draining() bool {
	for _, done := range r.dropped {
		select {
		case <-done:
		default:
			return true
		}
	}
	return false
}

// Alerts returns the server's ALERTs so far, which the user must see (RFC 9051
// §7.1), verbatim.
func (r *Repository) Alerts() []string {
	if r.conn == nil {
		return nil
	}
	alerts := slices.Concat(r.alerts, r.conn.Alerts())
	for _, text := range r.lanes.allAlerts() {
		if !slices.Contains(alerts, text) { // a server may tell every connection
			alerts = append(alerts, text)
		}
	}
	return alerts
}

func (r *Repository) traits() mirror.Traits {
	limit, _ := r.appendLimit()
	return mirror.Traits{
		Identity: r.opts.User,
		Numbers:  true,
		UIDPlus:  r.caps.Has(imap.CapUIDPlus),
		Copies:   r.caps.Has(imap.CapUIDPlus),
		MaxSize:  limit,
		Recheck:  r.recheck(),
	}
}

// appendLimit returns the limit that holds for every mailbox, 0 for none, and
// whether each mailbox tells its own in STATUS (RFC 7889 §3).
func (r *Repository) appendLimit() (octets int64, byMailbox bool) {
	limit, advertised := r.caps.AppendLimit()
	switch {
	case !advertised:
		return 0, false
	case limit == nil:
		return 0, true
	}
	return int64(*limit), false
}

// condStore reports whether the server tells mod-sequences (RFC 7162 §3.1) that
// can be believed.
func (r *Repository) condStore() bool { return r.caps.Has(imap.CapCondStore) && !r.untrue }

// How long less than a full look is believed: of a server that tells what changed,
// and of one of which only the flags of the newest messages are read.
const (
	recheckTelling = 24 * time.Hour
	recheckSilent  = time.Hour
)

func (r *Repository) recheck() time.Duration {
	if r.condStore() {
		return recheckTelling
	}
	return recheckSilent
}

// spell returns name as it stands on the wire.
func (r *Repository) spell(name mirror.Name) (string, error) {
	wire, err := r.codec.Encode(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", mirror.ErrName, err)
	}
	return wire, nil
}

// lookUp reports whether the server lists wire, and whether it holds messages.
func (r *Repository) lookUp(ctx context.Context, wire string) (exists, selectable bool, err error) {
	// A name with % or * in it matches more than itself: only the exact one
	// counts.
	data, err := r.conn.List(ctx, "", wire, nil).Wait()
	if err != nil {
		return false, false, failure("look for mailbox", err, mirror.ErrDenied)
	}
	for i := range data.Entries {
		entry := &data.Entries[i]
		if !sameMailbox(entry.Name, wire) {
			continue
		}
		return !entry.Has(attrNonExistent), !unselectable(entry), nil
	}
	return false, false, nil
}

// errReadOnly is the error of every effect on what was opened for reading.
var errReadOnly = fmt.Errorf("%w: opened for reading only", mirror.ErrDenied)

// errNotConnected is the error of calls before Connect succeeded.
var errNotConnected = errors.New("not connected")
