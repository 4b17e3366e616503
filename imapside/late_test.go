package imapside_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// lateCase is an APPEND that is cut and that the server finishes later.
type lateCase struct {
	index int           // which APPEND, from 0
	cut   cut           // heading down: when the literal is there, before the answer
	delay time.Duration // from the cut to the message's being there
	twin  twin
}

func (c lateCase) String() string {
	return fmt.Sprintf("APPEND %d, cut %v, stored after %v, twin on %v after %v", c.index, c.cut, c.delay, c.twin.side, c.twin.after)
}

// twin is a byte-identical message that somebody else delivers after the cut.
type twin struct {
	side  mirror.Side
	after time.Duration
	is    bool
}

var twins = []twin{
	{},
	{mirror.Near, 0, true}, {mirror.Far, 0, true},
	{mirror.Near, settleTime / 2, true}, {mirror.Far, settleTime / 2, true},
	{mirror.Far, settleTime * 3 / 2, true},
}

// lateLetters are the letters of job "upload" in the order of their APPENDs to
// INBOX.
var lateLetters = []letter{{id: "u1"}, {id: "u2"}}

// appendCommand finds an APPEND and the size of its literal.
var appendCommand = regexp.MustCompile(`a\d+ APPEND [^\r\n]*\{(\d+)\+?\}\r\n`)

// appends returns where each APPEND of the dialogue begins, and where the last
// octet of its literal is followed by CRLF.
func (d *dialogue) appends(t *testing.T) (begins, ends []int) {
	t.Helper()
	for _, at := range appendCommand.FindAllSubmatchIndex(d.sent, -1) {
		size, err := strconv.Atoi(string(d.sent[at[2]:at[3]]))
		if err != nil {
			t.Fatal(err)
		}
		begins, ends = append(begins, at[0]), append(ends, at[1]+size)
	}
	if len(begins) < len(lateLetters) {
		t.Fatalf("got %d APPENDs", len(begins))
	}
	return begins, ends
}

// delays are from 0 to twice the settle time.
func delays() (list []time.Duration) {
	for _, seconds := range []int{0, 1, 30, 59, 60, 61, 90, 119, 120} {
		list = append(list, time.Duration(seconds)*time.Second)
	}
	dice := rand.New(rand.NewPCG(3, 0))
	for range 3 {
		list = append(list, time.Duration(dice.Int64N(int64(2*settleTime))))
	}
	return list
}

// lateCases are all cuts of an APPEND from its first octet to its answer. As
// long as the literal is not there, the server has nothing to finish.
func (d *dialogue) lateCases(t *testing.T) (list []lateCase) {
	begins, ends := d.appends(t)
	for i := range lateLetters {
		for n := begins[i]; n < ends[i]; n++ {
			for k, w := range twins {
				list = append(list, lateCase{i, cut{up, ways[(n+k)%3], n}, 0, w})
			}
		}
		for _, delay := range delays() {
			for _, w := range twins {
				for _, way := range ways {
					list = append(list, lateCase{i, cut{down, way, 0}, delay, w})
					for n := ends[i]; n <= ends[i]+4; n++ { // CRLF, and the next command's tag
						list = append(list, lateCase{i, cut{up, way, n}, delay, w})
					}
				}
			}
		}
	}
	return list
}

// tryLate cuts, lets the twin be delivered, recovers and judges.
func (d *dialogue) tryLate(t *testing.T, c lateCase) (v verdict) {
	synctest.Test(t, func(t *testing.T) {
		p := d.prepare(t, c.String())
		defer p.end()
		late := &lateAppend{index: c.index, delay: c.delay}
		p.server.finishLate(late)
		plan := &c.cut
		if c.cut.heading == down {
			plan, late.now = nil, &c.cut
		}
		if _, exit := p.run(plan); exit != mirror.ExitTemporary {
			p.errorf("got exit %d", exit)
		}
		p.server.newest.cutNow(c.cut) // where the octet was never sent: we waited for the answer
		p.server.finishLate(nil)      // what is sent again is stored at once
		back := time.Now()
		l := p.want[inbox][p.index(inbox, lateLetters[c.index].id)]
		if c.twin.is {
			time.AfterFunc(c.twin.after, func() { p.place(c.twin.side, inbox, l) })
		}
		p.quietLate()
		time.Sleep(3 * settleTime) // whatever is late is there now
		p.quietLate()
		again := back.Add(settleTime) // from then on the letter is sent again
		at := p.server.storedAt(late)
		haunts := !at.IsZero() && !at.Before(again)
		if c.twin.is && c.twin.side == mirror.Far && c.twin.after >= settleTime {
			haunts = true // nobody can tell it from the first copy
		}
		v = p.judgeLate(c, haunts)
		p.still()
	})
	return v
}

