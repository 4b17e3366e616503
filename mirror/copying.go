package mirror

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"mailtwin/nametrans"
)

// A batch is what one transaction of intents covers.
const (
	batchMessages = 500
	batchOctets   = 32 << 20
)

// copies sends what is new on one side to the other, one direction after the
// other, so that each source can deliver without a break. INBOX comes first.
func (e *effects) copies(ctx context.Context) error {
	groups := e.copyGroups(false)
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(late(a.mailbox), late(b.mailbox)) })
	for _, to := range [...]Side{Near, Far} {
		if err := e.transfer(ctx, to, groups); err != nil {
			return err
		}
		left, err := e.duplicates(ctx, to)
		if err != nil {
			return err
		}
		if err := e.transfer(ctx, to, left); err != nil {
			return err
		}
	}
	return nil
}

// transfer carries out those of groups that go to a side: their bodies travel.
func (e *effects) transfer(ctx context.Context, to Side, groups []group) error {
	var batches []group
	for _, g := range groups {
		if g.side == to {
			batches = append(batches, g.batches()...)
		}
	}
	if len(batches) == 0 {
		return nil
	}
	e.expectCopies(ctx, to, batches)
	return e.copyBatches(ctx, batches)
}

// copyBatches carries out batches, and leaves nothing of them to be written.
func (e *effects) copyBatches(ctx context.Context, batches []group) error {
	wrote, err := e.copyInTurn(ctx, batches)
	if err = cmp.Or(err, e.writeParked()); err != nil {
		return err
	}
	return wrote.probe(ctx)
}

// copyInTurn carries out batches one behind the other: while a target answers to
// one, the next one is on its way. Nothing follows one in which something went
// wrong before that was looked into. It returns the last one of which something was
// recorded.
func (e *effects) copyInTurn(ctx context.Context, batches []group) (*batch, error) {
	var before, wrote *batch
	note := func(t *batch) {
		if t != nil && len(t.written) > 0 {
			wrote = t
		}
	}
	for _, g := range batches {
		t, err := e.beginBatch(ctx, g, g.actions)
		if err := e.endBefore(ctx, before, t); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, err
		}
		note(before)
		if before = t; t != nil && (t.sourceBroke() || t.ended != nil) {
			if err := t.end(ctx); err != nil {
				return nil, err
			}
			note(t)
			before = nil
		}
	}
	if err := before.end(ctx); err != nil {
		return nil, err
	}
	note(before)
	return wrote, nil
}

// endBefore ends the batch in front of t, which is sent. An error that ends the run
// ends t, too, and is held against one of them only.
func (e *effects) endBefore(ctx context.Context, before, t *batch) error {
	if before == nil {
		return nil
	}
	broke := t != nil && t.sourceBroke()
	before.closed = broke
	err := before.end(ctx)
	if err == nil || t == nil {
		return err
	}
	if !broke {
		t.ended = cmp.Or(t.ended, err)
	}
	if own := t.end(ctx); broke {
		return cmp.Or(own, err)
	}
	return err
}

// late ranks mailboxes by when people look into them.
func late(name Name) int {
	if name == nametrans.Inbox {
		return 0
	}
	return 1
}

// batches splits a group into what one transaction of intents covers.
func (g group) batches() (list []group) {
	for len(g.actions) > 0 {
		part := g
		n := batchLength(g.actions)
		part.actions, g.actions = g.actions[:n], g.actions[n:]
		list = append(list, part)
	}
	return list
}

// expectCopies announces to the source what is going to be fetched, and to the
// target what is going to be opened.
func (e *effects) expectCopies(ctx context.Context, to Side, batches []group) {
	var fetches, opens []Expected
	for _, g := range batches {
		fetch := Expected{Name: g.mailbox}
		for i := range g.actions {
			fetch.Fetch = append(fetch.Fetch, g.actions[i].Message)
		}
		fetches = append(fetches, fetch)
		opens = e.expectOpen(opens, to, g.mailbox)
	}
	if len(opens) > 0 {
		e.Repositories[to].Expect(ctx, opens)
	}
	if len(fetches) > 0 {
		e.Repositories[to.Other()].Expect(ctx, fetches)
	}
}

