package maildir

import (
	"errors"
	"testing"

	"mailtwin/mirror"
)

// TestViewSearches: a Maildir says that it cannot search.
func TestViewSearches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, err := w.box(inbox).View(t.Context(), mirror.Known{Search: &mirror.Search{Criteria: mirror.Criteria{Text: "ALL"}}})
	if !errors.Is(err, mirror.ErrSearch) || mirror.ReachOf(err) != mirror.ReachMailbox {
		t.Errorf("got %v, want ErrSearch", err)
	}
}
