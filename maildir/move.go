package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"mailtwin/mirror"
)

// mover carries out one Move.
type mover struct {
	*finder
	// target is a handle of its own; that of the caller, if it has one, shares
	// the numbering.
	target        *Mailbox
	targetBox     *box
	left, entered touchedParts
}

// Move implements mirror.Mailbox: a rename. The base stays the same unless the
// target has a message of that name; then it is the reserved one. Keywords get
// the letters that they have in the target; those that it cannot keep are lost
// from the name.
func (m *Mailbox) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	b, err := m.begin()
	if err != nil {
		return nil, fmt.Errorf("move messages: %w", err)
	}
	defer b.close()
	mv := &mover{finder: m.finder(ctx, b)}
	if err := mv.openTarget(target); err != nil {
		return nil, fmt.Errorf("move messages to %q: %w", target.String(), err)
	}
	defer mv.targetBox.close()
	var results []mirror.Moved
	for _, move := range moves {
		if err = ctx.Err(); err != nil {
			break
		}
		results = append(results, mv.move(move))
	}
	if err := mv.sync(); err != nil {
		for i := range results {
			if results[i].Err == nil {
				results[i].Err = err
			}
		}
		return results, fmt.Errorf("move messages to %q: %w", target.String(), err)
	}
	return results, err
}

// openTarget opens the target and reads what names it holds.
func (mv *mover) openTarget(name mirror.Name) error {
	r := mv.m.repo
	b, err := r.openBox(name, mirror.ReadWrite)
	if err != nil {
		return err
	}
	t := &Mailbox{repo: r, name: name, access: mirror.ReadWrite, numbers: r.numbering(name)}
	if t.keys, err = readKeywords(b.dir); err == nil {
		_, err = t.pass(mv.ctx, b)
	}
	if err != nil {
		b.close()
		return reaching(err)
	}
	r.changes(name)
	mv.target, mv.targetBox = t, b
	return nil
}

func (mv *mover) move(move mirror.Move) mirror.Moved {
	result := mirror.Moved{From: move.Ref}
	err := mv.act(move.Base, renameTries, func(e entry) error {
		to, base, err := mv.rename(e, move)
		if err != nil {
			return err
		}
		mv.left.add(e.inNew)
		mv.entered.add(to.inNew)
		for _, twin := range e.twins { // the same octets under the same base name
			if mv.m.repo.disk.remove(mv.box.part(twin.inNew), twin.name) == nil {
				mv.left.add(twin.inNew)
			}
		}
		delete(mv.m.last.entries, move.Base)
		mv.target.moved(base, to)
		mv.target.numbers.bind(base, move.Reserved.UID)
		result.To = mirror.Ref{UID: move.Reserved.UID, Base: base}
		return nil
	})
	switch {
	case errors.Is(err, mirror.ErrGone):
		result.Err = notDone(err)
	case err != nil:
		result.Err = notDone(fmt.Errorf("rename: %w", err))
	}
	return result
}

// rename moves one file and returns where it is in the target, under which
// base.
func (mv *mover) rename(e entry, move mirror.Move) (place, string, error) {
	n := e.parse()
	letters, err := mv.translated(e, n)
	if err != nil {
		return place{}, "", err
	}
	n.letters = letters
	bases := []string{move.Base, move.Reserved.Base}
	for _, base := range bases {
		if _, taken := mv.target.last.entries[base]; taken || base == "" {
			continue
		}
		n.base = base
		to := n.place(e.inNew)
		err := mv.m.repo.disk.rename(mv.box.part(e.inNew), e.name, mv.targetBox.part(to.inNew), to.name)
		if !errors.Is(err, fs.ErrExist) {
			return to, base, err
		}
	}
	return place{}, "", errNameTaken
}

// translated returns the letters of a name as the target writes them.
func (mv *mover) translated(e entry, n fileName) (string, error) {
	flags, _ := mv.m.flagsOf(e.place)
	keywords, err := mv.target.letters(mv.ctx, mv.targetBox, keywordsOf(flags))
	if err != nil {
		return "", err
	}
	const ours = "abcdefghijklmnopqrstuvwxyz"
	return n.with("", ours).with(keywords, "").letters, nil
}

// sync makes the moves durable: first that the messages are in the target,
// then that they are no longer here.
func (mv *mover) sync() error {
	disk := mv.m.repo.disk
	if err := mv.entered.sync(disk, mv.targetBox); err != nil {
		return err
	}
	return mv.left.sync(disk, mv.box)
}
