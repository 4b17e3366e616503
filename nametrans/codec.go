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

// A Codec translates between Names and the names of one repository. Codecs are
// values without state of their own: safe for concurrent use.
//
// Both methods answer with a *NameError for a name that cannot be translated
// one-to-one; the returned name is then empty.
type Codec interface {
	Encode(Name) (string, error)
	Decode(string) (Name, error)
}
