package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
)

// asked are the commands of a trace that look into a mailbox.
var asked = regexp.MustCompile(`(?m)^\S+ far C: \S+ (SELECT|EXAMINE|UID SEARCH.*|UID FETCH.*)`)

// TestSearch bounds what is copied by the server's own search, with letters beyond ASCII
// in it, on a server that tells which search it answers and on one that tells little.
func TestSearch(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]servers.Options{"all": {}, "bare": {Capability: bare}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, servers.Need(t, options))
			s.policy = `search = 'OR FROM "boss@example.org" SUBJECT "grüße" NOT KEYWORD $Junk'`
			s.writeConfig()
			c := s.dial()
			defer c.Close()
			put := func(n int, from, subject string, flags ...imap.Flag) {
				body := fmt.Sprintf("Message-ID: <search-%d@example.org>\r\nDate: Thu, 4 Mar 2021 05:06:07 +0000\r\nFrom: %s\r\nSubject: %s\r\n\r\nletter %d\r\n", n, from, subject, n)
				s.append(c, "INBOX", []byte(body), flags, time.Unix(1600000000, 0))
			}
			put(1, "boss@example.org", "hello", imap.FlagSeen)
			put(2, "boss@example.org", "hello", "$Junk")
			put(3, "ann@example.org", "=?utf-8?q?gr=C3=BC=C3=9Fe?=")
			put(4, "ann@example.org", "hello")
			holds := func(what string, far, near int) {
				t.Helper()
				if gotFar, gotNear := len(s.far(false)["INBOX"]), len(s.files("INBOX")); gotFar != far || gotNear != near {
					t.Fatalf("%s: far holds %d, near %d; want %d and %d", what, gotFar, gotNear, far, near)
				}
			}
			trace := filepath.Join(s.dir, "trace")
			traced := func() string {
				t.Helper()
				os.Remove(trace)
				s.want(0, "sync", "--trace", trace)
				text, err := os.ReadFile(trace)
				s.must(err)
				return strings.Join(asked.FindAllString(string(text), -1), "\n")
			}
			s.settle()
			holds("two match", 4, 2)
			s.deliverLocal("INBOX", 1, letter(someRand(), 1), "S", time.Unix(1600000000, 0))
			s.settle()
			holds("and one is near's", 5, 3)
			if got := traced(); name == "all" && got != "" {
				t.Errorf("nothing changed, and it asked\n%s", got)
			}

			_, err := c.Select("INBOX", nil).Wait()
			s.must(err)
			s.must(c.Store(imap.UIDSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: []imap.Flag{"$Junk"}}, nil).Close())
			if got := traced(); !strings.Contains(got, "CHARSET UTF-8 UID 2,4 (OR") {
				t.Errorf("want a search for the two without a record; it asked\n%s", got)
			}
			holds("one that matches now", 5, 4)
			s.must(c.Store(imap.UIDSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{"$Junk"}}, nil).Close())
			s.settle()
			holds("one that does not any more", 5, 4)

			s.policy = `search = 'YOUNGER 3600'`
			s.writeConfig()
			if name == "bare" {
				if o := s.want(3, "sync"); !strings.Contains(o.stderr, "WITHIN") {
					t.Errorf("got %s%s, want what the server lacks", o.stdout, o.stderr)
				}
				s.want(3, "sync")
			} else {
				s.settle()
			}
			holds("an hour", 5, 4)
			s.policy = ""
			s.writeConfig()
			s.settle()
			s.alike(false)
			holds("all", 5, 5)
		})
	}
}
