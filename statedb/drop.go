package statedb

import (
	"fmt"

	"mailtwin/mirror"
)

func (w *writer) drops(c *mirror.Changes) error {
	for _, key := range c.Forget {
		if err := w.forget(key); err != nil {
			return err
		}
	}
	for _, key := range c.DropMailboxes {
		if err := w.dropMailbox(key); err != nil {
			return err
		}
	}
	for _, key := range c.DropRecords {
		if err := w.dropRecord(key); err != nil {
			return err
		}
	}
	for _, key := range c.DropMessages {
		if err := w.dropOne(messageTable, key); err != nil {
			return err
		}
	}
	for _, id := range c.DropIntents {
		if err := w.drop(intentTable, 0, "id = ?", id); err != nil {
			return err
		}
	}
	for _, key := range c.DropTombs {
		if err := w.dropOne(tombTable, key); err != nil {
			return err
		}
	}
	for _, key := range c.DropQuarantine {
		if err := w.dropOne(quarantineTable, key); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) forget(key mirror.MailboxKey) error {
	err := w.drop(intentTable, 0, "side = ? AND mailbox = ?", num(key.Side), blob(key.Name))
	if err != nil {
		return err
	}
	id, ok := w.ids[key]
	if !ok {
		return nil
	}
	// A record of the mailbox is counted with its far mailbox.
	column := [2]string{"far_mailbox = ?", "near_mailbox = ?"}[key.Side]
	far := w.ids[mirror.MailboxKey{Side: mirror.Far, Name: key.Name}]
	if err := w.drop(recordTable, far, column, id); err != nil {
		return err
	}
	if err := w.drop(messageTable, id, "mailbox = ?", id); err != nil {
		return err
	}
	if err := w.drop(tombTable, 0, "mailbox = ?", id); err != nil {
		return err
	}
	return w.drop(quarantineTable, 0, "mailbox = ?", id)
}

func (w *writer) dropMailbox(key mirror.MailboxKey) error {
	if err := w.forget(key); err != nil {
		return err
	}
	id, ok := w.ids[key]
	if !ok {
		return nil
	}
	delete(w.changeIDs(), key)
	return w.drop(mailboxTable, 0, "id = ?", id)
}

func (w *writer) dropRecord(key mirror.RecordKey) error {
	far, ok := w.ids[mirror.MailboxKey{Side: mirror.Far, Name: key.Mailbox}]
	if !ok {
		return nil
	}
	return w.drop(recordTable, far, "far_mailbox = ? AND far_uid = ? AND near_uid = ?",
		far, num(key.UID[mirror.Far]), num(key.UID[mirror.Near]))
}

// dropOne drops a row whose key is mailbox and UID.
func (w *writer) dropOne(t *table, key mirror.MessageKey) error {
	id, ok := w.ids[mirror.MailboxKey{Side: key.Side, Name: key.Mailbox}]
	if !ok {
		return nil
	}
	err := w.drop(t, t.scope([]any{id}), "mailbox = ? AND uid = ?", id, num(key.UID))
	if isConstraint(err) {
		return fmt.Errorf("drop %s message %d of %q: it is in a record: %w", key.Side, key.UID, key.Mailbox, err)
	}
	return err
}
