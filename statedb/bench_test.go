package statedb

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// batch makes n pairs of messages with ascending UIDs from first on, with their
// records.
func batch(mailbox mirror.Name, first, n int) *mirror.Changes {
	c := &mirror.Changes{}
	for uid := first; uid < first+n; uid++ {
		sum := mirror.Digest(sha256.Sum256(binary.AppendVarint(nil, int64(uid))))
		m := mirror.Message{
			Ref:   mirror.Ref{UID: mirror.UID(uid)},
			Flags: mirror.MakeFlags(`\Seen`), Size: 4000 + int64(uid%8000), Date: at(int64(uid)),
			Identity: mirror.Identity{Header: sum, Key: sum, Body: sum, Exact: sum, Decisive: true},
		}
		c.Messages = append(c.Messages, mirror.MessageRow{Side: mirror.Far, Mailbox: mailbox, Message: m})
		m.Base = baseName(uid)
		c.Messages = append(c.Messages, mirror.MessageRow{Side: mirror.Near, Mailbox: mailbox, Message: m})
		c.Records = append(c.Records, mirror.Record{
			Mailbox: mailbox, UID: [2]mirror.UID{m.UID, m.UID}, Base: [2]mirror.Flags{m.Flags, m.Flags},
		})
	}
	return c
}

func baseName(uid int) string { return fmt.Sprintf("1700000000.M%dP2.example", uid) }

// BenchmarkCommit commits 100 records with their 200 messages a time.
func BenchmarkCommit(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	commit(b, d, &mirror.Changes{Mailboxes: both("INBOX")})
	next := 1
	for b.Loop() {
		c := batch("INBOX", next, 100)
		next += 100
		commit(b, d, c)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(next-1), "µs/record")
}

// BenchmarkPut is BenchmarkCommit without the fsyncs: 10,000 records with their
// 20,000 messages in one transaction.
func BenchmarkPut(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	commit(b, d, &mirror.Changes{Mailboxes: both("INBOX")})
	next := 1
	for b.Loop() {
		c := batch("INBOX", next, 10_000)
		next += 10_000
		commit(b, d, c)
	}
}

// BenchmarkPutAlike is BenchmarkPut with messages that are large enough to be asked for
// by size and date.
func BenchmarkPutAlike(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	commit(b, d, &mirror.Changes{Mailboxes: both("INBOX")})
	next := 1
	for b.Loop() {
		c := batch("INBOX", next, 10_000)
		for i := range c.Messages {
			c.Messages[i].Size += mirror.DonorOctets
		}
		next += 10_000
		commit(b, d, c)
	}
}

// BenchmarkAlike asks for one of 10,000 such records.
func BenchmarkAlike(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	commit(b, d, &mirror.Changes{Mailboxes: both("INBOX")})
	c := batch("INBOX", 1, 10_000)
	for i := range c.Messages {
		c.Messages[i].Size += mirror.DonorOctets
	}
	commit(b, d, c)
	for b.Loop() {
		if list, err := d.Alike(mirror.Far, c.Messages[5000].Message); err != nil || len(list) != 1 {
			b.Fatalf("got %v, error %v", list, err)
		}
	}
}

// BenchmarkLoad reads 100,000 records and their 200,000 messages.
func BenchmarkLoad(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	commit(b, d, &mirror.Changes{Mailboxes: both("INBOX")})
	for first := 1; first <= 100_000; first += 10_000 {
		commit(b, d, batch("INBOX", first, 10_000))
	}
	b.Run("records", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, err := d.Records("INBOX"); err != nil || len(list) != 100_000 {
				b.Fatalf("got %d records, error %v", len(list), err)
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, err := d.Known(mirror.Near, "INBOX"); err != nil || len(list) != 100_000 {
				b.Fatalf("got %d messages, error %v", len(list), err)
			}
		}
	})
	// What a run asks for that found 100 messages changed, far from each other.
	var scattered imap.UIDSet
	for uid := imap.UID(1); uid < 100_000; uid += 1000 {
		scattered.AddNum(uid)
	}
	b.Run("messages in", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, err := d.MessagesIn(mirror.Near, "INBOX", scattered); err != nil || len(list) != 100 {
				b.Fatalf("got %d messages, error %v", len(list), err)
			}
		}
	})
	b.Run("records in", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, err := d.RecordsIn(mirror.Near, "INBOX", scattered); err != nil || len(list) != 100 {
				b.Fatalf("got %d records, error %v", len(list), err)
			}
		}
	})
	b.Run("messages", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, err := d.Messages(mirror.Near, "INBOX"); err != nil || len(list) != 100_000 {
				b.Fatalf("got %d messages, error %v", len(list), err)
			}
		}
	})
}
