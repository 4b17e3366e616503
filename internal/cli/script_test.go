package cli

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"mailtwin/mirror"
	"mailtwin/statedb"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mailtwin": func() { os.Exit(run(os.Args, scriptClock())) }})
}

// scriptClock is ahead by $LATER.
func scriptClock() func() time.Time {
	later, err := time.ParseDuration(os.Getenv("LATER"))
	if err != nil {
		return time.Now
	}
	return func() time.Time { return time.Now().Add(later) }
}

// servers are what $PORT, $TLS_PORT, … lead to.
var servers = map[string]traits{
	"PORT":         {},
	"OTHER_PORT":   {},
	"TLS_PORT":     {tls: true},
	"REFUSES_PORT": {refuses: true},
	"BUSY_PORT":    {busy: true},
	"HANGS_PORT":   {hangs: true},
	"STRICT_PORT":  {limit: 2000, hates: "Unwanted", plain: true, forbids: "Verboten"},
}

// A world is what one script has.
type world struct {
	dir     string
	servers map[string]*testServer
	held    *statedb.DB
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func TestScripts(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w := &world{dir: env.WorkDir, servers: map[string]*testServer{}}
			env.Values[worldKey{}] = w
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("MAILTWIN_STATE", filepath.Join(env.WorkDir, "state"))
			env.Setenv("EXAMPLES", examples)
			env.Setenv("PID", strconv.Itoa(os.Getpid()))
			port, err := freePort()
			env.Setenv("DEAD_PORT", strconv.Itoa(port))
			for name, tr := range servers {
				s, serverErr := newTestServer(tr)
				if serverErr != nil {
					return serverErr
				}
				env.Defer(s.close)
				env.Setenv(name, strconv.Itoa(s.port()))
				w.servers[name] = s
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "config": writeConfig, "deliver": deliver, "server": serverCount, "files": fileCount,
			"logins": logins, "hold": hold, "release": release, "signal": signalled, "crontab": crontab, "confirm": confirm, "spoil": spoil,
			"lift": lift, "pauses": pauses,
		},
	})
}

// freePort returns a port on which nobody listens.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// exits CODE COMMAND…: runs it and compares the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: got exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// config FILE…: puts the variables' values into the files, and makes them 0600.
func writeConfig(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		path := ts.MkAbs(name)
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.Remove(path))
		ts.Check(os.WriteFile(path, []byte(text), 0o600))
	}
}

// deliver SERVER MAILBOX N [FLAG]: puts N new messages into a mailbox.
func deliver(ts *testscript.TestScript, neg bool, args []string) {
	s := worldOf(ts).servers[args[0]]
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	before := max(0, s.count(args[1]))
	for i := range n {
		m := demoArrival(args[1], fmt.Sprintf("A letter to %s", args[1]), strings.Repeat("Greetings from afar. ", 20), 1000*len(args[0])+before+i+1)
		if len(args) > 3 {
			m.flags = append(m.flags, imap.Flag(args[3]))
		}
		ts.Check(s.deliver(m))
	}
}

// server NAME MAILBOX N: compares the number of messages, - for no mailbox.
func serverCount(ts *testscript.TestScript, neg bool, args []string) {
	got, want := strconv.Itoa(worldOf(ts).servers[args[0]].count(args[1])), args[2]
	if got == "-1" {
		got = "-"
	}
	if got != want {
		ts.Fatalf("mailbox %q of %s: got %s messages, want %s", args[1], args[0], got, want)
	}
}

// files MAILBOX-DIRECTORY N: compares the number of files in cur and new.
func fileCount(ts *testscript.TestScript, neg bool, args []string) {
	got := 0
	for _, part := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(ts.MkAbs(args[0]), part))
		ts.Check(err)
		got += len(entries)
	}
	if strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s: got %d files, want %s", args[0], got, args[1])
	}
}

// logins SERVER N: compares how often somebody tried to sign in.
func logins(ts *testscript.TestScript, neg bool, args []string) {
	if got := strconv.Itoa(int(worldOf(ts).servers[args[0]].logins.Load())); got != args[1] {
		ts.Fatalf("%s: got %s logins, want %s", args[0], got, args[1])
	}
}

// hold PAIR: locks a pair's state, as another run would.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	db, err := statedb.Open(ts.Getenv("MAILTWIN_STATE"), args[0], statedb.Options{})
	ts.Check(err)
	worldOf(ts).held = db
}

func release(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(worldOf(ts).held.Close())
}

