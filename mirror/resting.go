package mirror

import "math"

// A mailbox whose records are all at rest need not be loaded to be looked into: what
// is to be done shows in the views. The state says so of both sides; whatever is
// written of a message or a record takes it back in the same transaction, and it is
// said again with the checkpoints (decision 008).

// stir takes it back in c for the mailboxes of which c writes messages or records.
func (x *run) stir(c *Changes) {
	var last *box
	touch := func(name Name) {
		if last != nil && last.name == name {
			return
		}
		if last = findBox(x.boxes, name); last != nil {
			last.stir(c)
		}
	}
	for i := range c.Messages {
		touch(c.Messages[i].Mailbox)
	}
	for i := range c.Records {
		touch(c.Records[i].Mailbox)
	}
}

func (b *box) stir(c *Changes) {
	for _, s := range Sides {
		side := &b.sides[s]
		if !side.atRest() {
			continue
		}
		row := *side.row
		row.AtRest = false
		side.row = &row
		putMailbox(c, row)
	}
}

func (s *boxSide) atRest() bool { return s.row != nil && s.row.AtRest }

// putMailbox puts a row into c, in place of the one that is there.
func putMailbox(c *Changes, row MailboxRow) {
	for i := range c.Mailboxes {
		if c.Mailboxes[i].Side == row.Side && c.Mailboxes[i].Name == row.Name {
			c.Mailboxes[i] = row
			return
		}
	}
	c.Mailboxes = append(c.Mailboxes, row)
}

// findRestless notes which of the records that are loaded are not at rest.
func (x *run) findRestless(b *box) {
	b.restless = map[RecordKey]bool{}
	for i := range b.records {
		x.judge(b, &b.records[i])
	}
}

// judgeRest keeps restless in step with what was written.
func (x *run) judgeRest(c *Changes) {
	var last *box
	at := func(name Name) *box {
		if last == nil || last.name != name {
			last = findBox(x.boxes, name)
		}
		return last
	}
	for _, key := range c.DropRecords {
		if b := at(key.Mailbox); b != nil {
			delete(b.restless, key)
		}
	}
	for i := range c.Records {
		if b := at(c.Records[i].Mailbox); b != nil {
			x.judge(b, &c.Records[i])
		}
	}
}

// judge notes whether r is at rest: what is written of a message was noted in the box
// before.
func (x *run) judge(b *box, r *Record) {
	rests := true
	for _, s := range Sides {
		m := b.sides[s].messages[r.UID[s]]
		rests = rests && m != nil && r.AtRest(s, m.Flags, x.nextUID(b, s))
	}
	if rests {
		delete(b.restless, r.Key())
		return
	}
	if b.restless == nil {
		b.restless = map[RecordKey]bool{}
	}
	b.restless[r.Key()] = true
}

// nextUID is the UIDNEXT of the checkpoint that is stored once everything was carried
// out. A side that does not number messages has no copies that are to be confirmed.
func (x *run) nextUID(b *box, s Side) UID {
	switch side := &b.sides[s]; {
	case !x.traits[s].Numbers:
		return math.MaxUint32
	case side.view != nil:
		return side.view.Checkpoint.UIDNext
	case side.row != nil:
		return side.row.Checkpoint.UIDNext
	}
	return 0
}

// atRest reports whether all records of a mailbox that was visited are at rest: those
// that are not loaded were before.
func (b *box) atRest() bool {
	return len(b.restless) == 0 && b.sides[Far].row != nil && b.sides[Near].row != nil
}
