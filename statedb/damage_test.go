package statedb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

const pageSize = 4096

// closedState returns the directory of a state of a few pages of each table
// that was closed, and its content.
func closedState(t *testing.T) (dir string, want content) {
	t.Helper()
	dir = t.TempDir()
	d := open(t, dir, Options{CheckOnClose: true})
	c := everyField()
	more := batch("INBOX", 10, 40)
	c.Messages = append(c.Messages, more.Messages...)
	c.Records = append(c.Records, more.Records...)
	commit(t, d, c)
	want = mustRead(t, d)
	closeDB(t, d)
	return dir, want
}

// outcome opens what is in dir and reads it all. Damage may be refused or set
// aside; what is given nonetheless must be as it was.
func outcome(t *testing.T, dir string, opts Options, want []content) (refused bool) {
	t.Helper()
	d, err := Open(dir, pair, opts)
	if err == nil {
		defer d.Close()
		if r := d.Rebuilt(); r != nil {
			err = r.Reason
		}
	}
	var got content
	if err == nil {
		if len(want) == 1 {
			given(t, d, want[0])
		}
		got, err = read(d)
	}
	switch {
	case errors.Is(err, mirror.ErrStateBroken), errors.Is(err, mirror.ErrStateNewer):
		return true
	case err != nil:
		t.Errorf("got error %v, want ErrStateBroken", err)
		return true
	}
	for _, w := range want {
		if reflect.DeepEqual(got, w) {
			return false
		}
	}
	t.Errorf("got wrong data in silence: %+v", got)
	return false
}

// A spoiler changes what a state file holds.
type spoiler struct {
	name  string
	spoil func(whole []byte, random *rand.Rand) []byte
}

// overwritten returns whole with other octets from offset on.
func overwritten(whole []byte, offset int, octets ...byte) []byte {
	damaged := append([]byte{}, whole...)
	copy(damaged[offset:], octets)
	return damaged
}

// pageSpoilers damage a page as a whole.
func pageSpoilers(page int) (list []spoiler) {
	from := page * pageSize
	list = append(list,
		spoiler{fmt.Sprintf("page %d zeroed", page), func(whole []byte, _ *rand.Rand) []byte {
			return overwritten(whole, from, make([]byte, pageSize)...)
		}},
		spoiler{fmt.Sprintf("page %d random", page), func(whole []byte, random *rand.Rand) []byte {
			octets := make([]byte, pageSize)
			for i := range octets {
				octets[i] = byte(random.Uint32())
			}
			return overwritten(whole, from, octets...)
		}},
		spoiler{fmt.Sprintf("page %d of ones", page), func(whole []byte, _ *rand.Rand) []byte {
			return overwritten(whole, from, bytes.Repeat([]byte{0xff}, pageSize)...)
		}})
	for _, other := range []int{page / 2, page - 1} {
		if other < 0 || other == page {
			continue
		}
		list = append(list, spoiler{fmt.Sprintf("page %d swapped with %d", page, other), func(whole []byte, _ *rand.Rand) []byte {
			here, there := whole[from:from+pageSize], whole[other*pageSize:(other+1)*pageSize]
			return overwritten(overwritten(whole, from, there...), other*pageSize, here...)
		}})
	}
	return list
}

// bitSpoilers change octets of a page: its header, its cell pointers, and places
// anywhere. In the first page that is the header of the file, too.
func bitSpoilers(page int, random *rand.Rand) (list []spoiler) {
	offsets := map[bool]int{true: 112, false: 20}[page == 0]
	for n := range offsets + 24 {
		offset := n
		if n >= offsets {
			offset = random.IntN(pageSize)
		}
		flip := byte(1 << random.IntN(8))
		if random.IntN(2) == 0 {
			flip = byte(1 + random.IntN(255))
		}
		list = append(list, spoiler{fmt.Sprintf("page %d octet %d xor %x", page, offset, flip), func(whole []byte, _ *rand.Rand) []byte {
			return overwritten(whole, page*pageSize+offset, whole[page*pageSize+offset]^flip)
		}})
	}
	return list
}

