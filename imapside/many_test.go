package imapside_test

import (
	"fmt"
	"testing"

	"mailtwin/imapside"
	"mailtwin/internal/servers"
	"mailtwin/mirror"
)

// TestManyMessages uses sets of UIDs that take more than one command line, on
// a server that works on several commands at a time.
func TestManyMessages(t *testing.T) {
	const count = 3500 // every second one of these takes more than 8,000 octets
	for name, opts := range map[string]servers.Options{
		"all":             {},
		"UIDPLUS":         {Capability: "IMAP4rev1 LITERAL+ UIDPLUS"},
		"IMAP4rev1 alone": {Capability: "IMAP4rev1 LITERAL+"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Extra = "mail_fsync = never\n"
			server := servers.Need(t, opts)
			r := imapside.New(newAccount(server, opts).options(t))
			defer r.Close()
			traits, err := r.Connect(t.Context(), mirror.Visit{Access: mirror.ReadWrite})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []mirror.Name{box, "Target"} {
				if err := r.Create(t.Context(), name, ""); err != nil {
					t.Fatal(err)
				}
			}
			target, err := r.Open(t.Context(), "Target", mirror.ReadWrite, mirror.Checkpoint{})
			if err != nil {
				t.Fatal(err)
			}
			m := open(t, r, mirror.Checkpoint{})
			fill(t, m, count)
			odd, even := everySecond(count)

			var moves []mirror.Move
			for _, ref := range odd {
				moves = append(moves, mirror.Move{Ref: ref})
			}
			moved, err := m.Move(t.Context(), moves, "Target")
			if err != nil || len(moved) != len(odd) {
				t.Fatalf("move: got %d results, %v; want %d", len(moved), err, len(odd))
			}
			for i, r := range moved {
				if r.Err != nil || r.From != odd[i] || r.Pending == traits.UIDPlus || (traits.UIDPlus && r.To.UID != mirror.UID(i+1)) {
					t.Fatalf("move %d: got %+v", i, r)
				}
			}
			if v, err := target.View(t.Context(), mirror.Known{}); err != nil || v.Total != len(odd) {
				t.Errorf("got %d messages in the target, %v; want %d", v.Total, err, len(odd))
			}
			removed, err := m.Remove(t.Context(), even, false)
			if err != nil || len(removed) != len(even) {
				t.Fatalf("remove: got %d results, %v; want %d", len(removed), err, len(even))
			}
			for i, r := range removed {
				if r.Err != nil || r.Pending == traits.UIDPlus {
					t.Fatalf("remove %d: got %+v", i, r)
				}
			}
			want := 0
			if traits.UIDPlus {
				want = len(even)
			}
			if absent, err := m.Absent(t.Context(), even); err != nil || len(absent) != want {
				t.Errorf("absent: got %d, %v; want %d", len(absent), err, want)
			}
		})
	}
}

// fill appends count small messages, numbered from 1 on.
func fill(t *testing.T, m mirror.Mailbox, count int) {
	t.Helper()
	results, err := m.Append(t.Context(), func(yield func(mirror.Incoming) bool) {
		for i := range count {
			if !yield(incoming("", fmt.Sprintf("Message-ID: <%d@example.org>\r\n\r\n", i))) {
				return
			}
		}
	})
	if err != nil || len(results) != count {
		t.Fatalf("append: got %d results, %v; want %d", len(results), err, count)
	}
}

func everySecond(count int) (odd, even []mirror.Ref) {
	for uid := 1; uid <= count; uid += 2 {
		odd = append(odd, mirror.Ref{UID: mirror.UID(uid)})
		even = append(even, mirror.Ref{UID: mirror.UID(uid + 1)})
	}
	return odd, even
}
