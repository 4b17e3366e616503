// Package imapconn speaks IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) to one
// server over one connection. It knows the wire and nothing of mirroring: what
// a reply means for mail is decided by its caller.
//
// Commands are queued, written in order by one goroutine and may be in flight
// together; another goroutine parses what arrives and hands it to the command
// it belongs to. Bodies are streamed in both directions and never held whole.
//
// What always holds:
//
//   - A command ends exactly once: with the server's tagged answer, or with an
//     error that tells whether any octet of it was written (ErrUncertain) or
//     none (ErrNotSent).
//   - Credentials leave only over TLS, or where Options.AllowClear is set; they
//     never reach the trace or the text of an error.
//   - Only broken framing, a limit or a timeout closes the connection. What is
//     not understood is skipped, counted (Conn.Oddities) and traced.
//   - A reply that could not be read is never taken for an empty one.
//   - UID sets stay ranges.
//
// Mailbox names are the octets on the wire, in and out: modified UTF-7 unless
// IMAP4rev2 or UTF8=ACCEPT was enabled. Nothing is decoded here.
//
// A method that returns a command only queues it. Errors in its arguments are
// reported by Wait, like all others, and wrap ErrNotSent and ErrArgument.
//
// Servers execute commands one after the other, so an untagged reply is given
// to the oldest command in flight that can own it; where the reply carries a
// UID, a name or a tag, that decides first.
package imapconn
