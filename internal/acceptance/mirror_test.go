package acceptance

import (
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
)

// writing are the commands of a trace that change something on a server.
var writing = regexp.MustCompile(`(?m)^\S+ (far|near) C: \S+ (UID )?(STORE|APPEND|COPY|MOVE|EXPUNGE|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|SELECT|CLOSE)\b`)

// TestTwoWay mirrors a corpus over TLS, changes both sides at once, and syncs
// until it is quiet.
func TestTwoWay(t *testing.T) {
	t.Parallel()
	s := newSetup(t, servers.Need(t, servers.Options{}))
	r := rand.New(rand.NewSource(*seed))
	t.Logf("seed %d", *seed)
	s.fill(r, *messages)
	first := s.want(0, "sync")
	t.Logf("first sync of %d messages in %d mailboxes: %v\n%s", *messages, len(corpusMailboxes), first.took, first.stdout)
	held := s.alike(false)
	if got := held.count(); got != *messages {
		t.Errorf("the server holds %d messages, want %d", got, *messages)
	}
	s.settle()
	s.changeFar(r)
	s.changeNear(r)
	s.settle()
	s.alike(false)
	trace := filepath.Join(s.dir, "trace")
	quiet := s.want(0, "sync", "--verbose", "--trace", trace)
	if !strings.Contains(quiet.stdout, "nothing to do") {
		t.Errorf("got %q, want nothing to do", quiet.stdout)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if found := writing.FindAllString(string(text), -1); len(found) > 0 || !strings.Contains(string(text), "LIST") {
		t.Errorf("a quiet run wrote: %q", found)
	}
	if strings.Contains(string(text), s.server.Password) {
		t.Error("the trace holds the password")
	}
	t.Logf("the quiet run took %v, its trace:\n%s", quiet.took, text)
}

// changeFar is what another IMAP client does.
func (s *setup) changeFar(r *rand.Rand) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	for i := range 10 {
		s.append(c, corpusMailboxes[i%3], letter(r, 100000+i), corpusFlags[i%len(corpusFlags)], someDate(r))
	}
	selected, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	if selected.NumMessages < 12 {
		s.t.Fatalf("INBOX holds %d messages, too few to change", selected.NumMessages)
	}
	store := func(n uint32, op imap.StoreFlagsOp, flags ...imap.Flag) {
		if err := c.Store(imap.SeqSetNum(n), &imap.StoreFlags{Op: op, Flags: flags}, nil).Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	store(1, imap.StoreFlagsAdd, imap.FlagFlagged, "urgent")
	store(2, imap.StoreFlagsDel, imap.FlagSeen)
	if _, err := c.Move(imap.SeqSetNum(3, 4, 5), "Архив/2024").Wait(); err != nil {
		s.t.Fatal(err)
	}
	store(1, imap.StoreFlagsAdd, "work")
	store(6, imap.StoreFlagsAdd, imap.FlagDeleted)
	if err := c.Expunge().Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := c.Create("Neu/Ordner", nil).Wait(); err != nil {
		s.t.Fatal(err)
	}
	s.append(c, "Neu/Ordner", letter(r, 200000), nil, someDate(r))
}

// changeNear is what Maildir programs do.
func (s *setup) changeNear(r *rand.Rand) {
	s.t.Helper()
	for i := range 10 {
		flags := []string{"", "S", "FRS"}[i%3]
		s.deliverLocal(corpusMailboxes[i%4], 1000+i, letter(r, 300000+i), flags, time.Unix(1600000000+int64(i), 0))
	}
	s.deliverLocal("Projekte/Häuser", 1, letter(r, 400000), "S", time.Unix(1500000000, 0))
	sent := s.files("Sent")
	if len(sent) < 4 {
		s.t.Fatalf("Sent holds %d files, too few to change", len(sent))
	}
	s.must(os.Remove(sent[0]))
	s.must(os.Rename(sent[1], filepath.Join(s.maildir(), "Archive", "cur", filepath.Base(sent[1]))))
	base, _, _ := strings.Cut(filepath.Base(sent[2]), ":2,")
	s.must(os.Rename(sent[2], filepath.Join(s.maildir(), "Sent", "cur", base+":2,FS")))
}

// files lists the files of a mailbox that have flags or not.
func (s *setup) files(mailbox string) (list []string) {
	s.t.Helper()
	for _, sub := range []string{"cur", "new"} {
		found, err := filepath.Glob(filepath.Join(s.maildir(), strings.ReplaceAll(mailbox, "%", "%25"), sub, "*"))
		s.must(err)
		list = append(list, found...)
	}
	return list
}

func (s *setup) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
