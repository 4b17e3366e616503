package acceptance

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailtwin/internal/proof"
	"mailtwin/internal/servers"
)

// moves lets the programs of a storm move messages between mailboxes, too. A
// message that is moved while a run reads the mailboxes one after another is
// seen twice or not at all, and is to be there once all the same.
var moves = flag.Bool("moves", true, "move messages while runs are at work")

// stormBoxes are the mailboxes in which everybody works at once.
var stormBoxes = []string{"INBOX", "Archive", "Lists"}

// A storm is one account and one Maildir on which several programs work while
// mailtwin runs. Letters are numbered; what a person moves or removes is moved
// and removed on one side only, by the number, for two people who move the same
// message to two places want it there twice.
type storm struct {
	*setup
	over atomic.Bool // they have worked for long enough

	// settled is the first letter that did not lie on both sides before.
	settled int

	mu      sync.Mutex
	letters int
	removed map[int]bool // by somebody, or about to be
}

// next is the number of a new letter.
func (w *storm) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters++
	return w.letters - 1
}

// mayRemove reserves a removal. So few are made that no rail stops a run.
func (w *storm) mayRemove(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.removed) >= 9 || w.removed[n] {
		return false
	}
	w.removed[n] = true
	return true
}

// onFar tells on which side a letter may be moved and removed.
func onFar(n int) bool { return n%2 == 1 }

// TestConcurrency runs again and again while IMAP clients deliver, flag, move
// and expunge, and a Maildir program renames files without pause. Then all
// stop, and runs follow until there is nothing to do.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	sum := noted(t, "Dovecot concurrency")
	t.Logf("seed %d", *seed)
	server := servers.Need(t, servers.Options{})
	for i := range proof.Times(4, 1) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := &storm{setup: newSetup(t, server), removed: map[int]bool{}}
			for _, name := range stormBoxes {
				for range 20 {
					n := w.next()
					w.deliverFar(name, n, letter(someRand(), n), "S", bulkDate(n))
				}
			}
			w.settle()
			w.settled = w.letters
			w.rage(*seed+int64(i), min(3, proof.Times(3, 1)))
			w.calm(fmt.Sprintf("seed %d, storm %d", *seed, i), sum)
		})
	}
}

// rage lets everybody work while so many runs are made. Each takes seconds: it
// waits, once, for names that are younger than that.
func (w *storm) rage(seed int64, runs int) {
	w.t.Helper()
	var all sync.WaitGroup
	for i := range 2 {
		c := w.dial()
		all.Go(func() {
			defer c.Close()
			w.client(c, i, rand.New(rand.NewSource(seed*10+int64(i))))
		})
	}
	all.Go(func() { w.program(rand.New(rand.NewSource(seed*10 + 5))) })
	for range runs {
		if o := w.run("sync"); o.exit != 0 && o.exit != 3 && o.exit != 75 {
			w.t.Errorf("in the storm: got exit %d\n%s%s", o.exit, o.stdout, o.stderr)
		}
	}
	w.over.Store(true)
	all.Wait()
	w.t.Logf("seed %d: %d runs, %d letters, %d removed", seed, runs, w.letters, len(w.removed))
}

// client is the i-th of the other IMAP programs. What it asks for may be gone
// already.
func (w *storm) client(c *imapclient.Client, i int, r *rand.Rand) {
	for !w.over.Load() {
		name := stormBoxes[r.Intn(len(stormBoxes))]
		if r.Intn(6) == 0 {
			n := w.next()
			body := letter(someRand(), n)
			cmd := c.Append(name, int64(len(body)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: bulkDate(n)})
			cmd.Write(body)
			cmd.Close()
			if _, err := cmd.Wait(); err != nil {
				w.t.Errorf("append: %v", err)
				return
			}
			continue
		}
		selected, err := c.Select(name, nil).Wait()
		if err != nil {
			w.t.Errorf("select %q: %v", name, err)
			return
		}
		if selected.NumMessages > 0 {
			w.disturbFar(c, i, r, 1+uint32(r.Intn(int(selected.NumMessages))))
		}
		time.Sleep(time.Duration(r.Intn(10)) * time.Millisecond)
	}
}

