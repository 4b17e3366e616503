package mirrortest

import (
	"bytes"
	"context"
	"fmt"

	"mailtwin/mirror"
)

// octets returns the message's body as a read finds it: empty while it is
// hollow.
func (m *message) octets() []byte {
	if m.hollow > 0 {
		m.hollow--
		return nil
	}
	return m.body
}

func (h *handle) Identify(ctx context.Context, refs []mirror.Ref, depth mirror.Depth) ([]mirror.Identified, error) {
	b, err := h.begin(ctx, OpIdentify)
	if err != nil {
		return nil, err
	}
	defer h.server().mu.Unlock()
	var list []mirror.Identified
	for _, ref := range refs {
		if m := h.see(b, ref); m != nil {
			h.note(OpIdentify, ref)
			list = append(list, h.identify(ref, m, depth))
		}
	}
	return list, nil
}

func (h *handle) identify(ref mirror.Ref, m *message, depth mirror.Depth) mirror.Identified {
	body := m.octets()
	if len(body) == 0 {
		return mirror.Identified{Ref: ref, Err: h.wrap(mirror.ErrEmptyBody)}
	}
	found := mirror.Identified{Ref: ref, Date: m.date}
	if depth == mirror.Headers {
		found.Identity = mirror.IdentifyHeader(body)
	} else {
		hasher := mirror.NewHasher(m.form(h.options().Maildir))
		hasher.Write(body)
		found.Identity, found.Size = hasher.Sum(), hasher.Size()
	}
	found.Identity.ObjectID = m.object
	return found
}

// Fetch gives the lock back while sink works: it may use the same server.
func (h *handle) Fetch(ctx context.Context, refs []mirror.Ref, sink func(mirror.Body) error) error {
	for _, ref := range refs {
		body, found, err := h.fetch(ctx, ref)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := sink(body); err != nil {
			return err
		}
	}
	return nil
}

func (h *handle) fetch(ctx context.Context, ref mirror.Ref) (mirror.Body, bool, error) {
	b, err := h.begin(ctx, OpFetch)
	if err != nil {
		return mirror.Body{}, false, err
	}
	defer h.server().mu.Unlock()
	m := h.see(b, ref)
	if m == nil {
		return mirror.Body{}, false, nil
	}
	h.note(OpFetch, ref)
	octets := m.octets()
	body := mirror.Body{Ref: ref, Reader: bytes.NewReader(octets), Octets: int64(len(octets)), Size: int64(len(octets)),
		Form: m.form(h.options().Maildir), NUL: bytes.IndexByte(octets, 0) >= 0}
	if body.Form == mirror.LF {
		body.Size += int64(bytes.Count(octets, []byte("\n")))
	}
	return body, true, nil
}

// Reserve names messages to come, in a Maildir-like store.
func (h *handle) Reserve(n int) []mirror.Ref {
	refs := make([]mirror.Ref, n)
	if !h.options().Maildir {
		return refs
	}
	h.server().lock()
	defer h.server().mu.Unlock()
	for i := range refs {
		base := h.server().newBase()
		refs[i] = mirror.Ref{UID: h.numbers.of(base), Base: base}
	}
	return refs
}

// refused is an error of an effect that certainly did not happen.
func refused(err error) error { return fmt.Errorf("%w: %w", mirror.ErrNotDone, err) }
