package statedb

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

func TestEveryFieldIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{CheckOnClose: true})
	model := mirrortest.NewState()
	commit(t, d, everyField())
	if err := model.Commit(everyField()); err != nil {
		t.Fatal(err)
	}
	want := mustRead(t, model)
	for i := range want.Messages {
		for j := range want.Messages[i] {
			want.Messages[i][j].Date = want.Messages[i][j].Date.UTC()
		}
	}
	same(t, mustRead(t, d), want)
	closeDB(t, d)
	same(t, mustRead(t, open(t, dir, Options{CheckOnClose: true})), want)
	same(t, mustRead(t, open(t, dir, Options{ReadOnly: true})), want)
}

// everyField must not leave a field out, or the tests that use it are blind.
func TestEveryFieldIsSet(t *testing.T) {
	t.Parallel()
	c := everyField()
	for _, rows := range []any{
		c.Mailboxes, c.Records, []mirror.Intent{*c.Intents[0], *c.Intents[1]}, c.Tombs, c.Quarantine,
		[]mirror.SideRow{c.Sides[0].Row}, []mirror.RunRow{*c.Run},
	} {
		list := reflect.ValueOf(rows)
		kind := list.Type().Elem()
		for f := range kind.NumField() {
			set := false
			for n := range list.Len() {
				set = set || !list.Index(n).Field(f).IsZero()
			}
			if !set && kind.Field(f).Name != "ID" {
				t.Errorf("got no %s with %s set", kind.Name(), kind.Field(f).Name)
			}
		}
	}
}

func TestCommitRefuses(t *testing.T) {
	t.Parallel()
	message := func(side mirror.Side, name mirror.Name, uid mirror.UID) mirror.MessageRow {
		return mirror.MessageRow{Side: side, Mailbox: name, Message: mirror.Message{Ref: mirror.Ref{UID: uid}}}
	}
	record := func(name mirror.Name, far, near mirror.UID) *mirror.Changes {
		return &mirror.Changes{Records: []mirror.Record{{Mailbox: name, UID: [2]mirror.UID{far, near}}}}
	}
	// INBOX holds 1–1, 2–2, 3–3, and far 9 and near 9 without a record.
	tests := []struct {
		name    string
		changes *mirror.Changes
		want    string
	}{
		{"record without far message", record("INBOX", 8, 9), "the far message is not there"},
		{"record without near message", record("INBOX", 9, 8), "the near message is not there"},
		{"record of a paired far message", record("INBOX", 1, 9), "the far message is in a record with 1"},
		{"record of a paired near message", record("INBOX", 9, 1), "the near message is in a record with 1"},
		{"record without mailbox", record("None", 9, 9), `far mailbox "None" has no row`},
		{"two records of one message", &mirror.Changes{Records: []mirror.Record{
			{Mailbox: "INBOX", UID: [2]mirror.UID{9, 9}}, {Mailbox: "INBOX", UID: [2]mirror.UID{9, 1}},
		}}, "is in a record with"},
		{"drop of a paired message", &mirror.Changes{DropMessages: []mirror.MessageKey{{Side: mirror.Near, Mailbox: "INBOX", UID: 2}}},
			"drop near message 2 of \"INBOX\": it is in a record"},
		{"message without mailbox", &mirror.Changes{Messages: []mirror.MessageRow{message(mirror.Near, "None", 1)}},
			`near mailbox "None" has no row`},
		{"message without UID", &mirror.Changes{Messages: []mirror.MessageRow{message(mirror.Near, "INBOX", 0)}}, "commit: messages"},
		{"message of no side", &mirror.Changes{Messages: []mirror.MessageRow{message(2, "INBOX", 1)}}, "commit: messages"},
		{"mailbox without name", &mirror.Changes{Mailboxes: []mirror.MailboxRow{{}}}, "commit: mailboxes"},
		{"tomb without mailbox", &mirror.Changes{Tombs: []mirror.Tomb{{Mailbox: "None", UID: 1}}}, "has no row"},
		{"quarantine without mailbox", &mirror.Changes{Quarantine: []mirror.Quarantined{{Mailbox: "None", UID: 1}}}, "has no row"},
		{"no intent", &mirror.Changes{Intents: []*mirror.Intent{nil}}, "commit: intents"},
		{"forget no side", &mirror.Changes{Forget: []mirror.MailboxKey{{Side: 2, Name: "INBOX"}}}, "commit: mailboxes to forget"},
		{"side 2", &mirror.Changes{Sides: []mirror.SideChange{{Side: 2}}}, "commit: sides"},
	}
	d := open(t, t.TempDir(), Options{CheckOnClose: true})
	setup := batch("INBOX", 1, 3)
	setup.Mailboxes = both("INBOX")
	setup.Messages = append(setup.Messages, message(mirror.Far, "INBOX", 9), message(mirror.Near, "INBOX", 9))
	commit(t, d, setup)
	want := mustRead(t, d)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// Something sound comes with it and must not stay.
			intent := &mirror.Intent{Kind: mirror.CopyIntent, Mailbox: "INBOX"}
			test.changes.Intents = append([]*mirror.Intent{intent}, test.changes.Intents...)
			test.changes.Mailboxes = append(both("New"), test.changes.Mailboxes...)
			err := d.Commit(test.changes)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
			if errors.Is(err, mirror.ErrStateBroken) {
				t.Errorf("got %v, want no ErrStateBroken: the file is sound", err)
			}
			if intent.ID != 0 {
				t.Errorf("got intent ID %d after an error, want 0", intent.ID)
			}
			same(t, mustRead(t, d), want)
		})
	}
	// The transaction that was refused does not stand in the way of the next.
	commit(t, d, record("INBOX", 9, 9))
}

