package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"mailtwin/mirror"
)

var errNoUndo = errors.New("there is no undo store")

// Remove implements mirror.Mailbox. With keep a file goes to the undo store;
// otherwise it is unlinked. Further files of the same message go with it.
func (m *Mailbox) Remove(ctx context.Context, refs []mirror.Ref, keep bool) ([]mirror.Removed, error) {
	b, err := m.begin()
	if err != nil {
		return nil, fmt.Errorf("remove messages: %w", err)
	}
	defer b.close()
	if keep && m.repo.opts.Undo == "" {
		return nil, fmt.Errorf("remove messages: %w", notDone(errNoUndo))
	}
	rm := &remover{finder: m.finder(ctx, b)}
	if keep && len(refs) > 0 {
		if rm.store, err = m.repo.openUndo(); err != nil {
			return nil, fmt.Errorf("open undo store: %w", notDone(err))
		}
		defer rm.store.close()
	}
	var results []mirror.Removed
	for _, ref := range refs {
		if err = ctx.Err(); err != nil {
			break
		}
		results = append(results, rm.remove(ref))
	}
	if err := rm.sync(); err != nil {
		for i := range results {
			if results[i].Err == nil {
				results[i].Err = err
			}
		}
		return results, fmt.Errorf("remove messages: %w", err)
	}
	return results, err
}

// remover carries out one Remove.
type remover struct {
	*finder
	store   *undoStore // nil: unlink
	touched touchedParts
}

func (rm *remover) remove(ref mirror.Ref) mirror.Removed {
	result := mirror.Removed{Ref: ref}
	err := rm.act(ref.Base, renameTries, func(e entry) error {
		// The twins go first: while the file that stands for the message is
		// there, nothing has happened to the message.
		for _, twin := range e.twins {
			if err := rm.take(ref, twin); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := rm.take(ref, e.place); err != nil {
			return err
		}
		delete(rm.m.last.entries, ref.Base)
		return nil
	})
	switch {
	case errors.Is(err, mirror.ErrGone):
		if _, there := rm.m.last.entries[ref.Base]; there || !rm.m.last.stable() {
			result.Err = notDone(fmt.Errorf("%w: its name keeps changing", mirror.ErrBusy))
		}
	case err != nil:
		result.Err = notDone(err)
	}
	return result
}

// take takes one file away.
func (rm *remover) take(ref mirror.Ref, at place) error {
	from := rm.box.part(at.inNew)
	if from == nil {
		return fs.ErrNotExist
	}
	var err error
	if rm.store != nil {
		flags, _ := rm.m.flagsOf(at)
		err = rm.store.keep(from, at.name, UndoEntry{Mailbox: rm.m.name.Components(), Base: ref.Base, Flags: flags.String()})
	} else {
		err = rm.m.repo.disk.remove(from, at.name)
	}
	if err == nil {
		rm.touched.add(at.inNew)
	}
	return err
}

// sync makes the removals durable: first that the undo store has the messages.
func (rm *remover) sync() error {
	if rm.store != nil {
		if err := rm.store.sync(); err != nil {
			return err
		}
	}
	return rm.touched.sync(rm.m.repo.disk, rm.box)
}
