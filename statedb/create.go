package statedb

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
)

// create makes an empty state for a pair at p. It is built under another name
// and renamed when it is complete and durable: no crash leaves a part of one.
func create(p place, pair string) error {
	building := p.db() + ".new"
	// Leftovers of a crash, and of a state that somebody took away.
	for _, path := range []string{building, building + "-wal", building + "-shm", p.wal(), p.db() + "-shm"} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("create state: %w", err)
		}
	}
	made, err := os.OpenFile(building, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create state: %w", err)
	}
	if err := made.Close(); err != nil {
		return fmt.Errorf("create state: %w", err)
	}
	f, err := openFile(building, forRun)
	if err != nil {
		return err
	}
	if err := errors.Join(f.build(pair), f.close()); err != nil {
		return fmt.Errorf("create state: %w", err)
	}
	if err := os.Rename(building, p.db()); err != nil {
		return fmt.Errorf("create state: %w", err)
	}
	return p.sync(p.dir)
}

// build writes schema and meta. The file is complete once the log was folded
// into it, which is tested here because closing would not say so.
func (f *file) build(pair string) error {
	w, err := f.begin()
	if err != nil {
		return err
	}
	if err := w.fill(pair); err != nil {
		w.rollback()
		return err
	}
	return f.fold()
}

func (w *writer) fill(pair string) error {
	script := fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, schemaVersion)
	if err := w.file.exec(script); err != nil {
		return explain("write schema", err)
	}
	stored, err := w.file.schemaSum()
	if err != nil {
		return err
	}
	if err := w.put(metaTable, "pair", pair); err != nil {
		return err
	}
	if err := w.put(metaTable, "schema", stored); err != nil {
		return err
	}
	return w.commit()
}

// schemaSum returns the checksum of the schema as the file holds it: damage to
// it could give columns another meaning.
func (f *file) schemaSum() (string, error) {
	list, err := f.texts("SELECT type || ' ' || name || ' ' || rootpage || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY name")
	if err != nil {
		return "", explain("read schema", err)
	}
	sum := crc32.Checksum([]byte(strings.Join(list, "\n")), castagnoli)
	return strconv.FormatUint(uint64(sum), 16), nil
}

// checkMeta tests that the file is this pair's and its schema as it was made.
func (f *file) checkMeta(pair string) error {
	stored, err := f.schemaSum()
	if err != nil {
		return err
	}
	meta := map[string]string{}
	err = f.each(metaTable, 0, func(r *row) error {
		name := r.text()
		meta[name] = r.text()
		return nil
	})
	if err != nil {
		return err
	}
	if meta["schema"] != stored {
		return broken("its schema was damaged")
	}
	if meta["pair"] != pair {
		return broken("it is the state of pair %q", meta["pair"])
	}
	return nil
}
