package statedb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// The tests in this file damage the state of a pair and run the pair. What must
// follow is one of three: the run goes on as if nothing were (resume); it sets
// the state aside, pairs both sides by content and ends with exit 0 (rebuild);
// or it touches nothing and ends with exit 1 (refuse).

// A twinDamage damages a pair's closed state, which was whole.
type twinDamage struct {
	name  string
	spoil func(t *testing.T, w *twin, whole []byte)
	// want is "resume", "rebuild", "refuse", or "either" of the first two.
	want string
}

func fileDamages() []twinDamage {
	octets := func(change func(whole []byte) []byte) func(*testing.T, *twin, []byte) {
		return func(t *testing.T, w *twin, whole []byte) { w.put(change(whole)) }
	}
	beside := func(suffix string, octets []byte) func(*testing.T, *twin, []byte) {
		return func(t *testing.T, w *twin, whole []byte) {
			if err := os.WriteFile(w.state()+suffix, octets, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []twinDamage{
		{"nothing", func(*testing.T, *twin, []byte) {}, "resume"},
		{"gone", func(t *testing.T, w *twin, _ []byte) {
			if err := os.Remove(w.state()); err != nil {
				t.Fatal(err)
			}
		}, "resume"}, // there is nothing to set aside; it is paired anew all the same
		{"empty", octets(func([]byte) []byte { return nil }), "rebuild"},
		{"half", octets(func(whole []byte) []byte { return whole[:len(whole)/2] }), "rebuild"},
		{"one octet short", octets(func(whole []byte) []byte { return whole[:len(whole)-1] }), "rebuild"},
		{"longer", octets(func(whole []byte) []byte { return append(whole[:len(whole):len(whole)], "more"...) }), "resume"},
		{"garbage", octets(func(whole []byte) []byte { return bytes.Repeat([]byte{0x5a}, len(whole)) }), "rebuild"},
		{"another program's", octets(func(whole []byte) []byte { return overwritten(whole, 68, []byte("xxxx")...) }), "rebuild"},
		{"a newer schema", octets(func(whole []byte) []byte { return overwritten(whole, 60, 0, 0, 0, 9) }), "refuse"},
		{"another pair's", func(t *testing.T, w *twin, _ []byte) {
			d, err := Open(t.TempDir(), "other", Options{})
			if err != nil {
				t.Fatal(err)
			}
			commit(t, d, everyField())
			closeDB(t, d)
			if err := copyFile(d.place.db(), w.state()); err != nil {
				t.Fatal(err)
			}
		}, "rebuild"},
		{"a directory", func(t *testing.T, w *twin, _ []byte) {
			if err := os.Remove(w.state()); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(w.state(), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "rebuild"},
		{"garbage for a log", beside("-wal", bytes.Repeat([]byte("no log "), 9000)), "resume"},
		{"zeros for a log", beside("-wal", make([]byte, 9000)), "resume"},
		{"garbage for an index", beside("-shm", bytes.Repeat([]byte{0xa5, 7}, 16<<10)), "resume"},
		{"another pair's log", func(t *testing.T, w *twin, _ []byte) {
			beside("-wal", otherLogs(t)["another pair's"])(t, w, nil)
		}, "rebuild"},
		{"another program's log", func(t *testing.T, w *twin, _ []byte) {
			beside("-wal", otherLogs(t)["another program's"])(t, w, nil)
		}, "rebuild"},
	}
}

// pageDamages are those to every page of a state.
func pageDamages(pages int) (list []twinDamage) {
	random := rand.New(rand.NewPCG(5, 6))
	for page := range pages {
		spoilers := pageSpoilers(page)
		bits := bitSpoilers(page, random)
		random.Shuffle(len(bits), func(i, j int) { bits[i], bits[j] = bits[j], bits[i] })
		for _, s := range append(spoilers, bits[:3]...) {
			list = append(list, twinDamage{s.name, func(_ *testing.T, w *twin, whole []byte) { w.put(s.spoil(whole, random)) }, "either"})
		}
	}
	return list
}

// inStep is a pair at rest with some mail on both sides.
func inStep(t *testing.T, kind twinKind) *twin {
	w := newTwin(t, kind)
	for ; w.next < 14; w.next++ {
		w.deliver(mirror.Side(w.next%2), twinPlaces[w.next%len(twinPlaces)], w.next, []string{``, `\Seen`, `\Flagged work`}[w.next%3])
	}
	w.rest()
	w.alike()
	return w
}

// With both sides in step a damaged state costs no body and changes no mail, and
// whatever of the damage no run has seen, the pair goes on to work.
func TestDamagedStateOfAPair(t *testing.T) {
	t.Parallel()
	for i, kind := range twinKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			w := inStep(t, kind)
			var damages []twinDamage
			for n, damage := range fileDamages() {
				if i == 0 && proof.Whole() || (n+i)%min(proof.Stride()+1, 6) == 0 {
					damages = append(damages, damage)
				}
			}
			pages := pageDamages(len(w.read()) / pageSize)
			// Pages are much the same under all kinds of pairs.
			for n := i; n < len(pages); n += min(proof.Stride(), 41) * min(1+i*8, 9) {
				damages = append(damages, pages[n])
			}
			for _, damage := range damages {
				t.Run(damage.name, func(t *testing.T) { w.damaged(t, damage) })
			}
			cases := len(damages)
			proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
		})
	}
}

// damaged runs the pair under one damage. The first run finds nothing to do and
// may not notice; the second looks into every mailbox; then there is work.
func (w *twin) damaged(t *testing.T, damage twinDamage) {
	w.t = t
	whole, before := w.read(), fmt.Sprint(w.dumps())
	damage.spoil(t, w, whole)
	left := bytesOf(t, w.state())
	for _, server := range w.servers {
		server.ClearLog()
	}
	w.unchecked = true
	outcomes := []string{w.outcome(w.run())}
	if outcomes[0] == "refuse" {
		if after := bytesOf(t, w.state()); fmt.Sprint(after) != fmt.Sprint(left) || w.servers[mirror.Far].Count(mirrortest.OpConnect) > 0 {
			t.Error("got the state or a side touched, want nothing done")
		}
		w.put(whole) // the newer mailtwin is back
	}
	w.full = true
	outcomes = append(outcomes, w.outcome(w.run()))
	w.full = false
	got := outcomes[0]
	if damage.want == "either" && slices.Contains(outcomes, "rebuild") {
		got = "rebuild"
	}
	if got != damage.want && !(damage.want == "either" && got != "refuse") || outcomes[1] == "refuse" {
		t.Errorf("got %q, want %s", outcomes, damage.want)
	}
	if after := fmt.Sprint(w.dumps()); after != before || w.effects() > 0 {
		t.Errorf("got %d effects and\n%s\nwant none and\n%s", w.effects(), after, before)
	}
	w.works()
}

// works fails the test unless the pair does what pairs do, and leaves it at
// rest with a sound state. Work may come upon damage that only writing sees: the
// run that does pairs anew, and what was removed may be there again.
func (w *twin) works() {
	w.t.Helper()
	gone := w.letters(mirror.Far)[0]
	if w.expunges() {
		w.servers[mirror.Far].Remove(gone.mailbox, gone.ID)
	}
	next := w.next
	w.next += 2 * len(twinPlaces)
	for n := next; n < w.next; n++ {
		w.deliver(mirror.Side(n%2), twinPlaces[n/2%len(twinPlaces)], n, "")
	}
	rebuilt := false
	for changed := true; changed; {
		r := w.run()
		if r.exit != mirror.ExitDone || r.err != nil {
			w.t.Fatalf("got exit %d, error %v, problems %v; want 0", r.exit, r.err, r.Problems)
		}
		rebuilt, changed = rebuilt || r.rebuilt != nil, r.Changed || r.Open > 0
	}
	w.unchecked = false
	if !w.sound() { // what is left is read by nobody; the next case needs a sound one
		if err := os.Remove(w.state()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.rest()
	w.alike()
	for _, s := range mirror.Sides {
		shown, _ := w.count(s)
		if n := shown[gone.number]; n != 0 && !rebuilt && w.expunges() {
			w.t.Errorf("%v: got %d of the removed letter, want 0", s, n)
		}
		for n := next; n < w.next; n++ {
			if shown[n] != 1 {
				w.t.Errorf("%v: letter %d: got %d, want 1", s, n, shown[n])
			}
		}
	}
}

// outcome names what a run made of a damaged state. A rebuild must keep what it
// set aside, and neither it nor a run that noticed nothing may read a body.
func (w *twin) outcome(r twinRun) string {
	w.t.Helper()
	if errors.Is(r.err, mirror.ErrStateNewer) && r.exit == mirror.ExitFailed {
		return "refuse"
	}
	if r.exit != mirror.ExitDone || r.err != nil {
		w.t.Errorf("got exit %d, error %v, problems %v; want 0", r.exit, r.err, r.Problems)
	}
	if r.Summary.Fetched > 0 || w.bodies() > 0 {
		w.t.Errorf("got %d bodies read to compare and %d sent, want none: headers decide", r.Summary.Fetched, w.bodies())
	}
	if r.rebuilt == nil {
		return "resume"
	}
	if aside := bytesOf(w.t, r.rebuilt.Aside); len(aside) == 0 {
		w.t.Errorf("got nothing at %q, want what was set aside", r.rebuilt.Aside)
	}
	if err := os.RemoveAll(r.rebuilt.Aside); err != nil {
		w.t.Error(err)
	}
	return "rebuild"
}

func (w *twin) dumps() [2]map[mirror.Name][]mirrortest.Entry {
	return [2]map[mirror.Name][]mirrortest.Entry{w.servers[mirror.Far].Dump(), w.servers[mirror.Near].Dump()}
}

// bodies counts the messages that were sent or fetched since the log was
// cleared.
func (w *twin) bodies() (n int) {
	for _, server := range w.servers {
		n += server.Count(mirrortest.OpAppend) + server.Count(mirrortest.OpFetch)
	}
	return n
}

// expunges reports whether no removal leaves a tomb behind, which would be lost
// with a state.
func (w *twin) expunges() bool { return !w.kind.far.NoUIDPlus && !w.kind.near.NoUIDPlus }

// sound reports whether the state on disk keeps every invariant.
func (w *twin) sound() bool {
	d, err := Open(w.dir, pair, Options{ReadOnly: true})
	if err != nil {
		return false
	}
	defer d.Close()
	return d.Check() == nil
}

// With work to be done, a rebuild does what can be known without the state: new
// mail travels, flags are united, what was removed on one side is there again.
func TestDamagedStateWithWorkToDo(t *testing.T) {
	t.Parallel()
	for i, kind := range twinKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			cases := 0
			for n, damage := range fileDamages() {
				if (n+i)%min(proof.Stride()+1, 6) != 1 {
					continue
				}
				cases++
				t.Run(damage.name, func(t *testing.T) { busyTwin(t, kind, damage) })
			}
			proof.Note(proof.Tally{Layer: "state damage", Cases: cases})
		})
	}
}

func busyTwin(t *testing.T, kind twinKind, damage twinDamage) {
	w := inStep(t, kind)
	whole := w.read()
	far := w.servers[mirror.Far]
	letters := w.letters(mirror.Far)
	removed, flagged, moved := letters[0], letters[1], letters[len(letters)-1]
	far.Remove(removed.mailbox, removed.ID)
	far.SetFlags(flagged.mailbox, flagged.ID, mirror.ParseFlags(`\Answered`))
	far.Move(moved.mailbox, moved.ID, twinPlaces[0])
	w.deliver(mirror.Far, twinPlaces[1], 50, "")
	w.deliver(mirror.Near, twinPlaces[1], 51, "")
	// The same letter reached both sides by other ways.
	w.deliver(mirror.Far, twinPlaces[2], 52, `\Seen`)
	w.deliver(mirror.Near, twinPlaces[2], 52, "")
	damage.spoil(t, w, whole)
	first := w.run()
	if damage.want == "refuse" {
		if first.exit != mirror.ExitFailed {
			t.Fatalf("got exit %d, error %v; want 1", first.exit, first.err)
		}
		w.put(whole) // the newer mailtwin is back
	} else if first.exit != mirror.ExitDone {
		t.Fatalf("got exit %d, error %v, problems %v; want 0", first.exit, first.err, first.Problems)
	}
	knew := damage.name != "gone" && first.rebuilt == nil
	w.rest()
	w.alike()
	for _, s := range mirror.Sides {
		shown, _ := w.count(s)
		for n := range 14 {
			least, most := 1, 1
			switch {
			case n == removed.number && knew:
				least, most = 0, 0
			case n == moved.number && !knew:
				most = 2 // it cannot be told from a copy
			}
			if shown[n] < least || shown[n] > most {
				t.Errorf("%v: letter %d: got %d, want %d to %d", s, n, shown[n], least, most)
			}
		}
		for n := 50; n <= 52; n++ {
			if shown[n] != 1 {
				t.Errorf("%v: letter %d: got %d, want 1", s, n, shown[n])
			}
		}
	}
}
