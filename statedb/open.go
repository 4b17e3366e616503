package statedb

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"mailtwin/mirror"
)

// Options of Open. The zero value opens for a run.
type Options struct {
	// ReadOnly opens for plan and status. No lock is taken, nothing in the
	// state directory is created or changed, and a run that is active is not
	// disturbed: the DB shows the state as it was at Open. A state that is not
	// there reads as an empty one. Commit refuses everything but empty changes.
	ReadOnly bool
	// Now is the clock for names of files set aside and for what Close
	// forgets; nil is time.Now.
	Now func() time.Time
	// CheckOnClose runs Check in Close, for tests.
	CheckOnClose bool
	// sync stands in for syncDir, for tests.
	sync func(dir string) error
}

// A DB is the state of one pair: mirror.State. Its methods may be called from
// several goroutines; they run one at a time.
type DB struct {
	mu    sync.Mutex
	place place
	pair  string
	opts  Options
	lock  *flock.Flock // nil when read-only
	copy  *privateCopy // of a read-only DB
	file  *file        // nil: closed, or read-only and there is no state
	// closed keeps methods from taking a closed DB for an empty one.
	closed       bool
	wrote        bool // something was committed since Open
	quickChecked bool // Open found an unclean close
	rebuilt      *Rebuilt
}

var _ mirror.State = (*DB)(nil)

// Rebuilt says that a state was set aside and a fresh one was begun.
type Rebuilt struct {
	Reason error  // is mirror.ErrStateBroken
	Aside  string // the file's path now
}

var (
	errClosed   = errors.New("the state is closed")
	errReadOnly = errors.New("the state was opened for reading")
)

// Open opens the state of a pair in dir, the directory of all states, and
// creates both if need be. It locks the state until Close; a lock that is held
// is a *mirror.LockedError, and nothing was touched.
//
// A state that is damaged, or another pair's, is set aside and a fresh one is
// begun: see Rebuilt. With ReadOnly it is mirror.ErrStateBroken instead.
// A state of a newer schema is mirror.ErrStateNewer and left as it is.
// A directory that others may write to is ErrExposed.
func Open(dir, pair string, opts Options) (*DB, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	p, err := newPlace(dir, pair)
	if err != nil {
		return nil, err
	}
	if opts.sync != nil {
		p.sync = opts.sync
	}
	d := &DB{place: p, pair: pair, opts: opts}
	if opts.ReadOnly {
		err = d.openCopy()
	} else {
		err = d.openLocked()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (d *DB) openLocked() (err error) {
	if err := d.place.make(); err != nil {
		return err
	}
	if d.lock, err = takeLock(d.place.lock()); err != nil {
		return err
	}
	err = d.start()
	if errors.Is(err, mirror.ErrStateBroken) {
		err = d.restart(err)
	}
	if err != nil {
		return errors.Join(err, releaseLock(d.lock))
	}
	return nil
}

// start opens the file, or a new one where there is none. After an error it is
// not open, and as it was.
func (d *DB) start() error {
	if !exists(d.place.db()) {
		if err := create(d.place, d.pair); err != nil {
			return err
		}
	}
	if err := d.place.checkKind(); err != nil {
		return err
	}
	if d.place.unclean() {
		d.quickChecked = true
		if err := d.inspect(); err != nil {
			return err
		}
	} else if err := checkHeader(d.place.db()); err != nil {
		return err
	}
	f, err := openFile(d.place.db(), forRun)
	if err != nil {
		return err
	}
	return d.use(f)
}

// use makes f the file once it proves to be this pair's and its small tables
// to be whole.
func (d *DB) use(f *file) error {
	if err := f.checkMeta(d.pair); err != nil {
		return errors.Join(notOurs(err), f.close())
	}
	if _, err := f.load(); err != nil {
		return errors.Join(err, f.close())
	}
	d.file = f
	return nil
}

// inspect reads all of a state that was not closed, on a copy, so that the
// state and its log stay as they are if they are to be refused or set aside.
func (d *DB) inspect() error {
	c, err := copyState(d.place)
	if err != nil {
		return err
	}
	return errors.Join(quickCheck(c), c.remove())
}

func quickCheck(c *privateCopy) error {
	if err := checkHeader(c.db()); err != nil {
		return err
	}
	f, err := openFile(c.db(), forRead)
	if err != nil {
		return err
	}
	faults, err := f.texts("PRAGMA quick_check(1)")
	if err = explain("check state", err); err == nil && (len(faults) != 1 || faults[0] != "ok") {
		err = broken("after an unclean close: %q", faults)
	}
	return errors.Join(err, f.close())
}

// restart sets the file aside and begins a fresh one.
func (d *DB) restart(reason error) error {
	aside, err := d.place.setAside(d.opts.Now())
	if err != nil {
		return errors.Join(reason, err)
	}
	d.rebuilt = &Rebuilt{Reason: reason, Aside: aside}
	return d.start()
}

func (d *DB) openCopy() error {
	if err := d.place.check(); err != nil {
		return err
	}
	if err := d.place.checkKind(); err != nil {
		return err
	}
	c, err := copyState(d.place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.readCopy(c); err != nil {
		return errors.Join(err, c.remove())
	}
	d.copy = c
	return nil
}

func (d *DB) readCopy(c *privateCopy) error {
	if err := checkHeader(c.db()); err != nil {
		return fmt.Errorf("copy of %q: %w", d.place.db(), err)
	}
	f, err := openFile(c.db(), forRead)
	if err != nil {
		return err
	}
	return d.use(f)
}

// Rebuilt returns what Open or SetAside set aside; nil when they did not.
func (d *DB) Rebuilt() *Rebuilt {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rebuilt
}

// UndoDir returns the path of the pair's undo store. Whoever first needs the
// directory makes it.
func (d *DB) UndoDir() string { return d.place.undo() }

// SetAside gives up a state that proved broken while it was in use: it is
// renamed and a fresh one begun, under the same lock, and Rebuilt tells so. What
// was read before is void. After an error only Close may be called.
func (d *DB) SetAside(reason error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return errClosed
	case d.opts.ReadOnly:
		return errReadOnly
	}
	// What closing says of a broken file is of no interest.
	_ = d.file.close()
	d.file, d.wrote = nil, false
	if !errors.Is(reason, mirror.ErrStateBroken) {
		reason = fmt.Errorf("%w: %w", mirror.ErrStateBroken, reason)
	}
	if err := d.restart(reason); err != nil {
		d.closed = true
		return err
	}
	return nil
}

// Close folds the log into the file and gives up the lock. If something was
// committed, ghosts older than 30 days and runs before the last 100 are
// forgotten first. What was committed is durable whatever Close returns.
// A second Close does nothing.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	if d.file != nil {
		errs = append(errs, d.finish(), d.file.close())
	}
	if d.copy != nil {
		errs = append(errs, d.copy.remove())
	}
	if d.lock != nil {
		errs = append(errs, releaseLock(d.lock))
	}
	d.file, d.copy, d.lock, d.closed = nil, nil, nil, true
	return errors.Join(errs...)
}

func (d *DB) finish() error {
	if d.opts.ReadOnly {
		return nil
	}
	if d.wrote {
		if err := d.file.prune(d.opts.Now()); err != nil {
			return err
		}
	}
	if d.opts.CheckOnClose {
		return d.file.check()
	}
	return nil
}
