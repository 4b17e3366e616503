package maildir

import (
	"context"
	"fmt"
	"io"

	"mailtwin/mirror"
)

// copier carries out one Copy.
type copier struct {
	*appender
	find *finder
}

// Copy implements mirror.Mailbox: each copy is a file of its own, on its way through
// tmp as in Append. It shares the donor's blocks where the file system can do that
// (FICLONE on Linux), and else gets its octets; it is never a second name of the same file.
//
// A donor's file is read before, in the background as the copies are written: where it
// does not hold what it is known by it is ErrGone.
func (m *Mailbox) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	from, err := m.repo.openBox(m.name, m.access)
	if err != nil {
		return nil, notDone(fmt.Errorf("copy messages: %w", err))
	}
	defer from.close()
	t, err := m.copyTarget(target)
	if err != nil {
		return nil, notDone(fmt.Errorf("copy messages to %q: %w", target.String(), err))
	}
	b, err := t.begin()
	if err != nil {
		return nil, notDone(fmt.Errorf("copy messages to %q: %w", target.String(), err))
	}
	c := &copier{appender: newAppender(ctx, t, b), find: m.finder(ctx, from)}
	for i := range copies {
		err := c.take(&copies[i])
		if c.ended = ctx.Err(); c.ended != nil || endsBatch(err) || c.full.Load() {
			break
		}
	}
	c.named <- c.name()
	results, err := c.end()
	list := make([]mirror.Copied, len(results))
	for i, r := range results {
		list[i] = mirror.Copied{From: copies[i].Donor.Ref, To: r.Target, Flags: r.Flags, Err: r.Err}
	}
	return list, err
}

// copyTarget returns a handle of the target, which shares the numbering with that of the
// caller.
func (m *Mailbox) copyTarget(name mirror.Name) (*Mailbox, error) {
	if name == m.name {
		return nil, fmt.Errorf("%w: onto the same mailbox", mirror.ErrRefused)
	}
	t := &Mailbox{repo: m.repo, name: name, access: m.access, numbers: m.repo.numbering(name)}
	b, err := m.repo.openBox(name, t.access)
	if err != nil {
		return nil, err
	}
	defer b.close()
	t.keys, err = readKeywords(b.dir)
	return t, err
}

// take finds a donor's file, and begins to make a copy of it in tmp.
func (c *copier) take(one *mirror.Copying) error {
	d := &delivery{target: one.Reserved, date: one.Date}
	c.list = append(c.list, d)
	if err := c.prepare(d, one.Flags); err != nil {
		return d.fail(err)
	}
	var from source
	var size int64
	err := c.find.act(one.Donor.Base, 1, func(e entry) error {
		f, info, err := c.repo.disk.open(c.find.box.part(e.inNew), e.name)
		if err == nil {
			from, size = f, info.Size()
		}
		return err
	})
	if err != nil {
		return d.fail(fmt.Errorf("open donor: %w", err))
	}
	c.files.Go(func() error {
		defer from.Close()
		if err := c.write(d, from, size, &one.Donor); endsBatch(err) {
			c.full.Store(true)
		}
		return nil
	})
	return nil
}

// write makes a copy of a donor's file durable in tmp.
func (c *copier) write(d *delivery, from source, size int64, donor *mirror.Message) error {
	f := &tmpFile{disk: c.repo.disk, dir: c.box.tmp, name: d.target.Base}
	err := c.fill(f, from, size, donor)
	if err == nil {
		err = f.settle(d.date)
	}
	if err != nil {
		return c.discard(d, f, err)
	}
	return nil
}

// fill puts the octets of a donor into f, and checks that they are its own: those that f
// holds, for other programs may write to the donor at any moment.
func (c *copier) fill(f *tmpFile, from source, size int64, donor *mirror.Message) error {
	shared, err := f.share(from)
	if err != nil {
		return err
	}
	if shared {
		from = f.shared(size)
	}
	body, err := formOf(from, size)
	if err != nil {
		return fmt.Errorf("read donor: %w", err)
	}
	hasher := mirror.NewHasher(body.Form)
	var to io.Writer = hasher
	if !shared {
		to = io.MultiWriter(io.NewOffsetWriter(f, 0), hasher)
	}
	if _, err := io.Copy(to, body.Reader); err != nil {
		return fmt.Errorf("copy donor: %w", err)
	}
	if !isKnown(donor, hasher) {
		return fmt.Errorf("%w: the file holds something else", mirror.ErrGone)
	}
	return nil
}

// isKnown reports whether what was read is what a message is known by.
func isKnown(m *mirror.Message, read *mirror.Hasher) bool {
	is := read.Sum()
	switch known := m.Identity; {
	case known.Exact.Known():
		return is.Exact == known.Exact && is.Form == known.Form
	case known.Header.Known() && known.Header != is.Header:
		return false
	}
	return read.Size() == m.Size
}
