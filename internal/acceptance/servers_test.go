package acceptance

import (
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// migrated are the mailboxes of the old server: a deep tree, special uses, and
// names that modified UTF-7 changes.
var migrated = []string{
	"INBOX", "Gesendet", "Drafts", "Spamverdacht", "Архив", "Архив/2024", "Ablage/2020/Q1/März/Woche 9/Montag", "Entwürfe & Ideen",
	"旅行/京都", "R&D", "50% off", "Receipts (paid)", "Lists/go-nuts", "Leer",
}

// subscribed are those of them that the user subscribed to.
var subscribed = []string{"Gesendet", "Архив/2024", "旅行/京都", "R&D", "Ablage/2020/Q1/März/Woche 9/Montag"}

// TestServers mirrors one account to another server with another delimiter and a
// prefix, lets other clients change both, and compares after each run what both
// hold with what they must.
func TestServers(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *seed)
	r := rand.New(rand.NewSource(*seed))
	w := newTwins(t)
	w.fillFar(r, 2000)
	w.fillNear(12)
	first := w.want(0, "sync")
	t.Logf("first run: %v\n%s%s", first.took, first.stdout, first.stderr)
	w.alike("first run")
	w.settle() // a copy that is removed before a run saw it there is held, for the server may never have kept it
	for round := range 2 {
		w.change(r, round)
		o := w.want(0, "sync")
		t.Logf("run %d after changes: %v\n%s%s", round+1, o.took, o.stdout, o.stderr)
		w.alike(fmt.Sprintf("run %d after changes", round+1))
		w.late = nil
		w.want(0, "sync")
		w.alike(fmt.Sprintf("the run behind run %d", round+1))
		w.settle()
	}
	w.checkQuiet()
}

// fillFar makes the mailboxes of the old server and puts n letters there.
func (w *twins) fillFar(r *rand.Rand, n int) {
	w.t.Helper()
	a := w.ends[far]
	c := a.dial()
	defer c.Close()
	for _, name := range migrated[1:] {
		w.must(c.Create(a.wire(name), nil).Wait())
	}
	for _, name := range subscribed {
		w.must(c.Subscribe(a.wire(name)).Wait())
	}
	var waits []func()
	for range n {
		name := migrated[r.Intn(len(migrated)-1)] // the last one stays empty
		waits = append(waits, w.deliver(c, a, name, corpusFlags[r.Intn(len(corpusFlags))]...))
	}
	for _, wait := range waits {
		wait()
	}
}

// fillNear puts n letters into a mailbox that far does not have, and as many that
// far holds, too.
func (w *twins) fillNear(n int) {
	w.t.Helper()
	a := w.ends[near]
	c := a.dial()
	defer c.Close()
	own := "Nur hier/Ящик"
	w.must(c.Create(a.wire(own), nil).Wait())
	w.must(c.Subscribe(a.wire(own)).Wait())
	for range n {
		w.deliver(c, a, own, imap.FlagSeen)()
	}
	for i := 0; n > 0; i++ {
		if w.due[i].mailbox == "INBOX" {
			w.upload(c, "INBOX", i, nil)()
			n--
		}
	}
}

// checkQuiet has a run find nothing to do: it writes nothing on either side.
func (w *twins) checkQuiet() {
	w.t.Helper()
	before := w.alike("before the quiet run")
	trace := filepath.Join(w.dir, "quiet")
	o := w.want(0, "sync", "--verbose", "--trace", trace)
	if o.stdout != "mail: nothing to do\n" || o.stderr != "" {
		w.t.Errorf("got %q and %q, want nothing to do", o.stdout, o.stderr)
	}
	for i, now := range w.alike("after the quiet run") {
		if !maps.Equal(before[i].stamp, now.stamp) {
			w.t.Errorf("a quiet run changed %s: %v against %v", sideNames[i], before[i].stamp, now.stamp)
		}
	}
	text, err := os.ReadFile(trace)
	w.must(err)
	if found := writing.FindAllString(string(text), -1); len(found) > 0 || strings.Count(string(text), "C: ") < 4 {
		w.t.Errorf("a quiet run asked: %q", found)
	}
}

// A spot is where a letter lies on one side.
type spot struct {
	mailbox string
	uid     imap.UID
}

// hand is another client that changes one side.
type hand struct {
	*account
	c     *imapclient.Client
	spots map[int]spot // of letters, by their numbers
	at    string       // the mailbox that is selected
}

// hand signs in and finds all letters.
func (a *account) hand() *hand {
	a.t.Helper()
	h := &hand{account: a, c: a.dial(), spots: map[int]spot{}}
	list, err := h.c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	a.must(err)
	for _, box := range list {
		if box.Status == nil || *box.Status.NumMessages == 0 {
			continue
		}
		name := a.name(box.Mailbox)
		h.open(name)
		found, err := h.c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{UID: true, Envelope: true}).Collect()
		a.must(err)
		for _, m := range found {
			h.spots[letterNumber(m.Envelope.MessageID)] = spot{name, m.UID}
		}
	}
	return h
}

