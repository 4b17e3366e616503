package maildir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"mailtwin/mirror"
)

const (
	undoDay     = "20060102"
	undoMessage = ".eml"
	undoNote    = ".json"
)

// UndoEntry is what the undo store keeps beside a message: the message is
// DIR/YYYYMMDD/ID.eml, its entry DIR/YYYYMMDD/ID.json. An entry without a
// message is left of a removal that did not happen.
type UndoEntry struct {
	Label   string    `json:"label"`   // Options.Label
	Mailbox []string  `json:"mailbox"` // the components of its name
	Base    string    `json:"base"`
	Flags   string    `json:"flags"` // as mirror.ParseFlags reads them
	Date    time.Time `json:"date"`  // INTERNALDATE
	Removed time.Time `json:"removed"`
}

// undoStore is the open directory of today in the undo store.
type undoStore struct {
	repo    *Repository
	day     *directory
	touched bool
}

// openUndo opens the undo store for today and makes what is missing (0700).
func (r *Repository) openUndo() (*undoStore, error) {
	if err := makeDirectories(r.opts.Undo, r.disk); err != nil {
		return nil, err
	}
	root, err := openRoot(r.opts.Undo)
	if err != nil {
		return nil, err
	}
	defer root.close()
	// A run that was killed may have made it and synced nothing.
	if err := r.keepName(r.opts.Undo); err != nil {
		return nil, err
	}
	day, err := r.makeChild(root, r.now().UTC().Format(undoDay))
	if err != nil {
		return nil, err
	}
	return &undoStore{repo: r, day: day}, nil
}

// keepUndo makes the names of the newest day in the undo store durable, once a
// run. A run that was killed may have moved messages there and synced nothing;
// were the mailbox they left synced first, a power cut could take both names.
func (r *Repository) keepUndo() error {
	if r.opts.Undo == "" || r.access != mirror.ReadWrite {
		return nil
	}
	r.mu.Lock()
	done := r.undoKept
	r.undoKept = true
	r.mu.Unlock()
	if done {
		return nil
	}
	root, err := openRoot(r.opts.Undo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open undo store: %w", err)
	}
	defer root.close()
	names, err := root.handle.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read undo store: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !undoDayForm.MatchString(name) })
	if len(names) == 0 {
		return nil
	}
	day, err := root.open(slices.Max(names))
	if err != nil {
		return fmt.Errorf("open undo store: %w", err)
	}
	defer day.close()
	for _, d := range []*directory{day, root} {
		if err := r.disk.sync(d); err != nil {
			return fmt.Errorf("sync undo store: %w", reaching(err))
		}
	}
	return r.keepName(r.opts.Undo)
}

func (s *undoStore) close() { s.day.close() }

// keep moves the file called name out of from. The entry is durable before the
// message moves; after an error the message is where it was. fs.ErrNotExist
// says that it was not there.
func (s *undoStore) keep(from *directory, name string, e UndoEntry) error {
	info, err := from.root.Lstat(name)
	if err != nil {
		return err
	}
	e.Label, e.Date, e.Removed = s.repo.opts.Label, info.ModTime(), s.repo.now()
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	id := randomHex(16)
	if err := s.repo.writeFile(s.day, id+undoNote, text); err != nil {
		return fmt.Errorf("write undo entry: %w", err)
	}
	s.touched = true
	err = s.repo.disk.rename(from, name, s.day, id+undoMessage)
	if isCrossDevice(err) {
		err = s.copy(from, name, id+undoMessage, info.ModTime())
	}
	if err != nil {
		s.repo.disk.remove(s.day, id+undoNote)
	}
	return err
}

// copy brings a message to the undo store on another file system. It is
// durable there before it is unlinked here.
func (s *undoStore) copy(from *directory, name, newName string, date time.Time) error {
	source, info, err := s.repo.disk.open(from, name)
	if err != nil {
		return err
	}
	defer source.Close()
	// A file that reads shorter than it is must not be taken for the message.
	whole := &exactReader{source: source, size: info.Size()}
	if err := s.repo.copyFile(whole, s.day, newName, date); err != nil {
		return fmt.Errorf("copy to undo store: %w", err)
	}
	err = s.repo.disk.sync(s.day)
	if err == nil {
		err = s.repo.disk.remove(from, name)
	}
	if err != nil {
		s.repo.disk.remove(s.day, newName)
	}
	return err
}

// sync makes the names in the undo store durable.
func (s *undoStore) sync() error {
	if !s.touched {
		return nil
	}
	if err := s.repo.disk.sync(s.day); err != nil {
		return fmt.Errorf("sync undo store: %w", reaching(err))
	}
	return nil
}

var (
	undoDayForm  = regexp.MustCompile(`^[0-9]{8}$`)
	undoFileForm = regexp.MustCompile(`^[0-9a-f]{32}\.(eml|json)$`)
)

// PurgeUndo removes from the undo store in dir what was removed from its
// Maildir on a day (UTC) that had ended at before. Files that the store did
// not make stay, and so does their directory. A missing store is no error.
func PurgeUndo(dir string, before time.Time) error {
	root, err := openRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("purge undo store: %w", err)
	}
	defer root.close()
	days, err := root.handle.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("purge undo store: %w", err)
	}
	var failed error
	for _, name := range days {
		day, err := time.Parse(undoDay, name)
		if err != nil || !undoDayForm.MatchString(name) || day.AddDate(0, 0, 1).After(before) {
			continue
		}
		if err := purgeDay(root, name); err != nil {
			failed = errors.Join(failed, fmt.Errorf("purge undo store: %w", err)) // the other days are purged all the same
		}
	}
	return failed
}

func purgeDay(root *directory, name string) error {
	day, err := root.open(name)
	if err != nil {
		return err
	}
	defer day.close()
	files, err := day.handle.Readdirnames(-1)
	if err != nil {
		return err
	}
	foreign := false
	for _, file := range files {
		if !undoFileForm.MatchString(file) {
			foreign = true
			continue
		}
		if err := day.root.Remove(file); err != nil {
			return err
		}
	}
	if foreign {
		return nil
	}
	return root.root.Remove(name)
}
