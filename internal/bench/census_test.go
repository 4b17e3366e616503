package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLocalCensusIsThatOfTheShape(t *testing.T) {
	root, s := filepath.Join(t.TempDir(), "Mail"), shape{3, 10, 1_000, 1}
	if err := fillMaildir(root, s); err != nil {
		t.Fatal(err)
	}
	got, err := lookLocal(root, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.differs(s.census()); err != nil {
		t.Error(err)
	}
	if got.octets() >= s.octets() || got.octets() < s.octets()*9/10 {
		t.Errorf("got %d octets with LF, want a little less than %d", got.octets(), s.octets())
	}
}

// Each of these changes must be seen, or a run that failed would count.
func TestCensusSeesEveryDifference(t *testing.T) {
	changes := map[string]func(root, file string) error{
		"removed": func(_, file string) error { return os.Remove(file) },
		"flag":    func(_, file string) error { return os.Rename(file, file+"F") },
		"moved": func(root, file string) error {
			return os.Rename(file, filepath.Join(root, mailboxName(1), "cur", "x:2,S"))
		},
		"new": func(root, _ string) error {
			return os.WriteFile(filepath.Join(root, "INBOX", "new", "x"), []byte("x"), 0o600)
		},
		"new mailbox": func(root, _ string) error { _, err := makeMaildir(root, "more"); return err },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			root, s := filepath.Join(t.TempDir(), "Mail"), shape{2, 10, 1_000, 1}
			if err := fillMaildir(root, s); err != nil {
				t.Fatal(err)
			}
			before, err := stamp(root)
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(root, "INBOX", "cur", "*:2,S"))
			if err != nil || len(files) == 0 {
				t.Fatalf("got %d files, error %v", len(files), err)
			}
			if err := change(root, files[0]); err != nil {
				t.Fatal(err)
			}
			got, err := lookLocal(root, true)
			if err != nil {
				t.Fatal(err)
			}
			after, err := stamp(root)
			if err != nil {
				t.Fatal(err)
			}
			empty := name == "new mailbox" // an empty one counts as none
			if differs := got.differs(s.census()) != nil; differs == empty || (before == after) != empty {
				t.Errorf("got a difference %v, other names %v; want %v", differs, before != after, !empty)
			}
		})
	}
}

func TestEmptyFileIsNoMessage(t *testing.T) {
	root := t.TempDir()
	mustWrite(t, filepath.Join(root, "INBOX", "cur", "1:2,"), "")
	if err := os.Mkdir(filepath.Join(root, "INBOX", "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := lookLocal(root, true); err == nil {
		t.Error("got no error, want the empty file named")
	}
}

func TestMovedNames(t *testing.T) {
	for path, want := range map[string]string{
		"/a/cur/1.2_3.host,U=5:2,FS":                "1.2_3.host:2,FS",
		"/a/cur/1.2_3.host:2,":                      "1.2_3.host:2,",
		"/a/cur/1_0.5.host,U=5,FMD5=7e33429f6:2,RS": "1_0.5.host:2,RS",
	} {
		if got := movedName(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestSidesThatDiffer(t *testing.T) {
	due := census{"INBOX": {Messages: 2, Seen: 1}}
	side := func(octets int64) census { return census{"INBOX": {Messages: 2, Seen: 1, octets: octets}} }
	unread, more := census{"INBOX": {Messages: 2, octets: 1_000}}, census{"INBOX": {Messages: 2, Seen: 1, octets: 1_000}, "box": {Messages: 1}}
	for name, test := range map[string]struct {
		far, near census
		well      bool
	}{
		"alike":               {side(1_000), side(980), true},
		"with headers of its": {side(1_000), side(1_100), true},
		"cut short":           {side(1_000), side(500), false},
		"server unread":       {unread, side(980), false},
		"Maildir unread":      {side(1_000), unread, false},
		"server has more":     {more, side(980), false},
		"Maildir has more":    {side(1_000), more, false},
		"nothing anywhere":    {census{}, census{}, false},
	} {
		if err := compareSides(test.far, test.near, due); (err == nil) != test.well {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// What one round moves the next moves back, or others instead: the numbers in
// each mailbox change and return.
func TestMovesChangeTheNumbers(t *testing.T) {
	s := &stage{job: job{shape: shape{4, 10, 1_000, 1}, change: change{moved: 5}}, site: site{dir: t.TempDir()}}
	if err := fillMaildir(s.mail(), s.job.shape); err != nil {
		t.Fatal(err)
	}
	for round, want := range [][]int{{8, 12, 7, 13}, {10, 10, 10, 10}, {8, 12, 7, 13}} {
		s.round = round + 1
		if err := s.moveLocal(); err != nil {
			t.Fatal(err)
		}
		got, err := lookLocal(s.mail(), false)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range want {
			if got[mailboxName(i)].Messages != n {
				t.Errorf("round %d, mailbox %d: got %d messages, want %d", s.round, i, got[mailboxName(i)].Messages, n)
			}
		}
	}
}
