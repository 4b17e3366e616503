package statedb

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// everyUID is the set of all of them.
var everyUID = imap.UIDSet{{Start: 1, Stop: math.MaxUint32}}

// partsOf asks for the inbox in every way that does not read it whole.
func partsOf(d *DB, side mirror.Side) map[string]error {
	_, _, rows := d.Rows(side, "INBOX")
	_, known := d.Known(side, "INBOX")
	_, messages := d.MessagesIn(side, "INBOX", everyUID)
	_, records := d.RecordsIn(side, "INBOX", everyUID)
	return map[string]error{"rows": rows, "known": known, "messages in": messages, "records in": records}
}

// Which damage is noticed by whom. Each reads as much as it must, so that none
// notices all; what all of them miss, Messages, Records and Check find.
func TestDamageToParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		notice       string // the ways to read that do, on the near side
	}{
		{"nothing", "", ""},
		{"a message's flags", "UPDATE message SET flags = 'x' WHERE uid = 2", "messages in"},
		{"a message's flags", "UPDATE message SET flags = NULL WHERE uid = 2", "messages in"},
		{"a message's UID", "UPDATE message SET uid = 2000 WHERE uid = 2", "messages in"},
		{"a UID that is none", "UPDATE message SET uid = 1 << 32 WHERE uid = 3", "rows, known"},
		{"a message lost", "DELETE FROM message WHERE uid = 2", "known"},
		{"the last message lost", "DELETE FROM message WHERE uid = 3", "rows, known"},
		{"all messages lost", "DELETE FROM message", "rows, known"},
		{"a record's base", "UPDATE record SET packed = x'' WHERE near_uid = 2", "records in"},
		{"a record's near UID", "UPDATE record SET near_uid = 2000 WHERE near_uid = 2", "records in"},
		{"a tally", "UPDATE tally SET rows = rows + 1", "rows, known"},
		{"a tally lost", "DELETE FROM tally", "rows, known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, t.TempDir(), Options{})
			changes := batch("INBOX", 1, 3)
			changes.Mailboxes = both("INBOX")
			commit(t, d, changes)
			if err := d.file.exec("PRAGMA foreign_keys = OFF; " + c.script); err != nil {
				t.Fatal(err)
			}
			for what, err := range partsOf(d, mirror.Near) {
				wanted := c.notice != "" && strings.Contains(c.notice, what)
				if errors.Is(err, mirror.ErrStateBroken) != wanted || err != nil && !wanted {
					t.Errorf("%s: got error %v, want ErrStateBroken: %v", what, err, wanted)
				}
			}
		})
	}
}

// A row with a sound checksum that was not asked for, as an index that leads
// elsewhere or a page in another's place would give it, is damage.
func TestRowsOutOfTheirPlace(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	for _, name := range []mirror.Name{"INBOX", "Sent"} {
		c := batch(name, 1, 5)
		c.Mailboxes = both(name)
		commit(t, d, c)
	}
	read := func(whole *table, side mirror.Side, old, damaged string) (n int, err error) {
		t := *whole
		if !strings.Contains(t.in[side], old) {
			return 0, errors.New("the statement is another one by now")
		}
		t.in[side] = strings.Replace(t.in[side], old, damaged, 1)
		id := d.file.ids[mirror.MailboxKey{Side: side, Name: "INBOX"}]
		err = d.file.eachIn(&t, side, id, imap.UIDSet{{Start: 2, Stop: 2}, {Start: 3, Stop: 4}}, func(*row) error { n++; return nil })
		return n, err
	}
	for _, whole := range []*table{messageTable, recordTable} {
		for _, side := range mirror.Sides {
			if n, err := read(whole, side, "", ""); err != nil || n != 3 {
				t.Errorf("%s: got %d %s rows, error %v; want 3", whole.name, n, side, err)
			}
			for _, c := range [][2]string{
				{"mailbox = ?", "mailbox > ?"},         // of another mailbox
				{"BETWEEN ? AND", "BETWEEN ? - 1 AND"}, // below
				{"AND ? ORDER", "AND ? + 1 ORDER"},     // above
				{"ORDER BY", "ORDER BY -"},             // in another order
			} {
				if n, err := read(whole, side, c[0], c[1]); !errors.Is(err, mirror.ErrStateBroken) {
					t.Errorf("%s, %s: %q: got %d rows, error %v; want ErrStateBroken", whole.name, side, c[1], n, err)
				}
			}
		}
	}
}

// So it is where all of them are read without their checksums.
func TestKnownOutOfOrder(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	c := batch("INBOX", 1, 5)
	c.Mailboxes = both("INBOX")
	commit(t, d, c)
	for _, order := range []string{" DESC", ""} {
		rows, err := d.file.query(messageTable, selectKnown+order, d.file.ids[inbox(mirror.Near)])
		if err != nil {
			t.Fatal(err)
		}
		list, err := scanKnown(rows, nil)
		if errors.Is(err, mirror.ErrStateBroken) != (order != "") || order == "" && len(list) != 5 {
			t.Errorf("%q: got %d messages, error %v", order, len(list), err)
		}
		rows.Close()
	}
}

// given reads a damaged state in parts. Damage may be refused, and rows may be
// missing, but no row is given that was not there.
func given(t *testing.T, d *DB, want content) {
	t.Helper()
	sound := func(what string, err error, as bool) {
		t.Helper()
		if err == nil && !as || err != nil && !errors.Is(err, mirror.ErrStateBroken) {
			t.Errorf("%s: got wrong data in silence, or error %v", what, err)
		}
	}
	for key, list := range want.Messages {
		for _, set := range []imap.UIDSet{everyUID, {{Start: 2, Stop: 11}, {Start: 13, Stop: 40}}} {
			messages, err := d.MessagesIn(key.Side, key.Name, set)
			sound("messages in", err, isPart(messages, list, func(m mirror.Message) bool { return set.Contains(m.UID) }))
			records, err := d.RecordsIn(key.Side, key.Name, set)
			sound("records in", err, isPart(records, want.Records[key.Name], func(r mirror.Record) bool { return set.Contains(r.UID[key.Side]) }))
		}
		known, err := d.Known(key.Side, key.Name)
		sound("known", err, len(known) == len(list))
		count, _, err := d.Rows(key.Side, key.Name)
		sound("rows", err, count == len(list))
	}
}

// isPart reports whether every row of part is one of whole that is in a set.
func isPart[E comparable](part, whole []E, in func(E) bool) bool {
	return !slices.ContainsFunc(part, func(e E) bool { return !in(e) || !slices.Contains(whole, e) })
}

// What is read in part is found by a key, and read in its order.
func TestPartsAreFoundByKey(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	for _, query := range append(append(messageTable.in[:], recordTable.in[:]...), selectKnown, selectLast) {
		rows, err := d.file.query(messageTable, "EXPLAIN QUERY PLAN "+query, 1, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(detail, "SEARCH ") {
				t.Errorf("%s: got plan %q, want a search only", query, detail)
			}
		}
		rows.Close()
	}
}
