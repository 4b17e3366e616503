package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSecretIsNeverSeen(t *testing.T) {
	t.Parallel()
	s := NewSecret("hunter2")
	if s.Reveal() != "hunter2" || s.IsZero() || (Secret{}).Reveal() != "" || !(Secret{}).IsZero() {
		t.Error("a Secret does not hold its text")
	}
	account := &IMAP{Host: "h", Password: s}
	hidden := struct{ s Secret }{s}
	values := []any{
		s, &s, account, *account, hidden, &hidden, []Secret{s}, map[string]Secret{"a": s}, Repository{IMAP: account}, *account,
		Config{Repositories: []Repository{{IMAP: account}}}, Pair{Far: Repository{IMAP: account}}, fmt.Errorf("x: %v", s),
	}
	leaks := func(text string) bool {
		return strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2"))
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%5.3s"} {
			if got := fmt.Sprintf(verb, v); leaks(got) {
				t.Errorf("%s of %T: got %s", verb, v, got)
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		if data, err := json.Marshal(v); err != nil || leaks(string(data)+log.String()) {
			t.Errorf("JSON or log of %T: got %s, %v, %s", v, data, err, log.String())
		}
	}
	text, err := s.MarshalText()
	data, jsonErr := json.Marshal(s)
	for _, got := range []string{s.String(), s.GoString(), fmt.Sprint(s), fmt.Sprintf("%#v", s), fmt.Sprintf("%d", s), string(text), strings.Trim(string(data), `"`)} {
		if got != "[secret]" || err != nil || jsonErr != nil {
			t.Errorf("got %q, %v, %v, want [secret]", got, err, jsonErr)
		}
	}
}

func TestIMAPSecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		about   string
		account IMAP
		want    string
	}{
		{"password", IMAP{Password: NewSecret("hunter2")}, "hunter2"},
		{"first line", IMAP{PasswordCommand: []string{"printf", `hunter2\nuser: ann\n`}}, "hunter2"},
		{"CRLF", IMAP{PasswordCommand: []string{"printf", `hunter2\r\nx`}}, "hunter2"},
		{"no line end", IMAP{PasswordCommand: []string{"printf", "hunter2"}}, "hunter2"},
		{"blanks and UTF-8 stay", IMAP{PasswordCommand: []string{"printf", ` hünter 2 \n`}}, " hünter 2 "},
		{"no shell", IMAP{PasswordCommand: []string{"printf", "%s", "$HOME; echo x | cat *"}}, "$HOME; echo x | cat *"},
		{"stderr is not the password", IMAP{PasswordCommand: []string{"sh", "-c", "echo warning >&2; echo hunter2"}}, "hunter2"},
		{"nothing to read", IMAP{PasswordCommand: []string{"sh", "-c", "cat; echo hunter2"}}, "hunter2"},
	} {
		got, err := test.account.Secret(context.Background())
		if err != nil || got.Reveal() != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.about, got.Reveal(), err, test.want)
		}
	}
}

func TestIMAPSecretErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		about string
		argv  []string
		want  string
	}{
		{"none", nil, `password_command "": neither password nor password_command is set`},
		{"nothing printed", []string{"true"}, `password_command "true": it printed no password`},
		{"first line empty", []string{"printf", `\nhunter2\n`}, `password_command "printf": it printed no password`},
		{"NUL", []string{"printf", `hunter2\000`}, `password_command "printf": it printed a NUL, which no password can hold`},
		{"failed after the password", []string{"sh", "-c", "echo hunter2; echo gpg: no key >&2; exit 3"}, `password_command "sh": exit status 3: gpg: no key`},
		{"too much", []string{"sh", "-c", "yes | tr -d '\\n' | head -c 200000"}, `password_command "sh": it printed too much`},
		{"no such program", []string{"mailtwin-no-such-program"}, `password_command "mailtwin-no-such-program": exec: "mailtwin-no-such-program": executable file not found in $PATH`},
	} {
		got, err := (&IMAP{PasswordCommand: test.argv}).Secret(context.Background())
		var typed *SecretError
		if !errors.As(err, &typed) || err.Error() != test.want || !got.IsZero() {
			t.Errorf("%s: got %.80q, %v, want %q", test.about, got.Reveal(), err, test.want)
		}
	}
	_, err := (&IMAP{PasswordCommand: []string{"mailtwin-no-such-program"}}).Secret(context.Background())
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v, want exec.ErrNotFound", err)
	}
}

func TestSecretErrorsAreCut(t *testing.T) {
	t.Parallel()
	_, err := runSecret(context.Background(), []string{"sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1"}, time.Minute)
	var typed *SecretError
	if !errors.As(err, &typed) || len(typed.Stderr) != secretErrors {
		t.Errorf("got %.80v, want %d octets of stderr", err, secretErrors)
	}
}

func TestSecretTimeout(t *testing.T) {
	t.Parallel()
	began := time.Now()
	_, err := runSecret(context.Background(), []string{"sleep", "60"}, 50*time.Millisecond)
	if !errors.Is(err, errTimeout) || time.Since(began) > 30*time.Second {
		t.Errorf("got %v after %v, want %v at once", err, time.Since(began), errTimeout)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := runSecret(ctx, []string{"sleep", "60"}, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A command may leave something running that holds its output open, such as
// gpg-agent started for the first time.
func TestSecretDoesNotWaitForLeftovers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "present") // the leftover goes with it
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	script := `for i in $(seq 200); do [ -e "$0" ] || exit; sleep 0.1; done & echo hunter2`
	got, err := runSecret(context.Background(), []string{"sh", "-c", script, file}, time.Minute)
	if time.Since(began) > 15*time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
	if err != nil || got.Reveal() != "hunter2" {
		t.Errorf("got %q, %v, want hunter2", got.Reveal(), err)
	}
}
