package mirrortest

import (
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// SetSearch replaces Options.Search.
func (s *Server) SetSearch(search func(criteria string, m Held) (bool, error)) {
	s.lock()
	defer s.mu.Unlock()
	s.options.Search = search
}

// search returns those of the messages that are asked about which match.
func (h *handle) search(b *box, search mirror.Search, arrived []mirror.Message) (found []imap.UID, err error) {
	if h.options().Search == nil {
		return nil, fmt.Errorf("%w: this store cannot search", mirror.ErrSearch)
	}
	asked := map[imap.UID]bool{}
	for _, uid := range search.Among {
		asked[uid] = true
	}
	for _, m := range arrived {
		asked[m.UID] = true
	}
	for _, m := range h.server().shown(b) {
		uid := h.ref(m).UID
		if !asked[uid] {
			continue
		}
		h.note(OpSearch, h.ref(m))
		matches, err := h.options().Search(search.Text, Held{m.id, m.base, m.body, m.flags, m.date})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", mirror.ErrSearch, err)
		}
		if matches {
			found = append(found, uid)
		}
	}
	slices.Sort(found)
	return found, nil
}
