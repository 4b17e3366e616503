package config

import (
	"os"
	"path/filepath"
	"testing"
)

func environment(pairs map[string]string) func(string) string {
	return func(key string) string { return pairs[key] }
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag string
		env  map[string]string
		want string // empty: an error
	}{
		{"", map[string]string{"HOME": "/home/ann"}, "/home/ann/.config/mailtwin/config.toml"},
		{"", map[string]string{"HOME": "/home/ann", "XDG_CONFIG_HOME": "/xdg/"}, "/xdg/mailtwin/config.toml"},
		{"", map[string]string{"HOME": "/home/ann", "XDG_CONFIG_HOME": "xdg"}, "/home/ann/.config/mailtwin/config.toml"},
		{"", map[string]string{"HOME": "/home/ann", "XDG_CONFIG_HOME": "/xdg", "MAILTWIN_CONFIG": "/m.toml"}, "/m.toml"},
		{"", map[string]string{"HOME": "/home/ann", "MAILTWIN_CONFIG": "~/m.toml"}, "/home/ann/m.toml"},
		{"f.toml", map[string]string{"HOME": "/home/ann", "XDG_CONFIG_HOME": "/xdg", "MAILTWIN_CONFIG": "/m.toml"}, "f.toml"},
		{"../f.toml", nil, "../f.toml"},
		{"~/f.toml", map[string]string{"HOME": "/home/ann"}, "/home/ann/f.toml"},
		{"", map[string]string{"XDG_CONFIG_HOME": "/xdg"}, "/xdg/mailtwin/config.toml"},
		{"", nil, ""},
		{"", map[string]string{"HOME": "ann"}, ""},
		{"~/f.toml", nil, ""},
		{"~bob/f.toml", map[string]string{"HOME": "/home/ann"}, ""},
	} {
		got, err := Find(test.flag, environment(test.env))
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Find(%q) with %v: got %q, %v, want %q", test.flag, test.env, got, err, test.want)
		}
	}
}

func TestStateDir(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  map[string]string
		want string // empty: an error
	}{
		{map[string]string{"HOME": "/home/ann"}, "/home/ann/.local/state/mailtwin"},
		{map[string]string{"HOME": "/home/ann", "XDG_STATE_HOME": "/xdg"}, "/xdg/mailtwin"},
		{map[string]string{"HOME": "/home/ann", "XDG_STATE_HOME": "xdg"}, "/home/ann/.local/state/mailtwin"},
		{map[string]string{"HOME": "/home/ann", "XDG_STATE_HOME": "/xdg", "MAILTWIN_STATE": "/s/"}, "/s"},
		{map[string]string{"HOME": "/home/ann", "MAILTWIN_STATE": "~"}, "/home/ann"},
		{map[string]string{"HOME": "/home/ann", "MAILTWIN_STATE": "state"}, ""},
		{nil, ""},
	} {
		got, err := StateDir(environment(test.env))
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("StateDir with %v: got %q, %v, want %q", test.env, got, err, test.want)
		}
	}
	_, err := StateDir(environment(map[string]string{"MAILTWIN_STATE": "state"}))
	if want := `path "state": the path is relative, and would mean another place under cron`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "real", "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"real", "real", true},
		{"real", "real/a", true},
		{"real", "real2", false},
		{"real/a", "real/b", false},
		{"real/a", "real/a..b", false},
		{"real", "real/..b", true},
		{"link", "real", true},
		{"link/a", "real", true},
		{"link/not/yet", "real/not", true},
		{"link/not", "real/yet", false},
		{"none", "none/x", true},
		{"none", "other", false},
	} {
		a, b := filepath.Join(dir, test.a), filepath.Join(dir, test.b)
		if got := overlap(a, b); got != test.want {
			t.Errorf("overlap(%q, %q): got %v, want %v", test.a, test.b, got, test.want)
		}
		if got := overlap(b, a); got != test.want {
			t.Errorf("overlap(%q, %q): got %v, want %v", test.b, test.a, got, test.want)
		}
	}
	if !overlap("/", "/m") || !overlap("/m", "/") {
		t.Error("overlap with the root directory: got false")
	}
}

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/home/ann/.config/mailtwin/config.toml": "/home/ann/.config/mailtwin/config.toml",
		"/a b":                                   "'/a b'",
		"it's":                                   `'it'\''s'`,
		"$(x)":                                   "'$(x)'",
		"":                                       "''",
	} {
		if got := shellQuote(path); got != want {
			t.Errorf("shellQuote(%q): got %s, want %s", path, got, want)
		}
	}
}
