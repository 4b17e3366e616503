package mirrortest

import (
	"errors"
	"strings"
	"testing"

	"mailtwin/mirror"
)

func memoryState(*testing.T) (mirror.State, func() mirror.State) {
	s := NewState()
	return s, func() mirror.State {
		s = s.Clone()
		return s
	}
}

func TestState(t *testing.T) {
	StateSuite(t, memoryState)
}

// TestFaultyState: as long as it does not stop, a Fault changes nothing.
func TestFaultyState(t *testing.T) {
	StateSuite(t, func(t *testing.T) (mirror.State, func() mirror.State) {
		s, reopen := memoryState(t)
		fault := NewFault(0, Before)
		return fault.State(s), func() mirror.State { return fault.State(reopen()) }
	})
}

// TestStateCheck: every invariant is found broken when it is.
func TestStateCheck(t *testing.T) {
	cases := map[string]mirror.Changes{
		"record-masked": {Records: []mirror.Record{{Mailbox: suiteBox, UID: [2]mirror.UID{1, 2}, Masked: [2]mirror.Flags{mirror.MakeFlags("$A")}}}},
		"at-rest": {Mailboxes: []mirror.MailboxRow{{Side: mirror.Near, Name: suiteBox, AtRest: true}},
			Messages: []mirror.MessageRow{{Side: mirror.Near, Mailbox: suiteBox, Message: mirror.Message{Ref: mirror.Ref{UID: 1}, Flags: mirror.MakeFlags("$A")}}}},
		"message-base": {Messages: []mirror.MessageRow{
			{Mailbox: suiteBox, Message: mirror.Message{Ref: mirror.Ref{UID: 8, Base: "x"}}},
			{Mailbox: suiteBox, Message: mirror.Message{Ref: mirror.Ref{UID: 9, Base: "x"}}}}},
		"intent-source":      {Intents: []*mirror.Intent{{Kind: mirror.MoveIntent, Mailbox: suiteBox, Source: mirror.Ref{UID: 9, Base: "x"}}}},
		"tomb-record":        {Tombs: []mirror.Tomb{{Side: mirror.Near, Mailbox: suiteBox, UID: 1}}},
		"quarantine-record":  {Quarantine: []mirror.Quarantined{{Side: mirror.Near, Mailbox: suiteBox, UID: 1}}},
		"quarantine-message": {Quarantine: []mirror.Quarantined{{Side: mirror.Near, Mailbox: suiteBox, UID: 9}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := NewState()
			first := twoMailboxes()
			if err := errors.Join(s.Commit(&first), s.Check()); err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(&c); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want %s named", err, name)
			}
		})
	}
}

func TestStateCommits(t *testing.T) {
	s := NewState()
	for _, c := range []mirror.Changes{{}, {Mailboxes: []mirror.MailboxRow{row(mirror.Far, suiteBox)}}, {}, {DropIntents: []int64{3}}} {
		if err := s.Commit(&c); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Commits(); got != 2 {
		t.Errorf("got %d commits that wrote, want 2", got)
	}
	if clone := s.Clone(); clone.Commits() != 2 {
		t.Errorf("got %d commits in the clone, want 2", clone.Commits())
	}
}
