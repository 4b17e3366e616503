package statedb

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mailtwin/mirror"
)

func TestReadOnlyWithoutState(t *testing.T) {
	t.Parallel()
	for _, sub := range []string{"", "not/there"} {
		parent := t.TempDir()
		dir := filepath.Join(parent, sub)
		before := bytesOf(t, parent)
		d := open(t, dir, Options{ReadOnly: true, CheckOnClose: true})
		same(t, mustRead(t, d), content{
			Snapshot: mirror.Snapshot{Fresh: true}, Messages: map[mirror.MailboxKey][]mirror.Message{},
			Records: map[mirror.Name][]mirror.Record{}, Counts: map[mirror.Name]int{},
		})
		if list, err := d.Messages(mirror.Far, "INBOX"); err != nil || list != nil {
			t.Errorf("got %v, error %v; want no messages", list, err)
		}
		if err := d.Commit(everyField()); !errors.Is(err, errReadOnly) {
			t.Errorf("commit: got error %v, want errReadOnly", err)
		}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		closeDB(t, d)
		if after := bytesOf(t, parent); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("got %v, want nothing made", after)
		}
	}
}

// Reading changes no file, whether a run is active, crashed or done, and shows
// the state as it was when it began.
func TestReadOnlyTouchesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := open(t, dir, Options{})
	commit(t, run, everyField())
	want := mustRead(t, run)
	look := func(when string) *DB {
		before := bytesOf(t, dir)
		d := open(t, dir, Options{ReadOnly: true})
		same(t, mustRead(t, d), want)
		if after := bytesOf(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: got other files, want the same", when)
		}
		if err := d.Commit(everyField()); !errors.Is(err, errReadOnly) {
			t.Errorf("%s: commit: got error %v, want errReadOnly", when, err)
		}
		if err := d.SetAside(mirror.ErrStateBroken); !errors.Is(err, errReadOnly) {
			t.Errorf("%s: set aside: got error %v, want errReadOnly", when, err)
		}
		if err := d.Commit(&mirror.Changes{}); err != nil {
			t.Errorf("%s: empty commit: %v", when, err)
		}
		return d
	}
	during := look("during a run")
	commit(t, run, &mirror.Changes{Forget: []mirror.MailboxKey{{Side: mirror.Far, Name: "INBOX"}}})
	same(t, mustRead(t, during), want)
	copied := during.copy.dir
	closeDB(t, during)
	if exists(copied) {
		t.Errorf("got the copy %q left behind", copied)
	}
	want = mustRead(t, run)
	crash(t, run, dir)
	look("after a crash")
	closeDB(t, open(t, dir, Options{}))
	look("after a run")
}

// While a run commits and folds its log all the time, a reader sees whole
// transactions only.
func TestReadOnlyDuringARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := open(t, dir, Options{CheckOnClose: true})
	const size, filler = 20, 1 << 30
	first := batch("INBOX", filler, 1)
	commit(t, run, &mirror.Changes{Mailboxes: both("INBOX"), Messages: first.Messages})
	if err := run.file.exec("PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	reason := strings.Repeat("x", 100<<10) // to fill the log
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for first := 1; ; first += size {
			select {
			case <-stop:
				return
			default:
				c := batch("INBOX", first, size)
				c.Quarantine = []mirror.Quarantined{{Side: mirror.Far, Mailbox: "INBOX", UID: filler, Reason: reason}}
				if err := run.Commit(c); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	last, logs := -1, map[[32]byte]bool{}
	for reads := 0; reads < 5 || len(logs) < 3 && reads < 200; reads++ {
		if m, err := markOf(run.place); err == nil {
			logs[m.log] = true
		}
		d, err := Open(dir, pair, Options{ReadOnly: true})
		if err != nil {
			t.Error(err)
			break
		}
		list, err := d.Records("INBOX")
		if err != nil || len(list)%size != 0 || len(list) < last {
			t.Errorf("got %d records after %d, error %v; want whole batches of %d", len(list), last, err, size)
		}
		for _, side := range mirror.Sides {
			if m, err := d.Messages(side, "INBOX"); err != nil || len(m) != len(list)+1 {
				t.Errorf("got %d %s messages, error %v; want %d", len(m), side, err, len(list)+1)
			}
		}
		last = len(list)
		closeDB(t, d)
	}
	close(stop)
	writer.Wait()
	if len(logs) < 3 {
		t.Errorf("got %d logs, want several begun: nothing was tested", len(logs))
	}
}
