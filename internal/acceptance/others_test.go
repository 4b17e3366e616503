package acceptance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailtwin/internal/servers"
)

// witness stands before a server without TLS and writes down what passes.
type witness struct {
	port int

	mu       sync.Mutex
	up       bytes.Buffer
	down     bytes.Buffer
	turns    int
	answered bool
}

func newWitness(t testing.TB, port int) *witness {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{port: listener.Addr().(*net.TCPAddr).Port}
	var connections sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		connections.Wait()
	})
	connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				client.Close()
				continue
			}
			pass := func(to, from net.Conn, note func([]byte)) {
				connections.Go(func() {
					defer to.Close()
					defer from.Close()
					buffer := make([]byte, 1<<16)
					for {
						n, err := from.Read(buffer)
						note(buffer[:n])
						if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
							return
						}
					}
				})
			}
			pass(server, client, w.said)
			pass(client, server, w.answer)
		}
	})
	return w
}

// said notes what a client sent. A turn begins with what follows an answer, or the
// beginning.
func (w *witness) said(octets []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(octets) > 0 && (w.answered || w.up.Len() == 0) {
		w.turns, w.answered = w.turns+1, false
	}
	w.up.Write(octets)
}

func (w *witness) answer(octets []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down.Write(octets)
	w.answered = w.answered || len(octets) > 0
}

// heard is what a tool said to one side.
type heard struct {
	commands        []string // without tags, passwords and literals
	added           []string // names of header lines that no letter has
	announced       int      // answers with APPENDUID
	turns, up, down int
}

// take returns what passed since the last take.
func (w *witness) take() heard {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := heard{commandsOf(w.up.Bytes()), ownLine.FindAllString(w.up.String(), -1), strings.Count(w.down.String(), "[APPENDUID "), w.turns, w.up.Len(), w.down.Len()}
	w.up.Reset()
	w.down.Reset()
	w.turns, w.answered = 0, false
	return h
}

var (
	literalEnd = regexp.MustCompile(`\{(\d+)\+?\}$`)
	ownLine    = regexp.MustCompile(`(?m)^X-(TUID|OfflineIMAP): `)
	secretWord = regexp.MustCompile(`^(?i)(LOGIN|AUTHENTICATE \S+).*`)
)

// commandsOf reads the commands in what clients sent.
func commandsOf(sent []byte) (list []string) {
	goesOn := false
	for len(sent) > 0 {
		line, rest, _ := bytes.Cut(sent, []byte("\r\n"))
		sent = rest
		text := string(line)
		tag, command, tagged := strings.Cut(text, " ")
		switch {
		case goesOn:
			list[len(list)-1] += text
		case tagged && tag != "" && len(tag) < 12:
			list = append(list, secretWord.ReplaceAllString(command, "$1 …"))
		} // else what AUTHENTICATE goes on with
		if size := literalEnd.FindStringSubmatch(text); size != nil {
			n, _ := strconv.Atoi(size[1])
			sent = sent[min(n, len(sent)):]
			goesOn = true
			continue
		}
		goesOn = false
	}
	return list
}

// other is a tool that carries mail from one account to another.
type other struct {
	name    string
	binary  string // where it must be; "" is ours
	command func(from, to *setup, port int, dir string) *exec.Cmd
}

