package mirrortest

import (
	"errors"
	"fmt"

	"mailtwin/mirror"
)

// Check returns an error that names every broken invariant, or nil. The keys,
// which Commit guards, come first:
//
//   - keys: a mailbox has a name; a message, tomb or quarantine belongs to a
//     mailbox that has a row on its side; a record has both its messages; a
//     message is in one record at most.
//
// The others are the executor's to keep, and are the same as statedb's:
//
//   - record-masked: a record's masked flags are part of its base.
//   - at-rest: every record of a mailbox that is marked so is at rest on its side,
//     as mirror.Record.AtRest has it.
//   - message-base: no two messages of a mailbox have the same base name.
//   - intent-source: the source of an intent exists where the state numbers
//     the messages (its reference has a base name). A ghost outlives it.
//   - tomb-record: a message with a tomb is in no record.
//   - quarantine-message: a quarantined message exists.
//   - quarantine-record: a quarantined message is in no record.
func (s *State) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.tables
	return errors.Join(t.checkKeys(), t.checkMasked(), t.checkAtRest(), t.checkBases(), t.checkIntents(), t.checkAside())
}

// broken names an invariant and what breaks it.
func broken(invariant, format string, args ...any) error {
	return fmt.Errorf("invariant %s: %s", invariant, fmt.Sprintf(format, args...))
}

func (t *tables) checkKeys() error {
	for key := range t.mailboxes {
		if key.Name == "" {
			return broken("keys", "a %s mailbox has no name", key.Side)
		}
	}
	for _, key := range sortedKeys(t.messages) {
		if err := t.checkPlace("message", key); err != nil {
			return err
		}
	}
	for _, key := range sortedKeys(t.tombs) {
		if err := t.checkPlace("tomb", key); err != nil {
			return err
		}
	}
	for _, key := range sortedKeys(t.quarantine) {
		if err := t.checkPlace("quarantine", key); err != nil {
			return err
		}
	}
	return t.checkRecords()
}

func (t *tables) checkPlace(what string, key mirror.MessageKey) error {
	if _, ok := t.mailboxes[mirror.MailboxKey{Side: key.Side, Name: key.Mailbox}]; !ok {
		return broken("keys", "%s %v has no mailbox row", what, key)
	}
	if key.UID == 0 {
		return broken("keys", "%s %v has no UID", what, key)
	}
	return nil
}

func (t *tables) checkRecords() error {
	used := map[mirror.MessageKey]bool{}
	for key := range t.records {
		for side, m := range messagesOf(key) {
			if _, ok := t.messages[m]; !ok {
				return broken("keys", "record %v has no message on the %s side", key, mirror.Side(side))
			}
			if used[m] {
				return broken("keys", "message %v is in two records", m)
			}
			used[m] = true
		}
	}
	return nil
}

// messagesOf returns the keys of a record's messages, by side.
func messagesOf(key mirror.RecordKey) (messages [2]mirror.MessageKey) {
	for _, side := range mirror.Sides {
		messages[side] = mirror.MessageKey{Side: side, Mailbox: key.Mailbox, UID: key.UID[side]}
	}
	return messages
}

// paired returns the messages that are in records.
func (t *tables) paired() map[mirror.MessageKey]bool {
	paired := map[mirror.MessageKey]bool{}
	for key := range t.records {
		for _, m := range messagesOf(key) {
			paired[m] = true
		}
	}
	return paired
}

func (t *tables) checkMasked() error {
	for key, r := range t.records {
		for _, side := range mirror.Sides {
			if extra := r.Masked[side].Minus(r.Base[side]); !extra.Empty() {
				return broken("record-masked", "%v: %s on the %s side", key, extra, side)
			}
		}
	}
	return nil
}

func (t *tables) checkAtRest() error {
	for key, r := range t.records {
		for side, m := range messagesOf(key) {
			side := mirror.Side(side)
			row := t.mailboxes[mirror.MailboxKey{Side: side, Name: key.Mailbox}]
			if row.AtRest && !r.AtRest(side, t.messages[m].Flags, row.Checkpoint.UIDNext) {
				return broken("at-rest", "%v on the %s side", key, side)
			}
		}
	}
	return nil
}

func (t *tables) checkBases() error {
	type place struct {
		side    mirror.Side
		mailbox mirror.Name
		base    string
	}
	seen := map[place]bool{}
	for key, m := range t.messages {
		at := place{key.Side, key.Mailbox, m.Base}
		if m.Base != "" && seen[at] {
			return broken("message-base", "%v: %q is there twice", key, m.Base)
		}
		seen[at] = true
	}
	return nil
}

func (t *tables) checkIntents() error {
	for id, i := range t.intents {
		if i.Source.Base == "" || i.Kind == mirror.GhostIntent {
			continue
		}
		if _, ok := t.messages[mirror.MessageKey{Side: i.Side, Mailbox: i.Mailbox, UID: i.Source.UID}]; !ok {
			return broken("intent-source", "intent %d: %s mailbox %q has no message %d", id, i.Side, i.Mailbox.String(), i.Source.UID)
		}
	}
	return nil
}

func (t *tables) checkAside() error {
	paired := t.paired()
	for _, key := range sortedKeys(t.tombs) {
		if paired[key] {
			return broken("tomb-record", "%v", key)
		}
	}
	for _, key := range sortedKeys(t.quarantine) {
		if paired[key] {
			return broken("quarantine-record", "%v", key)
		}
		if _, ok := t.messages[key]; !ok {
			return broken("quarantine-message", "%v", key)
		}
	}
	return nil
}
