package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// TestOneSidedMailboxIsQuiet: what is not to be mirrored costs nothing.
func TestOneSidedMailboxIsQuiet(t *testing.T) {
	t.Parallel()
	p := inStep(t, 2, mirrortest.Options{}, maildirLike())
	p.policy.Create = mirror.None
	p.servers[mirror.Far].CreateMailbox(box("a"), "")
	p.deliverFar(box("a"), letter(60), mirror.Flags{})
	p.sync(mirror.ExitDone)
	p.sync(mirror.ExitDone)
	p.servers[mirror.Far].ClearLog()
	p.sync(mirror.ExitDone)
	for _, c := range p.servers[mirror.Far].Log() {
		if c.Op == mirrortest.OpOpen || c.Op == mirrortest.OpView {
			t.Errorf("a quiet run did %v", c)
		}
	}
}

// storm is a pair under faults: whatever fails for a while, each letter that
// nobody removed is there once on each side in the end.
type storm struct {
	*pair
	t     *testing.T
	rnd   *rand.Rand
	next  int
	alive map[mirror.Digest]int
	trace []string
	// unreadable lets messages fail to be read for comparing, too.
	unreadable bool
}

func (s *storm) say(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

var stormBoxes = []mirror.Name{nametrans.Inbox, box("Archive"), box("Lists")}

func digestOf(n int) mirror.Digest {
	return mirrortest.NewEntry(letter(n), mirror.Flags{}, when).Digest
}

// act lets people work on one side.
func (s *storm) act() {
	touched := map[string]bool{}
	removed := 0
	for range 1 + s.rnd.IntN(6) {
		side := mirror.Side(s.rnd.IntN(2))
		name := stormBoxes[s.rnd.IntN(len(stormBoxes))]
		list := s.servers[side].Messages(name)
		what := s.rnd.IntN(5)
		if what == 0 || len(list) == 0 {
			s.next++
			s.deliver(side, name, letter(s.next), mirror.Flags{})
			s.alive[digestOf(s.next)] = s.next
			touched[fmt.Sprint(digestOf(s.next))] = true
			s.say("deliver %d to %s %s", s.next, side, name.String())
			continue
		}
		m := list[s.rnd.IntN(len(list))]
		body := m.Body
		if s.options[side].Maildir {
			body = crlfOf(body)
		}
		d := mirrortest.NewEntry(body, mirror.Flags{}, when).Digest
		if touched[fmt.Sprint(d)] || m.Flags.Has(`\Deleted`) {
			continue
		}
		touched[fmt.Sprint(d)] = true
		switch what {
		case 1:
			if removed++; removed > 3 {
				continue
			}
			s.servers[side].Remove(name, m.ID)
			s.say("remove %d on %s %s", s.alive[d], side, name.String())
			delete(s.alive, d)
		case 2:
			to := stormBoxes[s.rnd.IntN(len(stormBoxes))]
			if to != name {
				s.servers[side].Move(name, m.ID, to)
				s.say("move %d on %s %s to %s", s.alive[d], side, name.String(), to.String())
			}
		default:
			f := []string{`\Flagged`, `\Seen`, `\Answered`, `work`}[s.rnd.IntN(4)]
			s.servers[side].SetFlags(name, m.ID, m.Flags.Union(flags(f)))
			s.say("flag %d on %s %s %s", s.alive[d], side, name.String(), f)
		}
	}
}

// weather hangs faults into both sides.
func (s *storm) weather() {
	s.wrap = nil
	for _, side := range mirror.Sides {
		// Each side has dice of its own: the two are worked on at the same time.
		dice := rand.New(rand.NewPCG(s.rnd.Uint64(), uint64(side)))
		some := func() bool { return dice.IntN(6) == 0 }
		blocked := mirror.Name("")
		if some() {
			blocked = stormBoxes[dice.IntN(len(stormBoxes))]
		}
		noView, noAbsent, noIdentify := some(), some(), some() && s.unreadable
		s.say("weather on %s: blocked %q", side, blocked.String())
		h := &hooks{
			open: func(n mirror.Name) error {
				if n == blocked {
					return mirror.ErrDenied
				}
				return nil
			},
			view: func(n mirror.Name, v *mirror.View) error {
				if noView && some() {
					return mirror.ErrDenied
				}
				if some() && len(v.Gone) > 0 {
					v.Unknown = append(v.Unknown, v.Gone[0])
					v.Gone = v.Gone[1:]
				}
				return nil
			},
			absent: func(mirror.Name) error {
				if noAbsent {
					return mirror.ErrDenied
				}
				return nil
			},
			identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
				if noIdentify && some() {
					return nil, mirror.ErrDenied
				}
				for i := range list {
					if some() && noIdentify {
						list[i] = mirror.Identified{Ref: list[i].Ref, Err: mirror.ErrEmptyBody}
					}
				}
				return list, nil
			},
			fetch: func(b mirror.Body) (mirror.Body, error) {
				if some() {
					b.Reader = &brokenReader{b.Reader, mirror.ErrShortBody}
				}
				return b, nil
			},
			append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) (out []mirror.Appended, _ error) {
				list, err := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
					for in := range batch {
						if some() {
							e := []error{mirror.ErrTooBig, mirror.ErrRefused, mirror.ErrOverQuota}[dice.IntN(3)]
							out = append(out, mirror.Appended{Source: in.Source, Err: joinNotDone(e)})
						} else if !yield(in) {
							return
						}
					}
				})
				for i := range list {
					if list[i].Err == nil && some() {
						list[i] = mirror.Appended{Source: list[i].Source, Err: mirror.ErrRefused} // it was stored
					}
				}
				return append(list, out...), err
			},
			move: func(_ mirror.Name, moves []mirror.Move) (out []mirror.Moved, _ error, _ bool) {
				if !some() {
					return nil, nil, false
				}
				for _, m := range moves {
					out = append(out, mirror.Moved{From: m.Ref, Err: errNotDoneRefused})
				}
				return out, nil, true
			},
			remove: func(_ mirror.Name, refs []mirror.Ref) (out []mirror.Removed, _ error, _ bool) {
				if !some() {
					return nil, nil, false
				}
				for _, r := range refs {
					out = append(out, mirror.Removed{Ref: r, Err: errNotDoneRefused})
				}
				return out, nil, true
			},
		}
		s.hook(side, h)
	}
	if s.rnd.IntN(6) == 0 {
		fault := mirrortest.NewFault(1+s.rnd.IntN(12), mirrortest.Points[s.rnd.IntN(3)])
		inner := s.wrap
		s.wrap = func(side mirror.Side, r mirror.Repository) mirror.Repository { return fault.Repository(inner(side, r)) }
		s.wrapState = fault.State
		s.say("and a crash")
	}
}

