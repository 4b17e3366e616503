package statedb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// A twin is a pair of in-memory sides under a state on disk, run as the command
// line runs it.
type twin struct {
	t       *testing.T
	kind    twinKind
	dir     string
	servers [2]*mirrortest.Server
	now     time.Time
	next    int // the number of the next letter
	told    []string
	// full makes runs look into every mailbox.
	full bool
	// unchecked leaves out the check of the invariants, which reads what a run
	// need not read.
	unchecked bool
}

// twinKind is a kind of pair.
type twinKind struct {
	name      string
	far, near mirrortest.Options
}

func twinKinds() []twinKind {
	maildir := mirrortest.Options{Maildir: true}
	bare := mirrortest.Options{NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true}
	return []twinKind{
		{"IMAP and Maildir", mirrortest.Options{Gap: 2}, maildir},
		{"bare IMAP and Maildir", bare, maildir},
		{"IMAP and IMAP", mirrortest.Options{ObjectIDs: true}, mirrortest.Options{Gap: 5, NoMove: true}},
		{"bare IMAP and bare IMAP", bare, bare},
		{"Maildir and stale IMAP", maildir, mirrortest.Options{Stale: true}},
		{"Maildir and Maildir", maildir, maildir},
	}
}

var twinPlaces = []mirror.Name{nametrans.Inbox, nametrans.MustName("Archive"), nametrans.MustName("Lists", "go")}

var trash = nametrans.MustName("Trash")

func newTwin(t *testing.T, kind twinKind) *twin {
	w := &twin{t: t, kind: kind, dir: t.TempDir(), now: at(0)}
	clock := func() time.Time { return w.now }
	kind.far.Now, kind.near.Now = clock, clock
	for s, options := range [2]mirrortest.Options{kind.far, kind.near} {
		w.servers[s] = mirrortest.NewServer(options)
		for _, place := range twinPlaces {
			w.servers[s].CreateMailbox(place, "")
		}
		if !options.Maildir {
			w.servers[s].CreateMailbox(trash, imap.MailboxAttrTrash)
		}
	}
	return w
}

func (w *twin) options(s mirror.Side) mirrortest.Options {
	return [2]mirrortest.Options{w.kind.far, w.kind.near}[s]
}

// twinRun is what came of a run.
type twinRun struct {
	mirror.Result
	err     error
	exit    int
	rebuilt *Rebuilt
}

// run opens the state and runs once; a state that proves broken on the way is
// set aside and both sides are paired anew.
func (w *twin) run() (r twinRun) {
	d, err := Open(w.dir, pair, Options{Now: func() time.Time { return w.now }, CheckOnClose: !w.unchecked})
	if err != nil {
		return twinRun{err: err, exit: mirror.Exit(mirror.Result{}, err)}
	}
	r.Result, r.err = w.once(d)
	if errors.Is(r.err, mirror.ErrStateBroken) {
		if r.err = d.SetAside(r.err); r.err == nil {
			r.Result, r.err = w.once(d)
		}
	}
	r.exit, r.rebuilt = mirror.Exit(r.Result, r.err), d.Rebuilt()
	if err := d.Close(); r.err == nil {
		r.err = err
	}
	return r
}

func (w *twin) once(d *DB) (mirror.Result, error) {
	w.now = w.now.Add(time.Minute)
	r := &mirror.Runner{
		Names: [2]string{"server", "laptop"}, State: d, Policy: mirror.NewPolicy(mirror.TwoWay, 0), Full: w.full, Now: func() time.Time { return w.now },
		Sleep: func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil },
	}
	for s, server := range w.servers {
		r.Repositories[s] = server.Repository()
	}
	return r.Run(context.Background())
}

// rest runs until nothing changes, and returns the first run.
func (w *twin) rest() (first twinRun) {
	w.t.Helper()
	for n := range 8 {
		r := w.run()
		if n == 0 {
			first = r
		} else if r.rebuilt != nil {
			w.t.Fatalf("run %d after a loss: got another rebuild: %v", n, r.rebuilt.Reason)
		}
		if r.err != nil || r.exit != mirror.ExitDone && r.exit != mirror.ExitPartly && r.exit != mirror.ExitTemporary {
			w.t.Fatalf("run %d: got exit %d, error %v, stops %v\n%s", n, r.exit, r.err, r.Plan.Stops, strings.Join(w.told, "\n"))
		}
		if n > 0 && !r.Changed && r.Open == 0 {
			return first
		}
	}
	w.t.Fatal("still changing in the eighth run")
	return first
}

