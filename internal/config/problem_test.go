package config

import (
	"strings"
	"testing"
)

const imapRepository = `[repository.x]
type = "imap"
host = "imap.example.org"
user = "ann"
`

const command = `password_command = ["cat"]
`

// Each file, and its problems as "line: what | hint".
var problemTests = []struct {
	about, text string
	want        []string
}{
	{"unknown keys", design + "mailbox = [\"*\"]\nzzzzzzzzz = 1\n[repository.y]\ntype = \"maildir\"\npath = \"/y\"\nhost = \"h\"\n[pairs.z]\n", []string{
		`22: pair.work: unknown key "mailbox" | did you mean "mailboxes"?`,
		`23: pair.work: unknown key "zzzzzzzzz" | the keys here are "far", "near", "mode", "direction", "mailboxes", "subscribed", "nametrans", "nametrans_regexp", "max_age", "since", "before", "max_size", "last", "prune", "search", "deletions", "settle", "extra", "new", "flags", "gone", "create", "remove"`,
		`27: repository.y: unknown key "host" | host is for repositories of type "imap"`,
		`28: unknown key "pairs" | did you mean "pair"?`,
	}},
	{"keys of the other type, and misspelled", imapRepository + command + "path = \"/m\"\npasword = \"hunter2\"\n", []string{
		`6: repository.x: unknown key "path" | path is for repositories of type "maildir"`,
		`7: repository.x: unknown key "pasword" | did you mean "password"?`,
	}},
	{"keys are case-sensitive", ends + "Mode = \"mirror\"\n", []string{
		`10: pair.p: unknown key "Mode" | did you mean "mode"?`,
	}},
	{"a far unknown key", "quux = 1\n", []string{
		`1: unknown key "quux" | the tables are [repository.NAME] and [pair.NAME]`,
	}},
	{"no type", "[repository.x]\nhost = \"h\"\npth = \"/m\"\n", []string{
		`1: repository.x: type is missing | add type = "imap" or type = "maildir"`,
		`3: repository.x: unknown key "pth" | did you mean "path"?`,
	}},
	{"wrong type", "[repository.x]\ntype = \"pop3\"\n", []string{
		`2: repository.x: type cannot be "pop3" | type is one of "imap", "maildir"`,
	}},
	{"everything missing", "[repository.x]\ntype = \"imap\"\n[repository.y]\ntype = \"maildir\"\n[pair.z]\n", []string{
		`1: repository.x: host is missing | add host = "imap.example.org"`,
		`1: repository.x: there is no password | add password_command = ["pass", "show", "mail/work"], or password = "…" in a file that only you can read`,
		`1: repository.x: user is missing | add user = "ann"`,
		`3: repository.y: path is missing | add path = "~/Mail/work"`,
		`5: pair.z: far is missing | add far = "NAME" with the name of a repository`,
		`5: pair.z: near is missing | add near = "NAME" with the name of a repository`,
	}},
	{"values of the wrong kind", "[repository.x]\ntype = \"imap\"\nhost = 1\nuser = [\"ann\"]\nport = \"993\"\npassword = 7\ntls = true\n", []string{
		`3: repository.x: host must be a string | write host = "…"`,
		`4: repository.x: user must be a string | write user = "…"`,
		`5: repository.x: port is not a TCP port | write a number from 1 to 65535, such as port = 143`,
		`6: repository.x: password must be a string | write the password in quotes`,
		`7: repository.x: tls must be a string | write tls = "…"`,
	}},
	{"values that are empty", "[repository.x]\ntype = \"imap\"\nhost = \"\"\nuser = \"\"\npassword = \"\"\n", []string{
		`3: repository.x: host is empty | `,
		`4: repository.x: user is empty | `,
		`5: repository.x: password is empty | `,
	}},
	{"control characters", "[repository.x]\ntype = \"imap\"\nhost = \"h\\u0000\"\nuser = \"a\\nb\"\n" + command, []string{
		`3: repository.x: host holds a control character | `,
		`4: repository.x: user holds a control character | `,
	}},
	{"two passwords", imapRepository + command + "password = \"hunter2\"\n", []string{
		`6: repository.x: password and password_command are both set | leave one of them out`,
	}},
	{"password command for a shell", imapRepository + "password_command = \"pass show work\"\n", []string{
		`5: repository.x: password_command must be a list of strings | write password_command = ["pass", "show", "mail/work"]`,
	}},
	{"password command with a number", imapRepository + "password_command = [\"cat\", 3]\n", []string{
		`5: repository.x: password_command must be a list of strings | write password_command = ["pass", "show", "mail/work"]`,
	}},
	{"empty password command", imapRepository + "password_command = []\n", []string{
		`5: repository.x: password_command names no program | write password_command = ["pass", "show", "mail/work"]`,
	}},
	{"password command without a program", imapRepository + "password_command = [\"\", \"x\"]\n", []string{
		`5: repository.x: password_command names no program | write password_command = ["pass", "show", "mail/work"]`,
	}},
	{"port too low", imapRepository + command + "port = 0\n", []string{
		`6: repository.x: port is not a TCP port | write a number from 1 to 65535, such as port = 993`,
	}},
	{"port too high", imapRepository + command + "port = 65536\n", []string{
		`6: repository.x: port is not a TCP port | write a number from 1 to 65535, such as port = 993`,
	}},
	{"tls", imapRepository + command + "tls = \"ssl\"\n", []string{
		`6: repository.x: tls cannot be "ssl" | tls is one of "implicit", "starttls", "none"`,
	}},
	{"no tls to another machine", imapRepository + command + "tls = \"none\"\ntls_ca = \"/ca\"\n", []string{
		`6: repository.x: tls = "none" would let everyone on the way read the password and all mail; it is for loopback hosts only | use tls = "implicit" or tls = "starttls", or host = "localhost" and a tunnel`,
		`7: repository.x: tls_ca means nothing with tls = "none" | leave it out, or use tls = "starttls"`,
	}},
	{"no tls to what only looks like loopback", "[repository.x]\ntype = \"imap\"\nhost = \"127.0.0.1.example.org\"\nuser = \"ann\"\n" + command + "tls = \"none\"\n", []string{
		`6: repository.x: tls = "none" would let everyone on the way read the password and all mail; it is for loopback hosts only | use tls = "implicit" or tls = "starttls", or host = "localhost" and a tunnel`,
	}},
	{"fingerprint", imapRepository + command + "tls_fingerprint = \"sha1:00\"\n", []string{
		`6: repository.x: tls_fingerprint is not a SHA-256 fingerprint | write "sha256:" and the 64 hexadecimal digits of the certificate's SHA-256`,
	}},
	{"fingerprint too short", imapRepository + command + "tls_fingerprint = \"sha256:00\"\n", []string{
		`6: repository.x: tls_fingerprint is not a SHA-256 fingerprint | write "sha256:" and the 64 hexadecimal digits of the certificate's SHA-256`,
	}},
	{"host with a scheme; the password in it is not repeated", strings.Replace(imapRepository, "imap.example.org", "imaps://ann:hunter2@h", 1) + command, []string{
		`3: repository.x: host is a URL | leave out everything before and after the name, as in host = "imap.example.org"`,
	}},
	{"host with a port", strings.Replace(imapRepository, "imap.example.org", "h:993", 1) + command, []string{
		`3: repository.x: host is not a name or an IP address | the port has its own key: port = 993; an IPv6 address stands without brackets`,
	}},
	{"host with a user", strings.Replace(imapRepository, "imap.example.org", "ann@h", 1) + command, []string{
		`3: repository.x: host is not a name or an IP address | write a name such as "imap.example.org"; the user has its own key`,
	}},
	{"maildir", "[repository.x]\ntype = \"maildir\"\npath = \"Mail\"\nlayout = \"flat\"\nnames = \"latin1\"\n", []string{
		`3: repository.x: path "Mail": the path is relative, and would mean another place under cron | begin it with "/" or "~/"`,
		`4: repository.x: layout cannot be "flat" | layout is one of "nested", "maildir++"`,
		`5: repository.x: names cannot be "latin1" | names is one of "utf-8", "utf-7"`,
	}},
	{"the path of somebody else", "[repository.x]\ntype = \"maildir\"\npath = \"~bob/Mail\"\n", []string{
		`3: repository.x: path "~bob/Mail": other users' home directories are not looked up | begin it with "/" or "~/"`,
	}},
	{"paths that overlap", "[repository.x]\ntype = \"maildir\"\npath = \"/m/x\"\n[repository.y]\ntype = \"maildir\"\npath = \"/m/x/../x/y\"\n" +
		"[repository.z]\ntype = \"maildir\"\npath = \"/m/xy\"\n[repository.t]\ntype = \"maildir\"\npath = \"/m/xy/\"\n", []string{
		`6: repository.y: path "/m/x/y" and that of repository.x, "/m/x", overlap | give each repository a directory of its own, outside the others`,
		`12: repository.t: path "/m/xy" and that of repository.z, "/m/xy", overlap | give each repository a directory of its own, outside the others`,
	}},
	{"ends", "[repository.f]\ntype = \"maildir\"\npath = \"/f\"\n[repository.n]\ntype = \"maildir\"\npath = \"/n\"\n[pair.p]\nfar = \"f\"\nnear = \"m\"\n[pair.q]\nfar = \"n\"\nnear = \"n\"\n", []string{
		`9: pair.p: near: there is no repository "m" | the repositories are "f", "n"`,
		`12: pair.q: far and near are both "n" | a pair needs two different repositories`,
	}},
	{"no repository at all", "[pair.p]\nfar = \"f\"\nnear = \"\"\n", []string{
		`2: pair.p: far: there is no repository "f" | there is no repository; add a table [repository.NAME]`,
		`3: pair.p: near is empty | `,
	}},
	{"mode", ends + "mode = \"twoway\"\ndirection = \"far-to-near\"\nextra = \"remove\"\n", []string{
		`10: pair.p: mode cannot be "twoway" | mode is one of "two-way", "mirror", "copy"`,
	}},
	{"direction both ways", ends + "direction = \"far-to-near\"\n", []string{
		`10: pair.p: direction means nothing with mode = "two-way" | leave it out, or use mode = "mirror" or mode = "copy"`,
	}},
	{"no direction", ends + "mode = \"mirror\"\nnew = \"to-far\"\n", []string{
		`7: pair.p: mode = "mirror" needs a direction | add direction = "far-to-near" or direction = "near-to-far"`,
	}},
	{"wrong direction", ends + "mode = \"copy\"\ndirection = \"to-near\"\n", []string{
		`11: pair.p: direction cannot be "to-near" | direction is one of "far-to-near", "near-to-far"`,
	}},
	{"against the direction", ends + "mode = \"mirror\"\ndirection = \"far-to-near\"\nnew = \"both\"\nflags = \"to-far\"\n", []string{
		`12: pair.p: new cannot be "both" | new is one of "to-near", "none"`,
		`13: pair.p: flags cannot be "to-far" | flags is one of "to-near", "none"`,
	}},
	{"extra in two-way", ends + "extra = \"keep\"\n", []string{
		`10: pair.p: extra means nothing with mode = "two-way" | leave it out, or use mode = "mirror"`,
	}},
	{"extra in a copy", ends + "mode = \"copy\"\ndirection = \"far-to-near\"\nextra = \"remove\"\n", []string{
		`12: pair.p: extra means nothing with mode = "copy" | leave it out, or use mode = "mirror"`,
	}},
	{"choices", ends + "deletions = \"yes\"\nnew = \"far\"\nremove = \"all\"\n", []string{
		`10: pair.p: deletions cannot be "yes" | deletions is one of "trash", "expunge", "keep"`,
		`11: pair.p: new cannot be "far" | new is one of "both", "to-near", "to-far", "none"`,
		`12: pair.p: remove cannot be "all" | remove is one of "none", "both", "to-near", "to-far"`,
	}},
	{"settle without unit", ends + "settle = 60\n", []string{
		`10: pair.p: settle is not a duration | write a number and its unit in quotes, such as settle = "60s"`,
	}},
	{"settle without unit in quotes", ends + "settle = \"60\"\n", []string{
		`10: pair.p: settle is not a duration | write a number and its unit in quotes, such as settle = "60s"`,
	}},
	{"settle below zero", ends + "settle = \"-1s\"\n", []string{
		`10: pair.p: settle is out of range: -1s | settle may be from 0s to 1h0m0s`,
	}},
	{"settle too long", ends + "settle = \"1h0m1s\"\n", []string{
		`10: pair.p: settle is out of range: 1h0m1s | settle may be from 0s to 1h0m0s`,
	}},
	{"no patterns", ends + "mailboxes = []\n", []string{
		`10: pair.p: mailbox patterns: the list is empty | such as mailboxes = ["*", "!Spam"]: "*" any characters, "%" any but "/", "\Junk" a special use, "!" leaves out, the last match decides`,
	}},
	{"bad pattern", ends + "mailboxes = [\n\"*\",\n\"!a/\"]\n", []string{
		`10: pair.p: mailbox pattern "!a/": it matches no name: nothing stands before or after a "/" | such as mailboxes = ["*", "!Spam"]: "*" any characters, "%" any but "/", "\Junk" a special use, "!" leaves out, the last match decides`,
	}},
	{"one pattern, not a list", ends + "mailboxes = \"*\"\n", []string{
		`10: pair.p: mailboxes must be a list of strings | write mailboxes = ["*", "!Spam"]`,
	}},
	{"not tables", "repository = 3\n[[pair]]\nfar = \"a\"\n", []string{
		`1: repository is not a table of tables | write [repository.NAME] with a name of your choice`,
		`2: pair is not a table of tables | write [pair.NAME] with a name of your choice`,
	}},
	{"a table without a name", "[repository]\ntype = \"maildir\"\npath = \"/m\"\n", []string{
		`2: repository.type: this is not a table | write [repository.NAME] with a name of your choice`,
		`3: repository.path: this is not a table | write [repository.NAME] with a name of your choice`,
	}},
	{"names", "[repository.\"a/b\"]\ntype = \"maildir\"\npath = \"/a\"\n[repository.Work]\ntype = \"maildir\"\npath = \"/b\"\n[repository.work]\ntype = \"maildir\"\npath = \"/c\"\n", []string{
		`1: a repository cannot be called "a/b" | use ASCII letters, digits, ".", "_" and "-", at most 64, not "." or "-" first`,
		`7: the names "Work" and "work" differ only in case | some file systems do not keep such names apart`,
	}},
	{"a hidden name", ends + "[pair.\".p\"]\nfar = \"f\"\nnear = \"n\"\n", []string{
		`10: a pair cannot be called ".p" | use ASCII letters, digits, ".", "_" and "-", at most 64, not "." or "-" first`,
	}},
	{"a table where a value belongs", ends + "[pair.p.mode]\nx = 1\n", []string{
		`10: pair.p: mode must be a string | write mode = "…"`,
	}},
	{"tables that are only implied", "repository.x.type = \"pop3\"\npair.p.far = \"x\"\n", []string{
		`1: repository.x: type cannot be "pop3" | type is one of "imap", "maildir"`,
		`2: pair.p: near is missing | add near = "NAME" with the name of a repository`,
	}},
	{"not TOML", "[repository.x]\ntype = imap\n", []string{
		`2: this is not TOML: expected value | text stands in quotes, a " or \ within it with a \ before it`,
	}},
	{"defined twice", ends + "far = \"n\"\n", []string{
		`10: this is not TOML: key 'pair.p.far' has already been defined. | text stands in quotes, a " or \ within it with a \ before it`,
	}},
	{"a password that cannot be sent", imapRepository + "password = \"\\u0000\"\n", []string{
		`5: repository.x: password holds a NUL | `,
	}},
	{"NUL", "a = \"\x00\"", []string{
		`1: this is not TOML: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8 | text stands in quotes, a " or \ within it with a \ before it`,
	}},
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, test := range problemTests {
		_, err := parseText(test.text)
		problems, _ := err.(Problems)
		var got []string
		for _, p := range problems {
			if p.File != "config.toml" {
				t.Errorf("%s: got file %q", test.about, p.File)
			}
			line, what, _ := strings.Cut(strings.TrimPrefix(p.String(), "config.toml:"), ":")
			if p.Line == 0 {
				line, what = "0", strings.TrimPrefix(p.String(), "config.toml:")
			}
			got = append(got, line+":"+what+" | "+p.Hint)
		}
		if g, w := strings.Join(got, "\n"), strings.Join(test.want, "\n"); g != w {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", test.about, g, w)
		}
	}
}