// riskyCopies does the same for messages at which the connection was lost before,
// one by one. All else is done by then, so that they hold up nothing when it is lost
// again.
func (e *effects) riskyCopies(ctx context.Context) error {
	for _, g := range e.copyGroups(true) {
		for _, a := range g.actions {
			var err error
			if e.breaksAlways(g, a) {
				err = e.pauseSending(g, a)
			} else {
				err = e.copyBatches(ctx, []group{{g.side, g.mailbox, g.target, []Action{a}}})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// copyGroups returns the copies, in order: the risky ones or all others.
func (e *effects) copyGroups(risky bool) []group {
	groups := e.groups(Copy)
	for i := range groups {
		g := &groups[i]
		g.actions = e.part(*g, risky)
		e.inOrder(*g)
	}
	return groups
}

// part returns the risky copies of a group or the others, without those that have a
// donor, and the group itself where that is all of it.
func (e *effects) part(g group, risky bool) []Action {
	b, from := e.box(g.mailbox), g.side.Other()
	other := func(a Action) bool { return a.Donor != nil || e.brokeBefore(b, from, a.Message.UID) != risky }
	if !slices.ContainsFunc(g.actions, other) {
		return g.actions
	}
	var list []Action
	for _, a := range g.actions {
		if !other(a) {
			list = append(list, a)
		}
	}
	return list
}

// inOrder sorts copies by their source's UID, in place; what was kept aside comes
// last. Most often they are in order.
func (e *effects) inOrder(g group) {
	b, from := e.box(g.mailbox), g.side.Other()
	rank := func(a Action) int {
		if e.keptAside(b, from, a.Message.UID) {
			return 1
		}
		return 0
	}
	compare := func(a, b Action) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Message.UID, b.Message.UID))
	}
	if !slices.IsSortedFunc(g.actions, compare) {
		slices.SortStableFunc(g.actions, compare)
	}
}

func batchLength(actions []Action) int {
	var octets int64
	for i := range actions {
		octets += actions[i].Message.Size
		if i == batchMessages || (i > 0 && octets > batchOctets) {
			return i
		}
	}
	return len(actions)
}

// batch is one batch of copies under way.
type batch struct {
	*effects
	group          group
	relay          *relay
	b              *box
	from, to       Side
	source, target Mailbox
	actions        map[UID]*Action // by source UID
	intents        map[UID]*Intent
	order          []UID
	// missing were not delivered by the source, and nothing went wrong.
	missing []Action
	changes Changes
	written []*Action // recorded by changes
	first   Message   // the first copy that was recorded
	// parting are the messages that the target refused as it ended the connection.
	parting []UID
	stopped error
	ended   error // the run was ended before all was answered
	// closed says that the target's connection may have been closed for the sake of
	// the next batch, of which a body broke off.
	closed bool
}

// newBatch returns a batch of count copies, nil where the mailbox is left alone.
func (e *effects) newBatch(g group, count int) *batch {
	t := &batch{effects: e, group: g, b: e.box(g.mailbox), from: g.side.Other(), to: g.side,
		actions: make(map[UID]*Action, count), intents: make(map[UID]*Intent, count)}
	if t.b.sides[t.to].blocked != "" || t.b.sides[t.from].blocked != "" {
		t.b.incomplete = true
		return nil
	}
	return t
}

// beginBatch writes the intents of a batch and streams it. It returns nil where
// the mailbox cannot be worked in.
func (e *effects) beginBatch(ctx context.Context, g group, actions []Action) (*batch, error) {
	t := e.newBatch(g, len(actions))
	if t == nil {
		return nil, nil
	}
	// Opening a mailbox may ask the state, and nothing is sent behind records that could
	// not be written. Most often the batch before waited for that.
	if err := t.awaitState(); err != nil {
		return nil, err
	}
	if ok, err := t.open(ctx); !ok || err != nil {
		return nil, err
	}
	if err := t.announce(actions); err != nil {
		return nil, err
	}
	t.relay = e.relay(ctx, t.source, t.refs(), t.target, t.incoming)
	t.ended = ctx.Err()
	return t, nil
}

// end waits for the answers to a batch, records what arrived and asks once more for
// messages that the source did not deliver. It may be called on nil.
func (t *batch) end(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.settle(ctx); err != nil || t.ended != nil {
		return err
	}
	there, err := t.undelivered(ctx)
	if err != nil || len(there) == 0 {
		return err
	}
	again, err := t.beginBatch(ctx, t.group, there)
	if again == nil || err != nil {
		return err
	}
	if err := again.settle(ctx); err != nil {
		return err
	}
	return again.giveUp(ctx)
}

// settle waits for the answers and records what arrived.
func (t *batch) settle(ctx context.Context) error {
	results, readErr, writeErr := t.relay.outcome()
	t.ended = cmp.Or(t.ended, ctx.Err())
	t.outcomes(results, t.relay.through, readErr, writeErr)
	t.broke(t.relay.through, readErr)
	err := t.finish(readErr, writeErr)
	t.relay, t.actions, t.intents, t.order = nil, nil, nil, nil // a probe may need the rest
	return err
}

// sourceBroke reports whether the source failed while the batch was sent.
func (t *batch) sourceBroke() bool {
	for _, c := range t.relay.through {
		if c.readErr != nil {
			return true
		}
	}
	return t.relay.readErr != nil
}

func (t *batch) open(ctx context.Context) (ok bool, err error) {
	if t.source, ok, err = t.handle(ctx, t.b, t.from); !ok || err != nil {
		return false, err
	}
	t.target, ok, err = t.handle(ctx, t.b, t.to)
	return ok, err
}

// announce makes the intents of actions durable. The target's UIDVALIDITY and
// UIDNEXT are those that opening it showed, before any of our copies.
func (t *batch) announce(actions []Action) error {
	status := t.target.Status()
	reserved := t.target.Reserve(len(actions))
	now := t.Now()
	for i := range actions {
		a := &actions[i]
		uid := a.Message.UID
		in := &Intent{Kind: CopyIntent, Side: t.from, Mailbox: t.b.name, Source: a.Message.Ref, Size: a.Message.Size,
			Date: a.Message.Date, TargetUIDValidity: status.UIDValidity, TargetUIDNext: status.UIDNext, Reserved: reserved[i], Donated: a.Donor != nil, Created: now}
		if a.Intent != 0 {
			t.sentAgain(t.to, a, &t.changes)
		}
		t.actions[uid], t.intents[uid] = a, in
		t.order = append(t.order, uid)
		t.changes.Intents = append(t.changes.Intents, in)
	}
	intents := t.changes
	t.changes = Changes{}
	return t.commitIntents(&intents)
}

// sentAgain turns the intent of an earlier attempt into a ghost, so that its
// copy is known if it appears after all. The message may have another name now, or be
// in another mailbox.
func (e *effects) sentAgain(to Side, a *Action, c *Changes) {
	c.DropIntents = append(c.DropIntents, a.Intent)
	for _, old := range e.snapshot.Intents {
		if old.ID == a.Intent && e.traits[to].Numbers {
			ghost := old
			ghost.ID, ghost.Kind = 0, GhostIntent
			ghost.haunt(a.Mailbox, a.Message.Ref)
			c.Intents = append(c.Intents, &ghost)
		}
	}
}

// ghostsFollow takes the ghosts of a message along that has another name now, or is in
// another mailbox: its copy may come late even then.
func (e *effects) ghostsFollow(was MessageKey, mailbox Name, now Ref, c *Changes) {
	for i := range e.snapshot.Intents { // the snapshot's own: one may be taken along twice in a run
		in := &e.snapshot.Intents[i]
		if in.Kind == GhostIntent && (MessageKey{in.Side, cmp.Or(in.Target, in.Mailbox), in.Source.UID}) == was {
			in.haunt(mailbox, now)
			c.Intents = append(c.Intents, in)
		}
	}
}

// haunt says where the source of a ghost is now.
func (in *Intent) haunt(mailbox Name, source Ref) {
	if in.Source, in.Target = source, ""; mailbox != in.Mailbox {
		in.Target = mailbox
	}
}

func (t *batch) flush() error {
	err := t.commit(&t.changes)
	t.changes = Changes{}
	return err
}

func (t *batch) refs() []Ref {
	refs := make([]Ref, len(t.order))
	for i, uid := range t.order {
		refs[i] = t.actions[uid].Message.Ref
	}
	return refs
}

func (t *batch) incoming(b Body) Incoming {
	a := t.actions[b.UID]
	return Incoming{Source: b.Ref, Reserved: t.intents[b.UID].Reserved, Flags: t.wholeFlags(a), Date: a.Message.Date, Body: b, Alone: t.interrupted[MailboxKey{t.from, t.b.name}]}
}

// wholeFlags are the flags of the source, with those that it could not store.
func (t *batch) wholeFlags(a *Action) Flags {
	return a.Message.Flags.Union(a.Record.Masked[t.from])
}

// outcomes turns the results into records, quarantine or open intents.
func (t *batch) outcomes(results []Appended, through map[UID]*carried, readErr, writeErr error) {
	clean := readErr == nil && writeErr == nil
	byUID := map[UID]Appended{}
	for _, r := range results {
		byUID[r.Source.UID] = r
	}
	t.parting = t.parted(byUID, writeErr)
	t.brokeAsWritten(byUID, through, readErr, writeErr)
	t.changes.Messages = slices.Grow(t.changes.Messages, 2*len(results))
	t.changes.Records = slices.Grow(t.changes.Records, len(results))
	for _, uid := range t.order {
		a, in, sent := t.actions[uid], t.intents[uid], through[uid]
		r, answered := byUID[uid]
		switch {
		case answered && r.Err == nil && r.Target.UID != 0 && !t.b.sides[t.to].holds(r.Target.UID):
			t.record(a, r, sent.hash)
		case answered && r.Err == nil:
			in.Accepted = true
			t.b.incomplete = true
			t.changes.Intents = append(t.changes.Intents, in)
			t.result.Changed = true
		case answered:
			t.refused(a, sent, r.Err)
		case sent != nil && sent.readErr != nil:
			t.sourceFailed(a, sent.readErr)
		case sent == nil:
			t.changes.DropIntents = append(t.changes.DropIntents, in.ID)
			t.b.incomplete = true
			if clean {
				t.missing = append(t.missing, *a)
			}
		default:
			t.b.incomplete = true // uncertain: the intent stays
		}
	}
}

// record pairs the source with the copy that the target announced.
func (t *batch) record(a *Action, r Appended, h *Hasher) {
	source := a.Message
	object := source.Identity.ObjectID
	source.Identity = h.Sum()
	arrived := Message{Ref: r.Target, Flags: r.Flags, Size: h.Size(), Date: source.Date, Identity: source.Identity}
	arrived.Identity.Form = r.Form
	source.Identity.ObjectID = object
	t.result.Summary.Octets[t.to] += h.Size()
	t.lend(source, arrived)
	t.pair(a, source, arrived)
}

// pair records a message and its copy, which has the flags that it was stored with.
func (t *batch) pair(a *Action, source, arrived Message) {
	whole := t.wholeFlags(a)
	rec := Record{Mailbox: t.b.name, Base: [2]Flags{whole, whole}}
	rec.Base[t.to] = whole.Union(arrived.Flags) // what could not be taken away is nobody's wish
	rec.UID[t.from], rec.UID[t.to] = source.UID, arrived.UID
	rec.Masked[t.from] = a.Record.Masked[t.from]
	rec.Masked[t.to] = whole.Minus(arrived.Flags)
	if t.traits[t.to].Numbers {
		rec.State[t.to] = Unconfirmed // in a Maildir, what was renamed into place is there
	}
	if a.Again {
		t.changes.DropRecords = append(t.changes.DropRecords, RecordKey{t.b.name, a.UID})
		dropMessage(&t.changes, MessageKey{t.to, t.b.name, a.UID[t.to]})
	}
	t.changes.DropIntents = append(t.changes.DropIntents, t.intents[source.UID].ID)
	t.changes.DropQuarantine = append(t.changes.DropQuarantine, MessageKey{t.from, t.b.name, source.UID})
	t.changes.Messages = append(t.changes.Messages, MessageRow{t.from, t.b.name, source}, MessageRow{t.to, t.b.name, arrived})
	t.changes.Records = append(t.changes.Records, rec)
	t.b.sides[t.to].messages[arrived.UID] = &Message{Ref: arrived.Ref, Flags: arrived.Flags, Size: arrived.Size, Date: arrived.Date}
	t.result.Summary.Copied[t.to]++
	if !rec.Masked[t.to].Empty() {
		t.problem(Problem{t.to, t.b.name, arrived.UID, "flags that this side does not store: " + rec.Masked[t.to].String()})
	}
	if len(t.written) == 0 {
		t.first = arrived
	}
	t.written = append(t.written, a)
}

// refused handles a message that the target did not take, or may have taken.
func (t *batch) refused(a *Action, sent *carried, err error) {
	uid := a.Message.UID
	if sent != nil && sent.readErr != nil {
		t.sourceFailed(a, sent.readErr)
		return
	}
	if !errors.Is(err, ErrNotDone) {
		t.b.incomplete = true
		switch {
		case ReachOf(err) > ReachMessage:
			t.stopped = cmp.Or(t.stopped, err)
		case !errors.Is(err, ErrTogether): // that is uncertain like a cut, and looked into
			t.fail(t.from, t.b, uid, "copy message", err)
		}
		return
	}
	t.changes.DropIntents = append(t.changes.DropIntents, t.intents[uid].ID)
	switch {
	case slices.Contains(t.parting, uid):
		t.brokeAsSent(uid)
	case ReachOf(err) > ReachMessage:
		t.b.incomplete = true
		t.stopped = cmp.Or(t.stopped, err)
	case errors.Is(err, ErrGone), t.ended != nil:
		t.b.incomplete = true
	case errors.Is(err, ErrEmptyBody), errors.Is(err, ErrShortBody):
		t.missing = append(t.missing, *a)
	default:
		t.keepAside(a, err)
	}
}

// sourceFailed handles a message whose source failed in the middle of its body. The
// target never had the whole of it, so it is certainly not there.
func (t *batch) sourceFailed(a *Action, err error) {
	t.b.incomplete = true
	t.changes.DropIntents = append(t.changes.DropIntents, t.intents[a.Message.UID].ID)
	switch {
	case t.ended != nil || ReachOf(err) > ReachMailbox && knownError(err):
		// The run ends, or the source's side; its error says so.
	case errors.Is(err, ErrEmptyBody), errors.Is(err, ErrShortBody), err == io.ErrUnexpectedEOF:
		t.missing = append(t.missing, *a)
	default:
		t.keepAside(a, err)
	}
}

// finish leaves what was learned to be written, and returns an error that reaches a side.
func (t *batch) finish(readErr, writeErr error) error {
	learned := t.changes
	t.changes = Changes{}
	if err := t.park(&learned); err != nil {
		return err
	}
	for _, a := range t.written {
		t.done(a)
	}
	if err := cmp.Or(writeErr, t.stopped); err != nil {
		if err := t.failMailbox(t.b, t.to, "append messages", err); err != nil {
			return err
		}
	}
	if readErr != nil {
		return t.failMailbox(t.b, t.from, "fetch messages", readErr)
	}
	return nil
}

// probe asks once per repository, after a batch of which something was recorded,
// whether it gives back the octets that it was given. It may be called on nil.
func (t *batch) probe(ctx context.Context) error {
	if t == nil {
		return nil
	}
	row := t.snapshot.Sides[t.to]
	if !t.traits[t.to].Numbers || row.Bytes != NotProbed {
		return nil
	}
	found, err := t.target.Identify(ctx, []Ref{t.first.Ref}, Bodies)
	if err != nil {
		return t.failMailbox(t.b, t.to, "read first copy back", err)
	}
	if len(found) != 1 || found[0].Err != nil {
		return nil
	}
	row.Bytes = KeepsBytes
	if found[0].Identity.Exact != t.first.Identity.Exact {
		row.Bytes = ChangesBytes
		t.note("%s: this server changes messages when it stores them; they are told apart by Message-ID, Date and From", t.to)
	}
	t.snapshot.Sides[t.to] = row
	return t.commit(&Changes{Sides: []SideChange{{t.to, row}}})
}

// undelivered returns those of the missing messages that are there nevertheless.
func (t *batch) undelivered(ctx context.Context) ([]Action, error) {
	if len(t.missing) == 0 {
		return nil, nil
	}
	refs := make([]Ref, len(t.missing))
	for i, a := range t.missing {
		refs[i] = a.Message.Ref
	}
	gone, err := t.source.Absent(ctx, refs)
	if err != nil {
		return nil, t.failMailbox(t.b, t.from, "look for messages", err)
	}
	return slices.DeleteFunc(t.missing, func(a Action) bool { return slices.Contains(gone, a.Message.Ref) }), nil
}

// giveUp keeps aside what is there and was not delivered even now: an empty body is
// not a message (RFC 2180 §4.1.3).
func (t *batch) giveUp(ctx context.Context) error {
	there, err := t.undelivered(ctx)
	if err != nil {
		return err
	}
	for i := range there {
		t.keepAside(&there[i], ErrEmptyBody)
	}
	return t.flush()
}

// keepAside quarantines a message that cannot pass. It blocks only itself.
func (t *batch) keepAside(a *Action, err error) {
	t.endRefill(t.b, t.from, a.Message.UID, &t.changes)
	t.changes.Quarantine = append(t.changes.Quarantine, t.quarantined(t.from, t.b, a.Message.UID, err.Error()))
	t.result.Summary.Failed++
	t.passing(err)
	t.problem(Problem{t.from, t.b.name, a.Message.UID, "copy message: " + err.Error()})
}
