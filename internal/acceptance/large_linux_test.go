package acceptance

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A large message, and what a process that carries it may hold of it.
const (
	largeSize  = 60 << 20
	mostMemory = 40 << 20
	mostOnDisk = 4 << 20 // of all its files together: the state is among them
)

// TestLargeMessage carries one large message from server to server. It is never
// whole in memory, and no file of ours holds it: both are looked at while half of
// it has passed, and memory until the end.
func TestLargeMessage(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	body := largeLetter(rand.New(rand.NewSource(*seed)))
	date := bulkDate(0)
	w.ends[far].deliverFar("INBOX", 0, body, "S", date)
	w.due = append(w.due, lasting{"INBOX", entry{digestOf(body), `\seen`, date.Unix()}})
	p := newProxy(t, w.ends[far].server.Port)
	w.ends[far].port = p.port
	w.pairUp()
	p.stallAfter(largeSize / 2)
	temporary := filepath.Join(w.dir, "tmp")
	w.must(os.Mkdir(temporary, 0o700))
	cmd := w.command("sync")
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	w.must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stalled := make(chan struct{})
	go func() {
		p.waitStalled()
		close(stalled)
	}()
	select {
	case <-stalled:
	case err := <-ended:
		t.Fatalf("it ended before half of the message had passed: %v\n%s", err, said.String())
	}
	if held := peakOf(t, cmd.Process.Pid); held > mostMemory {
		t.Errorf("half-way it held %d octets in memory, want %d at most", held, mostMemory)
	}
	open := openFiles(t, cmd.Process.Pid)
	kept := inFiles(t, w.state()) + inFiles(t, temporary)
	t.Logf("half-way: %d octets in its files, %d in those that it has open", kept, open)
	if kept > mostOnDisk || open > mostOnDisk {
		t.Errorf("half-way there were %d octets in its files and %d in those that it had open, want %d at most", kept, open, mostOnDisk)
	}
	p.goOn()
	peak, err := watchPeak(t, cmd.Process.Pid, ended)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	t.Logf("peak of memory: %.1f MiB", float64(peak)/(1<<20))
	if peak == 0 || peak > mostMemory {
		t.Errorf("it held %d octets in memory, want %d at most", peak, mostMemory)
	}
	if kept := inFiles(t, w.state()) + inFiles(t, temporary); kept > mostOnDisk {
		t.Errorf("in the end there are %d octets in its files, want %d at most", kept, mostOnDisk)
	}
	w.alike("the large message")
}

// largeLetter is a letter of largeSize octets in lines that differ.
func largeLetter(r *rand.Rand) []byte {
	b := bytes.NewBuffer(letter(r, 1))
	for b.Len() < largeSize {
		fmt.Fprintf(b, "%019d %019d %019d\r\n", r.Int63(), r.Int63(), r.Int63())
	}
	return b.Bytes()
}

// peakOf is the largest resident set of a process so far, in octets; 0 when it has
// ended. What wait4 reports will not do: a process begins with the peak of the one
// that started it, and this one holds the message.
func peakOf(t testing.TB, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
	if !found {
		return 0
	}
	kilo, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilo << 10
}

// watchPeak looks at the peak again and again until the process has ended.
func watchPeak(t testing.TB, pid int, ended <-chan error) (peak int64, err error) {
	t.Helper()
	for {
		peak = max(peak, peakOf(t, pid))
		select {
		case err := <-ended:
			return peak, err
		case <-time.After(time.Millisecond):
		}
	}
}

// inFiles adds up the sizes of all files below root.
func inFiles(t testing.TB, root string) (octets int64) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			octets += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// openFiles adds up the sizes of the files that a process has open, those among
// them that have no name any more.
func openFiles(t testing.TB, pid int) (octets int64) {
	t.Helper()
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(list) < 3 {
		t.Fatalf("the open files of process %d: %v, error %v", pid, list, err)
	}
	for _, path := range list {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			octets += info.Size()
		}
	}
	return octets
}
