package imapside

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// A lane is a further connection to the account, over which nothing but bodies come.
// Whatever it does not give is asked for on the first connection, so nothing is
// decided on what a lane says.
type lane struct {
	conn *imapconn.Conn
	// stream is the one that asked last, and selected the EXAMINE in front of what it
	// asked: a view that goes stale does not know the newest messages.
	stream   *stream
	selected *imapconn.DataCommand[imapconn.SelectData]
	octets   int64 // under way
}

// openLane connects and signs in, step by step. It may run beside calls.
func openLane(ctx context.Context, opts Options, address string, number int) (*lane, error) {
	wire := opts.wire()
	if wire.Trace != nil {
		wire.Trace = &laneTrace{wire.Trace, fmt.Sprintf("(%d) ", number)}
	}
	conn, err := imapconn.Dial(ctx, address, wire)
	if err != nil {
		return nil, dialFailure(err)
	}
	if err := introduce(ctx, conn, opts); err != nil {
		conn.Close()
		return nil, err
	}
	return &lane{conn: conn}, nil
}

// introduce signs in and says who we are, which some servers want before SELECT.
func introduce(ctx context.Context, conn *imapconn.Conn, opts Options) error {
	caps, err := learnCaps(ctx, conn)
	if err != nil {
		return err
	}
	if conn.Greeting().Type != imap.StatusResponseTypePreAuth {
		attempt, err := authenticate(ctx, conn, caps, opts)
		if err != nil {
			return err
		}
		if err := failure("sign in", attempt.Wait(), mirror.ErrSignIn); err != nil {
			return err
		}
	}
	if caps, err = learnCaps(ctx, conn); err == nil && caps.Has(imap.CapID) {
		conn.ID(context.WithoutCancel(ctx), ourID)
	}
	return err
}

// enter selects the mailbox of a stream, for reading, unless that was asked before.
func (l *lane) enter(ctx context.Context, s *stream) *imapconn.DataCommand[imapconn.SelectData] {
	if l.stream != s {
		l.stream, l.selected = s, l.conn.Select(context.WithoutCancel(ctx), s.m.wire, &imapconn.SelectOptions{ReadOnly: true})
	}
	return l.selected
}

// turnedAway reports whether a server has as many connections as it wants, or wants
// none of this kind. A network that fails says neither.
func turnedAway(err error) bool {
	return errors.Is(err, mirror.ErrThrottled) || errors.Is(err, mirror.ErrSignIn) || errors.Is(err, mirror.ErrDenied)
}

// laneTrace marks the lines of one connection among those of others.
type laneTrace struct {
	w    io.Writer
	mark string
}

func (t *laneTrace) Write(line []byte) (int, error) {
	if _, err := t.w.Write(append([]byte(t.mark), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
