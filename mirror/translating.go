package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"mailtwin/nametrans"
)

// The far side may have other names for mailboxes than the pair, which goes by those of
// the near side (decision 010). Listings are translated as they come, and what is asked
// of the far side as it goes out; nothing in between knows two names.

// translate puts the names of the pair into the far listing. Mailboxes that the rules do
// not map one-to-one are left out of it, and are blocked by their names of the pair.
func (x *run) translate(listings *[2]Listing) {
	x.unmapped, x.outside = map[Name]string{}, nil
	if x.Rules.Empty() {
		return
	}
	var names [2][]nametrans.Mailbox
	for _, s := range Sides {
		for _, l := range listings[s].Mailboxes {
			if !l.NoSelect { // what holds no mail has no counterpart
				names[s] = append(names[s], nametrans.Mailbox{Name: l.Name, Role: string(l.Role)})
			}
		}
	}
	fold := x.traits[Far].FoldsCase || x.traits[Near].FoldsCase
	// What takes part may depend on what the far side says of a mailbox, which is known
	// by its name there. So all are translated first, and then proved which take part.
	all := x.Rules.Translate(names[Far], names[Near], nil, fold)
	for _, l := range listings[Far].Mailboxes {
		if name, ok := all.Near(l.Name); ok {
			x.learn(name, l.Role, l.Subscribed, true)
		}
	}
	x.names = x.Rules.Translate(names[Far], names[Near], x.selects, fold)
	for _, stop := range x.names.Stopped {
		reason := stopReason(stop)
		for _, name := range slices.Concat(stop.Near, stop.NewNear) {
			x.unmapped[name] = reason
		}
	}
	for _, l := range listings[Far].Mailboxes {
		if _, ok := x.names.Near(l.Name); !ok && !l.NoSelect {
			x.outside = append(x.outside, l)
		}
	}
	x.rename(&listings[Far])
}

// stopReason says why mailboxes are left alone, which they are, and by which rules.
func stopReason(stop nametrans.Stop) string {
	reason := fmt.Sprintf("%s: %s", stop.Reason, spelled(stop.Far, stop.Near))
	if len(stop.Rules) > 0 {
		reason += " (" + strings.Join(stop.Rules, ", ") + ")"
	}
	return reason
}

// rename translates a far listing by what was proved last.
func (x *run) rename(listing *Listing) {
	if x.Rules.Empty() {
		return
	}
	kept := make([]Listed, 0, len(listing.Mailboxes))
	for _, l := range listing.Mailboxes {
		name, ok := x.names.Near(l.Name)
		if !ok {
			continue
		}
		if name != l.Name {
			l.Origin, l.Name = l.Name, name
		}
		kept = append(kept, l)
	}
	slices.SortFunc(kept, func(a, b Listed) int { return strings.Compare(string(a.Name), string(b.Name)) })
	listing.Mailboxes = kept
}

// blockUnmapped leaves mailboxes alone that have no name of their own on the other side,
// or that the rules lead elsewhere than before: UIDs of one mailbox must never be taken
// for those of another. A box that is there on neither side shows nothing of that, so it
// is named here.
func (x *run) blockUnmapped(byName map[Name]*box) {
	for _, stop := range x.names.Stopped {
		shown := func(name Name) bool {
			return byName[name] != nil && (byName[name].sides[Far].exists() || byName[name].sides[Near].exists())
		}
		if !slices.ContainsFunc(slices.Concat(stop.Near, stop.NewNear), shown) {
			x.problem(Problem{Side: Far, Reason: "left out: " + stopReason(stop)})
		}
	}
	x.findElsewhere(byName)
	for name, reason := range x.unmapped {
		if b := byName[name]; b != nil {
			for _, s := range Sides {
				b.sides[s].blocked = reason
			}
		}
	}
}

// findElsewhere adds the mailboxes to unmapped of which the state knows another pairing.
func (x *run) findElsewhere(byName map[Name]*box) {
	paired := x.pairedBefore()
	for name, b := range byName {
		far := &b.sides[Far]
		if far.listed == nil || far.row == nil || far.row.Origin == far.listed.Origin {
			continue
		}
		x.unmapped[name] = fmt.Sprintf("it is now paired with far %+q, and was with far %+q", far.listed.origin().String(), far.row.origin().String())
	}
	for name, b := range byName {
		far := &b.sides[Far]
		if far.listed == nil || far.row != nil {
			continue
		}
		origin := far.listed.origin()
		if before := paired[origin]; before != "" && before != name {
			// To copy all of it anew would double it, as soon as a server does not tell a role once.
			reason := fmt.Sprintf("far %+q is now paired with near %+q, and was with near %+q", origin.String(), name.String(), before.String())
			x.unmapped[name] = reason
			x.keepListed(byName[before], *far.listed, reason)
		}
	}
	for _, l := range x.outside {
		for _, stop := range x.names.Stopped {
			if slices.Contains(stop.Far, l.Name) {
				x.keepListed(byName[paired[l.Name]], l, stopReason(stop))
			}
		}
	}
}

