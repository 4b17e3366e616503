package imapside_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

var onlyCut = flag.String("wire.cut", "", "try this cut only (up/fin/123) and show what happened")

var onlyHistory = flag.String("wire.history", "", "play this history only (bare/12) and show what happened")

// dialogue is a job with a kind of server, and what was learned of it.
type dialogue struct {
	kind  serverKind
	job   job
	state *mirrortest.State // in step, before the job's changes; nil on a first run
	long  [2]int            // octets of the undisturbed dialogue
	last  [2]int            // those of them before LOGOUT
	sent  []byte            // what went up
}

// prepare returns a pair to run the dialogue on.
func (d *dialogue) prepare(t *testing.T, name string) *wirePair {
	p := newWirePair(t, name, d.kind)
	d.job.before(p)
	if d.state != nil {
		p.state = d.state.Clone()
	}
	if *onlyCut != "" {
		p.events = t.Output()
		p.server.trace = t.Output()
	}
	d.job.change(p)
	return p
}

// learn gets the sides in step, and measures the dialogue twice.
func (d *dialogue) learn(t *testing.T) {
	if !d.job.first {
		synctest.Test(t, func(t *testing.T) {
			p := newWirePair(t, "in step", d.kind)
			defer p.end()
			d.job.before(p)
			p.quiet()
			if p.server.done() > 0 || len(p.near.Effects()) > 0 {
				p.errorf("getting in step changed something")
			}
			d.state = p.state
		})
	}
	for i := range 2 {
		synctest.Test(t, func(t *testing.T) {
			p := d.prepare(t, "undisturbed")
			defer p.end()
			if result, exit := p.run(nil); exit != mirror.ExitDone || !result.Changed {
				p.errorf("got exit %d, changed %v, %v", exit, result.Changed, result.Problems)
			}
			w := p.server.newest
			long := [2]int{w.passed(up), w.passed(down)}
			if i > 0 && long != d.long {
				p.errorf("the dialogue has %d octets, then %d", d.long, long)
			}
			d.long, d.sent = long, w.sent
			d.last = [2]int{long[up] - len("a10 LOGOUT\r\n"), long[down] - len("* BYE Logging out\r\na10 OK LOGOUT completed\r\n")}
			p.quiet()
			p.judge()
		})
	}
}

// try holds the dialogue with a cut, recovers and judges.
func (d *dialogue) try(t *testing.T, c cut) (v verdict) {
	synctest.Test(t, func(t *testing.T) {
		p := d.prepare(t, c.String())
		defer p.end()
		result, exit := p.run(&c)
		switch w := p.server.newest; {
		case exit == mirror.ExitTemporary && w.wasCut():
		case exit == mirror.ExitDone && (!w.wasCut() || c.octets >= d.last[c.heading]):
		default:
			p.errorf("got exit %d, cut %v of %d octets, %v, %v", exit, w.wasCut(), d.long, result.Problems, result.Plan.Stops)
		}
		p.quiet()
		v = p.judge()
		if c.octets%4 == 0 {
			p.still()
		}
	})
	return v
}

// cuts returns the cuts of the dialogue to try: one after every step-th octet
// of each direction, in every way.
func (d *dialogue) cuts() (list []cut) {
	i := len(d.kind.name) + len(d.job.name) // not the same octets everywhere
	for _, h := range headings {
		step := d.step(h)
		for _, w := range ways {
			for n := 0; n <= d.long[h]; n++ {
				if i++; i%step == 0 {
					list = append(list, cut{h, w, n})
				}
			}
		}
	}
	return list
}

// step is the distance between the octets to cut after. With the server that
// can do everything, each octet that we send is tried in CI; what we receive,
// the large dialogues, and other servers in part. -proof.times 201 leaves out
// nothing.
func (d *dialogue) step(h heading) int {
	full := map[heading]int{up: 1, down: 9}[h]
	if d.kind.name != serverKinds[0].name || d.job.name == "large" || d.job.name == "everything" {
		full = map[heading]int{up: 45, down: 201}[h]
	}
	if proof.Whole() {
		return max(1, full/proof.Times(1, 1)) | 1
	}
	return full*proof.Stride() | 1
}

// TestCuts cuts the connection after each octet of each dialogue, in both
// directions and in every way, and recovers.
func TestCuts(t *testing.T) {
	for _, kind := range serverKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for _, job := range jobs {
				t.Run(job.name, func(t *testing.T) {
					d := &dialogue{kind: kind, job: job}
					d.learn(t)
					if t.Failed() {
						return
					}
					list := d.cuts()
					if *onlyCut != "" {
						list = []cut{parseCut(t, *onlyCut)}
					}
					var sum verdict
					for _, c := range list {
						sum = sum.plus(d.try(t, c))
					}
					t.Logf("%d octets up, %d down: %d cuts", d.long[up], d.long[down], len(list))
					proof.Note(proof.Tally{Layer: "cuts", Cases: len(list), Lost: sum.lost, Doubled: sum.doubled, Changed: sum.changed})
				})
			}
		})
	}
}

func parseCut(t *testing.T, s string) (c cut) {
	t.Helper()
	words := strings.Split(s, "/")
	for _, h := range headings {
		for _, w := range ways {
			if len(words) == 3 && words[0] == h.String() && words[1] == w.String() {
				if _, err := fmt.Sscan(words[2], &c.octets); err != nil {
					t.Fatal(err)
				}
				c.heading, c.way = h, w
				return c
			}
		}
	}
	t.Fatalf("-wire.cut: got %q, want like up/fin/123", s)
	return c
}
