package mirror

import "slices"

// notes writes what was seen, and the decisions that change the state only, in
// one transaction before any effect.
func (e *effects) notes() error {
	var c Changes
	for _, b := range e.boxes {
		if b.visited && !b.hidden {
			e.noteBox(b, &c)
		}
	}
	rebound := map[RecordKey]Record{}
	for i := range e.plan.Actions {
		if a := &e.plan.Actions[i]; !a.Kind.ChangesMail() {
			e.noteAction(*a, &c)
			if a.Kind == Rebind {
				rebound[RecordKey{a.Mailbox, a.UID}] = a.Record
			}
		}
	}
	if len(rebound) > 0 {
		for _, b := range e.boxes {
			b.rebind(rebound)
		}
	}
	return e.commit(&c)
}

// noteBox writes the mailbox rows and the messages that are new or changed.
func (e *effects) noteBox(b *box, c *Changes) {
	for _, s := range Sides {
		side := &b.sides[s]
		if side.blocked != "" || !side.exists() {
			continue
		}
		b.noteMailbox(s, c)
		if side.view != nil {
			e.noteMessages(b, s, c)
		}
		for uid := range side.learned {
			if m := side.messages[uid]; m != nil && !side.gone[uid] && !side.unknown[uid] {
				c.Messages = append(c.Messages, MessageRow{s, b.name, *m})
			}
		}
	}
}

func (b *box) noteMailbox(s Side, c *Changes) {
	side := &b.sides[s]
	row := MailboxRow{Side: s, Name: b.name}
	if side.row != nil {
		row = *side.row
	}
	row.Role, row.Subscribed, row.Origin = side.listed.Role, side.listed.Subscribed, side.listed.Origin
	if row.Checkpoint.UIDValidity == 0 && side.view != nil {
		row.Checkpoint = Checkpoint{UIDValidity: side.view.Checkpoint.UIDValidity}
	}
	if side.row == nil || row != *side.row {
		side.row = &row
		c.Mailboxes = append(c.Mailboxes, row)
	}
}

// noteMessages writes what a view showed. Messages that are gone keep their
// row as long as a record needs it.
func (e *effects) noteMessages(b *box, s Side, c *Changes) {
	side := &b.sides[s]
	fresh := map[UID]bool{}
	for _, m := range side.view.New {
		fresh[m.UID] = true
	}
	for _, m := range side.view.Changed {
		fresh[m.UID] = true
	}
	c.Messages = slices.Grow(c.Messages, len(fresh))
	for _, uid := range sortedUIDs(fresh) {
		if m := side.messages[uid]; m != nil && !side.unknown[uid] && !side.learned[uid] {
			c.Messages = append(c.Messages, MessageRow{s, b.name, *m})
		}
	}
	paired := map[UID]bool{}
	for _, r := range b.records {
		paired[r.UID[s]] = true
	}
	for _, m := range e.departed(b, s) {
		paired[m.UID] = true // or about to be: its copy may be there
		side.partial = true  // its row is to go once nothing is unfinished
	}
	for _, uid := range sortedUIDs(side.gone) {
		if !paired[uid] {
			key := MessageKey{s, b.name, uid}
			dropMessage(c, key)
			c.DropTombs = append(c.DropTombs, key)
		}
	}
}

// dropMessage forgets a message and that it was kept aside.
func dropMessage(c *Changes, key MessageKey) {
	c.DropMessages = append(c.DropMessages, key)
	c.DropQuarantine = append(c.DropQuarantine, key)
}

// noteAction writes a decision that changes the state only.
func (e *effects) noteAction(a Action, c *Changes) {
	switch a.Kind {
	case Drop:
		e.noteDrop(a, c)
	case Pair:
		c.Records = append(c.Records, a.Record)
		for _, s := range Sides {
			c.DropQuarantine = append(c.DropQuarantine, MessageKey{s, a.Mailbox, a.UID[s]})
		}
		e.result.Summary.Paired++
	case Rebind:
		c.DropRecords = append(c.DropRecords, RecordKey{a.Mailbox, a.UID})
		for _, s := range Sides {
			if a.UID[s] != a.Record.UID[s] {
				dropMessage(c, MessageKey{s, a.Mailbox, a.UID[s]})
				c.DropQuarantine = append(c.DropQuarantine, MessageKey{s, a.Mailbox, a.Record.UID[s]})
				e.ghostsFollow(MessageKey{s, a.Mailbox, a.UID[s]}, a.Mailbox, e.box(a.Mailbox).sides[s].ref(a.Record.UID[s]), c)
			}
		}
		c.Records = append(c.Records, a.Record)
	case Release:
		c.DropRecords = append(c.DropRecords, RecordKey{a.Mailbox, a.UID})
		dropMessage(c, MessageKey{a.Side, a.Mailbox, a.UID[a.Side]})
	case Confirm, Depart:
		c.Records = append(c.Records, a.Record)
	case Hold:
		c.Records = append(c.Records, a.Record)
		e.result.Summary.Held++
		e.problem(Problem{a.Side, a.Mailbox, a.UID[a.Side], a.Reason})
	case Settled:
		c.DropIntents = append(c.DropIntents, a.Intent)
	case Wait:
		e.left(a)
	case Ghost:
		c.DropIntents = append(c.DropIntents, a.Intent)
		c.Quarantine = append(c.Quarantine, Quarantined{Side: a.Side, Mailbox: a.Mailbox, UID: a.Message.UID, Reason: a.Reason, Since: e.Now(), Tries: 1})
		e.result.Summary.Ghosts++
		e.problem(Problem{a.Side, a.Mailbox, a.Message.UID, a.Reason})
	case Quarantine:
		b := e.box(a.Mailbox)
		from := a.Side.Other()
		e.endRefill(b, from, a.Message.UID, c)
		c.Quarantine = append(c.Quarantine, e.quarantined(from, b, a.Message.UID, a.Reason))
		e.result.Summary.Failed++
		e.problem(Problem{from, a.Mailbox, a.Message.UID, a.Reason})
	}
}

// endRefill drops the record of a message that could not be sent again: it is a
// message without a partner now, like any other that is kept aside.
func (e *effects) endRefill(b *box, from Side, uid UID, c *Changes) {
	for _, r := range b.records {
		if r.UID[from] == uid {
			c.DropRecords = append(c.DropRecords, r.Key())
			dropMessage(c, MessageKey{from.Other(), b.name, r.UID[from.Other()]})
		}
	}
}

func (e *effects) noteDrop(a Action, c *Changes) {
	if a.UID != [2]UID{} {
		c.DropRecords = append(c.DropRecords, RecordKey{a.Mailbox, a.UID})
		for _, s := range Sides {
			dropMessage(c, MessageKey{s, a.Mailbox, a.UID[s]})
		}
		return
	}
	for _, s := range Sides {
		c.DropMailboxes = append(c.DropMailboxes, MailboxKey{s, a.Mailbox})
	}
}
