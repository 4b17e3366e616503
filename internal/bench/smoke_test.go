package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "mailtwin/internal/cli" // what mailtwin is made of: without it go test gives an old result for a new program
	"mailtwin/internal/servers"
)

// missing skips the test aloud where the server or a tool is missing; with
// MAILTWIN_NO_SKIP set, as in CI, it fails.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("MAILTWIN_NO_SKIP") == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

// openLab starts a lab that ends with the test.
func openLab(t *testing.T) *lab {
	t.Helper()
	if err := mbsync().missing(); err != nil {
		missing(t, err)
	}
	dir := shortDir(t)
	l, err := newLab(t.Context(), dir)
	if errors.Is(err, servers.ErrMissing) {
		missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.close()
		wantEmpty(t, dir)
	})
	return l
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

// shortDir is a temporary directory whose sockets have short enough a path, and
// that the server's accounts may pass through.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs the command in a directory of its own, which must be empty in
// the end.
func command(ctx context.Context, t *testing.T, stdout, stderr io.Writer, args ...string) (exit int) {
	t.Helper()
	for _, tool := range tools() {
		if err := tool.missing(); err != nil && !tool.once {
			missing(t, err)
		}
	}
	dir := shortDir(t)
	var said bytes.Buffer
	exit = run(ctx, append(args, "-dir", dir, "-scale", "0.01", "-n", "1", "-age", "0s"), stdout, io.MultiWriter(stderr, &said))
	if strings.Contains(said.String(), servers.ErrMissing.Error()) {
		missing(t, servers.ErrMissing)
	}
	wantEmpty(t, dir)
	return exit
}

// The whole command with almost no mail.
func TestWholeCommand(t *testing.T) {
	page := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	var stdout, stderr bytes.Buffer
	args := []string{"-rtt", "1", "-tls", "on", "-write", page, "-jobs", "^noop1k$", "-tools", "mbsync|bare"}
	if code := command(t.Context(), t, &stdout, &stderr, args...); code != 0 {
		t.Fatalf("got exit %d\n%s", code, stderr.String())
	}
	written, err := os.ReadFile(page)
	if err != nil || string(written) != stdout.String() {
		t.Errorf("the page differs from stdout, error %v", err)
	}
	for _, tool := range []string{"mbsync", "bare"} {
		if got := strings.Count(stdout.String(), "| noop1k | "+tool+" | "); got != 1 {
			t.Errorf("%s: got %d rows, want one", tool, got)
		}
	}
	if strings.Contains(stdout.String()+stderr.String(), "pass") {
		t.Error("the password was printed")
	}
}

// testJobs are one of each kind.
func testJobs() []job {
	return []job{
		{id: "download", kind: download}, {id: "upload", kind: upload}, {id: "no-op", kind: noop},
		{id: "incremental", kind: incremental, change: change{added: 2, flagged: 2, removed: 2, mean: 1_000}},
		{id: "moves", kind: moves, change: change{moved: 2}},
		{id: "servers", kind: across}, {id: "servers-noop", kind: acrossNoop},
	}
}

// A contest of all kinds ends without an error only where every tool did what
// it had to, and with one where a tool did nothing, or something in a no-op.
// The kinds that take longest wait for CI.
func TestEveryKindOfJob(t *testing.T) {
	l := openLab(t)
	if err := l.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, j := range testJobs() {
		j.shape = shape{2, 10, 1_000, 1}
		t.Run(j.id, func(t *testing.T) {
			if j.kind != download && !j.kind.idle() && os.Getenv("MAILTWIN_NO_SKIP") == "" {
				t.Skip("it takes a while; MAILTWIN_NO_SKIP=1 runs it")
			}
			testTools(t, l, j)
			testIdle(t, l, j)
		})
	}
}

