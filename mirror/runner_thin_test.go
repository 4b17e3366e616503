package mirror_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// reads counts what a run reads of a state: how often a mailbox in full, and how many
// rows one by one.
type reads struct {
	mirror.State
	mu    sync.Mutex // both sides are looked into at once
	whole []string
	rows  int
}

func (r *reads) note(whole string, rows int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if whole != "" {
		r.whole = append(r.whole, whole)
	}
	r.rows += rows
}

func (r *reads) Messages(s mirror.Side, name mirror.Name) ([]mirror.Message, error) {
	r.note(fmt.Sprint(s, " ", name), 0)
	return r.State.Messages(s, name)
}

func (r *reads) Records(name mirror.Name) ([]mirror.Record, error) {
	r.note(fmt.Sprint("records ", name), 0)
	return r.State.Records(name)
}

func (r *reads) MessagesIn(s mirror.Side, name mirror.Name, set imap.UIDSet) ([]mirror.Message, error) {
	list, err := r.State.MessagesIn(s, name, set)
	r.note("", len(list))
	return list, err
}

func (r *reads) RecordsIn(s mirror.Side, name mirror.Name, set imap.UIDSet) ([]mirror.Record, error) {
	list, err := r.State.RecordsIn(s, name, set)
	r.note("", len(list))
	return list, err
}

// reading counts what the runs to come read.
func (p *pair) reading() *reads {
	r := &reads{State: p.state}
	p.wrapState = func(mirror.State) mirror.State { return r }
	return r
}

// thinMail is how many messages the mailbox of these tests has.
const thinMail = 40

func thinKinds() map[string][2]mirrortest.Options {
	return map[string][2]mirrortest.Options{
		"IMAP and Maildir":    {{}, maildirLike()},
		"IMAP and IMAP":       {{}, {}},
		"Maildir and Maildir": {maildirLike(), maildirLike()},
		"no mod-sequences":    {{NoModSeq: true}, maildirLike()},
	}
}

// TestLoadsWhatChanged: the runs that carry on a change, and the one that sees what
// they did, read the rows of what changed and none of the others.
func TestLoadsWhatChanged(t *testing.T) {
	t.Parallel()
	inbox, archive := nametrans.Inbox, box("Archive")
	changes := map[string]func(p *pair, s mirror.Side){
		"new": func(p *pair, s mirror.Side) { p.deliver(s, inbox, letter(90), mirror.Flags{}) },
		"flagged": func(p *pair, s mirror.Side) {
			p.servers[s].SetFlags(inbox, p.find(s, inbox, 7), flags(`\Flagged work`))
		},
		"removed": func(p *pair, s mirror.Side) { p.servers[s].Remove(inbox, p.find(s, inbox, 7)) },
		"moved":   func(p *pair, s mirror.Side) { p.servers[s].Move(inbox, p.find(s, inbox, 7), archive) },
		"all": func(p *pair, s mirror.Side) {
			sv := p.servers[s]
			p.deliver(s, inbox, letter(90), mirror.Flags{})
			sv.SetFlags(inbox, p.find(s, inbox, 8), flags(`\Seen`))
			sv.Remove(inbox, p.find(s, inbox, 9))
			sv.Move(inbox, p.find(s, inbox, 10), archive)
			p.servers[s.Other()].SetFlags(inbox, p.find(s.Other(), inbox, 8), flags(`\Answered`))
		},
	}
	for kind, options := range thinKinds() {
		for what, change := range changes {
			for _, s := range mirror.Sides {
				t.Run(fmt.Sprintf("%s/%s %s", kind, s, what), func(t *testing.T) {
					p := newPair(t, options[mirror.Far], options[mirror.Near])
					p.fill(thinMail)
					p.settle()
					change(p, s)
					r := p.reading()
					for range 3 {
						r.rows = 0
						if p.sync(mirror.ExitDone); len(r.whole) > 0 || r.rows > 30 {
							t.Errorf("got %q read in full and %d rows one by one, want none and few", r.whole, r.rows)
						}
					}
					p.wrapState = nil
					p.settle()
					p.alike()
				})
			}
		}
	}
}

