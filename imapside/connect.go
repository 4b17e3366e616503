package imapside

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Connect connects and signs in, with one attempt. With a memory of the last
// visit it leaves the sign-in to the first List. The identity is the user's name:
// another one than last time is ErrOtherIdentity, before anything is sent.
func (r *Repository) Connect(ctx context.Context, visit mirror.Visit) (mirror.Traits, error) {
	if visit.Identity != "" && visit.Identity != r.opts.User {
		return mirror.Traits{}, fmt.Errorf("%w: user was %q, is %q", mirror.ErrOtherIdentity, visit.Identity, r.opts.User)
	}
	if r.conn != nil {
		return mirror.Traits{}, errors.New("connected already")
	}
	r.access = visit.Access
	r.memory = recall(visit.Memory, r.address())
	if err := r.dial(ctx); err != nil {
		return mirror.Traits{}, err
	}
	r.untrue = r.memory.Untrue
	if r.memory.single(time.Now()) {
		r.lanes.most = 0
	}
	return r.traits(), nil
}

func (r *Repository) address() string {
	return net.JoinHostPort(r.opts.Host, strconv.Itoa(r.opts.port()))
}

// dial begins a session and signs in, unless that goes together with what comes
// next. A memory is of use only where the server lists the capabilities again that
// it had in front of the sign-in; whether it does is looked at once the sign-in is on
// its way, where the server is known to answer even what comes before its greeting.
func (r *Repository) dial(ctx context.Context) error {
	wire := r.opts.wire()
	r.ungreeted = r.memory.speaksFirst() && wire.TLS != imapconn.TLSStart
	if r.ungreeted {
		wire.Early = capSet(r.memory.Before)
	}
	conn, err := imapconn.Dial(ctx, r.address(), wire)
	if err != nil {
		return dialFailure(err)
	}
	r.conn, r.at, r.stage = conn, nil, greeted
	if r.ungreeted {
		r.before, r.caps = wire.Early, capSet(r.memory.After)
		return nil
	}
	if conn.Greeting().Type == imap.StatusResponseTypePreAuth {
		r.stage = signedIn
	}
	before, err := learnCaps(ctx, r.conn)
	if err != nil {
		return err // what was known before stays
	}
	r.before = before
	if !maps.Equal(r.before, capSet(r.memory.Before)) {
		r.memory = memory{} // another server
	}
	r.memory.Told = conn.Offered() != nil
	if r.memory.bursts() {
		r.caps = capSet(r.memory.After)
		return nil
	}
	return r.signIn(ctx)
}

// dialFailure is failure for a connection that never stood: a timeout is then
// no lost connection.
func dialFailure(err error) error {
	if errors.Is(err, imapconn.ErrTimeout) {
		return fmt.Errorf("connect: %w: %w", mirror.ErrUnreachable, err)
	}
	return failure("connect", err, mirror.ErrUnreachable)
}

// signIn signs in, step by step, where the greeting did not, and learns what
// the server can do.
func (r *Repository) signIn(ctx context.Context) error {
	r.caps = r.before
	if r.stage == signedIn {
		return nil
	}
	attempt, err := authenticate(ctx, r.conn, r.before, r.opts)
	if err != nil {
		return err
	}
	if err := r.admitted(attempt); err != nil {
		return err
	}
	r.caps, err = learnCaps(ctx, r.conn)
	return err
}

// admitted waits for the outcome of a sign-in. One that failed is remembered: no
// other is made.
func (r *Repository) admitted(attempt *imapconn.Command) error {
	if r.denied = failure("sign in", attempt.Wait(), mirror.ErrSignIn); r.denied == nil {
		r.stage = signedIn
	}
	return r.denied
}

// authenticate sends the first way to sign in that the server offers: PLAIN,
// the LOGIN command, or the LOGIN mechanism. It is tried once; providers lock
// accounts for more.
func authenticate(ctx context.Context, conn *imapconn.Conn, caps imap.CapSet, opts Options) (*imapconn.Command, error) {
	password, err := opts.password(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w: %w", mirror.ErrSignIn, err)
	}
	switch {
	case caps.Has(imap.AuthCap(sasl.Plain)):
		return conn.Authenticate(ctx, sasl.NewPlainClient("", opts.User, password)), nil
	case !caps.Has(imap.CapLoginDisabled):
		return conn.Login(ctx, opts.User, password), nil
	case caps.Has(imap.AuthCap(sasl.Login)):
		return conn.Authenticate(ctx, sasl.NewLoginClient(opts.User, password)), nil
	}
	return nil, fmt.Errorf("sign in: %w: the server offers no way with a password (%v)", mirror.ErrSignIn, caps.AuthMechanisms())
}

// learnCaps asks for the capabilities where the server did not volunteer them.
func learnCaps(ctx context.Context, conn *imapconn.Conn) (imap.CapSet, error) {
	caps, known := conn.Caps()
	if !known {
		if err := conn.Capability(ctx).Wait(); err != nil {
			return nil, failure("ask for capabilities", err, mirror.ErrProtocol)
		}
		caps, _ = conn.Caps()
	}
	return caps, nil
}
