package mirrortest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// store changes flags and returns the results by UID, one for each change.
func (b *suiteMailbox) store(t *testing.T, changes ...mirror.FlagChange) map[imap.UID]mirror.Stored {
	t.Helper()
	results, err := b.Store(t.Context(), changes)
	if err != nil || len(results) != len(changes) {
		t.Fatalf("store: got %d results and %v, want %d", len(results), err, len(changes))
	}
	byUID := map[imap.UID]mirror.Stored{}
	for _, r := range results {
		byUID[r.UID] = r
	}
	return byUID
}

// checkFlags compares the flags of messages with a view of another session.
func (d *desk) checkFlags(t *testing.T, b *suiteMailbox, want map[imap.UID]mirror.Flags) {
	t.Helper()
	r, _ := d.connect(t, d.traits.Identity, mirror.ReadOnly)
	fresh := d.openKnown(t, r, b.name, mirror.ReadOnly, b)
	fresh.view(t)
	for uid, flags := range want {
		if got := fresh.messages[uid].Flags; !got.Equal(flags) {
			t.Errorf("message %d: got flags %s in another session, want %s", uid, got, flags)
		}
	}
}

func testStore(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 3)
	first, second, third := list[0], list[1], list[2]
	seen, flagged, deleted := mirror.MakeFlags(imap.FlagSeen), mirror.MakeFlags(imap.FlagFlagged), mirror.MakeFlags(imap.FlagDeleted)
	steps := []struct {
		name    string
		changes []mirror.FlagChange
		want    map[imap.UID]mirror.Flags
	}{
		{"add", []mirror.FlagChange{{Ref: first.Ref, Add: seen}, {Ref: second.Ref, Add: seen.Union(flagged)}},
			map[imap.UID]mirror.Flags{first.UID: seen, second.UID: seen.Union(flagged), third.UID: {}}},
		{"add again", []mirror.FlagChange{{Ref: first.Ref, Add: seen}},
			map[imap.UID]mirror.Flags{first.UID: seen}},
		{"add and remove", []mirror.FlagChange{{Ref: first.Ref, Add: flagged, Remove: seen}, {Ref: second.Ref, Remove: flagged}},
			map[imap.UID]mirror.Flags{first.UID: flagged, second.UID: seen, third.UID: {}}},
		{"remove what is not set", []mirror.FlagChange{{Ref: third.Ref, Remove: seen}},
			map[imap.UID]mirror.Flags{third.UID: {}}},
		{"deleted is a flag", []mirror.FlagChange{{Ref: third.Ref, Add: deleted}},
			map[imap.UID]mirror.Flags{first.UID: flagged, third.UID: deleted}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			results := b.store(t, s.changes...)
			for _, change := range s.changes {
				if r := results[change.UID]; r.Err != nil || !r.Flags.Equal(s.want[change.UID]) {
					t.Errorf("message %d: got flags %s, %v; want %s", change.UID, r.Flags, r.Err, s.want[change.UID])
				}
			}
			b.view(t)
			for uid, want := range s.want {
				if got := b.messages[uid].Flags; !got.Equal(want) {
					t.Errorf("message %d: got flags %s in the view, want %s", uid, got, want)
				}
			}
			d.checkFlags(t, b, s.want)
		})
	}
	results := b.store(t, mirror.FlagChange{Ref: nowhere(), Add: seen}, mirror.FlagChange{Ref: second.Ref, Add: flagged})
	if r := results[nowhere().UID]; r.Err == nil || mirror.ReachOf(r.Err) != mirror.ReachMessage {
		t.Errorf("store on a missing message: got %v, want an error of one message", r.Err)
	}
	if r := results[second.UID]; r.Err != nil || !r.Flags.Equal(seen.Union(flagged)) {
		t.Errorf("beside a missing message: got %s, %v; want %s", r.Flags, r.Err, seen.Union(flagged))
	}
}

// testKeywords: what the mailbox says it keeps, it keeps; the rest it refuses
// without harm to the others.
func testKeywords(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	keeps := b.view(t).Keeps
	asked := mirror.MakeFlags(imap.FlagSeen, "$Forwarded", "Custom", "with.dots-and_more")
	want := keeps.Only(asked)
	result := b.append(t, letter{body: suiteLetter(0), flags: asked})[0]
	if !result.Flags.Equal(want) {
		t.Errorf("append: got flags %s, want %s, the part that can be stored", result.Flags, want)
	}
	m := b.view(t).New[0]
	d.checkFlags(t, b, map[imap.UID]mirror.Flags{m.UID: want})
	if !keeps.Any {
		return
	}
	later := mirror.MakeFlags("Later")
	r := b.store(t, mirror.FlagChange{Ref: m.Ref, Add: later, Remove: mirror.MakeFlags("CUSTOM")})[m.UID]
	want = asked.Minus(mirror.MakeFlags("Custom")).Union(later)
	if r.Err != nil || !r.Flags.Equal(want) {
		t.Errorf("store: got %s, %v; want %s", r.Flags, r.Err, want)
	}
	d.checkFlags(t, b, map[imap.UID]mirror.Flags{m.UID: want})
}

