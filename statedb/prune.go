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
	err := w.drop(intentTable, 0, "kind = ? AND created < ?", num(mirror.GhostIntent), seconds(now.Add(-ghostAge)))
	if err != nil {
		return err
	}
	if err := w.drop(runTable, 0, "id <= (SELECT max(id) FROM run) - ?", keptRuns); err != nil {
		return err
	}
	return w.commit()
}
