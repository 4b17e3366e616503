package mirror_test

import (
	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// strict holds a run to what mirror.LateCommitter asks of it: nothing is asked of the
// state before a transaction under way was awaited, that exactly once.
type strict struct {
	mirror.LateCommitter
	t        tester
	underway bool
}

// strictly puts strict around a state that can write late.
func strictly(t tester, s mirror.State) mirror.State {
	if late, ok := s.(mirror.LateCommitter); ok {
		return &strict{LateCommitter: late, t: t}
	}
	return s
}

func (s *strict) ask(what string) {
	if s.underway {
		s.t.Errorf("%s is asked of the state while a transaction is under way", what)
	}
}

func (s *strict) Load() (mirror.Snapshot, error) {
	s.ask("Load")
	return s.LateCommitter.Load()
}

func (s *strict) Messages(side mirror.Side, mailbox mirror.Name) ([]mirror.Message, error) {
	s.ask("Messages")
	return s.LateCommitter.Messages(side, mailbox)
}

func (s *strict) Records(mailbox mirror.Name) ([]mirror.Record, error) {
	s.ask("Records")
	return s.LateCommitter.Records(mailbox)
}

func (s *strict) Rows(side mirror.Side, mailbox mirror.Name) (int, mirror.UID, error) {
	s.ask("Rows")
	return s.LateCommitter.Rows(side, mailbox)
}

func (s *strict) Known(side mirror.Side, mailbox mirror.Name) ([]mirror.KnownMessage, error) {
	s.ask("Known")
	return s.LateCommitter.Known(side, mailbox)
}

func (s *strict) MessagesIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) ([]mirror.Message, error) {
	s.ask("MessagesIn")
	return s.LateCommitter.MessagesIn(side, mailbox, set)
}

func (s *strict) RecordsIn(side mirror.Side, mailbox mirror.Name, set imap.UIDSet) ([]mirror.Record, error) {
	s.ask("RecordsIn")
	return s.LateCommitter.RecordsIn(side, mailbox, set)
}

func (s *strict) Alike(side mirror.Side, m mirror.Message) ([]mirror.Record, error) {
	s.ask("Alike")
	return s.LateCommitter.Alike(side, m)
}

func (s *strict) Counts() (map[mirror.Name]int, error) {
	s.ask("Counts")
	return s.LateCommitter.Counts()
}

func (s *strict) Commit(c *mirror.Changes) error {
	s.ask("Commit")
	return s.LateCommitter.Commit(c)
}

func (s *strict) CommitLate(c *mirror.Changes) func() error {
	s.ask("CommitLate")
	wait := s.LateCommitter.CommitLate(c)
	s.underway = true
	return func() error {
		if !s.underway {
			s.t.Errorf("a transaction is awaited twice")
		}
		s.underway = false
		return wait()
	}
}

// ended fails the test when a run left a transaction behind.
func (s *strict) ended() { s.ask("the end of the run") }
