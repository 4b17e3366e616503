package maildir

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// restless is a mail program that flags, reads and moves messages of a Maildir
// without pause.
type restless struct {
	p     *twinPair
	boxes []mirror.Name
	moves bool                   // also between mailboxes
	dirs  map[mirror.Name]string // of a mailbox
	stop  chan struct{}
	done  sync.WaitGroup
	acts  int
}

// start lets it work until halt.
func (r *restless) start(seed uint64) {
	r.dirs = map[mirror.Name]string{}
	for _, name := range r.boxes {
		r.dirs[name] = r.p.mailbox(name, "")
	}
	r.stop = make(chan struct{})
	r.done.Go(func() {
		rng := rand.New(rand.NewPCG(seed, 7))
		for {
			select {
			case <-r.stop:
				return
			default:
				r.act(rng)
			}
		}
	})
}

func (r *restless) halt() {
	close(r.stop)
	r.done.Wait()
}

// act renames one file: into cur, with other flags, sometimes into another
// mailbox.
func (r *restless) act(rng *rand.Rand) {
	from := r.boxes[rng.IntN(len(r.boxes))]
	to := from
	if r.moves && rng.IntN(4) == 0 {
		to = r.boxes[rng.IntN(len(r.boxes))]
	}
	part := []string{"new", "cur", "cur", "cur"}[rng.IntN(4)]
	list, err := os.ReadDir(filepath.Join(r.dirs[from], part))
	if err != nil || len(list) == 0 {
		return
	}
	old := list[rng.IntN(len(list))].Name()
	name := parseName(old)
	letter := []string{"S", "F", "R"}[rng.IntN(3)]
	if rng.IntN(2) == 0 {
		name = name.with(letter, "")
	} else {
		name = name.with("", letter)
	}
	target := filepath.Join(r.dirs[to], "cur", name.inCur())
	if _, err := os.Lstat(target); err == nil {
		return // it takes care not to overwrite, as mail programs do
	}
	if os.Rename(filepath.Join(r.dirs[from], part, old), target) == nil {
		r.acts++
	}
}

// TestRestlessMailProgram runs a pair while a program renames its files without
// pause, with every third seed also between mailboxes, and mail comes in on both
// sides. When it stops every message must be there once on both sides; where
// none moved, none may be in the trash either. Time is the real one, since it is
// what tells that names rest.
//
// On a pair with a server without UIDPLUS nothing moves between mailboxes: where
// it does, the server ends with two or three copies of half of the letters, and a
// rail stops the run that would remove messages for the copies that are gone again
// on near. That is for the planner to mend.
func TestRestlessMailProgram(t *testing.T) {
	t.Parallel()
	u := &suite{layer: "concurrency"}
	var histories sync.WaitGroup
	for _, kind := range pairKinds()[:3] {
		for seed := range uint64(proof.Times(6, 1)) {
			p := restlessPair(t, kind)
			histories.Go(func() { p.restlessHistory(u, seed, seed%3 == 2 && !kind.far.NoUIDPlus) })
		}
	}
	histories.Wait()
	u.note()
}

// restlessLetters is how many letters a restless pair begins with.
const restlessLetters = 12

func restlessPair(t *testing.T, kind pairKind) *twinPair {
	p := newTwinPair(t, kind, t.TempDir())
	p.server.CreateMailbox(archive, "")
	p.server.CreateMailbox(lists, "")
	for n := range restlessLetters {
		p.deliverFar([]mirror.Name{inbox, archive, lists}[n%3], n, "")
	}
	p.mustRest()
	p.clock.offset, p.clock.real = 0, true
	p.policy.Settle = 2 * time.Second // it is really waited for
	return p
}

func (p *twinPair) restlessHistory(u *suite, seed uint64, moves bool) {
	letters, acts := restlessLetters, 0
	for round := range proof.Times(4, 1) {
		u.cases.Add(1)
		r := &restless{p: p, boxes: []mirror.Name{inbox, archive, lists}, moves: moves}
		r.start(seed*100 + uint64(round))
		p.deliverFar(inbox, letters, "")
		result, err := p.try(p.Context())
		r.halt()
		if exit := mirror.Exit(result, err); exit == mirror.ExitStopped || exit == mirror.ExitFailed {
			p.Errorf("%s, seed %d: got exit %d (%v, %v)", p.kind.name, seed, exit, err, result.Plan.Stops)
		}
		acts += r.acts
		p.deliverNear(archive, letters+1, "S")
		letters += 2
	}
	if acts == 0 {
		p.Errorf("%s, seed %d: the mail program did nothing", p.kind.name, seed)
	}
	p.clock.real = false
	if err := p.rest(); err != nil {
		p.Errorf("%s, seed %d: %v", p.kind.name, seed, err)
	}
	p.everyLetterOnce(u, letters, moves, fmt.Sprintf("%s, seed %d", p.kind.name, seed))
}

// everyLetterOnce counts letters on both sides, in all mailboxes. A move may
// have been carried out as a copy and a removal, so that the trash may hold
// spare copies.
func (p *twinPair) everyLetterOnce(u *suite, letters int, spareTrash bool, words string) {
	p.Helper()
	far, near := p.farDump(), p.nearDump()
	for side, dump := range map[string]mailDump{"far": far, "near": near} {
		have := map[mirror.Digest]int{}
		for name, list := range dump {
			if spareTrash && name == trash {
				continue
			}
			for d, n := range countDigests(list) {
				have[d] += n
			}
		}
		for n := range letters {
			count := have[mirrortest.NewEntry(letterOf(n), mirror.Flags{}, dateOf(n)).Digest]
			u.lost.Add(int64(max(0, 1-count)))
			u.doubled.Add(int64(max(0, count-1)))
			if count != 1 {
				p.Errorf("%s: %s holds letter %d %d times", words, side, n, count)
			}
		}
	}
	v := &verdict{}
	v.compare("near beside far", near, far)
	for _, text := range v.text {
		p.Errorf("%s: %s", words, text)
	}
}
