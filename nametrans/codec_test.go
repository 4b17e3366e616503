package nametrans

import (
	"strings"
	"testing"
)

// Legend: raw is the spelling of the repository, name what both sides share,
// with "|" between components. A refusal stands for the direction it names.
type codecTest struct {
	raw  string
	name string
}

type refusal struct {
	given  string
	reason Reason
}

func named(text string) Name { return MustName(strings.Split(text, "|")...) }

func testCodec(t *testing.T, codec Codec, both []codecTest, decode, encode []refusal) {
	t.Helper()
	for _, test := range both {
		want := named(test.name)
		if got, err := codec.Decode(test.raw); err != nil || got != want {
			t.Errorf("Decode(%q): got %q, %v, want %q", test.raw, got, err, want)
		}
		if got, err := codec.Encode(want); err != nil || got != test.raw {
			t.Errorf("Encode(%q): got %q, %v, want %q", want, got, err, test.raw)
		}
	}
	for _, test := range decode {
		got, err := codec.Decode(test.given)
		if got != "" {
			t.Errorf("Decode(%q): got %q, want a refusal", test.given, got)
		}
		checkRefusal(t, err, test.reason)
	}
	for _, test := range encode {
		got, err := codec.Encode(named(test.given))
		if got != "" {
			t.Errorf("Encode(%q): got %q, want a refusal", test.given, got)
		}
		checkRefusal(t, err, test.reason)
	}
}

func TestEncodeRefusesForgedNames(t *testing.T) {
	t.Parallel()
	for _, codec := range []Codec{IMAP{Delimiter: '/'}, Nested{}, MaildirPP{}} {
		for name, reason := range map[Name]Reason{
			"":            ReasonEmpty,
			"inbox":       ReasonInboxSpelling,
			"a\x00":       ReasonEmptyComponent,
			"a\x00..":     ReasonDots,
			"a\x1b":       ReasonControl,
			"Entw\xfcrfe": ReasonNotUTF8,
		} {
			if got, err := codec.Encode(name); err == nil {
				t.Errorf("%T.Encode(%q): got %q, want a refusal", codec, string(name), got)
			} else {
				checkRefusal(t, err, reason)
			}
		}
	}
}

// fuzzCodec checks that what a codec takes comes back as it went, both ways.
func fuzzCodec(t *testing.T, codec Codec, s string) {
	t.Helper()
	_, imap := codec.(IMAP)
	if n, err := codec.Decode(s); err == nil {
		want := s
		if imap && strings.EqualFold(s, "inbox") {
			want = "INBOX"
		}
		if got, err := codec.Encode(n); err != nil || got != want {
			t.Errorf("%+v: Encode(Decode(%q)): got %q, %v", codec, s, got, err)
		}
		if err := n.check(); err != nil {
			t.Errorf("%+v: Decode(%q): %v", codec, s, err)
		}
	} else {
		checkNameError(t, err, s)
	}
	n, err := NewName(strings.Split(s, "/")...)
	if err != nil {
		return
	}
	if raw, err := codec.Encode(n); err == nil {
		if got, err := codec.Decode(raw); err != nil || got != n {
			t.Errorf("%+v: Decode(Encode(%q)): got %q, %v", codec, n, got, err)
		}
	} else {
		checkNameError(t, err, n.String())
	}
}

func checkNameError(t *testing.T, err error, raw string) {
	t.Helper()
	if refused, ok := err.(*NameError); !ok || refused.Raw != raw || refused.Reason == "" {
		t.Errorf("got error %#v, want a *NameError about %q", err, raw)
	}
}
