package statedb

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// disk returns an empty directory on a file system of its own of so many
// octets. Where none can be mounted the test is skipped, aloud; it fails where
// MAILTWIN_NO_SKIP is set.
func disk(t *testing.T, octets int) string {
	t.Helper()
	dir := t.TempDir()
	if err := mountTmpfs(dir, octets); err != nil {
		if os.Getenv("MAILTWIN_NO_SKIP") != "" {
			t.Fatalf("no file system of its own can be mounted: %v", err)
		}
		t.Skipf("no file system of its own can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill leaves so many pages free on a disk, and returns what to remove.
func fill(t *testing.T, dir string, pages int) (filler string) {
	t.Helper()
	filler = filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	page := make([]byte, pageSize)
	size := int64(0)
	for {
		n, err := f.Write(page)
		size += int64(n)
		if err != nil {
			break
		}
	}
	if err := errors.Join(f.Truncate(max(0, size-int64(pages*pageSize))), f.Close()); err != nil {
		t.Fatal(err)
	}
	return filler
}

// On a disk that fills up after any number of pages a commit fails as a whole:
// nothing of it shows, now or when the state is opened again, and once there is
// room it is carried out.
func TestDiskFullInEveryCommit(t *testing.T) {
	t.Parallel()
	dir := disk(t, 4<<20)
	cases, full := 0, 0
	for free := 0; free < 40; free += min(proof.Stride(), 9) {
		cases++
		states := filepath.Join(dir, "states")
		d, err := Open(states, pair, Options{CheckOnClose: true})
		if err != nil {
			t.Fatal(err)
		}
		commit(t, d, everyField())
		want := mustRead(t, d)
		more := batch("INBOX", 10, 60)
		filler := fill(t, dir, free)
		if err := d.Commit(more); err != nil {
			full++
			if !errors.Is(err, mirror.ErrFull) {
				t.Errorf("%d pages free: got error %v, want ErrFull", free, err)
			}
			same(t, mustRead(t, d), want)
			// Killed now, it opens as it was, even while the disk is full.
			killed := t.TempDir()
			copyDir(t, filepath.Join(states, pair), filepath.Join(killed, pair))
			again := open(t, killed, Options{CheckOnClose: true})
			if again.Rebuilt() != nil {
				t.Errorf("%d pages free: got a rebuild: %v", free, again.Rebuilt().Reason)
			}
			same(t, mustRead(t, again), want)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		commit(t, d, more)
		closeDB(t, d)
		if err := os.RemoveAll(states); err != nil {
			t.Fatal(err)
		}
	}
	if full == 0 || full == cases {
		t.Errorf("got %d of %d commits refused, want some: nothing was tested", full, cases)
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
}

// A disk that is full when a state is to be made leaves no part of one.
func TestDiskFullWhileMaking(t *testing.T) {
	t.Parallel()
	dir := disk(t, 1<<20)
	cases, full := 0, 0
	for free := 1; free < 70; free += min(proof.Stride(), 9) {
		cases++
		states := filepath.Join(dir, "states")
		filler := fill(t, dir, free)
		d, err := Open(states, pair, Options{})
		if err == nil {
			closeDB(t, d)
		} else {
			full++
			if exists(filepath.Join(states, pair, "state.db")) {
				t.Errorf("%d pages free: got a state after %v", free, err)
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		d, err = Open(states, pair, Options{CheckOnClose: true})
		if err != nil {
			t.Fatalf("%d pages free: got error %v once there was room", free, err)
		}
		commit(t, d, everyField())
		closeDB(t, d)
		if err := os.RemoveAll(states); err != nil {
			t.Fatal(err)
		}
	}
	if full == 0 || full == cases {
		t.Errorf("got %d of %d states not made, want some: nothing was tested", full, cases)
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
}

// A pair whose state's disk is full ends with exit 1, and when there is room
// again goes on without a loss or a double.
func TestDiskFullUnderAPair(t *testing.T) {
	t.Parallel()
	dir := disk(t, 2<<20)
	cases, failed := 0, 0
	for free := 0; free < 120; free += 8 * min(proof.Stride(), 5) {
		cases++
		w := inStep(t, twinKinds()[cases%len(twinKinds())])
		states := filepath.Join(dir, "states")
		copyDir(t, filepath.Join(w.dir, pair), filepath.Join(states, pair))
		w.dir, w.unchecked = states, true
		for n := w.next; n < w.next+40; n++ {
			w.deliver(mirror.Side(n%2), twinPlaces[n%len(twinPlaces)], n, "")
		}
		w.next += 40
		filler := fill(t, dir, free)
		if r := w.run(); r.err != nil {
			failed++
			if r.exit != mirror.ExitFailed {
				t.Errorf("%d pages free: got exit %d, error %v; want 1", free, r.exit, r.err)
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		w.unchecked = false
		w.rest()
		w.alike()
		for _, s := range mirror.Sides {
			shown, _ := w.count(s)
			for n := range w.next {
				if shown[n] != 1 {
					t.Errorf("%d pages free: %v: letter %d: got %d, want 1", free, s, n, shown[n])
				}
			}
		}
		if err := os.RemoveAll(states); err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 || failed == cases {
		t.Errorf("got %d of %d runs stopped, want some: nothing was tested", failed, cases)
	}
	proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
}

// On a disk that may not be written to nothing is done, and nothing set aside.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := disk(t, 1<<20)
	w := inStep(t, twinKinds()[0])
	copyDir(t, filepath.Join(w.dir, pair), filepath.Join(dir, pair))
	w.dir = dir
	w.deliver(mirror.Far, twinPlaces[0], w.next, "")
	if err := remount(dir, true); err != nil {
		t.Fatal(err)
	}
	before, left := w.effects(), bytesOf(t, dir)
	if r := w.run(); r.exit != mirror.ExitFailed || errors.Is(r.err, mirror.ErrStateBroken) || r.rebuilt != nil {
		t.Errorf("got exit %d, error %v; want 1 and nothing set aside", r.exit, r.err)
	}
	if after := bytesOf(t, dir); w.effects() != before || len(after) != len(left) {
		t.Errorf("got %d effects, %d files; want none, and %d", w.effects()-before, len(after), len(left))
	}
	if err := remount(dir, false); err != nil {
		t.Fatal(err)
	}
	w.rest()
	w.alike()
	proof.Note(proof.Tally{Layer: "state damage", Cases: 1})
}
