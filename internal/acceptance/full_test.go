package acceptance

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/servers"
)

// TestFullAccusesNobody: runs that compare everything while flags change on both
// sides, and while the runs go on, do not say of an honest server that it hides
// changes.
func TestFullAccusesNobody(t *testing.T) {
	t.Parallel()
	s := newSetup(t, servers.Need(t, servers.Options{}))
	r := rand.New(rand.NewSource(*seed))
	s.fill(r, 120)
	s.want(0, "sync")
	s.settle()
	c := s.dial()
	defer c.Close()
	selected, err := c.Select("INBOX", nil).Wait()
	s.must(err)
	toggle := func() {
		n := imap.SeqSetNum(1 + uint32(r.Intn(int(selected.NumMessages))))
		op := []imap.StoreFlagsOp{imap.StoreFlagsAdd, imap.StoreFlagsDel}[r.Intn(2)]
		s.must(c.Store(n, &imap.StoreFlags{Op: op, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close())
	}
	for range 6 {
		for range 5 {
			toggle()
		}
		ran := make(chan outcome)
		go func() { ran <- s.run("sync", "--full", "--verbose") }()
		for done := false; !done; {
			select {
			case o := <-ran:
				if done = true; strings.Contains(o.stdout+o.stderr, "believed") {
					t.Errorf("got %s%s", o.stdout, o.stderr)
				}
			default:
				toggle()
			}
		}
	}
	s.settle()
	s.alike(false)
}
