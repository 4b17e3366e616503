package maildir

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// brokenDisk is a quickDisk whose i-th operation of a kind fails, once or from
// then on for ever.
type brokenDisk struct {
	quickDisk
	fault diskFault

	mu   sync.Mutex
	seen map[string]int // by operation
}

// diskFault is one way in which a disk can be broken. The zero value is none.
type diskFault struct {
	op    string
	at    int // counted from 1
	err   error
	ever  bool
	short bool // of an open: the file ends after half its octets
}

func (f diskFault) String() string {
	how := "once"
	if f.ever {
		how = "for ever"
	}
	if f.short {
		return fmt.Sprintf("short read %d, %s", f.at, how)
	}
	return fmt.Sprintf("%s %d: %v, %s", f.op, f.at, f.err, how)
}

// hit counts an operation and reports whether it is broken.
func (b *brokenDisk) hit(op string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[op]++
	n := b.seen[op]
	return op == b.fault.op && (n == b.fault.at || n > b.fault.at && b.fault.ever)
}

func (b *brokenDisk) check(op string, d *directory, name string) error {
	if !b.hit(op) {
		return nil
	}
	return &os.PathError{Op: op, Path: d.full + "/" + name, Err: b.fault.err}
}

func (b *brokenDisk) names(d *directory, each func([]string) error) error {
	if err := b.check("names", d, ""); err != nil {
		return err
	}
	return b.quickDisk.names(d, each)
}

func (b *brokenDisk) open(d *directory, name string) (source, fs.FileInfo, error) {
	if b.fault.short {
		f, info, err := b.quickDisk.open(d, name)
		if err == nil && b.hit("open") {
			f = &shortSource{f, info.Size() / 2}
		}
		return f, info, err
	}
	if err := b.check("open", d, name); err != nil {
		info, _ := d.root.Lstat(name)
		return nil, info, err
	}
	f, info, err := b.quickDisk.open(d, name)
	if err != nil {
		return nil, info, err
	}
	return &brokenSource{f, b, d, name}, info, nil
}

// shortSource ends too early.
type shortSource struct {
	source
	left int64
}

func (s *shortSource) Read(p []byte) (int, error) {
	n, err := s.source.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if s.left == 0 {
		return n, io.EOF
	}
	return n, err
}

type brokenSource struct {
	source
	disk *brokenDisk
	at   *directory
	name string
}

func (s *brokenSource) Read(p []byte) (int, error) {
	if err := s.disk.check("read", s.at, s.name); err != nil {
		return 0, err
	}
	return s.source.Read(p)
}

func (b *brokenDisk) create(d *directory, name string) (file, error) {
	if err := b.check("create", d, name); err != nil {
		return nil, err
	}
	f, err := b.quickDisk.create(d, name)
	if err != nil {
		return nil, err
	}
	return &brokenFile{f, b, d, name}, nil
}

func (b *brokenDisk) rename(from *directory, name string, to *directory, newName string) error {
	if err := b.check("rename", to, newName); err != nil {
		return err
	}
	return b.quickDisk.rename(from, name, to, newName)
}

func (b *brokenDisk) replace(d *directory, name, newName string) error {
	if err := b.check("rename", d, newName); err != nil {
		return err
	}
	return b.quickDisk.replace(d, name, newName)
}

func (b *brokenDisk) remove(d *directory, name string) error {
	if err := b.check("unlink", d, name); err != nil {
		return err
	}
	return b.quickDisk.remove(d, name)
}

func (b *brokenDisk) mkdir(d *directory, name string) error {
	if err := b.check("mkdir", d, name); err != nil {
		return err
	}
	return b.quickDisk.mkdir(d, name)
}

func (b *brokenDisk) setTime(d *directory, name string, t time.Time) error {
	if err := b.check("set time", d, name); err != nil {
		return err
	}
	return b.quickDisk.setTime(d, name, t)
}

func (b *brokenDisk) sync(d *directory) error { return b.check("fsync directory", d, "") }

type brokenFile struct {
	file
	disk *brokenDisk
	at   *directory
	name string
}

// WriteAt writes half of it before it fails, as a disk that fills up does.
func (f *brokenFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.disk.check("write", f.at, f.name); err != nil {
		n, _ := f.file.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.file.WriteAt(p, off)
}

func (f *brokenFile) Sync() error { return f.disk.check("fsync", f.at, f.name) }

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

// faults are those of one operation kind at one place.
func faults(op string, at int, every []error) (list []diskFault) {
	for _, err := range every {
		for _, ever := range []bool{false, true} {
			list = append(list, diskFault{op: op, at: at, err: err, ever: ever})
		}
	}
	return list
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
		counts := p.counted(begin)
		n := 0
		for _, op := range append(slices.Clone(writingOps), "names", "open", "read") {
			for at := 1; at <= counts[op]; at++ {
				for _, f := range faultsOf(op, at) {
					if n++; n%brokenStride() != 0 || undecided(s, kind, f) {
						continue
					}
					p.broken(u, begin, f, want)
				}
			}
		}
	})
}

// undecided are the faults that last for ever, on a pair with a server without
// UIDPLUS, while everything happens at once: a message that near moved, and whose
// flags changed on both sides, gets its copy in the far Archive and stays in the
// far INBOX as well. That is for the planner to mend, not for the Maildir.
func undecided(s scene, kind pairKind, f diskFault) bool {
	return kind.far.NoUIDPlus && s.name == "all" && f.ever
}

// brokenStride thins the cases out: of all errors at all places CI tries every
// sixth.
func brokenStride() int { return 6 * proof.Stride() }

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

// counted runs without a fault and counts the operations.
func (p *twinPair) counted(begin snapshot) map[string]int {
	q := p.resume(begin, begin.ledger)
	defer q.close()
	disk := &brokenDisk{quickDisk: q.quick(), seen: map[string]int{}}
	q.disk = disk
	q.try(q.Context())
	return disk.seen
}

// broken is one case.
func (p *twinPair) broken(u *suite, begin snapshot, f diskFault, want outcome) {
	p.Helper()
	q := p.resume(begin, begin.ledger)
	defer q.close()
	q.disk = &brokenDisk{quickDisk: q.quick(), fault: f, seen: map[string]int{}}
	result, err := q.try(q.Context())
	exit := mirror.Exit(result, err)
	if exit == mirror.ExitStopped || exit == mirror.ExitUsage || exit == mirror.ExitLocked {
		p.Errorf("%v: got exit %d (%v, %v), which says something else", f, exit, err, result.Plan.Stops)
	}
	// Done means done, whatever is broken.
	if exit == mirror.ExitDone && f.ever {
		for _, text := range q.judge(want).text {
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
