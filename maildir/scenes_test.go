package maildir

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// scene is what happened on the two sides of a pair in step, and what the run
// under test has to carry out.
type scene struct {
	name string
	// before is how many letters INBOX holds when the pair is in step; with
	// -1 the pair has never run.
	before int
	change func(p *twinPair)
	// archived is how many are in Archive then, from number 600 on.
	archived int
	// removes says that there are removals in it.
	removes bool
}

var (
	archive = nametrans.MustName("Archive")
	lists   = nametrans.MustName("Lists", "go")
	trash   = nametrans.MustName("Trash")
	drafts  = nametrans.MustName("Entwürfe")
	letters = time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
)

func scenes() []scene {
	return []scene{
		{name: "first run", before: -1, change: func(p *twinPair) { p.deliverFar(inbox, 1, `\Seen`); p.deliverFar(archive, 2, "") }},
		{name: "first run on two filled sides", before: -1, change: filledSides},
		{name: "download", before: 2, change: download},
		{name: "upload", before: 2, change: upload},
		{name: "twins", before: 0, change: twins},
		{name: "flags", before: 5, change: changeFlags},
		{name: "keywords", before: 3, change: newKeywords},
		{name: "moves", before: 5, change: movesOnBothSides},
		{name: "removals", before: 6, change: removals, removes: true},
		{name: "mailboxes", before: 1, change: mailboxes},
		{name: "renamed mailbox", before: 2, archived: 3, change: func(p *twinPair) { p.server.RenameMailbox(archive, lists) }},
		{name: "copied", before: 3, change: copied},
		{name: "removed mailbox", before: 2, archived: 3, change: removedMailbox, removes: true},
		{name: "all", before: 7, change: everything, removes: true},
	}
}

func everything(p *twinPair) {
	carryOut(p, removals, download, upload, changeFlags, movesOnBothSides, mailboxes)
}

func carryOut(p *twinPair, changes ...func(*twinPair)) {
	for _, change := range changes {
		change(p)
	}
}

func download(p *twinPair) {
	p.deliverFar(inbox, 100, `\Seen`)
	p.deliverFar(inbox, 101, "")
	p.deliverFar(archive, 102, `\Flagged`)
}

func upload(p *twinPair) {
	p.deliverNear(inbox, 200, "S")
	p.deliverNear(inbox, 201, "")
	p.deliverNear(archive, 202, "F")
}

func twins(p *twinPair) {
	p.deliverNear(inbox, 300, "")
	p.deliverNear(inbox, 300, "")
	p.deliverFar(inbox, 300, "")
}

func filledSides(p *twinPair) {
	if err := os.MkdirAll(p.mailbox(inbox, "cur"), 0o700); err != nil {
		p.Fatal(err)
	}
	for _, part := range []string{"new", "tmp"} {
		os.Mkdir(p.mailbox(inbox, part), 0o700)
	}
	p.deliverNear(inbox, 1, "S")
	p.deliverNear(inbox, 2, "")
	p.deliverFar(inbox, 2, "")
	p.deliverFar(inbox, 3, "")
}

func changeFlags(p *twinPair) {
	p.flagFar(0, `\Seen`)
	p.flagNear(1, "S")
	p.flagFar(2, `\Answered`)
	p.flagNear(2, "F")
}

func newKeywords(p *twinPair) {
	p.flagFar(0, `work \Seen`)
	p.flagFar(1, `later work`)
	p.deliverFar(archive, 500, "urgent")
}

func movesOnBothSides(p *twinPair) {
	far := p.server.Messages(inbox)
	p.server.Move(inbox, far[0].ID, archive)
	p.server.Move(inbox, far[1].ID, archive)
	path := p.fileOf(inbox, 2)
	p.rename(path, filepath.Join(p.mailbox(archive, "cur"), parseName(filepath.Base(path)).inCur()))
}

func removals(p *twinPair) {
	far := p.server.Messages(inbox)
	n := len(far)
	nearest := p.fileOf(inbox, numberOf(far[n-3].Body))
	p.server.Remove(inbox, far[n-1].ID)
	p.server.Remove(inbox, far[n-2].ID)
	if err := os.Remove(nearest); err != nil {
		p.Fatal(err)
	}
}

func mailboxes(p *twinPair) {
	p.server.CreateMailbox(lists, "")
	p.deliverFar(lists, 400, "")
	for _, part := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(p.mailbox(drafts, part), 0o700); err != nil {
			p.Fatal(err)
		}
	}
	p.deliverNear(drafts, 401, "D")
}

