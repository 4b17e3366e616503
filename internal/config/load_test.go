package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailtwin/nametrans"
)

// write returns the path of a new file with the given text and mode.
func write(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

// parseText parses text as config.toml of a user whose home is /home/ann.
func parseText(text string) (*Config, error) {
	return parse(&document{file: "config.toml", home: "/home/ann"}, text)
}

// design is the example of the design, word for word but for its comments.
const design = `
[repository.work]
type = "imap"
host = "imap.example.org"
tls = "implicit"
port = 993
user = "ann"
password_command = ["pass", "show", "mail/work"]

[repository.laptop]
type = "maildir"
path = "~/Mail/work"
layout = "nested"

[pair.work]
far = "work"
near = "laptop"
mode = "two-way"
mailboxes = ["*", "!Spam"]
deletions = "trash"
settle = "60s"
`

func matcher(t *testing.T, patterns ...string) nametrans.Matcher {
	t.Helper()
	m, err := nametrans.NewMatcher(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseDesign(t *testing.T) {
	t.Parallel()
	got, err := parseText(design)
	if err != nil {
		t.Fatal(err)
	}
	work := Repository{Name: "work", IMAP: &IMAP{
		Host: "imap.example.org", Port: 993, TLS: TLSImplicit, User: "ann",
		PasswordCommand: []string{"pass", "show", "mail/work"},
	}}
	laptop := Repository{Name: "laptop", Maildir: &Maildir{
		Path: "/home/ann/Mail/work", Layout: LayoutNested, Names: NamesUTF8,
	}}
	want := &Config{
		File:         "config.toml",
		Repositories: []Repository{work, laptop},
		Pairs: []Pair{{
			Name: "work", Far: work, Near: laptop, Mode: ModeTwoWay,
			Patterns: []string{"*", "!Spam"}, Mailboxes: matcher(t, "*", "!Spam"),
			Deletions: DeletionsTrash, Settle: time.Minute, Extra: ExtraKeep,
			New: TravelBoth, Flags: TravelBoth, Gone: TravelBoth, Create: TravelBoth, Remove: TravelNone,
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Every key that has a default is left out.
func TestParseDefaults(t *testing.T) {
	t.Parallel()
	c, err := parseText(`
[pair.b]
far = "server"
near = "tree"
[pair.a]
far = "tree"
near = "server"
[repository.tree]
type = "maildir"
path = "/var//mail/ann/"
layout = "maildir++"
[repository.server]
type = "imap"
host = "::1"
tls = "none"
user = "ann"
password = "hunter2"
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Repositories[0]; got.Name != "tree" || *got.Maildir != (Maildir{Path: "/var/mail/ann", Layout: LayoutMaildirPP, Names: NamesUTF7}) {
		t.Errorf("got %+v", got.Maildir)
	}
	server := c.Repositories[1].IMAP
	if server.Port != 143 || server.TLS != TLSNone || server.Password.Reveal() != "hunter2" || server.PasswordCommand != nil {
		t.Errorf("got %+v", server)
	}
	if c.Pairs[0].Name != "b" || c.Pairs[1].Name != "a" {
		t.Errorf("got pairs %q, %q, want the order of the file", c.Pairs[0].Name, c.Pairs[1].Name)
	}
	p := c.Pairs[0]
	if p.Mode != ModeTwoWay || p.Deletions != DeletionsTrash || p.Settle != time.Minute || p.Extra != ExtraKeep ||
		!reflect.DeepEqual(p.Patterns, []string{"*"}) || !p.Mailboxes.Match(nametrans.Inbox) {
		t.Errorf("got %+v", p)
	}
}

func TestParseRepositories(t *testing.T) {
	t.Parallel()
	sum := bytes.Repeat([]byte{0x0f}, 32)
	for _, test := range []struct {
		text string
		want Repository
	}{
		{
			"type = \"imap\"\nhost = \"LocalHost\"\ntls = \"none\"\nport = 1143\nuser = \"ann\"\npassword_command = [\"cat\"]",
			Repository{IMAP: &IMAP{Host: "LocalHost", Port: 1143, TLS: TLSNone, User: "ann", PasswordCommand: []string{"cat"}}},
		},
		{
			"type = \"imap\"\nhost = \"127.8.9.1\"\ntls = \"none\"\nuser = \"ann\"\npassword_command = [\"cat\", \"~\", \"\"]",
			Repository{IMAP: &IMAP{Host: "127.8.9.1", Port: 143, TLS: TLSNone, User: "ann", PasswordCommand: []string{"cat", "~", ""}}},
		},
		{
			"type = \"imap\"\nhost = \"2001:db8::1\"\ntls = \"starttls\"\nuser = \"ann\"\npassword_command = [\"cat\"]\n" +
				"tls_ca = \"~/ca.pem\"\ntls_fingerprint = \"SHA256:0F:" + strings.Repeat("0f:", 30) + "0f\"",
			Repository{IMAP: &IMAP{
				Host: "2001:db8::1", Port: 143, TLS: TLSStartTLS, User: "ann", PasswordCommand: []string{"cat"},
				TLSCA: "/home/ann/ca.pem", TLSFingerprint: sum,
			}},
		},
		{
			"type = \"imap\"\nhost = \"h\"\nport = 65535\nuser = \"ann\"\npassword_command = [\"cat\"]\n" +
				"tls_fingerprint = \"sha256:" + strings.Repeat("0f", 32) + "\"",
			Repository{IMAP: &IMAP{Host: "h", Port: 65535, TLS: TLSImplicit, User: "ann", PasswordCommand: []string{"cat"}, TLSFingerprint: sum}},
		},
		{
			"type = \"maildir\"\npath = \"~\"\nnames = \"utf-7\"",
			Repository{Maildir: &Maildir{Path: "/home/ann", Layout: LayoutNested, Names: NamesUTF7, NamesGiven: true}},
		},
		{
			"type = \"maildir\"\npath = \"/m/../m\"\nlayout = \"maildir++\"\nnames = \"utf-8\"",
			Repository{Maildir: &Maildir{Path: "/m", Layout: LayoutMaildirPP, Names: NamesUTF8, NamesGiven: true}},
		},
	} {
		test.want.Name = "x"
		c, err := parseText("[repository.x]\n" + test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		} else if !reflect.DeepEqual(c.Repositories, []Repository{test.want}) {
			t.Errorf("%s: got %+v, want %+v", test.text, c.Repositories, test.want)
		}
	}
}

// ends is two repositories for the pairs of tests; it takes lines 1 to 6.
const ends = `[repository.f]
type = "maildir"
path = "/f"
[repository.n]
type = "maildir"
path = "/n"
[pair.p]
far = "f"
near = "n"
`

func TestParsePolicies(t *testing.T) {
	t.Parallel()
	const both, near, far, none = TravelBoth, TravelToNear, TravelToFar, TravelNone
	for _, test := range []struct {
		text      string
		mode      Mode
		direction Direction
		travels   [5]Travel // new, flags, gone, create, remove
		extra     Extra
	}{
		{``, ModeTwoWay, "", [5]Travel{both, both, both, both, none}, ExtraKeep},
		{`remove = "none"`, ModeTwoWay, "", [5]Travel{both, both, both, both, none}, ExtraKeep},
		{"new = \"to-near\"\nflags = \"to-far\"\ngone = \"none\"\ncreate = \"both\"", ModeTwoWay, "", [5]Travel{near, far, none, both, none}, ExtraKeep},
		{"mode = \"mirror\"\ndirection = \"far-to-near\"", ModeMirror, FarToNear, [5]Travel{near, near, near, near, none}, ExtraKeep},
		{"mode = \"mirror\"\ndirection = \"near-to-far\"\nextra = \"remove\"", ModeMirror, NearToFar, [5]Travel{far, far, far, far, none}, ExtraRemove},
		{"mode = \"mirror\"\ndirection = \"near-to-far\"\ngone = \"none\"\nextra = \"keep\"", ModeMirror, NearToFar, [5]Travel{far, far, none, far, none}, ExtraKeep},
		{"mode = \"copy\"\ndirection = \"far-to-near\"", ModeCopy, FarToNear, [5]Travel{near, none, none, near, none}, ExtraKeep},
		{"mode = \"copy\"\ndirection = \"near-to-far\"\nflags = \"to-far\"\ncreate = \"none\"", ModeCopy, NearToFar, [5]Travel{far, far, none, none, none}, ExtraKeep},
	} {
		c, err := parseText(ends + test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		p := c.Pairs[0]
		travels := [5]Travel{p.New, p.Flags, p.Gone, p.Create, p.Remove}
		if p.Mode != test.mode || p.Direction != test.direction || travels != test.travels || p.Extra != test.extra {
			t.Errorf("%s: got %+v, want %+v", test.text, p, test)
		}
	}
	for text, want := range map[string]time.Duration{"0s": 0, "1h": time.Hour, "1m30s": 90 * time.Second} {
		if c, err := parseText(ends + `settle = "` + text + `"`); err != nil || c.Pairs[0].Settle != want {
			t.Errorf("settle %s: got %+v, %v, want %v", text, c, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	path := write(t, design, 0o644) // no password in it: any mode will do
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.File != path || len(c.Pairs) != 1 {
		t.Errorf("got %q with %d pairs, want %q with 1", c.File, len(c.Pairs), path)
	}
}

func TestLoadPasswordMode(t *testing.T) {
	t.Parallel()
	text := strings.Replace(design, `password_command = ["pass", "show", "mail/work"]`, `password = "hunter2"`, 1)
	for mode, refused := range map[fs.FileMode]bool{
		0o600: false, 0o400: false, 0o700: false, 0o611: false,
		0o640: true, 0o604: true, 0o644: true, 0o444: true,
	} {
		path := write(t, text, mode)
		_, err := Load(path)
		if (err != nil) != refused {
			t.Errorf("mode %o: got %v, want refused %v", mode, err, refused)
			continue
		}
		if !refused {
			continue
		}
		problems := wantProblems(t, err, 1)
		if got, want := problems[0].Hint, "chmod 600 "+path; got != want {
			t.Errorf("mode %o: got hint %q, want %q", mode, got, want)
		}
		if problems[0].Line != 8 || !strings.Contains(problems[0].What, "others than you can read the password") {
			t.Errorf("mode %o: got %v", mode, problems[0])
		}
	}
}

func TestLoadNoFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.toml")
	_, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	problems := wantProblems(t, err, 1)
	if got, want := problems.Error(), path+": no such file or directory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if problems[0].Hint == "" {
		t.Error("got no hint")
	}
	wantProblems(t, second(Load(t.TempDir())), 1)
}

func TestLoadTooLarge(t *testing.T) {
	t.Parallel()
	_, err := Load(write(t, strings.Repeat("#\n", maxFile/2)+"#", 0o600))
	if problems := wantProblems(t, err, 1); !strings.Contains(problems[0].What, "larger than 1 MiB") {
		t.Errorf("got %v", problems)
	}
	if _, err := Load(write(t, strings.Repeat("#\n", maxFile/2), 0o600)); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func wantProblems(t *testing.T, err error, n int) Problems {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != n {
		t.Fatalf("got %v, want %d problems", err, n)
	}
	return problems
}

func TestSelect(t *testing.T) {
	t.Parallel()
	c := &Config{File: "c", Pairs: []Pair{{Name: "a"}, {Name: "b"}, {Name: "d"}}}
	for _, test := range []struct {
		names []string
		want  string
		err   string
	}{
		{nil, "a b d", ""},
		{[]string{"d", "a"}, "d a", ""},
		{[]string{"b", "b"}, "b", ""},
		{[]string{"a", "x", "y", "x"}, "", "c: there is no pair \"x\"\nc: there is no pair \"y\""},
	} {
		pairs, err := c.Select(test.names)
		var got []string
		for _, p := range pairs {
			got = append(got, p.Name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("Select(%q): got %q, want %q", test.names, got, test.want)
		}
		if test.err == "" {
			if err != nil {
				t.Errorf("Select(%q): %v", test.names, err)
			}
			continue
		}
		var problems Problems
		if !errors.As(err, &problems) || err.Error() != test.err || problems[0].Hint != `the pairs are "a", "b", "d"` {
			t.Errorf("Select(%q): got %#v, want %q", test.names, err, test.err)
		}
	}
	if _, err := (&Config{File: "c"}).Select(nil); err == nil || err.Error() != "c: there is no pair" {
		t.Errorf("no pairs: got %v", err)
	}
}

func TestRepositoryByName(t *testing.T) {
	t.Parallel()
	c := &Config{File: "c", Repositories: []Repository{{Name: "a"}, {Name: "b"}}}
	if got, err := c.Repository("b"); got.Name != "b" || err != nil {
		t.Errorf("got %+v, %v, want b", got, err)
	}
	_, err := c.Repository("x")
	if problems := wantProblems(t, err, 1); problems[0].Hint != `the repositories are "a", "b"` {
		t.Errorf("got hint %q", problems[0].Hint)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(design)
	f.Add(ends + "mode = \"mirror\"\ndirection = \"far-to-near\"\nextra = \"remove\"")
	f.Add("[repository.x]\ntype = \"imap\"\nhost = \"localhost\"\ntls = \"none\"\nuser = \"ann\"\npassword = \"hunter2\"")
	f.Add("repository = 3\npair = [{a = 1}]")
	f.Add("repository.\"a.b\".type = [\n1, {x = 2}]\n[[pair]]")
	f.Add("password = hunter2")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseText(text)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v, want one of them", c, err)
		}
		if err == nil {
			checkConfig(t, c)
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("got %#v, want problems", err)
		}
		for _, p := range problems {
			if p.What == "" || p.File == "" || p.Line < 0 || p.Line > strings.Count(text, "\n")+1 {
				t.Errorf("got %#v", p)
			}
		}
	})
}

// checkConfig checks what Config promises of every configuration.
func checkConfig(t *testing.T, c *Config) {
	t.Helper()
	for _, r := range c.Repositories {
		switch {
		case r.Name == "" || (r.IMAP == nil) == (r.Maildir == nil):
			t.Errorf("got %+v", r)
		case r.Maildir != nil && (!filepath.IsAbs(r.Maildir.Path) || r.Maildir.Layout == "" || r.Maildir.Names == ""):
			t.Errorf("got %+v", r.Maildir)
		case r.IMAP == nil:
		case r.IMAP.Host == "" || r.IMAP.User == "" || r.IMAP.Port < 1 || r.IMAP.TLS == "",
			r.IMAP.Password.IsZero() == (len(r.IMAP.PasswordCommand) == 0),
			r.IMAP.TLS == TLSNone && !isLoopback(r.IMAP.Host):
			t.Errorf("got %+v", r.IMAP)
		}
	}
	for _, p := range c.Pairs {
		if p.Name == "" || p.Far.Name == "" || p.Near.Name == "" || p.Far.Name == p.Near.Name ||
			(p.Mode == ModeTwoWay) != (p.Direction == "") || p.Settle < 0 || p.Settle > time.Hour ||
			p.Deletions == "" || p.Extra == "" || p.New == "" || p.Flags == "" || p.Gone == "" || p.Create == "" ||
			p.Remove != TravelNone || len(p.Patterns) == 0 {
			t.Errorf("got %+v", p)
		}
	}
}
