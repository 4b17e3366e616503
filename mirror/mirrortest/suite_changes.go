package mirrortest

import (
	"errors"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// settle lets marks of changes come of age.
func (d *desk) settle(t *testing.T) {
	t.Helper()
	if d.Settle != nil {
		d.Settle(t)
	}
}

// testOthersChanges: an open handle and a new session both see what somebody
// else did, and nothing else.
func testOthersChanges(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 4)
	flags := mirror.MakeFlags(imap.FlagAnswered)
	d.settle(t)
	d.Deliver(t, suiteBox, suiteLetter(9), mirror.MakeFlags(imap.FlagSeen), suiteDate)
	d.SetFlags(t, suiteBox, list[1].Ref, flags)
	d.Remove(t, suiteBox, list[2].Ref)
	d.settle(t)

	r, _ := d.connect(t, d.traits.Identity, mirror.ReadOnly)
	fresh := d.openKnown(t, r, suiteBox, mirror.ReadOnly, b)
	for name, m := range map[string]*suiteMailbox{"same handle": b, "new session": fresh} {
		t.Run(name, func(t *testing.T) {
			v := m.view(t)
			if v.Total != 4 {
				t.Errorf("got total %d, want 4", v.Total)
			}
			if len(v.New) != 1 || !v.New[0].Flags.Equal(mirror.MakeFlags(imap.FlagSeen)) || !v.New[0].Date.Equal(suiteDate) {
				t.Errorf("got new %+v, want the letter delivered, seen", v.New)
			} else if got := m.byDigest(t, suiteLetter(9)); got.Ref != v.New[0].Ref {
				t.Errorf("got new %v, want %v", v.New[0].Ref, got.Ref)
			}
			if len(v.Changed) != 1 || v.Changed[0].UID != list[1].UID || !v.Changed[0].Flags.Equal(flags) {
				t.Errorf("got changed %v, want %v with %s", v.Changed, list[1].Ref, flags)
			}
			if len(v.Gone) != 1 || v.Gone[0] != list[2].Ref || len(v.Unknown) != 0 {
				t.Errorf("got gone %v, unknown %v; want %v, none", v.Gone, v.Unknown, list[2].Ref)
			}
			if again := m.view(t); len(again.New)+len(again.Changed)+len(again.Gone) != 0 {
				t.Errorf("got %+v at once after, want no difference", again)
			}
		})
	}
}

// testNumbersStay: a message keeps its number in later sessions, and a number
// is never given to another one.
func testNumbersStay(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 3)
	last := list[2]
	d.Remove(t, suiteBox, last.Ref)
	b.view(t)
	b.messages[last.UID] = last // the state still holds it
	for i := range 2 {
		d.settle(t)
		d.Deliver(t, suiteBox, suiteLetter(5+i), mirror.Flags{}, suiteDate)
		r, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite)
		next := d.openKnown(t, r, suiteBox, mirror.ReadWrite, b)
		v := next.view(t)
		if len(v.New) != 1 || v.New[0].UID <= last.UID {
			t.Fatalf("got new %v, want one above %d", refsOf(v.New), last.UID)
		}
		for _, m := range list[:2] {
			if next.messages[m.UID].Ref != m.Ref {
				t.Errorf("got %v, want %v in a later session", next.messages[m.UID].Ref, m.Ref)
			}
		}
		last, b = v.New[0], next
	}
	if d.traits.Numbers {
		return
	}
	// The state counts: numbers that it promised are not given again.
	b.checkpoint.UIDNext, b.messages = last.UID+100, nil
	r, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite)
	counted := d.openKnown(t, r, suiteBox, mirror.ReadWrite, b)
	status, reserved := counted.Status(), counted.Reserve(1)[0]
	for _, uid := range append([]imap.UID{status.UIDNext, reserved.UID}, uidsOf(counted.view(t).New)...) {
		if uid < last.UID+100 {
			t.Errorf("got UID %d, want none below %d, the state's UIDNEXT", uid, last.UID+100)
		}
	}
}

func uidsOf(list []mirror.Message) []imap.UID {
	var uids []imap.UID
	for _, m := range list {
		uids = append(uids, m.UID)
	}
	return uids
}

