package nametrans

import (
	"strings"
	"unicode/utf8"
)

// IMAP is the Codec of an IMAP account: names as they stand in LIST and SELECT,
// after quoting and literals are undone. The zero value is an account without
// hierarchy or namespace prefix whose names are in modified UTF-7.
//
// Some servers break the rules in ways that WithListed learns. Without it such
// names are refused.
type IMAP struct {
	// Delimiter is the hierarchy delimiter from NAMESPACE or LIST; 0 for NIL,
	// a flat account in which every name has one component.
	Delimiter byte

	// Prefix is the prefix of the personal namespace from NAMESPACE, as on the
	// wire and with its delimiter, such as "INBOX." (RFC 2342 §5); may be empty.
	// INBOX itself never carries it.
	Prefix string

	// UTF8 says that UTF8=ACCEPT is enabled: names are UTF-8 as they are
	// (RFC 9755 §3). Otherwise they are in modified UTF-7.
	UTF8 bool

	inbox string          // how this server spells INBOX above another component; "" is INBOX
	raw   map[string]bool // components that are not modified UTF-7 and stand for themselves
}

// WithListed returns c with what a complete LIST reply teaches about the
// server's spelling; what an earlier reply taught is forgotten. names are the
// names listed, as on the wire.
//
//   - A component that is not modified UTF-7, such as a plain "R&D", stands for
//     itself and is written again as it was read, unless the server also lists
//     the component that reads as the same text ("R&-D").
//   - Children of INBOX may be listed as "Inbox/Lists". Their spelling is kept
//     if it is the only one of its kind.
func (c IMAP) WithListed(names []string) IMAP {
	c.inbox, c.raw = "", nil
	proper := make(map[string]bool)
	raw := make(map[string]bool)
	inboxes := make(map[string]bool)
	for _, name := range names {
		name, ok := strings.CutPrefix(name, c.Prefix)
		if !ok {
			continue
		}
		components := c.split(name)
		if len(components) > 1 && isInbox(components[0]) {
			inboxes[components[0]] = true
		}
		for _, component := range components {
			if text, ok := c.decodeComponent(component); ok {
				proper[text] = true
			} else {
				raw[component] = true
			}
		}
	}
	if len(inboxes) == 1 {
		for c.inbox = range inboxes {
		}
	}
	for component := range raw {
		if proper[component] {
			delete(raw, component)
		}
	}
	c.raw = raw
	return c
}

// Encode returns n as it is sent to the server.
func (c IMAP) Encode(n Name) (string, error) { return encode(c, n) }

// Decode returns the Name of a mailbox that the server calls raw.
func (c IMAP) Decode(raw string) (Name, error) {
	if isInbox(raw) {
		return Inbox, nil
	}
	return decode(c, raw)
}

func (c IMAP) write(components []string) (string, Reason) {
	if len(components) == 1 && components[0] == string(Inbox) {
		return string(Inbox), ""
	}
	if len(components) > 1 && c.Delimiter == 0 {
		return "", ReasonFlat
	}
	spelled := make([]string, len(components))
	for i, component := range components {
		if c.Delimiter != 0 && strings.IndexByte(component, c.Delimiter) >= 0 {
			return "", ReasonDelimiter
		}
		spelled[i] = c.encodeComponent(component)
	}
	if c.inbox != "" && components[0] == string(Inbox) {
		spelled[0] = c.inbox
	}
	return c.Prefix + strings.Join(spelled, string([]byte{c.Delimiter})), ""
}

func (c IMAP) read(raw string) ([]string, Reason) {
	if raw == string(Inbox) {
		return []string{raw}, ""
	}
	rest, ok := strings.CutPrefix(raw, c.Prefix)
	if !ok {
		return nil, ReasonNamespace
	}
	components := c.split(rest)
	if len(components) == 1 && isInbox(components[0]) {
		return nil, ReasonShadowsInbox
	}
	for i, component := range components {
		if i == 0 && c.inbox != "" && component == c.inbox {
			components[i] = string(Inbox)
			continue
		}
		if components[i], ok = c.decodeComponent(component); !ok {
			return nil, c.malformed()
		}
	}
	return components, ""
}

func (c IMAP) split(raw string) []string {
	if c.Delimiter == 0 {
		return []string{raw}
	}
	return strings.Split(raw, string([]byte{c.Delimiter}))
}

func (c IMAP) encodeComponent(component string) string {
	if c.UTF8 || c.raw[component] {
		return component
	}
	return encodeUTF7(component)
}

func (c IMAP) decodeComponent(raw string) (string, bool) {
	if c.UTF8 || c.raw[raw] {
		return raw, utf8.ValidString(raw)
	}
	return decodeUTF7(raw)
}

func (c IMAP) malformed() Reason {
	if c.UTF8 {
		return ReasonNotUTF8
	}
	return ReasonNotUTF7
}
