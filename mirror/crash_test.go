package mirror_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// scenario is a pair that was in step, and what then happened on its sides.
type scenario struct {
	name      string
	far, near mirrortest.Options
	before    int // messages in INBOX when the pair was in step
	change    func(p *pair)
	// exact: flags, too, must be those of a run without a crash.
	exact bool
}

func scenarios() []scenario {
	download := func(p *pair) {
		for i := range 5 {
			p.deliverFar(nametrans.Inbox, letter(100+i), flags(`\Seen`))
		}
	}
	upload := func(p *pair) {
		for i := range 5 {
			p.deliverNear(nametrans.Inbox, letter(200+i), flags(`\Flagged`))
		}
	}
	// Twins are the same octets twice, which only counting can tell apart.
	twins := func(p *pair) {
		for range 3 {
			p.deliverNear(nametrans.Inbox, letter(300), mirror.Flags{})
		}
		p.deliverFar(nametrans.Inbox, letter(300), mirror.Flags{})
	}
	mailboxes := func(p *pair) {
		p.servers[mirror.Far].CreateMailbox(box("Lists", "go"), "")
		p.deliverFar(box("Lists", "go"), letter(400), mirror.Flags{})
		p.servers[mirror.Near].CreateMailbox(box("Entwürfe"), "")
		p.deliverNear(box("Entwürfe"), letter(401), mirror.Flags{})
	}
	all := func(p *pair) {
		download(p)
		upload(p)
		mailboxes(p)
		changeFlags(p)
		move(p)
		remove(p)
	}
	rebuild := func(p *pair) {
		p.state = mirrortest.NewState()
		download(p)
		upload(p)
	}
	renumber := func(p *pair) {
		download(p)
		upload(p)
		changeFlags(p)
		for _, s := range mirror.Sides {
			if !p.options[s].Maildir {
				p.servers[s].Renumber(nametrans.Inbox, p.servers[s].Checkpoint(nametrans.Inbox).UIDValidity+7)
			}
		}
	}
	// A copy of what the other side has already is made there, with flags of its own.
	copied := func(p *pair) {
		for _, s := range mirror.Sides {
			server := p.servers[s]
			held := server.Messages(nametrans.Inbox)[s]
			server.SetFlags(nametrans.Inbox, held.ID, flags(`\Flagged`))
			server.SetFlags(box("Archive"), server.Copy(nametrans.Inbox, held.ID, box("Archive")), flags(`\Seen work`))
			p.deliver(s, nametrans.Inbox, letter(500+int(s)), flags(`\Answered`))
			p.deliver(s, box("Archive"), letter(500+int(s)), flags(`\Seen`))
		}
	}
	var list []scenario
	for _, kind := range []struct {
		name      string
		far, near mirrortest.Options
	}{
		{"IMAP and Maildir", mirrortest.Options{}, maildirLike()},
		{"bare IMAP and Maildir", bareIMAP(), maildirLike()},
		{"IMAP without MOVE and Maildir", mirrortest.Options{NoMove: true, NoModSeq: true}, maildirLike()},
		{"IMAP and Maildir of other names", mirrortest.Options{}, maildirLike()},
		{"IMAP and bare IMAP", mirrortest.Options{Gap: 3}, bareIMAP()},
		{"Maildir and Maildir", maildirLike(), maildirLike()},
		{"bare IMAP and bare IMAP", bareIMAP(), bareIMAP()},
		{"stale IMAP with object ids and IMAP without MOVE", mirrortest.Options{Stale: true, ObjectIDs: true}, mirrortest.Options{NoMove: true}},
		{"Maildir and IMAP with gaps", maildirLike(), mirrortest.Options{Gap: 7, NoListStatus: true}},
	} {
		for _, what := range []struct {
			name   string
			before int
			change func(*pair)
		}{
			{"download", 2, download}, {"upload", 2, upload}, {"twins", 0, twins}, {"mailboxes", 1, mailboxes},
			{"flags", 8, changeFlags}, {"move", 8, move}, {"remove", 20, remove}, {"all", 20, all},
			{"rebuild", 8, rebuild}, {"renumber", 8, renumber}, {"copied", 3, copied},
		} {
			list = append(list, scenario{kind.name + ": " + what.name, kind.far, kind.near, what.before, what.change, what.name == "copied"})
		}
	}
	return list
}

func changeFlags(p *pair) {
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[0].ID, flags(`\Seen work`))
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, flags(`\Answered`))
	far.SetFlags(nametrans.Inbox, far.Messages(nametrans.Inbox)[2].ID, flags(`\Seen`))
	near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[2].ID, flags(`\Flagged`))
}

func move(p *pair) {
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	far.Move(nametrans.Inbox, far.Messages(nametrans.Inbox)[3].ID, box("Archive"))
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[4].ID, box("Archive"))
	near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[4].ID, box("Archive"))
}

func remove(p *pair) {
	far, near := p.servers[mirror.Far], p.servers[mirror.Near]
	// By number, since a removal on one side must not shift the other's choice.
	farIDs, nearIDs := far.Messages(nametrans.Inbox), near.Messages(nametrans.Inbox)
	far.Remove(nametrans.Inbox, farIDs[len(farIDs)-1].ID)
	near.Remove(nametrans.Inbox, nearIDs[len(nearIDs)-2].ID)
	near.Remove(nametrans.Inbox, nearIDs[len(nearIDs)-3].ID)
}