// copied is in two mailboxes, with flags of its own in each: what was there before, and
// what is new.
func copied(p *twinPair) {
	p.deliverFar(inbox, 700, `\Flagged`)
	for n, m := range p.server.Messages(inbox) {
		if n != 1 {
			p.server.SetFlags(archive, p.server.Copy(inbox, m.ID, archive), mirror.ParseFlags(`\Seen work`))
		}
	}
}

func removedMailbox(p *twinPair) {
	p.policy.Remove, p.lingers = mirror.Both, true
	p.server.DeleteMailbox(archive)
}

// letterOf is the text of letter n, in CRLF.
func letterOf(n int) []byte {
	text := fmt.Sprintf("Received: from mx.example.org\r\nMessage-ID: <%d@example.org>\r\nDate: Thu, 4 Mar 2021 05:06:%02d +0000\r\nFrom: ann@example.org\r\nSubject: letter %d\r\n\r\nhello %d\r\n%s",
		n, n%60, n, n, strings.Repeat("x", n%7))
	return []byte(text)
}

func dateOf(n int) time.Time { return letters.Add(time.Duration(n) * time.Minute) }

// numberOf is n of letterOf(n).
func numberOf(text []byte) (n int) {
	_, rest, _ := bytes.Cut(text, []byte("Message-ID: <"))
	fmt.Sscanf(string(rest), "%d@", &n)
	return n
}

func (p *twinPair) deliverFar(name mirror.Name, n int, flags string) {
	p.server.Deliver(name, letterOf(n), mirror.ParseFlags(flags), dateOf(n))
}

// deliverNear writes a file as a mail program does.
func (p *twinPair) deliverNear(name mirror.Name, n int, flags string) {
	p.Helper()
	part, info := "new", ""
	if flags != "" {
		part, info = "cur", ":2,"+flags
	}
	path := filepath.Join(p.mailbox(name, part), newBase(dateOf(n))+".other"+info)
	if err := os.WriteFile(path, bytes.ReplaceAll(letterOf(n), []byte("\r\n"), []byte("\n")), 0o600); err != nil {
		p.Fatal(err)
	}
	if err := os.Chtimes(path, dateOf(n), dateOf(n)); err != nil {
		p.Fatal(err)
	}
}

// mailbox is the path of a directory of a mailbox.
func (p *twinPair) mailbox(name mirror.Name, part string) string {
	raw, err := p.near().codec.Encode(name)
	if err != nil {
		p.Fatal(err)
	}
	return filepath.Join(p.mailPath(), filepath.FromSlash(raw), part)
}

// fileOf is the path of a letter's file.
func (p *twinPair) fileOf(name mirror.Name, n int) string {
	p.Helper()
	for _, part := range []string{"new", "cur"} {
		for _, f := range p.readDir(p.mailbox(name, part)) {
			if numberOf(f.text) == n {
				return filepath.Join(p.mailbox(name, part), f.name)
			}
		}
	}
	p.Fatalf("no file of letter %d in %q", n, name.String())
	return ""
}

func (p *twinPair) rename(from, to string) {
	p.Helper()
	if err := os.Rename(from, to); err != nil {
		p.Fatal(err)
	}
}

// flagFar gives a letter in INBOX flags on the server.
func (p *twinPair) flagFar(n int, flags string) {
	list := p.server.Messages(inbox)
	i := slices.IndexFunc(list, func(m mirrortest.Held) bool { return numberOf(m.Body) == n })
	p.server.SetFlags(inbox, list[i].ID, mirror.ParseFlags(flags))
}

// flagNear gives a letter in INBOX flags in the Maildir.
func (p *twinPair) flagNear(n int, flags string) {
	p.Helper()
	path := p.fileOf(inbox, n)
	name := parseName(filepath.Base(path)).with(flags, "")
	p.rename(path, filepath.Join(p.mailbox(inbox, "cur"), name.inCur()))
}

// prepare brings a pair to the moment before the run under test.
func (s scene) prepare(t testing.TB, kind pairKind) *twinPair {
	t.Helper()
	p := newTwinPair(t, kind, t.TempDir())
	p.server.CreateMailbox(archive, "")
	p.server.CreateMailbox(trash, `\Trash`)
	for n := range s.before {
		p.deliverFar(inbox, n, "")
	}
	for n := range s.archived {
		p.deliverFar(archive, 600+n, `\Seen`)
	}
	if s.before >= 0 {
		p.mustRest()
	}
	s.change(p)
	return p
}
