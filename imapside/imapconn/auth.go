package imapconn

import (
	"context"

	"github.com/emersion/go-sasl"
)

// Authenticate signs in with a SASL mechanism (RFC 9051 §6.2.2). The initial
// response goes along where the server has SASL-IR, else on its continuation.
//
// Refused with ErrClear outside TLS unless Options.AllowClear. After NO the
// connection is as before and another attempt may be made; after OK the
// capabilities are those of the answer, or unknown.
func (c *Conn) Authenticate(ctx context.Context, mech sasl.Client) *Command { return nil }

// Login signs in with LOGIN (RFC 9051 §6.2.3). Refused with ErrClear as
// Authenticate, and with ErrLoginDisabled where the server advertises that.
// The state afterwards is that of Authenticate.
func (c *Conn) Login(ctx context.Context, user, password string) *Command { return nil }