// keepListed shows a far mailbox, which is there, in the box that it was paired with, and
// stops that: it is not missing, and what leaves it is not new elsewhere. Where near has
// that mailbox no more, it is forgotten.
func (x *run) keepListed(was *box, l Listed, reason string) {
	if was == nil || was.sides[Far].listed != nil || !was.sides[Near].exists() {
		return
	}
	l.Origin, l.Name = l.origin(), was.name
	if l.Origin == l.Name {
		l.Origin = ""
	}
	was.sides[Far].listed = &l
	if x.unmapped[was.name] == "" {
		x.unmapped[was.name] = reason
	}
}

// pairedBefore returns the names of the pair that the state has for far mailboxes, by
// what those are called on the far side.
func (x *run) pairedBefore() map[Name]Name {
	paired := map[Name]Name{}
	for i := range x.snapshot.Mailboxes {
		if row := &x.snapshot.Mailboxes[i]; row.Side == Far {
			paired[row.origin()] = row.Name
		}
	}
	return paired
}

// origin is the name on the side itself.
func (l *Listed) origin() Name {
	if l.Origin != "" {
		return l.Origin
	}
	return l.Name
}

func (r *MailboxRow) origin() Name {
	if r.Origin != "" {
		return r.Origin
	}
	return r.Name
}

// own is the name of a mailbox on a side itself: as it is listed, was when it was there,
// or would be.
func (x *run) own(b *box, s Side) Name {
	switch side := &b.sides[s]; {
	case side.listed != nil:
		return side.listed.origin()
	case side.row != nil:
		return side.row.origin()
	}
	return cmp.Or(x.originOf(s, b.name), b.name)
}

// originOf is what a mailbox that is made on a side will be called there, as it is kept
// in the state.
func (x *run) originOf(s Side, name Name) Name {
	if s == Near || x.Rules.Empty() {
		return ""
	}
	if far, ok := x.names.Far(name); ok && far != name {
		return far
	}
	return ""
}

// translated is a far side that is asked by the names of the pair. Its listings are
// translated by those who need both.
type translated struct {
	Repository
	x *run
}

// outward returns the far side's own name.
func (r *translated) outward(name Name) (Name, error) {
	far, ok := r.x.names.Far(name)
	if !ok {
		return "", fmt.Errorf("%w: no far mailbox corresponds to it by the rules", ErrName)
	}
	return far, nil
}

func (r *translated) Expect(ctx context.Context, calls []Expected) {
	known := make([]Expected, 0, len(calls))
	for _, call := range calls {
		far, err := r.outward(call.Name)
		if err != nil {
			continue // the call itself will say so
		}
		call.Name = far
		known = append(known, call)
	}
	r.Repository.Expect(ctx, known)
}

func (r *translated) Create(ctx context.Context, name Name, role Role) error {
	far, err := r.outward(name)
	if err != nil {
		return err
	}
	return r.Repository.Create(ctx, far, role)
}

func (r *translated) Rename(ctx context.Context, from, to Name) error {
	old, err := r.outward(from)
	if err != nil {
		return err
	}
	far, err := r.outward(to)
	if err != nil {
		return err
	}
	return r.Repository.Rename(ctx, old, far)
}

func (r *translated) Delete(ctx context.Context, name Name) error {
	far, err := r.outward(name)
	if err != nil {
		return err
	}
	return r.Repository.Delete(ctx, far)
}

func (r *translated) Subscribe(ctx context.Context, name Name, on bool) error {
	far, err := r.outward(name)
	if err != nil {
		return err
	}
	return r.Repository.Subscribe(ctx, far, on)
}

func (r *translated) Open(ctx context.Context, name Name, access Access, known Checkpoint) (Mailbox, error) {
	far, err := r.outward(name)
	if err != nil {
		return nil, err
	}
	m, err := r.Repository.Open(ctx, far, access, known)
	if err != nil {
		return nil, err
	}
	return &translatedMailbox{m, r}, nil
}

type translatedMailbox struct {
	Mailbox
	side *translated
}

func (m *translatedMailbox) Move(ctx context.Context, moves []Move, target Name) ([]Moved, error) {
	far, err := m.side.outward(target)
	if err != nil {
		return nil, err
	}
	return m.Mailbox.Move(ctx, moves, far)
}

func (m *translatedMailbox) Copy(ctx context.Context, copies []Copying, target Name) ([]Copied, error) {
	far, err := m.side.outward(target)
	if err != nil {
		return nil, errors.Join(ErrNotDone, err)
	}
	return m.Mailbox.Copy(ctx, copies, far)
}

// AppendLate implements LateAppender, also where the mailbox does not.
func (m *translatedMailbox) AppendLate(ctx context.Context, batch iter.Seq[Incoming]) func() ([]Appended, error) {
	return appendLate(ctx, m.Mailbox, batch)
}