// fill delivers n messages to the inbox of the far side, and one to another mailbox.
func (p *pair) fill(n int) {
	for i := range n {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	for name, role := range map[mirror.Name]mirror.Role{box("Archive"): "", box("Trash"): imap.MailboxAttrTrash} {
		p.servers[mirror.Far].CreateMailbox(name, role)
	}
	p.deliverFar(box("Archive"), letter(n), mirror.Flags{})
}

// TestLoadsAllThatRests: where something may follow that no view shows, a mailbox is
// read in full.
func TestLoadsAllThatRests(t *testing.T) {
	t.Parallel()
	inbox := nametrans.Inbox
	for name, c := range map[string]struct {
		before func(p *pair)
		exit   int
		after  func(p *pair)
	}{
		"a removal that does not travel": {before: func(p *pair) {
			p.policy.Gone = mirror.None
			p.servers[mirror.Far].Remove(inbox, p.find(mirror.Far, inbox, 3))
		}},
		"a message that is not copied": {before: func(p *pair) {
			p.policy.New = mirror.None
			p.deliverFar(inbox, letter(90), mirror.Flags{})
		}},
		"flags that failed": {exit: mirror.ExitPartly, before: func(p *pair) {
			p.servers[mirror.Near].SetFlags(inbox, p.find(mirror.Near, inbox, 3), flags(`\Flagged`))
			p.hook(mirror.Far, &hooks{store: func(_ mirror.Name, list []mirror.Stored) []mirror.Stored {
				list[0].Err = mirror.ErrRefused
				return list
			}})
		}, after: func(p *pair) { p.wrap = nil }},
		"an interrupted removal": {exit: mirror.ExitTemporary, before: func(p *pair) {
			p.servers[mirror.Near].Remove(inbox, p.find(mirror.Near, inbox, 3))
			p.hook(mirror.Far, &hooks{move: func(mirror.Name, []mirror.Move) ([]mirror.Moved, error, bool) { return nil, mirror.ErrCut, true }})
		}, after: func(p *pair) { p.wrap = nil }},
		"other settings": {before: func(p *pair) {}, after: func(p *pair) { p.policy.Deletions = mirror.DeleteNothing }},
		"asked for":      {before: func(p *pair) {}, after: func(p *pair) { p.full = true }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, mirrortest.Options{}, maildirLike())
			p.fill(thinMail)
			p.settle()
			c.before(p)
			p.sync(c.exit)
			if c.after != nil {
				c.after(p)
			}
			p.deliverNear(inbox, letter(91), mirror.Flags{})
			r := p.reading()
			if p.sync(mirror.ExitDone); !slices.Contains(r.whole, "far INBOX") {
				t.Errorf("got %d rows read, want all of the mailbox", r.rows)
			}
		})
	}
}

// TestLoadsMuchInFull: where much of a mailbox is named, or was copied, it is read in
// full, and all is carried on.
func TestLoadsMuchInFull(t *testing.T) {
	t.Parallel()
	inbox := nametrans.Inbox
	for name, change := range map[string]func(p *pair, i int){
		"flagged": func(p *pair, i int) {
			p.servers[mirror.Far].SetFlags(inbox, p.find(mirror.Far, inbox, i), flags(`\Flagged`))
		},
		"copied": func(p *pair, i int) { p.deliverNear(inbox, letter(500+i), mirror.Flags{}) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, mirrortest.Options{}, maildirLike())
			p.fill(160)
			p.settle()
			for i := range 38 {
				change(p, i)
			}
			p.sync(mirror.ExitDone)
			for i := 40; i < 70; i++ {
				change(p, i)
			}
			r := p.reading()
			p.sync(mirror.ExitDone)
			if full := slices.Contains(r.whole, "far INBOX"); full != (name == "copied") {
				t.Errorf("got it read in full %t, want so where many copies are to be confirmed", full)
			}
			p.wrapState = nil
			p.settle()
			for i := 70; i < 120; i++ {
				change(p, i)
			}
			r = p.reading()
			p.sync(mirror.ExitDone)
			if full := slices.Contains(r.whole, "far INBOX"); full != (name == "flagged") {
				t.Errorf("got it read in full %t, want so where most of it is named", full)
			}
			p.wrapState = nil
			p.settle()
			p.alike()
		})
	}
}

// TestNotWrittenIsNotAtRest: flags that a view showed, of a mailbox that could not be
// worked in behind that, are not those that the state knows.
func TestNotWrittenIsNotAtRest(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	inbox, near := nametrans.Inbox, p.servers[mirror.Near]
	p.fill(thinMail)
	p.settle()
	near.SetFlags(inbox, p.find(mirror.Near, inbox, 3), flags(`\Flagged`))
	p.hook(mirror.Far, &hooks{store: func(_ mirror.Name, list []mirror.Stored) []mirror.Stored {
		list[0].Err = mirror.ErrRefused
		return list
	}})
	p.sync(mirror.ExitPartly)
	p.wrap = nil
	id := p.find(mirror.Far, inbox, 3)
	p.servers[mirror.Far].SetFlags(inbox, id, mirror.Flags{})
	near.SetFlags(inbox, p.find(mirror.Near, inbox, 3), mirror.Flags{})
	for _, s := range mirror.Sides { // to be compared
		p.deliver(s, inbox, letter(90), mirror.Flags{})
	}
	p.hook(mirror.Near, &hooks{identify: func(mirror.Name, []mirror.Identified) ([]mirror.Identified, error) { return nil, mirror.ErrDenied }})
	p.sync(mirror.ExitPartly) // and the state holds what it says
	p.wrap = nil
	p.settle()
	p.alike()
}

