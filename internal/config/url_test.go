package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func home(key string) string { return map[string]string{"HOME": "/home/ann"}[key] }

func TestParseURL(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sum := strings.Repeat("ab", 32)
	for _, c := range []struct {
		text, url string // url is what it reads as
		imap      *IMAP
		maildir   *Maildir
	}{
		{"imaps://ann@imap.example.org", "", &IMAP{Host: "imap.example.org", Port: 993, TLS: TLSImplicit, User: "ann"}, nil},
		{"IMAPS://ann@imap.example.org/", "imaps://ann@imap.example.org", &IMAP{Host: "imap.example.org", Port: 993, TLS: TLSImplicit, User: "ann"}, nil},
		{"imap://ann@imap.example.org:1143", "", &IMAP{Host: "imap.example.org", Port: 1143, TLS: TLSStartTLS, User: "ann"}, nil},
		{"imaps://ann@example.org@imap.example.org", "imaps://ann%40example.org@imap.example.org", &IMAP{Host: "imap.example.org", Port: 993, TLS: TLSImplicit, User: "ann@example.org"}, nil},
		{"imaps://ann%40example.org@imap.example.org", "", &IMAP{Host: "imap.example.org", Port: 993, TLS: TLSImplicit, User: "ann@example.org"}, nil},
		{"imap+insecure://ann@[::1]:143", "imap+insecure://ann@[::1]", &IMAP{Host: "::1", Port: 143, TLS: TLSNone, User: "ann"}, nil},
		{"imaps://ann@host?tls_ca=~/ca.pem", "imaps://ann@host", &IMAP{Host: "host", Port: 993, TLS: TLSImplicit, User: "ann", TLSCA: "/home/ann/ca.pem"}, nil},
		{"imaps://ann@host?tls_fingerprint=sha256:" + sum, "imaps://ann@host", &IMAP{Host: "host", Port: 993, TLS: TLSImplicit, User: "ann", TLSFingerprint: []byte(strings.Repeat("\xab", 32))}, nil},
		{"maildir:~/Mail", "maildir:/home/ann/Mail", nil, &Maildir{Path: "/home/ann/Mail", Layout: LayoutNested, Names: NamesUTF8}},
		{"maildir:///srv/mail/", "maildir:/srv/mail", nil, &Maildir{Path: "/srv/mail", Layout: LayoutNested, Names: NamesUTF8}},
		{"maildir:Mail", "maildir:" + filepath.Join(here, "Mail"), nil, &Maildir{Path: filepath.Join(here, "Mail"), Layout: LayoutNested, Names: NamesUTF8}},
		{"maildir:/m?layout=maildir++", "maildir:/m", nil, &Maildir{Path: "/m", Layout: LayoutMaildirPP, Names: NamesUTF7}},
		{"maildir:/m?names=utf-7", "maildir:/m", nil, &Maildir{Path: "/m", Layout: LayoutNested, Names: NamesUTF7, NamesGiven: true}},
		{"maildir:/what?/m", "", nil, &Maildir{Path: "/what?/m", Layout: LayoutNested, Names: NamesUTF8}},
	} {
		got, err := ParseURL("far", c.text, home)
		if want := (Repository{Name: "far", IMAP: c.imap, Maildir: c.maildir}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v %+v, %v", c.text, got.IMAP, got.Maildir, err)
			continue
		}
		if c.url == "" {
			c.url = c.text
		}
		if got.URL() != c.url {
			t.Errorf("%s: reads as %s, want %s", c.text, got.URL(), c.url)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for text, what := range map[string]string{
		"":                                   "it is not the URL of a mail repository",
		"imap.example.org":                   "it is not the URL of a mail repository",
		"https://ann@example.org":            "it is not the URL of a mail repository",
		"imaps://imap.example.org":           "the URL names no user",
		"imaps://ann@":                       "the URL names no host",
		"imaps://ann:s3cret@host":            "the URL holds a password, which the list of processes shows to everybody",
		"imaps://ann:s3c%ret@host":           "the URL cannot be read",
		"imaps://ann:1?s3cret@host":          "the URL names no user",
		"imaps://ann:53?tls_ca=s3cret@host":  "the URL names no user",
		"imaps://ann@host:0":                 `port "0"`,
		"imaps://ann@host/INBOX":             "the URL names more than an account",
		"imap+insecure://ann@imap.example":   "imap+insecure:// would let everyone on the way read the password and all mail; it is for loopback hosts only",
		"imaps://ann@host?layout=nested":     `there is no key "layout"`,
		"imaps://ann@host?tls_fingerprint=x": "tls_fingerprint is not a SHA-256 fingerprint",
		"maildir:":                           "the URL names no directory",
		"maildir:~bob/Mail":                  `path "~bob/Mail": other users' home directories are not looked up`,
		"maildir:/m?layout=flat":             `layout cannot be "flat"`,
		"maildir:/m?layout=nested&depth=2":   `there is no key "depth"`,
	} {
		_, err := ParseURL("far", text, home)
		var problems Problems
		if !errors.As(err, &problems) || problems[0].What != what {
			t.Errorf("%s: got %v, want %q", text, err, what)
			continue
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, problems), "s3c") {
			t.Errorf("%s: the error holds the password: %v", text, err)
		}
	}
}
