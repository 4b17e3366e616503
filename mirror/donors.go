package mirror

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// A body travels once: a copy whose body its side has already is made there, of a
// donor (decision 013). This file finds donors; duplicating.go makes the copies.

// DonorOctets is the size, in octets, from which on it pays to read the header of a
// message that shares size and date with another one, to find out whether both are the
// same: a header has 2 to 8 KiB, and all of it is read in one turn more.
const DonorOctets = 16 << 10

// donorOctets is DonorOctets but in tests.
var donorOctets int64 = DonorOctets

// MaxAlike is how many messages may look alike, and how many records State.Alike returns at
// most. So many of one size and date are made by a machine or by an import, and comparing
// each with each would take its time.
const MaxAlike = 64

// Donor is a message on the side that a Copy goes to, of which the copy is made there.
type Donor struct {
	Mailbox Name
	// Source is the message on the other side that was proved to be the one which is
	// copied, and Made its copy. Before this plan's own copy of Source is made, Made has
	// no UID.
	Source, Made Message
	// ours says that this run has seen Made or makes it. Else its UID is one that the state knows.
	ours bool
}

// findDonors gives donors to those copies of a plan whose body the side has, or will
// have when the copies before them are made.
func (x *run) findDonors(ctx context.Context, boxes []*box, plan *Plan) error {
	for _, to := range Sides {
		if !x.traits[to].Copies {
			continue
		}
		f := &donorFinder{run: x, boxes: boxes, from: to.Other(), to: to, actions: plan.Actions}
		if err := f.find(ctx); err != nil {
			return err
		}
	}
	return nil
}

// donorFinder finds the donors of one direction.
type donorFinder struct {
	*run
	boxes    []*box
	from, to Side
	actions  []Action
	families []family
}

// family is what looks alike on the source's side: of one object id, or of one size
// and date.
type family struct {
	copies []*Action // in the order in which they are made
	donors []*Donor  // without those that copies become
}

func (f *donorFinder) find(ctx context.Context) error {
	if err := f.gather(); err != nil || len(f.families) == 0 {
		return err
	}
	if err := f.identify(ctx); err != nil {
		return err
	}
	for _, y := range f.families {
		f.choose(y)
	}
	return nil
}

// mayLookAlike reports whether it pays to look for a message that is the same as m.
func mayLookAlike(m *Message) bool {
	return m.Identity.ObjectID != "" || m.Size >= donorOctets && !m.Date.IsZero()
}

// alike reports whether two messages of a side may be the same, as far as that can be
// said without reading them.
func alike(a, b *Message) bool {
	if a.Identity.ObjectID != "" || b.Identity.ObjectID != "" {
		return a.Identity.ObjectID == b.Identity.ObjectID && a.Size == b.Size
	}
	return a.Size == b.Size && a.Date.Equal(b.Date)
}

// mark is a hash of what messages share that may be the same, and the index of the action
// of one of them.
type mark struct {
	hash  uint64
	index int
}

// gather sorts what this plan copies or pairs into families, with the donors that the
// state knows. There may be a million messages, so that only a number of each is held, and
// no family of which nothing follows.
func (f *donorFinder) gather() error {
	copied := func(a Action) bool { return a.Kind == Copy && a.Side == f.to }
	if !slices.ContainsFunc(f.actions, copied) {
		return nil
	}
	var marks []mark
	seed := maphash.MakeSeed()
	for i := range f.actions {
		if m := f.source(&f.actions[i]); m != nil && mayLookAlike(m) {
			var h maphash.Hash
			h.SetSeed(seed)
			h.WriteString(m.Identity.ObjectID)
			if m.Identity.ObjectID == "" {
				maphash.WriteComparable(&h, lookOf(*m))
			}
			marks = append(marks, mark{h.Sum64(), i})
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index)) })
	remembers := slices.ContainsFunc(f.boxes, func(b *box) bool { return b.count > 0 })
	for len(marks) > 0 {
		n := 1
		for n < len(marks) && marks[n].hash == marks[0].hash {
			n++
		}
		if err := f.gatherOne(marks[:n], remembers); err != nil {
			return err
		}
		marks = marks[n:]
	}
	return nil
}

// gatherOne makes a family of messages that share a mark, if one of them may have a donor.
// remembers says that the state has records.
func (f *donorFinder) gatherOne(marks []mark, remembers bool) error {
	copied := func(m mark) bool { return f.actions[m.index].Kind == Copy }
	if len(marks) > MaxAlike || len(marks) == 1 && !remembers || !slices.ContainsFunc(marks, copied) {
		return nil
	}
	var y family
	for _, m := range marks {
		y.add(f, &f.actions[m.index])
	}
	if remembers {
		if err := f.remember(&y); err != nil {
			return err
		}
	}
	if n := len(y.copies) + len(y.donors); n >= 2 && n <= MaxAlike {
		f.families = append(f.families, y)
	}
	return nil
}

