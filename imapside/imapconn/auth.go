package imapconn

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
)

// authState is what a sign-in needs while it is under way.
type authState struct {
	mech    sasl.Client // nil for LOGIN
	name    string      // of the mechanism
	ir      []byte      // initial response, nil if the mechanism has none or it was sent
	secrets [][]byte    // octets that must not be shown

	// Guarded by conn.mu.
	irSent bool // all that we have to say was written
	listed bool // capabilities came since
}

// Authenticate signs in with a SASL mechanism (RFC 9051 §6.2.2). The initial
// response goes along where the server has SASL-IR, else on its continuation.
//
// Refused with ErrClear outside TLS unless Options.AllowClear. After NO the
// connection is as before and another attempt may be made; after OK the
// capabilities are those of the answer, or unknown.
func (c *Conn) Authenticate(ctx context.Context, mech sasl.Client) *Command {
	e := new(encoder).raw("AUTHENTICATE ")
	name, ir, err := mech.Start()
	if err != nil && e.err == nil {
		e.err = err
	}
	e.atom(name)
	auth := &authState{mech: mech, name: name, ir: ir}
	auth.hide(ir)
	c.checkClear(e)
	return c.enqueue(ctx, &Command{name: "AUTHENTICATE", kind: kindAuth, auth: auth}, e)
}

// Login signs in with LOGIN (RFC 9051 §6.2.3). Refused with ErrClear as
// Authenticate, and with ErrLoginDisabled where the server advertises that.
// The state afterwards is that of Authenticate.
func (c *Conn) Login(ctx context.Context, user, password string) *Command {
	e := new(encoder).raw("LOGIN ").astring(user).raw(" ").astring(password)
	c.checkClear(e)
	if caps, known := c.Caps(); known && e.err == nil {
		if _, disabled := caps[imap.CapLoginDisabled]; disabled {
			e.err = ErrLoginDisabled
		}
	}
	auth := &authState{}
	auth.hide([]byte(password))
	auth.hide([]byte(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password))) // as a quoted string
	return c.enqueue(ctx, &Command{name: "LOGIN", kind: kindAuth, auth: auth}, e)
}

func (c *Conn) checkClear(e *encoder) {
	if !c.Secure() && !c.opts.AllowClear && e.err == nil {
		e.err = ErrClear
	}
}

// hide notes what a response holds: itself, its base64, and its last field,
// which is the password in PLAIN and the token in the OAuth mechanisms.
func (a *authState) hide(response []byte) {
	if len(response) == 0 {
		return
	}
	a.secrets = append(a.secrets, response, base64.StdEncoding.AppendEncode(nil, response))
	fields := bytes.FieldsFunc(response, func(r rune) bool { return r == 0 || r == 1 })
	if len(fields) > 0 {
		a.secrets = append(a.secrets, bytes.TrimPrefix(fields[len(fields)-1], []byte("auth=Bearer ")))
	}
}

// writeAuth writes a sign-in as far as it goes without the server.
func (c *Conn) writeAuth(cmd *Command) error {
	auth := cmd.auth
	c.trace.hide(cmd, auth.secrets)
	if auth.mech == nil {
		c.trace.client(append(cmd.appendTag(nil), "LOGIN ***"...))
		c.out.buf = cmd.appendTag(c.out.buf)
		if _, err := c.writeParts(cmd, cmd.parts); err != nil {
			return err
		}
		c.saidAll(cmd)
		return nil
	}
	line := append(cmd.appendTag(nil), "AUTHENTICATE "+auth.name...)
	if auth.ir == nil || !c.saslIR() {
		c.trace.client(line)
		return c.put(append(line, '\r', '\n'))
	}
	c.trace.client(append(line[:len(line):len(line)], " ***"...))
	line = append(encodeIR(append(line, ' '), auth.ir), '\r', '\n')
	auth.ir = nil
	if err := c.put(line); err != nil {
		return err
	}
	c.saidAll(cmd)
	return nil
}

func (c *Conn) saslIR() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caps.Has(imap.CapSASLIR)
}

// saidAll lets the rest of a burst follow.
func (c *Conn) saidAll(cmd *Command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd.auth.irSent = true
}

// encodeIR is base64, "=" for an empty response (RFC 4959 §3).
func encodeIR(out, ir []byte) []byte {
	if len(ir) == 0 {
		return append(out, '=')
	}
	return base64.StdEncoding.AppendEncode(out, ir)
}

// respond answers a challenge. A mechanism that gives up cancels with "*"; the
// server then answers BAD.
func (c *Conn) respond(cmd *Command, challenge string) error {
	auth := cmd.auth
	response, err := auth.ir, error(nil)
	if auth.ir != nil {
		auth.ir = nil
	} else {
		response, err = auth.mech.Next([]byte(challenge))
	}
	line := base64.StdEncoding.AppendEncode(nil, response)
	shown := []byte("***")
	if err != nil {
		line, shown = []byte("*"), []byte("*")
	}
	c.mu.Lock()
	auth.hide(response)
	c.mu.Unlock()
	c.trace.hide(cmd, auth.secrets)
	c.trace.client(shown)
	if err := c.put(append(line, '\r', '\n')); err != nil {
		return err
	}
	return c.flush()
}

// signedIn ends the barrier behind a sign-in. c.mu is held.
func (c *Conn) signedIn(st *statusLine) {
	if st.Type == imap.StatusResponseTypeOK && !c.barrier.auth.listed {
		c.capsKnown = false
	}
	c.trace.unhide(c.barrier)
	c.barrier, c.challenge = nil, nil
}
