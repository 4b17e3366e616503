package maildir

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"mailtwin/mirror"
)

// mountSmall mounts a tmpfs of its own, or skips where that is not allowed.
// With MAILTWIN_NO_SKIP=1 it must be.
func mountSmall(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		if os.Getenv("MAILTWIN_NO_SKIP") == "1" {
			t.Fatalf("mount a small tmpfs: %v", err)
		}
		t.Skipf("a small tmpfs cannot be mounted here (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// TestFullDisk fills a real small file system by a download, once its space and
// once its inodes; makes room; and runs again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, options, larger string
	}{
		{"no space", "size=96k", "size=16m"},
		{"no inodes", "size=16m,nr_inodes=40", "size=16m,nr_inodes=4000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := mountSmall(t, test.options)
			u := &suite{layer: "broken disk"}
			p := newTwinPair(t, pairKinds()[0], dir)
			for n := range 60 {
				p.deliverFar(inbox, n, `\Seen`)
			}
			result, err := p.try(t.Context())
			if got := mirror.Exit(result, err); got != mirror.ExitFailed {
				t.Errorf("full: got exit %d (%v), want %d", got, err, mirror.ExitFailed)
			}
			if got := len(p.nearDump()[inbox]); got >= 60 {
				t.Fatalf("the disk was not full: %d messages", got)
			}
			result, err = p.try(t.Context())
			if got := mirror.Exit(result, err); got != mirror.ExitFailed {
				t.Errorf("still full: got exit %d (%v), want %d", got, err, mirror.ExitFailed)
			}
			p.wantNoLeftovers()
			if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, test.larger); err != nil {
				t.Fatal(err)
			}
			want := outcome{far: p.farDump(), near: p.farDump()}
			u.recover(p, want, test.name)
			u.note()
		})
	}
}

// wantNoLeftovers: what could not be delivered lies nowhere.
func (p *twinPair) wantNoLeftovers() {
	p.Helper()
	p.eachMaildir(func(_, path string) {
		for _, f := range p.readDir(filepath.Join(path, "tmp")) {
			p.Errorf("left in tmp: %s (%d octets)", f.name, len(f.text))
		}
	})
}
