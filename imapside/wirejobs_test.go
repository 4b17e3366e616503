package imapside_test

import (
	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// job is a reference dialogue: what both sides hold when they are in step, and
// what people have done since.
type job struct {
	name string
	// before fills both sides alike.
	before func(p *wirePair)
	// change is what the run has to carry over.
	change func(p *wirePair)
	// first says that there was no run before.
	first bool
}

// jobs are the reference dialogues.
var jobs = []job{
	{name: "upload", before: inStep, change: uploads},
	{name: "large", before: bare, change: large},
	{name: "download", before: inStep, change: download},
	{name: "flags", before: inStep, change: flagBoth},
	{name: "moves", before: inStep, change: moveBoth},
	{name: "copies", before: inStep, change: copyOnNear},
	{name: "removals", before: inStep, change: removeBoth},
	{name: "mailboxes", before: bare, change: createBoth},
	{name: "renamings", before: inThree, change: renameBoth},
	{name: "everything", before: more, change: everything},
	{name: "adoption", before: bare, change: adopt, first: true},
}

func bare(p *wirePair) { p.both(inbox, letter{id: "a"}) }

// inStep has five letters in two mailboxes.
func inStep(p *wirePair) {
	p.mailboxes(listBox)
	p.both(inbox, letter{id: "a"})
	p.both(inbox, letter{id: "b", flags: flags(imap.FlagSeen)})
	p.both(inbox, letter{id: "d", flags: flags("$Work")})
	p.both(listBox, letter{id: "c", flags: flags(imap.FlagSeen, "$Later")})
	p.both(listBox, letter{id: "e"})
}

// more has letters for moving and removing that no flags change of.
func more(p *wirePair) {
	inStep(p)
	p.both(inbox, letter{id: "g"})
	p.both(inbox, letter{id: "h", flags: flags(imap.FlagSeen)})
	p.both(listBox, letter{id: "i"})
}

func everything(p *wirePair) {
	uploads(p)
	download(p)
	flagBoth(p)
	p.move(mirror.Near, inbox, "g", listBox)
	p.remove(mirror.Near, inbox, "h")
	p.remove(mirror.Far, listBox, "i")
	createBoth(p)
}

func uploads(p *wirePair) {
	p.put(mirror.Near, inbox, letter{id: "u1"})
	p.put(mirror.Near, inbox, letter{id: "u2", flags: flags(imap.FlagSeen, imap.FlagFlagged, "$New")})
	p.put(mirror.Near, listBox, letter{id: "u3", flags: flags(imap.FlagAnswered)})
}

// large is more than the wire takes at once, more than the server buffers, and
// more than LITERAL- allows.
func large(p *wirePair) {
	p.put(mirror.Near, inbox, letter{id: "l1", size: 6 << 10})
	p.put(mirror.Near, inbox, letter{id: "l2"})
}

func download(p *wirePair) {
	p.put(mirror.Far, inbox, letter{id: "d1", flags: flags(imap.FlagSeen)})
	p.put(mirror.Far, inbox, letter{id: "d2", flags: flags(imap.FlagFlagged, "$Other")})
	p.put(mirror.Far, listBox, letter{id: "d3"})
}

func flagBoth(p *wirePair) {
	p.flag(mirror.Near, inbox, "a", flags(imap.FlagSeen, "$Work"), flags())
	p.flag(mirror.Near, listBox, "c", flags(), flags(imap.FlagSeen, "$Later"))
	p.flag(mirror.Far, listBox, "e", flags(imap.FlagFlagged), flags())
	p.flag(mirror.Far, inbox, "b", flags("$Later"), flags(imap.FlagSeen))
}

func moveBoth(p *wirePair) {
	p.move(mirror.Near, inbox, "a", listBox)
	p.move(mirror.Near, inbox, "b", listBox)
	p.move(mirror.Far, listBox, "e", inbox)
}

// copyOnNear has what far has already in another mailbox, or will have.
func copyOnNear(p *wirePair) {
	p.copyNear(inbox, "a", listBox, flags(imap.FlagFlagged))
	p.copyNear(inbox, "b", listBox, flags())
	p.copyNear(listBox, "e", inbox, flags())
	p.put(mirror.Near, inbox, letter{id: "k", flags: flags(imap.FlagSeen)})
	p.copyNear(inbox, "k", listBox, flags(imap.FlagFlagged, "$New"))
}

func removeBoth(p *wirePair) {
	p.remove(mirror.Near, inbox, "a")
	p.remove(mirror.Near, listBox, "c")
	p.remove(mirror.Far, inbox, "b")
}

func createBoth(p *wirePair) {
	p.mailbox(mirror.Near, "New")
	p.put(mirror.Near, "New", letter{id: "n1"})
	p.mailbox(mirror.Far, "Empty")
}

// inThree has a third mailbox.
func inThree(p *wirePair) {
	inStep(p)
	p.mailboxes("Work")
	p.both("Work", letter{id: "w"})
}

func renameBoth(p *wirePair) {
	p.rename(mirror.Near, listBox, "Groups")
	p.rename(mirror.Far, "Work", "Arbeit")
}

// adopt has the rest of two filled sides: some letters on both, some on one.
func adopt(p *wirePair) {
	p.both(inbox, letter{id: "b", flags: flags(imap.FlagSeen)})
	p.put(mirror.Far, inbox, letter{id: "f1", flags: flags(imap.FlagAnswered)})
	p.put(mirror.Near, inbox, letter{id: "n1", flags: flags("$New")})
	p.flag(mirror.Near, inbox, "a", flags(imap.FlagFlagged), flags())
}

// serverKinds are the servers that dialogues are held with.
var serverKinds = []serverKind{
	{name: "uidplus", uidPlus: true, move: true, literal: literalPlus, listStatus: true},
	{name: "bare", literal: literalMinus},
	{name: "move", move: true, literal: literalSync, listStatus: true},
	{name: "copy", uidPlus: true, literal: literalSync},
	{name: "minus", uidPlus: true, move: true, literal: literalMinus},
	{name: "sync", literal: literalSync, listStatus: true},
	{name: "two accounts", uidPlus: true, move: true, literal: literalPlus, listStatus: true, account: true},
}
