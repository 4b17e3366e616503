package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// writtenLate tells what is asked of a state that writes late, and when it fails.
type writtenLate struct {
	mirror.State
	events *[]string
	fails  func(mailbox mirror.Name) error
}

func (s writtenLate) Commit(c *mirror.Changes) error {
	if len(c.Intents) > 0 {
		*s.events = append(*s.events, "intents "+c.Intents[0].Mailbox.String())
	} else if len(c.Records) > 0 {
		*s.events = append(*s.events, "records "+c.Records[0].Mailbox.String())
	}
	return s.State.Commit(c)
}

func (s writtenLate) CommitLate(c *mirror.Changes) func() error {
	name := c.Records[0].Mailbox
	*s.events = append(*s.events, "begin "+name.String())
	return func() error {
		*s.events = append(*s.events, "end "+name.String())
		if err := s.fails(name); err != nil {
			return err
		}
		return s.State.Commit(c)
	}
}

// told is a side that tells when it was given a batch.
type told struct {
	mirror.Repository
	events *[]string
	denied mirror.Name // cannot be opened
}

func (r *told) Open(ctx context.Context, name mirror.Name, access mirror.Access, known mirror.Checkpoint) (mirror.Mailbox, error) {
	if name == r.denied {
		return nil, mirror.ErrDenied
	}
	m, err := r.Repository.Open(ctx, name, access, known)
	if err != nil {
		return nil, err
	}
	return &toldMailbox{m, r, name}, nil
}

type toldMailbox struct {
	mirror.Mailbox
	side *told
	name mirror.Name
}

func (m *toldMailbox) Append(ctx context.Context, batch iter.Seq[mirror.Incoming]) ([]mirror.Appended, error) {
	results, err := m.Mailbox.Append(ctx, batch)
	*m.side.events = append(*m.side.events, "sent "+m.name.String())
	return results, err
}

func (m *toldMailbox) Store(ctx context.Context, changes []mirror.FlagChange) ([]mirror.Stored, error) {
	*m.side.events = append(*m.side.events, "flags "+m.name.String())
	return m.Mailbox.Store(ctx, changes)
}

// fourBatches has a new letter in four mailboxes, and tells what is done about them.
func fourBatches(t *testing.T, fails func(mirror.Name) error) (p *pair, events *[]string) {
	p, events = inStep(t, 2, mirrortest.Options{}, maildirLike()), new([]string)
	p.deliverNear(nametrans.Inbox, letter(9), mirror.Flags{})
	p.settle() // and the server was probed
	for i, name := range []string{"A", "B", "C", "D"} {
		p.servers[mirror.Near].CreateMailbox(box(name), "")
		p.deliverNear(box(name), letter(10+i), mirror.Flags{})
	}
	p.wrap = func(s mirror.Side, r mirror.Repository) mirror.Repository {
		if s == mirror.Far {
			return &told{Repository: r, events: events}
		}
		return r
	}
	p.wrapState = func(s mirror.State) mirror.State { return writtenLate{s, events, fails} }
	return p, events
}

// TestRecordsAreWrittenMeanwhile: what a batch showed is written while the one after the
// next is sent, behind that one's intents, and awaited before anything else is written.
func TestRecordsAreWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	p, events := fourBatches(t, func(mirror.Name) error { return nil })
	p.sync(mirror.ExitDone)
	want := []string{
		"intents A", "sent A",
		"intents B", "sent B",
		"intents C", "begin A", "sent C", "end A",
		"intents D", "begin B", "sent D", "end B",
		"records C", "records D",
	}
	if !slices.Equal(*events, want) {
		t.Errorf("got  %q,\nwant %q", *events, want)
	}
	p.wrap, p.wrapState = nil, nil
	p.quiet()
	p.alike()
}

// TestRecordsAreWrittenInTime: they are written before another step begins, and before
// the next intents also where a batch in between was left out.
func TestRecordsAreWrittenInTime(t *testing.T) {
	t.Parallel()
	p, events := fourBatches(t, func(mirror.Name) error { return nil })
	p.servers[mirror.Near].SetFlags(nametrans.Inbox, 1, flags(`\Flagged`))
	p.wrap = func(s mirror.Side, r mirror.Repository) mirror.Repository {
		if s == mirror.Far {
			return &told{r, events, box("B")}
		}
		return r
	}
	p.sync(mirror.ExitPartly)
	want := []string{
		"intents A", "sent A",
		"intents C", "begin A", "sent C", "end A",
		"intents D", "sent D",
		"records C", "records D",
		"flags INBOX", "records INBOX",
	}
	if !slices.Equal(*events, want) {
		t.Errorf("got  %q,\nwant %q", *events, want)
	}
}

// TestRecordsThatWereNotWritten: the run ends where the state cannot be written, though
// that shows late, and the next one finds every copy of the three batches.
func TestRecordsThatWereNotWritten(t *testing.T) {
	t.Parallel()
	for _, failing := range []string{"A", "B"} {
		full := errors.New("no space left on the state's disk")
		p, events := fourBatches(t, func(name mirror.Name) error {
			if name == box(failing) {
				return fmt.Errorf("%w: %w", mirror.ErrFull, full)
			}
			return nil
		})
		if _, err := p.try(); !errors.Is(err, full) {
			t.Errorf("%s: got %v, want %v", failing, err, full)
		}
		p.checkState()
		if sent := slices.Contains(*events, "sent D"); sent != (failing == "B") {
			t.Errorf("%s: got %q, want nothing to be sent behind what was not written", failing, *events)
		}
		p.wrap, p.wrapState = nil, nil
		p.settle()
		p.alike()
		for _, name := range []mirror.Name{box("A"), box("B"), box("C"), box("D")} {
			if n := p.count(mirror.Far, name); n != 1 {
				t.Errorf("%s: far %s holds %d, want 1", failing, name, n)
			}
		}
		if n := p.count(mirror.Far, nametrans.Inbox); n != 3 {
			t.Errorf("%s: far INBOX holds %d, want 3", failing, n)
		}
	}
}
