package maildir

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// outcomes are all that afterPowerLoss made of a ledger of two directories.
func outcomes(l *ledger) []string {
	set := map[string]bool{}
	for seed := range uint64(200) {
		after := l.afterPowerLoss(seed)
		var names []string
		for _, dir := range []string{"a", "b"} {
			for name, node := range after.root.names[dir].names {
				names = append(names, dir+"/"+name+"="+strings.ReplaceAll(string(node.text), "\x00", "0"))
			}
		}
		slices.Sort(names)
		set[strings.Join(names, " ")] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// TestLedger holds the model against what POSIX says.
func TestLedger(t *testing.T) {
	t.Parallel()
	start := func() (l *ledger, a, b, file *inode) {
		l, a, b, file = newLedger(), newDir(), newDir(), &inode{}
		l.change(entryChange{dir: l.root, name: "a", node: a})
		l.change(entryChange{dir: l.root, name: "b", node: b})
		l.syncDir(l.root)
		file.write([]byte("xy"), 0)
		return l, a, b, file
	}
	for _, test := range []struct {
		name string
		do   func(l *ledger, a, b, file *inode)
		want []string
	}{
		{"file synced, name not", func(l *ledger, a, b, f *inode) {
			l.change(entryChange{dir: a, name: "f", node: f})
			f.syncFile()
		}, []string{"", "a/f=xy"}},
		{"name synced, file not", func(l *ledger, a, b, f *inode) {
			l.change(entryChange{dir: a, name: "f", node: f})
			l.syncDir(a)
		}, []string{"a/f=", "a/f=00", "a/f=x", "a/f=xy"}},
		{"fsync failed, then said nothing", func(l *ledger, a, b, f *inode) {
			l.change(entryChange{dir: a, name: "f", node: f})
			f.poisoned = true
			f.syncFile()
			l.syncDir(a)
		}, []string{"a/f=", "a/f=00", "a/f=x", "a/f=xy"}},
		{"rename within a directory", func(l *ledger, a, b, f *inode) {
			durable(l, a, f)
			l.change(entryChange{dir: a, name: "g", node: f}, entryChange{dir: a, name: "f"})
		}, []string{"a/f=xy", "a/g=xy"}},
		{"rename between directories", func(l *ledger, a, b, f *inode) {
			durable(l, a, f)
			l.change(entryChange{dir: b, name: "g", node: f}, entryChange{dir: a, name: "f"})
		}, []string{"a/f=xy", "a/f=xy b/g=xy", "b/g=xy"}},
		{"only the target synced", func(l *ledger, a, b, f *inode) {
			durable(l, a, f)
			l.change(entryChange{dir: b, name: "g", node: f}, entryChange{dir: a, name: "f"})
			l.syncDir(b)
		}, []string{"a/f=xy b/g=xy", "b/g=xy"}},
		{"only the source synced", func(l *ledger, a, b, f *inode) {
			durable(l, a, f)
			l.change(entryChange{dir: b, name: "g", node: f}, entryChange{dir: a, name: "f"})
			l.syncDir(a)
		}, []string{"", "b/g=xy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, a, b, f := start()
			test.do(l, a, b, f)
			if got := outcomes(l); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// durable makes f in a durable.
func durable(l *ledger, a, f *inode) {
	l.change(entryChange{dir: a, name: "f", node: f})
	f.syncFile()
	l.syncDir(a)
}