func readState(t *testing.T, dir string) []byte {
	t.Helper()
	whole, err := os.ReadFile(filepath.Join(dir, pair, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// Every page is damaged in every way. What is given nonetheless is as it was.
func TestDamageToEveryPage(t *testing.T) {
	t.Parallel()
	dir, want := closedState(t)
	whole := readState(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	var list []spoiler
	for page := range len(whole) / pageSize {
		list = append(list, pageSpoilers(page)...)
		list = append(list, bitSpoilers(page, random)...)
	}
	tries, refused := 0, 0
	for n := 0; n < len(list); n += proof.Stride() {
		tries++
		t.Run(list[n].name, func(t *testing.T) {
			if outcome(t, place1(t, list[n].spoil(whole, random)), Options{ReadOnly: n%8 > 0}, []content{want}) {
				refused++
			}
		})
	}
	if refused < tries/4 {
		t.Errorf("got %d of %d damages noticed, want more: nothing was tested", refused, tries)
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: tries})
}

// place1 makes a state directory with one file in it.
func place1(t *testing.T, db []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, pair), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, pair, "state.db"), db, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A file that lacks octets at its end is refused, whatever their number, by its
// header; and opened it never reads as an empty state.
func TestTruncation(t *testing.T) {
	t.Parallel()
	dir, want := closedState(t)
	whole := readState(t, dir)
	path := filepath.Join(dir, pair, "state.db")
	if err := checkHeader(path); err != nil {
		t.Fatalf("whole: got error %v", err)
	}
	cases := 0
	for size := len(whole) - 1; size >= 0; size -= proof.Stride() {
		cases++
		if err := os.Truncate(path, int64(size)); err != nil {
			t.Fatal(err)
		}
		if err := checkHeader(path); !errors.Is(err, mirror.ErrStateBroken) {
			t.Errorf("%d octets: got error %v, want ErrStateBroken", size, err)
		}
	}
	for size := 0; size < len(whole); size += 512 * proof.Stride() {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if !outcome(t, place1(t, whole[:size]), Options{ReadOnly: size%(3*512) > 0}, []content{want}) {
				t.Error("got a state, want it refused")
			}
		})
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
}

// crashes commits several times and returns the content after each commit,
// with copies of the files as a crash there would leave them.
func crashes(t *testing.T) (dirs []string, states []content) {
	t.Helper()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	snap := func() {
		saved := t.TempDir()
		copyDir(t, filepath.Join(dir, pair), filepath.Join(saved, pair))
		dirs, states = append(dirs, saved), append(states, mustRead(t, d))
	}
	snap()
	commit(t, d, everyField())
	snap()
	commit(t, d, batch("INBOX", 10, 20))
	snap()
	if err := d.file.fold(); err != nil {
		t.Fatal(err)
	}
	commit(t, d, &mirror.Changes{Forget: []mirror.MailboxKey{{Side: mirror.Far, Name: "INBOX"}}})
	snap()
	commit(t, d, batch("INBOX", 30, 5))
	snap()
	return dirs, states
}

// What Commit returned nil for is there after a crash.
func TestCrashAfterEveryCommit(t *testing.T) {
	t.Parallel()
	dirs, states := crashes(t)
	for n, dir := range dirs {
		for _, readOnly := range []bool{true, false} {
			d := open(t, dir, Options{ReadOnly: readOnly, CheckOnClose: true})
			if r := d.Rebuilt(); r != nil {
				t.Errorf("commit %d: got a rebuild: %v", n, r.Reason)
			}
			same(t, mustRead(t, d), states[n])
			closeDB(t, d)
		}
	}
}

// A log that was not written to its end, as in the middle of a commit, or is
// damaged, gives the state after an earlier commit, whole.
func TestCrashInEveryCommit(t *testing.T) {
	t.Parallel()
	dirs, states := crashes(t)
	random := rand.New(rand.NewPCG(3, 4))
	cases := 0
	try := func(n int, what string, log []byte, readOnly bool) {
		cases++
		t.Run(fmt.Sprint(n, " ", what), func(t *testing.T) {
			outcome(t, withLog(t, dirs[n], log), Options{ReadOnly: readOnly}, states[:n+1])
		})
	}
	for n := range dirs {
		log := readLog(t, dirs[n])
		for size := 0; size < len(log); size += 1024 * min(proof.Stride(), 7) {
			try(n, fmt.Sprint("cut at ", size), log[:size], size/1024%8 > 0)
			where := size + random.IntN(min(1024, len(log)-size))
			try(n, fmt.Sprint("damaged at ", where), overwritten(log, where, log[where]^0x10), size/1024%8 > 0)
		}
	}
	// Every few octets of one frame, and every octet of the log's header.
	last := len(dirs) - 1
	log := readLog(t, dirs[last])
	for size := 0; size < 56; size += min(proof.Stride(), 7) {
		try(last, fmt.Sprint("cut in its header at ", size), log[:size], true)
	}
	for size := len(log) - 4120; size < len(log); size += 16 * proof.Stride() {
		try(last, fmt.Sprint("cut in a frame at ", size), log[:size], true)
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
}

func readLog(t *testing.T, dir string) []byte {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, pair, "state.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// withLog copies a state with another log beside it; nil is none.
func withLog(t *testing.T, from string, log []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	copyDir(t, filepath.Join(from, pair), filepath.Join(dir, pair))
	path := filepath.Join(dir, pair, "state.db-wal")
	err := os.Remove(path)
	if err == nil && log != nil {
		err = os.WriteFile(path, log, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
