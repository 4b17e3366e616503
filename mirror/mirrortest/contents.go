package mirrortest

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"mailtwin/mirror"
)

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// contents are all rows of a state, in the order in which it gives them.
type contents struct {
	Snapshot mirror.Snapshot
	Messages map[mirror.MailboxKey][]mirror.Message
	Records  map[mirror.Name][]mirror.Record
	Counts   map[mirror.Name]int
}

// stateNames are the mailboxes that contents reads.
var stateNames = []mirror.Name{suiteBox, suiteOther, suiteChild, Inbox}

// read returns everything that s holds, with times in UTC and no difference
// between empty and nil.
func read(t failer, s mirror.State) contents {
	t.Helper()
	c := contents{Messages: map[mirror.MailboxKey][]mirror.Message{}, Records: map[mirror.Name][]mirror.Record{}, Counts: map[mirror.Name]int{}}
	var err error
	if c.Snapshot, err = s.Load(); err != nil {
		t.Fatalf("load: %v", err)
	}
	for _, name := range stateNames {
		for _, side := range mirror.Sides {
			list, err := s.Messages(side, name)
			if err != nil {
				t.Fatalf("messages: %v", err)
			}
			for i := range list {
				list[i].Date = inUTC(list[i].Date)
			}
			if len(list) > 0 {
				c.Messages[mirror.MailboxKey{Side: side, Name: name}] = list
			}
		}
		records, err := s.Records(name)
		if err != nil {
			t.Fatalf("records: %v", err)
		}
		if len(records) > 0 {
			c.Records[name] = records
		}
		agree(t, s, name, every)
	}
	counts, err := s.Counts()
	if err != nil {
		t.Fatalf("counts: %v", err)
	}
	for name, n := range counts {
		if n != 0 {
			c.Counts[name] = n
		}
	}
	c.Snapshot = tidy(c.Snapshot)
	return c
}

func tidy(s mirror.Snapshot) mirror.Snapshot {
	s.Mailboxes, s.Intents = orNil(s.Mailboxes), orNil(s.Intents)
	s.Tombs, s.Quarantine = orNil(s.Tombs), orNil(s.Quarantine)
	for i := range s.Intents {
		s.Intents[i].Date, s.Intents[i].Created = inUTC(s.Intents[i].Date), inUTC(s.Intents[i].Created)
	}
	for i := range s.Tombs {
		s.Tombs[i].Since = inUTC(s.Tombs[i].Since)
	}
	for i := range s.Quarantine {
		s.Quarantine[i].Since, s.Quarantine[i].Next = inUTC(s.Quarantine[i].Since), inUTC(s.Quarantine[i].Next)
	}
	// Tombs and quarantine have no order of their own.
	slices.SortFunc(s.Tombs, func(a, b mirror.Tomb) int {
		return compareKeys(mirror.MessageKey{Side: a.Side, Mailbox: a.Mailbox, UID: a.UID}, mirror.MessageKey{Side: b.Side, Mailbox: b.Mailbox, UID: b.UID})
	})
	slices.SortFunc(s.Quarantine, func(a, b mirror.Quarantined) int {
		return compareKeys(mirror.MessageKey{Side: a.Side, Mailbox: a.Mailbox, UID: a.UID}, mirror.MessageKey{Side: b.Side, Mailbox: b.Mailbox, UID: b.UID})
	})
	if s.LastRun != nil {
		run := *s.LastRun
		run.Start, run.End = inUTC(run.Start), inUTC(run.End)
		s.LastRun = &run
	}
	return s
}

func orNil[E any](list []E) []E {
	if len(list) == 0 {
		return nil
	}
	return list
}

func inUTC(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// same compares two contents and names the first part that differs.
func same(t failer, got, want contents) {
	t.Helper()
	for _, part := range []struct {
		name      string
		got, want any
	}{
		{"fresh", got.Snapshot.Fresh, want.Snapshot.Fresh},
		{"sides", got.Snapshot.Sides, want.Snapshot.Sides},
		{"mailboxes", got.Snapshot.Mailboxes, want.Snapshot.Mailboxes},
		{"intents", got.Snapshot.Intents, want.Snapshot.Intents},
		{"tombs", got.Snapshot.Tombs, want.Snapshot.Tombs},
		{"quarantine", got.Snapshot.Quarantine, want.Snapshot.Quarantine},
		{"last run", got.Snapshot.LastRun, want.Snapshot.LastRun},
		{"messages", got.Messages, want.Messages},
		{"records", got.Records, want.Records},
		{"counts", got.Counts, want.Counts},
	} {
		if !reflect.DeepEqual(part.got, part.want) {
			t.Errorf("%s: got %.1500s, want %.1500s", part.name, fmt.Sprintf("%+v", part.got), fmt.Sprintf("%+v", part.want))
			return
		}
	}
}