// Whatever statement fails, nothing is changed, in the file or in Changes.
func TestCommitFailsAtEveryTable(t *testing.T) {
	t.Parallel()
	change := func(sound content) *mirror.Changes {
		c := everyField() // as updates
		for n := range c.Intents {
			c.Intents[n].ID = sound.Snapshot.Intents[n].ID
		}
		more := batch("Lists\x00go", 50, 3)
		c.Mailboxes = append(c.Mailboxes, both("New")...)
		c.Messages = append(c.Messages, more.Messages...)
		c.Records = append(c.Records, more.Records...)
		c.Intents = append(c.Intents, &mirror.Intent{Kind: mirror.GhostIntent, Mailbox: "INBOX"})
		c.Tombs = append(c.Tombs, mirror.Tomb{Mailbox: "INBOX", UID: 55})
		c.Quarantine = append(c.Quarantine, mirror.Quarantined{Side: mirror.Near, Mailbox: "Lists\x00go", UID: 61})
		c.Messages = append(c.Messages, mirror.MessageRow{
			Side: mirror.Near, Mailbox: "Lists\x00go", Message: mirror.Message{Ref: mirror.Ref{UID: 61}},
		})
		c.DropRecords = []mirror.RecordKey{c.Records[0].Key()}
		c.DropMessages = []mirror.MessageKey{{Side: mirror.Far, Mailbox: "INBOX", UID: 1}}
		c.DropTombs = []mirror.MessageKey{{Side: mirror.Near, Mailbox: "INBOX", UID: 77}}
		c.DropQuarantine = []mirror.MessageKey{{Side: mirror.Far, Mailbox: "INBOX", UID: 1<<32 - 1}}
		c.DropIntents = []int64{sound.Snapshot.Intents[0].ID}
		c.DropMailboxes = []mirror.MailboxKey{{Side: mirror.Near, Name: "Sent"}}
		return c
	}
	statements := []string{
		"INSERT mailbox", "INSERT message", "INSERT record", "INSERT intent", "INSERT tomb", "INSERT quarantine",
		"INSERT run", "INSERT tally",
		"UPDATE side", "UPDATE mailbox", "UPDATE message", "UPDATE record", "UPDATE intent",
		"DELETE mailbox", "DELETE message", "DELETE record", "DELETE intent", "DELETE tomb", "DELETE quarantine",
	}
	for _, statement := range statements {
		t.Run(statement, func(t *testing.T) {
			t.Parallel()
			d := open(t, t.TempDir(), Options{CheckOnClose: true})
			commit(t, d, everyField())
			want := mustRead(t, d)
			op, table, _ := strings.Cut(statement, " ")
			trigger := fmt.Sprintf("CREATE TEMP TRIGGER fail BEFORE %s ON main.%s BEGIN SELECT RAISE(ABORT, 'tripped'); END", op, table)
			if err := d.file.exec(trigger); err != nil {
				t.Fatal(err)
			}
			c := change(want)
			err := d.Commit(c)
			if err == nil || !strings.Contains(err.Error(), "tripped") {
				t.Errorf("got error %v, want the trigger's", err)
			}
			if id := c.Intents[len(c.Intents)-1].ID; id != 0 {
				t.Errorf("got intent ID %d after an error, want 0", id)
			}
			same(t, mustRead(t, d), want)
			if err := d.file.exec("DROP TRIGGER fail"); err != nil {
				t.Fatal(err)
			}
			commit(t, d, change(want))
		})
	}
}

func TestEmptyChangesWriteNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	commit(t, d, everyField())
	closeDB(t, d)
	before := bytesOf(t, dir)

	d = open(t, dir, Options{CheckOnClose: true})
	commit(t, d, &mirror.Changes{})
	commit(t, d, nil)
	mustRead(t, d)
	if info, err := os.Stat(d.place.wal()); err == nil && info.Size() > 0 {
		t.Errorf("got a log of %d octets, want none", info.Size())
	}
	path := d.place.db()
	closeDB(t, d)
	after := bytesOf(t, dir)
	if before[path] != after[path] {
		t.Error("got another state.db, want the same bytes and change time")
	}
	if len(before) != len(after) {
		t.Errorf("got %d files, want %d", len(after), len(before))
	}
}

// A long log goes into the file at once, a short one waits for the next time.
func TestLongLogIsFolded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{CheckOnClose: true})
	sizes := func() (file, log int64) {
		for path, size := range map[string]*int64{d.place.db(): &file, d.place.wal(): &log} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			*size = info.Size()
		}
		return file, log
	}
	c := batch("INBOX", 1, 1)
	c.Mailboxes = both("INBOX")
	c.Messages[0].Identity.ObjectID = strings.Repeat("x", 5<<20)
	commit(t, d, c)
	file, log := sizes()
	if file < 4<<20 || log > 0 {
		t.Errorf("got %d octets of file and %d of log, want all in the file", file, log)
	}
	before := bytesOf(t, d.place.db())
	commit(t, d, batch("INBOX", 20_000, 100))
	if _, log = sizes(); log == 0 || fmt.Sprint(bytesOf(t, d.place.db())) != fmt.Sprint(before) {
		t.Errorf("got %d octets of log, want the file as it was and the rows in the log", log)
	}
}

func TestIntentIDsAreNeverReused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seen := map[int64]bool{}
	for range 3 {
		d := open(t, dir, Options{})
		for range 2 {
			c := &mirror.Changes{Intents: []*mirror.Intent{{Kind: mirror.CopyIntent}, {Kind: mirror.MoveIntent}}}
			commit(t, d, c)
			for _, i := range c.Intents {
				if i.ID == 0 || seen[i.ID] {
					t.Errorf("got ID %d, want one that was not given yet", i.ID)
				}
				seen[i.ID] = true
			}
			commit(t, d, &mirror.Changes{DropIntents: []int64{c.Intents[0].ID, c.Intents[1].ID}})
		}
		closeDB(t, d)
	}
}
