package mirror

import (
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
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

// manyRecords is a state with records that look alike: one in Archive, the others in a
// mailbox that is not mirrored.
type manyRecords struct {
	State
	records int
	message Message
}

func (s manyRecords) Alike(Side, Message) (list []Record, _ error) {
	for i := range s.records {
		list = append(list, Record{Mailbox: []Name{"Archive", "Hidden"}[min(i, 1)], UID: [2]UID{UID(i + 1), UID(i + 1)}})
	}
	return list, nil
}

func (s manyRecords) MessagesIn(_ Side, _ Name, set imap.UIDSet) ([]Message, error) {
	m := s.message
	m.UID = set[0].Start
	return []Message{m}, nil
}

// TestTooManyRecords: where the state may know of more that look alike than it told,
// nobody can say which of them is the donor.
func TestTooManyRecords(t *testing.T) {
	m := Message{Ref: Ref{UID: 9}, Size: 1000, Date: time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)}
	for records, want := range map[int]int{MaxAlike - 1: 1, MaxAlike: 0} {
		x := &run{Runner: &Runner{State: manyRecords{records: records, message: m}}}
		f := &donorFinder{run: x, from: Far, to: Near, actions: []Action{{Kind: Copy, Side: Near, Mailbox: "Later", Message: m}}}
		for _, name := range []Name{"Archive", "Hidden", "Later"} {
			b := &box{name: name, count: 1, hidden: name == "Hidden"}
			b.sides[Near].listed = &Listed{Name: name}
			f.boxes = append(f.boxes, b)
		}
		if err := f.gather(); err != nil || len(f.families) != want {
			t.Errorf("%d records: got %d families, %v; want %d", records, len(f.families), err, want)
		}
	}
}