// prepare brings a scenario to the moment before the run under test.
func (s scenario) prepare(t *testing.T) *pair {
	p := newPair(t, s.far, s.near)
	p.elsewhere = strings.Contains(s.name, "of other names")
	p.servers[mirror.Far].CreateMailbox(box("Archive"), "")
	p.servers[mirror.Far].CreateMailbox(box("Trash"), `\Trash`)
	for i := range s.before {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	s.change(p)
	return p
}

// bodies is a dump without flags: mail that is there, box by box.
func bodies(dump map[mirror.Name][]mirrortest.Entry) map[mirror.Name][]mirror.Digest {
	out := map[mirror.Name][]mirror.Digest{}
	for name, list := range dump {
		for _, e := range list {
			out[name] = append(out[name], e.Digest)
		}
	}
	return out
}

func sameBodies(a, b map[mirror.Name][]mirrortest.Entry) error {
	inA, inB := bodies(a), bodies(b)
	for _, name := range names(a, b) {
		if !slices.Equal(inA[name], inB[name]) {
			return fmt.Errorf("mailbox %q holds %d messages, want %d, or other ones", name.String(), len(inA[name]), len(inB[name]))
		}
	}
	return nil
}

// TestEveryCrashPoint stops each scenario at each of its effects, before, after
// and inside it, and then the recovery from that at each of its effects. Runs
// follow until it is quiet: the same mail must be there as without the crash,
// once, on both sides.
func TestEveryCrashPoint(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := &crasher{t: t, scenario: s}
			effects, want := s.undisturbed(t)
			if effects == 0 {
				t.Fatal("the scenario has no effect to stop at")
			}
			c.want = want
			for k := 1; k <= effects && !t.Failed(); k++ {
				for i, point := range mirrortest.Points {
					c.crash(stop{k, point}, mirrortest.Points[(k+i)%len(mirrortest.Points)])
				}
			}
			proof.Note(proof.Tally{Layer: "crash points", Cases: c.cases})
		})
	}
}

// stop is where a run is stopped.
type stop struct {
	effect int
	point  mirrortest.Point
}

func (s stop) String() string { return fmt.Sprintf("stopped %v effect %d", s.point, s.effect) }

// crasher stops one scenario in many places.
type crasher struct {
	t *testing.T
	scenario
	want map[mirror.Name][]mirrortest.Entry
	// seen counts the places to stop at in a run, and in a recovery.
	seen, seenAgain int
	cases           int
}

// recoveriesApart is how many of the places in recoveries CI passes over for
// each that it tries: they are about 160,000.
const recoveriesApart = 13

// sampled counts places, and says which of them to try.
func (c *crasher) sampled(seen *int, apart int) bool {
	*seen++
	return *seen%max(1, apart) == 0 && !c.t.Failed()
}

// crash stops at first, and then the recovery from that at each of its effects.
func (c *crasher) crash(first stop, again mirrortest.Point) {
	if c.sampled(&c.seen, proof.Stride()) {
		c.recover(first)
	}
	for k := 1; ; k++ {
		if !c.sampled(&c.seenAgain, proof.Apart(recoveriesApart)) {
			if c.t.Failed() || k > longRecovery {
				return
			}
			continue
		}
		if reached := c.recover(first, stop{k, again}); !reached {
			return
		}
	}
}

// longRecovery is more effects than a recovery has.
const longRecovery = 60

// recover stops one run after the other, and then lets the pair come to rest.
// It reports whether every stop was reached.
func (c *crasher) recover(stops ...stop) (reached bool) {
	c.cases++
	p := c.prepare(c.t)
	p.t = named{c.t, fmt.Sprint(stops)}
	reached = true
	for _, s := range stops {
		fault := mirrortest.NewFault(s.effect, s.point)
		p.inject(fault)
		p.try()
		p.inject(nil)
		p.checkState()
		reached = reached && fault.Stopped()
	}
	p.settle()
	p.alike()
	if err := sameBodies(p.dump(mirror.Far), c.want); err != nil {
		p.t.Errorf("%v", err)
	}
	if got := p.dump(mirror.Far); c.exact && !reflect.DeepEqual(got, c.want) {
		p.t.Errorf("got %v, want %v", got, c.want)
	}
	p.quiet()
	return reached
}

// named says what was done in front of each complaint.
type named struct {
	*testing.T
	what string
}

func (n named) Errorf(format string, args ...any) {
	n.Helper()
	n.T.Errorf("%s: %s", n.what, fmt.Sprintf(format, args...))
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.T.Fatalf("%s: %s", n.what, fmt.Sprintf(format, args...))
}

// undisturbed runs a scenario to its end and returns how many effects the run
// had and what was there then.
func (s scenario) undisturbed(t *testing.T) (effects int, want map[mirror.Name][]mirrortest.Entry) {
	p := s.prepare(t)
	fault := mirrortest.NewFault(0, mirrortest.Before)
	p.inject(fault)
	p.sync(mirror.ExitDone)
	p.inject(nil)
	p.settle()
	p.alike()
	p.quiet()
	return fault.Effects(), p.dump(mirror.Far)
}

// inject puts a fault between the runner and everything it works on; nil takes
// it away.
func (p *pair) inject(f *mirrortest.Fault) {
	if f == nil {
		p.wrap, p.wrapState = nil, nil
		return
	}
	p.wrap = func(_ mirror.Side, r mirror.Repository) mirror.Repository { return f.Repository(r) }
	p.wrapState = f.State
}
