package acceptance

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/internal/servers"
)

// TestStateLost deletes the state: nothing is doubled, nothing removed, and
// bodies are fetched only where headers could not decide.
func TestStateLost(t *testing.T) {
	t.Parallel()
	sum := noted(t, layerRenumbered)
	s := newSetup(t, servers.Need(t, servers.Options{}))
	n := *messages
	s.fill(rand.New(rand.NewSource(*seed)), n)
	s.settle()
	before := s.alike(false)
	s.must(os.RemoveAll(s.state()))
	o := s.want(0, "sync", "--json")
	got, bodies := paired(t, o)
	if drafts := len(before["Drafts"]); got != n || bodies > 2*drafts {
		t.Errorf("got %d paired by %d bodies, want %d by at most those of %d drafts", got, bodies, n, drafts)
	}
	if want := fmt.Sprintf("both sides held mail before this first run; %d messages paired by content, nothing removed", n); !strings.Contains(o.stderr, want) {
		t.Errorf("got %q on stderr, want it to say %q", o.stderr, want)
	}
	s.settle()
	s.judge("the state is lost", before, false, sum)
}

// versionAt is where the four octets of the schema's version are in the state's
// file (SQLite's user_version). One that is greater is a newer mailtwin's, which is
// refused and left as it is.
const versionAt = 60

// TestStateCorrupt flips octets of the state's file, in one place or in many, but
// not its version. A run that notices sets it aside; none loses or doubles anything.
func TestStateCorrupt(t *testing.T) {
	t.Parallel()
	sum := noted(t, layerRenumbered)
	t.Logf("seed %d", *seed)
	r := rand.New(rand.NewSource(*seed))
	s, want := fixture(t, servers.Need(t, servers.Options{}), 0)
	file := filepath.Join(s.state(), "mail", "state.db")
	good, err := os.ReadFile(file)
	s.must(err)
	noticed := 0
	for i := range proof.Times(8, 2) {
		bad, places := slices.Clone(good), 1+r.Intn(40)
		if i == 0 {
			places = len(good) / 40 // no run fails to notice that
		}
		for range places {
			at := r.Intn(len(bad) - 4)
			if at >= versionAt {
				at += 4
			}
			bad[at] ^= byte(1 << r.Intn(8))
		}
		s.must(os.RemoveAll(s.state()))
		s.must(os.MkdirAll(filepath.Dir(file), 0o700))
		s.must(os.WriteFile(file, bad, 0o600))
		o := s.want(0, "sync", "--full")
		if strings.Contains(o.stderr, "the state was not usable (") {
			noticed++
			if !strings.Contains(o.stderr, "both sides are paired anew by content, nothing is removed in this run") {
				t.Errorf("got %q, want it to say what becomes of both sides", o.stderr)
			}
		}
		s.settle()
		s.judge(fmt.Sprintf("%d octets flipped", places), want, false, sum)
	}
	if noticed == 0 {
		t.Error("no run noticed anything")
	}
}

// TestStateOld runs with the state of some runs ago, after messages came, went,
// moved and were flagged on both sides.
func TestStateOld(t *testing.T) {
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
			g := &stage{setup: newSetup(t, server), r: rand.New(rand.NewSource(*seed + int64(k))), due: ledger{}}
			g.fillBoth("")
			var old []string
			for i, change := range []func(){
				g.toMove,
				func() { g.addFar("INBOX", 1000, 50); g.addNear("INBOX", 1100, 20) },
				g.farFlag,
				func() { g.removeFar("INBOX", 5) },
				func() { g.removeNear("Archive", 5) },
			} {
				old = append(old, filepath.Join(g.dir, fmt.Sprintf("state %d", i)))
				g.copyTree(g.state(), old[i])
				change()
				g.settleSoon()
			}
			want := g.alike(kind.pending)
			for i := len(old) - 1; i >= 0; i-- {
				g.must(os.RemoveAll(g.state()))
				g.copyTree(old[i], g.state())
				g.settleSoon()
				near := g.near()
				if kind.pending && i == 0 {
					// That state knows nothing of the messages that were moved
					// and then marked for want of UIDPLUS: they look new.
					near = near.unmarked()
				}
				g.judgeSides(fmt.Sprintf("the state of %d steps ago", len(old)-i), want, g.far(kind.pending), near, sum)
			}
		})
	}
}

// settleSoon is settle after a run that may leave something to the next.
func (s *setup) settleSoon() {
	s.t.Helper()
	if o := s.run("sync"); o.exit != 0 && o.exit != 75 {
		s.t.Fatalf("got exit %d\n%s%s", o.exit, o.stdout, o.stderr)
	}
	s.settle()
}
