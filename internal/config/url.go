package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// schemes are those of an IMAP account, and how its connection is protected.
var schemes = map[string]TLS{"imaps": TLSImplicit, "imap": TLSStartTLS, "imap+insecure": TLSNone}

const urlExamples = "such as imaps://ann@imap.example.org or maildir:~/Mail"

// ParseURL returns the repository called name that a URL names: imaps://USER@HOST,
// imap:// with STARTTLS, imap+insecure:// for loopback and tunnels, or maildir:PATH; a
// relative path is one below the working directory, a leading "~" is $HOME. Behind a
// "?" may stand the keys tls_ca, tls_fingerprint, layout and names of the
// configuration. A password is none of it: the repository has none yet.
//
// The error is a Problems. It does not hold the URL where that holds a password.
func ParseURL(name, text string, env func(string) string) (Repository, error) {
	p := urlParser{name: name, env: env}
	r := Repository{Name: name}
	if path, ok := strings.CutPrefix(text, "maildir:"); ok {
		r.Maildir = p.maildir(path)
	} else {
		r.IMAP = p.imap(text)
	}
	if p.problems != nil {
		return Repository{}, p.problems
	}
	return r, nil
}

type urlParser struct {
	name     string
	env      func(string) string
	problems Problems
}

func (p *urlParser) wrong(hint, format string, args ...any) {
	p.problems = append(p.problems, Problem{File: p.name, What: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *urlParser) imap(text string) *IMAP {
	scheme, rest, found := strings.Cut(text, "://")
	tls, known := schemes[strings.ToLower(scheme)]
	if !found || !known {
		p.wrong(urlExamples, "it is not the URL of a mail repository")
		return nil
	}
	u, err := url.Parse("imap://" + rest)
	if err != nil { // its text holds the URL
		p.wrong("write special characters in the user as %XX; "+urlExamples, "the URL cannot be read")
		return nil
	}
	if _, has := u.User.Password(); has {
		p.wrong("leave it out: it is asked for, or give --"+p.name+"-password-command", "the URL holds a password, which the list of processes shows to everybody")
		return nil
	}
	a := &IMAP{Host: u.Hostname(), Port: 993, TLS: tls, User: u.User.Username()}
	if tls != TLSImplicit {
		a.Port = 143
	}
	if a.User == "" { // what stands where a port or a key does may be a part of a password
		p.wrong(scheme+"://USER@"+hostOrExample(a.Host), "the URL names no user")
		return nil
	}
	if port := u.Port(); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			p.wrong("a port is a number from 1 to 65535", "port %q", port)
		}
		a.Port = n
	}
	switch {
	case a.Host == "":
		p.wrong(urlExamples, "the URL names no host")
	case strings.Trim(u.Path, "/") != "" || u.Fragment != "":
		p.wrong("leave out what stands behind the host", "the URL names more than an account")
	case tls == TLSNone && !isLoopback(a.Host):
		p.wrong("use imaps:// or imap://, or imap+insecure://USER@localhost and a tunnel",
			"imap+insecure:// would let everyone on the way read the password and all mail; it is for loopback hosts only")
	}
	p.imapKeys(a, u.Query())
	return a
}

func hostOrExample(host string) string {
	if host == "" {
		return "imap.example.org"
	}
	return host
}

func (p *urlParser) imapKeys(a *IMAP, keys url.Values) {
	p.known(keys, "tls_ca", "tls_fingerprint")
	if file := keys.Get("tls_ca"); file != "" {
		a.TLSCA = p.path(file)
	}
	if text := keys.Get("tls_fingerprint"); text != "" {
		sum, ok := parseFingerprint(text)
		if !ok {
			p.wrong(fingerprintForm, "tls_fingerprint is not a SHA-256 fingerprint")
		}
		a.TLSFingerprint = sum
	}
	if a.TLS == TLSNone && len(keys) > 0 {
		p.wrong("use imap:// for a server with STARTTLS", "the keys behind the %q mean nothing with imap+insecure://", "?")
	}
}

func (p *urlParser) maildir(text string) *Maildir {
	path, keys := text, url.Values{}
	if i := strings.LastIndexByte(text, '?'); i >= 0 {
		query, err := url.ParseQuery(strings.ReplaceAll(text[i+1:], "+", "%2B"))
		if err == nil && (query.Has("layout") || query.Has("names")) { // else it is a part of the path
			path, keys = text[:i], query
		}
	}
	m := &Maildir{Layout: LayoutNested, Names: NamesUTF8}
	path = strings.TrimPrefix(path, "//")
	if path == "" {
		p.wrong(urlExamples, "the URL names no directory")
		return m
	}
	m.Path = p.path(path)
	p.known(keys, "layout", "names")
	switch layout := Layout(keys.Get("layout")); layout {
	case "", LayoutNested:
	case LayoutMaildirPP:
		m.Layout, m.Names = layout, NamesUTF7
	default:
		p.wrong(`layout is one of "nested", "maildir++"`, "layout cannot be %q", layout)
	}
	switch names := Names(keys.Get("names")); names {
	case "":
	case NamesUTF8, NamesUTF7:
		m.Names, m.NamesGiven = names, true
	default:
		p.wrong(`names is one of "utf-8", "utf-7"`, "names cannot be %q", names)
	}
	return m
}

func (p *urlParser) path(given string) string {
	path, err := tilde(given, p.env("HOME"))
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		p.wrong("", "path %q: %v", given, err)
	}
	return path
}

func (p *urlParser) known(keys url.Values, known ...string) {
	for key := range keys {
		if !slices.Contains(known, key) {
			p.wrong("the keys here are "+strings.Join(known, " and "), "there is no key %q", key)
		}
	}
}

// URL returns the URL of r that ParseURL reads, without keys.
func (r Repository) URL() string {
	if m := r.Maildir; m != nil {
		return "maildir:" + m.Path
	}
	a := r.IMAP
	u := url.URL{User: url.User(a.User), Host: a.Host}
	if strings.Contains(a.Host, ":") {
		u.Host = "[" + a.Host + "]"
	}
	standard := 143
	for scheme, tls := range schemes {
		if tls == a.TLS {
			u.Scheme = scheme
		}
	}
	if a.TLS == TLSImplicit {
		standard = 993
	}
	if a.Port != standard {
		u.Host = net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	}
	return u.String()
}

// Overlap reports whether one of two repositories is the other, or lies within it.
func Overlap(a, b Repository) bool {
	if a.Maildir != nil && b.Maildir != nil {
		return overlap(a.Maildir.Path, b.Maildir.Path)
	}
	return a.URL() == b.URL()
}

const fingerprintForm = `write "sha256:" and the 64 hexadecimal digits of the certificate's SHA-256`

// parseFingerprint reads "sha256:" and 64 hexadecimal digits, in pairs with colons
// between them or without, as openssl prints them.
func parseFingerprint(text string) (sum []byte, ok bool) {
	digits, ok := strings.CutPrefix(strings.ToLower(text), "sha256:")
	sum, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if !ok || err != nil || len(sum) != 32 {
		return nil, false
	}
	return sum, true
}
