package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"mailtwin/mirror"
)

// Mailbox is a mirror.Mailbox. It remembers the names that the last pass
// showed; no file or directory stays open between its methods.
type Mailbox struct {
	repo    *Repository
	name    mirror.Name
	access  mirror.Access
	numbers *numbering
	status  mirror.Checkpoint
	// last is the last pass over the names; nil before the first.
	last *pass
	keys keywords
	// keysKept says that the file of keys was made durable in this session.
	keysKept bool
	// locked is the error of a wait for keywordsLock that was in vain. It is
	// not waited for a second time.
	locked error
}

var _ mirror.Mailbox = (*Mailbox)(nil)

// uidValidity is the UIDVALIDITY of every mailbox: what identifies a message
// in a Maildir is its base name.
const uidValidity = 1

// Open implements mirror.Repository.
func (r *Repository) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	if access == mirror.ReadWrite {
		if err := r.writable(); err != nil {
			return nil, err
		}
	}
	b, err := r.openBox(name, access)
	if err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	defer b.close()
	m := &Mailbox{repo: r, name: name, access: access, numbers: r.numbering(name)}
	m.numbers.raise(known.UIDNext)
	now, err := b.stamps()
	if err != nil {
		return nil, err
	}
	m.status = mirror.Checkpoint{UIDValidity: uidValidity, UIDNext: m.numbers.uidNext(), Messages: known.Messages, Stamps: now.String()}
	if m.keys, err = readKeywords(b.dir); err != nil {
		return nil, err
	}
	if access != mirror.ReadWrite {
		return m, nil
	}
	if known.UIDValidity == 0 {
		if err := r.keepPath(name); err != nil {
			return nil, fmt.Errorf("open mailbox: %w", reaching(err))
		}
	}
	return m, m.sweep(b)
}

// keepPath makes the directories of a mailbox durable that the state did not
// know: whoever made them may have been killed before that.
func (r *Repository) keepPath(name mirror.Name) error {
	raw, err := r.codec.Encode(name)
	if err != nil {
		return err
	}
	for ; ; raw = path.Dir(raw) {
		d, err := r.root.openPath(raw)
		if err != nil {
			return err
		}
		err = r.disk.sync(d)
		d.close()
		if err != nil || raw == "." {
			return err
		}
	}
}

// sweep removes what an interrupted run of ours left in tmp. The root is
// locked, so no other run of this host is at work in it.
func (m *Mailbox) sweep(b *box) error {
	return m.repo.disk.names(b.tmp, func(names []string) error {
		for _, name := range names {
			if !ownBase().MatchString(name) {
				continue
			}
			if err := m.repo.disk.remove(b.tmp, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove leftover in tmp: %w", reaching(err))
			}
		}
		return nil
	})
}

// Status implements mirror.Mailbox. Its UIDNext counts what was reserved.
func (m *Mailbox) Status() mirror.Checkpoint { return m.status }

// Reserve implements mirror.Mailbox.
func (m *Mailbox) Reserve(n int) []mirror.Ref { return m.numbers.reserve(n, m.repo.now()) }

// begin opens the mailbox for an effect, which changes its names.
func (m *Mailbox) begin() (*box, error) {
	if m.access != mirror.ReadWrite {
		return nil, fmt.Errorf("%w: mailbox is open for reading only", mirror.ErrDenied)
	}
	m.repo.changes(m.name)
	return m.repo.openBox(m.name, m.access)
}

// finder leads from bases to files during one call.
type finder struct {
	m   *Mailbox
	ctx context.Context
	box *box
	// fresh says that Mailbox.last was read during this call.
	fresh bool
}

func (m *Mailbox) finder(ctx context.Context, b *box) *finder {
	return &finder{m: m, ctx: ctx, box: b}
}

// act calls do with the file of base. Where do finds no file, because another
// program renamed, moved or removed it since the last pass, the names are read
// again and do is called with the new one, up to tries times. ErrGone says
// that there is no such file any more.
func (f *finder) act(base string, tries int, do func(e entry) error) error {
	for ; ; tries-- {
		if f.m.last == nil {
			if err := f.rescan(); err != nil {
				return err
			}
		}
		e, found := f.m.last.entries[base]
		if found && f.box.part(e.inNew) != nil {
			err := do(e)
			if !errors.Is(err, fs.ErrNotExist) || f.exists(e.place) {
				return err
			}
		}
		// A name can be skipped by a pass during which names changed.
		if tries <= 0 || !found && f.fresh && f.m.last.stable() {
			return mirror.ErrGone
		}
		if err := f.rescan(); err != nil {
			return err
		}
	}
}

// rescan reads the names again.
func (f *finder) rescan() error {
	f.fresh = true
	_, err := f.m.pass(f.ctx, f.box)
	return err
}

func (f *finder) exists(at place) bool {
	d := f.box.part(at.inNew)
	if d == nil {
		return false
	}
	_, err := d.root.Lstat(at.name)
	return err == nil
}

// moved records where the file of base is now.
func (m *Mailbox) moved(base string, at place) {
	e := m.last.entries[base]
	e.place = at
	m.last.entries[base] = e
}
