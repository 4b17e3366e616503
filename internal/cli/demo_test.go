package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"go.uber.org/goleak"

	"mailtwin/mirror"
)

// Not parallel: it looks for goroutines that were left behind.
func TestDemoLeavesNothingRunning(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := filepath.Join(t.TempDir(), "demo")
	if got := Main([]string{"mailtwin", "demo", dir, "--quiet"}); got != mirror.ExitDone {
		t.Errorf("got exit %d, want 0", got)
	}
	goleak.VerifyNone(t)
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v in the temporary directory, want nothing", left, err)
	}
}

// The demo must notice when the sides are not alike, or it proves nothing.
func TestDifferences(t *testing.T) {
	t.Parallel()
	mail := func() map[string][]demoMessage {
		date := time.Unix(1_700_000_000, 0)
		return map[string][]demoMessage{
			"INBOX": {{"INBOX", []imap.Flag{imap.FlagSeen, "$forwarded"}, date, []byte("a")}, {"INBOX", nil, date, []byte("b")}},
			"Trash": nil,
		}
	}
	if err := differences(mail(), mail()); err != nil {
		t.Errorf("equal sides: got %v", err)
	}
	for name, change := range map[string]func(m map[string][]demoMessage){
		"a message less":  func(m map[string][]demoMessage) { m["INBOX"] = m["INBOX"][:1] },
		"one more":        func(m map[string][]demoMessage) { m["Trash"] = m["INBOX"][:1] },
		"one doubled":     func(m map[string][]demoMessage) { m["INBOX"] = append(m["INBOX"], m["INBOX"][0]) },
		"another octet":   func(m map[string][]demoMessage) { m["INBOX"][0].body = []byte("c") },
		"another flag":    func(m map[string][]demoMessage) { m["INBOX"][1].flags = []imap.Flag{imap.FlagFlagged} },
		"another date":    func(m map[string][]demoMessage) { m["INBOX"][1].date = time.Unix(1_700_000_001, 0) },
		"a mailbox less":  func(m map[string][]demoMessage) { delete(m, "Trash") },
		"another mailbox": func(m map[string][]demoMessage) { m["Sent"] = nil },
	} {
		changed := mail()
		change(changed)
		if differences(mail(), changed) == nil || differences(changed, mail()) == nil {
			t.Errorf("%s: got no difference", name)
		}
	}
}

func TestDemoMail(t *testing.T) {
	t.Parallel()
	mail, again := demoMail(), demoMail()
	seen := map[string]bool{}
	for i, m := range mail {
		if !m.equal(again[i]) {
			t.Errorf("message %d differs between two calls", i)
		}
		body := string(m.body)
		if strings.Contains(strings.ReplaceAll(body, "\r\n", ""), "\n") || strings.Contains(strings.ReplaceAll(body, "\r\n", ""), "\r") {
			t.Errorf("message %d holds a bare CR or LF", i)
		}
		if seen[body] {
			t.Errorf("message %d is there twice", i)
		}
		seen[body] = true
		for line := range strings.SplitSeq(body, "\r\n") {
			if len(line) > 998 {
				t.Errorf("message %d has a line of %d octets", i, len(line))
			}
		}
	}
	if len(mail) < 36 {
		t.Errorf("got %d messages, want a few dozen", len(mail))
	}
}
