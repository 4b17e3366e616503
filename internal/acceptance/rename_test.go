package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
)

// bodies are the commands that carry one, or make or remove a message.
var bodies = regexp.MustCompile(`(?m)C: \S+ (APPEND|UID (?:COPY|MOVE|EXPUNGE)|CREATE|DELETE|.*BODY\.PEEK\[\]).*`)

// renamed runs, fails the test if a body travelled or a message was touched, and returns
// what the run said.
func (s *setup) renamed(what string, mailboxes int) outcome {
	s.t.Helper()
	trace := filepath.Join(s.dir, "trace "+what)
	o := s.want(0, "sync", "--verbose", "--trace", trace)
	text, err := os.ReadFile(trace)
	s.must(err)
	if found := bodies.FindAllString(string(text), -1); len(found) > 0 {
		s.t.Errorf("%s: a renaming asked %q", what, found)
	}
	if n := strings.Count(o.stdout, ": rename "); n != mailboxes {
		s.t.Errorf("%s: %d mailboxes were renamed, want %d\n%s", what, n, mailboxes, o.stdout)
	}
	return o
}

// TestServersRename renames mailboxes on both of two servers with different delimiters and
// prefixes, with others below and with subscriptions: the other one renames its own, by
// one command each, and everything is byte for byte what it was.
func TestServersRename(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	a := w.ends[far]
	c := a.dial()
	defer c.Close()
	for _, name := range []string{"Lists", "Lists/go", "Lists/go/nuts", "Lists/leer", "Projekte", "Ablage"} {
		w.must(c.Create(a.wire(name), nil).Wait())
	}
	w.must(c.Subscribe(a.wire("Lists/go")).Wait())
	var waits []func()
	for i := range 400 {
		name := []string{"INBOX", "Lists", "Lists/go", "Lists/go/nuts", "Projekte"}[i%5]
		waits = append(waits, w.deliver(c, a, name, corpusFlags[i%len(corpusFlags)]...))
	}
	for _, wait := range waits {
		wait()
	}
	w.settle()
	w.alike("before")
	move := func(from, to string) {
		for n := range w.due {
			if at := w.due[n].mailbox; at == from || strings.HasPrefix(at, from+"/") {
				w.due[n].mailbox = to + strings.TrimPrefix(at, from)
			}
		}
	}
	// Who renames a mailbox in a client has it subscribed under its new name.
	w.must(c.Rename(a.wire("Lists"), a.wire("Gruppen"), nil).Wait())
	w.must(c.Unsubscribe(a.wire("Lists/go")).Wait())
	w.must(c.Subscribe(a.wire("Gruppen/go")).Wait())
	move("Lists", "Gruppen")
	w.renamed("on far", 4)
	w.alike("renamed on far")
	b := w.ends[near]
	d := b.dial()
	defer d.Close()
	w.must(d.Rename(b.wire("Projekte"), b.wire("Archiv/2024"), nil).Wait())
	w.must(d.Rename(b.wire("Gruppen/go/nuts"), b.wire("Nüsse"), nil).Wait())
	move("Projekte", "Archiv/2024")
	move("Gruppen/go/nuts", "Nüsse")
	w.want(0, "sync", "--verbose")
	w.alike("renamed on near")
	w.settle()
	w.checkQuiet()
}