// testRecreated: a handle of a mailbox that was made anew is of no more use,
// and what was known of it means nothing.
func testRecreated(t *testing.T, d *desk) {
	if d.Recreate == nil {
		t.Skip("this repository does not number its messages, or nobody can make it number them anew")
	}
	b, list := d.fill(t, suiteBox, 2)
	d.Recreate(t, suiteBox)
	d.Deliver(t, suiteBox, suiteLetter(5), mirror.Flags{}, suiteDate)
	if err := b.Fetch(t.Context(), refsOf(list), func(mirror.Body) error { return errors.New("called") }); err == nil {
		t.Error("fetch from a mailbox that was made anew: got no error")
	}
	r, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite)
	fresh := d.openKnown(t, r, suiteBox, mirror.ReadWrite, b)
	v := fresh.view(t)
	if !v.Renumbered || len(v.New) != 1 || len(v.Gone)+len(v.Changed)+len(v.Unknown) != 0 {
		t.Errorf("got renumbered %v, %d new, %d gone; want true, 1, 0", v.Renumbered, len(v.New), len(v.Gone))
	}
}

// status returns what a listing says of the mailbox; nil where it does not.
func (d *desk) status(t *testing.T, name mirror.Name) *mirror.Checkpoint {
	t.Helper()
	r, _ := d.connect(t, d.traits.Identity, mirror.ReadOnly)
	listing, err := r.List(t.Context(), false)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	for _, l := range listing.Mailboxes {
		if l.Name == name {
			return l.Status
		}
	}
	t.Fatalf("%q is not listed", name.String())
	return nil
}

// testUnchanged: a checkpoint proves that nothing happened as long as nothing
// did, and no longer.
func testUnchanged(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 3)
	other := d.make(t, suiteOther)
	changes := []struct {
		name string
		act  func(t *testing.T)
	}{
		{"delivered", func(t *testing.T) { d.Deliver(t, suiteBox, suiteLetter(5), mirror.Flags{}, suiteDate) }},
		{"flagged", func(t *testing.T) {
			d.SetFlags(t, suiteBox, list[0].Ref, mirror.MakeFlags(imap.FlagFlagged))
		}},
		{"removed", func(t *testing.T) { d.Remove(t, suiteBox, list[0].Ref) }},
		{"appended by us", func(t *testing.T) { b.append(t, letter{body: suiteLetter(6)}) }},
		{"flagged by us", func(t *testing.T) {
			b.store(t, mirror.FlagChange{Ref: list[1].Ref, Add: mirror.MakeFlags(imap.FlagSeen)})
		}},
		{"moved by us", func(t *testing.T) {
			if _, err := b.Move(t.Context(), []mirror.Move{{Ref: list[1].Ref, Reserved: other.Reserve(1)[0]}}, suiteOther); err != nil {
				t.Fatal(err)
			}
		}},
		{"removed by us", func(t *testing.T) {
			if _, err := b.Remove(t.Context(), refsOf(list[2:]), false); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			d.settle(t)
			checkpoint := b.view(t).Checkpoint
			status := d.status(t, suiteBox)
			switch {
			case status == nil:
				t.Log("the listing says nothing of the mailbox")
			case !checkpoint.Unchanged(*status) && (!d.traits.Numbers || checkpoint.HighestModSeq != 0):
				t.Errorf("got changed, from %+v to %+v, and nothing happened", checkpoint, *status)
			}
			c.act(t)
			if status := d.status(t, suiteBox); status != nil && checkpoint.Unchanged(*status) {
				t.Errorf("got unchanged, from %+v to %+v", checkpoint, *status)
			}
		})
	}
}

// testStatusBeforeEffects: UIDNEXT stays what was seen before our appends, and
// our copies are not below it.
func testStatusBeforeEffects(t *testing.T, d *desk) {
	b := d.make(t, suiteBox)
	opened := b.Status()
	if opened.UIDValidity == 0 || opened.UIDNext == 0 {
		t.Fatalf("got status %+v after opening, want UIDVALIDITY and UIDNEXT", opened)
	}
	for i := range 2 {
		b.view(t)
		before := b.Status()
		b.append(t, letter{body: suiteLetter(i)})
		if got := b.Status(); got != before {
			t.Errorf("got status %+v after an append, want %+v as the view saw it", got, before)
		}
		m := b.view(t).New
		if len(m) != 1 || m[0].UID < before.UIDNext {
			t.Errorf("got our copy as %v, want a UID not below %d", refsOf(m), before.UIDNext)
		}
	}
}

