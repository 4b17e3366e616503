package acceptance

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"mailtwin/internal/servers"
)

// TestStopStands empties near of a small account and lets runs follow, each with
// new mail on far that makes near look less empty. Every one of them stops, until
// the mail is back or somebody allows what the last of them showed.
func TestStopStands(t *testing.T) {
	t.Parallel()
	server := servers.Need(t, servers.Options{})
	sum := noted(t, "rails")
	for i, c := range []struct {
		name  string
		stops int  // runs that stop before somebody decides
		fresh bool // each of them finds new mail
		back  bool // the mail is put back; else the token is used
	}{
		{"put back after three stops", 3, true, true},
		{"token of the first stop", 1, true, false},
		{"token of the second stop", 2, true, false},
		{"token of the third stop", 3, true, false},
		{"token of the third stop, no new mail", 3, false, false},
		{"put back after one stop", 1, false, true},
	} {
		if leftOut(i) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, server)
			s.addFar("INBOX", 0, 8)
			s.settle()
			kept := filepath.Join(s.dir, "kept")
			s.copyTree(s.maildir(), kept)
			s.emptyNear()
			want, added := s.far(false), 0
			token := ""
			for n := range c.stops {
				if c.fresh {
					s.addFar("INBOX", 100+n, 1)
					added++
					want = s.far(false)
				}
				token = s.checkStands(want, 8, added, n > 0 && c.fresh)
			}
			if c.back {
				s.putBack(kept)
				s.settleSoon()
				s.judge(c.name, want, false, sum)
				return
			}
			s.want(0, "sync", "--confirm", token)
			s.settleSoon()
			s.judge(c.name, removedOf(want, 8), false, sum)
		})
	}
}

// checkStands expects a run that stops for gone messages and copies the new mail
// nonetheless. It returns the token.
func (s *setup) checkStands(want content, gone, added int, less bool) string {
	s.t.Helper()
	o := s.want(4, "sync")
	words := fmt.Sprintf("stopped: near shows no message and had %d; nothing was removed on far\n", gone)
	if less {
		words = fmt.Sprintf("stopped: %d of the %d messages of near are still gone since an earlier stop; none of them was removed on far\n", gone, gone+added-1)
	}
	if !strings.Contains(o.stderr, words) {
		s.t.Errorf("got %q on stderr, want it to say %q", o.stderr, words)
	}
	if hint := fmt.Sprintf("to remove exactly these %d messages on far as well: ", gone); !strings.Contains(o.stderr, hint) {
		s.t.Errorf("got %q on stderr, want it to say %q", o.stderr, hint)
	}
	if list := differences(want, s.far(false)); len(list) > 0 {
		s.t.Errorf("a stopped run changed far: %s", strings.Join(list, "\n"))
	}
	if got := s.near().count(); got != added {
		s.t.Errorf("near holds %d messages, want the %d new ones", got, added)
	}
	return tokenIn(s, o)
}

// putBack copies the files of a Maildir to where they were.
func (s *setup) putBack(kept string) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(kept, "INBOX", "cur", "*"))
	s.must(err)
	for _, file := range files {
		s.copyTree(file, filepath.Join(s.maildir(), "INBOX", "cur"))
	}
}

// removedOf is c after its first n letters of INBOX went to the trash.
func removedOf(c content, n int) content {
	c = maps.Clone(c)
	first := map[string]bool{}
	for i := range n {
		first[digestOf(letter(someRand(), i))] = true
	}
	var rest []entry
	for _, e := range c["INBOX"] {
		if first[e.digest] {
			c["Trash"] = append(c["Trash"], e)
		} else {
			rest = append(rest, e)
		}
	}
	c["INBOX"] = rest
	return c.sort()
}
