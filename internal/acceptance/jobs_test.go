package acceptance

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// A ledger says where every message must be in the end, by its digest; where a person
// copied it, by copyOf that as well. The letters of a corpus are all different.
type ledger map[string]standing

// standing is the mailbox and the flags of a message.
type standing struct {
	mailbox string
	entry   entry
}

// content is the ledger as a side would show it.
func (l ledger) content() content {
	c := content{}
	for _, at := range l {
		c[at.mailbox] = append(c[at.mailbox], at.entry)
	}
	return c.sort()
}

// stage is a pair on which something is under way when a run is killed or cut.
type stage struct {
	*setup
	r   *rand.Rand
	due ledger
	// digests and files are those of the messages that both sides held before.
	digests, files []string
}

// jobs are what is under way then. Those that change what both sides hold
// change the even messages on near and the odd ones on far.
var jobs = []struct {
	name   string
	paired bool // both sides hold the messages before
	change func(*stage)
}{
	{"download", false, (*stage).toDownload},
	{"upload", false, (*stage).toUpload},
	{"flags", true, (*stage).toFlag},
	{"moves", true, (*stage).toMove},
	{"removals", true, (*stage).toRemove},
	{"copies", false, (*stage).toCopy},
}

// bulkDate is the INTERNALDATE of a message of the bulk.
func bulkDate(n int) time.Time { return time.Unix(1600000000+int64(n), 0) }

// bulkFlags are letters, each set with what it means.
var bulkFlags = []struct{ letters, words string }{{"S", `\seen`}, {"FS", `\flagged \seen`}, {"R", `\answered`}}

func (g *stage) expect(mailbox string, n int, body []byte, flags string) string {
	digest := digestOf(body)
	g.due[digest] = standing{mailbox, entry{digest, flags, bulkDate(n).Unix()}}
	return digest
}

// alter changes what is expected of the n-th message.
func (g *stage) alter(n int, change func(*standing)) {
	at := g.due[g.digests[n]]
	change(&at)
	g.due[g.digests[n]] = at
}

// fillBoth makes a bulk that both sides hold, of letters with more behind each.
func (g *stage) fillBoth(more string) {
	for n := range *bulk {
		body, flags := append(letter(g.r, n), more...), bulkFlags[n%len(bulkFlags)]
		g.files = append(g.files, g.deliverLocal("INBOX", n, body, flags.letters, bulkDate(n)))
		g.digests = append(g.digests, g.expect("INBOX", n, body, flags.words))
	}
	g.deliverLocal("Archive", *bulk, letter(g.r, *bulk), "S", bulkDate(*bulk))
	g.settle()
	for _, e := range g.near()["Archive"] {
		g.due[e.digest] = standing{"Archive", e}
	}
}

func (g *stage) toDownload() {
	for n := range *bulk {
		body, flags := letter(g.r, n), bulkFlags[n%len(bulkFlags)]
		g.deliverFar("INBOX", n, body, flags.letters, bulkDate(n))
		g.expect("INBOX", n, body, flags.words)
	}
}

func (g *stage) toUpload() {
	for n := range *bulk {
		body, flags := letter(g.r, n), bulkFlags[n%len(bulkFlags)]
		g.deliverLocal("INBOX", n, body, flags.letters, bulkDate(n))
		g.expect("INBOX", n, body, flags.words)
	}
}

// farUIDs finds the messages of the bulk in the far INBOX: number → UID.
func (g *stage) farUIDs(c *imapclient.Client) map[int]imap.UID {
	g.t.Helper()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		g.t.Fatal(err)
	}
	list, err := c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{UID: true, Envelope: true}).Collect()
	if err != nil {
		g.t.Fatal(err)
	}
	uids := map[int]imap.UID{}
	for _, m := range list {
		var n int
		if _, err := fmt.Sscanf(m.Envelope.MessageID, "%d.", &n); err != nil {
			g.t.Fatalf("Message-ID %q: %v", m.Envelope.MessageID, err)
		}
		uids[n] = m.UID
	}
	return uids
}

// odd selects on far the odd ones of the first n messages.
func (g *stage) odd(c *imapclient.Client, n int) (set imap.UIDSet) {
	uids := g.farUIDs(c)
	for i := 1; i < n; i += 2 {
		set.AddNum(uids[i])
	}
	return set
}

func (g *stage) toFlag() {
	c := g.dial()
	defer c.Close()
	for n := 0; n < *bulk; n += 2 {
		base, _, _ := strings.Cut(g.files[n], ":2,")
		g.must(os.Rename(g.files[n], base+":2,FRS"))
		g.alter(n, func(at *standing) { at.entry.flags = `\answered \flagged \seen` })
	}
	store := imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{"work"}}
	if err := c.Store(g.odd(c, *bulk), &store, nil).Close(); err != nil {
		g.t.Fatal(err)
	}
	for n := 1; n < *bulk; n += 2 {
		g.alter(n, func(at *standing) { at.entry.flags += " work" })
	}
}

func (g *stage) toMove() {
	c := g.dial()
	defer c.Close()
	for n := 0; n < *bulk; n += 2 {
		g.must(os.Rename(g.files[n], filepath.Join(g.maildir(), "Archive", "cur", filepath.Base(g.files[n]))))
	}
	if _, err := c.Move(g.odd(c, *bulk), "Archive").Wait(); err != nil {
		g.t.Fatal(err)
	}
	for n := range *bulk {
		g.alter(n, func(at *standing) { at.mailbox = "Archive" })
	}
}

// toRemove removes as many as the rails let pass. What goes on near lies in
// far's trash, what goes on far in the undo store of near.
func (g *stage) toRemove() {
	c := g.dial()
	defer c.Close()
	removed := 20
	for n := 0; n < removed; n += 2 {
		g.must(os.Remove(g.files[n]))
		g.alter(n, func(at *standing) { at.mailbox = "Trash" })
	}
	odd := g.odd(c, removed)
	if err := c.Store(odd, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		g.t.Fatal(err)
	}
	if err := c.UIDExpunge(odd).Close(); err != nil {
		g.t.Fatal(err)
	}
	for n := 1; n < removed; n += 2 {
		delete(g.due, g.digests[n])
	}
}

// copyOf is the key under which the copy of a message stands.
func copyOf(digest string) string { return "copy of " + digest }

// toCopy copies letters that are large enough to be known again.
func (g *stage) toCopy() {
	g.fillBoth(strings.Repeat("more of the letter\r\n", 1000))
	for n := 0; n < *bulk; n += 2 {
		text, err := os.ReadFile(g.files[n])
		g.must(err)
		g.deliverLocal("Archive", 1000+n, text, "F", bulkDate(n))
	}
	c := g.dial()
	defer c.Close()
	if _, err := c.Copy(g.odd(c, *bulk), "Archive").Wait(); err != nil {
		g.t.Fatal(err)
	}
	if _, err := c.Select("Archive", nil).Wait(); err != nil {
		g.t.Fatal(err)
	}
	copies := imap.SeqSet{imap.SeqRange{Start: 2, Stop: 0}} // behind what fillBoth put there
	g.must(c.Store(copies, &imap.StoreFlags{Op: imap.StoreFlagsSet, Flags: []imap.Flag{"work"}}, nil).Close())
	for n := range *bulk {
		flags := []string{`\flagged`, "work"}[n%2]
		g.due[copyOf(g.digests[n])] = standing{"Archive", entry{g.digests[n], flags, bulkDate(n).Unix()}}
	}
}