// TestMaildirRename renames on the server and in the Maildir, in both layouts; then one
// message of a renamed mailbox is gone, so that the others are moved.
func TestMaildirRename(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	for _, layout := range []string{"nested", "maildir++"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			s.layout = layout
			s.writeConfig()
			for i, name := range []string{"INBOX", "Lists", "Lists/go", "Work"} {
				s.addFar(name, 100*i, 20)
			}
			s.settle()
			before := s.alike(false)
			dir := func(name string) string {
				if layout == "nested" {
					return filepath.Join(s.maildir(), filepath.FromSlash(name))
				}
				return filepath.Join(s.maildir(), "."+strings.ReplaceAll(name, "/", "."))
			}
			s.must(os.Rename(dir("Lists"), dir("Groups")))
			if layout == "maildir++" {
				s.must(os.Rename(dir("Lists/go"), dir("Groups/go")))
			}
			s.renamed("in the Maildir", 2)
			want := content{"INBOX": before["INBOX"], "Groups": before["Lists"], "Groups/go": before["Lists/go"], "Work": before["Work"]}
			s.unchanged("renamed in the Maildir", want, want)

			c := s.dial()
			defer c.Close()
			s.must(c.Rename("Work", "Arbeit", nil).Wait())
			s.renamed("on the server", 1)
			want["Arbeit"] = want["Work"]
			delete(want, "Work")
			s.unchanged("renamed on the server", want, want)

			s.must(c.Rename("Arbeit", "Privat", nil).Wait())
			_, err := c.Select("Privat", nil).Wait()
			s.must(err)
			s.must(c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
			s.must(c.Expunge().Close())
			o := s.want(3, "sync", "--verbose")
			if n := strings.Count(o.stdout, ": move "); n != 19 || strings.Contains(o.stdout, ": copy ") {
				t.Errorf("got %d moves, want 19 and no copy\n%s", n, o.stdout)
			}
			if near := s.near(); len(near["Privat"]) != 19 || len(near["Arbeit"]) != 1 {
				t.Errorf("near holds %d and %d, want 19 moved and 1 left", len(near["Privat"]), len(near["Arbeit"]))
			}
		})
	}
}

// TestMailboxesRemoved: with remove, what one side has not any more goes on the other,
// small ones at once and large ones with a token; a Maildir keeps the files for an undo.
func TestMailboxesRemoved(t *testing.T) {
	t.Parallel()
	s := newSetup(t, servers.Need(t, servers.Options{}))
	s.policy = `remove = "both"`
	s.writeConfig()
	for i, name := range []string{"INBOX", "Old", "Old/below", "Large", "Mine", "Work"} {
		n := 4
		if name == "Large" {
			n = 30
		}
		s.addFar(name, 100*i, n)
	}
	s.settle()
	before := s.alike(false)
	c := s.dial()
	defer c.Close()
	for _, name := range []string{"Old/below", "Old"} {
		s.must(c.Delete(name).Wait())
	}
	o := s.want(0, "sync", "--verbose")
	for _, name := range []string{"Old", "Old/below"} {
		if _, err := os.Stat(filepath.Join(s.maildir(), name)); !os.IsNotExist(err) || !strings.Contains(o.stdout, `delete near "`+name+`"`) {
			t.Errorf("the Maildir still has %q (%v)\n%s", name, err, o.stdout)
		}
	}
	delete(before, "Old")
	delete(before, "Old/below")
	s.unchanged("removed on the server", before, before)

	s.must(os.RemoveAll(filepath.Join(s.maildir(), "Mine")))
	s.settle()
	trash := s.far(false)
	if len(trash["Trash"]) != 4 || trash["Mine"] != nil {
		t.Errorf("far holds %v, want Mine gone and its four messages in the trash", trash)
	}
	s.must(os.RemoveAll(filepath.Join(s.maildir(), "Large")))
	o = s.want(4, "sync")
	token := regexp.MustCompile(`--confirm (\S+)`).FindStringSubmatch(o.stderr)
	if token == nil || len(s.far(false)["Large"]) != 30 {
		t.Fatalf("no token is offered, or something was removed\n%s", o.stderr)
	}
	s.want(0, "sync", "--confirm", token[1])
	s.settle()
	if all := s.far(false); all["Large"] != nil || len(all["Trash"]) != 34 {
		t.Errorf("far still has the mailbox, or its mail is not in the trash: %d, %d", len(all["Large"]), len(all["Trash"]))
	}
	s.settle()
}