// source returns the message of an action on the side where copies come from, if it
// may take part: nil for any but a copy to f.to, or a pair.
func (f *donorFinder) source(a *Action) *Message {
	switch {
	case a.Kind == Copy && a.Side == f.to && !a.Again && a.Intent == 0 && !f.brokeBefore(findBox(f.boxes, a.Mailbox), f.from, a.Message.UID):
		return &a.Message
	case a.Kind == Pair && f.from == Far:
		return &a.Message
	case a.Kind == Pair:
		return a.Partner
	}
	return nil
}

func (y *family) add(f *donorFinder, a *Action) {
	if a.Kind == Copy {
		y.copies = append(y.copies, a)
		return
	}
	d := &Donor{Mailbox: a.Mailbox, Source: a.Message, Made: *a.Partner, ours: true}
	if f.from == Near {
		d.Source, d.Made = *a.Partner, a.Message
	}
	if b := findBox(f.boxes, a.Mailbox); b != nil && b.usable(f.to) && !b.hidden {
		y.donors = append(y.donors, d)
	}
}

// remember adds the donors that the state knows to a family that copies something.
func (f *donorFinder) remember(y *family) error {
	m := &y.copies[0].Message
	records, err := f.State.Alike(f.from, *m)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if len(records) >= MaxAlike {
		return nil // there may be more, and twins among them
	}
	for _, r := range records {
		d, err := f.known(r)
		if err != nil {
			return err
		}
		if d != nil && alike(&d.Source, m) {
			y.donors = append(y.donors, d)
		}
	}
	return nil
}

// known returns the donor that a record is, nil where it is none: its copy was seen or
// announced, and nothing in this round speaks against its being there.
func (f *donorFinder) known(r Record) (*Donor, error) {
	b := findBox(f.boxes, r.Mailbox)
	if b == nil || b.hidden || !b.usable(f.to) || r.State[f.to] != Confirmed && r.State[f.to] != Unconfirmed {
		return nil, nil
	}
	side := &b.sides[f.to]
	if side.gone[r.UID[f.to]] || side.unknown[r.UID[f.to]] || b.renumbered() {
		return nil, nil
	}
	d := &Donor{Mailbox: r.Mailbox}
	for _, s := range Sides {
		m := b.sides[s].messages[r.UID[s]]
		if m == nil {
			list, err := f.State.MessagesIn(s, r.Mailbox, imap.UIDSetNum(r.UID[s]))
			if err != nil {
				return nil, fmt.Errorf("read state: %w", err)
			}
			if len(list) != 1 {
				return nil, nil
			}
			m = &list[0]
		}
		if s == f.from {
			d.Source = *m
		} else {
			d.Made = *m
		}
	}
	return d, nil
}

// identify reads of the copies what proves them to be the same. What it learns stands
// in the actions.
func (f *donorFinder) identify(ctx context.Context) error {
	depth := Headers
	if f.traits[f.from].Local {
		depth = Bodies
	}
	actions := map[MessageKey]*Action{}
	wanted := needs{}
	for _, y := range f.families {
		for _, a := range y.copies {
			if a.Message.Identity.ObjectID == "" && !a.Message.Identity.Exact.Known() {
				actions[MessageKey{f.from, a.Mailbox, a.Message.UID}] = a
				wanted[needKey{f.from, a.Mailbox, a.Message.Ref}] = depth
			}
		}
	}
	list := wanted.list()
	f.expectNeeds(ctx, f.boxes, list)
	for _, need := range list {
		results, err := f.read(ctx, need)
		if err != nil {
			return err
		}
		for _, r := range results {
			a := actions[MessageKey{f.from, need.Mailbox, r.UID}]
			if r.Err != nil || a == nil {
				continue // it travels, and whatever is wrong with it shows then
			}
			object := a.Message.Identity.ObjectID
			a.Message.Identity = r.Identity
			a.Message.Identity.ObjectID = object
		}
	}
	return nil
}

// read identifies messages. Where a mailbox cannot be read nothing is known of them;
// an error reaches the side, and the message at which it was lost is noted.
func (f *donorFinder) read(ctx context.Context, need Need) ([]Identified, error) {
	f.report(Event{Kind: Comparing, Side: need.Side, Mailbox: need.Mailbox, Count: len(need.Refs)})
	b := findBox(f.boxes, need.Mailbox)
	handle, err := f.open(ctx, b, need.Side)
	var results []Identified
	if err == nil {
		if results, err = handle.Identify(ctx, need.Refs, need.Depth); err != nil {
			if err := f.brokeWhileRead(b, need, results, err); err != nil {
				return nil, err
			}
		}
	}
	if err != nil && (ReachOf(err) > ReachMailbox || ctx.Err() != nil) {
		return nil, &Error{Op: "read messages", Side: need.Side, Mailbox: need.Mailbox, Err: err}
	}
	return results, nil
}

