package mirrortest

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// Copy stores what a donor holds once more, with other flags. A donor of an IMAP-like
// store must have the date and the size that it is known by and no \Deleted, one of a
// Maildir-like store the octets.
func (h *handle) Copy(ctx context.Context, copies []mirror.Copying, target mirror.Name) ([]mirror.Copied, error) {
	return h.copyAll(ctx, copies, target, true)
}

// copyAll leaves the flags of the donors where flagged is not set, as a server does
// before it is told others.
func (h *handle) copyAll(ctx context.Context, copies []mirror.Copying, target mirror.Name, flagged bool) ([]mirror.Copied, error) {
	b, err := h.begin(ctx, OpCopy)
	if err != nil {
		return nil, err
	}
	s := h.server()
	defer s.mu.Unlock()
	to, err := s.box(target)
	if err == nil && (to == b || !s.options.traits("").Copies) {
		err = fmt.Errorf("%w: onto itself, or without telling UIDs", mirror.ErrRefused)
	}
	if err != nil {
		return nil, h.wrap(refused(fmt.Errorf("copy: %w", err)))
	}
	var results []mirror.Copied
	for _, c := range copies {
		m := h.see(b, c.Donor.Ref)
		if m == nil || !h.unchanged(m, c.Donor) {
			results = append(results, mirror.Copied{From: c.Donor.Ref, Err: h.wrap(refused(mirror.ErrGone))})
			continue
		}
		if !s.options.Maildir && m.flags.Has(imap.FlagDeleted) && !c.Flags.Has(imap.FlagDeleted) {
			results = append(results, mirror.Copied{From: c.Donor.Ref, Err: h.wrap(refused(mirror.ErrRefused))})
			continue
		}
		s.log = append(s.log, Command{OpCopy, h.name, c.Donor.Ref, target})
		results = append(results, h.copy(m, c, to, flagged))
	}
	return results, nil
}

// unchanged reports whether a message is what a donor was known as.
func (h *handle) unchanged(m *message, donor mirror.Message) bool {
	if !h.options().Maildir {
		return m.date.Equal(donor.Date) && (donor.Size == 0 || h.server().size(m) == donor.Size)
	}
	if !donor.Identity.Exact.Known() {
		return h.server().size(m) == donor.Size
	}
	hasher := mirror.NewHasher(m.form(true))
	hasher.Write(m.body)
	return hasher.Sum().Exact == donor.Identity.Exact
}

func (h *handle) copy(m *message, c mirror.Copying, to *box, flagged bool) mirror.Copied {
	s, result := h.server(), mirror.Copied{From: c.Donor.Ref}
	o := &s.options
	double := &message{base: c.Reserved.Base, body: m.body, flags: m.flags, date: m.date, object: m.object}
	switch {
	case o.Quota > 0 && s.octets()+int64(len(m.body)) > o.Quota:
		result.Err = h.wrap(refused(mirror.ErrOverQuota))
		return result
	case o.Maildir && (c.Reserved.Base == "" || to.byBase(c.Reserved.Base) != nil):
		result.Err = h.wrap(refused(fmt.Errorf("%w: file %q", mirror.ErrRefused, c.Reserved.Base)))
		return result
	case o.Maildir:
		double.date = wholeSeconds(c.Date)
	}
	if flagged || o.Maildir {
		double.flags = o.stored(c.Flags)
	}
	if s.drop(to, double) {
		double.id = s.number(to)
	} else {
		s.add(to, double)
	}
	result.Flags, result.To = o.keeps().Only(double.flags), mirror.Ref{UID: double.id}
	if o.Maildir {
		result.To = c.Reserved
	}
	return result
}
