package maildir

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// brokenDisk is a quickDisk whose i-th operation of a kind fails, once or from
// then on for ever.
type brokenDisk struct {
	quickDisk
	fault diskFault

	mu   sync.Mutex
	seen map[string]int // by operation
}

// diskFault is one way in which a disk can be broken. The zero value is none.
type diskFault struct {
	op    string
	at    int // counted from 1
	err   error
	ever  bool
	short bool // of an open: the file ends after half its octets
}

func (f diskFault) String() string {
	how := "once"
	if f.ever {
		how = "for ever"
	}
	if f.short {
		return fmt.Sprintf("short read %d, %s", f.at, how)
	}
	return fmt.Sprintf("%s %d: %v, %s", f.op, f.at, f.err, how)
}

// hit counts an operation and reports whether it is broken.
func (b *brokenDisk) hit(op string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[op]++
	n := b.seen[op]
	return op == b.fault.op && (n == b.fault.at || n > b.fault.at && b.fault.ever)
}

func (b *brokenDisk) check(op string, d *directory, name string) error {
	if !b.hit(op) {
		return nil
	}
	return &os.PathError{Op: op, Path: d.full + "/" + name, Err: b.fault.err}
}

func (b *brokenDisk) names(d *directory, each func([]string) error) error {
	if err := b.check("names", d, ""); err != nil {
		return err
	}
	return b.quickDisk.names(d, each)
}

func (b *brokenDisk) open(d *directory, name string) (source, fs.FileInfo, error) {
	if b.fault.short {
		f, info, err := b.quickDisk.open(d, name)
		if err == nil && b.hit("open") {
			f = &shortSource{f, info.Size() / 2}
		}
		return f, info, err
	}
	if err := b.check("open", d, name); err != nil {
		info, _ := d.root.Lstat(name)
		return nil, info, err
	}
	f, info, err := b.quickDisk.open(d, name)
	if err != nil {
		return nil, info, err
	}
	return &brokenSource{f, b, d, name}, info, nil
}

// shortSource ends too early.
type shortSource struct {
	source
	left int64
}

func (s *shortSource) Read(p []byte) (int, error) {
	n, err := s.source.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if s.left == 0 {
		return n, io.EOF
	}
	return n, err
}

type brokenSource struct {
	source
	disk *brokenDisk
	at   *directory
	name string
}

func (s *brokenSource) Read(p []byte) (int, error) {
	if err := s.disk.check("read", s.at, s.name); err != nil {
		return 0, err
	}
	return s.source.Read(p)
}

func (b *brokenDisk) create(d *directory, name string) (file, error) {
	if err := b.check("create", d, name); err != nil {
		return nil, err
	}
	f, err := b.quickDisk.create(d, name)
	if err != nil {
		return nil, err
	}
	return &brokenFile{f, b, d, name}, nil
}

func (b *brokenDisk) rename(from *directory, name string, to *directory, newName string) error {
	if err := b.check("rename", to, newName); err != nil {
		return err
	}
	return b.quickDisk.rename(from, name, to, newName)
}

func (b *brokenDisk) replace(d *directory, name, newName string) error {
	if err := b.check("rename", d, newName); err != nil {
		return err
	}
	return b.quickDisk.replace(d, name, newName)
}

func (b *brokenDisk) remove(d *directory, name string) error {
	if err := b.check("unlink", d, name); err != nil {
		return err
	}
	return b.quickDisk.remove(d, name)
}

func (b *brokenDisk) mkdir(d *directory, name string) error {
	if err := b.check("mkdir", d, name); err != nil {
		return err
	}
	return b.quickDisk.mkdir(d, name)
}

func (b *brokenDisk) setTime(d *directory, name string, t time.Time) error {
	if err := b.check("set time", d, name); err != nil {
		return err
	}
	return b.quickDisk.setTime(d, name, t)
}

func (b *brokenDisk) sync(d *directory) error { return b.check("fsync directory", d, "") }

type brokenFile struct {
	file
	disk *brokenDisk
	at   *directory
	name string
}

// WriteAt writes half of it before it fails, as a disk that fills up does.
func (f *brokenFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.disk.check("write", f.at, f.name); err != nil {
		n, _ := f.file.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.file.WriteAt(p, off)
}

func (f *brokenFile) Sync() error { return f.disk.check("fsync", f.at, f.name) }
