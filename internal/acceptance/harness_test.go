// Package acceptance runs the built program against a real Dovecot, as a user
// would: through its command line, judged by what other readers see. It holds
// tests only.
//
//	go test ./internal/acceptance -proof.times 1
package acceptance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "mailtwin/internal/cli" // what the program is made of: without it go test gives an old result for a new program
	"mailtwin/internal/proof"
	"mailtwin/internal/servers"
)

// Sizes; those of kills, cuts and storms go by -proof.times.
var (
	messages = flag.Int("messages", 200, "messages of the large mirror")
	bulk     = flag.Int("bulk", 40, "messages that are under way when a run is killed or cut")
	seed     = flag.Int64("seed", time.Now().UnixNano(), "seed of corpora and moments")
)

// atOnce is how many tests run at the same time: most of their time is spent
// waiting for what may still arrive.
const atOnce = "8"

// program is the built binary.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mailtwin-acceptance")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "mailtwin")
	build := exec.Command("go", "build", "-o", path, "mailtwin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %v\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["test.parallel"] {
		flag.Set("test.parallel", atOnce)
	}
	if !proof.Whole() && !given["messages"] {
		*messages = 120
	}
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// bare hides UIDPLUS and MOVE, and everything that makes discovery cheap.
const bare = "IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ NAMESPACE CHILDREN UNSELECT LIST-EXTENDED SPECIAL-USE"

// setup is one user on a server, one Maildir, and what mailtwin keeps.
type setup struct {
	t      testing.TB
	server *servers.Dovecot
	user   string
	dir    string
	// port, where set, is that of a proxy without TLS.
	port int
	// layout of the Maildir; "" is nested.
	layout string
	// policy are further lines of the pair; name is the pair's, "" is mail.
	policy, name string
	// more are further tables of the configuration.
	more   string
	config string
}

var users struct {
	sync.Mutex
	n int
}

// newSetup gives a fresh user on server and an empty directory.
func newSetup(t testing.TB, server *servers.Dovecot) *setup {
	users.Lock()
	defer users.Unlock()
	users.n++
	s := &setup{t: t, server: server, user: fmt.Sprintf("user%d", users.n), dir: t.TempDir()}
	s.writeConfig()
	return s
}

// pair is the name of the pair.
func (s *setup) pair() string { return cmp.Or(s.name, "mail") }

func (s *setup) maildir() string { return filepath.Join(s.dir, "Mail") }
func (s *setup) state() string   { return filepath.Join(s.dir, "state") }

func (s *setup) writeConfig() {
	s.t.Helper()
	tls, port := fmt.Sprintf("tls = \"implicit\"\ntls_ca = %q", s.server.CertFile), s.server.TLSPort
	if s.port != 0 {
		tls, port = `tls = "none"`, s.port
	}
	text := fmt.Sprintf(`[repository.server]
type = "imap"
host = "127.0.0.1"
port = %d
%s
user = %q
password = %q

[repository.laptop]
type = "maildir"
path = %q
layout = %q

[pair.%s]
far = "server"
near = "laptop"
settle = "2s"
%s
%s`, port, tls, s.user, s.server.Password, s.maildir(), cmp.Or(s.layout, "nested"), s.pair(), s.policy, s.more)
	s.config = filepath.Join(s.dir, "config.toml")
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// outcome is what a run of the program showed.
type outcome struct {
	exit           int
	stdout, stderr string
	took           time.Duration
}

func (s *setup) command(args ...string) *exec.Cmd {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"--config", s.config}, args...)...)
	cmd.Env = []string{"HOME=" + s.dir, "MAILTWIN_STATE=" + s.state(), "PATH=/usr/bin:/bin"}
	return cmd
}

// run runs the program to its end.
func (s *setup) run(args ...string) outcome {
	s.t.Helper()
	cmd := s.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		s.t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
}

// want runs the program and fails the test on any other exit code.
func (s *setup) want(exit int, args ...string) outcome {
	s.t.Helper()
	o := s.run(args...)
	if o.exit != exit {
		s.t.Fatalf("mailtwin %s: got exit %d, want %d\n%s%s", strings.Join(args, " "), o.exit, exit, o.stdout, o.stderr)
	}
	return o
}

// summary is the last line of --json.
func (o outcome) summary(t testing.TB) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	var last map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatalf("last line of --json: %v\n%s", err, o.stdout)
	}
	return last
}

// settle runs until a run says that nothing was to be done.
func (s *setup) settle() {
	s.t.Helper()
	for range 6 {
		o := s.run("sync", "--verbose")
		if o.exit != 0 {
			s.t.Fatalf("exit %d\n%s%s\nthe server's log:\n%s", o.exit, o.stdout, o.stderr, s.server.Log())
		}
		if strings.Contains(o.stdout, "nothing to do") {
			return
		}
	}
	s.t.Fatal("the sixth run still had something to do")
}
