package mirror_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// copyOf is one stored copy of a letter.
type copyOf struct {
	mailbox mirror.Name
	key     string
	held    mirrortest.Held
	// excused says that the state tells why this copy has no partner.
	excused bool
	// ghost says that the state lists it as a copy that came too late, stuck that its
	// partner was announced, or its source left, and nobody can tell any more.
	ghost, stuck bool
}

// copies lists what a side shows to people, without tombs.
func (h *history) copies(s mirror.Side) (list []copyOf) {
	excused := h.excused(s)
	for _, name := range h.boxes(s) {
		tombs := h.tombs(s, name)
		for _, m := range h.servers[s].Messages(name) {
			if !tombs[m.ID] {
				why := excused[placeOf(name, m)]
				list = append(list, copyOf{name, keyOf(numbersOf(m.Body)), m, why != "", why == "ghost", why == "held"})
			}
		}
	}
	return list
}

// placeOf names a message as the state does.
func placeOf(name mirror.Name, m mirrortest.Held) string {
	if m.Base != "" {
		return fmt.Sprintf("%s %s", name, m.Base)
	}
	return fmt.Sprintf("%s %d", name, m.ID)
}

// excused are the messages of a side that the state lists as kept aside, held,
// or left alone because their partner departed and nothing follows from that.
func (h *history) excused(s mirror.Side) map[string]string {
	set := map[string]string{}
	note := func(name mirror.Name, uid mirror.UID, why string) {
		list, err := h.state.Messages(s, name)
		if err != nil {
			h.t.Fatalf("messages: %v", err)
		}
		for _, m := range list {
			if m.UID == uid {
				set[placeOf(name, mirrortest.Held{ID: m.UID, Base: m.Base})] = why
			}
		}
	}
	snapshot, err := h.state.Load()
	if err != nil {
		h.t.Fatalf("load: %v", err)
	}
	for _, q := range snapshot.Quarantine {
		if q.Side == s {
			why := "aside"
			if q.Next.IsZero() {
				why = "ghost"
			}
			note(q.Mailbox, q.UID, why)
		}
	}
	for _, name := range h.boxes(s) {
		records, err := h.state.Records(name)
		if err != nil {
			h.t.Fatalf("records: %v", err)
		}
		for _, r := range records {
			switch o := r.State[s.Other()]; {
			case o == mirror.Held:
				note(name, r.UID[s], "held")
			case o == mirror.Departed || r.Altered:
				note(name, r.UID[s], "partner")
			}
		}
	}
	return set
}

// counts counts copies by letter, but for those in the trash.
func counts(list []copyOf) map[string]int {
	n := map[string]int{}
	for _, c := range list {
		if c.mailbox != box("Trash") && !c.ghost {
			n[c.key]++
		}
	}
	return n
}

// judge compares what is there with what must be.
func (h *history) judge() {
	copies := [2][]copyOf{h.copies(mirror.Far), h.copies(mirror.Near)}
	h.unchanged(copies)
	h.bounds(copies)
	if h.policy.Mode == mirror.TwoWay {
		h.trash(copies)
	}
	if h.equalInTheEnd() {
		h.equal(copies)
	}
	if h.policy.Mode != mirror.TwoWay {
		h.sourceUntouched()
	}
	before := len(h.writes())
	if result, err := h.run("once more"); err != nil || result.Changed || len(h.writes()) != before {
		h.fail("a further run changed something: %+v %v", result.Summary, err)
	}
}

