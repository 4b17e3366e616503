package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
)

// TestReportPage: names and reasons are text, whatever they hold, and the page needs
// nothing from elsewhere.
func TestReportPage(t *testing.T) {
	t.Parallel()
	evil := `<script>alert("x")</script>`
	began := time.Date(2024, 3, 4, 5, 6, 7, 0, time.UTC)
	rep := &report{From: "maildir:/" + evil, To: "imaps://ann@imap.example.org", Began: began, Ended: began, Complete: true,
		Mailboxes: []reportMailbox{
			{Name: evil, Messages: [2]int{12345, 12344}, Octets: [2]int64{2e9, 1e9}, Copied: 12344, Left: 1, Extra: 3},
			{Name: "empty"},
		},
		Left:     []reportMessage{{Mailbox: evil, File: evil, Octets: 1, Reason: evil + "\u202e"}},
		Problems: []reportProblem{{evil, evil}}}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := rep.write(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, never := range []string{"<script", "http:", "https:", "src=", "@import", "\u202e", "ZgotmplZ"} {
		if strings.Contains(text, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	for _, want := range []string{
		"12\u202f344 of 12\u202f345 messages are copied", "2.0 GB", "The target holds 3 messages",
		`<div class="track empty" style="width:0.0%"`, `<div class="fill" style="width:100.0%"`, "prefers-color-scheme: dark",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	if rep.write(filepath.Join(path, "below")) == nil {
		t.Error("a page was written below a file")
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

// TestReportLeft: of a message that was not copied the reason is told that is known.
func TestReportLeft(t *testing.T) {
	t.Parallel()
	inbox := mirror.Name("INBOX")
	reasons := map[mirror.MessageKey]string{{Side: mirror.Far, Mailbox: inbox, UID: 7}: "too big"}
	for _, c := range []struct {
		uid    mirror.UID
		paired bool
		state  mirror.Confirmation
		want   string
	}{
		{7, false, 0, "too big"}, {8, false, 0, leftArrived}, {7, true, mirror.Held, leftHeld}, {7, true, mirror.Departed, leftRemoved},
	} {
		m := mirror.Message{Ref: mirror.Ref{UID: c.uid}}
		if got := leftMessage(inbox, m, c.paired, c.state, reasons).Reason; got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
