package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mailtwin/mirror"
)

// letters returns the letters of flags in this mailbox. Keywords that have
// none get one, while there are any left; what cannot be kept has none.
func (m *Mailbox) letters(ctx context.Context, b *box, flags mirror.Flags) (string, error) {
	missing := m.keys.lacks(flags)
	if len(missing) == 0 {
		return m.keptLetters(b, flags)
	}
	if m.locked != nil {
		return "", m.locked
	}
	// A letter that some file has may mean something that only its program
	// knows.
	if m.last == nil {
		if _, err := m.pass(ctx, b); err != nil {
			return "", err
		}
	}
	keys, err := m.repo.addKeywords(ctx, b.dir, missing, m.last.used)
	if err != nil {
		err = fmt.Errorf("add keyword: %w", err)
		if errors.Is(err, errDotlocked) {
			m.locked = err
		}
		return "", err
	}
	m.keys, m.keysKept = keys, true
	return keys.letters(flags), nil
}

// keptLetters returns letters that are there. Whoever wrote the file that
// explains them may not have made its name durable; a run of ours that was
// killed did not.
func (m *Mailbox) keptLetters(b *box, flags mirror.Flags) (string, error) {
	letters := m.keys.letters(flags)
	if m.keysKept || !strings.ContainsFunc(letters, func(l rune) bool { return 'a' <= l && l <= 'z' }) {
		return letters, nil
	}
	if err := m.repo.disk.sync(b.dir); err != nil {
		return "", fmt.Errorf("sync keywords: %w", err)
	}
	m.keysKept = true
	return letters, nil
}

// Store implements mirror.Mailbox. The flags are changed in the name that the
// file has now, whatever another program made of it. An error of one message
// means that its name is as it was, unless the directory could not be synced,
// which the returned error says.
func (m *Mailbox) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	b, err := m.begin()
	if err != nil {
		return nil, fmt.Errorf("store flags: %w", err)
	}
	defer b.close()
	find := m.finder(ctx, b)
	var touched touchedParts
	var results []mirror.Stored
	for _, change := range changes {
		if err = ctx.Err(); err != nil {
			break
		}
		results = append(results, m.store(find, change, &touched))
	}
	if err := touched.sync(m.repo.disk, b); err != nil {
		for i := range results {
			if results[i].Err == nil {
				results[i].Err = err
			}
		}
		return results, fmt.Errorf("store flags: %w", err)
	}
	return results, err
}

// renameTries is how often a file is looked for again that another program
// renames at the same time.
const renameTries = 3

func (m *Mailbox) store(find *finder, change mirror.FlagChange, touched *touchedParts) mirror.Stored {
	result := mirror.Stored{Ref: change.Ref}
	add, err := m.letters(find.ctx, find.box, change.Add)
	if err != nil {
		result.Err = notDone(err)
		return result
	}
	remove := m.keys.letters(change.Remove)
	err = find.act(change.Base, renameTries, func(e entry) error {
		result.Flags, _ = m.flagsOf(e.place)
		to, err := m.restow(find.box, e.place, add, remove)
		if err != nil {
			return err
		}
		if to != e.place {
			touched.add(e.inNew)
			touched.add(to.inNew)
			m.moved(change.Base, to)
		}
		result.Flags, _ = m.flagsOf(to)
		return nil
	})
	switch {
	case errors.Is(err, mirror.ErrGone):
		result.Err = err
	case errors.Is(err, fs.ErrExist):
		result.Err = notDone(fmt.Errorf("%w: %w", errNameTaken, err))
	case err != nil:
		result.Err = notDone(err)
	}
	return result
}

// restow renames the file at a place so that its name has letters added and
// removed, and returns where it is then. A file in new that gets flags moves
// to cur.
func (m *Mailbox) restow(b *box, at place, add, remove string) (place, error) {
	old := at.parse()
	n := old.with(add, remove)
	if n == old {
		_, err := b.part(at.inNew).root.Lstat(at.name)
		return at, err
	}
	to := n.place(at.inNew)
	return to, m.repo.disk.rename(b.part(at.inNew), at.name, b.part(to.inNew), to.name)
}
