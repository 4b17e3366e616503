package nametrans

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// listing returns mailboxes; `Sent Items \Sent` is one with a special use.
func listing(texts ...string) []Mailbox {
	var list []Mailbox
	for _, text := range texts {
		name, role, _ := strings.Cut(text, ` \`)
		if role != "" {
			role = `\` + role
		}
		list = append(list, Mailbox{Name: named(name), Role: role})
	}
	return list
}

type translationTest struct {
	about     string
	rules     []string
	far, near []string
	hidden    []string // near names that are not selected
	foldCase  bool
	pairs     []string // "near = far", of all names that are not stopped
	stops     []Stop   // without Rules, which TestStopRules checks
	later     []string // "near = far", of names that are asked for only later
	notFar    []string // near names, asked for later, that have no far name
	notNear   []string // far names, asked for later, that have no near name
}

const gmailSent = "[Gmail]|Sent Mail"

// Legend: see ruleTexts and listing; "|" stands between the components of a
// name.
var translationTests = []translationTest{
	{
		about: "no rules: names are the same",
		far:   []string{"INBOX", "Sent", "a|b"}, near: []string{"INBOX", "c"}, foldCase: true,
		pairs: []string{"INBOX = INBOX", "Sent = Sent", "a|b = a|b", "c = c"},
		later: []string{"d|e = d|e"}, notFar: []string{"sent", "A|x"}, notNear: []string{"C"},
	},
	{
		about: "no rules: collisions are found",
		far:   []string{"Lists|a", "Lists|b", "Other"}, near: []string{"lists|c"}, foldCase: true,
		pairs: []string{"Other = Other"},
		stops: []Stop{{Far: names("Lists|a", "Lists|b"), Near: names("lists|c"),
			NewFar: names("lists|c"), NewNear: names("Lists|a", "Lists|b"), Reason: ReasonCase}},
		notFar: []string{"lists|c", "Lists|a", "Lists|x"},
	},
	{
		about: "no rules: what is found later collides above it",
		far:   []string{"Lists|a", "lists|b"}, foldCase: true,
		stops:  []Stop{{Far: names("Lists|a", "lists|b"), NewNear: names("Lists|a", "lists|b"), Reason: ReasonCase}},
		notFar: []string{"Lists|x", "lists|x", "LISTS"},
	},
	{
		about: "exact",
		rules: []string{"Sent = [Gmail]/Sent Mail"},
		far:   []string{"INBOX", gmailSent}, near: []string{"INBOX", "Sent", "x"},
		pairs: []string{"INBOX = INBOX", "Sent = " + gmailSent, "x = x"},
	},
	{
		about: "exact, to be made on either side",
		rules: []string{"a = b", "c = d"},
		far:   []string{"b"}, near: []string{"c"},
		pairs: []string{"a = b", "c = d"}, notFar: []string{"b", "d"}, notNear: []string{"a", "c"},
	},
	{
		about: "exact, of INBOX in any case and of characters that stand for something else",
		rules: []string{"Work/INBOX = inbox", `a\/b = \\Sent/\*`},
		far:   []string{"INBOX", `\Sent|*`}, near: []string{"Work|INBOX"},
		pairs: []string{"Work|INBOX = INBOX", `a/b = \Sent|*`}, notFar: []string{"INBOX"},
	},
	{
		about: "two names swapped",
		rules: []string{"a = b", "b = a"},
		far:   []string{"a", "b"}, near: []string{"a"},
		pairs: []string{"a = b", "b = a"},
	},
	{
		about: "the near name that a far mailbox is given is kept by another: both, and nothing else",
		rules: []string{"Sent = [Gmail]/Sent Mail"},
		far:   []string{"INBOX", "Sent", gmailSent}, near: []string{"INBOX", "x"},
		pairs: []string{"INBOX = INBOX", "x = x"},
		stops: []Stop{{Far: names("Sent", gmailSent), NewNear: names("Sent"), Reason: ReasonShared}},
	},
	{
		about: "a name that a rule gives away",
		rules: []string{"Sent = [Gmail]/Sent Mail"},
		far:   []string{"Sent"}, near: []string{gmailSent},
		stops: []Stop{
			{Near: names(gmailSent), NewFar: names(gmailSent), Reason: ReasonNoReturn},
			{Far: names("Sent"), NewNear: names("Sent"), Reason: ReasonNoReturn},
		},
	},
	{
		about:   "a name that is stopped is nobody else's later",
		rules:   []string{"Sent = [Gmail]/Sent Mail"},
		far:     []string{"Sent"},
		stops:   []Stop{{Far: names("Sent"), NewNear: names("Sent"), Reason: ReasonNoReturn}},
		notNear: []string{gmailSent},
	},
	{
		about: "what would be made counts as well",
		rules: []string{"Sent = [Gmail]/Sent Mail"},
		far:   []string{"Sent"}, near: []string{"Sent"},
		stops: []Stop{{Far: names("Sent"), Near: names("Sent"), NewFar: names(gmailSent), Reason: ReasonShared}},
	},
	{
		about: "prefix",
		rules: []string{"Lists/* = Mailing lists/*"},
		far:   []string{"Mailing lists", "Mailing lists|go", "Mailing lists|a|inbox", "Mailing lists 2"}, near: []string{"Lists|inbox", "Lists"},
		pairs: []string{
			"Lists = Lists", "Lists|a|inbox = Mailing lists|a|inbox", "Lists|go = Mailing lists|go",
			"Lists|inbox = Mailing lists|inbox", "Mailing lists = Mailing lists", "Mailing lists 2 = Mailing lists 2",
		},
		notFar: []string{"Mailing lists|x"},
	},
	{
		about: "prefix: everything but INBOX into a subtree",
		rules: []string{"Work/* = *"},
		far:   []string{"INBOX", "Sent", "INBOX|a"}, near: []string{"INBOX", "Work|a"},
		pairs: []string{"INBOX = INBOX", "Work|INBOX|a = INBOX|a", "Work|Sent = Sent", "Work|a = a"},
		later: []string{"Work|Work|a = Work|a"}, notFar: []string{"a", "Work", "Work|inbox", "Work|INBOX"},
	},
	{
		about: "prefix: a near name that is INBOX but for its place has nothing to do with INBOX",
		rules: []string{"Work/* = *"},
		far:   []string{"INBOX"}, near: []string{"Work|inbox"},
		pairs: []string{"INBOX = INBOX"},
		stops: []Stop{{Near: names("Work|inbox"), NewFar: names("Work|inbox"), Reason: ReasonNoReturn}},
	},
	{
		about: "prefix: a near name outside the subtree",
		rules: []string{"Work/* = *"},
		far:   []string{"a", "b"}, near: []string{"a", "c"},
		pairs: []string{"Work|b = b"},
		stops: []Stop{
			{Near: names("c"), NewFar: names("c"), Reason: ReasonNoReturn},
			{Far: names("a"), Near: names("a"), NewNear: names("Work|a"), Reason: ReasonShared},
		},
	},
	{
		about: "prefix: the same, but that mailbox is not of the pair",
		rules: []string{"Work/* = *"},
		far:   []string{"a", "b"}, near: []string{"a", "c"}, hidden: []string{"a", "c"},
		pairs: []string{"Work|a = a", "Work|b = b"},
	},
	{
		about: "prefix: what is below INBOX at the top",
		rules: []string{"* = INBOX/*"},
		far:   []string{"INBOX", "INBOX|Sent"}, near: []string{"Drafts", "INBOX|x"},
		pairs: []string{"Drafts = INBOX|Drafts", "INBOX = INBOX", "INBOX|x = INBOX|INBOX|x", "Sent = INBOX|Sent"},
		later: []string{"INBOX|inbox = INBOX|INBOX|inbox"}, notNear: []string{"Sent", "INBOX|inbox", "INBOX|InBox|x"},
	},
	{
		about: "the longest prefix, and an exact rule before it",
		rules: []string{"all/* = *", "a/* = x/*", "ab/* = x/y/*", "here = x/y/z"},
		far:   []string{"q", "x", "x|q", "x|y", "x|y|q", "x|y|z"},
		pairs: []string{"a|q = x|q", "a|y = x|y", "ab|q = x|y|q", "all|q = q", "all|x = x", "here = x|y|z"},
	},
	{
		about: "a shorter prefix cannot take what a longer one has",
		rules: []string{"all/* = *", "a/* = x/*"},
		near:  []string{"all|x|q"},
		stops: []Stop{{Near: names("all|x|q"), NewFar: names("x|q"), Reason: ReasonNoReturn}},
	},
	{
		about: "role on the far side, on both, on the near side",
		rules: []string{`Sent = \Sent`, `\trash = \Trash`, `\Junk = Spam`},
		far:   []string{`Gesendet \Sent`, `Bin \TRASH`, "Spam"}, near: []string{"Sent", `Papierkorb \Trash`, `Müll \Junk`},
		pairs: []string{"Müll = Spam", "Papierkorb = Bin", "Sent = Gesendet"},
	},
	{
		about: "role: usual names where none is listed",
		rules: []string{`a = \All`, `b = \Archive`, `c = \Drafts`, `d = \Flagged`, `e = \Important`, `f = \Junk`, `g = \Sent`, `h = \Trash`},
		near:  []string{"a", "b", "c", "d", "e", "f", "g"},
		pairs: []string{"a = All Mail", "b = Archive", "c = Drafts", "d = Starred", "e = Important", "f = Junk", "g = Sent"},
		later: []string{"h = Trash"}, notNear: []string{"h"},
	},
	{
		about: "role: two with it, both named",
		rules: []string{`Sent = \Sent`},
		far:   []string{`b \Sent`, `a \Sent`, "c"}, near: []string{"d"},
		pairs:  []string{"c = c", "d = d"},
		stops:  []Stop{{Far: names("a", "b"), NewNear: names("Sent"), Reason: ReasonRoleTwice}},
		notFar: []string{"Sent"},
	},
	{
		about: "role: two with it on the near side, one far",
		rules: []string{`\Sent = \Sent`},
		far:   []string{`x \Sent`}, near: []string{`b \Sent`, `a \Sent`},
		stops: []Stop{{Far: names("x"), Near: names("a", "b"), Reason: ReasonRoleTwice}},
	},
	{
		about: "role: two with it, of which an exact rule names one",
		rules: []string{`\Sent = \Sent`, "old = a"},
		far:   []string{`b \Sent`, `a \Sent`}, near: []string{"Sent"},
		pairs: []string{"Sent = b", "old = a"},
	},
	{
		about: "role: one mailbox, listed twice, is one with it",
		rules: []string{`Sent = \Sent`, `old = \Trash`, "Bin = a"},
		far:   []string{`b \Sent`, `b \Sent`, `a \Trash`, `a \Trash`}, near: []string{"old"},
		stops: []Stop{
			{Far: names("a"), Near: names("old"), NewNear: names("Bin"), Reason: ReasonTwice},
			{Far: names("b"), NewNear: names("Sent"), Reason: ReasonTwice},
		},
	},
	{
		about: "role: two with it, not selected",
		rules: []string{`Sent = \Sent`},
		far:   []string{`b \Sent`, `a \Sent`, "c"}, hidden: []string{"Sent"},
		pairs: []string{"c = c"}, notFar: []string{"Sent"}, notNear: []string{"a"},
	},
	{
		about: "role: one mailbox for two rules",
		rules: []string{`a = \Sent`, `b = \Archive`},
		far:   []string{`Archive \Sent`, "c"},
		pairs: []string{"c = c"},
		stops: []Stop{{Far: names("Archive"), NewNear: names("a", "b"), Reason: ReasonTwoRules}},
	},
	{
		about: "role: two rules that agree",
		rules: []string{`\Sent = Sent Items`, `Sent = \Sent`},
		far:   []string{`Sent Items \Sent`}, near: []string{`Sent \Sent`},
		pairs: []string{"Sent = Sent Items"},
	},
	{
		about: "exact before role before prefix",
		rules: []string{"all/* = *", `s = \Sent`, "t = x", "all/z = y"},
		far:   []string{`Sent \Sent`, "x", "y", "w"},
		pairs: []string{"all|w = w", "all|z = y", "s = Sent", "t = x"},
	},
	{
		about: "role: an exact rule has its mailbox",
		rules: []string{`\Sent = \Sent`, "old = Sent Items"},
		far:   []string{`Sent Items \Sent`}, near: []string{`Sent \Sent`, "x"},
		pairs: []string{"x = x"},
		stops: []Stop{{Far: names("Sent Items"), Near: names("Sent"), NewNear: names("old"), Reason: ReasonShared}},
	},
	{
		about: "regular expression and its inverse",
		rules: []string{"Archive/(\\d+)/(.+) -> $2 $1; (.+) (\\d+) -> Archive/$2/$1"},
		far:   []string{"Archive|2019|work", "Archive|x", "Archive|2019|a|b"}, near: []string{"home 7"},
		pairs: []string{"Archive|x = Archive|x", "a|b 2019 = Archive|2019|a|b", "home 7 = Archive|7|home", "work 2019 = Archive|2019|work"},
	},
	{
		about: "regular expressions match whole names, escaped; the first one decides; $$",
		rules: []string{`b|bc -> x; x -> b`, `bc?\\/(.) -> $$$1; \$(.) -> b\/$1`, `b.* -> y; y -> b`},
		far:   []string{"abc", "b", "b/c", "bcd"},
		pairs: []string{"$c = b/c", "abc = abc", "x = b"},
		stops: []Stop{{Far: names("bcd"), NewNear: names("y"), Reason: ReasonNoReturn}},
	},
	{
		about: "regular expression: an asterisk is a character",
		rules: []string{"x/(.*) -> $1; (.*) -> x/$1"},
		far:   []string{"x|a*b", "x|*", `x|a/b\`},
		pairs: []string{"* = x|*", "a*b = x|a*b", `a/b\ = x|a/b\`},
	},
	{
		about: "as OfflineIMAP's users wrote them: there with a dot, back without",
		rules: []string{`INBOX\.(.+) -> $1; (.+) -> INBOX/$1`},
		far:   []string{"INBOX", "INBOX.a", "INBOX.b", "c"},
		stops: []Stop{
			{Far: names("INBOX"), NewNear: names("INBOX"), Reason: ReasonNoReturn},
			{Far: names("INBOX.a"), NewNear: names("a"), Reason: ReasonNoReturn},
			{Far: names("INBOX.b"), NewNear: names("b"), Reason: ReasonNoReturn},
			{Far: names("c"), NewNear: names("c"), Reason: ReasonNoReturn},
		},
	},
	{
		about: "regular expression: two far names become one",
		rules: []string{`(?i)(spam|junk) -> Spam; Spam -> Junk`},
		far:   []string{"Junk", "Spam", "x"},
		pairs: []string{"x = x"},
		stops: []Stop{{Far: names("Junk", "Spam"), NewNear: names("Spam"), Reason: ReasonShared}},
	},
	{
		about: "regular expression: no name comes of it",
		rules: []string{`a/?(.*) -> $1; (.+) -> a/$1`, `x(.) -> \$1; y(.*) -> x$1`, `q(.*) -> q; r(.*) -> ../$1`},
		far:   []string{"a", "a|b", "a|..b", "xy"}, near: []string{"b"},
		pairs: []string{"..b = a|..b", "b = a|b"},
		stops: []Stop{
			{Far: names("a"), Reason: ReasonNoName},
			{Far: names("xy"), Reason: ReasonNoName},
		},
	},
	{
		about: "translated names differ in case",
		rules: []string{"Sent = x"},
		far:   []string{"x", "sent", "y"}, foldCase: true,
		pairs: []string{"y = y"},
		stops: []Stop{{Far: names("sent", "x"), NewNear: names("Sent", "sent"), Reason: ReasonCase}},
	},
	{
		about: "translated names differ in case, which both sides keep apart",
		rules: []string{"Sent = x"},
		far:   []string{"x", "sent", "y"},
		pairs: []string{"Sent = x", "sent = sent", "y = y"},
	},
	{
		about: "translated names differ in case above them",
		rules: []string{"Lists/* = x/*"},
		far:   []string{"x|a", "lists|b", "lists", "y"}, near: []string{"y"}, foldCase: true,
		pairs: []string{"y = y"},
		stops: []Stop{
			{Far: names("lists", "lists|b", "x|a"), NewNear: names("Lists|a", "lists", "lists|b"), Reason: ReasonCase},
		},
	},
	{
		about: "translated names differ in normalization",
		rules: []string{"x/* = *"},
		far:   []string{"a\u00e9"}, near: []string{"x|ae\u0301"},
		stops: []Stop{{Far: names("a\u00e9"), Near: names("x|ae\u0301"), NewFar: names("ae\u0301"), NewNear: names("x|a\u00e9"), Reason: ReasonNormal}},
	},
	{
		about: "a rule in other letters than the listing",
		rules: []string{"x = Sent", "y/* = Entw\u00fcrfe/*", "z = \u00e9"},
		far:   []string{"sent", "Entwu\u0308rfe|a", "e\u0301", "Sent2"}, foldCase: true,
		pairs: []string{"Sent2 = Sent2"},
		stops: []Stop{
			{Far: names("Entwu\u0308rfe|a"), NewNear: names("y|a"), Reason: ReasonSpelling},
			{Far: names("e\u0301"), NewNear: names("z"), Reason: ReasonSpelling},
			{Far: names("sent"), NewNear: names("x"), Reason: ReasonSpelling},
		},
	},
	{
		about: "two rules in the letters of either case, where case is kept and where not",
		rules: []string{"x = Sent", "y = sent"},
		far:   []string{"sent", "Sent"},
		pairs: []string{"x = Sent", "y = sent"},
	},
	{
		about: "the rule in the letters of the listing is used",
		rules: []string{"x = Sent", "y = sent"},
		far:   []string{"sent"}, foldCase: true,
		pairs: []string{"y = sent"}, notNear: []string{"Sent", "SENT"}, notFar: []string{"x"},
	},
	{
		about: "listed twice",
		rules: []string{"x = y"},
		far:   []string{"y", "y", "z"}, near: []string{"x"},
		pairs: []string{"z = z"},
		stops: []Stop{{Far: names("y"), Near: names("x"), Reason: ReasonTwice}},
	},
	{
		about: "the name that a mailbox would be given counts, though it does not lead back",
		rules: []string{"(.)/x -> $1; (.) -> no"},
		far:   []string{"A|x", "q|a"}, near: []string{"a|b", "aa"}, foldCase: true,
		pairs: []string{"aa = aa", "q|a = q|a"},
		stops: []Stop{{Far: names("A|x"), Near: names("a|b"), NewFar: names("a|b"), NewNear: names("A"), Reason: ReasonCase}},
	},
	{
		about: "what is not selected stops nothing",
		rules: []string{"Sent = x"},
		far:   []string{"x", "sent", "SENT"}, hidden: []string{"sent", "SENT"}, foldCase: true,
		pairs: []string{"Sent = x"}, notNear: []string{"sent"},
	},
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, test := range translationTests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			test.check(t, false)
			test.check(t, true)
		})
	}
}

// check translates; flipped, with the sides exchanged in everything. Which
// names are selected goes by the near side and does not flip.
func (test translationTest) check(t *testing.T, flipped bool) {
	t.Helper()
	rules := mustRules(t, test.rules...)
	far, near := listing(test.far...), listing(test.near...)
	hidden := names(test.hidden...)
	if flipped {
		if test.hidden != nil {
			return
		}
		for i, r := range rules.rules {
			rules.rules[i] = &rule{ends: [2]end{r.ends[nearSide], r.ends[farSide]}}
		}
		far, near = near, far
	}
	got := rules.Translate(far, near, func(n Name) bool { return !slices.Contains(hidden, n) }, test.foldCase)
	farOf, nearOf := got.Far, got.Near
	if flipped {
		farOf, nearOf = got.Near, got.Far
	}

	var stops []Stop
	for _, s := range got.Stopped {
		s.Rules = nil
		if flipped {
			s.Far, s.Near, s.NewFar, s.NewNear = s.Near, s.Far, s.NewNear, s.NewFar
		}
		stops = append(stops, s)
	}
	slices.SortFunc(stops, func(a, b Stop) int { return slices.Compare(append(a.Far, a.Near...), append(b.Far, b.Near...)) })
	want := slices.Clone(test.stops)
	slices.SortFunc(want, func(a, b Stop) int { return slices.Compare(append(a.Far, a.Near...), append(b.Far, b.Near...)) })
	if len(stops) != len(want) || len(want) > 0 && !reflect.DeepEqual(stops, want) {
		t.Errorf("flipped %v: stopped:\n got %q\nwant %q", flipped, stops, want)
	}

	var pairs []string
	for n, there := range got.pairs[nearSide] {
		if flipped {
			n, there = there, n
		}
		pairs = append(pairs, strings.ReplaceAll(string(n)+" = "+string(there), separator, "|"))
	}
	slices.Sort(pairs)
	slices.Sort(test.pairs)
	if !slices.Equal(pairs, test.pairs) {
		t.Errorf("flipped %v: pairs:\n got %q\nwant %q", flipped, pairs, test.pairs)
	}
	for _, pair := range slices.Concat(test.pairs, test.later) {
		n, f, _ := strings.Cut(pair, " = ")
		if there, ok := farOf(named(n)); !ok || there != named(f) {
			t.Errorf("flipped %v: Far(%q): got %q, %v, want %q", flipped, n, there, ok, f)
		}
		if there, ok := nearOf(named(f)); !ok || there != named(n) {
			t.Errorf("flipped %v: Near(%q): got %q, %v, want %q", flipped, f, there, ok, n)
		}
	}
	notFar, notNear := names(test.notFar...), names(test.notNear...)
	for _, s := range test.stops {
		notFar = slices.Concat(notFar, s.Near, s.NewNear)
		notNear = slices.Concat(notNear, s.Far, s.NewFar)
	}
	for _, n := range append(notFar, "") {
		if there, ok := farOf(n); ok || there != "" {
			t.Errorf("flipped %v: Far(%q): got %q, %v, want none", flipped, n, there, ok)
		}
	}
	for _, n := range append(notNear, "") {
		if there, ok := nearOf(n); ok || there != "" {
			t.Errorf("flipped %v: Near(%q): got %q, %v, want none", flipped, n, there, ok)
		}
	}
}

func TestStopRules(t *testing.T) {
	t.Parallel()
	rules := mustRules(t, "a = b", "c = d", `(e) -> f; f -> g`, `s = \Sent`, "h/* = i/*", "j = e\u0301")
	got := rules.Translate(listing("a", "b", "d", "e", `q \Sent`, `r \Sent`, "\u00e9"), listing("i|x"), nil, false).Stopped
	want := map[string][]string{
		"a": {`"a" = "b"`},
		"e": {`far "(e)" is near "f", near "f" is far "g"`},
		"i": {`"h/*" = "i/*"`},
		"q": {`"s" = "\\Sent"`},
		"é": {"\"j\" = \"e\u0301\""},
	}
	for _, s := range got {
		first := slices.Concat(s.Far, s.Near)[0].Components()[0]
		if !slices.Equal(s.Rules, want[first]) {
			t.Errorf("rules of the stop of %q: got %q, want %q", first, s.Rules, want[first])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d stops, want %d: %q", len(got), len(want), got)
	}
}

func TestZeroTranslation(t *testing.T) {
	t.Parallel()
	var zero Translation
	if n, ok := zero.Near(Inbox); !ok || n != Inbox {
		t.Errorf("Near(INBOX): got %q, %v", n, ok)
	}
	if n, ok := zero.Far(""); ok || n != "" {
		t.Errorf("Far of the zero Name: got %q, %v", n, ok)
	}
}
