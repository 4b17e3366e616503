package mirror_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// history is a pair and what is known of it.
type history struct {
	*pair
	kind    historyKind
	script  []string
	told    []string // what happened, for the failure
	letters map[string]*facts
	// states are those after each run, for "old".
	states []*mirrortest.State
	// armed are steps that happen during the next run, per side by call.
	armed [2]map[int][]string
	// blind: the state or the numbers were lost since the pair last rested, so
	// that a move since then looks like a removal and a new message.
	blind bool
	// unsure: a run was disturbed since the pair last rested.
	unsure bool
	// forgot: the state was lost or an old one came back, at any time.
	forgot bool
	gone   int // mailboxes that people removed or renamed
	// renamed is what the step before renamed, while everything rested.
	renamed *renamedBox
	hands   sync.Mutex
}

// facts are what people did to a letter. Copies are counted per side.
type facts struct {
	put      [2]int
	removals [2]int
	moves    [2]int
	// spare is how many copies more than delivered are right, in all.
	spare int
	// loose is how many copies fewer are right: they were in a mailbox that
	// people took away.
	loose int
	moved bool // since the pair last rested
	// renamed: its file was renamed since a run was disturbed.
	renamed bool
	// edited: it is another letter's next version, or has one, and may be taken
	// for the same message.
	edited bool
	// unsighted: somebody set the flags of a copy before we had seen it. What is
	// missing then counts as refused by its side (DESIGN.md §6).
	unsighted bool
	// deleted: somebody set \Deleted on a copy.
	deleted bool
}

func (h *history) tell(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

// step carries out one line. What a step is about may not be there: then
// nothing happens, so that every part of a script is a script.
func (h *history) step(line string) {
	h.tell("> %s", line)
	words := strings.SplitN(line, " ", 5)
	renamed := h.renamed
	h.renamed = nil
	switch words[0] {
	case "rest":
		h.rest()
		h.followed(renamed)
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			h.t.Fatalf("step %q: %v", line, err)
		}
		time.Sleep(d)
	case "lose":
		for _, f := range h.marked() {
			loseMark(f, 1)
		}
		h.forget(mirrortest.NewState())
	case "old":
		if n := number(words[1]); n <= len(h.states) {
			marks := h.marked()
			h.forget(h.states[len(h.states)-n].Clone())
			for _, f := range marks {
				spare := 0
				// It is paired again, and removes nothing; or what was moved before is taken
				// for another version of what is there.
				if h.renumbered() || f.edited {
					spare = 1
				}
				loseMark(f, spare)
			}
			if h.kind.inexact && h.snapshot().Sides[mirror.Far].Bytes == mirror.NotProbed {
				// What was sent since looks like another message to it.
				h.eachOn(mirror.Far, func(f *facts) { f.spare++ })
			}
		}
	case "crash":
		points := map[string]mirrortest.Point{"before": mirrortest.Before, "after": mirrortest.After, "inside": mirrortest.Inside}
		h.inject(mirrortest.NewFault(number(words[2]), points[words[1]]))
		h.run(line)
		h.inject(nil)
		h.unsure = true
	case "cut":
		h.cut(sideOf(words[1]), number(words[2]), words[3])
	case "during":
		s := sideOf(words[1])
		if h.armed[s] == nil {
			h.armed[s] = map[int][]string{}
		}
		call := number(words[2])
		h.armed[s][call] = append(h.armed[s][call], strings.Join(words[3:], " "))
	default:
		h.hand(words)
	}
}

func number(word string) (n int) {
	fmt.Sscanf(word, "%d", &n)
	return n
}

func sideOf(word string) mirror.Side {
	if word == "near" {
		return mirror.Near
	}
	return mirror.Far
}

// forget puts another state in place of the one that is there.
func (h *history) forget(state *mirrortest.State) {
	for _, s := range mirror.Sides {
		for _, c := range h.copies(s) {
			if c.ghost { // with the state goes the knowledge of it
				h.letters[c.key].spare++
			}
		}
	}
	for _, f := range h.underWay() { // and of what may still come
		f.spare++
	}
	h.state, h.forgot = state, true
	for _, s := range mirror.Sides {
		for _, name := range h.boxes(s) {
			h.detectable(s, name)
		}
		if h.options[s].Window > 0 { // what the window hides may be sent to it again
			h.eachOn(s, func(f *facts) { f.spare++ })
		}
	}
	h.blindly()
}

