package maildir

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// faultRow says what must follow from a fault: the exit codes that the run may
// end with when the fault meets an operation in its midst.
type faultRow struct {
	errs  []error
	exits []int
}

// brokenErrors are the errors, with what a run may end with. 0 stands for a
// fault that was overcome in the same run, or did not matter.
var brokenErrors = []faultRow{
	// A person must make space; where a single rename needed it, that message is
	// named and left out.
	{[]error{syscall.ENOSPC}, []int{mirror.ExitFailed, mirror.ExitPartly, mirror.ExitTemporary}},
	{[]error{syscall.EIO, syscall.EMFILE, syscall.ENFILE}, []int{mirror.ExitFailed, mirror.ExitPartly, mirror.ExitTemporary}},
	// Over quota passes; what may not be written is named and left out.
	{[]error{syscall.EDQUOT}, []int{mirror.ExitTemporary, mirror.ExitPartly, mirror.ExitFailed}},
	{[]error{syscall.EROFS, syscall.EACCES}, []int{mirror.ExitPartly, mirror.ExitTemporary, mirror.ExitFailed}},
}

var writingOps = []string{"create", "write", "set time", "fsync", "fsync directory", "rename", "mkdir", "unlink"}

// everyFault lists every call of every kind with every error, once and for ever.
// counts is how many calls of each kind there are.
func everyFault(counts map[string]int) (list []diskFault) {
	for _, op := range append(slices.Clone(writingOps), "names", "open", "read") {
		for at := 1; at <= counts[op]; at++ {
			list = append(list, faultsOf(op, at)...)
		}
	}
	return list
}

// faultsOf are those of one call.
func faultsOf(op string, at int) []diskFault {
	reading := []error{syscall.EIO, syscall.EMFILE, syscall.EACCES}
	switch op {
	case "names", "read":
		return faults(op, at, reading[:1])
	case "open":
		return append(faults(op, at, reading), diskFault{op: op, at: at, short: true}, diskFault{op: op, at: at, short: true, ever: true})
	}
	var every []error
	for _, row := range brokenErrors {
		every = append(every, row.errs...)
	}
	return faults(op, at, every)
}

func faults(op string, at int, every []error) (list []diskFault) {
	for _, err := range every {
		for _, ever := range []bool{false, true} {
			list = append(list, diskFault{op: op, at: at, err: err, ever: ever})
		}
	}
	return list
}

// dealt returns one in apart of the faults, at least one. Which ones, the name of
// the case decides as if by lot: a fixed distance would fall in step with the
// errors, or with once and for ever, and never try some of them.
func dealt(name string, list []diskFault, apart int) []diskFault {
	seed := fnv.New64a()
	seed.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed.Sum64(), 5))
	hand := slices.Clone(list)
	rng.Shuffle(len(hand), func(i, j int) { hand[i], hand[j] = hand[j], hand[i] })
	return hand[:(len(hand)+apart-1)/apart]
}

// brokenApart thins the cases out: CI tries one in six of all errors at all
// calls, -proof.times 6 tries all.
func brokenApart() int { return proof.Apart(6) }

// TestFaultsAreDealt: of each kind of call some fail with each error, once and
// for ever, at the size that CI runs.
func TestFaultsAreDealt(t *testing.T) {
	t.Parallel()
	counts := map[string]int{"names": 6, "open": 6, "read": 6}
	for _, op := range writingOps {
		counts[op] = 6
	}
	every := everyFault(counts)
	if got := dealt("all", every, 1); len(got) != len(every) {
		t.Errorf("got %d of %d faults, want all", len(got), len(every))
	}
	for _, apart := range []int{6, 20} {
		met := map[diskFault]bool{}
		for _, kind := range pairKinds() {
			for _, s := range scenes() {
				for _, f := range dealt(kind.name+"/"+s.name, every, apart) {
					f.at = 0
					met[f] = true
				}
			}
		}
		for _, f := range every {
			if f.at = 0; !met[f] {
				t.Errorf("one in %d: got no %v", apart, f)
			}
		}
	}
}

// TestEveryDiskCallBroken lets every call of every kind fail with every error,
// once and for ever, in every scene; lifts the fault, and runs again.
func TestEveryDiskCallBroken(t *testing.T) {
	t.Parallel()
	u := &suite{layer: "broken disk"}
	u.each(t, func(t *testing.T, s scene, kind pairKind) {
		want := s.undisturbed(t, kind)
		p := s.prepare(t, kind)
		begin := p.snapshot(scan(p, p.dir), "the start", true)
		counts, first := p.counted(begin)
		for _, f := range dealt(kind.name+"/"+s.name, everyFault(counts), brokenApart()) {
			p.broken(u, begin, f, first, want)
		}
	})
}

// counted runs once without a fault, counts the operations, and tells what that
// run did: some of what there is to do is left to the next one.
func (p *twinPair) counted(begin snapshot) (map[string]int, outcome) {
	q := p.resume(begin, begin.ledger)
	defer q.close()
	disk := &brokenDisk{quickDisk: q.quick(), seen: map[string]int{}}
	q.disk = disk
	q.try(q.Context())
	return disk.seen, q.outcome()
}

// broken is one case. first is what one run does without a fault, want what is
// there in the end.
func (p *twinPair) broken(u *suite, begin snapshot, f diskFault, first, want outcome) {
	p.Helper()
	q := p.resume(begin, begin.ledger)
	defer q.close()
	q.disk = &brokenDisk{quickDisk: q.quick(), fault: f, seen: map[string]int{}}
	result, err := q.try(q.Context())
	exit := mirror.Exit(result, err)
	if exit == mirror.ExitStopped || exit == mirror.ExitUsage || exit == mirror.ExitLocked {
		p.Errorf("%v: got exit %d (%v, %v), which says something else", f, exit, err, result.Plan.Stops)
	}
	// Done means done, whatever is broken: as much as without a fault.
	if exit == mirror.ExitDone && len(q.judge(want).text) > 0 {
		for _, text := range q.judge(first).text {
			p.Errorf("%v: exit 0, and %s", f, text)
		}
	}
	if exit != mirror.ExitDone && !exitFits(f, exit) {
		p.Errorf("%v: got exit %d (%v, problems %v)", f, exit, err, result.Problems)
	}
	q.disk = q.quick()
	u.recover(q, want, fmt.Sprintf("%v; exit %d (%v)", f, exit, err))
}

// exitFits holds an exit code against the table.
func exitFits(f diskFault, exit int) bool {
	if f.short {
		return exit == mirror.ExitPartly || exit == mirror.ExitTemporary
	}
	for _, row := range brokenErrors {
		if slices.Contains(row.errs, f.err) {
			return slices.Contains(row.exits, exit)
		}
	}
	return false
}
