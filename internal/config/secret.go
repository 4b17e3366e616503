package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// A Secret is text that must not be seen by chance: however it is printed,
// logged or marshaled, it reads "[secret]". The zero Secret is none at all.
type Secret struct {
	// A pointer, since package fmt calls no method of a Secret in an
	// unexported field, but does not follow pointers there either.
	text *string
}

const redacted = "[secret]"

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text itself, for the one place that sends it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether s was never set.
func (s Secret) IsZero() bool { return s.text == nil }

func (s Secret) String() string               { return redacted }
func (s Secret) GoString() string             { return redacted }
func (s Secret) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Limits of a password command.
const (
	secretTimeout = time.Minute     // from start to exit; a person may have to type a passphrase
	secretGrace   = 2 * time.Second // for what the command left running to let go of its output
	secretOutput  = 64 << 10        // octets of stdout read
	secretErrors  = 4 << 10         // octets of stderr kept
)

var (
	errTimeout   = errors.New("it did not end in time")
	errNoSecret  = errors.New("it printed no password")
	errTooLong   = errors.New("it printed too much")
	errNUL       = errors.New("it printed a NUL, which no password can hold")
	errNoAccount = errors.New("neither password nor password_command is set")
)

// A SecretError says why a password command gave no password.
type SecretError struct {
	Command string // the program, without its arguments
	Stderr  string // what it printed there, at most 4 KiB, trimmed; any bytes
	Err     error
}

func (e *SecretError) Error() string {
	text := fmt.Sprintf("password_command %q: %v", e.Command, e.Err)
	if e.Stderr != "" {
		text += ": " + e.Stderr
	}
	return text
}

func (e *SecretError) Unwrap() error { return e.Err }

// Secret returns the account's password: Password, or the first line that
// PasswordCommand prints, without its line end. The command runs without a
// shell and without input, for at most a minute; each call runs it again.
//
// The error is a *SecretError. Neither it nor the command line holds the
// password.
func (a *IMAP) Secret(ctx context.Context) (Secret, error) {
	switch {
	case !a.Password.IsZero():
		return a.Password, nil
	case len(a.PasswordCommand) == 0:
		return Secret{}, &SecretError{Err: errNoAccount}
	}
	return runSecret(ctx, a.PasswordCommand, secretTimeout)
}

func runSecret(ctx context.Context, argv []string, timeout time.Duration) (Secret, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	stdout, stderr := &limited{most: secretOutput}, &limited{most: secretErrors}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = secretGrace
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well, but left something running, such as gpg-agent
	}
	line, _, _ := strings.Cut(stdout.String(), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
	case line == "":
		err = errNoSecret
	case len(line) == secretOutput:
		err = errTooLong
	case strings.Contains(line, "\x00"):
		err = errNUL
	}
	if err != nil {
		return Secret{}, &SecretError{Command: argv[0], Stderr: strings.TrimSpace(stderr.String()), Err: err}
	}
	return NewSecret(line), nil
}

// limited keeps the first octets written to it and drops the rest, so that a
// command that talks on neither fills the memory nor blocks.
type limited struct {
	kept bytes.Buffer // not embedded: io.Copy would call its ReadFrom
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	l.kept.Write(p[:min(len(p), l.most-l.kept.Len())])
	return len(p), nil
}

func (l *limited) String() string { return l.kept.String() }
