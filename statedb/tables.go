package statedb

import (
	"strings"

	"mailtwin/mirror"
)

// A table is a table of the schema whose rows carry a checksum and are counted
// in a tally. Its statements name the columns in the order key, columns, crc.
type table struct {
	kind int64 // in tally and in the checksum of each row; never reused
	name string
	key  []string
	// columns are those that are neither key nor crc.
	columns []string
	// perMailbox: the first column is a mailbox's id, and each mailbox has a
	// tally of its own. Elsewhere one tally counts the table.
	perMailbox bool

	selectRows, selectCRC, add, insert, update string
	// between looks for rows by the ordinal of their key, and bulk writes many.
	between, bulk string
	// in is, per side, where perMailbox: the rows from one UID to another, by UID.
	in [2]string
}

var (
	metaTable    = newTable(1, "meta", "name", "value")
	sideTable    = newTable(2, "side", "side", "repository identity trash bytes memory quiet pause pauseuntil")
	mailboxTable = newTable(3, "mailbox", "id",
		"side name origin role subscribed uidvalidity uidnext highestmodseq messages stamps compared atrest")
	messageTable = newTable(4, "message", "mailbox uid",
		"base flags packed")
	// All four are the key, so that a put never turns one pair into another.
	recordTable = newTable(5, "record", "far_mailbox far_uid near_mailbox near_uid",
		"packed")
	intentTable     = newTable(6, "intent", "id", "side mailbox packed")
	tombTable       = newTable(7, "tomb", "mailbox uid", "since")
	quarantineTable = newTable(8, "quarantine", "mailbox uid", "reason since tries next")
	runTable        = newTable(9, "run", "id", `start "end" exit summary`)
)

func newTable(kind int64, name, key, columns string) *table {
	t := &table{kind: kind, name: name, key: strings.Fields(key), columns: strings.Fields(columns)}
	t.perMailbox = name == "message" || name == "record"
	byKey := " WHERE " + strings.Join(t.key, " = ? AND ") + " = ?"
	all := strings.Join(append(append([]string{}, t.key...), t.columns...), ", ") + ", crc"

	t.selectRows = "SELECT " + all + " FROM " + name
	if t.perMailbox {
		t.selectRows += " WHERE " + t.key[0] + " = ?"
	}
	t.selectRows += " ORDER BY " + strings.Join(t.key, ", ")
	t.selectCRC = "SELECT crc FROM " + name + byKey
	t.insert = "INSERT INTO " + name + " (" + all + ") VALUES (?" + strings.Repeat(", ?", t.width()) + ")"
	t.add = t.insert + " ON CONFLICT DO NOTHING"
	t.update = "UPDATE " + name + " SET " + strings.Join(t.columns, " = ?, ") + " = ?, crc = ?" + byKey
	t.between, t.bulk = t.bulkStatements(name == "message")
	for _, side := range mirror.Sides {
		if at := t.place(side); t.perMailbox {
			t.in[side] = "SELECT " + all + " FROM " + name + " WHERE " + t.key[at] + " = ? AND " +
				t.key[at+1] + " BETWEEN ? AND ? ORDER BY " + t.key[at+1]
		}
	}
	return t
}

// place is where in the key of a table perMailbox the mailbox on a side stands, and
// the UID behind it. A message is on one side only.
func (t *table) place(side mirror.Side) int { return min(2*int(side), len(t.key)-2) }

// width is the number of columns without crc.
func (t *table) width() int { return len(t.key) + len(t.columns) }

// remove returns the statement that drops the rows of a condition and yields
// their checksums.
func (t *table) remove(where string) string {
	return "DELETE FROM " + t.name + " WHERE " + where + " RETURNING crc"
}