func crlfOf(b []byte) []byte {
	var out []byte
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

func (s *storm) check() {
	for _, side := range mirror.Sides {
		count := map[mirror.Digest]int{}
		for name, list := range s.dump(side) {
			if name == box("Trash") {
				continue
			}
			for _, e := range list {
				count[e.Digest]++
			}
		}
		for d, n := range s.alive {
			if count[d] != 1 {
				s.t.Errorf("%s holds letter %d %d times, want once", side, n, count[d])
			}
		}
		if len(count) != len(s.alive) {
			s.t.Errorf("%s holds %d letters, want %d", side, len(count), len(s.alive))
		}
	}
}

// TestStorm plays many weathers; a seed that fails is told with its trace.
func TestStorm(t *testing.T) {
	t.Parallel()
	kinds := [][2]mirrortest.Options{
		{{}, maildirLike()},
		{{NoUIDPlus: true, NoMove: true}, maildirLike()},
		{{NoMove: true, NoModSeq: true}, maildirLike()},
		{{Gap: 2}, {NoUIDPlus: true}},
		{maildirLike(), maildirLike()},
	}
	seeds := uint64(120)
	if testing.Short() {
		seeds = 10
	}
	for k, kind := range kinds {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%d/%d", k, seed), func(t *testing.T) {
				s := &storm{pair: newPair(t, kind[0], kind[1]), t: t, rnd: rand.New(rand.NewPCG(seed, uint64(k))), alive: map[mirror.Digest]int{}, unreadable: seed%2 == 1}
				for _, n := range stormBoxes[1:] {
					s.servers[mirror.Far].CreateMailbox(n, "")
				}
				s.servers[mirror.Far].CreateMailbox(box("Trash"), `\Trash`)
				for range 30 {
					s.next++
					s.deliverFar(stormBoxes[s.next%3], letter(s.next), mirror.Flags{})
					s.alive[digestOf(s.next)] = s.next
				}
				s.settle()
				s.report = func(e mirror.Event) {
					if e.Kind == mirror.Done {
						s.say("  done %v on %s %s -> %s, UIDs %v, message %d %s", e.Action.Kind, e.Side, e.Mailbox.String(), e.Action.Target.String(), e.Action.UID, e.Action.Message.UID, e.Action.Reason)
					}
				}
				defer func() {
					if t.Failed() {
						for _, line := range s.trace {
							t.Log(line)
						}
					}
				}()
				for range 3 {
					s.act()
					for range 1 + s.rnd.IntN(3) {
						s.weather()
						r, err := s.try()
						s.say("run: exit %d %v %v %+v", mirror.Exit(r, err), err, r.Problems, r.Summary)
						s.checkState()
						s.clock.now = s.clock.now.Add(time.Hour)
					}
					s.wrap, s.wrapState = nil, nil
					s.clock.now = s.clock.now.Add(200 * time.Hour)
					for range 4 {
						r, err := s.try()
						s.say("calm: exit %d %v %v %+v", mirror.Exit(r, err), err, r.Problems, r.Summary)
						s.checkState()
						s.clock.now = s.clock.now.Add(200 * time.Hour)
					}
					s.quiet()
					s.alike()
					s.check()
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// TestUnreadableCandidate: a copy whose outcome is not known is not sent again
// while what may be it cannot be read, and not sent back while its source
// cannot be read.
func TestUnreadableCandidate(t *testing.T) {
	t.Parallel()
	for _, unreadable := range mirror.Sides {
		for _, near := range []mirrortest.Options{{}, maildirLike()} {
			p := inStep(t, 3, mirrortest.Options{}, near)
			p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
			p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
				list, err := m.Append(ctx, batch)
				for i := range list {
					list[i].Target, list[i].Err = mirror.Ref{}, mirror.ErrRefused // stored, and the answer was lost
				}
				return list, err
			}})
			p.hook(unreadable, &hooks{identify: func(_ mirror.Name, list []mirror.Identified) ([]mirror.Identified, error) {
				for i := range list {
					list[i] = mirror.Identified{Ref: list[i].Ref, Err: mirror.ErrEmptyBody}
				}
				return list, nil
			}})
			p.try()
			p.try()
			if f, n := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); f != 4 || n != 4 {
				t.Errorf("%s unreadable: far holds %d, near %d, want 4 each", unreadable, f, n)
			}
			p.wrap = nil
			p.clock.now = p.clock.now.Add(2 * time.Hour)
			p.settle()
			p.alike()
			if f := p.count(mirror.Far, nametrans.Inbox); f != 4 {
				t.Errorf("%s unreadable: far holds %d in the end, want 4", unreadable, f)
			}
		}
	}
}

// TestMoveWhoseEndIsRefused: COPY was done, the removal of the source refused
// once or in every round of a run.
func TestMoveWhoseEndIsRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []mirrortest.Options{{NoUIDPlus: true, NoMove: true}, {NoMove: true}} {
		for times := 1; times <= 8; times++ {
			p := inStep(t, 5, o, maildirLike())
			near := p.servers[mirror.Near]
			near.Move(nametrans.Inbox, near.Messages(nametrans.Inbox)[1].ID, box("Archive"))
			left := times
			p.hook(mirror.Far, &hooks{remove: func(_ mirror.Name, refs []mirror.Ref) (out []mirror.Removed, _ error, _ bool) {
				if left--; left < 0 {
					return nil, nil, false
				}
				for _, r := range refs {
					out = append(out, mirror.Removed{Ref: r, Err: errNotDoneRefused})
				}
				return out, nil, true
			}})
			for range 4 {
				p.try()
				p.checkState()
			}
			p.wrap = nil
			p.settle()
			p.alike()
			if got := len(p.dump(mirror.Near)[box("Archive")]); got != 1 {
				t.Errorf("%+v refused %d times: near Archive holds %d, want 1", o, times, got)
			}
		}
	}
}
