package imapside

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Connect connects, signs in once, and learns what the server can do. The
// identity is the user's name: another one than last time is ErrOtherIdentity,
// before anything is sent.
func (r *Repository) Connect(ctx context.Context, identity string, access mirror.Access) (mirror.Traits, error) {
	if identity != "" && identity != r.opts.User {
		return mirror.Traits{}, fmt.Errorf("%w: user was %q, is %q", mirror.ErrOtherIdentity, identity, r.opts.User)
	}
	if r.conn != nil {
		return mirror.Traits{}, errors.New("connected already")
	}
	r.access = access
	address := net.JoinHostPort(r.opts.Host, strconv.Itoa(r.opts.port()))
	conn, err := imapconn.Dial(ctx, address, r.opts.wire())
	if err != nil {
		return mirror.Traits{}, dialFailure(err)
	}
	r.conn = conn
	if err := r.signIn(ctx); err != nil {
		return mirror.Traits{}, err
	}
	if err := r.introduce(ctx); err != nil {
		return mirror.Traits{}, err
	}
	return r.traits(), nil
}

// dialFailure is failure for a connection that never stood: a timeout is then
// no lost connection.
func dialFailure(err error) error {
	if errors.Is(err, imapconn.ErrTimeout) {
		return fmt.Errorf("connect: %w: %w", mirror.ErrUnreachable, err)
	}
	return failure("connect", err, mirror.ErrUnreachable)
}

// signIn makes one attempt; providers lock accounts for more.
func (r *Repository) signIn(ctx context.Context) error {
	greeting, err := r.conn.Greeting(ctx)
	if err != nil {
		return dialFailure(err)
	}
	if err := r.learnCaps(ctx); err != nil {
		return err
	}
	if greeting.Type == imap.StatusResponseTypePreAuth {
		return nil
	}
	password, err := r.password(ctx)
	if err != nil {
		return fmt.Errorf("sign in: %w: %w", mirror.ErrSignIn, err)
	}
	attempt, err := r.authenticate(ctx, password)
	if err != nil {
		return err
	}
	if err := attempt.Wait(); err != nil {
		return failure("sign in", err, mirror.ErrSignIn)
	}
	return r.learnCaps(ctx)
}

func (r *Repository) password(ctx context.Context) (string, error) {
	if r.opts.Password == nil {
		return "", errors.New("no password is set")
	}
	return r.opts.Password(ctx)
}

// authenticate sends the first way to sign in that the server offers: PLAIN,
// the LOGIN command, or the LOGIN mechanism.
func (r *Repository) authenticate(ctx context.Context, password string) (*imapconn.Command, error) {
	switch {
	case r.caps.Has(imap.AuthCap(sasl.Plain)):
		return r.conn.Authenticate(ctx, sasl.NewPlainClient("", r.opts.User, password)), nil
	case !r.caps.Has(imap.CapLoginDisabled):
		return r.conn.Login(ctx, r.opts.User, password), nil
	case r.caps.Has(imap.AuthCap(sasl.Login)):
		return r.conn.Authenticate(ctx, sasl.NewLoginClient(r.opts.User, password)), nil
	}
	return nil, fmt.Errorf("sign in: %w: the server offers no way with a password (%v)", mirror.ErrSignIn, r.caps.AuthMechanisms())
}

// learnCaps asks for the capabilities where the server did not volunteer them.
func (r *Repository) learnCaps(ctx context.Context) error {
	caps, known := r.conn.Caps()
	if !known {
		if err := r.conn.Capability(ctx).Wait(); err != nil {
			return failure("ask for capabilities", err, mirror.ErrProtocol)
		}
		caps, _ = r.conn.Caps()
	}
	r.caps = caps
	return nil
}

// introduce asks in one turn for all that a session needs to know.
func (r *Repository) introduce(ctx context.Context) error {
	r.conn.Hold()
	var id *imapconn.DataCommand[map[string]string]
	if r.caps.Has(imap.CapID) {
		id = r.conn.ID(ctx, map[string]string{"name": "mailtwin"})
	}
	spaces := r.askNamespace(ctx)
	var enable *imapconn.DataCommand[[]imap.Cap]
	if r.caps.Has(imap.CapEnable) && r.condStore() {
		enable = r.conn.Enable(ctx, imap.CapCondStore)
	}
	r.conn.Release()

	// A server may refuse to know us and to enable anything: a lost connection
	// shows in what follows.
	if id != nil {
		_, _ = id.Wait()
	}
	space, err := spaces(ctx)
	if enable != nil {
		_, _ = enable.Wait()
	}
	if err != nil {
		return err
	}
	r.space = space
	r.codec = space.codec()
	return nil
}