func testMove(t *testing.T, d *desk) {
	from, list := d.fill(t, suiteBox, 3)
	to := d.make(t, suiteChild)
	to.view(t)
	flags := mirror.MakeFlags(imap.FlagFlagged)
	from.store(t, mirror.FlagChange{Ref: list[0].Ref, Add: flags}, mirror.FlagChange{Ref: list[2].Ref, Add: flags})
	reserved := to.Reserve(2)
	moves := []mirror.Move{{Ref: list[0].Ref, Reserved: reserved[0]}, {Ref: list[2].Ref, Reserved: reserved[1]}}
	results, err := from.Move(t.Context(), moves, suiteChild)
	if err != nil || len(results) != 2 {
		t.Fatalf("got %d results and %v, want 2", len(results), err)
	}
	arrived := to.view(t).New
	if len(arrived) != 2 {
		t.Fatalf("got %d messages in the target, want 2", len(arrived))
	}
	pending := false
	for i, r := range results {
		if r.Err != nil || r.From != moves[i].Ref {
			t.Errorf("result %d: got %v, %v; want %v", i, r.From, r.Err, moves[i].Ref)
		}
		if r.To.UID == 0 && d.traits.UIDPlus {
			t.Errorf("result %d: no UID, from a repository that tells UIDs", i)
		}
		if r.To.UID != 0 && !slices.Contains(refsOf(arrived), r.To) {
			t.Errorf("result %d: announced as %v, shown are %v", i, r.To, refsOf(arrived))
		}
		pending = pending || r.Pending
	}
	for _, i := range []int{0, 2} {
		m := to.byDigest(t, suiteLetter(i))
		if !m.Flags.Equal(flags) || !m.Date.Equal(suiteDate) {
			t.Errorf("letter %d: got flags %s and date %v, want %s and %v", i, m.Flags, m.Date, flags, suiteDate)
		}
		if results[i/2].To.UID != 0 && results[i/2].To != m.Ref {
			t.Errorf("letter %d: announced as %v and is %v", i, results[i/2].To, m.Ref)
		}
	}
	if pending && results[0].To.UID == 0 {
		return // accepted, not proved: the source stays as it is until it is
	}
	from.checkLeft(t, pending, list[1], list[0], list[2])
}

// checkLeft: kept is untouched; the taken are gone, or marked \Deleted where
// the repository could do no more.
func (b *suiteMailbox) checkLeft(t *testing.T, pending bool, kept mirror.Message, taken ...mirror.Message) {
	t.Helper()
	v := b.view(t)
	if !pending && len(v.Gone) != len(taken) {
		t.Errorf("got %v gone, want %v", v.Gone, refsOf(taken))
	}
	for _, m := range taken {
		left, there := b.messages[m.UID]
		if there != pending || there && !left.Flags.Has(imap.FlagDeleted) {
			t.Errorf("message %d: got it there %v with flags %s, pending %v", m.UID, there, left.Flags, pending)
		}
	}
	left, there := b.messages[kept.UID]
	if !there || left.Flags.Has(imap.FlagDeleted) != kept.Flags.Has(imap.FlagDeleted) {
		t.Errorf("message %d: got it there %v with flags %s, want it as it was", kept.UID, there, left.Flags)
	}
}

// testRemove: exactly those named go, also when others are marked \Deleted.
func testRemove(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 3)
	b.store(t, mirror.FlagChange{Ref: list[1].Ref, Add: mirror.MakeFlags(imap.FlagDeleted)})
	b.view(t)
	refs := []mirror.Ref{list[0].Ref, list[2].Ref}
	results, err := b.Remove(t.Context(), append(refs, nowhere()), false)
	if err != nil || len(results) != 3 {
		t.Fatalf("got %d results and %v, want 3", len(results), err)
	}
	pending := false
	for _, r := range results {
		if r.Err != nil {
			t.Errorf("remove %v: %v", r.Ref, r.Err)
		}
		if r.Pending && d.traits.UIDPlus {
			t.Errorf("remove %v: pending, in a repository that can expunge single messages", r.Ref)
		}
		pending = pending || r.Pending
	}
	marked := list[1]
	marked.Flags = mirror.MakeFlags(imap.FlagDeleted)
	b.checkLeft(t, pending, marked, list[0], list[2])
	if body, _ := b.read(t, list[1].Ref); !bytes.Equal(body, suiteLetter(1)) {
		t.Errorf("got %q, want the letter that was only marked", body)
	}
	if absent := b.absent(t, refs...); len(absent) != 2 && !pending {
		t.Errorf("got %v absent, want both that were removed", absent)
	}
}

// testRemoveKept: to keep or not to keep makes no difference to the mailbox.
func testRemoveKept(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 2)
	results, err := b.Remove(t.Context(), refsOf(list[:1]), true)
	if err != nil || len(results) != 1 || results[0].Err != nil {
		t.Fatalf("got %v, %v; want one result", results, err)
	}
	b.checkLeft(t, results[0].Pending, list[1], list[0])
	if results, err = b.Remove(t.Context(), refsOf(list[:1]), true); err != nil || len(results) != 1 || results[0].Err != nil {
		t.Errorf("removed again: got %v, %v; want one result without error", results, err)
	}
}

func (b *suiteMailbox) absent(t *testing.T, refs ...mirror.Ref) []mirror.Ref {
	t.Helper()
	absent, err := b.Absent(t.Context(), refs)
	if err != nil {
		t.Fatalf("absent: %v", err)
	}
	slices.SortFunc(absent, byUID)
	return absent
}

func testAbsent(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 3)
	if got := b.absent(t, refsOf(list)...); len(got) != 0 {
		t.Errorf("got %v absent, want none", got)
	}
	d.Remove(t, suiteBox, list[1].Ref)
	want := []mirror.Ref{list[1].Ref, nowhere()}
	if got := b.absent(t, list[0].Ref, list[1].Ref, nowhere(), list[2].Ref); !slices.Equal(got, want) {
		t.Errorf("got %v absent, want %v", got, want)
	}
}
