package maildir

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// ledger is a file system as POSIX promises it: what every program sees now,
// and what is certain to be there after the power went. An fsync of a file
// makes its octets durable and not its name; a name is durable after an fsync
// of its directory.
type ledger struct {
	root *inode
	// pending are the changes of names that no fsync has made durable, in
	// order.
	pending []*nameChange
}

// inode is a file or a directory. kept is what survives for certain.
type inode struct {
	dir bool

	names, kept map[string]*inode // of a directory

	text     []byte // of a file; never written to in place
	date     time.Time
	keptText []byte
	keptDate time.Time
	isKept   bool
	// poisoned says that an fsync failed: what the file holds is marked clean
	// and not on the disk, and a later fsync says nothing of it.
	poisoned bool
}

// nameChange is one system call that changed names: one entry of a directory,
// two of one directory (a rename within it, which is atomic), or one in each of
// two (a rename between them).
//
// Before any fsync a rename between directories may be there, not be there, or
// show both names; once one of the directories was synced, what is outstanding
// in the other is on its own: both names after the target's fsync, none after
// the source's. A directory is under one name only: no file system shows it under both,
// or none, whatever was synced.
type nameChange struct {
	entries []entryChange
}

// entryChange gives a name in a directory to a node, or takes it away (nil).
type entryChange struct {
	dir  *inode
	name string
	node *inode
	kept bool
}

func newDir() *inode { return &inode{dir: true, names: map[string]*inode{}, kept: map[string]*inode{}} }

func newLedger() *ledger { return &ledger{root: newDir()} }

// change carries out a call that changes names.
func (l *ledger) change(entries ...entryChange) {
	for _, e := range entries {
		put(e.dir.names, e.name, e.node)
	}
	l.pending = append(l.pending, &nameChange{entries})
}

func put(names map[string]*inode, name string, node *inode) {
	if node == nil {
		delete(names, name)
	} else {
		names[name] = node
	}
}

// syncDir is an fsync of a directory.
func (l *ledger) syncDir(d *inode) {
	for _, c := range l.pending {
		for i := range c.entries {
			if e := &c.entries[i]; e.dir == d || c.ofDirectory() && (c.entries[0].dir == d || c.entries[1].dir == d) {
				e.keep()
			}
		}
	}
	l.pending = slices.DeleteFunc(l.pending, func(c *nameChange) bool {
		return !slices.ContainsFunc(c.entries, func(e entryChange) bool { return !e.kept })
	})
}

// ofDirectory reports whether a directory was renamed.
func (c *nameChange) ofDirectory() bool {
	return len(c.entries) == 2 && slices.ContainsFunc(c.entries, func(e entryChange) bool { return e.node != nil && e.node.dir })
}

func (e *entryChange) keep() {
	if !e.kept {
		put(e.dir.kept, e.name, e.node)
		e.kept = true
	}
}

// syncFile is an fsync of a file.
func (n *inode) syncFile() {
	if !n.poisoned {
		n.keptText, n.keptDate, n.isKept = n.text, n.date, true
	}
}

// write changes octets of a file.
func (n *inode) write(p []byte, off int64) {
	text := make([]byte, max(len(n.text), int(off)+len(p)))
	copy(text, n.text)
	copy(text[off:], p)
	n.text, n.poisoned = text, false
}

// clone copies everything.
func (l *ledger) clone() *ledger {
	seen := map[*inode]*inode{}
	c := &ledger{root: l.root.clone(seen)}
	for _, p := range l.pending {
		entries := slices.Clone(p.entries)
		for i := range entries {
			entries[i].dir, entries[i].node = entries[i].dir.clone(seen), entries[i].node.clone(seen)
		}
		c.pending = append(c.pending, &nameChange{entries})
	}
	return c
}

func (n *inode) clone(seen map[*inode]*inode) *inode {
	if n == nil || seen[n] != nil {
		return seen[n]
	}
	c := *n
	seen[n] = &c
	c.names, c.kept = cloneNames(n.names, seen), cloneNames(n.kept, seen)
	return &c
}

