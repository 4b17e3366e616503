package mirrortest

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// testCopy: a copy has the donor's octets and the flags and the date that were asked for;
// the donor stays as it was. What is not there, or not what it was, is not copied, nor on a
// server what is marked \Deleted.
func testCopy(t *testing.T, d *desk) {
	from, list := d.fill(t, suiteBox, 6)
	to := d.make(t, suiteChild)
	to.view(t)
	flagged, seen, answered := mirror.MakeFlags(imap.FlagFlagged), mirror.MakeFlags(imap.FlagSeen), mirror.MakeFlags(imap.FlagAnswered)
	deleted := mirror.MakeFlags(imap.FlagDeleted)
	from.store(t, mirror.FlagChange{Ref: list[0].Ref, Add: flagged}, mirror.FlagChange{Ref: list[2].Ref, Add: answered},
		mirror.FlagChange{Ref: list[4].Ref, Add: deleted})
	date := suiteDate
	if !d.traits.Numbers {
		date = date.AddDate(0, 0, 1)
	}
	elsewhere, other, another := list[1], list[3], list[5]
	elsewhere.Ref = nowhere()
	other.Date = other.Date.Add(-time.Hour) // no such message of a server
	other.Identity.Exact = mirror.Digest{1} // no such file
	another.Size++
	another.Identity.Exact = mirror.Digest{1}
	donors := []mirror.Message{list[0], elsewhere, list[2], other, list[1], list[4], another}
	want := []mirror.Flags{seen, seen, answered, seen, {}, {}, {}}
	refusals := map[int]error{1: mirror.ErrGone, 3: mirror.ErrGone, 6: mirror.ErrGone}
	if d.traits.Numbers {
		refusals[5] = mirror.ErrRefused // the copy would be marked for a moment
	}
	reserved := to.Reserve(len(donors))
	var copies []mirror.Copying
	for i := range donors {
		copies = append(copies, mirror.Copying{Donor: donors[i], Reserved: reserved[i], Flags: want[i], Date: date})
	}
	results, err := from.Copy(t.Context(), copies, suiteChild)
	if !d.traits.Copies {
		if !errors.Is(err, mirror.ErrNotDone) || len(results) != 0 || len(to.view(t).New) != 0 {
			t.Errorf("got %v, %v; want %v of a side that cannot copy", results, err, mirror.ErrNotDone)
		}
		return
	}
	if err != nil || len(results) != len(copies) {
		t.Fatalf("got %d results and %v, want %d", len(results), err, len(copies))
	}
	arrived := to.view(t).New
	if want := len(copies) - len(refusals); len(arrived) != want {
		t.Errorf("got %d messages in the target, want %d", len(arrived), want)
	}
	for i, r := range results {
		if r.From != donors[i].Ref {
			t.Errorf("result %d: got one of %v, want %v", i, r.From, donors[i].Ref)
		}
		if want := refusals[i]; want != nil {
			if !errors.Is(r.Err, mirror.ErrNotDone) || !errors.Is(r.Err, want) {
				t.Errorf("result %d: got %v, want %v, %v", i, r.Err, mirror.ErrNotDone, want)
			}
			continue
		}
		if r.Err != nil || !r.Flags.Equal(want[i]) || !slices.Contains(refsOf(arrived), r.To) {
			t.Fatalf("result %d: got %v, flags %s, %v; want one of %v with %s", i, r.To, r.Flags, r.Err, refsOf(arrived), want[i])
		}
		m := to.messages[r.To.UID]
		if !m.Flags.Equal(want[i]) || !m.Date.Equal(date) {
			t.Errorf("result %d: got flags %s and date %v, want %s and %v", i, m.Flags, m.Date, want[i], date)
		}
		body, form := to.read(t, r.To)
		if donor, was := from.read(t, donors[i].Ref); !bytes.Equal(body, donor) || form != was {
			t.Errorf("result %d: got %q in form %v, want %q in form %v", i, body, form, donor, was)
		}
	}
	from.view(t)
	for i, flags := range []mirror.Flags{flagged, {}, answered, {}, deleted, {}} {
		if m, there := from.messages[list[i].UID]; !there || !m.Flags.Equal(flags) {
			t.Errorf("donor %d: got it there %v with flags %s, want %s", i, there, m.Flags, flags)
		}
	}
	if _, err := from.Copy(t.Context(), copies[:1], suiteBox); !errors.Is(err, mirror.ErrNotDone) {
		t.Errorf("onto the same mailbox: got %v, want %v", err, mirror.ErrNotDone)
	}
}
