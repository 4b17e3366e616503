package mirrortest

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// agree compares what s gives of a mailbox in parts, and of set, with the whole.
func agree(t failer, s mirror.State, name mirror.Name, set imap.UIDSet) {
	t.Helper()
	records := must(s.Records(name))(t)
	for _, side := range mirror.Sides {
		messages := must(s.Messages(side, name))(t)
		var known []mirror.KnownMessage
		var last imap.UID
		for _, m := range messages {
			known, last = append(known, mirror.KnownMessage{Ref: m.Ref, Flags: m.Flags}), m.UID
		}
		count, highest, err := s.Rows(side, name)
		if err != nil || count != len(messages) || highest != last {
			t.Errorf("%s %s: got %d rows up to UID %d, error %v; want %d up to %d", side, name, count, highest, err, len(messages), last)
		}
		equal(t, "known", must(s.Known(side, name))(t), known)
		equal(t, "messages in "+set.String(), must(s.MessagesIn(side, name, set))(t), within(messages, set, func(m mirror.Message) imap.UID { return m.UID }))
		slices.SortFunc(records, func(a, b mirror.Record) int { return cmp.Compare(a.UID[side], b.UID[side]) })
		equal(t, "records in "+set.String(), must(s.RecordsIn(side, name, set))(t), within(records, set, func(r mirror.Record) imap.UID { return r.UID[side] }))
	}
}

// must returns what unwraps a result.
func must[T any](v T, err error) func(failer) T {
	return func(t failer) T {
		t.Helper()
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		return v
	}
}

// within returns those of list whose UIDs are in set.
func within[E any](list []E, set imap.UIDSet, uid func(E) imap.UID) (in []E) {
	for _, e := range list {
		if set.Contains(uid(e)) {
			in = append(in, e)
		}
	}
	return in
}

func equal[E any](t failer, what string, got, want []E) {
	t.Helper()
	if !reflect.DeepEqual(orNil(got), orNil(want)) {
		t.Errorf("%s: got %.1500s, want %.1500s", what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

// testStateRows: how many messages there are follows what is put and dropped.
func testStateRows(t *testing.T, d *stateDesk) {
	want := func(side mirror.Side, count int, last imap.UID) {
		t.Helper()
		if n, uid, err := d.Rows(side, suiteBox); err != nil || n != count || uid != last {
			t.Errorf("%s: got %d rows up to UID %d, error %v; want %d up to %d", side, n, uid, err, count, last)
		}
		if list, err := d.Known(side, suiteBox); err != nil || len(list) != count {
			t.Errorf("%s: got %v known, error %v; want %d", side, list, err, count)
		}
	}
	want(mirror.Far, 0, 0) // without a row
	d.commit(t, mirror.Changes{Mailboxes: []mirror.MailboxRow{row(mirror.Far, suiteBox), row(mirror.Near, suiteBox), row(mirror.Far, suiteOther)},
		Messages: []mirror.MessageRow{small(mirror.Far, suiteOther, 9)}})
	want(mirror.Far, 0, 0)
	d.commit(t, mirror.Changes{Messages: []mirror.MessageRow{small(mirror.Far, suiteBox, 3), small(mirror.Far, suiteBox, math.MaxUint32), small(mirror.Near, suiteBox, 1)}})
	want(mirror.Far, 2, math.MaxUint32)
	want(mirror.Near, 1, 1)
	d.State = d.reopen()
	want(mirror.Far, 2, math.MaxUint32)
	d.commit(t, mirror.Changes{DropMessages: []mirror.MessageKey{{Mailbox: suiteBox, UID: math.MaxUint32}}})
	want(mirror.Far, 1, 3)
}

// testStateWithin: of what has one of the UIDs asked for, all is given, by UID on
// that side, and nothing else.
func testStateWithin(t *testing.T, d *stateDesk) {
	uids := []imap.UID{1, 3, 5, 6, 9, math.MaxUint32}
	var c mirror.Changes
	for _, name := range []mirror.Name{suiteBox, suiteOther} {
		c.Mailboxes = append(c.Mailboxes, row(mirror.Far, name), row(mirror.Near, name))
		for i, uid := range uids {
			// The last on one side is the first on the other.
			c.Messages = append(c.Messages, small(mirror.Far, name, uid), small(mirror.Near, name, uid))
			c.Records = append(c.Records, record(name, uid, uids[len(uids)-1-i]))
		}
	}
	d.commit(t, c)
	for _, c := range []struct {
		set  imap.UIDSet
		want []imap.UID
	}{
		{nil, nil},
		{imap.UIDSet{}, nil},
		{imap.UIDSetNum(3), uids[1:2]},
		{imap.UIDSetNum(4), nil},
		{imap.UIDSetNum(2, 4, 7), nil},
		{imap.UIDSetNum(1, 6, 7, math.MaxUint32), []imap.UID{1, 6, math.MaxUint32}},
		{imap.UIDSet{{Start: 1, Stop: 4}}, uids[:2]},
		{imap.UIDSet{{Start: 2, Stop: 5}, {Start: 7, Stop: 9}}, []imap.UID{3, 5, 9}},
		{imap.UIDSet{{Start: 6, Stop: math.MaxUint32}}, uids[3:]},
		{imap.UIDSet{{Start: 10, Stop: math.MaxUint32 - 1}}, nil},
		{every, uids},
	} {
		for _, side := range mirror.Sides {
			testWithin(t, d, side, c.set, c.want)
		}
	}
	for _, side := range mirror.Sides {
		if messages, err := d.MessagesIn(side, suiteChild, every); err != nil || len(messages) > 0 {
			t.Errorf("got %v, error %v; want no message of a mailbox without a row", messages, err)
		}
		if records, err := d.RecordsIn(side, suiteChild, every); err != nil || len(records) > 0 {
			t.Errorf("got %v, error %v; want no record of a mailbox without a row", records, err)
		}
	}
}

func testWithin(t *testing.T, d *stateDesk, side mirror.Side, set imap.UIDSet, want []imap.UID) {
	t.Helper()
	var messages, records []imap.UID
	for _, m := range must(d.MessagesIn(side, suiteBox, set))(t) {
		messages = append(messages, m.UID)
	}
	for _, r := range must(d.RecordsIn(side, suiteBox, set))(t) {
		records = append(records, r.UID[side])
	}
	equal(t, fmt.Sprintf("%s messages in %v", side, set), messages, want)
	equal(t, fmt.Sprintf("%s records in %v", side, set), records, want)
}