// underWay are the letters that the state expects to come late, as long as their
// sources are there.
func (h *history) underWay() (list []*facts) {
	for _, in := range h.snapshot().Intents {
		if in.Kind != mirror.CopyIntent && in.Kind != mirror.GhostIntent {
			continue
		}
		for _, name := range h.boxes(in.Side) {
			for _, m := range h.servers[in.Side].Messages(name) {
				if m.Base != "" && m.Base == in.Source.Base || m.Base == "" && name == in.Mailbox && m.ID == in.Source.UID {
					list = append(list, h.letters[keyOf(numbersOf(m.Body))])
				}
			}
		}
	}
	return list
}

func (h *history) eachOn(s mirror.Side, visit func(*facts)) {
	for _, name := range h.boxes(s) {
		h.eachIn(s, name, visit)
	}
}

// detectable changes UIDVALIDITY where UIDNEXT went back and is not below what
// the state knew: no client can tell that these UIDs mean other messages now.
func (h *history) detectable(s mirror.Side, name mirror.Name) {
	server := h.servers[s]
	if now := server.Checkpoint(name); server.Rewound(name) && now.UIDNext >= h.knownNext(s, name) {
		server.Renumber(name, now.UIDValidity+1)
	}
}

// knownNext is UIDNEXT as far as the state knows it.
func (h *history) knownNext(s mirror.Side, name mirror.Name) (next mirror.UID) {
	for _, row := range h.snapshot().Mailboxes {
		if row.Side == s && row.Name == name {
			next = row.Checkpoint.UIDNext
		}
	}
	messages, err := h.state.Messages(s, name)
	if err != nil {
		h.t.Fatalf("messages: %v", err)
	}
	for _, m := range messages {
		next = max(next, m.UID+1)
	}
	return next
}

// marked are the letters that we removed and a side without UIDPLUS still shows,
// each as often as that.
func (h *history) marked() (list []*facts) {
	for _, s := range mirror.Sides {
		for _, name := range h.boxes(s) {
			tombs := h.tombs(s, name)
			for _, m := range h.servers[s].Messages(name) {
				if tombs[m.ID] {
					list = append(list, h.letters[keyOf(numbersOf(m.Body))])
				}
			}
		}
	}
	return list
}

// loseMark: with the state goes the knowledge of what we removed. It comes back,
// marked \Deleted; spare is how many copies more are right.
func loseMark(f *facts, spare int) {
	f.spare += spare
	f.deleted = true
}

// blindly notes that what was known of UIDs is lost.
func (h *history) blindly() {
	h.blind = true
	for _, f := range h.letters {
		if f.moved {
			f.spare++
		}
	}
}

func (h *history) cut(s mirror.Side, skip int, word string) {
	fate := mirrortest.Fate{Never: word == "never"}
	if d, err := time.ParseDuration(word); err == nil && !h.options[s].Maildir {
		fate.After = d // nobody finishes writing a file for a process that is gone
	}
	h.servers[s].CutAppend(skip, fate)
	h.unsure = true
	h.run("cut")
	h.servers[s].CutAppend(-1, fate)
}

// run runs once, whatever comes of it.
func (h *history) run(why string) (mirror.Result, error) {
	wrap := h.wrap
	h.wrap = func(s mirror.Side, r mirror.Repository) mirror.Repository {
		if wrap != nil {
			r = wrap(s, r)
		}
		return h.disturbed(s, r)
	}
	if len(h.armed[mirror.Far])+len(h.armed[mirror.Near]) > 0 {
		h.unsure = true
	}
	before := [2]int{len(h.servers[mirror.Far].Effects()), len(h.servers[mirror.Near].Effects())}
	result, err := h.try()
	h.wrap = wrap
	for _, s := range mirror.Sides {
		for _, c := range h.servers[s].Effects()[before[s]:] {
			h.tell("  %v: %v", s, c)
		}
	}
	h.armed = [2]map[int][]string{}
	h.tell("%s: exit %d %+v %v %v open %d", why, mirror.Exit(result, err), result.Summary, err, result.Problems, result.Open)
	if err := h.state.Check(); err != nil {
		h.fail("state: %v", err)
	}
	h.notLost()
	h.states = append(h.states, h.state.Clone())
	return result, err
}

