package mirrortest

import (
	"bytes"
	"testing"
	"time"

	"mailtwin/mirror"
)

// memoryFixture is a Server as a fixture.
func memoryFixture(s *Server) Fixture {
	id := func(mailbox mirror.Name, ref mirror.Ref) (found Held) {
		for _, m := range s.Messages(mailbox) {
			if s.options.Maildir && m.Base == ref.Base || !s.options.Maildir && m.ID == ref.UID {
				found = m
			}
		}
		return found
	}
	f := Fixture{
		Session: func(*testing.T) mirror.Repository { return s.Repository() },
		Deliver: func(_ *testing.T, mailbox mirror.Name, body []byte, flags mirror.Flags, date time.Time) {
			s.Deliver(mailbox, body, flags, date)
		},
		SetFlags: func(_ *testing.T, mailbox mirror.Name, ref mirror.Ref, flags mirror.Flags) {
			s.SetFlags(mailbox, id(mailbox, ref).ID, flags)
		},
		Remove: func(_ *testing.T, mailbox mirror.Name, ref mirror.Ref) { s.Remove(mailbox, id(mailbox, ref).ID) },
		Recreate: func(_ *testing.T, mailbox mirror.Name) {
			s.DeleteMailbox(mailbox)
			s.CreateMailbox(mailbox, "")
		},
		Lies: s.options.Announce != nil,
	}
	if s.options.Maildir {
		f.Recreate = nil
	}
	if alter := s.options.Alter; alter != nil {
		f.Alters = func(body []byte) bool { return !bytes.Equal(alter(body), body) }
	}
	return f
}

// memories are the kinds of store that must pass the suite. The quirks that it
// exists to find are not among them.
var memories = map[string]Options{
	"imap":           {},
	"imap, gaps":     {Gap: 5, ObjectIDs: true},
	"imap, bare":     {NoUIDPlus: true, NoMove: true, NoModSeq: true, NoListStatus: true, NoRoles: true},
	"imap, MOVE":     {NoUIDPlus: true},
	"imap, UIDPLUS":  {NoMove: true},
	"imap, no words": {Keeps: &mirror.Storable{Flags: mirror.MakeFlags(`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$Forwarded")}},
	"imap, alters":   {Alter: MendLines, Announce: func(body []byte) int64 { return int64(len(body)) + 3 }},
	"imap, stale":    {Stale: true},
	"maildir":        {Maildir: true},
}

func TestMemory(t *testing.T) {
	for name, options := range memories {
		t.Run(name, func(t *testing.T) {
			Repository(t, func(t *testing.T) Fixture {
				t.Parallel()
				return memoryFixture(NewServer(options))
			})
		})
	}
}

// TestFaultIsTransparent: as long as it does not stop, a Fault changes
// nothing.
func TestFaultIsTransparent(t *testing.T) {
	kinds(t, Options{}, func(t *testing.T, o Options) {
		Repository(t, func(t *testing.T) Fixture {
			t.Parallel()
			f := memoryFixture(NewServer(o))
			inner, fault := f.Session, NewFault(0, Before)
			f.Session = func(t *testing.T) mirror.Repository { return fault.Repository(inner(t)) }
			return f
		})
	})
}
