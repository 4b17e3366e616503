package mirror_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// swallow makes far take what it is sent without a word: it is stored nowhere, as
// when the connection ends before the answer. It returns the moments of sending.
func (p *pair) swallow(err error) *[]time.Time {
	var sent []time.Time
	p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, _ ctxT, _ mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
		for in := range batch {
			_ = in
			sent = append(sent, p.clock.Now())
		}
		return nil, err
	}})
	return &sent
}

// TestCutCopyWaits: a copy that was cut is not sent again before the server can no
// longer finish it, counted from the connection of the run that looks for it.
func TestCutCopyWaits(t *testing.T) {
	t.Parallel()
	for _, far := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}} {
		p := inStep(t, 3, far, maildirLike())
		p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
		p.swallow(mirror.ErrCut)
		p.sync(mirror.ExitTemporary)
		if got := p.snapshot().Intents; len(got) != 1 || got[0].Kind != mirror.CopyIntent {
			t.Errorf("got intents %+v after the cut, want that of the copy", got)
		}
		begin := p.clock.Now()
		var again time.Time
		p.wrap = nil
		p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
			again = p.clock.Now()
			return m.Append(ctx, batch)
		}})
		p.sync(mirror.ExitDone)
		if again.Sub(begin) < p.policy.Settle {
			t.Errorf("sent again after %v, want %v at least", again.Sub(begin), p.policy.Settle)
		}
		p.settle()
		p.alike()
	}
}

// TestLateCopyIsAGhost: a copy that appears after it was sent again is named, left
// alone and never copied back.
func TestLateCopyIsAGhost(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.swallow(mirror.ErrCut)
	p.sync(mirror.ExitTemporary)
	p.wrap = nil
	p.sync(mirror.ExitDone)
	p.deliverFar(nametrans.Inbox, letter(10), mirror.Flags{})
	p.sync(mirror.ExitPartly)
	p.quiet()
	if far, near := p.count(mirror.Far, nametrans.Inbox), p.count(mirror.Near, nametrans.Inbox); far != 5 || near != 4 {
		t.Errorf("far holds %d and near %d messages, want 5 with the ghost and 4", far, near)
	}
}

// TestAnnouncedUIDIsTaken: a server that names, for a copy, the UID of a message
// that has a record is believed only that it took the copy.
func TestAnnouncedUIDIsTaken(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	p.deliverNear(nametrans.Inbox, letter(10), mirror.Flags{})
	p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
		list, err := m.Append(ctx, batch)
		for i := range list {
			list[i].Target.UID = 1
		}
		return list, err
	}})
	p.sync(mirror.ExitDone)
	p.wrap = nil
	p.settle()
	p.alike()
	if got := p.count(mirror.Far, nametrans.Inbox); got != 4 {
		t.Errorf("far holds %d messages, want 4", got)
	}
	p.servers[mirror.Near].Remove(nametrans.Inbox, p.servers[mirror.Near].Messages(nametrans.Inbox)[3].ID)
	p.settle()
	p.alike()
}

// wholeState fails the test when the intent of a copy goes without its record.
type wholeState struct {
	mirror.State
	p       *pair
	dropped *int
}

func (s wholeState) Commit(c *mirror.Changes) error {
	for _, in := range s.p.snapshot().Intents {
		for _, id := range c.DropIntents {
			if id != in.ID || in.Kind != mirror.CopyIntent {
				continue
			}
			*s.dropped++
			if !recorded(c.Records, in) {
				s.p.t.Errorf("the intent of %s %d is dropped without a record", in.Side, in.Source.UID)
			}
		}
	}
	return s.State.Commit(c)
}

func recorded(records []mirror.Record, in mirror.Intent) bool {
	for _, r := range records {
		if r.Mailbox == in.Mailbox && r.UID[in.Side] == in.Source.UID {
			return true
		}
	}
	return false
}

// TestIntentEndsWithItsRecord: the record of a copy and the end of its intent are
// one transaction. A run that is killed between two would know nothing of flags
// that the copy was stored without, or of a server that changed it.
func TestIntentEndsWithItsRecord(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	p.deliverNear(nametrans.Inbox, letter(10), flags(`\Seen`))
	p.deliverFar(nametrans.Inbox, letter(11), flags(`\Seen`))
	dropped := 0
	p.wrapState = func(s mirror.State) mirror.State { return wholeState{s, p, &dropped} }
	p.settle()
	if dropped != 2 {
		t.Errorf("%d intents ended, want 2", dropped)
	}
}

