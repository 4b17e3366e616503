package statedb

import (
	"time"

	"mailtwin/mirror"
)

const (
	ghostAge = 30 * 24 * time.Hour
	keptRuns = 100
)

// prune forgets ghosts older than 30 days and the runs before the last 100.
func (f *file) prune(now time.Time) error {
	w, err := f.begin()
	if err != nil {
		return err
	}
	if err := w.prune(now); err != nil {
		w.rollback()
		return err
	}
	return nil
}

func (w *writer) prune(now time.Time) error {
	old, err := w.file.oldGhosts(now.Add(-ghostAge))
	if err != nil {
		return err
	}
	if err := w.dropIntents(old); err != nil {
		return err
	}
	if err := w.drop(runTable, 0, "id <= (SELECT max(id) FROM run) - ?", keptRuns); err != nil {
		return err
	}
	return w.commit()
}

// oldGhosts returns the ghosts that were made before a moment.
func (f *file) oldGhosts(before time.Time) (ids []int64, err error) {
	err = f.each(intentTable, 0, func(r *row) error {
		if in := r.intent(); in.Kind == mirror.GhostIntent && !in.Created.IsZero() && in.Created.Before(before) {
			ids = append(ids, in.ID)
		}
		return nil
	})
	return ids, err
}
