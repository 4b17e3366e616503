package maildir

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// coarseDisk keeps the times of directories itself, by the pair's clock and no
// finer than grain: two changes within one tick leave one stamp.
type coarseDisk struct {
	quickDisk
	clock *clock
	grain time.Duration

	mu   sync.Mutex
	when map[uint64]time.Time // by inode
}

// touch notes a change of a directory's names.
func (c *coarseDisk) touch(d *directory) {
	if info, err := d.handle.Stat(); err == nil {
		c.touchInfo(info)
	}
}

func (c *coarseDisk) touchInfo(info fs.FileInfo) {
	_, inode := changeOf(info)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.when[inode] = c.clock.Now().Truncate(c.grain)
}

func (c *coarseDisk) stamp(info fs.FileInfo) stamp {
	_, inode := changeOf(info)
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.when[inode]
	if at.IsZero() {
		at = time.Unix(1, 0)
	}
	return stamp{at.UnixNano(), at.UnixNano(), inode}
}

func (c *coarseDisk) create(d *directory, name string) (file, error) {
	defer c.touch(d)
	return c.quickDisk.create(d, name)
}

func (c *coarseDisk) rename(from *directory, name string, to *directory, newName string) error {
	defer c.touch(from)
	defer c.touch(to)
	return c.quickDisk.rename(from, name, to, newName)
}

func (c *coarseDisk) remove(d *directory, name string) error {
	defer c.touch(d)
	return c.quickDisk.remove(d, name)
}

func (c *coarseDisk) mkdir(d *directory, name string) error {
	defer c.touch(d)
	return c.quickDisk.mkdir(d, name)
}

// touchPath is touch for what other programs change.
func (c *coarseDisk) touchPath(p *twinPair, path string) {
	p.Helper()
	d, err := openRoot(path)
	if err != nil {
		p.Fatal(err)
	}
	defer d.close()
	c.touch(d)
}

// steppedClock makes a clock step to and fro, as one does that is set by hand.
func steppedClock(p *twinPair, rng *rand.Rand) {
	steps := []time.Duration{0, time.Second, time.Minute, 3 * time.Hour, -time.Second, -time.Minute, -3 * time.Hour}
	p.clock.mu.Lock()
	defer p.clock.mu.Unlock()
	p.clock.offset += steps[rng.IntN(len(steps))]
}

// TestCoarseStamps lets a mail program change the Maildir in the very tick of a
// scan, over and over, under stamps of one and two seconds and a clock that
// steps by hours, also during runs. No change may be missed, but for one that a
// clock set back gave the stamp of an earlier one: a full run finds it.
func TestCoarseStamps(t *testing.T) {
	t.Parallel()
	u := &suite{layer: "concurrency"}
	t.Run("grains", func(t *testing.T) {
		for _, grain := range []time.Duration{time.Second, 2 * time.Second} {
			for _, steps := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, clock steps %v", grain, steps), func(t *testing.T) {
					t.Parallel()
					for seed := range uint64(proof.Times(45, 3)) {
						coarse(t, u, grain, steps, seed)
					}
				})
			}
		}
	})
	u.note()
}

func coarse(t *testing.T, u *suite, grain time.Duration, steps bool, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	p := newTwinPair(t, pairKinds()[0], t.TempDir())
	disk := &coarseDisk{clock: p.clock, grain: grain, when: map[uint64]time.Time{}}
	p.disk = disk
	p.clock.offset = 24 * time.Hour
	p.server.CreateMailbox(archive, "")
	p.deliverFar(inbox, 0, "")
	p.deliverFar(archive, 1, `\Seen`)
	p.mustRest()
	start := p.clock.passed()
	delivered := 10
	if steps {
		p.clock.during = func() { steppedClock(p, rng) }
	}
	for range 8 {
		u.cases.Add(1)
		if rng.IntN(2) == 0 {
			p.deliverNear(inbox, delivered, "S")
			disk.touchPath(p, p.mailbox(inbox, "cur"))
		} else {
			p.deliverNear(archive, delivered, "")
			disk.touchPath(p, p.mailbox(archive, "new"))
		}
		delivered++
		if result, err := p.try(p.Context()); mirror.Exit(result, err) != mirror.ExitDone {
			t.Fatalf("seed %d: got %v, %v", seed, result.Problems, err)
		}
		// Without a pause: in the tick of the scan, often.
		p.clock.Sleep(context.Background(), time.Duration(rng.IntN(700))*time.Millisecond)
		if steps && rng.IntN(2) == 0 {
			steppedClock(p, rng)
		}
	}
	slept := p.clock.passed() - start
	p.clock.during = nil
	// A clock that went back may give a change the very stamp of an earlier
	// one; only a full comparison, or the next change, shows it then.
	p.full = steps
	p.mustRest()
	total := 0
	for name, list := range p.farDump() {
		total += len(list)
		for d, n := range countDigests(list) {
			if n != 1 {
				t.Errorf("seed %d: %q holds %x %d times", seed, name.String(), d[:4], n)
			}
		}
	}
	if total != delivered-10+2 {
		t.Errorf("seed %d: far holds %d messages, want %d", seed, total, delivered-10+2)
	}
	if !steps && slept > 8*10*time.Second {
		t.Errorf("seed %d: eight runs waited %v", seed, slept)
	}
	v := &verdict{}
	v.compare("near beside far", p.nearDump(), p.farDump())
	for _, text := range v.text {
		t.Errorf("seed %d: %s", seed, text)
	}
}
