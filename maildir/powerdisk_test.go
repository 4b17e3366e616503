package maildir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// quickDisk is the real disk without its fsyncs, which only tests that cut the
// power need.
type quickDisk struct {
	realDisk
	// apart, where it is not "", is a directory that is another file system.
	apart string
}

func (quickDisk) sync(*directory) error { return nil }

func (q quickDisk) create(d *directory, name string) (file, error) {
	f, err := q.realDisk.create(d, name)
	if err != nil {
		return nil, err
	}
	return quickFile{f}, nil
}

func (q quickDisk) rename(from *directory, name string, to *directory, newName string) error {
	if q.apart != "" && strings.HasPrefix(to.full, q.apart) != strings.HasPrefix(from.full, q.apart) {
		return &os.LinkError{Op: "rename", Old: name, New: newName, Err: syscall.EXDEV}
	}
	return q.realDisk.rename(from, name, to, newName)
}

type quickFile struct{ file }

func (quickFile) Sync() error { return nil }

// powerDisk is a quickDisk that keeps a ledger of everything below base. Around
// each call that changes something it calls cut: the power, or the process,
// may go at any of them.
type powerDisk struct {
	quickDisk
	base string

	mu     sync.Mutex
	ledger *ledger
	// cut is called under the lock, before and after each change.
	cut func(op string, done bool)
	// fail, where it is set, may name the error that a call shall have instead.
	fail func(op string) error
}

// node finds the ledger's directory.
func (p *powerDisk) node(d *directory) *inode {
	rel, err := filepath.Rel(p.base, d.full)
	if err != nil {
		panic(err)
	}
	at := p.ledger.root
	if rel == "." {
		return at
	}
	for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		if at = at.names[part]; at == nil {
			panic(fmt.Sprintf("the ledger knows no directory %q", d.full))
		}
	}
	return at
}

// step carries out one change: on the disk by do, in the ledger by note.
func (p *powerDisk) step(op string, d *directory, name string, do func() error, note func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := op + " " + filepath.Join(filepath.Base(filepath.Dir(d.full)), filepath.Base(d.full), name)
	p.cut(text, false)
	if p.fail != nil {
		if err := p.fail(op); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	note()
	p.cut(text, true)
	return nil
}

func (p *powerDisk) create(d *directory, name string) (f file, err error) {
	node := &inode{date: time.Now()}
	err = p.step("create", d, name, func() (err error) {
		f, err = p.quickDisk.create(d, name)
		return err
	}, func() { p.ledger.change(entryChange{dir: p.node(d), name: name, node: node}) })
	if err != nil {
		return nil, err
	}
	return &powerFile{f, p, d, name, node}, nil
}

func (p *powerDisk) rename(from *directory, name string, to *directory, newName string) error {
	return p.step("rename", to, newName, func() error { return p.quickDisk.rename(from, name, to, newName) },
		func() { p.renamed(from, name, to, newName) })
}

func (p *powerDisk) replace(d *directory, name, newName string) error {
	return p.step("replace", d, newName, func() error { return p.quickDisk.replace(d, name, newName) },
		func() { p.renamed(d, name, d, newName) })
}

func (p *powerDisk) renamed(from *directory, name string, to *directory, newName string) {
	source, target := p.node(from), p.node(to)
	p.ledger.change(entryChange{dir: target, name: newName, node: source.names[name]}, entryChange{dir: source, name: name})
}

func (p *powerDisk) remove(d *directory, name string) error {
	return p.step("remove", d, name, func() error { return p.quickDisk.remove(d, name) },
		func() { p.ledger.change(entryChange{dir: p.node(d), name: name}) })
}

func (p *powerDisk) mkdir(d *directory, name string) error {
	return p.step("mkdir", d, name, func() error { return p.quickDisk.mkdir(d, name) },
		func() { p.ledger.change(entryChange{dir: p.node(d), name: name, node: newDir()}) })
}

func (p *powerDisk) setTime(d *directory, name string, at time.Time) error {
	return p.step("time", d, name, func() error { return p.quickDisk.setTime(d, name, at) },
		func() { p.node(d).names[name].date = at })
}

func (p *powerDisk) sync(d *directory) error {
	return p.step("sync", d, "", func() error { return nil }, func() { p.ledger.syncDir(p.node(d)) })
}

type powerFile struct {
	file
	disk *powerDisk
	at   *directory
	name string
	node *inode
}

func (f *powerFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.disk.step("write", f.at, f.name, func() (err error) {
		n, err = f.file.WriteAt(b, off)
		return err
	}, func() {
		f.node.write(b, off)
		f.node.date = time.Now()
	})
	return n, err
}

func (f *powerFile) Sync() error {
	err := f.disk.step("fsync", f.at, f.name, func() error { return nil }, f.node.syncFile)
	if err != nil {
		f.node.poisoned = true
	}
	return err
}