// rest lets the pair come to rest. A letter that is kept aside may leave exit 3
// behind, but nothing else.
func (h *history) rest() {
	for i := range 6 {
		// The first run after a loss removes nothing, and tells nobody.
		calm := len(h.armed[mirror.Far])+len(h.armed[mirror.Near]) == 0 && !(h.blind && i == 0) && !h.renumbered()
		result, err := h.run("run")
		exit := mirror.Exit(result, err)
		if exit != mirror.ExitDone && exit != mirror.ExitPartly && (exit != mirror.ExitTemporary || err != nil) {
			h.fail("run: exit %d, %v, stops %v", exit, err, result.Plan.Stops)
		}
		if calm && !result.Changed && result.Open == 0 {
			break
		}
		if i == 5 {
			h.fail("still changing in the sixth run: %+v, open %d", result.Summary, result.Open)
		}
	}
	h.blind, h.unsure = false, false
	for _, f := range h.letters {
		f.moved, f.renamed = false, false
	}
}

// renumbered reports whether a mailbox has another UIDVALIDITY than the state knows.
func (h *history) renumbered() bool {
	return slices.ContainsFunc(h.snapshot().Mailboxes, func(row mirror.MailboxRow) bool {
		known := row.Checkpoint.UIDValidity
		return known != 0 && h.has(row.Side, row.Name) && h.servers[row.Side].Checkpoint(row.Name).UIDValidity != known
	})
}

