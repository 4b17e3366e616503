package statedb

import (
	"cmp"
	"slices"

	"mailtwin/mirror"
)

// Load returns everything but messages and records. Tombs and quarantine
// are sorted by side, mailbox and UID. Times are whole seconds
// in UTC, here and in Messages. A row that was damaged or lost is
// mirror.ErrStateBroken.
func (d *DB) Load() (mirror.Snapshot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return mirror.Snapshot{}, errClosed
	case d.file == nil:
		return mirror.Snapshot{Fresh: true}, nil
	}
	return d.file.load()
}

// load also learns the ids of the mailboxes.
func (f *file) load() (mirror.Snapshot, error) {
	s := mirror.Snapshot{Fresh: true}
	ids := map[mirror.MailboxKey]int64{}
	names := map[int64]mirror.MailboxKey{}
	loads := []struct {
		table *table
		use   func(*row) error
	}{
		{sideTable, func(r *row) error { return r.sideRow(&s.Sides) }},
		{mailboxTable, func(r *row) error {
			id, m := r.mailbox()
			key := mirror.MailboxKey{Side: m.Side, Name: m.Name}
			ids[key], names[id] = id, key
			s.Mailboxes = append(s.Mailboxes, m)
			return nil
		}},
		{intentTable, func(r *row) error { s.Intents = append(s.Intents, r.intent()); return nil }},
		{tombTable, func(r *row) error { s.Tombs = append(s.Tombs, r.tomb(names)); return nil }},
		{quarantineTable, func(r *row) error { s.Quarantine = append(s.Quarantine, r.quarantined(names)); return nil }},
		{runTable, func(r *row) error {
			run, err := r.run()
			s.Fresh, s.LastRun = false, &run
			return err
		}},
	}
	for _, l := range loads {
		if err := f.each(l.table, 0, l.use); err != nil {
			return mirror.Snapshot{}, err
		}
	}
	sortSnapshot(&s)
	f.ids = ids
	return s, nil
}

func sortSnapshot(s *mirror.Snapshot) {
	slices.SortFunc(s.Mailboxes, func(a, b mirror.MailboxRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Side, b.Side))
	})
	slices.SortFunc(s.Tombs, func(a, b mirror.Tomb) int {
		return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.UID, b.UID))
	})
	slices.SortFunc(s.Quarantine, func(a, b mirror.Quarantined) int {
		return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.UID, b.UID))
	})
}

// Messages returns the messages of a mailbox on a side in ascending UID order;
// none where the mailbox has no row. Damage is mirror.ErrStateBroken.
func (d *DB) Messages(side mirror.Side, mailbox mirror.Name) ([]mirror.Message, error) {
	var list []mirror.Message
	err := d.EachMessage(side, mailbox, func(m mirror.Message) { list = append(list, m) })
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Records returns the records of a mailbox in ascending far UID order. Damage is
// mirror.ErrStateBroken.
func (d *DB) Records(mailbox mirror.Name) ([]mirror.Record, error) {
	var list []mirror.Record
	err := d.EachRecord(mailbox, func(r mirror.Record) { list = append(list, r) })
	if err != nil {
		return nil, err
	}
	return list, nil
}

// EachMessage calls use with what Messages returns, one after another. use must not
// call d.
func (d *DB) EachMessage(side mirror.Side, mailbox mirror.Name, use func(mirror.Message)) error {
	return d.eachOf(messageTable, mirror.MailboxKey{Side: side, Name: mailbox}, func(r *row) error {
		use(r.message())
		return nil
	})
}

// EachRecord calls use with what Records returns, one after another. use must not call
// d.
func (d *DB) EachRecord(mailbox mirror.Name, use func(mirror.Record)) error {
	return d.eachOf(recordTable, mirror.MailboxKey{Side: mirror.Far, Name: mailbox}, func(r *row) error {
		use(r.record(mailbox))
		return nil
	})
}

func (d *DB) eachOf(t *table, mailbox mirror.MailboxKey, use func(*row) error) error {
	return d.of(mailbox, func(f *file, id int64) error { return f.each(t, id, use) })
}

// of calls read with the id of a mailbox, unless that has no row.
func (d *DB) of(mailbox mirror.MailboxKey, read func(f *file, id int64) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	if d.file == nil {
		return nil
	}
	id, ok := d.file.ids[mailbox]
	if !ok {
		return nil
	}
	return read(d.file, id)
}

// Counts returns the number of records of each mailbox that has any, from the
// tallies: it reads no record.
func (d *DB) Counts() (map[mirror.Name]int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := map[mirror.Name]int{}
	switch {
	case d.closed:
		return nil, errClosed
	case d.file == nil:
		return counts, nil
	}
	tallies, err := d.file.tallies(recordTable)
	if err != nil {
		return nil, err
	}
	for key, id := range d.file.ids {
		if t, ok := tallies[id]; ok && key.Side == mirror.Far {
			counts[key.Name] = int(t.rows)
		}
	}
	return counts, nil
}