// write puts a file into a directory and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func others(t testing.TB) []other {
	return []other{
		{name: "mailtwin", command: func(from, to *setup, port int, dir string) *exec.Cmd {
			end := func(name string, s *setup, port int) string {
				return fmt.Sprintf("[repository.%s]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nuser = %q\npassword = %q\n", name, port, s.user, s.server.Password)
			}
			from.config = write(t, dir, "config.toml", end("from", from, from.server.Port)+end("to", to, port)+
				"[pair.mail]\nfar = \"from\"\nnear = \"to\"\nmailboxes = [\"INBOX\"]\n")
			return from.command("sync")
		}},
		{name: "mbsync", binary: "/usr/bin/mbsync", command: func(from, to *setup, port int, dir string) *exec.Cmd {
			end := func(name string, s *setup, port int) string {
				return fmt.Sprintf("IMAPAccount %s\nHost 127.0.0.1\nPort %d\nUser %s\nPass %s\nSSLType None\n\nIMAPStore %s\nAccount %s\n\n", name, port, s.user, s.server.Password, name, name)
			}
			config := write(t, dir, "mbsyncrc", end("from", from, from.server.Port)+end("to", to, port)+
				fmt.Sprintf("Channel mail\nFar :from:\nNear :to:\nPatterns INBOX\nSyncState %s/\n", dir))
			return exec.Command("/usr/bin/mbsync", "-q", "-c", config, "mail")
		}},
		{name: "OfflineIMAP", binary: "/usr/bin/offlineimap", command: func(from, to *setup, port int, dir string) *exec.Cmd {
			end := func(name string, s *setup, port int) string {
				return fmt.Sprintf("[Repository %s]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = %d\nremoteuser = %s\nremotepass = %s\nauth_mechanisms = PLAIN\nssl = no\nstarttls = no\nfolderfilter = lambda name: name == 'INBOX'\n\n",
					name, port, s.user, s.server.Password)
			}
			config := write(t, dir, "offlineimaprc", fmt.Sprintf("[general]\naccounts = mail\nmetadata = %s\n\n[Account mail]\nlocalrepository = to\nremoterepository = from\n\n", filepath.Join(dir, "metadata"))+
				end("from", from, from.server.Port)+end("to", to, port))
			return exec.Command("/usr/bin/offlineimap", "-o", "-u", "quiet", "-c", config)
		}},
	}
}

// TestDialogueOfOthers lets each tool that is installed carry ten new messages from one
// account to another, and tells what was said to the target. docs/DIALOGUE.md is made of
// what it shows:
//
//	go test ./internal/acceptance -run TestDialogueOfOthers -v
func TestDialogueOfOthers(t *testing.T) {
	t.Parallel()
	for what, options := range map[string]servers.Options{"with UIDPLUS": {}, "without UIDPLUS": {Capability: bare}} {
		t.Run(what, func(t *testing.T) { dialogueOfOthers(t, servers.Need(t, options)) })
	}
}

func dialogueOfOthers(t *testing.T, server *servers.Dovecot) {
	for _, tool := range others(t) {
		t.Run(tool.name, func(t *testing.T) {
			if tool.binary != "" {
				if _, err := os.Stat(tool.binary); err != nil {
					t.Skipf("%s is not installed", tool.name)
				}
			}
			from, to := newSetup(t, server), newSetup(t, server)
			w := newWitness(t, server.Port)
			dir := t.TempDir()
			put := func(first, count int) {
				c := from.dial()
				defer c.Close()
				for n := range count {
					from.append(c, "INBOX", letter(someRand(), first+n), nil, time.Unix(1600000000+int64(first+n), 0))
				}
			}
			run := func(want int) heard {
				t.Helper()
				w.take()
				cmd := tool.command(from, to, w.port, dir)
				if cmd.Env == nil {
					cmd.Env = []string{"HOME=" + dir, "PATH=/usr/bin:/bin"}
				}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", tool.name, err, out)
				}
				if got := len(to.far(false)["INBOX"]); got != want {
					t.Fatalf("%s: the target holds %d messages, want %d\n%s", tool.name, got, want, out)
				}
				return w.take()
			}
			put(0, 1)
			for range 5 { // until a tool knows the server as well as it can
				run(1)
			}
			put(1, 10)
			octets := 0
			for n := range 10 {
				octets += len(letter(someRand(), 1+n))
			}
			carrying, resting := run(11), run(11)
			if carrying.up < octets {
				t.Errorf("%s sent %d octets, fewer than the %d of the mail", tool.name, carrying.up, octets)
			}
			source, target := from.far(false)["INBOX"], to.far(false)["INBOX"]
			octetsKept, datesKept := 0, 0
			for _, e := range source {
				for _, o := range target {
					if e.digest == o.digest {
						octetsKept++
					}
					if e.date == o.date {
						datesKept++
					}
				}
			}
			t.Logf("of 11 messages %d have the same octets on the target, %d the same INTERNALDATE; %d lines were put into headers (%q); %d answers held APPENDUID",
				octetsKept, datesKept, len(carrying.added), slices.Compact(carrying.added), carrying.announced)
			t.Logf("%s, ten messages of %d octets: %s", tool.name, octets, carrying)
			t.Logf("%s, the run after it: %s", tool.name, resting)
		})
	}
}

func (h heard) String() string {
	return fmt.Sprintf("%d commands, %d turns, %d octets sent, %d received\n\t%s", len(h.commands), h.turns, h.up, h.down, strings.Join(h.commands, "\n\t"))
}
