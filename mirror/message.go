package mirror

import (
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Digest is a SHA-256; the zero value means "not known".
type Digest [32]byte

// Known reports whether the digest was computed.
func (d Digest) Known() bool { return d != Digest{} }

// Ref names one message of a mailbox on one side. On IMAP it is the UID and
// Base is empty. In a Maildir it is the base name (before ":2,"); its UID is a
// number that the state counts up, never written into a file name.
type Ref struct {
	UID  imap.UID
	Base string
}

// Form says how a body's line ends are kept on a side.
type Form uint8

const (
	// Wire is octets as IMAP carries them; the zero value.
	Wire Form = iota
	// LF is a file without any CRLF: it travels with CRLF for every LF.
	LF
	// AsIs is a file that holds a CRLF or a bare LF as received: it travels
	// octet by octet.
	AsIs
)

// Message is what is known of one message on one side. Zero values mean "not
// known" but for Flags.
type Message struct {
	Ref
	Flags    Flags
	Size     int64     // octets with CRLF line ends, as the side reports it
	Date     time.Time // INTERNALDATE, whole seconds
	Identity Identity
}

// Identity is what tells one message from another. Fields are filled as far as
// somebody has read the message; see Mailbox.Identify.
type Identity struct {
	// Header is the digest of the header section in canonical form, without
	// lines that other mirrors add (X-TUID, X-OfflineIMAP).
	Header Digest
	// Key is the digest of Message-ID, Date and From, zero without Message-ID.
	Key Digest
	// Decisive says that Header together with the size may decide without the
	// body: the header holds Message-ID and Received.
	Decisive bool
	// Foreign is the number of octets of the lines that Header leaves out, with
	// CRLF. It is not kept in the state: it counts only until a message is
	// paired, and where a run was interrupted before that, bodies decide.
	Foreign int64
	// Body is the digest of the whole message in canonical form: a LF not
	// preceded by CR counts as CRLF, a bare CR is left alone.
	Body Digest
	// Exact is the digest of the octets as they travel.
	Exact Digest
	// Form is how the side keeps the line ends.
	Form Form
	// ObjectID is EMAILID (RFC 8474) or X-GM-MSGID; "" where there is none.
	ObjectID string
}

// Depth says how much of a message Identify reads.
type Depth uint8

const (
	// Headers fills Header, Key, Decisive and Foreign.
	Headers Depth = iota + 1
	// Bodies fills every field.
	Bodies
)

// Body is a message on its way out of a side. It is valid until the sink it
// was given to returns.
type Body struct {
	Ref
	// Reader gives exactly Octets octets in the side's own Form.
	Reader io.Reader
	Octets int64
	// Size is the number of octets with CRLF line ends, equal to Octets unless
	// Form is LF.
	Size int64
	Form Form
	// NUL says that the body is known to hold a NUL, which IMAP cannot carry
	// in a literal (RFC 9051 §4.3).
	NUL bool
}

// Travel returns the body's octets as they travel over IMAP: LF form gets its
// CRLF, every other form goes as it is.
func (b Body) Travel() io.Reader {
	if b.Form == LF {
		return newCRLFReader(b.Reader, b.Octets)
	}
	return b.Reader
}
