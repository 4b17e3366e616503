package mirrortest

import (
	"fmt"

	"mailtwin/mirror"
)

// Check returns an error when the rows contradict each other. Commit refuses
// what would make them:
//
//   - a UID is never 0, and a mailbox name never empty;
//   - a message belongs to a mailbox that has a row on its side;
//   - a record has both its messages;
//   - a message is in one record at most;
//   - an intent has a kind, a source and a mailbox, and a target unless it
//     announces a removal.
func (s *State) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tables.check()
}

func (t *tables) check() error {
	if err := t.checkMessages(); err != nil {
		return err
	}
	if err := t.checkRecords(); err != nil {
		return err
	}
	return t.checkIntents()
}

func (t *tables) checkMessages() error {
	for key := range t.mailboxes {
		if key.Name == "" {
			return fmt.Errorf("%w: a %s mailbox has no name", mirror.ErrStateBroken, key.Side)
		}
	}
	for key := range t.messages {
		if _, ok := t.mailboxes[mirror.MailboxKey{Side: key.Side, Name: key.Mailbox}]; !ok {
			return fmt.Errorf("%w: message %v has no mailbox row", mirror.ErrStateBroken, key)
		}
		if key.UID == 0 {
			return fmt.Errorf("%w: message %v has no UID", mirror.ErrStateBroken, key)
		}
	}
	return nil
}

func (t *tables) checkRecords() error {
	used := map[mirror.MessageKey]bool{}
	for key := range t.records {
		for _, side := range mirror.Sides {
			m := mirror.MessageKey{Side: side, Mailbox: key.Mailbox, UID: key.UID[side]}
			if _, ok := t.messages[m]; !ok {
				return fmt.Errorf("%w: record %v has no message on the %s side", mirror.ErrStateBroken, key, side)
			}
			if used[m] {
				return fmt.Errorf("%w: message %v is in two records", mirror.ErrStateBroken, m)
			}
			used[m] = true
		}
	}
	return nil
}

func (t *tables) checkIntents() error {
	for id, i := range t.intents {
		switch {
		case i.Kind < mirror.CopyIntent || i.Kind > mirror.GhostIntent:
			return fmt.Errorf("%w: intent %d has no kind", mirror.ErrStateBroken, id)
		case i.Mailbox == "" || i.Source.UID == 0:
			return fmt.Errorf("%w: intent %d has no source", mirror.ErrStateBroken, id)
		case i.Target == "" && i.Kind != mirror.RemoveIntent:
			return fmt.Errorf("%w: intent %d has no target", mirror.ErrStateBroken, id)
		}
	}
	return nil
}
