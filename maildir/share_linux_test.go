package maildir

import (
	"os"
	"path/filepath"
	"testing"
)

// TestShareBlocks: where the file system of the temporary directory has FICLONE, a file
// shares blocks with another one; where it has not, nothing is written.
//
//	TMPDIR=/path/on/xfs go test ./maildir -run TestShareBlocks
func TestShareBlocks(t *testing.T) {
	w := newWorld(t, nil)
	b, err := w.openBox(inbox, w.access)
	if err != nil {
		w.create(inbox)
		if b, err = w.openBox(inbox, w.access); err != nil {
			t.Fatal(err)
		}
	}
	defer b.close()
	text := make([]byte, 100_000)
	for i := range text {
		text[i] = byte(i)
	}
	if err := os.WriteFile(filepath.Join(b.tmp.full, "from"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	from, _, err := realDisk{}.open(b.tmp, "from")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := realDisk{}.create(b.tmp, "to")
	if err != nil {
		t.Fatal(err)
	}
	shared := realDisk{}.share(from, to)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(b.tmp.full, "to"))
	if err != nil {
		t.Fatal(err)
	}
	if !shared {
		if len(got) != 0 {
			t.Errorf("got %d octets, want none where blocks are not shared", len(got))
		}
		t.Skip("this file system does not share blocks")
	}
	if string(got) != string(text) {
		t.Errorf("got %d octets, want the %d of the other file", len(got), len(text))
	}
}
