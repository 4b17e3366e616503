package statedb

import (
	"fmt"
	"iter"

	"mailtwin/mirror"
)

func (w *writer) drops(c *mirror.Changes) error {
	for _, r := range c.Renames {
		if err := w.rename(r); err != nil {
			return err
		}
	}
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
	if err := w.dropIntents(c.DropIntents); err != nil {
		return err
	}
	if err := w.dropEach(tombTable, c.DropTombs); err != nil {
		return err
	}
	return w.dropEach(quarantineTable, c.DropQuarantine)
}

func (w *writer) dropIntents(ids []int64) error {
	for first, last := range runs(ids) {
		if err := w.drop(intentTable, 0, "id BETWEEN ? AND ?", first, last); err != nil {
			return err
		}
	}
	return nil
}

// runs yields the first and the last of consecutive ids.
func runs(ids []int64) iter.Seq2[int64, int64] {
	return func(yield func(first, last int64) bool) {
		for len(ids) > 0 {
			n := 1
			for n < len(ids) && ids[n] == ids[n-1]+1 {
				n++
			}
			if !yield(ids[0], ids[n-1]) {
				return
			}
			ids = ids[n:]
		}
	}
}

// dropEach drops rows of a table that is empty most of the time.
func (w *writer) dropEach(t *table, keys []mirror.MessageKey) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := w.one("SELECT count(*) FROM (SELECT 1 FROM " + t.name + " LIMIT 1)")
	if err != nil || rows == 0 {
		return explain("read "+t.name, err)
	}
	for _, key := range keys {
		if err := w.dropOne(t, key); err != nil {
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

// rename gives the rows of a mailbox another name: everything else goes by their ids.
func (w *writer) rename(r mirror.MailboxRename) error {
	for _, side := range mirror.Sides {
		from, to := mirror.MailboxKey{Side: side, Name: r.From}, mirror.MailboxKey{Side: side, Name: r.To}
		if err := w.dropMailbox(to); err != nil {
			return err
		}
		id, ok := w.ids[from]
		if !ok {
			return fmt.Errorf("rename %s mailbox %q: the state does not know it", side, r.From)
		}
		delete(w.changeIDs(), from)
		w.changeIDs()[to] = id
		if err := w.put(mailboxTable, mailboxValues(id, r.Rows[side])...); err != nil {
			return err
		}
	}
	return nil
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