// outwait lets pass what messages that could not pass are kept aside for, and
// has them tried again: what passes then is not left behind.
func (h *history) outwait() {
	var last time.Time
	for _, q := range h.snapshot().Quarantine {
		if q.Next.After(last) {
			last = q.Next
		}
	}
	for _, o := range h.options {
		if o.Newest > 0 { // what was not read is compared
			last = later(last, time.Now().Add(time.Hour))
		}
	}
	if !last.IsZero() {
		time.Sleep(time.Until(last))
		h.tell("> everything that is kept aside is due")
		h.rest()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// hand does what people and other programs do on a side.
func (h *history) hand(words []string) {
	s := sideOf(words[1])
	switch words[0] {
	case "makebox":
		h.servers[s].CreateMailbox(nameOf(words[2]), "")
	case "dropbox":
		h.dropBox(s, nameOf(words[2]))
	case "renamebox":
		h.renameBox(s, nameOf(words[2]), nameOf(words[3]))
	case "renumber":
		if name := nameOf(words[2]); h.has(s, name) && !h.options[s].Maildir {
			h.servers[s].Renumber(name, h.servers[s].Checkpoint(name).UIDValidity+1)
			if h.options[s].Window > 0 { // of a size that no server is known to have: see TestRenumberedBelowWindow
				h.eachIn(s, name, func(f *facts) { f.spare++ })
			}
			h.blindly()
		}
	case "rewind":
		// UIDNEXT goes back, as after a restored backup.
		if name := nameOf(words[2]); h.has(s, name) && !h.options[s].Maildir {
			h.servers[s].Rewind(name)
			h.detectable(s, name)
			h.blindly()
		}
	case "deliver":
		if name := nameOf(words[2]); h.has(s, name) {
			h.put(s, name, number(words[3]), nil)
		}
	default:
		if name, m, ok := h.pick(s, number(words[2])); ok {
			h.handle(words, s, name, m, h.letters[keyOf(numbersOf(m.Body))])
		}
	}
}

func nameOf(word string) mirror.Name { return box(strings.Split(word, "/")...) }

func (h *history) has(s mirror.Side, name mirror.Name) bool { return h.servers[s].Has(name) }

// handle does what people do to one message.
func (h *history) handle(words []string, s mirror.Side, name mirror.Name, m mirrortest.Held, f *facts) {
	server := h.servers[s]
	switch words[0] {
	case "flags":
		f.unsighted = f.unsighted || h.unsighted(s, name, m)
		f.deleted = f.deleted || strings.Contains(words[3], `\Deleted`)
		server.SetFlags(name, m.ID, flags(strings.Join(words[3:], " ")))
	case "keyword":
		server.SetFlags(name, m.ID, m.Flags.Union(flags(strings.Join(words[3:], " "))))
	case "rebase":
		if h.options[s].Maildir {
			h.loseTrack(f, f.moved)
			f.renamed = h.unsure
			server.Rebase(name, m.ID)
		}
	case "remove":
		f.removals[s]++
		server.Remove(name, m.ID)
	case "edit":
		// Whoever edits a draft stores the new one and removes the old one.
		f.removals[s]++
		server.Remove(name, m.ID)
		n, version := numbersOf(m.Body)
		h.put(s, name, n, m.Body)
		f.edited, h.letters[keyOf(n, version+1)].edited = true, true
	case "copy":
		if to := nameOf(words[3]); h.has(s, to) {
			f.put[s]++
			server.Copy(name, m.ID, to)
		}
	case "move":
		h.move(s, name, m, nameOf(words[3]), f)
	}
}

// unsighted reports whether m is a copy of ours that no listing has shown.
func (h *history) unsighted(s mirror.Side, name mirror.Name, m mirrortest.Held) bool {
	snapshot := h.snapshot()
	if slices.ContainsFunc(snapshot.Intents, func(in mirror.Intent) bool { return in.Kind == mirror.CopyIntent && in.Side != s && in.Mailbox == name }) {
		return true
	}
	records, err := h.state.Records(name)
	if err != nil {
		h.t.Fatalf("records: %v", err)
	}
	return slices.ContainsFunc(records, func(r mirror.Record) bool { return r.UID[s] == m.ID && r.State[s] == mirror.Unconfirmed })
}

// move moves a letter. Moved on both sides to different mailboxes it is meant
// to be in both.
func (h *history) move(s mirror.Side, from mirror.Name, m mirrortest.Held, to mirror.Name, f *facts) {
	if to == from || !h.has(s, to) {
		return
	}
	if f.moved || h.blind || !h.has(s.Other(), to) {
		f.spare++
	}
	if h.isGhost(s, from, m) { // a person wants it
		f.spare++
	}
	h.loseTrack(f, f.renamed || h.kind.inexact)
	f.moved = true
	f.moves[s]++
	h.servers[s].Move(from, m.ID, to)
}

// isGhost reports whether a message is kept aside as a copy that came too late.
func (h *history) isGhost(s mirror.Side, name mirror.Name, m mirrortest.Held) bool {
	return slices.ContainsFunc(h.copies(s), func(c copyOf) bool { return c.ghost && c.mailbox == name && c.held.ID == m.ID })
}

// loseTrack: what was on its way when a run was disturbed, or its copy, and was both
// moved and renamed since, nobody can follow; where the server changes what it is
// given a move will do.
func (h *history) loseTrack(f *facts, both bool) {
	if h.unsure && both {
		f.spare++
	}
}

// put delivers a letter. A letter that is there already, anywhere, gets a twin.
// before is the body that an edited letter had.
func (h *history) put(s mirror.Side, name mirror.Name, n int, before []byte) {
	version := 0
	if before != nil {
		_, version = numbersOf(before)
		version++
	}
	key := keyOf(n, version)
	if h.letters[key] == nil {
		h.letters[key] = &facts{}
	}
	f := h.letters[key]
	f.put[s]++
	if h.blind && f.moved {
		f.spare++
	}
	body := post(n, version)
	if h.options[s].Maildir {
		body = fileOf(body)
	}
	h.servers[s].Deliver(name, body, mirror.Flags{}, dateOf(n, version, s))
}

// post is the n-th letter, in its travelling form. An edited one keeps its
// Message-ID, Date and From. Every fourth has no Received line, so that its
// header never decides; every fifth holds a bare CR.
func post(n, version int) []byte {
	text := string(letter(n))
	if n%4 == 0 {
		text = strings.Replace(text, "Received: from mx.example.org\r\n", "", 1)
	}
	if n%5 == 0 {
		text += "a bare\rCR\r\n"
	}
	return []byte(strings.Replace(text, "Subject: letter", fmt.Sprintf("X-Version: %d\r\nSubject: letter", version), 1))
}

// dateOf is the INTERNALDATE of a letter that was delivered on s.
func dateOf(n, version int, s mirror.Side) time.Time {
	return when.Add(time.Duration(n)*time.Hour + time.Duration(version)*time.Minute + time.Duration(s)*time.Second)
}

// numbersOf reads a letter's number and version back.
func numbersOf(body []byte) (n, version int) {
	_, rest, _ := strings.Cut(string(body), "Message-ID: <")
	fmt.Sscanf(rest, "%d@", &n)
	_, rest, _ = strings.Cut(rest, "X-Version: ")
	fmt.Sscanf(rest, "%d", &version)
	return n, version
}

func keyOf(n, version int) string { return fmt.Sprintf("%d.%d", n, version) }

// boxes are the mailboxes of a side that hold messages, sorted.
func (h *history) boxes(s mirror.Side) []mirror.Name {
	return slices.Sorted(maps.Keys(h.servers[s].Dump()))
}

// pick returns the k-th of the messages of a side that are neither pinned nor
// about to vanish, counted round and round.
func (h *history) pick(s mirror.Side, k int) (name mirror.Name, m mirrortest.Held, ok bool) {
	type spot struct {
		name mirror.Name
		held mirrortest.Held
	}
	var list []spot
	for _, name := range h.boxes(s) {
		tombs := h.tombs(s, name)
		for _, m := range h.servers[s].Messages(name) {
			if n, _ := numbersOf(m.Body); n >= pinned && !tombs[m.ID] && name != box("Trash") {
				list = append(list, spot{name, m})
			}
		}
	}
	if len(list) == 0 {
		return "", m, false
	}
	found := list[k%len(list)]
	return found.name, found.held, true
}

// tombs are the messages that we removed and that a side without UIDPLUS still
// shows.
func (h *history) tombs(s mirror.Side, name mirror.Name) map[mirror.UID]bool {
	set := map[mirror.UID]bool{}
	snapshot, err := h.state.Load()
	if err != nil {
		h.t.Fatalf("load: %v", err)
	}
	for _, t := range snapshot.Tombs {
		if t.Side == s && t.Mailbox == name {
			set[t.UID] = true
		}
	}
	return set
}

// mailboxesGone is how many mailboxes people take away at most, so that no side
// looks like another account.
const mailboxesGone = 2

func (h *history) mayGo(s mirror.Side, name mirror.Name) bool {
	return name != nametrans.Inbox && h.gone < mailboxesGone && h.has(s, name)
}

func (h *history) dropBox(s mirror.Side, name mirror.Name) {
	if h.mayGo(s, name) {
		h.gone++
		h.eachIn(s, name, func(f *facts) {
			f.loose++
			if h.policy.Remove == mirror.Both {
				f.removals[s]++
			}
		})
		if o := s.Other(); h.has(o, name) { // what was moved there is not followed
			h.eachIn(o, name, func(f *facts) { f.spare++ })
		}
		h.servers[s].DeleteMailbox(name)
	}
}

// renameBox renames a mailbox, which is followed where everything rested before, message
// by message; else the new one is filled on the other side, and the old one stays there.
func (h *history) renameBox(s mirror.Side, name, to mirror.Name) {
	if h.mayGo(s, name) && !h.has(s, to) {
		h.gone++
		rested := !h.unsure && !h.blind && h.policy.Mode == mirror.TwoWay && h.policy.Gone == mirror.Both && h.has(s.Other(), name) && !h.has(s.Other(), to)
		h.eachIn(s, name, func(f *facts) {
			if !rested || f.moved || f.unsighted || f.edited {
				f.spare++
			}
			f.moved = true
		})
		tombs := h.tombs(s, name) // under the new name nobody knows whose mark that is
		for _, m := range h.servers[s].Messages(name) {
			if tombs[m.ID] {
				h.letters[keyOf(numbersOf(m.Body))].deleted = true
			}
		}
		h.servers[s].RenameMailbox(name, to)
		if rested && h.options[mirror.Far].Window == 0 && len(h.armed[mirror.Far])+len(h.armed[mirror.Near]) == 0 {
			h.renamed = &renamedBox{s.Other(), name, to}
		}
	}
}

// renamedBox is a mailbox that is to have another name on a side after the next run.
type renamedBox struct {
	side     mirror.Side
	from, to mirror.Name
}

// followed: what was just renamed has its new name on the other side too, or its messages
// are there.
func (h *history) followed(r *renamedBox) {
	if r == nil {
		return
	}
	if !h.has(r.side, r.to) {
		h.fail("%v lacks %q, as which %q is known now", r.side, r.to.String(), r.from.String())
	}
	for _, c := range h.copies(r.side) {
		if c.mailbox == r.from && !c.excused {
			h.fail("%v still has letter %s in %q, which was renamed", r.side, c.key, r.from.String())
		}
	}
}

func (h *history) eachIn(s mirror.Side, name mirror.Name, visit func(*facts)) {
	for _, m := range h.servers[s].Messages(name) {
		visit(h.letters[keyOf(numbersOf(m.Body))])
	}
}

// disturbed lets armed steps happen on side s before the calls that they were
// armed for: the n-th of all calls to that side.
func (h *history) disturbed(s mirror.Side, r mirror.Repository) mirror.Repository {
	armed, calls := h.armed[s], 0
	if len(armed) == 0 {
		return r
	}
	return &counted{r, func() {
		calls++
		for _, line := range armed[calls] {
			h.hands.Lock()
			words := strings.SplitN(line, " ", 5)
			words[1] = s.String() // the other side is in another goroutine's hands
			h.tell("  at call %d: %s", calls, strings.Join(words, " "))
			h.hand(words)
			h.hands.Unlock()
		}
	}}
}

// counted calls next before each call to a repository and its mailboxes.
type counted struct {
	mirror.Repository
	next func()
}

func (c *counted) List(ctx context.Context, brief bool) (mirror.Listing, error) {
	c.next()
	return c.Repository.List(ctx, brief)
}

func (c *counted) Create(ctx context.Context, name mirror.Name, role mirror.Role) error {
	c.next()
	return c.Repository.Create(ctx, name, role)
}

func (c *counted) Rename(ctx context.Context, from, to mirror.Name) error {
	c.next()
	return c.Repository.Rename(ctx, from, to)
}

func (c *counted) Delete(ctx context.Context, name mirror.Name) error {
	c.next()
	return c.Repository.Delete(ctx, name)
}

func (c *counted) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	c.next()
	m, err := c.Repository.Open(ctx, name, access, known)
	if err != nil {
		return nil, err
	}
	return &countedMailbox{m, c.next}, nil
}

type countedMailbox struct {
	mirror.Mailbox
	next func()
}

func (c *countedMailbox) View(ctx context.Context, known mirror.Known) (mirror.View, error) {
	c.next()
	return c.Mailbox.View(ctx, known)
}

func (c *countedMailbox) Absent(ctx context.Context, refs []mirror.Ref) ([]mirror.Ref, error) {
	c.next()
	return c.Mailbox.Absent(ctx, refs)
}

func (c *countedMailbox) Identify(ctx context.Context, refs []mirror.Ref, depth mirror.Depth) ([]mirror.Identified, error) {
	c.next()
	return c.Mailbox.Identify(ctx, refs, depth)
}

func (c *countedMailbox) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	c.next()
	return c.Mailbox.Fetch(ctx, refs, func(b mirror.Body) error {
		err := sink(b)
		c.next()
		return err
	})
}

func (c *countedMailbox) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) ([]mirror.Appended, error) {
	c.next()
	return c.Mailbox.Append(ctx, func(yield func(mirror.Incoming) bool) {
		for in := range batch {
			if !yield(in) {
				return
			}
			c.next()
		}
	})
}

func (c *countedMailbox) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	c.next()
	return c.Mailbox.Store(ctx, changes)
}

func (c *countedMailbox) Move(ctx context.Context, moves []mirror.Move, target mirror.Name) ([]mirror.Moved, error) {
	c.next()
	return c.Mailbox.Move(ctx, moves, target)
}

func (c *countedMailbox) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	c.next()
	return c.Mailbox.Copy(ctx, copies, target)
}

func (c *countedMailbox) Remove(ctx context.Context, refs []mirror.Ref, keep bool) ([]mirror.Removed, error) {
	c.next()
	return c.Mailbox.Remove(ctx, refs, keep)
}
