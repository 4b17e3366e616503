package maildir

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"mailtwin/internal/proof"
	"mailtwin/mirror/mirrortest"
)

// snapshot is everything at one moment of a run: what a kill or a power cut
// leaves to the next run.
type snapshot struct {
	op     string
	done   bool // op was carried out
	ledger *ledger
	server *mirrortest.Server
	clock  *clock
	state  *mirrortest.State
}

// recorded carries the run under test out and returns a snapshot before and
// after each of its calls that change the disk.
func (p *twinPair) recorded() (list []snapshot) { return p.recordedOver(scan(p, p.dir)) }

// recordedOver is recorded where not all that is there is durable. The last
// snapshot is of the run's end.
func (p *twinPair) recordedOver(l *ledger) (list []snapshot) {
	disk := &powerDisk{quickDisk: p.quick(), base: p.dir, ledger: l}
	disk.cut = func(op string, done bool) { list = append(list, p.snapshot(disk.ledger, op, done)) }
	p.disk = disk
	p.try(p.Context())
	list = append(list, p.snapshot(disk.ledger, "the end of the run", true))
	p.disk = p.quick()
	return list
}

// snapshot is taken while the disk stands still. The server and the state are
// seen at one moment too: neither changed while they were copied.
func (p *twinPair) snapshot(l *ledger, op string, done bool) snapshot {
	state := p.state.(*mirrortest.State)
	for {
		s := snapshot{op: op, done: done, ledger: l.clone(), clock: &clock{offset: p.clock.passed()}}
		commits, commands := state.Commits(), len(p.server.Effects())
		options := p.kind.far
		options.Now = s.clock.Now
		s.server, s.state = p.cloneServer(options), state.Clone()
		if state.Commits() == commits && len(p.server.Effects()) == commands {
			return s
		}
	}
}

func (c *clock) passed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// resume is the pair after a snapshot, over a file system that is left.
func (p *twinPair) resume(s snapshot, left *ledger) *twinPair {
	p.Helper()
	dir := filepath.Join(filepath.Dir(p.dir), fmt.Sprint("case", cases.Add(1)))
	if err := os.Mkdir(dir, 0o700); err != nil {
		p.Fatal(err)
	}
	left.build(p, dir)
	next := *p
	next.clock, next.state, next.dir = &clock{offset: s.clock.passed()}, s.state.Clone(), dir
	from := *p
	from.server = s.server
	next.server = from.cloneServer(next.farOptions())
	next.disk = next.quick()
	return &next
}

// cases numbers the directories of resumed pairs.
var cases atomic.Int64

// close removes what a resumed pair left on the disk.
func (p *twinPair) close() {
	if err := os.RemoveAll(p.dir); err != nil {
		p.Fatal(err)
	}
}

// suite runs every scene with every kind of pair, in parallel.
type suite struct {
	layer                         string
	cases, lost, doubled, changed atomic.Int64
}

// each calls body with every scene of every kind, and notes what was counted.
func (u *suite) each(t *testing.T, body func(t *testing.T, s scene, kind pairKind)) {
	t.Run("scenes", func(t *testing.T) {
		for _, kind := range pairKinds() {
			for _, s := range scenes() {
				if kind.apart && !s.removes {
					continue
				}
				t.Run(kind.name+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					body(t, s, kind)
				})
			}
		}
	})
	u.note()
	t.Logf("%d cases", u.cases.Load())
}

func (u *suite) note() {
	proof.Note(proof.Tally{Layer: u.layer, Cases: int(u.cases.Load()), Lost: int(u.lost.Load()), Doubled: int(u.doubled.Load()), Changed: int(u.changed.Load())})
}

// recover lets a resumed pair come to rest and judges it.
func (u *suite) recover(p *twinPair, want outcome, words string) {
	p.Helper()
	u.cases.Add(1)
	before := p.listFiles()
	if err := p.rest(); err != nil {
		u.lost.Add(1)
		p.Errorf("%s: %v\nleft were\n%s", words, err, before)
		return
	}
	v := p.judge(want)
	u.lost.Add(int64(v.lost))
	u.doubled.Add(int64(v.doubled))
	u.changed.Add(int64(v.changed))
	for _, text := range v.text {
		p.Errorf("%s: %s\nleft were\n%s\nnow are\n%s", words, text, before, p.listFiles())
	}
}

// undisturbed carries a scene out and returns what must be there in the end.
func (s scene) undisturbed(t *testing.T, kind pairKind) outcome {
	t.Helper()
	p := s.prepare(t, kind)
	p.mustRest()
	want := p.outcome()
	v := &verdict{}
	v.compare("near beside far", want.near, want.far)
	for _, text := range v.text {
		t.Error(text)
	}
	return want
}

// TestEveryDiskCallKilled stops the process dead before and after every call
// that changes the disk, in every scene, and runs again.
func TestEveryDiskCallKilled(t *testing.T) {
	t.Parallel()
	u := &suite{layer: "crash points"}
	u.each(t, func(t *testing.T, s scene, kind pairKind) {
		want := s.undisturbed(t, kind)
		p := s.prepare(t, kind)
		snapshots := p.recorded()
		for i := 0; i < len(snapshots); i += proof.Stride() {
			at := snapshots[i]
			next := p.resume(at, at.ledger.killed())
			u.recover(next, want, fmt.Sprintf("killed at %d of %d: %s, done: %v", i, len(snapshots), at.op, at.done))
			next.close()
			if t.Failed() {
				return
			}
		}
	})
}

// TestEveryDiskCallWithoutPower cuts the power at every call that changes the
// disk, in every scene, and goes on with several of the file systems that may
// be left.
func TestEveryDiskCallWithoutPower(t *testing.T) {
	t.Parallel()
	u := &suite{layer: "power loss"}
	u.each(t, func(t *testing.T, s scene, kind pairKind) {
		want := s.undisturbed(t, kind)
		p := s.prepare(t, kind)
		snapshots := p.recorded()
		for i := 0; i < len(snapshots); i += proof.Stride() {
			at := snapshots[i]
			for seed := range uint64(powerSeeds) {
				if seed >= 2 {
					seed += uint64(i) * 10
				}
				next := p.resume(at, at.ledger.afterPowerLoss(seed))
				u.recover(next, want, fmt.Sprintf("power cut at %d of %d, seed %d: %s, done: %v", i, len(snapshots), seed, at.op, at.done))
				next.close()
				if t.Failed() {
					return
				}
			}
		}
	})
}

// powerSeeds is how many file systems are tried a power cut.
const powerSeeds = 3

// listFiles lists the files and directories of a pair, to look at.
func (p *twinPair) listFiles() string {
	text := ""
	filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil {
			rel, _ := filepath.Rel(p.dir, path)
			text += "  " + rel
			if info, err := d.Info(); err == nil && !d.IsDir() {
				text += fmt.Sprintf(" (%d)", info.Size())
			}
			text += "\n"
		}
		return nil
	})
	return text
}