// unchanged: no octet of a message and no date is another than it was.
func (h *history) unchanged(copies [2][]copyOf) {
	for _, s := range mirror.Sides {
		for _, c := range copies[s] {
			n, version := numbersOf(c.held.Body)
			want := post(n, version)
			if h.options[s].Maildir {
				want = fileOf(want)
			}
			if !h.kind.inexact && !bytes.Equal(c.held.Body, want) {
				h.fail("%v %s: letter %s was changed to %q", s, c.mailbox, c.key, c.held.Body)
			}
			if c.held.Flags.Has(imap.FlagDeleted) && !h.deleted(c.key) {
				h.fail("%v %s: letter %s is marked \\Deleted, by nobody", s, c.mailbox, c.key)
			}
			if d := c.held.Date; !d.Equal(dateOf(n, version, mirror.Far)) && !d.Equal(dateOf(n, version, mirror.Near)) {
				h.fail("%v %s: letter %s has the date %v", s, c.mailbox, c.key, d)
			}
		}
	}
}

// deleted reports whether somebody set \Deleted on a letter, or on another
// version of it that it may have been taken for.
func (h *history) deleted(key string) bool {
	number, _, _ := strings.Cut(key, ".")
	for other, f := range h.letters {
		if f.deleted && (other == key || f.edited && strings.HasPrefix(other, number+".")) {
			return true
		}
	}
	return false
}

// bounds: no letter is there more or less often than people's doings explain.
func (h *history) bounds(copies [2][]copyOf) {
	got := [2]map[string]int{counts(copies[mirror.Far]), counts(copies[mirror.Near])}
	for _, key := range slices.Sorted(maps.Keys(h.letters)) {
		for _, s := range mirror.Sides {
			least, most := h.right(s, h.letters[key])
			if h.policy.Mode != mirror.TwoWay || h.kind.inexact { // of what is changed, nobody can tell which of its twins it is
				least -= count(copies[s.Other()], key, copyOf.isExcused)
			}
			if h.letters[key].edited {
				least = 0 // notLost has seen that it is on one side at least
			}
			least -= h.beyond(s, key, copies[s.Other()])
			if h.options[s].DropsHeld {
				least -= count(copies[s.Other()], key, copyOf.isStuck)
			}
			most += count(copies[s], key, copyOf.isStuck)
			if n := got[s][key]; n < least || n > most {
				h.fail("letter %s: %v has it %d times, want %d to %d; %+v", key, s, n, least, most, *h.letters[key])
			}
		}
	}
}

// count counts the copies of a letter of which what holds.
func count(list []copyOf, key string, what func(copyOf) bool) (n int) {
	for _, c := range list {
		if c.key == key && what(c) {
			n++
		}
	}
	return n
}

func (c copyOf) isExcused() bool { return c.excused }
func (c copyOf) isStuck() bool   { return c.stuck }

// beyond counts the copies on the other side whose mailbox s lacks: a mailbox
// that somebody took away is not made again.
func (h *history) beyond(s mirror.Side, key string, there []copyOf) (n int) {
	for _, c := range there {
		if c.key == key && !h.has(s, c.mailbox) {
			n++
		}
	}
	return n
}

// trash: what nobody removed is not in the trash. A side that gives no status
// with its listing does not tell that something was moved while it was looked
// at: the removal is made good by the next run, and a copy stays in the trash.
func (h *history) trash(copies [2][]copyOf) {
	if h.options[mirror.Far].NoListStatus || h.options[mirror.Near].NoListStatus {
		return
	}
	for _, s := range mirror.Sides {
		for _, c := range copies[s] {
			f := h.letters[c.key]
			if h.kind.inexact && f.put[mirror.Far]+f.put[mirror.Near] > 1 {
				continue // which of its twins a changed one is, nobody can tell
			}
			if c.mailbox == box("Trash") && f.removals == [2]int{} && f.spare == 0 && f.loose == 0 && !f.edited {
				h.fail("letter %s is in the %v trash, and nobody removed it", c.key, s)
			}
		}
	}
}