// TestChangedAndNotShown: a message that a view could not show is looked for
// again, though its mailbox says that nothing changed since.
func TestChangedAndNotShown(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	p.servers[mirror.Far].SetFlags(nametrans.Inbox, 2, flags(`\Flagged`))
	hidden := 0
	p.hook(mirror.Far, &hooks{view: func(_ mirror.Name, v *mirror.View) error {
		v.Changed = slices.DeleteFunc(v.Changed, func(m mirror.KnownMessage) bool {
			if m.UID == 2 {
				hidden++
				v.Unknown = append(v.Unknown, m.Ref)
			}
			return m.UID == 2
		})
		return nil
	}})
	p.sync(mirror.ExitDone)
	if hidden == 0 {
		t.Fatal("nothing was hidden")
	}
	p.wrap = nil
	p.settle()
	p.alike()
}

// TestStateOfAnotherRepository: a state is for its two repositories only.
func TestStateOfAnotherRepository(t *testing.T) {
	t.Parallel()
	p := inStep(t, 1, mirrortest.Options{}, maildirLike())
	for s, names := range [][2]string{{"renamed", "laptop"}, {"server", "renamed"}} {
		r := &mirror.Runner{Names: names, State: p.state, Policy: p.policy, Now: p.clock.Now, Sleep: p.clock.Sleep}
		for _, side := range mirror.Sides {
			r.Repositories[side] = p.servers[side].Repository()
		}
		if _, err := r.Run(bg()); !errors.Is(err, mirror.ErrOtherIdentity) {
			t.Errorf("side %d renamed: got %v, want ErrOtherIdentity", s, err)
		}
	}
}

// TestBreaksWhenSent: a message that makes the server end the connection whenever it
// is sent is kept aside after two tries, and holds up neither other copies nor flags
// and removals. It leaves no intents behind, and passes when the server is mended.
// A side may leave its result out, or say that it is uncertain (IMAP).
func TestBreaksWhenSent(t *testing.T) {
	t.Parallel()
	for i, far := range []mirrortest.Options{{}, {NoUIDPlus: true, NoMove: true}, {}, {NoUIDPlus: true, NoMove: true}} {
		tells := i > 1
		p := inStep(t, 3, far, maildirLike())
		for i := range 5 {
			p.deliverNear(nametrans.Inbox, letter(10+i), mirror.Flags{})
		}
		poison := p.servers[mirror.Near].Messages(nametrans.Inbox)[4].Base
		p.hook(mirror.Far, &hooks{append: func(_ mirror.Name, ctx ctxT, m mirror.Mailbox, batch seqIn) ([]mirror.Appended, error) {
			cut := error(nil)
			var uncertain []mirror.Appended
			list, err := m.Append(ctx, func(yield func(mirror.Incoming) bool) {
				for in := range batch {
					if in.Source.Base == poison {
						if cut = mirror.ErrCut; tells {
							uncertain = append(uncertain, mirror.Appended{Source: in.Source, Err: fmt.Errorf("append: %w", mirror.ErrCut)})
						}
						return
					}
					if !yield(in) {
						return
					}
				}
			})
			return append(list, uncertain...), cmp.Or(cut, err)
		}})
		near := p.servers[mirror.Near]
		near.SetFlags(nametrans.Inbox, near.Messages(nametrans.Inbox)[0].ID, flags(`\Flagged`))
		p.sync(mirror.ExitTemporary)
		p.sync(mirror.ExitTemporary)
		if got := p.count(mirror.Far, nametrans.Inbox); got != 7 {
			t.Errorf("far holds %d messages after two runs, want all but one", got)
		}
		p.sync(mirror.ExitPartly)
		p.quiet()
		if got := p.snapshot(); len(got.Quarantine) != 1 || len(got.Intents) > 2 {
			t.Errorf("got %d kept aside and %d intents, want 1 and its ghosts", len(got.Quarantine), len(got.Intents))
		}
		p.clock.now = p.clock.now.Add(time.Hour)
		p.wrap = nil
		p.settle()
		p.alike()
		if got := p.snapshot().Quarantine; len(got) != 0 {
			t.Errorf("still kept aside: %+v", got)
		}
	}
}
