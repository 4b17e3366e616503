package maildir

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// clock is the real one, moved on by every Sleep.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
	sleeps int
	// real makes Sleep take its time.
	real bool
	// during is called by each Sleep, asked by each Now.
	during, asked func()
}

func (c *clock) Now() time.Time {
	if c.asked != nil {
		c.asked()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	if c.real {
		c.mu.Unlock()
		return sleep(ctx, d)
	}
	c.offset += d
	c.sleeps++
	during := c.during
	c.mu.Unlock()
	if during != nil {
		during()
	}
	return ctx.Err()
}

// age lets time pass that nobody waited for.
func (c *clock) age() { c.Sleep(context.Background(), settleAge+time.Second); c.sleeps-- }

// ageDirectories gives every directory below root an old modification time. A
// file system may write the same time for two changes within some milliseconds;
// none writes the old one.
func ageDirectories(t testing.TB, root string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(path, old, old)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// age makes every stamp written so far old enough.
func (w *world) age() {
	w.Helper()
	ageDirectories(w, w.path)
	w.clock.age()
}

// world is a repository in a temporary directory.
type world struct {
	*testing.T
	*Repository
	clock *clock
	path  string
	undo  string
	disk  *testDisk
}

// newWorld connects to a new tree; edit may change the options.
func newWorld(t *testing.T, edit func(*Options)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{T: t, clock: &clock{}, path: filepath.Join(dir, "mail"), undo: filepath.Join(dir, "undo")}
	w.reconnect("", mirror.ReadWrite, edit)
	return w
}

// reconnect is the next run over the same tree.
func (w *world) reconnect(identity string, access mirror.Access, edit func(*Options)) string {
	w.Helper()
	if w.Repository != nil {
		w.Close()
	}
	opts := Options{Path: w.path, Undo: w.undo, Label: "work/laptop", Now: w.clock.Now, Sleep: w.clock.Sleep}
	if edit != nil {
		edit(&opts)
	}
	r, err := New(opts)
	if err != nil {
		w.Fatal(err)
	}
	w.disk = &testDisk{root: w.path}
	r.disk = w.disk
	w.Repository = r
	traits, err := r.Connect(w.Context(), mirror.Visit{Identity: identity, Access: access})
	if err != nil {
		w.Fatalf("got %v, want a connection", err)
	}
	w.Cleanup(func() { r.Close() })
	return traits.Identity
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(name mirror.Name) {
	w.Helper()
	if err := w.Create(w.Context(), name, ""); err != nil {
		w.Fatalf("create %q: got %v, want nil", name, err)
	}
}

// box creates and opens a mailbox.
func (w *world) box(name mirror.Name) *Mailbox {
	w.Helper()
	w.create(name)
	return w.open(name, mirror.Checkpoint{})
}

func (w *world) open(name mirror.Name, known mirror.Checkpoint) *Mailbox {
	w.Helper()
	m, err := w.Open(w.Context(), name, w.access, known)
	if err != nil {
		w.Fatalf("open %q: got %v, want nil", name, err)
	}
	return m.(*Mailbox)
}

// put writes a file below the root, as another program would.
func (w *world) put(name, text string) {
	w.Helper()
	path := filepath.Join(w.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *world) rename(from, to string) {
	w.Helper()
	if err := os.Rename(filepath.Join(w.path, from), filepath.Join(w.path, to)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) unlink(name string) {
	w.Helper()
	if err := os.Remove(filepath.Join(w.path, name)); err != nil {
		w.Fatal(err)
	}
}

// files lists the files below dir of the tree, sorted.
func (w *world) files(dir string) []string {
	w.Helper()
	list := []string{}
	err := filepath.WalkDir(filepath.Join(w.path, dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(filepath.Join(w.path, dir), path)
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *world) text(name string) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.path, name))
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func (w *world) wantFiles(dir string, want ...string) {
	w.Helper()
	if got := w.files(dir); !slices.Equal(got, append([]string{}, want...)) {
		w.Errorf("files in %s: got %q, want %q", dir, got, want)
	}
}

func (w *world) view(m *Mailbox, known ...mirror.KnownMessage) mirror.View {
	w.Helper()
	v, err := m.View(w.Context(), mirror.Known{Rows: mirror.KnownList(known)})
	if err != nil {
		w.Fatalf("view: got %v, want nil", err)
	}
	return v
}

// bases are those of messages, in order.
func bases(list []mirror.Message) []string {
	out := []string{}
	for _, m := range list {
		out = append(out, m.Base)
	}
	return out
}

func refBases(list []mirror.Ref) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Base)
	}
	return out
}

func known(uid imap.UID, base string, flags ...imap.Flag) mirror.KnownMessage {
	return mirror.KnownMessage{Ref: mirror.Ref{UID: uid, Base: base}, Flags: mirror.MakeFlags(flags...)}
}

func ref(uid imap.UID, base string) mirror.Ref { return mirror.Ref{UID: uid, Base: base} }

// incoming is a message in Wire form.
func incoming(reserved mirror.Ref, text string, flags ...imap.Flag) mirror.Incoming {
	return mirror.Incoming{Source: mirror.Ref{UID: 100 + reserved.UID}, Reserved: reserved, Flags: mirror.MakeFlags(flags...),
		Date: time.Unix(1700000000, 0),
		Body: mirror.Body{Reader: strings.NewReader(text), Octets: int64(len(text)), Size: int64(len(text))}}
}

func batch(list ...mirror.Incoming) iter.Seq[mirror.Incoming] { return slices.Values(list) }

// append appends one message, which must succeed, and returns its ref.
func (w *world) append(m *Mailbox, text string, flags ...imap.Flag) mirror.Ref {
	w.Helper()
	r := m.Reserve(1)[0]
	results, err := m.Append(w.Context(), batch(incoming(r, text, flags...)))
	if err != nil || len(results) != 1 || results[0].Err != nil {
		w.Fatalf("append: got %+v, %v, want one success", results, err)
	}
	return r
}

// travelling fetches one message as it travels.
func (w *world) travelling(m *Mailbox, r mirror.Ref) string {
	w.Helper()
	var out bytes.Buffer
	err := m.Fetch(w.Context(), []mirror.Ref{r}, func(b mirror.Body) error {
		_, err := io.Copy(&out, b.Travel())
		return err
	})
	if err != nil {
		w.Fatalf("fetch: got %v, want nil", err)
	}
	return out.String()
}

// testDisk is the real disk; it records operations, lets some fail, and calls
// a hook before each.
type testDisk struct {
	realDisk
	root string

	mu  sync.Mutex
	log []string
	// before is called with "op path" and may change the disk or return the
	// error that the operation shall have.
	before func(op string) error
	// skip says which names a reading leaves out, as readdir may.
	skip func(name string) bool
	// shares says that files can share blocks.
	shares bool
	// sharing is called right before they do, and what it returns right behind.
	sharing func() func()
	// chunk is how many names are given at once; 0 is all.
	chunk int
}

func (d *testDisk) step(op string, at *directory, name string) error {
	rel, err := filepath.Rel(d.root, filepath.Join(at.full, name))
	if err != nil {
		rel = name
	}
	text := fmt.Sprintf("%s %s", op, filepath.ToSlash(rel))
	d.mu.Lock()
	d.log = append(d.log, text)
	before := d.before
	d.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(text)
}

// operations returns what was done since the last call, without reading.
func (d *testDisk) operations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := slices.DeleteFunc(d.log, func(op string) bool {
		return strings.HasPrefix(op, "names ") || strings.HasPrefix(op, "open ")
	})
	d.log = nil
	return log
}

func (d *testDisk) names(at *directory, each func([]string) error) error {
	if err := d.step("names", at, ""); err != nil {
		return err
	}
	var all []string
	if err := d.realDisk.names(at, func(names []string) error {
		all = append(all, names...)
		return nil
	}); err != nil {
		return err
	}
	slices.Sort(all)
	if d.skip != nil {
		all = slices.DeleteFunc(all, d.skip)
	}
	if d.chunk == 0 {
		d.chunk = 1 << 20
	}
	for part := range slices.Chunk(all, d.chunk) {
		if err := each(part); err != nil {
			return err
		}
		if err := d.step("names", at, part[len(part)-1]); err != nil {
			return err
		}
	}
	return nil
}

func (d *testDisk) open(at *directory, name string) (source, fs.FileInfo, error) {
	info, _ := at.root.Lstat(name)
	if err := d.step("open", at, name); err != nil {
		return nil, info, err
	}
	return d.realDisk.open(at, name)
}

func (d *testDisk) create(at *directory, name string) (file, error) {
	if err := d.step("create", at, name); err != nil {
		return nil, err
	}
	f, err := d.realDisk.create(at, name)
	if err != nil {
		return nil, err
	}
	return &testFile{f, d, at, name}, nil
}

func (d *testDisk) rename(from *directory, name string, to *directory, newName string) error {
	if err := d.step("rename", to, newName); err != nil {
		return err
	}
	return d.realDisk.rename(from, name, to, newName)
}

func (d *testDisk) replace(at *directory, name, newName string) error {
	if err := d.step("replace", at, newName); err != nil {
		return err
	}
	return d.realDisk.replace(at, name, newName)
}

func (d *testDisk) remove(at *directory, name string) error {
	if err := d.step("remove", at, name); err != nil {
		return err
	}
	return d.realDisk.remove(at, name)
}

func (d *testDisk) mkdir(at *directory, name string) error {
	if err := d.step("mkdir", at, name); err != nil {
		return err
	}
	return d.realDisk.mkdir(at, name)
}

func (d *testDisk) setTime(at *directory, name string, t time.Time) error {
	if err := d.step("time", at, name); err != nil {
		return err
	}
	return d.realDisk.setTime(at, name, t)
}

func (d *testDisk) sync(at *directory) error {
	if err := d.step("sync", at, ""); err != nil {
		return err
	}
	return d.realDisk.sync(at)
}

type testFile struct {
	file
	disk *testDisk
	at   *directory
	name string
}

func (f *testFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.disk.step("write", f.at, f.name); err != nil {
		return 0, err
	}
	return f.file.WriteAt(p, off)
}

func (f *testFile) Sync() error {
	if err := f.disk.step("fsync", f.at, f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

var inbox = nametrans.Inbox

const crlfMessage = "From: ann@example.org\r\nSubject: hello\r\n\r\nHello,\r\nworld.\r\n"

var lfMessage = strings.ReplaceAll(crlfMessage, "\r\n", "\n")

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
