// Package nametrans translates mailbox names between what a repository writes
// — on the wire or as directories — and the Name that both sides of a pair
// share. It handles strings only and imports nothing else of mailtwin.
//
// Invariants:
//
//   - A codec is one-to-one. Encode(Decode(x)) is x, and Decode(Encode(n)) is
//     n, or the name is refused with a *NameError. The one exception is INBOX
//     as a whole name, which IMAP reads in any case (RFC 9051 §5.1).
//   - A name is never turned into the name of a different mailbox.
//   - What cannot be translated stops that mailbox alone.
package nametrans

import "errors"

// A Codec translates between Names and the names of one repository. Codecs are
// values: safe for concurrent use.
//
// Both methods answer with a *NameError for a name that cannot be translated
// one-to-one; the returned name is then empty.
type Codec interface {
	Encode(Name) (string, error)
	Decode(string) (Name, error)
}

// A spelling is the part of a codec that differs from one kind of repository
// to the next. It may take more than it should: encode and decode refuse
// whatever does not come back as it went.
type spelling interface {
	// write spells valid components.
	write(components []string) (string, Reason)
	// read returns the components of a spelled name, not yet checked.
	read(raw string) ([]string, Reason)
}

func encode(s spelling, n Name) (string, error) {
	if err := n.check(); err != nil {
		return "", err
	}
	raw, reason := s.write(n.Components())
	if reason != "" {
		return "", &NameError{Raw: n.String(), Reason: reason}
	}
	components, reason := s.read(raw)
	if back, err := NewName(components...); reason != "" || err != nil || back != n {
		return "", &NameError{Raw: n.String(), Reason: ReasonNotOneToOne}
	}
	return raw, nil
}

func decode(s spelling, raw string) (Name, error) {
	components, reason := s.read(raw)
	if reason != "" {
		return "", &NameError{Raw: raw, Reason: reason}
	}
	n, err := NewName(components...)
	if err != nil {
		var invalid *NameError
		errors.As(err, &invalid)
		return "", &NameError{Raw: raw, Reason: invalid.Reason}
	}
	if components[0] != n.Components()[0] {
		return "", &NameError{Raw: raw, Reason: ReasonInboxSpelling}
	}
	back, reason := s.write(components)
	if reason == "" && back != raw {
		reason = ReasonNotOneToOne
	}
	if reason != "" {
		return "", &NameError{Raw: raw, Reason: reason}
	}
	return n, nil
}
