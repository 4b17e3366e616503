package acceptance

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"mailtwin/internal/proof"
	"mailtwin/internal/servers"
)

// kinds are the servers on which runs are killed and cut.
var kinds = []struct {
	name    string
	pending bool // removed messages stay, marked \Deleted
	options servers.Options
}{
	{"UIDPLUS", false, servers.Options{}},
	{"without UIDPLUS", true, servers.Options{Capability: bare}},
}

// disturbances is how many kills, and how many cuts, CI tries.
const disturbances = 60

// share is how many of the disturbances fall to one of all combinations.
func share(combination int) int {
	all := len(kinds) * len(jobs)
	return (proof.Times(disturbances, 3) + all - 1 - combination) / all
}

// TestKill ends runs by SIGKILL: at random moments, or when random numbers of
// octets were sent; half of them in the next run, too. Clean runs follow.
// Nothing may be lost, doubled or changed.
func TestKill(t *testing.T) {
	t.Parallel()
	disturb(t, "Dovecot kills", func(d *disturber, i int) string {
		what := d.kill(i%2 == 0)
		if i%4 >= 2 {
			what += ", and the next run " + d.kill(i%3 == 0)
		}
		return what
	})
}

// TestCut cuts the connection after n octets, in each direction, by FIN and by
// RST.
func TestCut(t *testing.T) {
	t.Parallel()
	disturb(t, "Dovecot cuts", func(d *disturber, i int) string {
		at := cutAt{reset: i%4 >= 2}
		what := ""
		if i%2 == 0 {
			at.up = 1 + d.r.Int63n(d.up)
			what = fmt.Sprintf("cut after %d of %d octets sent, RST %t", at.up, d.up, at.reset)
		} else {
			at.down = 1 + d.r.Int63n(d.down)
			what = fmt.Sprintf("cut after %d of %d octets received, RST %t", at.down, d.down, at.reset)
		}
		d.proxy.set(at)
		if o := d.run("sync"); o.exit != 75 && o.exit != 0 {
			d.t.Errorf("%s: got exit %d, want 75\n%s", what, o.exit, o.stderr)
		}
		return what
	})
}

// disturber disturbs the runs of one stage.
type disturber struct {
	*stage
	proxy *proxy
	// whole, up and down are what an undisturbed run takes.
	whole    time.Duration
	up, down int64
}

// disturb lets act disturb a run of every job on every kind of server.
func disturb(t *testing.T, layer string, act func(d *disturber, i int) string) {
	t.Logf("seed %d", *seed)
	sum := noted(t, layer)
	for k, kind := range kinds {
		for j, job := range jobs {
			n := share(k + j*len(kinds))
			if n == 0 {
				continue
			}
			t.Run(kind.name+" "+job.name, func(t *testing.T) {
				t.Parallel()
				server := servers.Need(t, kind.options)
				d := &disturber{proxy: newProxy(t, server.Port)}
				r := rand.New(rand.NewSource(*seed + int64(k*100+j)))
				for i := range n + 1 {
					d.stage = newStage(t, d.proxy, server, r, job.paired)
					job.change(d.stage)
					d.proxy.set(cutAt{})
					if i == 0 {
						d.whole = d.undisturbed()
						d.up, d.down = d.proxy.seen()
						continue
					}
					what := act(d, i)
					d.proxy.set(cutAt{})
					d.settle()
					d.judge(what, d.due.content(), kind.pending, sum)
				}
			})
		}
	}
}

// undisturbed runs to the end and returns how long that took.
func (d *disturber) undisturbed() time.Duration {
	d.t.Helper()
	return min(d.want(0, "sync").took, time.Second)
}

// newStage makes a pair behind a proxy, in its state before the job.
func newStage(t testing.TB, p *proxy, server *servers.Dovecot, r *rand.Rand, paired bool) *stage {
	g := &stage{setup: newSetup(t, server), r: r, due: ledger{}}
	p.set(cutAt{})
	g.port = p.port
	g.writeConfig()
	if paired {
		g.fillBoth("")
	}
	return g
}

// kill kills a run, after some time or after some octets.
func (d *disturber) kill(byTime bool) string {
	d.t.Helper()
	cmd := d.command("sync")
	d.must(cmd.Start())
	defer cmd.Wait()
	if byTime {
		moment := time.Duration(d.r.Int63n(int64(d.whole)))
		time.Sleep(moment)
		cmd.Process.Kill()
		return fmt.Sprintf("killed after %v of %v", moment, d.whole)
	}
	octets := 1 + d.r.Int63n(d.up)
	d.proxy.set(cutAt{up: octets, then: func() { cmd.Process.Kill() }})
	return fmt.Sprintf("killed after %d of %d octets sent", octets, d.up)
}
