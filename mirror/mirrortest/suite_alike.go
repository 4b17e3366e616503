package mirrortest

import (
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// testStateAlike: a record is found by the object id of its message or, where that has
// none, by size and date, on each side by what the message there has.
func testStateAlike(t *testing.T, d *stateDesk) {
	date := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	put := func(uid imap.UID, far, near mirror.Message) mirror.Changes {
		far.UID, near.UID = uid, uid+100
		messages := []mirror.MessageRow{{Side: mirror.Far, Mailbox: suiteBox, Message: far}, {Side: mirror.Near, Mailbox: suiteBox, Message: near}}
		return mirror.Changes{Messages: messages, Records: []mirror.Record{record(suiteBox, uid, uid+100)}}
	}
	large := mirror.Message{Size: mirror.DonorOctets, Date: date}
	larger := mirror.Message{Size: mirror.DonorOctets + 1, Date: date}
	later := mirror.Message{Size: mirror.DonorOctets, Date: date.Add(time.Second)}
	object := mirror.Message{Size: 10, Date: date, Identity: mirror.Identity{ObjectID: "M1"}}
	other := mirror.Message{Size: 10, Date: date, Identity: mirror.Identity{ObjectID: "M2"}}
	d.commit(t, mirror.Changes{Mailboxes: []mirror.MailboxRow{row(mirror.Far, suiteBox), row(mirror.Near, suiteBox)}})
	d.commit(t, put(1, large, large))
	d.commit(t, put(2, object, large))
	d.commit(t, put(3, larger, later))
	want := func(side mirror.Side, m mirror.Message, uids ...imap.UID) {
		t.Helper()
		var got []imap.UID
		for _, r := range must(d.Alike(side, m))(t) {
			list := must(d.MessagesIn(side, suiteBox, imap.UIDSetNum(r.UID[side])))(t)
			if r.Mailbox != suiteBox || len(list) != 1 {
				t.Fatalf("got a record %v that leads to %v", r, list)
			}
			if is := list[0]; is.Size == m.Size && is.Date.Equal(m.Date) && is.Identity.ObjectID == m.Identity.ObjectID {
				got = append(got, r.UID[mirror.Far])
			}
		}
		slices.Sort(got)
		equal(t, "alike", got, uids)
	}
	check := func() {
		t.Helper()
		want(mirror.Far, large, 1)
		want(mirror.Near, large, 1, 2)
		want(mirror.Far, object, 2)
		want(mirror.Far, other)
		want(mirror.Far, larger, 3)
		want(mirror.Near, later, 3)
		want(mirror.Near, object)
	}
	check()
	d.commit(t, put(1, large, large)) // once more
	d.State = d.reopen()
	check()
	d.commit(t, mirror.Changes{DropRecords: []mirror.RecordKey{{Mailbox: suiteBox, UID: [2]imap.UID{2, 102}}}})
	want(mirror.Near, large, 1)
	want(mirror.Far, object)
	d.commit(t, put(4, object, object))
	want(mirror.Far, object, 4)
	want(mirror.Near, object, 4)
	d.commit(t, mirror.Changes{Forget: []mirror.MailboxKey{{Side: mirror.Near, Name: suiteBox}}})
	want(mirror.Far, large)
	want(mirror.Far, object)
}
