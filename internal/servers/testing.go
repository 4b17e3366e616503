package servers

import (
	"errors"
	"os"
	"testing"
)

// Need starts a Dovecot that ends with the test. Where none is installed the
// test is skipped aloud; with MAILTWIN_NO_SKIP set, as in CI, it fails.
func Need(t testing.TB, opts Options) *Dovecot {
	t.Helper()
	d, err := StartDovecot(t.Context(), opts)
	if errors.Is(err, ErrMissing) && os.Getenv("MAILTWIN_NO_SKIP") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}
