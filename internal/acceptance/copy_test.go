package acceptance

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// url is the account's URL for copy.
func (a *account) url() string {
	return fmt.Sprintf("imap+insecure://%s@127.0.0.1:%d", a.user, a.server.Port)
}

// copying is copy from one place to another, ready to start.
func (w *twins) copying(from, to string, more ...string) *exec.Cmd {
	w.t.Helper()
	path, err := program()
	w.must(err)
	secret := filepath.Join(w.dir, "the secret")
	w.must(os.WriteFile(secret, []byte(w.server.Password+"\n"), 0o600))
	command := "cat '" + secret + "'"
	args := append([]string{"copy", from, to, "--far-password-command", command, "--near-password-command", command}, more...)
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"HOME=" + w.dir, "MAILTWIN_STATE=" + w.state(), "PATH=/usr/bin:/bin"}
	return cmd
}

// copied copies and returns what was said on stdout.
func (w *twins) copied(exit int, from, to string, more ...string) string {
	w.t.Helper()
	cmd := w.copying(from, to, more...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its exit code says it
	if got := cmd.ProcessState.ExitCode(); got != exit {
		w.t.Fatalf("copy %s to %s: got exit %d, want %d\n%s%s", from, to, got, exit, &stdout, &stderr)
	}
	return stdout.String()
}

// reading are the commands that may be said to a server that is only read.
var reading = regexp.MustCompile(`^copy far C: (a\d+ (CAPABILITY|AUTHENTICATE|LOGIN|ID|ENABLE|NAMESPACE|LIST|EXAMINE|UID FETCH|UID SEARCH|NOOP|LOGOUT|STATUS)\b|\*\*\*)`)

// TestCopyByWay copies an account into a Maildir, is killed in the middle and goes on,
// and copies that into an account on another server: everything is kept, and nothing is
// written on the way back.
func TestCopyByWay(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	w.fillFar(rand.New(rand.NewSource(*seed)), 1200)
	before := w.ends[far].view()
	mail := "maildir:" + filepath.Join(w.dir, "on the way")

	killed := w.copying(w.ends[far].url(), mail)
	w.must(killed.Start())
	waitFor(t, func() bool {
		files, err := filepath.Glob(filepath.Join(w.dir, "on the way", "*", "*", "*"))
		w.must(err)
		return len(files) > 50
	})
	w.must(killed.Process.Kill())
	if killed.Wait() == nil {
		t.Fatal("the first copy ended before it was killed")
	}

	trace := filepath.Join(w.dir, "trace")
	report := w.copied(0, w.ends[far].url(), mail, "--trace", trace)
	if !regexp.MustCompile(`(?m)^in all +1200 .* 1200 .* 1200 +0$`).MatchString(report) {
		t.Errorf("got the report\n%s", report)
	}
	text, err := os.ReadFile(trace)
	w.must(err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "copy far C: ") && !reading.MatchString(line) {
			t.Errorf("the source was told %q", line)
		}
	}
	if strings.Contains(string(text), w.server.Password) {
		t.Error("the trace holds the password")
	}

	w.copied(0, mail, w.ends[near].url(), "--report", filepath.Join(w.dir, "report.html"))
	w.alike("copied by way of a Maildir")
	after := w.ends[far].view()
	for name, stamp := range before.stamp {
		if after.stamp[name] != stamp {
			t.Errorf("the source changed: %s against %s", stamp, after.stamp[name])
		}
	}
	page, err := os.ReadFile(filepath.Join(w.dir, "report.html"))
	w.must(err)
	if !strings.Contains(string(page), "All 1\u202f200 messages in 14 mailboxes are copied, none is left out.") {
		t.Errorf("the page says\n%s", page)
	}
	if again := w.copied(0, mail, w.ends[near].url()); strings.Contains(again, "→") {
		t.Errorf("the same copy once more did\n%s", again)
	}
	w.alike("after the same copy once more")
}

// waitFor waits until a condition holds.
func waitFor(t testing.TB, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}