func cloneNames(names map[string]*inode, seen map[*inode]*inode) map[string]*inode {
	c := make(map[string]*inode, len(names))
	for name, node := range names {
		c[name] = node.clone(seen)
	}
	return c
}

// killed is what a killed process leaves: everything that it did, in memory.
// The ledger goes on from there.
func (l *ledger) killed() *ledger { return l.clone() }

// afterPowerLoss is one file system that may be there after the power went. All
// in it is durable. Seed 0 loses all that can be lost; seed 1 keeps all names
// and loses the octets; others choose.
func (l *ledger) afterPowerLoss(seed uint64) *ledger {
	c := l.clone()
	rng := rand.New(rand.NewPCG(seed, 17))
	for _, p := range c.pending {
		for i := range p.surviving(seed, rng) {
			p.entries[i].keep()
		}
	}
	c.pending = nil
	c.root.settle(seed, rng, map[*inode]bool{})
	return c
}

// surviving is how many of the entries of a change, from the first, survive.
func (c *nameChange) surviving(seed uint64, rng *rand.Rand) int {
	n := len(c.entries)
	oneDir := n == 1 || c.entries[0].dir == c.entries[1].dir || c.ofDirectory()
	switch {
	case seed == 0:
		return 0
	case seed == 1:
		return n
	case oneDir:
		return n * rng.IntN(2)
	case c.entries[0].kept != c.entries[1].kept: // the other is outstanding
		return n * rng.IntN(2)
	}
	return rng.IntN(n + 1)
}

// settle makes what survived all there is.
func (n *inode) settle(seed uint64, rng *rand.Rand, seen map[*inode]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	if !n.dir {
		if !n.isKept {
			n.keptText, n.keptDate = remains(n.text, seed, rng), n.date
			if rng.IntN(2) == 0 {
				n.keptDate = time.Now()
			}
		}
		n.text, n.date, n.isKept, n.poisoned = n.keptText, n.keptDate, true, false
		return
	}
	for _, name := range slices.Sorted(maps.Keys(n.kept)) {
		n.kept[name].settle(seed, rng, seen)
	}
	n.names = maps.Clone(n.kept)
}

// remains is what may be left of octets that were not synced.
func remains(text []byte, seed uint64, rng *rand.Rand) []byte {
	choice := rng.IntN(4)
	if seed <= 1 {
		choice = int(seed)
	}
	switch choice {
	case 0:
		return nil
	case 1:
		return make([]byte, len(text))
	case 2:
		return text[:rng.IntN(len(text)+1)]
	}
	return text
}

// scan reads a tree, all of which is durable.
func scan(t testing.TB, dir string) *ledger {
	t.Helper()
	l := &ledger{root: newDir()}
	l.root.scan(t, dir)
	return l
}

func (n *inode) scan(t testing.TB, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			child := newDir()
			child.scan(t, path)
			n.names[e.Name()] = child
			continue
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n.names[e.Name()] = &inode{text: text, date: info.ModTime(), keptText: text, keptDate: info.ModTime(), isKept: true}
	}
	n.kept = maps.Clone(n.names)
}

// build makes the tree as programs see it, in the empty directory dir.
func (l *ledger) build(t testing.TB, dir string) {
	t.Helper()
	l.root.build(t, dir, map[*inode]string{})
}

func (n *inode) build(t testing.TB, dir string, made map[*inode]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		child, path := n.names[name], filepath.Join(dir, name)
		var err error
		switch first, again := made[child]; {
		case again:
			err = os.Link(first, path)
		case child.dir:
			if err = os.Mkdir(path, 0o700); err == nil {
				child.build(t, path, made)
			}
		default:
			if err = os.WriteFile(path, child.text, 0o600); err == nil {
				err = os.Chtimes(path, child.date, child.date)
			}
			made[child] = path
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
