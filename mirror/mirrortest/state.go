package mirrortest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"mailtwin/mirror"
)

// State is a mirror.State in memory: the model that others are compared with.
// What it returns is the caller's; what it is given it copies. It may be used
// by several goroutines.
type State struct {
	mu      sync.Mutex
	tables  tables
	commits int
}

// tables are the rows. All values are copied by assignment.
type tables struct {
	sides      [2]mirror.SideRow
	mailboxes  map[mirror.MailboxKey]mirror.MailboxRow
	messages   map[mirror.MessageKey]mirror.Message
	records    map[mirror.RecordKey]mirror.Record
	intents    map[int64]mirror.Intent
	tombs      map[mirror.MessageKey]mirror.Tomb
	quarantine map[mirror.MessageKey]mirror.Quarantined
	run        *mirror.RunRow // never written to
	lastIntent int64          // no ID is given out twice
}

// NewState returns an empty, fresh state.
func NewState() *State {
	return &State{tables: tables{
		mailboxes:  map[mirror.MailboxKey]mirror.MailboxRow{},
		messages:   map[mirror.MessageKey]mirror.Message{},
		records:    map[mirror.RecordKey]mirror.Record{},
		intents:    map[int64]mirror.Intent{},
		tombs:      map[mirror.MessageKey]mirror.Tomb{},
		quarantine: map[mirror.MessageKey]mirror.Quarantined{},
	}}
}

func (t tables) clone() tables {
	t.mailboxes = maps.Clone(t.mailboxes)
	t.messages = maps.Clone(t.messages)
	t.records = maps.Clone(t.records)
	t.intents = maps.Clone(t.intents)
	t.tombs = maps.Clone(t.tombs)
	t.quarantine = maps.Clone(t.quarantine)
	return t
}

// Clone returns a state of its own with the same rows.
func (s *State) Clone() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &State{tables: s.tables.clone(), commits: s.commits}
}

// Commits counts the transactions that wrote something.
func (s *State) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Load returns the snapshot. The state is fresh until a run has ended.
func (s *State) Load() (mirror.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables
	snapshot := mirror.Snapshot{Fresh: t.run == nil, Sides: t.sides}
	if t.run != nil {
		run := *t.run
		snapshot.LastRun = &run
	}
	snapshot.Mailboxes = slices.SortedFunc(maps.Values(t.mailboxes), func(a, b mirror.MailboxRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Side, b.Side))
	})
	snapshot.Intents = slices.SortedFunc(maps.Values(t.intents), func(a, b mirror.Intent) int { return cmp.Compare(a.ID, b.ID) })
	for _, key := range sortedKeys(t.tombs) {
		snapshot.Tombs = append(snapshot.Tombs, t.tombs[key])
	}
	for _, key := range sortedKeys(t.quarantine) {
		snapshot.Quarantine = append(snapshot.Quarantine, t.quarantine[key])
	}
	return snapshot, nil
}

func sortedKeys[V any](rows map[mirror.MessageKey]V) []mirror.MessageKey {
	return slices.SortedFunc(maps.Keys(rows), compareKeys)
}

func compareKeys(a, b mirror.MessageKey) int {
	return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.UID, b.UID))
}

// Counts counts the records of every mailbox that has some.
func (s *State) Counts() (map[mirror.Name]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[mirror.Name]int{}
	for key := range s.tables.records {
		counts[key.Mailbox]++
	}
	return counts, nil
}

// Commit applies changes to a copy, checks its keys, and takes it over. Dropping
// a mailbox drops first what Forget drops. Refused are changes that would break
// Check's keys, and the drop of a message that a record still uses.
func (s *State) Commit(changes *mirror.Changes) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if changes.Empty() {
		return nil
	}
	t := s.tables.clone()
	if err := t.drop(changes); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	ids := t.put(changes)
	if err := t.checkKeys(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for i, intent := range changes.Intents {
		intent.ID = ids[i]
	}
	s.tables = t
	s.commits++
	return nil
}

// CommitLate does all when it is awaited, as late as a state may be.
func (s *State) CommitLate(changes *mirror.Changes) (wait func() error) {
	return func() error { return s.Commit(changes) }
}

