package acceptance

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// entry is what two copies of a message have in common.
type entry struct {
	digest string // SHA-256 of the octets with CRLF, in hex
	flags  string // sorted, lower case, without \Recent
	date   int64  // INTERNALDATE, seconds since 1970
}

// content is what a side holds, mailbox by mailbox.
type content map[string][]entry

func (c content) count() (n int) {
	for _, list := range c {
		n += len(list)
	}
	return n
}

func (c content) sort() content {
	for _, list := range c {
		slices.SortFunc(list, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.digest, b.digest), cmp.Compare(a.flags, b.flags), cmp.Compare(a.date, b.date))
		})
	}
	return c
}

// differences names the mailboxes that differ.
func differences(a, b content) (list []string) {
	for name := range a {
		if !slices.Equal(a[name], b[name]) {
			list = append(list, fmt.Sprintf("%q: %d messages against %d%s", name, len(a[name]), len(b[name]), firstDifference(a[name], b[name])))
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			list = append(list, fmt.Sprintf("%q: %d messages on one side only", name, len(b[name])))
		}
	}
	return list
}

func firstDifference(a, b []entry) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf(", for example %v against %v", a[i], b[i])
		}
	}
	return ""
}

// dial signs in with go-imap's client, an independent reader.
func (s *setup) dial() *imapclient.Client {
	s.t.Helper()
	c, err := imapclient.DialInsecure(net.JoinHostPort("127.0.0.1", strconv.Itoa(s.server.Port)), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Login(s.user, s.server.Password).Wait(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// far reads everything that the server holds. Messages marked \Deleted for
// want of UIDPLUS are left out when pending is set.
func (s *setup) far(pending bool) content {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	all := content{}
	for _, mailbox := range list {
		if slices.Contains(mailbox.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(mailbox.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		all[mailbox.Mailbox] = s.farMailbox(c, mailbox.Mailbox, pending)
	}
	return all.sort()
}

func (s *setup) farMailbox(c *imapclient.Client, name string, pending bool) []entry {
	s.t.Helper()
	selected, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		s.t.Fatalf("examine %q: %v", name, err)
	}
	entries := []entry{}
	if selected.NumMessages == 0 {
		return entries
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	fetched, err := c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		s.t.Fatalf("fetch %q: %v", name, err)
	}
	for _, m := range fetched {
		flags := flagText(m.Flags)
		if pending && strings.Contains(flags, `\deleted`) {
			continue
		}
		entries = append(entries, entry{digestOf(m.FindBodySection(whole)), flags, m.InternalDate.Unix()})
	}
	return entries
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func flagText(flags []imap.Flag) string {
	var list []string
	for _, f := range flags {
		if !strings.EqualFold(string(f), `\Recent`) {
			list = append(list, strings.ToLower(string(f)))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// near reads the nested Maildir, by the format's own words and nothing of
// mailtwin's.
func (s *setup) near() content {
	s.t.Helper()
	all := content{}
	err := filepath.WalkDir(s.maildir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() != "cur" {
			return err
		}
		box := filepath.Dir(path)
		name, err := filepath.Rel(s.maildir(), box)
		if err != nil {
			return err
		}
		name, err = url.PathUnescape(name) // the escapes of the nested layout
		if err != nil {
			return err
		}
		if s.layout == "maildir++" {
			name = cmp.Or(strings.ReplaceAll(strings.TrimPrefix(name, "."), ".", "/"), "INBOX")
		}
		all[name] = append([]entry{}, append(nearFiles(s.t, box, "cur"), nearFiles(s.t, box, "new")...)...)
		return filepath.SkipDir
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all.sort()
}

func nearFiles(t testing.TB, box, sub string) (entries []entry) {
	t.Helper()
	keywords := map[rune]string{}
	if text, err := os.ReadFile(filepath.Join(box, "dovecot-keywords")); err == nil {
		for line := range strings.Lines(string(text)) {
			var n int
			var word string
			fmt.Sscanf(line, "%d %s", &n, &word)
			keywords['a'+rune(n)] = word
		}
	}
	files, err := os.ReadDir(filepath.Join(box, sub))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		body, err := os.ReadFile(filepath.Join(box, sub, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(body, []byte("\r\n")) {
			body = bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
		}
		entries = append(entries, entry{digestOf(body), nearFlags(f.Name(), keywords), info.ModTime().Unix()})
	}
	return entries
}

var letters = map[rune]imap.Flag{'D': imap.FlagDraft, 'F': imap.FlagFlagged, 'P': "$Forwarded", 'R': imap.FlagAnswered, 'S': imap.FlagSeen, 'T': imap.FlagDeleted}

func nearFlags(name string, keywords map[rune]string) string {
	_, info, _ := strings.Cut(name, ":2,")
	var list []imap.Flag
	for _, letter := range info {
		if f, ok := letters[letter]; ok {
			list = append(list, f)
		} else if word, ok := keywords[letter]; ok {
			list = append(list, imap.Flag(word))
		} else {
			list = append(list, imap.Flag("unknown-"+string(letter)))
		}
	}
	return flagText(list)
}

// alike fails the test unless both sides hold the same: octets, flags,
// keywords and INTERNALDATE.
func (s *setup) alike(pending bool) content {
	s.t.Helper()
	far, near := s.far(pending), s.near()
	if list := differences(far, near); len(list) > 0 {
		s.t.Errorf("the sides differ (far against near):\n%s", strings.Join(list, "\n"))
	}
	return far
}

// deliverFar writes a file into the server's own Maildir, which is faster than
// an APPEND. Flags are letters.
func (s *setup) deliverFar(mailbox string, n int, body []byte, flags string, date time.Time) string {
	s.t.Helper()
	root := s.server.MailDir(s.user)
	box := root
	if mailbox != "INBOX" {
		box = filepath.Join(root, "."+strings.ReplaceAll(mailbox, "/", "."))
	}
	for _, sub := range []string{root, box, filepath.Join(box, "cur"), filepath.Join(box, "new"), filepath.Join(box, "tmp")} {
		s.must(s.server.MakeDir(sub))
	}
	path := filepath.Join(box, "cur", fmt.Sprintf("%d.M%dP1.server:2,%s", 1600000000+n, n, flags))
	s.must(s.server.WriteMail(path, bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), date))
	return path
}

// deliverLocal writes a file as a Maildir program does.
func (s *setup) deliverLocal(mailbox string, n int, body []byte, flags string, date time.Time) string {
	s.t.Helper()
	name := fmt.Sprintf("%d.local%d.example", 1700000000+n, n)
	dir := "new"
	if flags != "" {
		name, dir = name+":2,"+flags, "cur"
	}
	path := filepath.Join(s.maildir(), mailbox, dir, name)
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(s.maildir(), mailbox, sub), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chtimes(path, date, date); err != nil {
		s.t.Fatal(err)
	}
	return path
}
