package statedb

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

const (
	addMark     = "INSERT OR IGNORE INTO alike (far_mailbox, far_uid, mark) VALUES (?, ?, ?)"
	selectMarks = "SELECT far_mailbox, far_uid FROM alike WHERE mark = ? ORDER BY far_mailbox, far_uid LIMIT ?"
)

// likeness returns what messages share that may be the same: a hash of the object id or,
// where there is none, of size and date. ok is false where nobody will ask for it.
func likeness(m *mirror.Message) (sum int64, ok bool) {
	h := fnv.New64a()
	switch id := m.Identity.ObjectID; {
	case id != "":
		h.Write([]byte(id))
	case m.Size >= mirror.DonorOctets && !m.Date.IsZero():
		var b [2 * binary.MaxVarintLen64]byte
		n := binary.PutVarint(b[:], m.Size)
		n += binary.PutVarint(b[n:], m.Date.Unix())
		h.Write(b[:n])
	default:
		return 0, false
	}
	return int64(h.Sum64()), true
}

// putMarks writes the marks of those records whose messages are written with them. A
// record that is written alone has them, or its messages have none.
func (w *writer) putMarks(c *mirror.Changes) error {
	marks := map[mirror.MessageKey]int64{}
	for i := range c.Messages {
		m := &c.Messages[i]
		if sum, ok := likeness(&m.Message); ok {
			marks[mirror.MessageKey{Side: m.Side, Mailbox: m.Mailbox, UID: m.UID}] = sum
		}
	}
	if len(marks) == 0 {
		return nil
	}
	for i := range c.Records {
		r := &c.Records[i]
		var written [2]int64
		for _, side := range mirror.Sides {
			sum, ok := marks[mirror.MessageKey{Side: side, Mailbox: r.Mailbox, UID: r.UID[side]}]
			if written[side] = sum; !ok || side == mirror.Near && sum == written[mirror.Far] {
				continue
			}
			far, err := w.id(mirror.Far, r.Mailbox)
			if err == nil {
				err = w.exec(addMark, far, num(r.UID[mirror.Far]), sum)
			}
			if err != nil {
				return explain("write alike", err)
			}
		}
	}
	return nil
}

// Alike returns the records whose message on a side may be the same as m, as far as
// their marks tell; see mirror.State. What holds for RecordsIn holds for it.
func (d *DB) Alike(_ mirror.Side, m mirror.Message) ([]mirror.Record, error) {
	sum, ok := likeness(&m)
	if !ok {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, errClosed
	case d.file == nil:
		return nil, nil
	}
	return d.file.alike(sum)
}

func (f *file) alike(sum int64) (list []mirror.Record, err error) {
	places, err := f.marked(sum)
	if err != nil {
		return nil, explain("read alike", err)
	}
	for _, at := range places {
		for key, id := range f.ids {
			if id != at.mailbox || key.Side != mirror.Far {
				continue
			}
			err := f.eachIn(recordTable, mirror.Far, id, imap.UIDSetNum(mirror.UID(at.uid)), func(r *row) error {
				list = append(list, r.record(key.Name))
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("read what is alike: %w", err)
			}
		}
	}
	return list, nil
}

// markedRecord is the key of a record that has a mark.
type markedRecord struct{ mailbox, uid int64 }

func (f *file) marked(sum int64) (places []markedRecord, err error) {
	stmt, err := f.prepare(selectMarks)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.Query(sum, mirror.MaxAlike)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var at markedRecord
		if err := rows.Scan(&at.mailbox, &at.uid); err != nil {
			return nil, err
		}
		places = append(places, at)
	}
	return places, rows.Err()
}
