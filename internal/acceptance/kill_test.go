package acceptance

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"mailtwin/internal/servers"
)

// kinds are the servers on which runs are killed and cut.
var kinds = map[string]servers.Options{
	"UIDPLUS":         {},
	"without UIDPLUS": {Capability: bare},
}

// jobs are what is under way then.
var jobs = map[string]func(s *setup, r *rand.Rand){
	"download": func(s *setup, r *rand.Rand) {
		c := s.dial()
		defer c.Close()
		for i := range *bulk {
			s.append(c, "INBOX", letter(r, i), corpusFlags[i%len(corpusFlags)], someDate(r))
		}
	},
	"upload": func(s *setup, r *rand.Rand) {
		for i := range *bulk {
			s.deliverLocal("INBOX", i, letter(r, i), []string{"", "S", "FS"}[i%3], time.Unix(1600000000+int64(i), 0))
		}
	},
}

// TestKill ends runs by SIGKILL at random moments; clean runs follow. Nothing
// may be lost, doubled or changed.
func TestKill(t *testing.T) {
	t.Parallel()
	for kind, options := range kinds {
		for job, prepare := range jobs {
			t.Run(kind+" "+job, func(t *testing.T) {
				t.Parallel()
				server := servers.Need(t, options)
				r := rand.New(rand.NewSource(*seed))
				t.Logf("seed %d", *seed)
				var whole time.Duration
				for i := range *kills + 1 {
					s := newSetup(t, server)
					prepare(s, r)
					if i == 0 { // how long an undisturbed run takes
						whole = s.want(0, "sync").took
						continue
					}
					moment := time.Duration(r.Int63n(int64(whole)))
					cmd := s.command("sync")
					s.must(cmd.Start())
					time.Sleep(moment)
					cmd.Process.Kill()
					cmd.Wait()
					s.settle()
					s.judge(fmt.Sprintf("killed after %v of %v", moment, whole), kind != "UIDPLUS")
				}
			})
		}
	}
}

// TestCut cuts the connection after n octets, in each direction.
func TestCut(t *testing.T) {
	t.Parallel()
	for kind, options := range kinds {
		for job, prepare := range jobs {
			t.Run(kind+" "+job, func(t *testing.T) {
				t.Parallel()
				server := servers.Need(t, options)
				p := newProxy(t, server.Port)
				r := rand.New(rand.NewSource(*seed))
				t.Logf("seed %d", *seed)
				var up, down int64
				for i := range 2**cuts + 1 {
					s := newSetup(t, server)
					s.port = p.port
					s.writeConfig()
					prepare(s, r)
					p.set(0, 0)
					if i == 0 { // how much passes undisturbed
						s.want(0, "sync")
						up, down = p.seen()
						continue
					}
					what := ""
					if i%2 == 0 {
						n := 1 + r.Int63n(up)
						what = fmt.Sprintf("cut after %d of %d octets sent", n, up)
						p.set(n, 0)
					} else {
						n := 1 + r.Int63n(down)
						what = fmt.Sprintf("cut after %d of %d octets received", n, down)
						p.set(0, n)
					}
					o := s.run("sync")
					if o.exit != 75 && o.exit != 0 {
						t.Errorf("%s: got exit %d, want 75\n%s", what, o.exit, o.stderr)
					}
					p.set(0, 0)
					s.settle()
					s.judge(what, kind != "UIDPLUS")
				}
			})
		}
	}
}

// judge compares both sides after a disturbed run: all messages, once.
func (s *setup) judge(what string, pending bool) {
	s.t.Helper()
	far, near := s.far(pending), s.near()
	distinct := map[string]bool{}
	for _, e := range far["INBOX"] {
		distinct[e.digest] = true
	}
	if lost := *bulk - len(distinct); lost > 0 {
		s.t.Errorf("%s: %d messages lost or changed", what, lost)
	}
	if doubled := len(far["INBOX"]) - len(distinct); doubled > 0 {
		s.t.Errorf("%s: %d messages doubled", what, doubled)
	}
	if list := differences(far, near); len(list) > 0 {
		s.t.Errorf("%s: the sides differ (far against near):\n%s", what, strings.Join(list, "\n"))
	}
}
