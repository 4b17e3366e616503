package acceptance

import (
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/proof"
	"mailtwin/internal/servers"
)

const layerRenumbered = "renumbering and lost state"

// renumberFar makes the server number a user's mailboxes anew, in another
// order: its lists of UIDs go, and the files get other names. No session may be open: a
// server that writes its lists just now would keep the old UIDVALIDITY for new UIDs,
// which no server may.
func (s *setup) renumberFar(r *rand.Rand) {
	s.t.Helper()
	root := s.server.MailDir(s.user)
	s.must(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil || d.IsDir():
			return err
		case name == "dovecot-uidlist", strings.HasPrefix(name, "dovecot.index"), strings.HasPrefix(name, "dovecot.list.index"):
			return os.Remove(path)
		}
		if dir := filepath.Base(filepath.Dir(path)); dir != "cur" && dir != "new" {
			return nil
		}
		_, flags, found := strings.Cut(name, ":2,")
		if name = fmt.Sprintf("%d.M%d.renamed", 1500000000+r.Intn(1e8), r.Int63()); found {
			name += ":2," + flags
		}
		return os.Rename(path, filepath.Join(filepath.Dir(path), name))
	}))
}

// renumberLive lets the server itself give the mailboxes another UIDVALIDITY, while
// sessions are open, and another client give a part of the messages other UIDs before.
func (s *setup) renumberLive(r *rand.Rand) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	for _, name := range []string{"INBOX", "Lists/go-nuts"} {
		selected, err := c.Select(name, nil).Wait()
		s.must(err)
		for range 5 {
			seq := imap.SeqSetNum(1 + uint32(r.Intn(int(selected.NumMessages))))
			_, err := c.Copy(seq, name).Wait()
			s.must(err)
			s.must(c.Store(seq, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
			s.must(c.Expunge().Close())
		}
		s.must(c.Unselect().Wait())
		s.must(s.server.SetUIDValidity(s.user, name, selected.UIDValidity+1000))
	}
}

// fixture is a pair of some mail, paired and quiet, and what it holds.
func fixture(t testing.TB, server *servers.Dovecot, port int) (*setup, content) {
	s := newSetup(t, server)
	s.port = port
	s.writeConfig()
	s.addFar("INBOX", 0, 30)
	s.addFar("Lists/go-nuts", 100, 12)
	s.addNear("Lists/go-nuts", 200, 12)
	s.settle()
	return s, s.alike(false)
}

// paired reads from --json what was paired, and how many bodies that took.
func paired(t testing.TB, o outcome) (n, bodies int) {
	t.Helper()
	summary := o.summary(t)
	number := func(key string) int {
		f, _ := summary[key].(float64) // left out where it is 0
		return int(f)
	}
	return number("paired"), number("bodies_fetched")
}

// TestRenumbered changes every UIDVALIDITY of far, alone and while other things
// change as well.
func TestRenumbered(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	sum := noted(t, layerRenumbered)
	said := regexp.MustCompile(`(?m)^mailtwin: pair mail: far mailbox "(INBOX|Lists/go-nuts)": UIDVALIDITY changed from \d+ to \d+; it is paired again by content, nothing is removed$`)
	for i, c := range []struct {
		name string
		// also changes something else, and want accordingly.
		also func(s *setup, want content)
	}{
		{"alone", func(*setup, content) {}},
		{"a message removed on near comes back", func(s *setup, _ content) { s.removeNear("INBOX", 1) }},
		{"new mail on both sides", func(s *setup, want content) {
			s.addFar("INBOX", 300, 1)
			s.addNear("INBOX", 301, 1)
			for _, n := range []int{300, 301} {
				want["INBOX"] = append(want["INBOX"], entry{digestOf(letter(someRand(), n)), `\seen`, bulkDate(n).Unix()})
			}
			want.sort()
		}},
		{"twice", func(s *setup, _ content) {
			s.want(0, "sync")
			s.renumberFar(rand.New(rand.NewSource(2)))
		}},
	} {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, want := fixture(t, server, 0)
			s.renumberFar(rand.New(rand.NewSource(1)))
			c.also(s, want)
			o := s.want(0, "sync", "--json")
			if got := len(said.FindAllString(o.stderr, -1)); got != 2 {
				t.Errorf("got %d mailboxes named as renumbered, want 2\n%s", got, o.stderr)
			}
			if n, bodies := paired(t, o); n < want.count()-2 || bodies != 0 {
				t.Errorf("got %d paired by %d bodies, want all of %d by headers alone", n, bodies, want.count())
			}
			s.settle()
			s.judge(c.name, want, false, sum)
		})
	}
}

