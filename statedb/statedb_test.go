package statedb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"mailtwin/mirror"
)

const pair = "work"

// open opens the state of pair in dir and closes it with the test.
func open(t testing.TB, dir string, opts Options) *DB {
	t.Helper()
	d, err := Open(dir, pair, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDB(t, d) })
	return d
}

func closeDB(t testing.TB, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func commit(t testing.TB, d *DB, c *mirror.Changes) {
	t.Helper()
	if err := d.Commit(c); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// both returns rows for mailboxes of these names on both sides.
func both(names ...mirror.Name) (rows []mirror.MailboxRow) {
	for _, name := range names {
		for _, side := range mirror.Sides {
			rows = append(rows, mirror.MailboxRow{
				Side: side, Name: name, Checkpoint: mirror.Checkpoint{UIDValidity: 7, UIDNext: 100, HighestModSeq: 1 << 40},
			})
		}
	}
	return rows
}

func at(second int64) time.Time { return time.Unix(1_700_000_000+second, 0).UTC() }

// everyField sets every field of every row to something that is not zero, once.
func everyField() *mirror.Changes {
	header := mirror.Digest{1, 2, 3}
	c := batch("INBOX", 1, 3)
	c.Sides = []mirror.SideChange{
		{Side: mirror.Far, Row: mirror.SideRow{Repository: "work", Identity: "ann", Trash: "Bin\x00Old", Bytes: mirror.ChangesBytes, Memory: "IMAP4rev1", Quiet: true, Pause: 90 * time.Second, PauseUntil: at(7)}},
		{Side: mirror.Near, Row: mirror.SideRow{Repository: "laptop", Identity: "5f", Bytes: mirror.KeepsBytes}},
	}
	c.Mailboxes = append(both("INBOX", "Lists\x00go", "\xff\"';--"), mirror.MailboxRow{
		Side: mirror.Near, Name: "Sent", Origin: "[Gmail]\x00Sent Mail", Role: `\Sent`, Subscribed: true,
		Checkpoint: mirror.Checkpoint{
			UIDValidity: 1<<32 - 1, UIDNext: 1<<32 - 1, HighestModSeq: 1<<63 + 5, Messages: 3, Stamps: "a\x00\xfe",
		},
		Compared: at(9), AtRest: true,
	})
	c.Messages = append(c.Messages, mirror.MessageRow{Side: mirror.Far, Mailbox: "INBOX", Message: mirror.Message{
		Ref: mirror.Ref{UID: 1<<32 - 1, Base: "1.\xfe\x00é"}, Flags: mirror.MakeFlags(`\Seen`, "$Forwarded", "Z"),
		Size: 1 << 40, Date: at(-1 << 40),
		Identity: mirror.Identity{
			Header: header, Key: mirror.Digest{4}, Decisive: true, Body: mirror.Digest{31: 9}, Exact: mirror.Digest{7},
			Form: mirror.AsIs, ObjectID: "M1\x00",
		},
	}})
	c.Messages = append(c.Messages, mirror.MessageRow{
		Side: mirror.Near, Mailbox: "Lists\x00go", Message: mirror.Message{Ref: mirror.Ref{UID: 60}},
	})
	c.Records[1].Base = [2]mirror.Flags{mirror.MakeFlags(`\Seen`, "a", "B"), mirror.MakeFlags(`\Draft`)}
	c.Records[1].Masked = [2]mirror.Flags{mirror.MakeFlags("a"), mirror.MakeFlags(`\Draft`)}
	c.Records[1].State = [2]mirror.Confirmation{mirror.Held, mirror.Unconfirmed}
	c.Records[1].Altered = true
	c.Intents = []*mirror.Intent{
		{Kind: mirror.CopyIntent, Side: mirror.Far, Mailbox: "INBOX", Source: mirror.Ref{UID: 1<<32 - 1}, Target: "INBOX"},
		{
			Kind: mirror.MoveIntent, Side: mirror.Near, Mailbox: "INBOX", Source: mirror.Ref{UID: 2, Base: baseName(2)},
			Size: 12, Date: at(5), Target: "Lists\x00go", TargetUIDValidity: 8, TargetUIDNext: 9,
			Reserved: mirror.Ref{UID: 10, Base: "r"}, Accepted: true, Donated: true, Created: at(6),
		},
	}
	c.Tombs = []mirror.Tomb{{Side: mirror.Near, Mailbox: "INBOX", UID: 77, Since: at(7)}}
	c.Quarantine = []mirror.Quarantined{
		{Side: mirror.Far, Mailbox: "INBOX", UID: 1<<32 - 1, Reason: "NO \x00\xff refused", Since: at(8), Tries: 3, Next: at(9)},
		{Side: mirror.Near, Mailbox: "Lists\x00go", UID: 60},
	}
	c.Run = &mirror.RunRow{Start: at(1), End: at(2), Exit: 3, Settings: "both ways", Summary: mirror.Summary{Copied: [2]int{1, 2}, Held: 4}}
	return c
}

// content is everything that a state gives.
type content struct {
	Snapshot mirror.Snapshot
	Messages map[mirror.MailboxKey][]mirror.Message
	Records  map[mirror.Name][]mirror.Record
	Counts   map[mirror.Name]int
}

func read(s mirror.State) (c content, err error) {
	c = content{Messages: map[mirror.MailboxKey][]mirror.Message{}, Records: map[mirror.Name][]mirror.Record{}}
	if c.Snapshot, err = s.Load(); err != nil {
		return content{}, err
	}
	for _, m := range c.Snapshot.Mailboxes {
		key := mirror.MailboxKey{Side: m.Side, Name: m.Name}
		if c.Messages[key], err = s.Messages(m.Side, m.Name); err != nil {
			return content{}, err
		}
		if c.Records[m.Name], err = s.Records(m.Name); err != nil {
			return content{}, err
		}
	}
	c.Counts, err = s.Counts()
	return c, err
}

func mustRead(t testing.TB, s mirror.State) content {
	t.Helper()
	c, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func same(t testing.TB, got, want content) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// bytesOf returns the content and change time of every file below dir.
func bytesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var body []byte
		if !entry.IsDir() {
			if body, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		all[path] = fmt.Sprintf("%v %v %x", info.Mode(), info.ModTime(), body)
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if err := copyFile(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
}
