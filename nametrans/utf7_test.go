package nametrans

import (
	"testing"
	"unicode/utf8"
)

// Pairs from RFC 3501 §5.1.3, and from servers as they list them.
var utf7Pairs = []struct{ text, wire string }{
	{"", ""},
	{"INBOX", "INBOX"},
	{"台北", "&U,BTFw-"},
	{"日本語", "&ZeVnLIqe-"},
	{"台北日本語", "&U,BTF2XlZyyKng-"},
	{"Hi Mom -☺-!", "Hi Mom -&Jjo--!"},
	{"R&D", "R&-D"},
	{"&", "&-"},
	{"&&", "&-&-"},
	{"ä&ö", "&AOQ-&-&APY-"},
	{"&AOQ-", "&-AOQ-"},
	{"Entwürfe", "Entw&APw-rfe"},
	{"Gelöschte Elemente", "Gel&APY-schte Elemente"},
	{"Éléments envoyés", "&AMk-l&AOk-ments envoy&AOk-s"},
	{"Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"},
	{"😀", "&2D3eAA-"},
	{"a\u0308", "a&Awg-"},
	{"line\nbreak", "line&AAo-break"},
	{"\x7f", "&AH8-"},
	{"100% [x] \"y\" \\z*", "100% [x] \"y\" \\z*"},
}

func TestUTF7(t *testing.T) {
	t.Parallel()
	for _, p := range utf7Pairs {
		if got := encodeUTF7(p.text); got != p.wire {
			t.Errorf("encodeUTF7(%q): got %q, want %q", p.text, got, p.wire)
		}
		if got, ok := decodeUTF7(p.wire); !ok || got != p.text {
			t.Errorf("decodeUTF7(%q): got %q, %v, want %q, true", p.wire, got, ok, p.text)
		}
	}
}

func TestUTF7Refuses(t *testing.T) {
	t.Parallel()
	for wire, why := range map[string]string{
		"R&D":                "a plain &, from servers that take any name",
		"&":                  "a shift with nothing behind it",
		"&Jjo!":              "RFC 3501 §5.1.3: no shift back",
		"&AOQ":               "no shift back at the end",
		"&U,BTFw-&ZeVnLIqe-": "RFC 3501 §5.1.3: superfluous shift",
		"x&AGE-y":            "printable ASCII in base64; Courier reads it as xay",
		"&AGEA5A-":           "printable ASCII before another character",
		"&ACY-":              "& in base64",
		"&2D0-":              "high surrogate alone",
		"&3gA-":              "low surrogate alone",
		"&3gDYPQ-":           "surrogates in the wrong order",
		"&2D0AYQ-":           "high surrogate before a letter",
		"&AOR-":              "left-over bits that are not zero",
		"&AOQAAA":            "no shift back after a NUL",
		"&AA-":               "half a UTF-16 unit",
		"&AOQA-":             "one and a half UTF-16 units",
		"&AOQ=-":             "padding",
		"&U/BTFw-":           "the / of ordinary base64",
		"&AO\nQ-":            "line end in base64",
		"&A OQ-":             "blank in base64",
		"Entwürfe":           "UTF-8",
		"Entw\xfcrfe":        "ISO 8859-1",
		"a\tb":               "control character",
		"a\x7fb":             "DEL",
	} {
		if got, ok := decodeUTF7(wire); ok {
			t.Errorf("decodeUTF7(%q): got %q, want a refusal: %s", wire, got, why)
		}
	}
}

func TestLooksUTF7(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"Entw&APw-rfe": true,
		"&U,BTFw-":     true,
		"Entwürfe":     false,
		"INBOX":        false,
		"R&-D":         false,
		"R&D":          false,
		"x&AGE-y":      false,
		"a&AAo-":       false,
		"":             false,
	} {
		if got := LooksUTF7(s); got != want {
			t.Errorf("LooksUTF7(%q): got %v, want %v", s, got, want)
		}
	}
}

func FuzzUTF7(f *testing.F) {
	for _, p := range utf7Pairs {
		f.Add(p.text)
		f.Add(p.wire)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if text, ok := decodeUTF7(s); ok {
			if got := encodeUTF7(text); got != s {
				t.Errorf("encodeUTF7(decodeUTF7(%q)): got %q", s, got)
			}
		}
		if !utf8.ValidString(s) {
			return
		}
		wire := encodeUTF7(s)
		for i := range len(wire) {
			if !printable(wire[i]) {
				t.Errorf("encodeUTF7(%q): got %q, want printable ASCII", s, wire)
			}
		}
		if got, ok := decodeUTF7(wire); !ok || got != s {
			t.Errorf("decodeUTF7(encodeUTF7(%q)): got %q, %v", s, got, ok)
		}
	})
}
