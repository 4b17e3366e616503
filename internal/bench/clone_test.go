package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A copy shares messages, which nobody writes into, and nothing else.
func TestCloneSharesOnlyMessages(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	mustWrite(t, filepath.Join(from, ".box", "cur", "1:2,S"), "mail")
	mustWrite(t, filepath.Join(from, ".box", "dovecot-uidlist"), "index")
	old := time.Unix(1_500_000_000, 123_000)
	for _, dir := range []string{".box/dovecot-uidlist", ".box/cur", ".box"} {
		if err := os.Chtimes(filepath.Join(from, dir), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := clone(from, to); err != nil {
		t.Fatal(err)
	}
	for path, shared := range map[string]bool{".box/cur/1:2,S": true, ".box/dovecot-uidlist": false} {
		one, err := os.Stat(filepath.Join(from, path))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.Stat(filepath.Join(to, path))
		if err != nil {
			t.Fatal(err)
		}
		if os.SameFile(one, other) != shared || one.Size() != other.Size() {
			t.Errorf("%s: got shared %v, %d octets; want %v, %d", path, !shared, other.Size(), shared, one.Size())
		}
	}
	for _, path := range []string{".box/dovecot-uidlist", ".box/cur", ".box"} {
		if info, err := os.Stat(filepath.Join(to, path)); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s: got %v, error %v; want the time of the original", path, info.ModTime(), err)
		}
	}
}