// quietLate is quiet where a ghost may be named.
func (p *wirePair) quietLate() {
	p.t.Helper()
	for range mostRuns {
		touched := p.touched()
		result, exit := p.run(nil)
		switch {
		case !result.Changed && exit == mirror.ExitDone && p.touched() == touched:
			return
		case exit == mirror.ExitDone, exit == mirror.ExitTemporary, exit == mirror.ExitPartly && result.Summary.Ghosts > 0:
		default:
			p.errorf("a run without a cut: got exit %d, %v", exit, result.Problems)
			return
		}
	}
	p.errorf("the %dth run without a cut still had something to do", mostRuns)
}

// judgeLate counts the letters, of which two people may have delivered l; all
// others must be there once. A ghost of each may be on far only where the server
// was later than the settle time, and must have been reported. Not only of l:
// the APPEND that follows on the wire waits for the late one.
func (p *wirePair) judgeLate(c lateCase, haunts bool) (v verdict) {
	p.t.Helper()
	far, near := p.farEntries(), p.near.Dump()
	all := 0
	var spareFar, spareNear []mirrortest.Entry
	for i := range lateLetters {
		l := p.want[inbox][p.index(inbox, lateLetters[i].id)]
		least, most := 1, 1
		if c.twin.is && i == c.index {
			most = 2
			if c.twin.side == mirror.Near {
				least = 2
			}
		}
		onFar, onNear := copiesOf(far[inbox], l), copiesOf(near[inbox], l)
		ghosts := onFar - onNear
		if ghosts < 0 || ghosts > 1 || ghosts == 1 && !haunts || onNear < least || onNear > most {
			p.errorf("letter %s: far has %d copies, near %d, want %d to %d; a ghost may be there: %v", l.id, onFar, onNear, least, most, haunts)
			v = v.plus(verdict{lost: max(0, least-onNear), doubled: max(0, onNear-most, ghosts)})
		}
		all += max(0, ghosts)
		spareFar, spareNear = append(spareFar, spare(l, onFar-1)...), append(spareNear, spare(l, onNear-1)...)
	}
	if all != p.ghosts {
		p.errorf("got %d ghosts reported, want %d", p.ghosts, all)
	}
	return v.plus(p.compare("far", far, spareFar)).plus(p.compare("near", near, spareNear))
}

func copiesOf(list []mirrortest.Entry, l letter) (n int) {
	for _, e := range list {
		if e.Digest == l.entry().Digest {
			n++
		}
	}
	return n
}

func spare(l letter, n int) (list []mirrortest.Entry) {
	for range max(n, 0) {
		list = append(list, l.entry())
	}
	return list
}

// TestLateAppends cuts the connection while a message is uploaded, on a server
// that finishes the APPEND up to twice the settle time later.
func TestLateAppends(t *testing.T) {
	for _, kind := range serverKinds[:2] {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := &dialogue{kind: kind, job: jobs[0]}
			d.learn(t)
			if t.Failed() {
				return
			}
			var sum verdict
			cases := 0
			for i, c := range d.lateCases(t) {
				if i%lateStep() == 0 {
					cases++
					sum = sum.plus(d.tryLate(t, c))
				}
			}
			t.Logf("%d cases", cases)
			proof.Note(proof.Tally{Layer: "late appends", Cases: cases, Lost: sum.lost, Doubled: sum.doubled, Changed: sum.changed})
		})
	}
}

// lateStep is the distance between the cases to try: in CI every fifth.
func lateStep() int {
	if proof.Whole() {
		return max(1, 5/proof.Times(1, 1))
	}
	return 10*proof.Stride() | 1
}