// twinLetter is a message whose header decides. Its number is in it.
func twinLetter(n int) []byte {
	return fmt.Appendf(nil, "Received: from mx.example.org\r\nMessage-ID: <%d@example.org>\r\nDate: Thu, 4 Mar 2021 05:06:%02d +0000\r\n"+
		"From: ann@example.org\r\nSubject: letter %d\r\n\r\nhello %d\r\n%s\r\n", n, n%60, n, n, strings.Repeat("x", n%7))
}

func (w *twin) deliver(s mirror.Side, name mirror.Name, n int, flags string) {
	body := twinLetter(n)
	if w.options(s).Maildir {
		body = []byte(strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	w.servers[s].Deliver(name, body, mirror.ParseFlags(flags), at(int64(n)))
}

// numberOf reads a letter's number back.
func numberOf(body []byte) (n int) {
	_, rest, _ := strings.Cut(string(body), "Message-ID: <")
	fmt.Sscanf(rest, "%d@", &n)
	return n
}

// heldLetter is one copy of a letter on a side.
type heldLetter struct {
	number  int
	mailbox mirror.Name
	mirrortest.Held
	// tomb: we removed it, and for want of UIDPLUS it is still there.
	tomb bool
}

// letters lists what a side holds outside its trash, tombs of the state marked.
func (w *twin) letters(s mirror.Side) (list []heldLetter) {
	tombs := w.tombs(s)
	for _, name := range slices.Sorted(maps.Keys(w.servers[s].Dump())) {
		if name == trash {
			continue
		}
		for _, m := range w.servers[s].Messages(name) {
			tomb := tombs[mirror.MessageKey{Side: s, Mailbox: name, UID: m.ID}]
			list = append(list, heldLetter{numberOf(m.Body), name, m, tomb})
		}
	}
	return list
}

// tombs reads those of the state. Where there is none, or it is broken, there
// are none.
func (w *twin) tombs(s mirror.Side) map[mirror.MessageKey]bool {
	set := map[mirror.MessageKey]bool{}
	if w.options(s).Maildir {
		return set
	}
	d, err := Open(w.dir, pair, Options{ReadOnly: true})
	if err != nil {
		return set
	}
	defer d.Close()
	snapshot, err := d.Load()
	if err != nil {
		return set
	}
	for _, t := range snapshot.Tombs {
		set[mirror.MessageKey{Side: t.Side, Mailbox: t.Mailbox, UID: t.UID}] = true
	}
	return set
}

// count counts the letters of a side by number, tombs apart, and with them what
// is marked \Deleted for want of UIDPLUS where a state that was lost knew why.
func (w *twin) count(s mirror.Side) (shown, tombs map[int]int) {
	shown, tombs = map[int]int{}, map[int]int{}
	for _, l := range w.letters(s) {
		if l.tomb || w.options(s).NoUIDPlus && l.Flags.Has(imap.FlagDeleted) {
			tombs[l.number]++
		} else {
			shown[l.number]++
		}
	}
	return shown, tombs
}

// alike fails the test unless both sides show the same letters in the same
// mailboxes with the same flags.
func (w *twin) alike() {
	w.t.Helper()
	if diff := w.difference(); diff != "" {
		w.t.Fatal(diff)
	}
}

func (w *twin) difference() string {
	var shown [2][]string
	for _, s := range mirror.Sides {
		for _, l := range w.letters(s) {
			if !l.tomb {
				shown[s] = append(shown[s], fmt.Sprintf("%q %d %s", l.mailbox.String(), l.number, l.Flags.Minus(mirror.MakeFlags(imap.FlagDeleted))))
			}
		}
		slices.Sort(shown[s])
	}
	if slices.Equal(shown[mirror.Far], shown[mirror.Near]) {
		return ""
	}
	return fmt.Sprintf("sides differ:\n far %q\nnear %q", shown[mirror.Far], shown[mirror.Near])
}

// effects counts what runs changed on both sides since their logs were cleared.
func (w *twin) effects() (n int) {
	for _, server := range w.servers {
		n += len(server.Effects())
	}
	return n
}

// state is the path of the state file.
func (w *twin) state() string { return filepath.Join(w.dir, pair, "state.db") }

// put makes these octets the closed state of the pair.
func (w *twin) put(octets []byte) {
	w.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(w.state() + suffix); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.WriteFile(w.state(), octets, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *twin) read() []byte { return readState(w.t, w.dir) }
