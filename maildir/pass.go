package maildir

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// place is where a file is: in new or in cur, under its whole name.
type place struct {
	inNew bool
	name  string
}

// parse takes the name apart. A message in new is unseen, whatever its name
// says.
func (p place) parse() fileName {
	n := parseName(p.name)
	if p.inNew {
		n.letters = strings.ReplaceAll(n.letters, "S", "")
	}
	return n
}

// place is where a file of this name belongs: in cur, but a message in new
// that has no flags stays there.
func (n fileName) place(inNew bool) place {
	if inNew && !n.hasFlags() {
		return place{inNew: true, name: n.base}
	}
	return place{name: n.inCur()}
}

// entry is a message as a pass showed it.
type entry struct {
	place
	// twins are further files of the same base with the same octets: the
	// message, twice. They are neither gone nor new.
	twins []place
}

// pass is one reading of all names: new, cur and then new again, so that a
// message is seen that moves from new to cur in between.
type pass struct {
	began         time.Time
	before, after stamps
	entries       map[string]entry // by base
	// strays are files whose base is another message's.
	strays []place
	// links are twins that are the same file as their message: a rename of
	// which a power cut left both names.
	links []place
	used  uint32 // bit i: some file has the letter 'a'+i
}

// stable reports whether no name changed while they were read, as far as the
// clock of the file system shows.
func (p *pass) stable() bool { return p.before == p.after }

// settled reports whether the pass shows all there is, and whether its stamps
// will show any later change.
func (p *pass) settled() bool { return p.stable() && !p.began.Before(p.before.oldAt()) }

// passReader makes one pass.
type passReader struct {
	*pass
	ctx context.Context
	box *box
	// doubles are the files of bases that were met more than once.
	doubles map[string][]place
}

// read makes a pass over the mailbox in b.
func (r *Repository) read(ctx context.Context, b *box) (*pass, error) {
	p := &passReader{pass: &pass{began: r.now(), entries: map[string]entry{}}, ctx: ctx, box: b, doubles: map[string][]place{}}
	err := ctx.Err()
	if err != nil {
		return nil, err
	}
	if p.before, err = b.stamps(); err != nil {
		return nil, err
	}
	for i, d := range []*directory{b.new, b.cur, b.new} {
		if d == nil {
			continue
		}
		err := r.disk.names(d, func(names []string) error {
			for _, name := range names {
				if isMessageName(name) {
					p.meet(place{inNew: i != 1, name: name})
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	p.resolve(r.disk)
	if p.after, err = b.stamps(); err != nil {
		return nil, err
	}
	return p.pass, nil
}

// meet takes a name into the pass. Of two places resolve chooses.
func (p *passReader) meet(at place) {
	n := parseName(at.name)
	for i := range len(n.letters) {
		if c := n.letters[i]; c >= 'a' && c <= 'z' {
			p.used |= 1 << (c - 'a')
		}
	}
	old, met := p.entries[n.base]
	if met && old.place == at {
		return
	}
	if met {
		if len(p.doubles[n.base]) == 0 {
			p.doubles[n.base] = []place{old.place}
		}
		if !slices.Contains(p.doubles[n.base], at) {
			p.doubles[n.base] = append(p.doubles[n.base], at)
		}
	}
	p.entries[n.base] = entry{place: at}
}

// resolve finds out which of the files met under one base are there at once.
// Most were renamed while the names were read.
func (p *passReader) resolve(d disk) {
	for base, places := range p.doubles {
		files := p.box.existing(places)
		if len(files) == 0 {
			continue // renamed again; the entry stands for it
		}
		slices.SortFunc(files, preferred)
		e := entry{place: files[0].place}
		for _, f := range files[1:] {
			same, err := p.box.equal(d, files[0], f)
			switch {
			case err != nil: // cannot be read: nothing is known of it
			case same:
				e.twins = append(e.twins, f.place)
				if os.SameFile(files[0].info, f.info) {
					p.links = append(p.links, f.place)
				}
			default:
				p.strays = append(p.strays, f.place)
			}
		}
		p.entries[base] = e
	}
}

// foundFile is a file that was looked at.
type foundFile struct {
	place
	info fs.FileInfo
}

// existing returns those of places where a file is now.
func (b *box) existing(places []place) []foundFile {
	var files []foundFile
	for _, at := range places {
		if info, err := b.part(at.inNew).root.Lstat(at.name); err == nil && info.Mode().IsRegular() {
			files = append(files, foundFile{at, info})
		}
	}
	return files
}

// preferred orders the files of one message: cur before new, then the one that
// was renamed last, whose flags are the ones that somebody set last.
func preferred(a, b foundFile) int {
	if a.inNew != b.inNew {
		if b.inNew {
			return -1
		}
		return 1
	}
	if c := stampOf(b.info).changed - stampOf(a.info).changed; c != 0 {
		return int(max(-1, min(1, c)))
	}
	return strings.Compare(b.name, a.name)
}

// equal compares the octets of two files. One that is gone meanwhile was the
// same message on its way.
func (b *box) equal(d disk, x, y foundFile) (bool, error) {
	if os.SameFile(x.info, y.info) {
		return true, nil
	}
	if x.info.Size() != y.info.Size() {
		return false, nil
	}
	same, err := sameOctets(d, b.part(x.inNew), x.name, b.part(y.inNew), y.name)
	if os.IsNotExist(err) {
		return true, nil
	}
	return same, err
}

func sameOctets(d disk, xDir *directory, xName string, yDir *directory, yName string) (bool, error) {
	x, _, err := d.open(xDir, xName)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, _, err := d.open(yDir, yName)
	if err != nil {
		return false, err
	}
	defer y.Close()
	bufX, bufY := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, errX := io.ReadFull(x, bufX)
		m, errY := io.ReadFull(y, bufY)
		if n != m || !bytes.Equal(bufX[:n], bufY[:m]) {
			return false, nil
		}
		if errX == io.EOF || errX == io.ErrUnexpectedEOF {
			return errY == errX, nil
		}
		if errX != nil {
			return false, errX
		}
		if errY != nil {
			return false, errY
		}
	}
}
