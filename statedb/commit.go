package statedb

import (
	"errors"
	"fmt"
	"slices"

	"mailtwin/mirror"
)

// Commit writes changes in one transaction, in the order of mirror.Changes:
// sides, everything that is dropped, then what is put. A put replaces the row
// of the same key. When it returns nil the changes are durable and new intents
// have their IDs, which are never given twice; after an error nothing was
// changed, in changes neither. Empty changes do not touch the file.
//
// Dropping a mailbox drops first what Forget drops. Refused are a message, tomb
// or quarantine of a mailbox without a row, a record whose messages are not
// both there or are in another record, and the drop of a message that a record
// still uses.
func (d *DB) Commit(changes *mirror.Changes) error {
	if changes == nil || changes.Empty() {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return errClosed
	case d.opts.ReadOnly:
		return errReadOnly
	}
	if err := valid(changes); err != nil {
		return err
	}
	ids, err := d.file.commit(changes)
	if err != nil {
		return err
	}
	for n, intent := range changes.Intents {
		intent.ID = ids[n]
	}
	d.wrote = true
	d.tidy()
	return nil
}

// CommitLate is Commit in the background, see mirror.LateCommitter.
func (d *DB) CommitLate(changes *mirror.Changes) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- d.Commit(changes) }()
	return func() error { return <-done }
}

// tidy folds a long log into the file, so that the next commit begins it anew.
// The changes are durable without it: where it fails it is tried again after the
// next commit, and by Close.
func (d *DB) tidy() {
	if d.place.logTooLong() {
		_ = d.file.fold()
	}
}

// commit returns the ids of changes.Intents.
func (f *file) commit(changes *mirror.Changes) ([]int64, error) {
	w, err := f.begin()
	if err != nil {
		return nil, err
	}
	ids, err := w.write(changes)
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		w.rollback()
		return nil, f.suspect(err)
	}
	return ids, nil
}

// suspect looks into the file when changes were refused. Only an index may show
// what they seem to contradict: it is in no checksum, and an index of another
// moment would refuse the same changes for ever.
func (f *file) suspect(err error) error {
	if errors.Is(err, mirror.ErrStateBroken) || errors.Is(err, mirror.ErrFull) {
		return err
	}
	faults, checkErr := f.unsound()
	if len(faults) > 0 || errors.Is(explain("check", checkErr), mirror.ErrStateBroken) {
		return broken("%q: %w", faults, err)
	}
	return err
}

func (w *writer) write(c *mirror.Changes) ([]int64, error) {
	for _, s := range c.Sides {
		if err := w.put(sideTable, sideValues(s.Side, s.Row)...); err != nil {
			return nil, err
		}
	}
	if err := w.drops(c); err != nil {
		return nil, err
	}
	if err := w.puts(c); err != nil {
		return nil, err
	}
	ids, err := w.putIntents(c.Intents)
	if err != nil {
		return nil, err
	}
	if c.Run != nil {
		err = w.putRun(c.Run)
	}
	return ids, err
}

// valid refuses what no row could stand for.
func valid(c *mirror.Changes) error {
	for _, check := range []struct {
		bad  bool
		what string
	}{
		{anyOf(c.Sides, func(s mirror.SideChange) bool { return badSide(s.Side) }), "sides"},
		{anyOf(c.Renames, badRename), "mailboxes to rename"},
		{anyOf(c.Forget, badMailbox), "mailboxes to forget"},
		{anyOf(c.DropMailboxes, badMailbox), "mailboxes to drop"},
		{anyOf(c.DropMessages, badMessage), "messages to drop"},
		{anyOf(c.DropTombs, badMessage), "tombs to drop"},
		{anyOf(c.DropQuarantine, badMessage), "quarantine to drop"},
		{anyOf(c.Mailboxes, func(m mirror.MailboxRow) bool { return badMailbox(mirror.MailboxKey{Side: m.Side, Name: m.Name}) }), "mailboxes"},
		{anyOf(c.Messages, func(m mirror.MessageRow) bool { return m.UID == 0 || badSide(m.Side) }), "messages"},
		{anyOf(c.Tombs, func(t mirror.Tomb) bool { return t.UID == 0 || badSide(t.Side) }), "tombs"},
		{anyOf(c.Quarantine, func(q mirror.Quarantined) bool { return q.UID == 0 || badSide(q.Side) }), "quarantine"},
		{anyOf(c.Intents, func(i *mirror.Intent) bool { return i == nil || i.ID < 0 || badSide(i.Side) }), "intents"},
	} {
		if check.bad {
			return fmt.Errorf("commit: %s: one has no side, name or UID", check.what)
		}
	}
	return nil
}

func anyOf[T any](list []T, bad func(T) bool) bool { return slices.ContainsFunc(list, bad) }

func badSide(s mirror.Side) bool { return s != mirror.Far && s != mirror.Near }

func badMailbox(key mirror.MailboxKey) bool { return key.Name == "" || badSide(key.Side) }

func badMessage(key mirror.MessageKey) bool { return badSide(key.Side) }

func badRename(r mirror.MailboxRename) bool {
	for _, side := range mirror.Sides {
		if r.From == r.To || r.From == "" || r.Rows[side].Side != side || r.Rows[side].Name != r.To || r.To == "" {
			return true
		}
	}
	return false
}