// testTools runs the tools of the default at a job.
func testTools(t *testing.T, l *lab, j job) {
	c := &contest{lab: l, tools: []tool{mailtwin(), mbsync(), bare()}, conditions: []condition{{rtt: time.Millisecond}}, times: 1, progress: io.Discard}
	if !j.kind.idle() {
		c.times = 2 // the second begins where the first did, or undoes what it did
	}
	results, err := c.run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		m := median(r.samples)
		if len(r.samples) != c.times || m.wall <= 0 || m.cpu <= 0 || m.sent <= 0 || m.received <= 0 || m.turns <= 0 || m.connections <= 0 {
			t.Errorf("%s: got %d samples, median %+v; want %d with all figures", r.tool, len(r.samples), m, c.times)
		}
	}
	if left, err := filepath.Glob(filepath.Join(l.dir, j.id+"-*", "state")); err != nil || len(left) > 0 {
		t.Errorf("got %v left behind, error %v", left, err)
	}
}

// testIdle runs, at each change of the job, a tool that signs in, does nothing
// and says that all is well, then one that does something for a no-op. Neither
// may get a figure, nor one that does not even connect.
func testIdle(t *testing.T, l *lab, j job) {
	s, err := newStage(t.Context(), l, j, mbsync())
	if err != nil {
		t.Fatal(err)
	}
	defer s.remove()
	if err := s.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	works := s.tool.arguments
	for _, s.job.change = range singly(j.change) {
		if err := s.before(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.tool.arguments = func(s *site) []string { return []string{"-c", s.config(), "--list", "bench"} }
		if _, err := s.measure(t.Context(), condition{}); !j.kind.idle() && (err == nil || !strings.Contains(err.Error(), "after the run")) {
			t.Errorf("%+v: an idle run: got error %v, want what is wrong after it", s.job.change, err)
		}
		s.tool.arguments = works
		if _, err := s.quiet(t.Context(), condition{}); !j.kind.idle() && (err == nil || !strings.Contains(err.Error(), "changed something")) {
			t.Errorf("%+v: a run for a no-op: got error %v, want that it changed something", s.job.change, err)
		}
	}
	s.tool.arguments = func(*site) []string { return []string{"--version"} }
	if _, err := s.quiet(t.Context(), condition{}); err == nil || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("no run at all: got error %v, want that it made no connection", err)
	}
}

// singly takes the parts of a change one by one.
func singly(c change) (list []change) {
	for _, one := range []change{{added: c.added, mean: c.mean}, {flagged: c.flagged}, {removed: c.removed}, {moved: c.moved}} {
		if one.added+one.flagged+one.removed+one.moved > 0 {
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return []change{{}}
	}
	return list
}

// The command ends at once, and leaves nothing behind, when it is interrupted
// in a job.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said bytes.Buffer
	progress := writerFunc(func(p []byte) (int, error) {
		said.Write(p)
		if bytes.Contains(p, []byte("preparing")) {
			cancel()
		}
		return len(p), nil
	})
	if code := command(ctx, t, io.Discard, progress, "-rtt", "0", "-tls", "off", "-jobs", "noop20", "-tools", "bare"); code != 1 {
		t.Errorf("got exit %d, want 1", code)
	}
	if !strings.HasSuffix(said.String(), "bench: interrupted\n") {
		t.Errorf("got %q at the end, want that it was interrupted", said.String())
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args string
		exit int
		want string
	}{
		{"-list", 0, "noop100k"},
		{"-list -growth", 0, "one-mailboxes-10000"},
		{"-help", 0, "-rtt"},
		{"-rtt 0,fast", 2, `"fast"`},
		{"-rtt -1", 2, `"-1"`},
		{"-tls maybe", 2, `"maybe"`},
		{"-n 0", 2, "-n"},
		{"-scale 0", 2, "-scale"},
		{"-age -1s", 2, "-age"},
		{"-jobs (", 2, "-jobs"},
		{"first", 2, `"first"`},
		{"-jobs none-of-them", 1, "no job"},
	} {
		var out bytes.Buffer
		if exit := run(t.Context(), strings.Fields(test.args), &out, &out); exit != test.exit || !strings.Contains(out.String(), test.want) {
			t.Errorf("%s: got exit %d and %q, want %d and %q", test.args, exit, out.String(), test.exit, test.want)
		}
	}
	if _, err := parseOptions([]string{"-help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got error %v, want that of -help", err)
	}
}
