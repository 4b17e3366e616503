package imapconn

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// What became of a command. Every error of Wait that is not a *StatusError
// wraps one of the first two; ErrMalformed and ErrNoData come with a tagged OK.
var (
	// ErrUncertain: octets of the command were written and no tagged answer
	// came. The server may have carried it out, or may still do so.
	ErrUncertain = errors.New("outcome unknown")
	// ErrNotSent: no octet of the command was written.
	ErrNotSent = errors.New("not sent")
	// ErrNoData: tagged OK, but without the data asked for (SEARCH, STATUS,
	// NAMESPACE, SELECT).
	ErrNoData = errors.New("answered OK without the data asked for")
	// ErrMalformed: tagged OK, but a reply to the command could not be read.
	ErrMalformed = errors.New("a reply could not be read")
)

// Why a command was refused before it was sent; always with ErrNotSent.
var (
	// ErrArgument: NUL, CR or LF where it cannot stand, a flag that is no
	// atom, an empty set, a date that cannot be written.
	ErrArgument = errors.New("argument cannot be sent")
	// ErrClear: credentials over a connection without TLS.
	ErrClear = errors.New("credentials refused without TLS")
	// ErrLoginDisabled: the server advertises LOGINDISABLED.
	ErrLoginDisabled = errors.New("server has LOGIN disabled")
	// ErrNotSelected: the SELECT before it in the queue failed. A command that
	// was in flight already ends with it as well; its replies were dropped.
	ErrNotSelected = errors.New("mailbox was not selected")
)

// Why a connection could not be made or ended. A *ConnError wraps one of them.
var (
	ErrClosed      = errors.New("connection closed by us")
	ErrCut         = errors.New("connection cut")
	ErrTimeout     = errors.New("timed out")
	ErrRefused     = errors.New("connection refused")
	ErrUnreachable = errors.New("host unreachable")
	ErrDNS         = errors.New("name not resolved")
	ErrCertificate = errors.New("certificate not accepted")
	ErrTLS         = errors.New("TLS handshake failed")
	ErrNoStartTLS  = errors.New("server does not do STARTTLS")
	ErrProtocol    = errors.New("protocol error")
	ErrLimit       = errors.New("limit exceeded") // always with ErrProtocol
	ErrBody        = errors.New("body differs from its announced size")
	ErrCanceled    = errors.New("canceled")
)

// StatusError is the server's NO, BAD or BYE.
type StatusError struct {
	Command  string // the command's name without arguments, "" for a greeting
	Status   imap.StatusResponseType
	Code     imap.ResponseCode // upper case, without brackets; "" if none
	CodeArgs string            // what followed the code, verbatim
	Text     string            // verbatim, but for credentials
}

// Error holds the server's text verbatim: control characters are for the
// caller to escape.
func (e *StatusError) Error() string {
	var b strings.Builder
	if e.Command != "" {
		b.WriteString(e.Command)
		b.WriteString(": ")
	}
	b.WriteString(string(e.Status))
	if e.Code != "" {
		b.WriteString(" [")
		b.WriteString(string(e.Code))
		if e.CodeArgs != "" {
			b.WriteByte(' ')
			b.WriteString(e.CodeArgs)
		}
		b.WriteByte(']')
	}
	if e.Text != "" {
		b.WriteByte(' ')
		b.WriteString(e.Text)
	}
	return b.String()
}

// ConnError is the reason why a connection could not be made or ended. It
// concerns every command of the connection.
type ConnError struct {
	Kind error        // one of the sentinels above
	Bye  *StatusError // the server's parting words, nil if it had none
	Err  error        // the cause underneath, may be nil
}

func (e *ConnError) Error() string {
	s := e.Kind.Error()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Bye != nil {
		s += " (" + e.Bye.Error() + ")"
	}
	return s
}

// Unwrap makes errors.Is find Kind and errors.As find a *StatusError with BYE.
func (e *ConnError) Unwrap() []error {
	errs := []error{e.Kind}
	if e.Kind == ErrLimit {
		errs = append(errs, ErrProtocol)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	if e.Bye != nil {
		errs = append(errs, e.Bye)
	}
	return errs
}

// CertificateCheck names the check a certificate failed.
type CertificateCheck string

const (
	CheckAuthority   CertificateCheck = "authority"   // signed by none of the roots
	CheckName        CertificateCheck = "name"        // not for this host
	CheckDates       CertificateCheck = "dates"       // expired or not yet valid
	CheckFingerprint CertificateCheck = "fingerprint" // not the pinned one
	CheckOther       CertificateCheck = "other"       // anything else in Err
)

// CertificateError says that TLS worked but the certificate was not accepted.
// It stands inside a *ConnError of kind ErrCertificate.
type CertificateError struct {
	Host        string
	Check       CertificateCheck // the first check that failed
	Fingerprint string           // of the certificate shown, as Options.Fingerprint takes it
	Err         error            // may be nil
}

func (e *CertificateError) Error() string {
	s := fmt.Sprintf("certificate of %q (%s): %s check", e.Host, e.Fingerprint, e.Check)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *CertificateError) Unwrap() error { return e.Err }

// CommandError says what became of a command that got no tagged answer, or an
// OK that cannot be relied on.
type CommandError struct {
	Command string // name without arguments
	Outcome error  // ErrUncertain, ErrNotSent, ErrNoData or ErrMalformed
	Err     error  // why: a *ConnError, a context's error, ErrArgument …; may be nil
}

func (e *CommandError) Error() string {
	s := e.Command + ": " + e.Outcome.Error()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *CommandError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Outcome}
	}
	return []error{e.Outcome, e.Err}
}
