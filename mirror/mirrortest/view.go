package mirrortest

import (
	"cmp"
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// View compares everything, whatever mod-sequences could save: it is the model
// that cheaper ways must agree with. With Newest it leaves out what they may.
func (h *handle) View(ctx context.Context, known mirror.Known) (mirror.View, error) {
	b, err := h.begin(ctx, OpView)
	if err != nil {
		return mirror.View{}, err
	}
	defer h.server().mu.Unlock()
	h.note(OpView, mirror.Ref{})
	v := mirror.View{Checkpoint: h.server().checkpoint(b), Renumbered: h.renumbered(b), Keeps: h.options().keeps(), Full: known.Full || h.options().Newest == 0}
	messages, err := known.All()
	if err != nil {
		return mirror.View{}, err
	}
	if v.Renumbered {
		messages = nil
		h.numbers.uid = nil
	}
	if h.options().Maildir {
		for _, k := range messages {
			h.numbers.set(k.Base, k.UID)
		}
	}
	h.compare(b, messages, &v)
	if h.options().Maildir {
		v.Checkpoint.UIDNext = h.numbers.next
	}
	if newest := h.options().Newest; !v.Full && len(messages) > newest {
		first := messages[len(messages)-newest].UID
		v.Changed = slices.DeleteFunc(v.Changed, func(m mirror.KnownMessage) bool { return m.UID < first })
	}
	h.look(b)
	h.viewed = true
	if known.Search != nil {
		v.Found, err = h.search(b, *known.Search, v.New)
	}
	return v, err
}

// renumbered reports whether what was known of the mailbox's UIDs means
// nothing any more: against the state at the first view, against the view
// before at a later one.
func (h *handle) renumbered(b *box) bool {
	switch {
	case h.options().Maildir:
		return false
	case h.viewed:
		return b.next < h.status.UIDNext
	}
	return h.known.UIDValidity != 0 && h.known.UIDValidity != b.validity || b.next < h.known.UIDNext
}

// compare fills the lists of v.
func (h *handle) compare(b *box, known []mirror.KnownMessage, v *mirror.View) {
	flags := map[imap.UID]mirror.Flags{}
	for _, k := range known {
		flags[k.UID] = k.Flags
	}
	shown := map[imap.UID]bool{}
	var lowest imap.UID
	for _, m := range h.server().shown(b) {
		ref := h.ref(m)
		shown[ref.UID] = true
		before, isKnown := flags[ref.UID]
		switch {
		case !isKnown:
			v.New = append(v.New, h.message(ref, m))
		case !before.Equal(m.flags):
			v.Changed = append(v.Changed, mirror.KnownMessage{Ref: ref, Flags: m.flags})
		}
		v.Total++
		if lowest == 0 || ref.UID < lowest {
			lowest = ref.UID
		}
	}
	for _, k := range known {
		switch {
		case shown[k.UID]:
		case h.windowed(v.Total) && k.UID < lowest:
			v.Unknown = append(v.Unknown, k.Ref)
		default:
			v.Gone = append(v.Gone, k.Ref)
		}
	}
	slices.SortFunc(v.New, func(x, y mirror.Message) int { return cmp.Compare(x.UID, y.UID) })
	slices.SortFunc(v.Changed, func(x, y mirror.KnownMessage) int { return cmp.Compare(x.UID, y.UID) })
}

func (h *handle) message(ref mirror.Ref, m *message) mirror.Message {
	return mirror.Message{Ref: ref, Flags: m.flags, Size: h.server().size(m), Date: m.date,
		Identity: mirror.Identity{ObjectID: m.object}}
}

// windowed reports whether a mailbox that shows total messages may hold more.
func (h *handle) windowed(total int) bool {
	return h.options().Window > 0 && total == h.options().Window
}

// Absent asks the store itself, past any stale or wrong listing. Below a full
// window it can say nothing.
func (h *handle) Absent(ctx context.Context, refs []mirror.Ref) ([]mirror.Ref, error) {
	b, err := h.begin(ctx, OpAbsent)
	if err != nil {
		return nil, err
	}
	defer h.server().mu.Unlock()
	shown := h.server().shown(b)
	var absent []mirror.Ref
	for _, ref := range refs {
		h.note(OpAbsent, ref)
		below := h.windowed(len(shown)) && ref.UID < shown[0].id
		if !below && h.find(b, ref) == nil {
			absent = append(absent, ref)
		}
	}
	return absent, nil
}
