package nametrans

import (
	"errors"
	"slices"
	"testing"
)

func TestNewName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		components []string
		want       []string // nil: refused
		reason     Reason
	}{
		{[]string{"Lists"}, []string{"Lists"}, ""},
		{[]string{"Lists", "go-nuts"}, []string{"Lists", "go-nuts"}, ""},
		{[]string{"Entwürfe", "😀"}, []string{"Entwürfe", "😀"}, ""},
		{[]string{" a ", "...", ".a", "a/b", `a\b`}, []string{" a ", "...", ".a", "a/b", `a\b`}, ""},
		{[]string{"INBOX"}, []string{"INBOX"}, ""},
		{[]string{"inbox"}, []string{"INBOX"}, ""},
		{[]string{"InBoX", "Lists"}, []string{"INBOX", "Lists"}, ""},
		{[]string{"Lists", "inbox"}, []string{"Lists", "inbox"}, ""},
		{[]string{"inboxes"}, []string{"inboxes"}, ""},
		{[]string{"ınbox"}, []string{"ınbox"}, ""},

		{nil, nil, ReasonEmpty},
		{[]string{""}, nil, ReasonEmptyComponent},
		{[]string{"a", "", "b"}, nil, ReasonEmptyComponent},
		{[]string{"a", ""}, nil, ReasonEmptyComponent},
		{[]string{"."}, nil, ReasonDots},
		{[]string{"a", ".."}, nil, ReasonDots},
		{[]string{"a\x00b"}, nil, ReasonControl},
		{[]string{"a\nb"}, nil, ReasonControl},
		{[]string{"a\x7f"}, nil, ReasonControl},
		{[]string{"a\u0085"}, nil, ReasonControl},
		{[]string{"a\u009b"}, nil, ReasonControl},
		{[]string{"Entw\xfcrfe"}, nil, ReasonNotUTF8},
		{[]string{"\xed\xa0\x80"}, nil, ReasonNotUTF8},
		{[]string{"a\xc0\xae"}, nil, ReasonNotUTF8},
	} {
		got, err := NewName(test.components...)
		if !slices.Equal(got.Components(), test.want) {
			t.Errorf("NewName(%q): got %q, want %q", test.components, got.Components(), test.want)
		}
		checkRefusal(t, err, test.reason)
	}
}

// checkRefusal checks that err is a *NameError with the reason wanted, or nil
// when that is empty.
func checkRefusal(t *testing.T, err error, want Reason) {
	t.Helper()
	var refused *NameError
	switch {
	case want == "" && err != nil:
		t.Errorf("got error %v, want none", err)
	case want != "" && !errors.As(err, &refused):
		t.Errorf("got error %v, want %q", err, want)
	case want != "" && refused.Reason != want:
		t.Errorf("got error %v, want %q", err, want)
	}
}

func TestNameParts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           Name
		text, up, base string
	}{
		{"", "", "", ""},
		{Inbox, "INBOX", "", "INBOX"},
		{MustName("inbox", "a"), "INBOX/a", "INBOX", "a"},
		{MustName("a", "b", "c"), "a/b/c", "a/b", "c"},
		{MustName("a/b", "c"), `a\/b/c`, `a\/b`, "c"},
		{MustName(`a\`, "b"), `a\\/b`, `a\\`, "b"},
	} {
		if got := test.name.String(); got != test.text {
			t.Errorf("String of %q: got %q, want %q", string(test.name), got, test.text)
		}
		if got := test.name.Parent().String(); got != test.up {
			t.Errorf("Parent of %q: got %q, want %q", test.name, got, test.up)
		}
		if got := test.name.Base(); got != test.base {
			t.Errorf("Base of %q: got %q, want %q", test.name, got, test.base)
		}
	}
}

func TestNameErrorText(t *testing.T) {
	t.Parallel()
	_, err := NewName("a\u202e\x1b[31m")
	if got, want := err.Error(), `mailbox "a\u202e\x1b[31m": the name holds a control character`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMustNamePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("MustName of an empty component: got no panic")
		}
	}()
	MustName("")
}