// testReadOnly: no effect is carried out, whoever asks.
func testReadOnly(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 2)
	d.create(t, suiteOther)
	before := d.list(t)
	session, _ := d.connect(t, d.traits.Identity, mirror.ReadOnly)
	if err := session.Create(t.Context(), suiteChild, ""); err == nil {
		t.Error("create: got no error")
	}
	if err := session.Rename(t.Context(), suiteOther, suiteChild); err == nil {
		t.Error("rename: got no error")
	}
	if err := session.Delete(t.Context(), suiteOther); err == nil {
		t.Error("delete: got no error")
	}
	if err := session.Subscribe(t.Context(), suiteBox, true); err == nil {
		t.Error("subscribe: got no error")
	}
	writer, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite) // whose handle may not write
	for name, r := range map[string]mirror.Repository{"session": session, "mailbox": writer} {
		t.Run(name, func(t *testing.T) { d.tryEffects(t, d.openKnown(t, r, suiteBox, mirror.ReadOnly, b), list) })
	}
	last, _ := d.connect(t, d.traits.Identity, mirror.ReadOnly)
	if v := d.openKnown(t, last, suiteBox, mirror.ReadOnly, b).view(t); v.Total != 2 || len(v.New)+len(v.Changed)+len(v.Gone) != 0 {
		t.Errorf("got %+v, want what was there before", v)
	}
	after := d.list(t)
	for name, was := range before {
		if is := after[name]; is.Subscribed != was.Subscribed || is.Role != was.Role {
			t.Errorf("%q: got %+v, want %+v", name.String(), is, was)
		}
	}
	if len(after) != len(before) {
		t.Errorf("got %d mailboxes, want %d", len(after), len(before))
	}
}

// tryEffects asks for every effect and wants every one refused.
func (d *desk) tryEffects(t *testing.T, b *suiteMailbox, list []mirror.Message) {
	b.view(t)
	b.read(t, list[0].Ref)
	ctx, seen := t.Context(), mirror.MakeFlags(imap.FlagSeen)
	for name, effect := range map[string]func() ([]error, error){
		"append": func() ([]error, error) {
			got, err := b.Append(ctx, b.batch([]letter{{body: suiteLetter(7)}}))
			return errorsOf(got, func(r mirror.Appended) error { return r.Err }), err
		},
		"store": func() ([]error, error) {
			got, err := b.Store(ctx, []mirror.FlagChange{{Ref: list[0].Ref, Add: seen}})
			return errorsOf(got, func(r mirror.Stored) error { return r.Err }), err
		},
		"move": func() ([]error, error) {
			got, err := b.Move(ctx, []mirror.Move{{Ref: list[0].Ref, Reserved: b.Reserve(1)[0]}}, suiteOther)
			return errorsOf(got, func(r mirror.Moved) error { return r.Err }), err
		},
		"remove": func() ([]error, error) {
			got, err := b.Remove(ctx, refsOf(list[:1]), true)
			return errorsOf(got, func(r mirror.Removed) error { return r.Err }), err
		},
	} {
		if each, err := effect(); err == nil && (len(each) != 1 || each[0] == nil) {
			t.Errorf("%s: got no error", name)
		}
	}
}

func errorsOf[R any](results []R, of func(R) error) []error {
	var list []error
	for _, r := range results {
		list = append(list, of(r))
	}
	return list
}

// testCancelled: a context that is over stops a call before it has an effect.
func testCancelled(t *testing.T, d *desk) {
	b, list := d.fill(t, suiteBox, 1)
	ctx := cancelled(t)
	r, _ := d.connect(t, d.traits.Identity, mirror.ReadWrite)
	victim := d.openKnown(t, r, suiteBox, mirror.ReadWrite, b)
	victim.view(t)
	if _, err := victim.Remove(ctx, refsOf(list), true); err == nil {
		t.Error("remove: got no error")
	}
	if _, err := victim.Append(ctx, victim.batch([]letter{{body: suiteLetter(1)}})); err == nil {
		t.Error("append: got no error")
	}
	if _, err := victim.View(ctx, mirror.Known{}); err == nil {
		t.Error("view: got no error")
	}
	fresh, _ := d.connect(t, d.traits.Identity, mirror.ReadOnly)
	if got := refsOf(d.openKnown(t, fresh, suiteBox, mirror.ReadOnly, nil).view(t).New); len(got) != 1 {
		t.Errorf("got %v, want the one message that was there", got)
	}
}
