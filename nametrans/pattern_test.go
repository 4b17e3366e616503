package nametrans

import (
	"errors"
	"strings"
	"testing"
)

func TestMatcher(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		patterns []string
		yes, no  []string
	}{
		{[]string{"*"}, []string{"INBOX", "a|b|c", "a/b", "*"}, nil},
		{[]string{"*", "!Spam"}, []string{"INBOX", "Spam|old", "spam", "Spam2"}, []string{"Spam"}},
		{[]string{"*", "!Spam", "!Spam/*"}, []string{"Spams"}, []string{"Spam", "Spam|a", "Spam|a|b"}},
		{[]string{"*", "!Lists/*", "Lists/go-*"}, []string{"Lists", "Lists|go-nuts"}, []string{"Lists|rust"}},
		{[]string{"Lists/go-*", "!*", "INBOX"}, []string{"INBOX"}, []string{"Lists|go-nuts"}},
		{[]string{"%"}, []string{"INBOX", "a/b"}, []string{"a|b"}},
		{[]string{"%/%"}, []string{"a|b", "a/b|c"}, []string{"a", "a|b|c", "a/b"}},
		{[]string{"a%c"}, []string{"ac", "abc", "abbc"}, []string{"a|c", "ab|bc", "xabc", "abcx"}},
		{[]string{"a*c"}, []string{"ac", "a|c", "ab|d|bc"}, []string{"a|cd"}},
		{[]string{"*a*b*"}, []string{"ab", "xaybz", "a|b"}, []string{"ba", "a"}},
		{[]string{`a\/b`}, []string{"a/b"}, []string{"a|b"}},
		{[]string{"a/b"}, []string{"a|b"}, []string{"a/b", "a"}},
		{[]string{`a\\b`}, []string{`a\b`}, []string{"ab"}},
		{[]string{`\*`, `100\%`}, []string{"*", "100%"}, []string{"a", "100", "1000"}},
		{[]string{`\!important`}, []string{"!important"}, []string{"important"}},
		{[]string{"*", "!!x"}, []string{"x"}, []string{"!x"}},
		{[]string{"[Gmail]/*", "a.?"}, []string{"[Gmail]|All Mail", "a.?"}, []string{"G|All Mail", "a.b"}},
		{[]string{"inbox"}, []string{"INBOX"}, []string{"INBOX|a", "INBOXES"}},
		{[]string{"Inbox/*"}, []string{"INBOX|a"}, []string{"INBOX", "INBOX2"}},
		{[]string{"inb%"}, []string{"INBOX"}, []string{"INBOXES", "INBOX|a"}},
		{[]string{"Inbox/A"}, []string{"INBOX|A"}, []string{"INBOX|a"}},
		{[]string{"a/inbox"}, []string{"a|inbox"}, []string{"a|INBOX"}},
		{[]string{"Entw\u00fcrfe"}, []string{"Entw\u00fcrfe", "Entwu\u0308rfe"}, []string{"Entwurfe"}},
		{[]string{"Entwu\u0308rfe"}, []string{"Entw\u00fcrfe"}, nil},
	} {
		m, err := NewMatcher(test.patterns)
		if err != nil {
			t.Errorf("NewMatcher(%q): %v", test.patterns, err)
		}
		for _, name := range test.yes {
			if !m.Match(named(name)) {
				t.Errorf("%q.Match(%q): got false, want true", test.patterns, named(name))
			}
		}
		for _, name := range test.no {
			if m.Match(named(name)) {
				t.Errorf("%q.Match(%q): got true, want false", test.patterns, named(name))
			}
		}
		if m.Match("") {
			t.Errorf("%q matches the zero Name", test.patterns)
		}
	}
}

func TestMatcherRoles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		patterns []string
		roles    []string
		want     bool
	}{
		{[]string{"*", `!\Junk`}, nil, true},
		{[]string{"*", `!\Junk`}, []string{`\Junk`}, false},
		{[]string{"*", `!\junk`}, []string{`\JUNK`}, false},
		{[]string{"*", `!\Junk`}, []string{`\Sent`, `\Junk`}, false},
		{[]string{"*", `!\Junk`}, []string{`\Sent`}, true},
		{[]string{`\Sent`}, nil, false},
		{[]string{`\Sent`}, []string{`\Sent`}, true},
		{[]string{`\Sent`, "!a"}, []string{`\Sent`}, false},
		{[]string{"*", `!\Sent`, "a"}, []string{`\Sent`}, true},
	} {
		m, err := NewMatcher(test.patterns)
		if err != nil {
			t.Fatalf("NewMatcher(%q): %v", test.patterns, err)
		}
		if got := m.Match("a", test.roles...); got != test.want {
			t.Errorf("%q, %q: got %v, want %v", test.patterns, test.roles, got, test.want)
		}
	}
	var invalid *PatternError
	if _, err := NewMatcher([]string{"*", `!\Spam`}); !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, `\Junk`) {
		t.Errorf("got %v for an unknown special use", err)
	}
}

func TestZeroMatcher(t *testing.T) {
	t.Parallel()
	if (Matcher{}).Match(Inbox) {
		t.Error("the zero Matcher matches INBOX")
	}
}

func TestNewMatcherRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		patterns []string
		pattern  string // the one at fault
		reason   string
	}{
		{nil, "", "the list is empty"},
		{[]string{"!Spam"}, "", `every pattern leaves out; put "*" first`},
		{[]string{"*", ""}, "", "one of them is empty"},
		{[]string{"*", "!"}, "!", "nothing to match"},
		{[]string{"Entw\xfcrfe"}, "Entw\xfcrfe", "it is not UTF-8"},
		{[]string{"a\tb"}, "a\tb", "it holds a control character"},
		{[]string{"a\u009bb"}, "a\u009bb", "it holds a control character"},
		{[]string{"*", "!Spam/"}, "!Spam/", `it matches no name: nothing stands before or after a "/"`},
		{[]string{"/*"}, "/*", `it matches no name: nothing stands before or after a "/"`},
		{[]string{"a//b"}, "a//b", `it matches no name: nothing stands before or after a "/"`},
		{[]string{`a\b`}, `a\b`, `"\b" means nothing; a backslash is written "\\"`},
		{[]string{`a\`}, `a\`, `it ends in a "\"; a backslash is written "\\"`},
	} {
		_, err := NewMatcher(test.patterns)
		var got *PatternError
		if !errors.As(err, &got) || got.Pattern != test.pattern || got.Reason != test.reason {
			t.Errorf("NewMatcher(%q): got %v, want %q about %q", test.patterns, err, test.reason, test.pattern)
		}
	}
}

// The text of a name, as shown, is a pattern for that name and no other, but
// for wildcards in it.
func FuzzMatcher(f *testing.F) {
	f.Add("a/b", "a/c")
	f.Add(`a\/b`, "a/b")
	f.Add("inbox/x", "INBOX/x")
	f.Add("*%*%*a", "aaaa/aaa")
	f.Fuzz(func(t *testing.T, a, b string) {
		m, err := NewMatcher([]string{"*", "!" + a})
		if err != nil {
			return
		}
		n, err := NewName(strings.Split(b, "/")...)
		if err != nil {
			return
		}
		m.Match(n)
		if strings.ContainsAny(n.String(), "*%") {
			return
		}
		own, err := NewMatcher([]string{"*", "!" + n.String()})
		if err != nil || own.Match(n) {
			t.Errorf("pattern %q does not match its own name: %v", n, err)
		}
	})
}