// spoil PAIR: damages rows of a pair's state without SQLite noticing.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(ts.Getenv("MAILTWIN_STATE"), args[0], "state.db"))
	ts.Check(err)
	_, err = db.Exec("UPDATE message SET flags = 'x'")
	ts.Check(err)
	ts.Check(db.Close())
}

// lift SERVER: from now on it takes every message.
func lift(ts *testscript.TestScript, neg bool, args []string) {
	worldOf(ts).servers[args[0]].lifted.Store(true)
}

// pauses PAIR N COMMAND…: runs the command N times, each as soon as a message
// that is kept aside is due, and once before that. It must be tried when it is
// due only, after a pause that is twice the last one, up to a week.
func pauses(ts *testscript.TestScript, neg bool, args []string) {
	tries, err := strconv.Atoi(args[1])
	ts.Check(err)
	var at time.Duration
	for range tries {
		kept := keptAside(ts, args[0])
		at = time.Until(kept.Next) + 2*time.Second
		ts.Setenv("LATER", (at - time.Minute).String())
		exits(ts, false, append([]string{"0"}, args[2:]...))
		ts.Setenv("LATER", at.String())
		exits(ts, false, append([]string{"3"}, args[2:]...))
		again := keptAside(ts, args[0])
		if again.Tries != kept.Tries+1 || !again.Since.Equal(kept.Since) {
			ts.Fatalf("got %d tries since %v, want %d since %v", again.Tries, again.Since, kept.Tries+1, kept.Since)
		}
		pause := again.Next.Sub(time.Now().Add(at))
		if want := min(time.Hour<<kept.Tries, 7*24*time.Hour); (pause - want).Abs() > 15*time.Second {
			ts.Fatalf("after try %d: got a pause of %v, want %v", again.Tries, pause, want)
		}
	}
	ts.Setenv("LATER", (time.Until(keptAside(ts, args[0]).Next) + 2*time.Second).String())
}

// keptAside returns the one message that is kept aside.
func keptAside(ts *testscript.TestScript, pair string) mirror.Quarantined {
	db, err := statedb.Open(ts.Getenv("MAILTWIN_STATE"), pair, statedb.Options{ReadOnly: true})
	ts.Check(err)
	snapshot, err := db.Load()
	ts.Check(err)
	ts.Check(db.Close())
	if len(snapshot.Quarantine) != 1 {
		ts.Fatalf("got %d messages kept aside, want 1", len(snapshot.Quarantine))
	}
	return snapshot.Quarantine[0]
}

// signal SIGNAL CODE COMMAND…: starts it, sends the signal once it signs in to
// the server that hangs, and compares the exit code. Its stderr goes to a file.
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command("sh", append([]string{"-c", `exec "$@" 2>stderr >stdout`, "sh"}, args[2:]...)...)
	cmd.Dir = worldOf(ts).dir
	for _, key := range []string{"HOME", "PATH", "MAILTWIN_STATE"} {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	ts.Check(cmd.Start())
	select {
	case <-worldOf(ts).servers["HANGS_PORT"].waiting:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		ts.Fatalf("nobody signed in")
	}
	ts.Check(cmd.Process.Signal(map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[0]]))
	_ = cmd.Wait()
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("got exit %s, want %s", got, args[1])
	}
}

// crontab CODE: runs the job of examples/crontab with the environment that cron
// gives, and compares the exit code.
func crontab(ts *testscript.TestScript, neg bool, args []string) {
	job := ""
	for line := range strings.Lines(ts.ReadFile(filepath.Join(ts.Getenv("EXAMPLES"), "crontab"))) {
		if fields := strings.Fields(line); len(fields) > 5 && !strings.HasPrefix(line, "#") {
			job = strings.Join(fields[5:], " ")
		}
	}
	if job == "" {
		ts.Fatalf("examples/crontab holds no job")
	}
	exits(ts, false, []string{args[0], "env", "-i", "HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH"), "SHELL=/bin/sh", "LOGNAME=ann",
		"sh", "-c", job})
}

// confirm CODE: runs the command that the last stop's hint shows, in a shell,
// with the same environment.
func confirm(ts *testscript.TestScript, neg bool, args []string) {
	command := ""
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if i := strings.Index(line, ": mailtwin "); i >= 0 && strings.Contains(line, "--confirm") {
			command = strings.TrimSpace(line[i+2:])
		}
	}
	if command == "" {
		ts.Fatalf("no hint shows a command with --confirm")
	}
	exits(ts, false, []string{args[0], "sh", "-c", command})
}
