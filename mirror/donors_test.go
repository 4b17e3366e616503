package mirror

import (
	"testing"
	"time"
)

// Letters of the tests are small.
func init() { donorOctets = 100 }

// noRecords is a state that knows of no message that looks alike.
type noRecords struct {
	State
	asked int
}

func (s *noRecords) Alike(Side, Message) ([]Record, error) {
	s.asked++
	return nil, nil
}

// TestNothingHeld: of a million messages that are paired, or copied without another one
// that looks alike, nothing is held for the sake of donors.
func TestNothingHeld(t *testing.T) {
	const messages = 1000
	state := &noRecords{}
	x := &run{Runner: &Runner{State: state}}
	f := &donorFinder{run: x, boxes: []*box{{name: "Archive", count: 1}}, from: Far, to: Near}
	date := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	for i := range messages {
		m := Message{Ref: Ref{UID: UID(i + 1)}, Size: int64(1000 + i%500), Date: date}
		f.actions = append(f.actions, Action{Kind: Pair, Mailbox: "Archive", Message: m, Partner: &m})
		m.Size = int64(10_000 + i)
		f.actions = append(f.actions, Action{Kind: Copy, Side: Near, Mailbox: "Archive", Message: m})
	}
	if err := f.gather(); err != nil || len(f.families) != 0 {
		t.Errorf("got %d families, %v; want none", len(f.families), err)
	}
	if state.asked != messages {
		t.Errorf("the state was asked %d times, want %d, once for each copy", state.asked, messages)
	}
}