// open selects a mailbox, if it is not.
func (h *hand) open(name string) {
	h.t.Helper()
	if h.at == name {
		return
	}
	_, err := h.c.Select(h.wire(name), nil).Wait()
	h.must(err)
	h.at = name
}

// goTo selects the mailbox of a letter and returns its UID.
func (h *hand) goTo(n int) imap.UIDSet {
	h.t.Helper()
	at, found := h.spots[n]
	if !found {
		h.t.Fatalf("letter %d is not there", n)
	}
	h.open(at.mailbox)
	return imap.UIDSetNum(at.uid)
}

func (h *hand) store(n int, op imap.StoreFlagsOp, flags ...imap.Flag) {
	h.t.Helper()
	h.must(h.c.Store(h.goTo(n), &imap.StoreFlags{Op: op, Silent: true, Flags: flags}, nil).Close())
}

func (h *hand) move(n int, to string) {
	h.t.Helper()
	_, err := h.c.Move(h.goTo(n), h.wire(to)).Wait()
	h.must(err)
}

func (h *hand) remove(n int) {
	h.t.Helper()
	h.store(n, imap.StoreFlagsAdd, imap.FlagDeleted)
	h.must(h.c.UIDExpunge(h.goTo(n)).Close())
}

// change lets a client on each side do what people do, and notes what must come
// of it.
func (w *twins) change(r *rand.Rand, round int) {
	w.t.Helper()
	var living []int
	for n, l := range w.due {
		if l.mailbox != "Trash" {
			living = append(living, n)
		}
	}
	r.Shuffle(len(living), func(i, j int) { living[i], living[j] = living[j], living[i] })
	take := func(n int) []int {
		some := living[:n]
		living = living[n:]
		return some
	}
	hands := [2]*hand{w.ends[far].hand(), w.ends[near].hand()}
	for i, h := range hands {
		defer h.c.Close()
		w.disturb(r, h, take)
		w.add(h, fmt.Sprintf("Neu %d/Bücher auf Seite %d", round, i))
	}
	for _, n := range take(5) { // flags of one message on both sides
		hands[far].store(n, imap.StoreFlagsAdd, imap.FlagFlagged)
		hands[near].store(n, imap.StoreFlagsAdd, imap.FlagAnswered, "both")
		w.mark(n, "both", `\flagged`, `\answered`)
	}
	for i := range hands { // moved here and flagged there
		for _, n := range take(5) {
			w.moveTo(r, hands[i], n)
			hands[1-i].store(n, imap.StoreFlagsAdd, "elsewhere")
			w.mark(n, "elsewhere")
			w.late = append(w.late, n)
		}
	}
}

// disturb flags, unflags, moves and removes letters on one side.
func (w *twins) disturb(r *rand.Rand, h *hand, take func(int) []int) {
	w.t.Helper()
	for _, n := range take(20) {
		h.store(n, imap.StoreFlagsAdd, imap.FlagSeen, imap.FlagFlagged)
		w.mark(n, `\seen`, `\flagged`)
	}
	for _, n := range take(10) {
		h.store(n, imap.StoreFlagsAdd, "urgent", "$Label1")
		w.mark(n, "urgent", "$label1")
	}
	for _, n := range take(20) {
		h.store(n, imap.StoreFlagsDel, imap.FlagSeen, "work")
		w.unmark(n, `\seen`, "work")
	}
	for _, n := range take(15) {
		w.moveTo(r, h, n)
	}
	for _, n := range take(6) {
		h.remove(n)
		w.due[n].mailbox = "Trash"
		w.late = append(w.late, n)
	}
}

// moveTo moves a letter to another mailbox, but to none of some.
func (w *twins) moveTo(r *rand.Rand, h *hand, n int, none ...string) {
	w.t.Helper()
	none = append(none, h.spots[n].mailbox)
	to := none[0]
	for slices.Contains(none, to) {
		to = migrated[r.Intn(len(migrated))]
	}
	h.move(n, to)
	w.due[n].mailbox = to
}

// add makes a mailbox and delivers letters there and elsewhere.
func (w *twins) add(h *hand, fresh string) {
	w.t.Helper()
	w.must(h.c.Create(h.wire(fresh), nil).Wait())
	w.must(h.c.Subscribe(h.wire(fresh)).Wait())
	for _, name := range append([]string{fresh}, migrated...) {
		w.deliver(h.c, h.account, name, imap.FlagSeen, "new")()
	}
}

// mark adds flags, in lower case, to what a letter must have; unmark takes some off.
func (w *twins) mark(n int, flags ...string) {
	list := append(strings.Fields(w.due[n].flags), flags...)
	slices.Sort(list)
	w.due[n].flags = strings.Join(slices.Compact(list), " ")
}

func (w *twins) unmark(n int, flags ...string) {
	list := slices.DeleteFunc(strings.Fields(w.due[n].flags), func(flag string) bool { return slices.Contains(flags, flag) })
	w.due[n].flags = strings.Join(list, " ")
}
