package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"mailtwin/mirror"
)

// parallelSyncs is how many files are made durable at once.
const parallelSyncs = 16

var (
	errNameTaken  = errors.New("a message of that name is there already")
	errNoName     = errors.New("no usable name is reserved")
	errDuplicated = errors.New("the name is reserved twice in one batch")
)

// delivery is a message on its way through tmp.
type delivery struct {
	result mirror.Appended
	target mirror.Ref
	to     place
	date   time.Time
}

// appender carries out one Append.
type appender struct {
	*Mailbox
	ctx  context.Context
	box  *box
	list []*delivery
	// files are those on their way to the disk.
	files errgroup.Group
	full  atomic.Bool // no more can be written
	ended error       // the call was cancelled
	named chan error  // receives the result of name
}

// Append implements mirror.Mailbox. A message's octets are written as they
// come, in the background what is left at its end; files become durable in parallel;
// then all of them get their names, in order, and the directories are synced once.
//
// A batch ends early, with the error of one of its last results, when there is no
// space left or nothing may be written.
func (m *Mailbox) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) ([]mirror.Appended, error) {
	return m.AppendLate(ctx, batch)()
}

// AppendLate implements mirror.LateAppender: results waits for the names.
func (m *Mailbox) AppendLate(ctx context.Context, batch iter.Seq[mirror.Incoming]) func() ([]mirror.Appended, error) {
	b, err := m.begin()
	if err != nil {
		return func() ([]mirror.Appended, error) { return nil, fmt.Errorf("append messages: %w", err) }
	}
	a := newAppender(ctx, m, b)
	for in := range batch {
		err := a.take(in)
		if a.ended = ctx.Err(); a.ended != nil || endsBatch(err) || a.full.Load() {
			break
		}
	}
	go func() { a.named <- a.name() }()
	return a.end
}

func newAppender(ctx context.Context, m *Mailbox, b *box) *appender {
	a := &appender{Mailbox: m, ctx: ctx, box: b, named: make(chan error, 1)}
	a.files.SetLimit(parallelSyncs)
	return a
}

// end waits for the names and returns the results.
func (a *appender) end() ([]mirror.Appended, error) {
	defer a.box.close()
	ended := a.ended
	if err := <-a.named; err != nil {
		ended = err
	}
	results := make([]mirror.Appended, len(a.list))
	for i, d := range a.list {
		if d.result.Target == d.target { // it has its name
			a.numbers.bind(d.target.Base, d.target.UID)
			if a.last != nil {
				a.moved(d.target.Base, d.to)
			}
		}
		results[i] = d.result
		if ended == nil && endsBatch(d.result.Err) {
			ended = d.result.Err
		}
	}
	if ended != nil {
		return results, fmt.Errorf("append messages: %w", ended)
	}
	return results, nil
}

// take reads one message, and begins to make it durable in tmp. After an error nothing
// of it is left.
func (a *appender) take(in mirror.Incoming) error {
	d := &delivery{result: mirror.Appended{Source: in.Source}, target: in.Reserved, date: in.Date}
	a.list = append(a.list, d)
	if err := a.prepare(d, in.Flags); err != nil {
		return d.fail(err)
	}
	f := &tmpFile{disk: a.repo.disk, dir: a.box.tmp, name: d.target.Base}
	w := newFormWriter(f, in.Body.Form)
	if err := read(w, in); err != nil {
		w.release()
		return a.discard(d, f, err)
	}
	a.files.Go(func() error {
		if err := a.finish(d, w, f); endsBatch(err) {
			a.full.Store(true)
		}
		return nil
	})
	return nil
}

// finish makes a message durable that was read in full.
func (a *appender) finish(d *delivery, w *formWriter, f *tmpFile) error {
	form, err := w.finish()
	w.release()
	if err == nil {
		d.result.Form, err = form, f.settle(d.date)
	}
	if err != nil {
		return a.discard(d, f, err)
	}
	return nil
}

// discard takes a message back that did not reach its place.
func (a *appender) discard(d *delivery, f *tmpFile, err error) error {
	return d.fail(errors.Join(err, f.remove()))
}

// fail makes err the result: the message is not there.
func (d *delivery) fail(err error) error {
	d.result.Err = notDone(err)
	return d.result.Err
}

// prepare finds out where a message goes.
func (a *appender) prepare(d *delivery, flags mirror.Flags) error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if !validBase(d.target.Base) {
		return fmt.Errorf("%q: %w", d.target.Base, errNoName)
	}
	if a.last != nil {
		if _, taken := a.last.entries[d.target.Base]; taken {
			return errNameTaken
		}
	}
	letters, err := a.letters(a.ctx, a.box, flags)
	if err != nil {
		return err
	}
	n := fileName{base: d.target.Base}.with(letters, "")
	d.to = n.place(true)
	d.result.Flags, _ = a.flagsOf(d.to)
	return nil
}

// chunks are the buffers that bodies flow through.
var chunks = sync.Pool{New: func() any { chunk := make([]byte, 32<<10); return &chunk }}

// read streams a message into w and checks that it is whole.
func read(w *formWriter, in mirror.Incoming) error {
	if in.Body.Octets == 0 {
		return mirror.ErrEmptyBody
	}
	// One octet more than announced shows a body that is too long.
	chunk := chunks.Get().(*[]byte)
	defer chunks.Put(chunk)
	octets, err := io.CopyBuffer(w, io.LimitReader(in.Body.Reader, in.Body.Octets+1), *chunk)
	switch {
	case w.err != nil:
		return w.err
	case err != nil:
		return fmt.Errorf("read message: %w", err)
	case octets != in.Body.Octets:
		return fmt.Errorf("%w: announced %d octets", mirror.ErrShortBody, in.Body.Octets)
	}
	return nil
}

// name gives durable files their names and makes those durable. After an error that it
// returns, nobody knows which names are.
func (a *appender) name() error {
	a.files.Wait()
	var touched touchedParts
	for _, d := range a.list {
		if d.result.Err != nil {
			continue
		}
		err := a.repo.disk.rename(a.box.tmp, d.target.Base, a.box.part(d.to.inNew), d.to.name)
		if err != nil {
			if errors.Is(err, fs.ErrExist) {
				err = fmt.Errorf("%w: %w", errNameTaken, err)
			}
			d.fail(errors.Join(err, a.repo.disk.remove(a.box.tmp, d.target.Base)))
			continue
		}
		touched.add(d.to.inNew)
		d.result.Target = d.target
	}
	err := touched.sync(a.repo.disk, a.box)
	if err == nil {
		return nil
	}
	for _, d := range a.list {
		if d.result.Err == nil {
			d.result.Err = err
		}
	}
	return err
}

// touchedParts are the directories of a mailbox whose names changed.
type touchedParts struct {
	cur, new bool
}

func (t *touchedParts) add(inNew bool) {
	if inNew {
		t.new = true
	} else {
		t.cur = true
	}
}

// sync makes the names in the touched directories durable: cur first, since
// messages move from new to cur.
func (t *touchedParts) sync(d disk, b *box) error {
	if t.cur {
		if err := d.sync(b.cur); err != nil {
			return fmt.Errorf("sync cur: %w", reaching(err))
		}
	}
	if t.new {
		if err := d.sync(b.new); err != nil {
			return fmt.Errorf("sync new: %w", reaching(err))
		}
	}
	return nil
}
