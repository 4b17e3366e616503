package acceptance

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"mailtwin/internal/servers"
)

// TestAdopted meets two sides that another tool filled: its headers in copies,
// its numbers in file names, no state of ours. All is paired, nothing is sent,
// removed or renamed. A body is read only where headers do not decide, which are
// those of drafts and of mail without Message-ID.
func TestAdopted(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	sum := noted(t, layerRenumbered)
	for i, c := range []struct {
		name     string
		fill     func(*setup) // what the tool left
		messages int
		bodies   int // at most
	}{
		{"mbsync", func(s *setup) { s.unpack("mbsync") }, 6, 0},
		{"OfflineIMAP", func(s *setup) { s.unpack("offlineimap") }, 6, 0},
		{"many", (*setup).fillAdopted, 60, 0},
		{"drafts and mail without Message-ID", (*setup).fillUnclear, 12, 12},
	} {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			c.fill(s)
			far, near, names := s.far(false), s.near(), s.names()
			o := s.want(0, "sync", "--json")
			n, bodies := paired(t, o)
			if n != c.messages || bodies > c.bodies {
				t.Errorf("got %d paired by %d bodies, want %d by at most %d\n%s", n, bodies, c.messages, c.bodies, o.stderr)
			}
			if want := fmt.Sprintf("both sides held mail before this first run; %d messages paired by content, nothing removed", n); !strings.Contains(o.stderr, want) {
				t.Errorf("got %q on stderr, want it to say %q", o.stderr, want)
			}
			s.settle()
			// Both keep their own form of a message, with the tool's headers.
			lost, doubled, changed := compare(far, s.far(false))
			lostNear, doubledNear, changedNear := compare(near, s.near())
			sum.add(lost+lostNear, doubled+doubledNear, changed+changedNear)
			if lost+doubled+changed+lostNear+doubledNear+changedNear > 0 {
				t.Errorf("far: %d lost, %d doubled, %d changed; near: %d, %d, %d", lost, doubled, changed, lostNear, doubledNear, changedNear)
			}
			if got := s.names(); got != names {
				t.Errorf("the files were\n%sand are\n%s", names, got)
			}
		})
	}
}

// names are the files of near without their flags, in order.
func (s *setup) names() string {
	s.t.Helper()
	var b strings.Builder
	for _, dir := range []string{"cur", "new"} {
		list, err := filepath.Glob(filepath.Join(s.maildir(), "*", dir, "*"))
		s.must(err)
		for _, file := range list {
			base, _, _ := strings.Cut(file, ":2,")
			fmt.Fprintln(&b, base)
		}
	}
	return b.String()
}

// unpack puts what a tool left into both sides.
func (s *setup) unpack(tool string) {
	s.t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "adopted", tool+".txtar"))
	s.must(err)
	for _, file := range archive.Files {
		side, rest, _ := strings.Cut(file.Name, "/")
		if side == "near" {
			to := filepath.Join(s.maildir(), filepath.FromSlash(rest))
			s.makeNear(path.Dir(path.Dir(rest)))
			s.must(os.WriteFile(to, file.Data, 0o600))
			continue
		}
		root := s.server.MailDir(s.user)
		for _, dir := range []string{root, filepath.Join(root, "cur"), filepath.Join(root, "new"), filepath.Join(root, "tmp")} {
			s.must(s.server.MakeDir(dir))
		}
		s.must(s.server.WriteMail(filepath.Join(root, filepath.FromSlash(rest)), file.Data, time.Unix(1600000000, 0)))
	}
}

// tools are the headers that tools put into copies.
var tools = []string{"", "X-TUID: AbCdEfGhI+/0\r\n", "X-OfflineIMAP: 2589115780-9222688500\r\n"}

// withHeader puts a header before the blank line.
func withHeader(body []byte, header string) []byte {
	return bytes.Replace(body, []byte("\r\n\r\n"), []byte("\r\n"+header+"\r\n"), 1)
}

// adopted puts a message into both sides as a tool leaves it: a header in one
// copy or in none, a number in the file's name.
func (s *setup) adopted(mailbox string, n int, body []byte) {
	s.t.Helper()
	far, near := body, body
	if header := tools[n%len(tools)]; n%2 == 0 {
		far = withHeader(body, header)
	} else {
		near = withHeader(body, header)
	}
	s.deliverFar(mailbox, n, far, "S", bulkDate(n))
	file := s.deliverLocal(mailbox, n, near, "S", bulkDate(n))
	s.must(os.Rename(file, strings.Replace(file, ":2,", fmt.Sprintf(",U=%d:2,", n+1), 1)))
}

func (s *setup) fillAdopted() {
	r := rand.New(rand.NewSource(3))
	for n := range 60 {
		s.adopted([]string{"INBOX", "Sent", "Lists"}[n%3], n, letter(r, n))
	}
}

// fillUnclear makes mail that headers alone do not tell apart.
func (s *setup) fillUnclear() {
	r := rand.New(rand.NewSource(4))
	for n := range 6 {
		s.adopted("Drafts", n, letter(r, n))
		body := letter(r, 100+n)
		at := bytes.Index(body, []byte("Message-ID"))
		s.adopted("INBOX", 100+n, append(bytes.Clone(body[:at]), body[at+bytes.IndexByte(body[at:], '\n')+1:]...))
	}
}