// TestRenumberedOnBoth has no marker on near, and far renumbered: it stops, and
// a pair of a new name unites both.
func TestRenumberedOnBoth(t *testing.T) {
	t.Parallel()
	sum := noted(t, layerRenumbered)
	s, want := fixture(t, servers.Need(t, servers.Options{}), 0)
	s.must(os.Remove(filepath.Join(s.maildir(), ".mailtwin-id")))
	s.renumberFar(rand.New(rand.NewSource(1)))
	s.want(4, "sync")
	s.unchanged("a missing marker", want, want)
	s.name = "anew"
	s.writeConfig()
	o := s.want(0, "sync", "--json")
	if n, bodies := paired(t, o); n != want.count() || bodies != 0 {
		t.Errorf("got %d paired by %d bodies, want %d by headers alone", n, bodies, want.count())
	}
	s.settle()
	s.judge("both renumbered", want, false, sum)
}

// TestRenumberedDuringRun stalls a run that has mail to carry both ways,
// renumbers far, and lets the run go on.
func TestRenumberedDuringRun(t *testing.T) {
	t.Parallel()
	sum := noted(t, layerRenumbered)
	t.Logf("seed %d", *seed)
	for k, kind := range kinds {
		if leftOut(k) {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := servers.Need(t, kind.options)
			r := rand.New(rand.NewSource(*seed + int64(k)))
			p := newProxy(t, server.Port)
			var down int64
			for i := range proof.Times(5, 1) + 1 {
				s, want := fixture(t, server, p.port)
				s.addFar("INBOX", 300, 15)
				s.addNear("INBOX", 400, 15)
				for n := range 15 {
					for _, n := range []int{300 + n, 400 + n} {
						want["INBOX"] = append(want["INBOX"], entry{digestOf(letter(someRand(), n)), `\seen`, bulkDate(n).Unix()})
					}
				}
				want.sort()
				p.set(cutAt{})
				if i == 0 {
					s.want(0, "sync")
					_, down = p.seen()
					continue
				}
				what := s.renumberAt(p, r, 1+r.Int63n(down))
				s.makeDue()
				s.settle()
				s.judge(what, want, false, sum)
			}
		})
	}
}

// renumberAt runs, and renumbers far when n octets came from the server.
func (s *setup) renumberAt(p *proxy, r *rand.Rand, n int64) string {
	s.t.Helper()
	p.stallAfter(n)
	ended := make(chan outcome, 1)
	go func() { ended <- s.run("sync") }()
	p.waitStalled()
	s.renumberLive(r)
	p.goOn()
	o := <-ended
	what := fmt.Sprintf("renumbered after %d octets, exit %d", n, o.exit)
	if o.exit != 0 && o.exit != 3 && o.exit != 75 {
		s.t.Errorf("%s, want 0, 3 or 75\n%s", what, o.stderr)
	}
	return what
}

// TestUIDNextGoesBack restores the server from a backup: what came since is
// missing there, and new mail takes its UIDs.
func TestUIDNextGoesBack(t *testing.T) {
	t.Parallel()
	sum := noted(t, layerRenumbered)
	server := servers.Need(t, servers.Options{})
	for i, c := range []struct{ since, after int }{{8, 0}, {8, 3}} {
		if leftOut(i) {
			continue
		}
		t.Run(fmt.Sprintf("%d lost, %d new", c.since, c.after), func(t *testing.T) {
			t.Parallel()
			s, _ := fixture(t, server, 0)
			mail, backup := server.MailDir(s.user), filepath.Join(s.dir, "backup")
			s.copyTree(mail, backup)
			s.addFar("INBOX", 500, c.since)
			s.settle()
			want := s.alike(false)
			s.must(os.RemoveAll(mail))
			s.copyTree(backup, mail)
			s.addFar("INBOX", 600, c.after)
			for n := 600; n < 600+c.after; n++ {
				want["INBOX"] = append(want["INBOX"], entry{digestOf(letter(someRand(), n)), `\seen`, bulkDate(n).Unix()})
			}
			o := s.want(0, "sync")
			t.Logf("%s%s", o.stdout, o.stderr)
			s.settle()
			s.judge("restored from a backup", want.sort(), false, sum)
		})
	}
}

// copyTree copies a directory with owners, modes and times.
func (s *setup) copyTree(from, to string) {
	s.t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		s.t.Fatalf("cp: %v\n%s", err, out)
	}
}