// disturbFar changes one message of the selected mailbox. No two clients move the
// same one: where both do so at once, Dovecot carries out both now and then, and it
// is there twice.
func (w *storm) disturbFar(c *imapclient.Client, i int, r *rand.Rand, seq uint32) {
	list, err := c.Fetch(imap.SeqSetNum(seq), &imap.FetchOptions{UID: true, Envelope: true}).Collect()
	if err != nil || len(list) != 1 || list[0].Envelope == nil {
		return // it is gone
	}
	n := letterNumber(list[0].Envelope.MessageID)
	uid := imap.UIDSetNum(list[0].UID)
	switch deed := r.Intn(10); {
	case deed < 2 && *moves && onFar(n) && n/2%2 == i:
		c.Move(uid, stormBoxes[r.Intn(len(stormBoxes))]).Wait()
	case deed == 2 && onFar(n) && w.mayRemove(n):
		c.Store(uid, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close()
		c.UIDExpunge(uid).Close()
	default:
		op := imap.StoreFlagsAdd
		if n < w.settled && r.Intn(2) == 0 {
			// What is missing from a copy of ours when it is first seen counts
			// as refused, so nothing is taken off those.
			op = imap.StoreFlagsDel
		}
		flag := []imap.Flag{imap.FlagSeen, imap.FlagFlagged, imap.FlagAnswered}[r.Intn(3)]
		c.Store(uid, &imap.StoreFlags{Op: op, Silent: true, Flags: []imap.Flag{flag}}, nil).Close()
	}
}

// program is another Maildir program. Files may be renamed by mailtwin under
// its hands.
func (w *storm) program(r *rand.Rand) {
	for !w.over.Load() {
		box := filepath.Join(w.maildir(), stormBoxes[r.Intn(len(stormBoxes))])
		if r.Intn(8) == 0 {
			w.deliverWhole(box, w.next())
			continue
		}
		files, _ := filepath.Glob(filepath.Join(box, "*", "*"))
		files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(filepath.Dir(f)) == "tmp" })
		if len(files) > 0 {
			w.disturbNear(r, box, files[r.Intn(len(files))])
		}
		time.Sleep(time.Duration(r.Intn(4)) * time.Millisecond)
	}
}

// deliverWhole delivers as programs should: by way of tmp.
func (w *storm) deliverWhole(box string, n int) {
	name := fmt.Sprintf("%d.storm%d.example", 1700000000+n, n)
	under := filepath.Join(box, "tmp", name)
	body := strings.ReplaceAll(string(letter(someRand(), n)), "\r\n", "\n")
	err := os.WriteFile(under, []byte(body), 0o600)
	if err == nil {
		err = os.Chtimes(under, bulkDate(n), bulkDate(n))
	}
	if err == nil {
		err = os.Rename(under, filepath.Join(box, "new", name))
	}
	if err != nil {
		w.t.Errorf("deliver: %v", err)
	}
}

func (w *storm) disturbNear(r *rand.Rand, box, file string) {
	body, err := os.ReadFile(file)
	if err != nil {
		return // it was renamed
	}
	n := letterNumber(string(messageID.Find(body)))
	base, _, _ := strings.Cut(filepath.Base(file), ":2,")
	flags := []string{"", "S", "FS", "RS", "FRS"}[r.Intn(5)]
	switch deed := r.Intn(10); {
	case deed < 3 && *moves && !onFar(n):
		to := filepath.Join(w.maildir(), stormBoxes[r.Intn(len(stormBoxes))])
		os.Rename(file, filepath.Join(to, "cur", base+":2,"+flags))
	case deed == 3 && !onFar(n) && w.mayRemove(n):
		os.Remove(file)
	default:
		os.Rename(file, filepath.Join(box, "cur", base+":2,"+flags))
	}
}

var messageID = regexp.MustCompile(`(?m)^Message-ID: <\d+\.`)

// letterNumber reads the number out of a Message-ID.
func letterNumber(id string) int {
	digits := strings.TrimPrefix(id, "Message-ID: ")
	digits, _, _ = strings.Cut(strings.Trim(digits, "<"), ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

// calm runs until it is quiet, and judges: every letter that nobody removed is
// there once, and both sides are equal.
func (w *storm) calm(what string, sum *tally) {
	w.t.Helper()
	w.run("sync")
	w.makeDue()
	w.settleSoon()
	far, near := w.far(false), w.near()
	if list := differences(far, near); len(list) > 0 {
		w.t.Errorf("%s: the sides differ (far against near):\n%s", what, strings.Join(list, "\n"))
	}
	trashed := content{"Trash": far["Trash"]}.digests()
	delete(far, "Trash")
	has := far.digests()
	lost, doubled := 0, 0
	for n := range w.letters {
		digest := digestOf(letter(someRand(), n))
		if has[digest]+trashed[digest] == 0 && !w.removed[n] {
			lost++
			w.t.Errorf("%s: letter %d is lost", what, n)
		}
		if has[digest] > 1 || trashed[digest] > 1 {
			doubled++
			w.t.Errorf("%s: letter %d is there %d times, and %d times in the trash", what, n, has[digest], trashed[digest])
		}
		if trashed[digest] > 0 && !w.removed[n] {
			w.t.Errorf("%s: letter %d, which nobody removed, is in the trash (and %d times elsewhere)", what, n, has[digest])
		}
		delete(has, digest)
	}
	sum.add(lost, doubled, len(has))
	if len(has) > 0 {
		w.t.Errorf("%s: %d messages are not known", what, len(has))
	}
}
