package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/internal/servers"
)

// TestTwoRuns holds the lock with one run while another starts, and kills the
// first: the lock goes with it, and what it left is finished.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	sum := noted(t, "Dovecot concurrency")
	server := servers.Need(t, servers.Options{})
	p := newProxy(t, server.Port)
	s, want := fixture(t, server, p.port)
	s.addFar("INBOX", 300, 30)
	for n := 300; n < 330; n++ {
		want["INBOX"] = append(want["INBOX"], entry{digestOf(letter(someRand(), n)), `\seen`, bulkDate(n).Unix()})
	}
	p.set(cutAt{})
	p.stallAfter(8000) // the bodies are on their way
	first := s.command("sync")
	s.must(first.Start())
	p.waitStalled()
	o := s.want(5, "sync")
	for _, words := range []string{
		fmt.Sprintf("mailtwin: pair mail: another run is at work: process %d (it holds %q)\n", first.Process.Pid, filepath.Join(s.state(), "mail", "lock")),
		fmt.Sprintf("mailtwin: hint: wait until process %d ends; this one did nothing\n", first.Process.Pid),
	} {
		if !strings.Contains(o.stderr, words) {
			t.Errorf("got %q, want %q in it", o.stderr, words)
		}
	}
	s.want(0, "status")
	first.Process.Kill()
	first.Wait()
	p.goOn()
	s.settle()
	s.judge("the first of two runs killed", want.sort(), false, sum)
}

// twoAccounts are two pairs of one Maildir: another account for the second.
func twoAccounts(t *testing.T, server *servers.Dovecot, first, second string) (a, b *setup) {
	a = newSetup(t, server)
	b = newSetup(t, server)
	a.policy = "mailboxes = " + first
	a.more = fmt.Sprintf(`[repository.other]
type = "imap"
host = "127.0.0.1"
port = %d
tls = "none"
user = %q
password = %q

[pair.second]
far = "other"
near = "laptop"
settle = "2s"
mailboxes = %s
`, server.Port, b.user, server.Password, second)
	a.writeConfig()
	return a, b
}

// TestTwoPairsOneMaildir lets two pairs run at once on one Maildir: one of them
// waits, by exit 5, for the other's lock, and both come to rest.
func TestTwoPairsOneMaildir(t *testing.T) {
	t.Parallel()
	sum := noted(t, "Dovecot concurrency")
	server := servers.Need(t, servers.Options{})
	for i, c := range []struct{ name, first, second string }{
		{"distinct mailboxes", `["INBOX"]`, `["Lists"]`},
		{"the same mailboxes", `["*"]`, `["*"]`},
	} {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := twoAccounts(t, server, c.first, c.second)
			a.addFar("INBOX", 0, 12)
			b.addFar("Lists", 100, 12)
			a.run("sync", "mail") // the marker and its id are there before both want them
			locked, quiet := 0, 0
			for range proof.Times(6, 3) {
				second := a.command("sync", "second", "--verbose")
				var stdout, stderr strings.Builder
				second.Stdout, second.Stderr = &stdout, &stderr
				a.must(second.Start())
				o := a.run("sync", "mail", "--verbose")
				second.Wait()
				exit := second.ProcessState.ExitCode()
				for pair, o := range map[string]outcome{"mail": o, "second": {exit: exit, stdout: stdout.String(), stderr: stderr.String()}} {
					if o.exit == 5 {
						locked++
						if !strings.Contains(o.stderr, fmt.Sprintf("(it holds %q)", a.maildir())) {
							t.Errorf("pair %s: got %q, want the lock named", pair, o.stderr)
						}
					} else if o.exit != 0 {
						t.Errorf("pair %s: got exit %d\n%s", pair, o.exit, o.stderr)
					}
				}
				if strings.Contains(o.stdout, nothing) && strings.Contains(stdout.String(), nothing) {
					quiet++
				}
			}
			t.Logf("%d runs found the Maildir locked, %d times both were quiet", locked, quiet)
			a.settleAll()
			a.judgeTogether(b, c.name, sum)
		})
	}
}

const nothing = "nothing to do"

// settleAll runs all pairs, one after another, until none has anything to do.
func (s *setup) settleAll() {
	s.t.Helper()
	for range 6 {
		if o := s.want(0, "sync", "--verbose"); strings.Count(o.stdout, nothing) == 2 {
			return
		}
	}
	s.t.Error("the sixth run still had something to do")
}

// judgeTogether compares two accounts and their one Maildir.
func (s *setup) judgeTogether(b *setup, name string, sum *tally) {
	s.t.Helper()
	want := content{}
	for mailbox, first := range map[string]int{"INBOX": 0, "Lists": 100} {
		for n := first; n < first+12; n++ {
			want[mailbox] = append(want[mailbox], entry{digestOf(letter(someRand(), n)), `\seen`, bulkDate(n).Unix()})
		}
	}
	want.sort()
	farA, farB := want, want
	if name == "distinct mailboxes" {
		farA, farB = content{"INBOX": want["INBOX"]}, content{"Lists": want["Lists"]}
	}
	for _, side := range []struct {
		what      string
		want, got content
	}{{"near", want, s.near()}, {"the first account", farA, s.far(false)}, {"the second account", farB, b.far(false)}} {
		sum.add(compare(side.want, side.got))
		if list := differences(side.want, side.got.filled()); len(list) > 0 {
			s.t.Errorf("%s is not as it must be (expected against got):\n%s", side.what, strings.Join(list, "\n"))
		}
	}
	if _, err := os.Stat(filepath.Join(s.maildir(), ".mailtwin-id")); err != nil {
		s.t.Error(err)
	}
}
