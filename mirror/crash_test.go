package mirror_test

import (
	"fmt"
	"slices"
	"testing"

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
}

func scenarios() []scenario {
	bare := mirrortest.Options{NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true}
	uidplus := mirrortest.Options{NoMove: true, NoModSeq: true}
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
	var list []scenario
	for _, kind := range []struct {
		name      string
		far, near mirrortest.Options
	}{
		{"IMAP and Maildir", mirrortest.Options{}, maildirLike()},
		{"bare IMAP and Maildir", bare, maildirLike()},
		{"IMAP without MOVE and Maildir", uidplus, maildirLike()},
		{"IMAP and bare IMAP", mirrortest.Options{Gap: 3}, bare},
		{"Maildir and Maildir", maildirLike(), maildirLike()},
	} {
		for _, what := range []struct {
			name   string
			before int
			change func(*pair)
		}{
			{"download", 2, download}, {"upload", 2, upload}, {"twins", 0, twins}, {"mailboxes", 1, mailboxes},
			{"flags", 8, changeFlags}, {"move", 8, move}, {"remove", 20, remove}, {"all", 20, all},
		} {
			list = append(list, scenario{kind.name + ": " + what.name, kind.far, kind.near, what.before, what.change})
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
// and inside it, and runs again until it is quiet: the same mail must be there
// as without the crash, once, on both sides.
func TestEveryCrashPoint(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			effects, want := s.undisturbed(t)
			if effects == 0 {
				t.Fatal("the scenario has no effect to stop at")
			}
			for k := 1; k <= effects; k++ {
				for _, point := range mirrortest.Points {
					if !t.Run(fmt.Sprintf("%v effect %d of %d", point, k, effects), func(t *testing.T) { crash(t, s, k, point, want) }) {
						return
					}
				}
			}
		})
	}
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

func crash(t *testing.T, s scenario, k int, point mirrortest.Point, want map[mirror.Name][]mirrortest.Entry) {
	p := s.prepare(t)
	p.inject(mirrortest.NewFault(k, point))
	p.try()
	p.inject(nil)
	p.checkState()
	p.settle()
	p.alike()
	if err := sameBodies(p.dump(mirror.Far), want); err != nil {
		t.Error(err)
	}
	p.quiet()
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
