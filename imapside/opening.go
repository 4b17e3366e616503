package imapside

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// stage is how far a session has come.
type stage uint8

const (
	greeted    stage = iota
	signedIn         // the server knows us
	introduced       // and said what a session needs to know
)

// burstWait is how long a server may be silent behind its OK to a sign-in before
// what was sent along counts as lost; provedWait that of a server that has answered
// as much before, and how long a sign-in is waited for that was sent before the greeting.
const (
	burstWait  = 5 * time.Second
	provedWait = 30 * time.Second
)

// What a server does that loses what it was sent too early.
var (
	errLostBehind = errors.New("the server lost what was sent behind the sign-in")
	errLostEarly  = errors.New("the server lost what was sent before its greeting")
)

// ourID is what ID tells of us (RFC 2971 §3.1).
var ourID = map[string]string{"name": "mailtwin"}

// opening is what a session begins with, on its way.
type opening struct {
	signIn *imapconn.Command // nil: it is signed in
	trial  *imapconn.Command // shows whether what follows signIn is answered
	spaces func(context.Context) (namespace, error)
}

// attend makes the session ready for commands, and begins a new one where the
// last ended with a listing.
func (r *Repository) attend(ctx context.Context) error {
	return r.together(ctx, func() {})
}

// together sends, in one write, what the session still has to begin with and
// what ask queues, and waits for the former. Where the server loses the latter,
// a new session begins step by step, and ask is called again.
func (r *Repository) together(ctx context.Context, ask func()) error {
	switch {
	case r.conn == nil:
		return errNotConnected
	case r.denied != nil:
		return r.denied // one attempt is all that is made
	}
	r.forget()
	if r.farewell != nil {
		if err := r.redial(ctx); err != nil {
			return err
		}
	}
	if r.stage == introduced {
		ask()
		return nil
	}
	err := r.open(ctx, ask)
	if errors.Is(err, errLostEarly) {
		r.memory.Early = disproved
		err = r.openAnew(ctx, ask)
	}
	if errors.Is(err, errLostBehind) {
		r.memory.Burst, r.memory.Whole = disproved, false
		err = r.openAnew(ctx, ask)
	}
	return err
}

// openAnew is open in another session.
func (r *Repository) openAnew(ctx context.Context, ask func()) error {
	if err := r.redial(ctx); err != nil {
		return err
	}
	return r.open(ctx, ask)
}

// redial begins another session in place of the one before.
func (r *Repository) redial(ctx context.Context) error {
	r.alerts = append(r.alerts, r.conn.Alerts()...)
	r.conn.Close()
	r.farewell, r.dropped = nil, nil
	return r.dial(ctx)
}

func (r *Repository) open(ctx context.Context, ask func()) error {
	r.conn.Hold()
	o, err := r.begin(ctx)
	if err == nil {
		ask()
	}
	r.conn.Release()
	if err != nil {
		return err
	}
	return r.begun(ctx, o)
}

// begin queues what a session begins with, as far as it is still to come.
func (r *Repository) begin(ctx context.Context) (o opening, err error) {
	if r.stage == greeted {
		if o.signIn, err = authenticate(ctx, r.conn, r.before, r.opts); err != nil {
			return opening{}, err
		}
		o.trial = r.conn.Noop(ctx)
	}
	// A server may refuse to know us and to enable anything: a lost connection
	// shows in what follows.
	if r.caps.Has(imap.CapID) {
		r.conn.ID(ctx, ourID)
	}
	if r.caps.Has(imap.CapEnable) && r.condStore() {
		// QRESYNC implies CONDSTORE (RFC 7162 §3.2.3).
		extension := imap.CapCondStore
		if r.caps.Has(imap.CapQResync) {
			extension = imap.CapQResync
		}
		r.conn.Enable(ctx, extension)
	}
	o.spaces = r.askNamespace(ctx) // last, so that the others are answered then
	return o, nil
}

// begun waits for what begin queued.
func (r *Repository) begun(ctx context.Context, o opening) error {
	if r.ungreeted && o.signIn != nil {
		if err := r.welcomed(ctx, o.signIn); err != nil {
			return err
		}
	}
	if o.signIn != nil {
		if err := r.admitted(o.signIn); err != nil {
			return err
		}
		if caps, known := r.conn.Caps(); known {
			r.caps = caps
		}
		if err := r.tried(ctx, o.trial); err != nil {
			return err
		}
	}
	space, err := o.spaces(ctx)
	if err != nil {
		return err
	}
	r.space, r.codec, r.stage = space, space.codec(), introduced
	return nil
}

// welcomed waits for the greeting that a sign-in did not wait for, and until the
// sign-in is answered. A server that greets in another way than it did is another one:
// nothing that is remembered of it holds, but for what it answers now.
func (r *Repository) welcomed(ctx context.Context, signIn *imapconn.Command) error {
	if err := r.conn.AwaitGreeting(ctx); err != nil {
		return dialFailure(err)
	}
	if r.conn.Greeting().Type == imap.StatusResponseTypePreAuth {
		return errLostEarly
	}
	// A server that is slow to refuse must not be asked twice for it.
	err := answeredEarly(ctx, signIn, provedWait, r.memory.Early, errLostEarly)
	if err == errLostEarly && r.conn.Bye() != nil {
		return r.admitted(signIn) // that is an answer
	}
	if err != nil {
		return err
	}
	if offered := r.conn.Offered(); !maps.Equal(offered, r.before) {
		r.memory, r.before = memory{Told: offered != nil}, offered
	}
	return nil
}

// tried waits for the outcome of a trial.
func (r *Repository) tried(ctx context.Context, trial *imapconn.Command) error {
	lost := errLostBehind
	if r.ungreeted && r.memory.Early != proved {
		lost = errLostEarly
	}
	wait := burstWait
	if r.memory.Burst == proved {
		wait = provedWait
	}
	if err := answeredEarly(ctx, trial, wait, r.memory.Burst, lost); err != nil {
		return err
	}
	r.memory.Burst = proved
	if r.ungreeted {
		r.memory.Early = proved
	}
	return nil
}

// answeredEarly waits until a command that was sent early is answered. The error is lost
// where the server stays silent that long, or ends the connection; one that answered
// before may lose its connection like any other.
func answeredEarly(ctx context.Context, early *imapconn.Command, wait time.Duration, before verdict, lost error) error {
	silence := time.NewTimer(wait)
	defer silence.Stop()
	select {
	case <-early.Done():
	case <-silence.C:
		return lost
	}
	err := early.Wait()
	switch {
	case err == nil || refused(err) != nil:
		return nil
	case before == proved || ctx.Err() != nil:
		return failure("sign in", err, mirror.ErrSignIn)
	}
	return lost
}
