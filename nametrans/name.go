package nametrans

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Name is a mailbox name as both sides of a pair know it: one or more UTF-8
// components, from the top of the hierarchy down, without the personal-
// namespace prefix and joined by NUL, which no component can hold. It is
// comparable and may be a map key. The zero Name names no mailbox.
//
// Names made by NewName or by a Codec are valid; two valid Names are equal
// exactly when they mean the same mailbox. Use String, never the underlying
// string, in anything that a person reads.
type Name string

// Inbox is the mailbox INBOX of every repository. Wherever INBOX stands as the
// first component of a Name it is upper case (RFC 9051 §5.1).
const Inbox Name = "INBOX"

// separator joins the components of a Name.
const separator = "\x00"

// NewName returns the name with the given components. A first component that
// is INBOX in any case becomes INBOX.
//
// The error is a *NameError when there is no component or when one is empty,
// "." or "..", is not UTF-8, or holds a control character (C0, DEL, C1).
func NewName(components ...string) (Name, error) {
	raw := strings.Join(components, "/")
	if len(components) == 0 {
		return "", &NameError{Raw: raw, Reason: ReasonEmpty}
	}
	for _, c := range components {
		if reason := checkComponent(c); reason != "" {
			return "", &NameError{Raw: raw, Reason: reason}
		}
	}
	n := Name(strings.Join(components, separator))
	if isInbox(components[0]) {
		n = Inbox + n[len(Inbox):]
	}
	return n, nil
}

// MustName is NewName for names known to be valid, in tests and tables. It
// panics where NewName would answer with an error.
func MustName(components ...string) Name {
	n, err := NewName(components...)
	if err != nil {
		panic(err)
	}
	return n
}

// Components returns the components of n, from the top of the hierarchy down;
// none for the zero Name. The caller owns the slice.
func (n Name) Components() []string {
	if n == "" {
		return nil
	}
	return strings.Split(string(n), separator)
}

// String returns n for people and for patterns: its components joined by "/".
// Inside a component a "/" is written `\/` and a `\` is written `\\`, so that
// different names never read alike.
func (n Name) String() string { return readable.Replace(string(n)) }

var readable = strings.NewReplacer(`\`, `\\`, "/", `\/`, separator, "/")

// Parent returns the name one level up, and the zero Name for a name of one
// component.
func (n Name) Parent() Name {
	i := strings.LastIndex(string(n), separator)
	if i < 0 {
		return ""
	}
	return n[:i]
}

// Below reports whether n stands below another mailbox, at whatever depth.
func (n Name) Below(other Name) bool { return strings.HasPrefix(string(n), string(other)+separator) }

// Base returns the last component of n; empty for the zero Name.
func (n Name) Base() string {
	return string(n[strings.LastIndex(string(n), separator)+1:])
}

// check returns a *NameError when n was not made by NewName and is not valid.
func (n Name) check() error {
	valid, err := NewName(n.Components()...)
	if err != nil {
		return err
	}
	if valid != n {
		return &NameError{Raw: n.String(), Reason: ReasonInboxSpelling}
	}
	return nil
}

// checkComponent says why c cannot be a component of a Name, or "".
func checkComponent(c string) Reason {
	switch {
	case c == "":
		return ReasonEmptyComponent
	case c == "." || c == "..":
		return ReasonDots
	case !utf8.ValidString(c):
		return ReasonNotUTF8
	case strings.ContainsFunc(c, unicode.IsControl):
		return ReasonControl
	}
	return ""
}

// isInbox reports whether component is INBOX in any case. Only ASCII letters
// fold (RFC 9051 §5.1).
func isInbox(component string) bool {
	return len(component) == len(Inbox) && strings.EqualFold(component, string(Inbox))
}