// choose gives donors to the copies of a family, in the order in which they are made.
// Each copy that has none may be one for those behind it.
func (f *donorFinder) choose(y family) {
	slices.SortStableFunc(y.copies, func(a, b *Action) int {
		return cmp.Or(cmp.Compare(late(a.Mailbox), late(b.Mailbox)), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Message.UID, b.Message.UID))
	})
	twins := f.twins(y)
	taken := map[*Donor]map[Name]bool{}
	donors := y.donors
	for _, a := range y.copies {
		i := slices.IndexFunc(donors, func(d *Donor) bool {
			return d.Mailbox != a.Mailbox && !taken[d][a.Mailbox] && f.fits(d, a, twins)
		})
		if i < 0 {
			made := a.Message
			made.Ref = Ref{}
			donors = append(donors, &Donor{Mailbox: a.Mailbox, Source: a.Message, Made: made, ours: true})
			continue
		}
		if a.Donor = donors[i]; taken[a.Donor] == nil {
			taken[a.Donor] = map[Name]bool{}
		}
		taken[a.Donor][a.Mailbox] = true
	}
}

// twins returns the header digests that a mailbox has twice in a family: there they
// decide nothing.
func (f *donorFinder) twins(y family) map[Digest]bool {
	type place struct {
		mailbox Name
		header  Digest
	}
	seen, twins := map[place]bool{}, map[Digest]bool{}
	note := func(mailbox Name, header Digest) {
		at := place{mailbox, header}
		twins[header] = twins[header] || seen[at]
		seen[at] = true
	}
	for _, a := range y.copies {
		note(a.Mailbox, a.Message.Identity.Header)
	}
	for _, d := range y.donors {
		note(d.Mailbox, d.Source.Identity.Header)
	}
	return twins
}

// fits reports whether d can be the donor of a copy.
func (f *donorFinder) fits(d *Donor, a *Action, twins map[Digest]bool) bool {
	m, policy := &a.Message, f.Policy
	if f.traits[f.to].Numbers && (!d.Made.Date.Equal(m.Date) || d.Made.Flags.Has(imap.FlagDeleted) && !m.Flags.Has(imap.FlagDeleted)) {
		return false // COPY keeps both
	}
	if !policy.Flags.Allows(f.to) && !d.Made.Flags.Equal(m.Flags) {
		return false // what an interrupted COPY took along would stay
	}
	files := f.traits[f.from].Local && f.traits[f.to].Local // of which octets are copied, line ends and all
	if d.Made.UID != 0 && (!sameOctets(&d.Source, &d.Made) || files && d.Made.Identity.Form != m.Identity.Form) {
		return false
	}
	object := m.Identity.ObjectID != "" && m.Identity.ObjectID == d.Source.Identity.ObjectID && m.Size == d.Source.Size
	return object || f.same(d, a, twins)
}

// sameOctets reports whether a copy is known to have the octets of its source: that two
// headers are the same makes a pair, and no third message.
func sameOctets(source, made *Message) bool {
	return source.Identity.Exact.Known() && source.Identity.Exact == made.Identity.Exact
}

// same reports whether content proves that d's source is the message that is copied.
func (f *donorFinder) same(d *Donor, a *Action, twins map[Digest]bool) bool {
	one, other := &d.Source, &a.Message
	if one.Size != other.Size {
		return false
	}
	if one.Identity.Exact.Known() && other.Identity.Exact.Known() {
		return one.Identity.Exact == other.Identity.Exact && one.Identity.Form == other.Identity.Form
	}
	header := other.Identity.Header
	return header.Known() && one.Identity.Header == header && !twins[header] && one.Date.Equal(other.Date) &&
		one.Identity.Decisive && other.Identity.Decisive && one.Identity.Foreign == 0 && other.Identity.Foreign == 0 &&
		!f.drafts(d.Mailbox) && !f.drafts(a.Mailbox)
}

// drafts reports whether headers decide nothing in a mailbox.
func (f *donorFinder) drafts(name Name) bool {
	b := findBox(f.boxes, name)
	return b == nil || slices.ContainsFunc(b.sides[:], func(s boxSide) bool {
		return s.listed != nil && s.listed.Role == imap.MailboxAttrDrafts || s.row != nil && s.row.Role == imap.MailboxAttrDrafts
	})
}
