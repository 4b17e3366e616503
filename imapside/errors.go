package imapside

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// codeErrors are the response codes that mean the same in every command
// (RFC 5530 §3, RFC 7889 §4, RFC 9051 §7.1). What a refusal without such a code
// means, the caller of failure says.
var codeErrors = map[imap.ResponseCode]error{
	imap.ResponseCodeAuthenticationFailed: mirror.ErrSignIn,
	imap.ResponseCodeAuthorizationFailed:  mirror.ErrSignIn,
	imap.ResponseCodeExpired:              mirror.ErrSignIn,
	imap.ResponseCodePrivacyRequired:      mirror.ErrSignIn,
	imap.ResponseCodeOverQuota:            mirror.ErrOverQuota,
	imap.ResponseCodeTooBig:               mirror.ErrTooBig,
	imap.ResponseCodeNoPerm:               mirror.ErrDenied,
	codeReadOnly:                          mirror.ErrDenied,
	imap.ResponseCodeNonExistent:          mirror.ErrNoMailbox,
	imap.ResponseCodeTryCreate:            mirror.ErrNoMailbox,
}

// codeReadOnly is a response code that package imap has no name for.
const codeReadOnly imap.ResponseCode = "READ-ONLY"

// connErrors are the ends of a connection once it stood. What is missing is
// ErrCut.
var connErrors = []struct{ wire, mirror error }{
	{imapconn.ErrCertificate, mirror.ErrCertificate},
	{imapconn.ErrRefused, mirror.ErrUnreachable},
	{imapconn.ErrUnreachable, mirror.ErrUnreachable},
	{imapconn.ErrDNS, mirror.ErrUnreachable},
	{imapconn.ErrTLS, mirror.ErrProtocol},
	{imapconn.ErrNoStartTLS, mirror.ErrProtocol},
	{imapconn.ErrProtocol, mirror.ErrProtocol},
}

// failure names err, an error of package imapconn, in the words of package
// mirror and keeps the server's. refusal is what NO and BAD mean where they do
// not say why. Errors of the context stay visible to errors.Is.
func failure(op string, err, refusal error) error {
	if err == nil {
		return nil
	}
	var conn *imapconn.ConnError
	if errors.As(err, &conn) {
		return connFailure(op, err, conn)
	}
	if status := refused(err); status != nil {
		return statusFailure(op, err, status, refusal)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || mirrorError(err) {
		return fmt.Errorf("%s: %w", op, err)
	}
	if errors.Is(err, imapconn.ErrNotSent) {
		return fmt.Errorf("%s: %w: %w", op, refusal, err)
	}
	return fmt.Errorf("%s: %w: %w", op, mirror.ErrProtocol, err)
}

// refused returns the tagged NO or BAD in err, nil where there was none.
func refused(err error) *imapconn.StatusError {
	var conn *imapconn.ConnError
	var status *imapconn.StatusError
	if errors.As(err, &conn) || !errors.As(err, &status) {
		return nil
	}
	return status
}

// certain reports whether err proves that its command had no effect: it was
// refused, or never left.
func certain(err error) bool {
	return refused(err) != nil || errors.Is(err, imapconn.ErrNotSent)
}

// notDone marks an error of an effect that certainly did not happen.
func notDone(err error) error { return fmt.Errorf("%w: %w", mirror.ErrNotDone, err) }

func statusFailure(op string, err error, status *imapconn.StatusError, refusal error) error {
	if passing := temporary(status); passing != nil {
		return &mirror.RetryError{After: pause(status.Text), Err: fmt.Errorf("%s: %w: %w", op, passing, err)}
	}
	kind := refusal
	if known, ok := codeErrors[status.Code]; ok {
		kind = known
	} else if quotaWords.MatchString(status.Text) {
		kind = mirror.ErrOverQuota
	}
	return fmt.Errorf("%s: %w: %w", op, kind, err)
}

func connFailure(op string, err error, conn *imapconn.ConnError) error {
	if conn.Bye != nil {
		if passing := temporary(conn.Bye); passing != nil {
			return &mirror.RetryError{After: pause(conn.Bye.Text), Err: fmt.Errorf("%s: %w: %w", op, passing, err)}
		}
	}
	kind := mirror.ErrCut
	for _, known := range connErrors {
		if errors.Is(conn, known.wire) {
			kind = known.mirror
			break
		}
	}
	return fmt.Errorf("%s: %w: %w", op, kind, err)
}

// mirrorError reports whether err was named already.
func mirrorError(err error) bool {
	for _, known := range []error{mirror.ErrCut, mirror.ErrProtocol, mirror.ErrRenumbered, mirror.ErrNoMailbox, mirror.ErrDenied} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