// TestResetIsNotForgotten: flags that a mirror resets are reset in the end, though the
// run that first knew it as one left the mailbox out.
func TestResetIsNotForgotten(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	inbox := nametrans.Inbox
	p.policy.Flags = mirror.None
	p.fill(thinMail)
	p.settle()
	p.servers[mirror.Near].SetFlags(inbox, p.find(mirror.Near, inbox, 3), flags(`\Flagged`))
	p.settle()
	p.policy = mirror.NewPolicy(mirror.OneWayMirror, mirror.Near)
	if _, err := p.tryOnly(func(name mirror.Name) bool { return name != inbox }); err != nil {
		t.Fatal(err)
	}
	p.deliverFar(inbox, letter(90), mirror.Flags{})
	p.sync(mirror.ExitDone)
	p.alike()
}

// lossy is a state that lost what it holds of one message on the far side: its
// record, or its row.
type lossy struct {
	mirror.State
	record, row mirror.UID
}

func (l lossy) RecordsIn(s mirror.Side, name mirror.Name, set imap.UIDSet) ([]mirror.Record, error) {
	list, err := l.State.RecordsIn(s, name, set)
	return slices.DeleteFunc(list, func(r mirror.Record) bool { return r.UID[mirror.Far] == l.record }), err
}

func (l lossy) MessagesIn(s mirror.Side, name mirror.Name, set imap.UIDSet) ([]mirror.Message, error) {
	list, err := l.State.MessagesIn(s, name, set)
	return slices.DeleteFunc(list, func(m mirror.Message) bool { return s == mirror.Far && m.UID == l.row }), err
}

func (l lossy) Known(s mirror.Side, name mirror.Name) ([]mirror.KnownMessage, error) {
	list, err := l.State.Known(s, name)
	return slices.DeleteFunc(list, func(m mirror.KnownMessage) bool { return s == mirror.Far && m.UID == l.row }), err
}

// TestLostRowShows: a message without its record, or a record without its message, is
// damage, and no message that came.
func TestLostRowShows(t *testing.T) {
	t.Parallel()
	inbox := nametrans.Inbox
	for name, lose := range map[string]func(l *lossy, uid mirror.UID){
		"record": func(l *lossy, uid mirror.UID) { l.record = uid },
		"row":    func(l *lossy, uid mirror.UID) { l.row = uid },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, mirrortest.Options{}, maildirLike())
			p.fill(thinMail)
			p.settle()
			uid := p.find(mirror.Far, inbox, 5)
			p.servers[mirror.Far].SetFlags(inbox, uid, flags(`\Flagged`))
			l := lossy{State: p.state}
			lose(&l, uid)
			p.wrapState = func(mirror.State) mirror.State { return l }
			if _, err := p.try(); !errors.Is(err, mirror.ErrStateBroken) {
				t.Errorf("got %v, want a broken state", err)
			}
			if got := p.count(mirror.Near, inbox); got != thinMail {
				t.Errorf("near holds %d, want %d", got, thinMail)
			}
		})
	}
}

func TestRecordAtRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state mirror.Confirmation
		flags string
		want  bool
	}{
		"seen":                   {mirror.Confirmed, `\Seen`, true},
		"flags changed":          {mirror.Confirmed, ``, false},
		"a flag more":            {mirror.Confirmed, `\Seen \Flagged`, false},
		"a masked flag is there": {mirror.Confirmed, `\Seen work`, true},
		"announced":              {mirror.Unconfirmed, `\Seen`, true},
		"held":                   {mirror.Held, `\Seen`, false},
		"departed":               {mirror.Departed, `\Seen`, false},
		"withheld":               {mirror.Withheld, `\Seen`, false},
	} {
		r := mirror.Record{UID: [2]mirror.UID{5, 9}, Base: [2]mirror.Flags{flags(`\Seen work`), flags(`\Seen work`)}}
		r.Masked[mirror.Near], r.State[mirror.Near] = flags(`work`), c.state
		if got := r.AtRest(mirror.Near, flags(c.flags), 9); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
	r := mirror.Record{UID: [2]mirror.UID{5, 9}, State: [2]mirror.Confirmation{mirror.Confirmed, mirror.Unconfirmed}}
	if r.AtRest(mirror.Near, mirror.Flags{}, 10) {
		t.Error("a copy from before the checkpoint that nobody saw: got at rest")
	}
	r.State[mirror.Near], r.Base[mirror.Near] = mirror.Confirmed, flags(`\Flagged`)
	if r.AtRest(mirror.Near, flags(`\Flagged`), 10) {
		t.Error("flags that did not travel: got at rest, but a mirror would reset them")
	}
}
