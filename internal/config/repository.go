package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func readRepositories(d *document, tables []*table) []Repository {
	var out []Repository
	for i, t := range tables {
		r := readRepository(t)
		out = append(out, r)
		for j, other := range out[:i] {
			if r.Maildir == nil || other.Maildir == nil || r.Maildir.Path == "" || other.Maildir.Path == "" {
				continue
			}
			if overlap(r.Maildir.Path, other.Maildir.Path) {
				t.wrong("path", "give each repository a directory of its own, outside the others",
					"path %q and that of %s, %q, overlap", r.Maildir.Path, tables[j].name, other.Maildir.Path)
			}
		}
	}
	return out
}

func readRepository(t *table) Repository {
	r := Repository{Name: strings.TrimPrefix(t.name, "repository.")}
	if !t.has("type") {
		t.wrong("type", `add type = "imap" or type = "maildir"`, "type is missing")
	}
	switch kind := t.text("type"); kind {
	case "imap":
		r.IMAP = readIMAP(t)
		t.unknown(func(key string) string { return belongs(key, maildirKeys, "maildir") })
	case "maildir":
		r.Maildir = readMaildir(t)
		t.unknown(func(key string) string { return belongs(key, imapKeys, "imap") })
	default:
		if kind != "" {
			t.wrong("type", `type is one of "imap", "maildir"`, "type cannot be %q", kind)
		}
		t.keys = slices.Concat(t.keys, imapKeys, maildirKeys)
		t.unknown(func(string) string { return "" })
	}
	return r
}

// The keys of each type of repository, besides type.
var (
	imapKeys = []string{
		"host", "tls", "port", "tls_ca", "tls_fingerprint", "user", "password", "password_command",
	}
	maildirKeys = []string{"path", "layout", "names"}
)

func belongs(key string, keys []string, kind string) string {
	if !slices.Contains(keys, key) {
		return ""
	}
	return fmt.Sprintf("%s is for repositories of type %q", key, kind)
}

func readMaildir(t *table) *Maildir {
	t.need("path", "~/Mail/work")
	m := &Maildir{Path: t.path("path")}
	m.Layout = choice(t, "layout", LayoutNested, LayoutMaildirPP)
	m.NamesGiven = t.has("names")
	if m.Layout == LayoutMaildirPP {
		m.Names = choice(t, "names", NamesUTF7, NamesUTF8)
	} else {
		m.Names = choice(t, "names", NamesUTF8, NamesUTF7)
	}
	return m
}

func readIMAP(t *table) *IMAP {
	t.need("host", "imap.example.org")
	t.need("user", "ann")
	a := &IMAP{
		Host: t.text("host"),
		User: t.text("user"),
		TLS:  choice(t, "tls", TLSImplicit, TLSStartTLS, TLSNone),
	}
	port := 993
	if a.TLS != TLSImplicit {
		port = 143
	}
	a.Port = t.port("port", port)
	a.TLSCA = t.path("tls_ca")
	a.TLSFingerprint = readFingerprint(t)
	a.Password, a.PasswordCommand = readPassword(t)
	checkHost(t, a.Host)
	checkTLS(t, a)
	return a
}

// checkHost does not repeat the value, since a URL may hold a password.
func checkHost(t *table, host string) {
	if _, err := netip.ParseAddr(host); err == nil {
		return
	}
	switch {
	case strings.Contains(host, "://"):
		t.wrong("host", `leave out everything before and after the name, as in host = "imap.example.org"`, "host is a URL")
	case strings.ContainsAny(host, ":[]"):
		t.wrong("host", "the port has its own key: port = 993; an IPv6 address stands without brackets", "host is not a name or an IP address")
	case strings.ContainsAny(host, " \t/\\@,"):
		t.wrong("host", `write a name such as "imap.example.org"; the user has its own key`, "host is not a name or an IP address")
	}
}

// checkTLS allows mail and password in the clear only where they leave no
// machine: on loopback, to which a tunnel may lead.
func checkTLS(t *table, a *IMAP) {
	if a.TLS != TLSNone {
		return
	}
	if a.Host != "" && !isLoopback(a.Host) {
		t.wrong("tls", `use tls = "implicit" or tls = "starttls", or host = "localhost" and a tunnel`,
			`tls = "none" would let everyone on the way read the password and all mail; it is for loopback hosts only`)
	}
	for _, key := range []string{"tls_ca", "tls_fingerprint"} {
		if t.has(key) {
			t.wrong(key, `leave it out, or use tls = "starttls"`, `%s means nothing with tls = "none"`, key)
		}
	}
}

// isLoopback reports whether host is localhost, in 127.0.0.0/8 or ::1.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func readFingerprint(t *table) []byte {
	const key = "tls_fingerprint"
	given := t.text(key)
	if given == "" {
		return nil
	}
	sum, ok := parseFingerprint(given)
	if !ok {
		t.wrong(key, fingerprintForm, "%s is not a SHA-256 fingerprint", key)
	}
	return sum
}

func readPassword(t *table) (Secret, []string) {
	const example = `["pass", "show", "mail/work"]`
	password := readSecret(t)
	command := t.words("password_command", example)
	switch {
	case t.has("password") && t.has("password_command"):
		t.wrong("password", "leave one of them out", "password and password_command are both set")
	case !t.has("password") && !t.has("password_command"):
		t.wrong("password", "add password_command = "+example+`, or password = "…" in a file that only you can read`, "there is no password")
	case t.has("password_command") && command != nil && (len(command) == 0 || command[0] == ""):
		t.wrong("password_command", "write password_command = "+example, "password_command names no program")
	}
	return password, command
}

// readSecret reads password, and refuses one that others can read too. Unlike
// text it never repeats any of the value.
func readSecret(t *table) Secret {
	v := t.value("password")
	if v == nil {
		return Secret{}
	}
	text, ok := v.(string)
	switch {
	case !ok:
		t.wrong("password", "write the password in quotes", "password must be a string")
		return Secret{}
	case text == "":
		t.wrong("password", "", "password is empty")
		return Secret{}
	}
	if strings.Contains(text, "\x00") {
		t.wrong("password", "", "password holds a NUL")
	}
	if t.doc.public {
		t.wrong("password", "chmod 600 "+shellQuote(t.doc.file), "others than you can read the password in this file")
	}
	return NewSecret(text)
}

// shellQuote returns path as a person can paste it into a shell.
func shellQuote(path string) string {
	if path != "" && strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@%") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
