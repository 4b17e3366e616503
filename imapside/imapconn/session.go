package imapconn

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// simple queues a command whose only reply is its tag.
func (c *Conn) simple(ctx context.Context, name string, kind commandKind) *Command {
	e := new(encoder).raw(name)
	return c.enqueue(ctx, &Command{name: name, kind: kind}, e)
}

// Capability asks for the capabilities (RFC 9051 §6.1.1); Conn.Caps has them
// afterwards. After an error they are as before.
func (c *Conn) Capability(ctx context.Context) *Command {
	return c.simple(ctx, "CAPABILITY", 0)
}

// capSet spells capabilities as go-imap's constants do: case does not matter.
func capSet(list []imap.Cap) imap.CapSet {
	set := make(imap.CapSet, len(list))
	for _, word := range list {
		switch w := imap.Cap(strings.ToUpper(string(word))); w {
		case "IMAP4REV1":
			set[imap.CapIMAP4rev1] = struct{}{}
		case "IMAP4REV2":
			set[imap.CapIMAP4rev2] = struct{}{}
		default:
			set[w] = struct{}{}
		}
	}
	return set
}

func (c *Conn) capabilities() {
	list := c.scan.caps()
	if !c.scan.ok() {
		return
	}
	c.mu.Lock()
	c.setCaps(list)
	c.mu.Unlock()
}

// Noop gives the server a chance to report changes (RFC 9051 §6.1.2). They
// have reached Events when it ends.
func (c *Conn) Noop(ctx context.Context) *Command { return c.simple(ctx, "NOOP", 0) }

// Logout ends the session (RFC 9051 §6.1.3). Its end is the connection's:
// commands queued behind it are not sent. A server that says BYE and closes
// without a tagged answer counts as OK.
func (c *Conn) Logout(ctx context.Context) *Command { return c.simple(ctx, "LOGOUT", kindLogout) }

// Enable switches extensions on (RFC 5161) and returns those the server
// confirmed, which may be none. It must not be sent while a mailbox is
// selected. After NO or BAD nothing is enabled.
func (c *Conn) Enable(ctx context.Context, caps ...imap.Cap) *DataCommand[[]imap.Cap] {
	e := new(encoder).raw("ENABLE")
	if len(caps) == 0 {
		e.fail("ENABLE without a capability")
	}
	for _, word := range caps {
		e.raw(" ").atom(string(word))
	}
	collect := &enableCollector{}
	cmd := c.enqueue(ctx, &Command{name: "ENABLE", collect: collect}, e)
	return &DataCommand[[]imap.Cap]{cmd, &collect.caps}
}

type enableCollector struct{ caps []imap.Cap }

func (*enableCollector) complete(*statusLine) error { return nil }

func (c *Conn) enabledReply() {
	set := capSet(c.scan.caps())
	if !c.scan.ok() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.enabled, set)
	if e := oldestOf[*enableCollector](c); e != nil {
		e.caps = append(e.caps, slices.Sorted(maps.Keys(set))...)
	}
}

// oldestOf finds the oldest command in flight that collects into a T, zero if
// there is none. c.mu is held.
func oldestOf[T collector](c *Conn) (collect T) {
	for _, cmd := range c.inflight {
		if t, ok := cmd.collect.(T); ok && !cmd.ended {
			return t
		}
	}
	return collect
}

// ID tells the server who we are and returns who it is (RFC 2971). A nil map
// is sent as NIL; keys in the answer are lower case. Without an ID reply the
// result is nil and no error.
func (c *Conn) ID(ctx context.Context, client map[string]string) *DataCommand[map[string]string] {
	e := new(encoder).raw("ID ")
	if client == nil {
		e.raw("NIL")
	} else {
		sep := "("
		for _, key := range slices.Sorted(maps.Keys(client)) {
			e.raw(sep).str(key).raw(" ").str(client[key])
			sep = " "
		}
		if len(client) == 0 {
			e.raw("(")
		}
		e.raw(")")
	}
	collect := &idCollector{}
	cmd := c.enqueue(ctx, &Command{name: "ID", collect: collect}, e)
	return &DataCommand[map[string]string]{cmd, &collect.fields}
}

type idCollector struct{ fields map[string]string }

func (*idCollector) complete(*statusLine) error { return nil }

func (c *Conn) idReply() {
	s := c.scan
	fields := map[string]string{}
	if !s.nilToken() {
		s.expect('(', "id")
		for s.spaces(); s.ok() && s.peek() != ')'; s.spaces() {
			key := strings.ToLower(string(s.astring()))
			s.spaces()
			value, isNil := s.nstring()
			if s.ok() && !isNil {
				fields[key] = string(value)
			}
		}
		s.expect(')', "id")
	}
	if !s.ok() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := oldestOf[*idCollector](c); id != nil {
		id.fields = fields
	}
}

// Namespace is one prefix of RFC 2342.
type Namespace struct {
	Prefix string // as on the wire, usually ending in Delim
	Delim  byte   // 0 for NIL: flat
}

// Namespaces is the answer to NAMESPACE, nil where the server said NIL.
type Namespaces struct {
	Personal, Other, Shared []Namespace
}

// Namespace asks for the namespaces (RFC 9051 §6.3.10). OK without the reply
// is ErrNoData, with an unreadable one ErrMalformed.
func (c *Conn) Namespace(ctx context.Context) *DataCommand[Namespaces] {
	collect := &namespaceCollector{}
	cmd := c.enqueue(ctx, &Command{name: "NAMESPACE", collect: collect}, new(encoder).raw("NAMESPACE"))
	return &DataCommand[Namespaces]{cmd, &collect.data}
}

type namespaceCollector struct {
	data    Namespaces
	arrived bool
}

func (n *namespaceCollector) complete(*statusLine) error {
	if !n.arrived {
		return ErrNoData
	}
	return nil
}

func (c *Conn) namespaceReply() {
	s := c.scan
	var data Namespaces
	for i, list := range []*[]Namespace{&data.Personal, &data.Other, &data.Shared} {
		if i > 0 {
			s.spaces()
		}
		*list = s.namespaces()
	}
	if !s.ok() {
		malformed[*namespaceCollector](c)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := oldestOf[*namespaceCollector](c); n != nil {
		n.data, n.arrived = data, true
	}
}

// namespaces reads one "((prefix delim) …)" or NIL. Servers leave out blanks.
func (s *scanner) namespaces() []Namespace {
	if s.nilToken() {
		return nil
	}
	var list []Namespace
	s.expect('(', "namespace")
	for s.spaces(); s.ok() && s.peek() == '('; s.spaces() {
		s.accept('(')
		ns := Namespace{Prefix: string(s.astring())}
		s.spaces()
		ns.Delim = s.delim()
		for s.spaces(); s.ok() && s.peek() != ')'; s.spaces() {
			s.skipValue() // extensions (RFC 2342 §5)
		}
		s.expect(')', "namespace")
		list = append(list, ns)
	}
	s.expect(')', "namespace")
	return list
}

// delim reads a hierarchy delimiter: one quoted octet, or NIL as 0.
func (s *scanner) delim() byte {
	b, isNil := s.nstring()
	switch {
	case isNil || len(b) == 0:
		return 0
	case len(b) > 1:
		s.reject("delimiter")
		return 0
	}
	return b[0]
}

// malformed notes that a reply which the oldest such command waits for could
// not be read: that command must not be taken for answered in full.
func malformed[T collector](c *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.inflight {
		if _, ok := cmd.collect.(T); ok && !cmd.ended {
			cmd.malformed = true
			return
		}
	}
}