// Whatever is wrong with a password, or near it, an error never repeats it.
func TestProblemsHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`hunter2`, `"hunter2`, `"""hunter2`, `'hunter2`, `hunter2"`, `"hunter2" hunter2`, `"\hunter2"`, `"\xhunter2"`, `"\uhunter2"`,
		`["hunter2"]`, `{x = "hunter2"}`, `{hunter2 hunter2}`, `"hunter2", hunter2`, `0hunter2`, `+hunter2`, `2026-01-hunter2`,
		`123456hunter2`, `12_34_hunter2`, `1.hunter2`, `0xhunter2`, `"hunter2\u0000"`, `truehunter2`, `inf2hunter2`, `1e999999hunter2`,
		`01234567`, `1_2_3__4567`, `12345678901234567890`, `4567.`, `4567._`, `2026-13-45T67`, `0b4567`, `0o4567x`, `-0x4567`,
	} {
		for _, key := range []string{"password", "pasword", "password_command", "host", "mailboxes"} {
			text := imapRepository + key + " = " + value + "\n" + ends
			_, err := parseText(text)
			problems, _ := err.(Problems)
			if key == "pasword" && len(problems) == 0 {
				t.Errorf("%s = %s: got no problem", key, value)
			}
			for _, p := range problems {
				for _, secret := range []string{"hunter", "4567"} {
					if strings.Contains(p.String()+p.Hint, secret) {
						t.Errorf("%s = %s: got %s | %s", key, value, p, p.Hint)
					}
				}
			}
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wrong string
		words []string
		want  string
	}{
		{"hots", []string{"port", "host", "path"}, "host"},
		{"paswordcommand", []string{"password", "password_command"}, "password_command"},
		{"x", []string{"y"}, ""},
		{"", []string{"a"}, ""},
		{"mailbox", nil, ""},
		{"ab", []string{"ax", "ay"}, "ax"},
	} {
		if got := nearest(test.wrong, test.words); got != test.want {
			t.Errorf("nearest(%q, %q): got %q, want %q", test.wrong, test.words, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"host", "host", 0}, {"host", "hots", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3}, {"new", "gone", 3}, {"settle", "settl", 1},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q): got %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("distance(%q, %q): got %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