// right says how often a side may hold a letter.
func (h *history) right(s mirror.Side, f *facts) (least, most int) {
	o := s.Other()
	removals := f.removals[s] + f.removals[o]
	sum := f.put[s] + f.put[o] + f.spare
	switch p := h.policy; {
	case p.Mode == mirror.TwoWay && p.Gone != mirror.Both:
		// What is moved on one side stays where it was on the other.
		return f.put[s] - f.removals[s] - f.loose, sum + f.moves[s] + f.moves[o]
	case h.options[s].DropsHeld:
		return min(1, max(f.put[s], f.put[o])-removals-f.loose), sum
	case p.Mode == mirror.TwoWay && h.options[mirror.Far].Window > 0:
		// What was never in the window is on its side only.
		return f.put[s] - removals - f.loose, sum + f.moves[mirror.Near]
	case p.Mode == mirror.TwoWay:
		return max(f.put[s], f.put[o]) - removals - f.loose, sum
	case s != p.Target:
		return f.put[s] - f.removals[s] - f.loose, f.put[s]
	case p.Mode == mirror.OneWayMirror:
		return f.put[o] - f.removals[o] - f.loose, sum + f.moves[s] + f.moves[o] + f.removals[s]
	}
	return f.put[o] - f.loose - removals - f.moves[s], sum + f.moves[s] + f.moves[o]
}

// equalInTheEnd reports whether both sides are to hold the same.
func (h *history) equalInTheEnd() bool {
	p := h.policy
	if p.Mode != mirror.TwoWay {
		return p.RemoveExtra
	}
	return p.Gone == mirror.Both && p.Deletions != mirror.DeleteNothing && h.options[mirror.Far].Window == 0
}

// equal: both sides hold the same letters in the same mailboxes with the same
// flags, but for what the state gives a reason for.
func (h *history) equal(copies [2][]copyOf) {
	var shown [2]map[string][]string
	for _, s := range mirror.Sides {
		shown[s] = map[string][]string{}
		for _, c := range copies[s] {
			if h.has(s.Other(), c.mailbox) && !c.excused && !h.letters[c.key].edited {
				line := c.key
				if !h.letters[c.key].unsighted {
					line += " " + h.comparable(c.held.Flags).String()
				}
				shown[s][string(c.mailbox)] = append(shown[s][string(c.mailbox)], line)
			}
		}
		for _, list := range shown[s] {
			slices.Sort(list)
		}
	}
	for name := range shown[mirror.Far] {
		if !slices.Equal(shown[mirror.Far][name], shown[mirror.Near][name]) {
			h.fail("mailbox %q differs:\n far %q\nnear %q", name, shown[mirror.Far][name], shown[mirror.Near][name])
		}
	}
	for name := range shown[mirror.Near] {
		if shown[mirror.Far][name] == nil {
			h.fail("mailbox %q differs: nothing on far, on near %q", name, shown[mirror.Near][name])
		}
	}
}

// comparable are the flags that both sides store.
func (h *history) comparable(f mirror.Flags) mirror.Flags {
	for _, s := range mirror.Sides {
		if keeps := h.options[s].Keeps; keeps != nil {
			f = keeps.Only(f)
		}
		f = f.Minus(h.options[s].Forgets)
	}
	return f.Minus(mirror.MakeFlags(imap.FlagDeleted))
}

// sourceUntouched: nothing was ever written on the source of a one-way pair.
func (h *history) sourceUntouched() {
	for _, c := range h.servers[h.policy.Target.Other()].Log() {
		if c.Op.Writes() {
			h.fail("the source was written to: %v", c)
		}
	}
}

// notLost: at every moment a letter that nobody removed is on one side at least.
// Two versions of one are taken for the same message once the state is lost; what
// becomes of one becomes of the other then, by way of the trash.
func (h *history) notLost() {
	far, near := counts(h.copies(mirror.Far)), counts(h.copies(mirror.Near))
	for _, key := range slices.Sorted(maps.Keys(h.letters)) {
		f := h.letters[key]
		untouched := f.removals == [2]int{} && f.loose == 0 && !(h.policy.RemoveExtra && f.put[h.policy.Target] > 0)
		if untouched && far[key]+near[key] == 0 && !(f.edited && h.forgot) {
			h.fail("letter %s is nowhere", key)
		}
	}
}