// rename moves everything of a mailbox to another name.
func (t *tables) rename(r mirror.MailboxRename) error {
	at := func(m mirror.MessageKey) mirror.MessageKey { m.Mailbox = r.To; return m }
	for _, side := range mirror.Sides {
		from, to := mirror.MailboxKey{Side: side, Name: r.From}, mirror.MailboxKey{Side: side, Name: r.To}
		if _, ok := t.mailboxes[from]; !ok {
			return fmt.Errorf("rename %s mailbox %q: the state does not know it", side, r.From)
		}
		t.forget(to)
		delete(t.mailboxes, from)
		t.mailboxes[to] = r.Rows[side]
	}
	for key, m := range maps.Clone(t.messages) {
		if key.Mailbox == r.From {
			delete(t.messages, key)
			t.messages[at(key)] = m
		}
	}
	for key, tomb := range maps.Clone(t.tombs) {
		if key.Mailbox == r.From {
			delete(t.tombs, key)
			tomb.Mailbox = r.To
			t.tombs[at(key)] = tomb
		}
	}
	for key, q := range maps.Clone(t.quarantine) {
		if key.Mailbox == r.From {
			delete(t.quarantine, key)
			q.Mailbox = r.To
			t.quarantine[at(key)] = q
		}
	}
	for key, record := range maps.Clone(t.records) {
		if key.Mailbox == r.From {
			delete(t.records, key)
			record.Mailbox = r.To
			t.records[record.Key()] = record
		}
	}
	return nil
}

func (t *tables) drop(c *mirror.Changes) error {
	for _, r := range c.Renames {
		if err := t.rename(r); err != nil {
			return err
		}
	}
	for _, key := range c.Forget {
		t.forget(key)
	}
	for _, key := range c.DropMailboxes {
		t.forget(key)
		delete(t.mailboxes, key)
	}
	for _, key := range c.DropRecords {
		delete(t.records, key)
	}
	if err := t.dropMessages(c.DropMessages); err != nil {
		return err
	}
	for _, id := range c.DropIntents {
		delete(t.intents, id)
	}
	for _, key := range c.DropTombs {
		delete(t.tombs, key)
	}
	for _, key := range c.DropQuarantine {
		delete(t.quarantine, key)
	}
	return nil
}

func (t *tables) dropMessages(keys []mirror.MessageKey) error {
	if len(keys) == 0 {
		return nil
	}
	paired := t.paired()
	for _, key := range keys {
		if paired[key] {
			return broken("keys", "message %v is dropped and in a record", key)
		}
		delete(t.messages, key)
	}
	return nil
}

// forget drops everything that uses the mailbox's UIDs on that side. Intents
// of copies into it from the other side stay: they name a source there.
func (t *tables) forget(key mirror.MailboxKey) {
	within := func(m mirror.MessageKey) bool { return m.Side == key.Side && m.Mailbox == key.Name }
	maps.DeleteFunc(t.messages, func(m mirror.MessageKey, _ mirror.Message) bool { return within(m) })
	maps.DeleteFunc(t.tombs, func(m mirror.MessageKey, _ mirror.Tomb) bool { return within(m) })
	maps.DeleteFunc(t.quarantine, func(m mirror.MessageKey, _ mirror.Quarantined) bool { return within(m) })
	maps.DeleteFunc(t.records, func(r mirror.RecordKey, _ mirror.Record) bool { return r.Mailbox == key.Name })
	maps.DeleteFunc(t.intents, func(_ int64, i mirror.Intent) bool { return i.Side == key.Side && i.Mailbox == key.Name })
}

// put returns the IDs of c.Intents.
func (t *tables) put(c *mirror.Changes) []int64 {
	for _, change := range c.Sides {
		t.sides[change.Side] = change.Row
	}
	for _, row := range c.Mailboxes {
		t.mailboxes[mirror.MailboxKey{Side: row.Side, Name: row.Name}] = row
	}
	for _, row := range c.Messages {
		t.messages[mirror.MessageKey{Side: row.Side, Mailbox: row.Mailbox, UID: row.UID}] = row.Message
	}
	for _, row := range c.Records {
		t.records[row.Key()] = row
	}
	for _, row := range c.Tombs {
		t.tombs[mirror.MessageKey{Side: row.Side, Mailbox: row.Mailbox, UID: row.UID}] = row
	}
	for _, row := range c.Quarantine {
		t.quarantine[mirror.MessageKey{Side: row.Side, Mailbox: row.Mailbox, UID: row.UID}] = row
	}
	if c.Run != nil {
		run := *c.Run
		t.run = &run
	}
	return t.putIntents(c.Intents)
}

func (t *tables) putIntents(intents []*mirror.Intent) []int64 {
	ids := make([]int64, len(intents))
	for i, intent := range intents {
		row := *intent
		if row.ID == 0 {
			t.lastIntent++
			row.ID = t.lastIntent
		}
		t.lastIntent = max(t.lastIntent, row.ID)
		t.intents[row.ID] = row
		ids[i] = row.ID
	}
	return ids
}
