package mirrortest

import (
	"testing"
	"time"

	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// Fixture is a repository under test and the hands of somebody else in it. It
// holds none of the mailboxes "Suite", "Suite Other" and "Suite Ünïted" yet;
// what else is in it does not matter.
type Fixture struct {
	// Session returns a new session, not connected. The suite closes it.
	Session func(t *testing.T) mirror.Repository

	// Deliver, SetFlags and Remove act on the repository by other means than
	// mirror.Repository. body has CRLF line ends; a Maildir may keep it with
	// LF. ref is what a view called the message; flags replace its flags.
	Deliver  func(t *testing.T, mailbox mirror.Name, body []byte, flags mirror.Flags, date time.Time)
	SetFlags func(t *testing.T, mailbox mirror.Name, ref mirror.Ref, flags mirror.Flags)
	Remove   func(t *testing.T, mailbox mirror.Name, ref mirror.Ref)

	// Recreate deletes a mailbox and makes it anew under another UIDVALIDITY;
	// nil where there is no such thing.
	Recreate func(t *testing.T, mailbox mirror.Name)
	// Settle lets marks of changes come of age (a Maildir's stamps are trusted
	// only when they are older than the clock's grain); nil where none do.
	Settle func(t *testing.T)

	// Alters says which bodies are known not to come back as they were sent;
	// nil: all do. It is given travelling octets.
	Alters func(body []byte) bool
	// Lies says that announced sizes are the repository's own.
	Lies bool
}

var (
	suiteBox     = nametrans.MustName("Suite")
	suiteBelow   = nametrans.MustName("Suite", "below")
	suiteRenamed = nametrans.MustName("Suite renamed", "under", "another")
	suiteOther   = nametrans.MustName("Suite Other")
	suiteChild   = nametrans.MustName("Suite Ünïted", "R&D", "go-nuts")
)

// suiteDate is in a zone of its own, which need not be kept.
var suiteDate = time.Date(2019, 10, 27, 2, 30, 15, 0, time.FixedZone("", -7*3600))

// Repository runs the conformance suite of mirror.Repository. open is called
// once a test and returns a fresh fixture; it may call t.Parallel.
func Repository(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, d *desk)
	}{
		{"Identity", testIdentity},
		{"Create", testCreate},
		{"Subscribe", testSubscribe},
		{"Missing mailbox", testMissingMailbox},
		{"Rename mailbox", testRename},
		{"Delete mailbox", testDelete},
		{"Empty mailbox", testEmptyMailbox},
		{"Bodies", testBodies},
		{"Forms", testForms},
		{"Batch", testBatch},
		{"Reserve", testReserve},
		{"Short body", testShortBody},
		{"Missing messages", testMissingMessages},
		{"Sink error", testSinkError},
		{"Reading marks nothing", testReadingMarksNothing},
		{"Store", testStore},
		{"Keywords", testKeywords},
		{"Move", testMove},
		{"Copy", testCopy},
		{"Remove", testRemove},
		{"Remove kept", testRemoveKept},
		{"Absent", testAbsent},
		{"Others' changes", testOthersChanges},
		{"Numbers stay", testNumbersStay},
		{"Recreated", testRecreated},
		{"Unchanged", testUnchanged},
		{"Status before effects", testStatusBeforeEffects},
		{"Read-only", testReadOnly},
		{"Cancelled", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newDesk(t, open(t))) })
	}
}
