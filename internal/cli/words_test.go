package cli

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/imapside/imapconn"
	"mailtwin/internal/config"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"Grüße, 旅行 – “ok”", "Grüße, 旅行 – “ok”"},
		{"a\x1b[31mb\x07", `a\x1b[31mb\x07`},
		{"one\r\ntwo\tthree", `one\x0d\x0atwo\x09three`},
		{"\x7f", `\x7f`},
		{"\u009b2J\u0085", `\u009b2J\u0085`},
		{"ab\u202ecd\u2066ef\u200f", `ab\u202ecd\u2066ef\u200f`},
		{"a\u2028b\ufeffc", `a\u2028b\ufeffc`},
		{"bad \xff\xfe utf-8", `bad \xff\xfe utf-8`},
		{"a real \ufffd stays", "a real \ufffd stays"},
	} {
		if got := escape(test.in); got != test.want {
			t.Errorf("escape(%q): got %s, want %s", test.in, got, test.want)
		}
	}
}

func TestShellLine(t *testing.T) {
	t.Parallel()
	got := shellLine([]string{"mailtwin", "--config", "my mail/it's.toml", "--x=$HOME", "", "a-b_c.d/e"})
	want := `mailtwin --config 'my mail/it'\''s.toml' '--x=$HOME' '' a-b_c.d/e`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	flags := new(options).flags()
	for _, test := range []struct{ argv, want string }{
		{"mailtwin sync", "mailtwin sync work --confirm T"},
		{"mailtwin --config confirm plan work", "mailtwin --config confirm sync work --confirm T"},
		{"./mt sync other work --confirm OLD --dry-run --config=a.toml -full", "./mt --config=a.toml -full sync work --confirm T"},
		{"mailtwin sync --confirm=OLD", "mailtwin sync work --confirm T"},
	} {
		line, err := parseArguments(strings.Fields(test.argv), flags)
		if err != nil {
			t.Errorf("%s: %v", test.argv, err)
			continue
		}
		if got := line.again("work", "T"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.argv, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"sync", "plan", "status", "mailboxes", "config check"}
	for _, test := range []struct{ given, want string }{
		{"snyc", "sync"}, {"sinc", "sync"}, {"statsu", "status"}, {"mailboxs", "mailboxes"}, {"plna", "plan"},
		{"verify", ""}, {"x", ""}, {"", ""}, {"config chekc", "config check"},
	} {
		if got := nearest(test.given, known); got != test.want {
			t.Errorf("nearest(%q): got %q, want %q", test.given, got, test.want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		octets int64
		want   string
	}{
		{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1_340_000, "1.3 MB"}, {99_949, "99.9 kB"}, {99_950, "100 kB"},
		{999_499, "999 kB"}, {999_500, "1.0 MB"}, {5_000_000_000_000_000, "5000 TB"},
	} {
		if got := size(test.octets); got != test.want {
			t.Errorf("size(%d): got %q, want %q", test.octets, got, test.want)
		}
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	both := mirror.Summary{Copied: [2]int{2, 12}, Octets: [2]int64{3100, 1_300_000}, Flagged: [2]int{3, 0}, Moved: [2]int{1, 0}, Removed: [2]int{1, 0}}
	for _, test := range []struct {
		summary  mirror.Summary
		problems int
		exit     int
		want     string
	}{
		{mirror.Summary{}, 0, mirror.ExitDone, "nothing to do"},
		{both, 0, mirror.ExitDone, "far → near 12 messages (1.3 MB); near → far 2 messages (3.1 kB), 3 flag changes, 1 moved, 1 removed"},
		{mirror.Summary{Copied: [2]int{0, 3}, Octets: [2]int64{0, 100_000}, Saved: [2]int64{0, 200_000}}, 0, mirror.ExitDone, "far → near 3 messages (100 kB, and 200 kB that near had)"},
		{mirror.Summary{Paired: 1}, 0, mirror.ExitDone, "paired 1 message that both sides had"},
		{mirror.Summary{Created: [2]int{0, 1}, Pending: [2]int{2, 0}}, 1, mirror.ExitPartly, `far → near 1 new mailbox; near → far 2 marked \Deleted, not expunged; 1 problem`},
		{mirror.Summary{}, 2, mirror.ExitPartly, "nothing changed; 2 problems"},
		{mirror.Summary{}, 0, mirror.ExitStopped, "nothing changed; stopped"},
		{both, 0, mirror.ExitTemporary, "far → near 12 messages (1.3 MB); near → far 2 messages (3.1 kB), 3 flag changes, 1 moved, 1 removed; not finished"},
	} {
		r := mirror.Result{Summary: test.summary, Problems: make([]mirror.Problem, test.problems)}
		if got := outcome(r, test.exit); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestGraver(t *testing.T) {
	t.Parallel()
	order := []int{4, 1, 2, 75, 5, 3, 0}
	for i, a := range order {
		for j, b := range order {
			if got, want := graver(a, b), order[min(i, j)]; got != want {
				t.Errorf("graver(%d, %d): got %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestRateLine(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 5, 2, 17, 0, 0, 0, time.UTC)
	n := shown{began: began, messages: 3, of: 12, octets: 2_000_000, ofOctets: 10_000_000}
	if got, want := countsLine("work", n), "work: 3 of 12 messages  2.0 MB of 10.0 MB "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, test := range []struct {
		after time.Duration
		want  string
	}{{500 * time.Millisecond, ""}, {4 * time.Second, " 500 kB/s, 16s left"}} {
		if got := rateLine(n, began.Add(test.after)); got != test.want {
			t.Errorf("after %v: got %q, want %q", test.after, got, test.want)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	got := strings.Join(columns([][]string{{"name", "n"}, {"旅行", "1"}, {"e\u0301t\u00e9", "20"}, {"a\x1b", "3"}}), "\n")
	want := "name   n\n旅行   1\ne\u0301t\u00e9    20\na\\x1b  3"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// sentinels lists the names of the errors that package mirror declares.
func sentinels(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../mirror/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") {
			names = append(names, spec.Names[0].Name)
		}
		return true
	})
	return names
}

func TestEverySentinelHasWords(t *testing.T) {
	t.Parallel()
	names := sentinels(t)
	if len(names) < 20 {
		t.Fatalf("got %d sentinels, want all of them", len(names))
	}
	var words []byte
	for _, file := range []string{"words_failure.go", "words_problem.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, text...)
	}
	for _, name := range names {
		if !strings.Contains(string(words), "{mirror."+name+", ") {
			t.Errorf("mirror.%s has neither a saying nor a hint in words_failure.go or words_problem.go", name)
		}
	}
}

func TestEverySayingIsWhole(t *testing.T) {
	t.Parallel()
	sc := scene{pair: "work", state: "/s", ends: [2]config.Repository{
		{Name: "server", IMAP: &config.IMAP{Host: "imap.example.org", Port: 993, User: "ann"}},
		{Name: "laptop", Maildir: &config.Maildir{Path: "/m"}}}}
	conn := &imapconn.ConnError{Kind: imapconn.ErrCertificate, Err: &imapconn.CertificateError{Host: "h", Check: imapconn.CheckDates, Fingerprint: "sha256:00"}}
	causes := map[error]error{
		mirror.ErrCertificate: fmt.Errorf("%w: %w", mirror.ErrCertificate, conn),
		errCommandFailed:      fmt.Errorf("%w: %w", mirror.ErrSignIn, &config.SecretError{Command: "pass", Err: errors.New("exit status 1")}),
		errLockedByPID:        &mirror.LockedError{What: "lock", PID: 7},
		errRootGone:           fmt.Errorf("%w: %w", mirror.ErrRootMissing, os.ErrNotExist),
		errAny:                errors.New("out of luck"),
	}
	markers := 0
	for _, s := range sayings {
		if s.is == errOtherMarker { // of a Maildir only: see TestExplainPlaces
			markers++
			continue
		}
		cause := causes[s.is]
		if cause == nil {
			cause = fmt.Errorf("%w: because", s.is)
		}
		got := sc.explain(&mirror.Error{Op: "connect", Side: mirror.Far, Err: cause})
		text := got.what + "\n" + strings.Join(got.hints, "\n")
		if strings.ContainsAny(text, "{}") || strings.Contains(text, "%!") || len(got.hints) != 1 || got.hints[0] == "" {
			t.Errorf("%v: got %q, %q", s.is, got.what, got.hints)
		}
		if !strings.HasPrefix(got.what, "far: ") || strings.HasSuffix(text, ".") {
			t.Errorf("%v: got %q, want a place and no full stop", s.is, text)
		}
	}
	if markers != 1 {
		t.Errorf("got %d sayings for another marker, want 1", markers)
	}
}

func TestEveryKindAndRailHasWords(t *testing.T) {
	t.Parallel()
	for kind := mirror.Create; kind <= mirror.Remove; kind++ {
		if deed[kind] == "" {
			t.Errorf("kind %s has no words", kind)
		}
		line := oneDeed(mirror.Action{Kind: kind, Mailbox: "INBOX", Target: "Trash", Reason: "r"})
		group := deedGroup{kind: kind, mailbox: "INBOX", n: 2}.words()
		if strings.ContainsAny(line+group, "{}") || kind.ChangesMail() && group == "" {
			t.Errorf("kind %s: got %q and %q", kind, line, group)
		}
	}
	for _, rail := range []mirror.Rail{mirror.RailEmptySide, mirror.RailMailboxes, mirror.RailMailbox, mirror.RailSide, mirror.RailWrongAccount} {
		if got := stopWords(mirror.Stop{Rail: rail, Mailbox: "INBOX", Count: 3, Of: 4}); !strings.HasPrefix(got, "stopped: ") || strings.ContainsAny(got, "{}") {
			t.Errorf("rail %s: got %q", rail, got)
		}
	}
}

// TestStandingStopSaysSo: a few messages alone stop no run, so that a stop for
// them is older.
func TestStandingStopSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		count, of int
		want      string
	}{
		{8, 9, "stopped: 8 of the 9 messages of near are still gone since an earlier stop; none of them was removed on far"},
		{10, 68, "stopped: 10 of the 68 messages of near are still gone since an earlier stop; none of them was removed on far"},
		{11, 68, "stopped: 11 of the 68 messages of near are gone; none of them was removed on far"},
		{20, 200, "stopped: 20 of the 200 messages of near are still gone since an earlier stop; none of them was removed on far"},
		{21, 200, "stopped: 21 of the 200 messages of near are gone; none of them was removed on far"},
	} {
		if got := stopWords(mirror.Stop{Rail: mirror.RailSide, Side: mirror.Near, Count: c.count, Of: c.of}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestExplainPlaces(t *testing.T) {
	t.Parallel()
	sc := scene{pair: "work", ends: [2]config.Repository{{}, {Name: "laptop", Maildir: &config.Maildir{Path: "/m"}}}}
	for _, test := range []struct {
		err  error
		want string
		exit int
	}{
		{&mirror.Error{Op: "open mailbox", Side: mirror.Far, Mailbox: "Lists\x00go-nuts", Err: fmt.Errorf("select: %w: %w", mirror.ErrCut, &imapconn.ConnError{Kind: imapconn.ErrCut})},
			`far mailbox "Lists/go-nuts": lost the connection to : connection cut`, mirror.ExitTemporary},
		{&mirror.Error{Op: "list mailboxes", Side: mirror.Near, Err: errors.New("input/output error")}, "near: list mailboxes: input/output error", mirror.ExitFailed},
		{fmt.Errorf("read state: %w: torn", mirror.ErrStateBroken), "the state is broken: torn", mirror.ExitFailed},
		{&sayInterrupted, "interrupted", mirror.ExitTemporary},
		{&mirror.Error{Op: "connect", Side: mirror.Near, Err: fmt.Errorf("open Maildir: %w", mirror.ErrOtherIdentity)}, `near: the Maildir "/m" is not the one of the last run: it has another .mailtwin-id`, mirror.ExitStopped},
		{&mirror.Error{Op: "identify repository", Side: mirror.Near, Err: fmt.Errorf("%w: it was \"a\" and is \"b\"", mirror.ErrOtherIdentity)}, `near: this is not the repository of the last run: it was "a" and is "b"`, mirror.ExitStopped},
	} {
		if got := sc.explain(test.err); got.what != test.want || got.exit != test.exit {
			t.Errorf("got %q, exit %d, want %q, exit %d", got.what, got.exit, test.want, test.exit)
		}
	}
}

func TestThrottledSaysWhen(t *testing.T) {
	t.Parallel()
	err := &mirror.RetryError{After: 90 * time.Second, Err: fmt.Errorf("sign in: %w: slow down", mirror.ErrThrottled)}
	got := scene{}.explain(&mirror.Error{Op: "connect", Side: mirror.Far, Err: err})
	if want := "run it again in 1m30s: it goes on where it stopped"; got.hints[0] != want {
		t.Errorf("got %q, want %q", got.hints[0], want)
	}
	if got := seconds(retryAfter(err)); got != 90 {
		t.Errorf("got %d seconds, want 90", got)
	}
}

// A server's words must not be able to stand for ours.
func TestFillDoesNotLookTwice(t *testing.T) {
	t.Parallel()
	if got := fill("{a} {b}", map[string]string{"a": "{b}", "b": "x"}); got != "{b} x" {
		t.Errorf("got %q, want %q", got, "{b} x")
	}
}

func TestStoppedBySignal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	if stoppedBySignal(ctx) {
		t.Error("a context that lives counts as stopped")
	}
	cancel(errInterrupted)
	if !stoppedBySignal(ctx) {
		t.Error("got no signal, want one")
	}
}

func TestFate(t *testing.T) {
	t.Parallel()
	imapEnd, maildirEnd := config.Repository{IMAP: &config.IMAP{}}, config.Repository{Maildir: &config.Maildir{}}
	keep := mirror.NewPolicy(mirror.TwoWay, mirror.Near)
	keep.Deletions = mirror.DeleteNothing
	forGood := mirror.NewPolicy(mirror.TwoWay, mirror.Near)
	forGood.Deletions = mirror.DeleteForGood
	for _, test := range []struct {
		policy mirror.Policy
		side   mirror.Side
		end    config.Repository
		want   string
	}{
		{mirror.NewPolicy(mirror.TwoWay, mirror.Near), mirror.Far, imapEnd, "goes to the trash mailbox of far"},
		{mirror.NewPolicy(mirror.TwoWay, mirror.Near), mirror.Near, maildirEnd, `goes from near to the undo store "/u", for at least 30 days`},
		{mirror.NewPolicy(mirror.OneWayMirror, mirror.Near), mirror.Far, imapEnd, "stays on far"},
		{mirror.NewPolicy(mirror.OneWayCopy, mirror.Near), mirror.Near, maildirEnd, "stays on near"},
		{keep, mirror.Far, imapEnd, "stays on far"},
		{forGood, mirror.Far, imapEnd, "is removed on far for good"},
	} {
		if got := fate(test.policy, test.side, test.end, "/u"); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestDonatedWords: a copy of what the side has is told from one that travels.
func TestDonatedWords(t *testing.T) {
	t.Parallel()
	travels := mirror.Action{Kind: mirror.Copy, Side: mirror.Near, Mailbox: "Archive", Message: mirror.Message{Ref: mirror.Ref{UID: 7}, Size: 20_000}}
	donated := travels
	donated.Message.UID, donated.Donor = 8, &mirror.Donor{Mailbox: nametrans.Inbox}
	if got, want := oneDeed(donated), `copy UID 8 of far "Archive" to near "Archive" from "INBOX", which has it already`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	actions := []mirror.Action{travels, donated, donated}
	var groups []string
	for _, g := range groupsOf(actions) {
		groups = append(groups, g.words())
	}
	want := []string{`copy 1 message (20.0 kB) to near "Archive"`, `copy 2 messages to near "Archive" from "INBOX", which has them already`}
	if !slices.Equal(groups, want) {
		t.Errorf("got %q, want %q", groups, want)
	}
	s := intended(mirror.Plan{Actions: actions})
	if s.Copied[mirror.Near] != 3 || s.Octets[mirror.Near] != 20_000 || s.Saved[mirror.Near] != 40_000 {
		t.Errorf("got %+v, want 3 copied, 20000 octets and 40000 saved", s)
	}
	if got := newJSONAction("plan", "work", donated).Donor; got != "INBOX" {
		t.Errorf("got donor %q, want INBOX", got)
	}
	if got := newJSONSide(s, mirror.Near).Saved; got != 40_000 {
		t.Errorf("got %d octets saved, want 40000", got)
	}
}
