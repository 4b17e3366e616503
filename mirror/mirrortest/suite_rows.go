package mirrortest

import (
	"math"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// row makes a mailbox row.
func row(side mirror.Side, name mirror.Name) mirror.MailboxRow {
	return mirror.MailboxRow{Side: side, Name: name}
}

// small makes a message row with a UID and nothing else.
func small(side mirror.Side, name mirror.Name, uid imap.UID) mirror.MessageRow {
	return mirror.MessageRow{Side: side, Mailbox: name, Message: mirror.Message{Ref: mirror.Ref{UID: uid}}}
}

func key(m mirror.MessageRow) mirror.MessageKey {
	return mirror.MessageKey{Side: m.Side, Mailbox: m.Mailbox, UID: m.UID}
}

func record(name mirror.Name, far, near imap.UID) mirror.Record {
	return mirror.Record{Mailbox: name, UID: [2]imap.UID{far, near}}
}

// everything fills every table and every field, with the largest values.
func everything() mirror.Changes {
	digest := func(b byte) (d mirror.Digest) {
		for i := range d {
			d[i] = b
		}
		return d
	}
	first := mirror.Message{Ref: mirror.Ref{UID: math.MaxUint32}, Flags: mirror.MakeFlags(imap.FlagSeen, "$Forwarded", "Custom"),
		Size: 1 << 40, Date: afterNoon(0), Identity: mirror.Identity{Header: digest(1), Key: digest(2), Decisive: true, Body: digest(3),
			Exact: digest(4), Form: mirror.AsIs, ObjectID: "M\"1"}}
	second := mirror.Message{Ref: mirror.Ref{UID: 1, Base: "1700000000.M1P1.h\xffst"}, Date: afterNoon(-40 * 365 * 24 * time.Hour), Size: 1,
		Identity: mirror.Identity{Form: mirror.LF}}
	return mirror.Changes{
		Sides: []mirror.SideChange{
			{Side: mirror.Far, Row: mirror.SideRow{Repository: "work", Identity: "ann@example.org", Trash: suiteChild, Bytes: mirror.ChangesBytes, Memory: "IMAP4rev1", Quiet: true, Pause: time.Minute, PauseUntil: afterNoon(0)}},
			{Side: mirror.Near, Row: mirror.SideRow{Repository: "laptop", Identity: "id", Bytes: mirror.KeepsBytes}}},
		Mailboxes: []mirror.MailboxRow{
			{Side: mirror.Far, Name: suiteChild, Role: imap.MailboxAttrTrash, Subscribed: true, Checkpoint: mirror.Checkpoint{
				UIDValidity: math.MaxUint32, UIDNext: math.MaxUint32, HighestModSeq: math.MaxInt64, Messages: math.MaxUint32}},
			{Side: mirror.Near, Name: suiteChild, Checkpoint: mirror.Checkpoint{UIDValidity: 1, Stamps: "1.2 3.4\x00"}, Compared: afterNoon(0), AtRest: true}},
		Messages: []mirror.MessageRow{{Side: mirror.Far, Mailbox: suiteChild, Message: first}, {Side: mirror.Near, Mailbox: suiteChild, Message: second},
			small(mirror.Near, suiteChild, 2)},
		Records: []mirror.Record{{Mailbox: suiteChild, UID: [2]imap.UID{math.MaxUint32, 1}, Base: [2]mirror.Flags{first.Flags, mirror.MakeFlags("$A", imap.FlagDraft)},
			Masked: [2]mirror.Flags{mirror.MakeFlags("Custom"), mirror.MakeFlags("$A")}, State: [2]mirror.Confirmation{mirror.Held, mirror.Unconfirmed}, Altered: true}},
		Intents: []*mirror.Intent{{Kind: mirror.CopyIntent, Side: mirror.Near, Mailbox: suiteChild, Source: second.Ref, Size: 1 << 40, Date: afterNoon(0), Target: suiteBox,
			TargetUIDValidity: math.MaxUint32, TargetUIDNext: math.MaxUint32, Reserved: mirror.Ref{UID: 9, Base: "\xfe"}, Accepted: true, Created: afterNoon(time.Hour)},
			{Kind: mirror.GhostIntent, Mailbox: suiteBox, Source: mirror.Ref{UID: 5}, Target: suiteBox}},
		Tombs: []mirror.Tomb{{Side: mirror.Far, Mailbox: suiteChild, UID: 77, Since: afterNoon(0)}},
		Quarantine: []mirror.Quarantined{{Side: mirror.Near, Mailbox: suiteChild, UID: 2, Reason: "NO \"ü\"\x01 no",
			Since: afterNoon(0), Tries: 3, Next: afterNoon(time.Hour)}},
		Run: &mirror.RunRow{Start: afterNoon(0), End: afterNoon(time.Minute), Exit: 3, Settings: "two-way", Summary: mirror.Summary{Created: [2]int{1, 2}, Copied: [2]int{3, 4},
			Octets: [2]int64{1 << 40, 6}, Moved: [2]int{7, 8}, Flagged: [2]int{9, 10}, Removed: [2]int{11, 12}, Pending: [2]int{13, 14},
			Paired: 15, Fetched: 16, Failed: 17, Held: 18, Ghosts: 19}},
	}
}

func afterNoon(d time.Duration) time.Time { return time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC).Add(d) }
