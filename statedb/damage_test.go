package statedb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

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

// sampled says how often a test of every place looks at one: always, or less
// often where time is short.
func sampled() int {
	if testing.Short() || raceEnabled {
		return 8
	}
	return 1
}

// Octets of every page are changed in turn: its header, its cell pointers, and
// places anywhere.
func TestDamageToEveryPage(t *testing.T) {
	t.Parallel()
	dir, want := closedState(t)
	whole, err := os.ReadFile(filepath.Join(dir, pair, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	tries, refused := 0, 0
	for page := range len(whole) / pageSize {
		var offsets []int
		for at := range 20 {
			offsets = append(offsets, at)
		}
		for range 24 {
			offsets = append(offsets, random.IntN(pageSize))
		}
		if page == 0 {
			for at := 20; at < 112; at++ {
				offsets = append(offsets, at)
			}
		}
		for _, offset := range offsets {
			if random.IntN(sampled()) > 0 {
				continue
			}
			where := page*pageSize + offset
			flip := byte(1 << random.IntN(8))
			if random.IntN(2) == 0 {
				flip = byte(1 + random.IntN(255))
			}
			tries++
			t.Run(fmt.Sprintf("page %d octet %d xor %x", page, offset, flip), func(t *testing.T) {
				damaged := append([]byte{}, whole...)
				damaged[where] ^= flip
				if outcome(t, place1(t, damaged), Options{ReadOnly: tries%8 > 0}, []content{want}) {
					refused++
				}
			})
		}
	}
	if refused < tries/8 {
		t.Errorf("got %d of %d damages noticed, want more: nothing was tested", refused, tries)
	}
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

func TestDamageByZeroedPages(t *testing.T) {
	t.Parallel()
	dir, want := closedState(t)
	whole, err := os.ReadFile(filepath.Join(dir, pair, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	for page := range len(whole) / pageSize {
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			damaged := append([]byte{}, whole...)
			clear(damaged[page*pageSize : (page+1)*pageSize])
			outcome(t, place1(t, damaged), Options{}, []content{want})
		})
	}
}

func TestTruncation(t *testing.T) {
	t.Parallel()
	dir, want := closedState(t)
	whole, err := os.ReadFile(filepath.Join(dir, pair, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 0; size < len(whole); size += 512 * sampled() {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if !outcome(t, place1(t, whole[:size]), Options{ReadOnly: size%(3*512) > 0}, []content{want}) {
				t.Error("got a state, want it refused")
			}
		})
	}
}

// history commits several times and returns the content after each commit,
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
	for n, dir := range dirs {
		log, err := os.ReadFile(filepath.Join(dir, pair, "state.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		for size := 0; size < len(log); size += 512 * (1 + sampled()) {
			damaged := append([]byte{}, log...)
			damaged[size+random.IntN(min(512, len(log)-size))] ^= 0x10
			for what, content := range map[string][]byte{"cut": log[:size], "damaged": damaged} {
				t.Run(fmt.Sprint(n, what, size), func(t *testing.T) {
					crashed := t.TempDir()
					copyDir(t, filepath.Join(dir, pair), filepath.Join(crashed, pair))
					if err := os.WriteFile(filepath.Join(crashed, pair, "state.db-wal"), content, 0o600); err != nil {
						t.Fatal(err)
					}
					outcome(t, crashed, Options{ReadOnly: size/512%8 > 0}, states[:n+1])
				})
			}
		}
	}
}
