package nametrans

import (
	"errors"
	"strings"
	"testing"
)

// Legend of rule texts in tests: "near = far", and for a regular expression
// "far pattern -> near template; near pattern -> far template".
func ruleTexts(rules ...string) []RuleText {
	var texts []RuleText
	for _, rule := range rules {
		if near, far, ok := strings.Cut(rule, " = "); ok {
			texts = append(texts, RuleText{Near: near, Far: far})
			continue
		}
		there, back, _ := strings.Cut(rule, "; ")
		farPattern, nearTemplate, _ := strings.Cut(there, " -> ")
		nearPattern, farTemplate, _ := strings.Cut(back, " -> ")
		texts = append(texts, RuleText{
			FarPattern: farPattern, NearTemplate: nearTemplate, NearPattern: nearPattern, FarTemplate: farTemplate,
		})
	}
	return texts
}

func mustRules(t interface{ Fatalf(string, ...any) }, rules ...string) Rules {
	r, err := NewRules(ruleTexts(rules...))
	if err != nil {
		t.Fatalf("NewRules(%q): %v", rules, err)
	}
	return r
}

func TestNewRulesRefuses(t *testing.T) {
	t.Parallel()
	const (
		star    = `a "*" stands at the end only, alone or behind a "/"; one that is part of a name is written "\*"`
		noGroup = ` (write ${1}2 where a digit or letter follows)`
		dollar  = `behind a "$" stands the number of a group, as in $1 or ${1}; a "$" itself is written "$$"`
	)
	for _, test := range []struct {
		rules  []string
		near   string // of the rule at fault
		reason string
	}{
		{[]string{"ok = fine", " = Sent"}, "", "near: the name is empty"},
		{[]string{"Sent = "}, "Sent", "far: the name is empty"},
		{[]string{"a//b = c"}, "a//b", "near: a part of the name is empty"},
		{[]string{"/a = c"}, "/a", "near: a part of the name is empty"},
		{[]string{"c = a/"}, "c", "far: a part of the name is empty"},
		{[]string{"c/* = /*"}, "c/*", "far: a part of the name is empty"},
		{[]string{"c/* = a//*"}, "c/*", "far: a part of the name is empty"},
		{[]string{"../a = c"}, "../a", `near: a part of the name is "." or ".."`},
		{[]string{"a = b/./c"}, "a", `far: a part of the name is "." or ".."`},
		{[]string{"a\tb = c"}, "a\tb", "near: the name holds a control character"},
		{[]string{"a = b\u009bc"}, "a", "far: the name holds a control character"},
		{[]string{"a\x00b = c"}, "a\x00b", "near: the name holds a control character"},
		{[]string{"a = Entw\xfcrfe"}, "a", "far: the name is not UTF-8"},
		{[]string{`a\b = c`}, `a\b`, `near: "\b" means nothing; a backslash is written "\\"`},
		{[]string{`a = b\`}, "a", `far: it ends in a "\"; a backslash is written "\\"`},
		{[]string{`\ = b`}, `\`, `near: it ends in a "\"; a backslash is written "\\"`},
		{[]string{`\Sent/a = b`}, `\Sent/a`, `near: "\S" means nothing; a backslash is written "\\"`},
		{[]string{`Sent = \Outbox`}, "Sent", `far: \Outbox is no special use; those are \All \Archive \Drafts \Flagged ` +
			`\Important \Junk \Sent \Trash (a backslash in a name is written "\\")`},

		{[]string{"a/* = b"}, "a/*", `a "*" must stand at the end of both texts, and far has none`},
		{[]string{"a = *"}, "a", `a "*" must stand at the end of both texts, and near has none`},
		{[]string{`a/* = \Sent`}, "a/*", `a "*" must stand at the end of both texts, and far has none`},
		{[]string{`a/* = b/\*`}, "a/*", `a "*" must stand at the end of both texts, and far has none`},
		{[]string{"a* = b/*"}, "a*", "near: " + star},
		{[]string{"a/* = */b/*"}, "a/*", "far: " + star},
		{[]string{"a = b**"}, "a", "far: " + star},
		{[]string{"** = b"}, "**", "near: " + star},
		{[]string{`a/\** = b/*`}, `a/\**`, "near: " + star},

		{[]string{"Sent = a", "Sent = b"}, "Sent", `near "Sent" stands in another rule already: "Sent" = "a"`},
		{[]string{"a = Sent", "b = Sent"}, "b", `far "Sent" stands in another rule already: "a" = "Sent"`},
		{[]string{"inbox = a", "Inbox = b"}, "Inbox", `near "INBOX" stands in another rule already: "INBOX" = "a"`},
		{[]string{`Sent = \Sent`, "Sent = a"}, "Sent", `near "Sent" stands in another rule already: "Sent" = "\\Sent"`},
		{[]string{`Sent = \Sent`, `a = \sent`}, "a", `far "\\Sent" stands in another rule already: "Sent" = "\\Sent"`},
		{[]string{"a/* = b/*", "a/* = c/*"}, "a/*", `near "a/*" stands in another rule already: "a/*" = "b/*"`},
		{[]string{"a/* = *", "b/* = *"}, "b/*", `far "*" stands in another rule already: "a/*" = "*"`},
		{[]string{"Entwu\u0308rfe = a", "Entw\u00fcrfe = b"}, "Entw\u00fcrfe",
			"near \"Entw\u00fcrfe\" stands in another rule already: \"Entwu\u0308rfe\" = \"a\""},
		{[]string{"a -> b; b -> a", "a -> c; c -> a"}, "c",
			`far "a" stands in another rule already: far "a" is near "b", near "b" is far "a"`},
		{[]string{"a -> b; b -> a", "x -> b; b -> x"}, "b",
			`near "b" stands in another rule already: far "a" is near "b", near "b" is far "a"`},

		{[]string{"a -> b; c"}, "c", "the far template is missing; a regular expression needs its inverse"},
		{[]string{"a -> b"}, "", "the near pattern is missing; a regular expression needs its inverse"},
		{[]string{"a; c -> d"}, "c", "the near template is missing; a regular expression needs its inverse"},
		{[]string{"; c -> d"}, "c", "the far pattern is missing; a regular expression needs its inverse"},
		{[]string{"a( -> b; b -> a"}, "b", "far pattern: error parsing regexp: missing closing ): `a(`"},
		{[]string{"a)(b -> b; b -> a"}, "b", "far pattern: error parsing regexp: unexpected ): `a)(b`"},
		{[]string{"a -> b; *b -> a"}, "*b", "near pattern: error parsing regexp: missing argument to repetition operator: `*`"},
		{[]string{"(a) -> b$2; b -> a"}, "b", `near template: its pattern has no group "2"` + noGroup},
		{[]string{"(a) -> $1b; b -> a"}, "b", `near template: its pattern has no group "1b"` + noGroup},
		{[]string{"(a) -> $01; b -> a"}, "b", `near template: its pattern has no group "01"` + noGroup},
		{[]string{"a -> b; (b) -> ${x}"}, "(b)", `far template: its pattern has no group "x"` + noGroup},
		{[]string{"(a) -> ${1; b -> a"}, "b", "near template: " + dollar},
		{[]string{"(a) -> ${}; b -> a"}, "b", "near template: " + dollar},
		{[]string{"(a) -> ${1 }; b -> a"}, "b", "near template: " + dollar},
		{[]string{"(a) -> $/; b -> a"}, "b", "near template: " + dollar},
		{[]string{"(a) -> $1$; b -> a"}, "b", "near template: " + dollar},
		{[]string{"(a) -> b\xff; b -> a"}, "b", "near template: the name is not UTF-8"},
	} {
		r, err := NewRules(ruleTexts(test.rules...))
		var refused *RuleError
		if !errors.As(err, &refused) || refused.Near != test.near || refused.Reason != test.reason {
			t.Errorf("NewRules(%q):\n got %v\nwant near %q: %s", test.rules, err, test.near, test.reason)
		}
		if !r.Empty() {
			t.Errorf("NewRules(%q): got rules besides the error", test.rules)
		}
	}
}

func TestNewRulesRefusesBoth(t *testing.T) {
	t.Parallel()
	text := ruleTexts("a -> b; b -> a")[0]
	text.Near = "x"
	_, err := NewRules([]RuleText{text})
	want := `rule "b" = "a": a rule has either two texts or the four of a regular expression, not both`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRuleErrorText(t *testing.T) {
	t.Parallel()
	_, err := NewRules([]RuleText{{Near: "a\x1b[31m", Far: "b\u202e"}})
	want := `rule "a\x1b[31m" = "b\u202e": near: the name holds a control character`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRulesString(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rules []string
		want  []string
	}{
		{nil, nil},
		{[]string{"inbox/a = InBox"}, []string{`"INBOX/a" = "INBOX"`}},
		{[]string{`\sent = \SENT`}, []string{`"\\Sent" = "\\Sent"`}},
		{[]string{`\\Sent = a\/b\*\%\!`}, []string{`"\\\\Sent" = "a\\/b\\*%!"`}},
		{[]string{"%! = a"}, []string{`"%!" = "a"`}},
		{[]string{"b = c", "* = INBOX/*", "a/b/* = x/*"}, []string{`"*" = "INBOX/*"`, `"a/b/*" = "x/*"`, `"b" = "c"`}},
		{[]string{"z -> y; y -> z", "b = c", "a -> $$b; b -> a"}, []string{
			`"b" = "c"`, `far "z" is near "y", near "y" is far "z"`, `far "a" is near "$$b", near "b" is far "a"`,
		}},
	} {
		r := mustRules(t, test.rules...)
		want := ""
		for _, line := range test.want {
			want += line + "\n"
		}
		if got := r.String(); got != want {
			t.Errorf("rules %q: got\n%swant\n%s", test.rules, got, want)
		}
		if got, want := r.Empty(), len(test.rules) == 0; got != want {
			t.Errorf("rules %q: Empty: got %v, want %v", test.rules, got, want)
		}
	}
	one, other := mustRules(t, "a = b", "c/* = d/*", `e = \Sent`), mustRules(t, `e = \Sent`, "c/* = d/*", "a = b")
	if one.String() != other.String() {
		t.Errorf("the order of rules shows: got\n%s and\n%s", one, other)
	}
	one, other = mustRules(t, "a -> b; b -> a", "c -> d; d -> c"), mustRules(t, "c -> d; d -> c", "a -> b; b -> a")
	if one.String() == other.String() {
		t.Errorf("the order of regular expressions does not show: got\n%s", one)
	}
}

// Whatever is taken can be written in its one spelling, and read again as the
// same rule; and names, whatever they are, translate one-to-one.
func FuzzNewRules(f *testing.F) {
	f.Add("Sent", "[Gmail]/Sent Mail", "", "", "", "")
	f.Add("*", "INBOX/*", "", "", "", "")
	f.Add(`a\/b\*`, `\sent`, "", "", "", "")
	f.Add("", "", "(.*)/x", "y/${1}", "y/(.*)", "$1/x")
	f.Add("", "", "(?P<n>.)(.*)", "$n/$2", "(.)/(.*)", "$1$2")
	f.Fuzz(func(t *testing.T, near, far, farPattern, nearTemplate, nearPattern, farTemplate string) {
		text := RuleText{near, far, farPattern, nearTemplate, nearPattern, farTemplate}
		r, err := NewRules([]RuleText{text})
		if err != nil {
			if refused, ok := err.(*RuleError); !ok || refused.Reason == "" {
				t.Fatalf("got error %#v, want a *RuleError with a reason", err)
			}
			return
		}
		if !text.patterns() {
			ends := r.rules[0].ends
			again, err := NewRules([]RuleText{{Near: ends[nearSide].text(), Far: ends[farSide].text()}})
			if err != nil || again.String() != r.String() {
				t.Fatalf("%q: read again: %v, %q", r, err, again)
			}
		}
		var listed []Mailbox
		for _, name := range []string{"INBOX", "a", "a|b", near, far, nearTemplate, farTemplate} {
			if n, err := NewName(strings.Split(name, "/")...); err == nil {
				listed = append(listed, Mailbox{Name: n})
			}
		}
		checkTranslation(t, r, listed, listed, true)
	})
}
