package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"all":                     "ALL",
		" Seen   unflagged ":      "SEEN UNFLAGGED",
		"FROM boss@example.org":   `FROM "boss@example.org"`,
		`from "boss@example.org"`: `FROM "boss@example.org"`,
		`FROM "boss@example.org" NOT KEYWORD $Junk LARGER 10000`: `FROM "boss@example.org" NOT KEYWORD $Junk LARGER 10000`,
		`SUBJECT "say \"a\\b\" (now)"`:                           `SUBJECT "say \"a\\b\" (now)"`,
		`TO "grüße"`:                                             `TO "grüße"`,
		`CC ""`:                                                  `CC ""`,
		"BCC a]":                                                 `BCC "a]"`,
		"BODY or TEXT not":                                       `BODY "or" TEXT "not"`,
		"HEADER List-Id announce":                                `HEADER "List-Id" "announce"`,
		`HEADER "X-A" ""`:                                        `HEADER "X-A" ""`,
		"OR SEEN NOT OR FLAGGED DRAFT ANSWERED":                  "OR SEEN NOT OR FLAGGED DRAFT ANSWERED",
		"(SEEN (DELETED) ) ALL":                                  "(SEEN (DELETED)) ALL",
		"UNKEYWORD work NOT (UNSEEN UNDRAFT)":                    "UNKEYWORD work NOT (UNSEEN UNDRAFT)",
		`SINCE 01-feb-2024 before "2-Mar-2024"`:                  "SINCE 1-Feb-2024 BEFORE 2-Mar-2024",
		"ON 1-Jan-1999 SENTON 1-Jan-1999 SENTSINCE 1-Jan-1999 SENTBEFORE 1-Jan-1999": "ON 1-Jan-1999 SENTON 1-Jan-1999 SENTSINCE 1-Jan-1999 SENTBEFORE 1-Jan-1999",
		"LARGER 0 SMALLER 9223372036854775807":                                       "LARGER 0 SMALLER 9223372036854775807",
		"YOUNGER 604800":                                                             "YOUNGER 604800",
		"NOT OLDER 4294967295":                                                       "NOT OLDER 4294967295",
		"UID 1:5,7,9:*,*":                                                            "UID 1:5,7,9:*,*",
		"UNANSWERED UNDELETED":                                                       "UNANSWERED UNDELETED",
		"FROM younger":                                                               `FROM "younger"`,
		strings.Repeat("NOT ", maxSearchDepth) + "SEEN":                              strings.Repeat("NOT ", maxSearchDepth) + "SEEN",
	} {
		got, wrong := parseSearch(text)
		if wrong != nil {
			t.Errorf("%s: %+v", text, *wrong)
			continue
		}
		if within := strings.Contains(want, "YOUNGER ") || strings.Contains(want, "OLDER "); got != (Search{want, within}) {
			t.Errorf("%s: got %+v, want %s", text, got, want)
		}
	}
}

// TestSearchMistakes: what is wrong, where, and what to do.
func TestSearchMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		column int
		what   string
		hint   string
	}{
		{"", 1, "a key is missing", "write search"},
		{"   ", 1, "a key is missing", "write search"},
		{"SEEN FORM boss", 6, `unknown key "FORM"`, "did you mean FROM?"},
		{"unsen", 1, `unknown key "unsen"`, "did you mean UNSEEN?"},
		{"SUBJECT \"ü\" FLAGED", 13, `unknown key "FLAGED"`, "did you mean FLAGGED?"},
		{"X-GM-RAW \"has:attachment\"", 1, `unknown key "X-GM-RAW"`, "RFC 9051"},
		{"SEEN 1:5", 6, "message sequence numbers", "UID 1:5"},
		{"*", 1, "message sequence numbers", "UID *"},
		{"NOT $", 5, "earlier search", "leave it out"},
		{"UID $", 5, "no set of UIDs", "UID 100:200"},
		{"UID 0", 5, "no set of UIDs", ""},
		{"UID 01", 5, "no set of UIDs", ""},
		{"UID 1:", 5, "no set of UIDs", ""},
		{"UID 1,,2", 5, "no set of UIDs", ""},
		{"UID 4294967296", 5, "no set of UIDs", ""},
		{"UID", 4, "no set of UIDs", ""},
		{"CHARSET UTF-8 SEEN", 1, "CHARSET", "leave it out"},
		{"RETURN (ALL) SEEN", 1, "returned", "leave it out"},
		{"RECENT", 1, "session", "UNSEEN"},
		{"NEW", 1, "session", "UNSEEN"},
		{"OLD", 1, "session", "leave it out"},
		{"FROM", 5, "a text is missing behind FROM", `FROM "`},
		{"(FROM)", 6, "a text is missing behind FROM", `FROM "`},
		{"FROM {5}", 6, "a literal", "quotes"},
		{"FROM grüße", 6, "must stand in quotes", `FROM "…"`},
		{"FROM a(b", 6, "must stand in quotes", `FROM "…"`},
		{"FROM a*", 6, "must stand in quotes", `FROM "…"`},
		{`FROM "boss`, 6, "never closed", ""},
		{`FROM "a\b"`, 8, `a \ in a text`, `\\`},
		{`FROM "a\`, 8, `a \ in a text`, `\\`},
		{`FROM "a"SEEN`, 9, `"S" stands where a space is expected`, "spaces"},
		{"SEEN(DRAFT)", 5, `"(" stands where a space is expected`, "spaces"},
		{"(SEEN)DRAFT", 7, `"D" stands where a space is expected`, "spaces"},
		{`"SEEN"`, 1, "begins no key", ""},
		{"ü", 1, `"ü" begins no key`, ""},
		{"SEEN\tDRAFT", 5, "where a space is expected", "spaces"},
		{"SEEN\nDRAFT", 5, "line end", "one line"},
		{"FROM \"a\r\nb\"", 8, "line end", "one line"},
		{"FROM \"a\x00b\"", 8, "line end or NUL", ""},
		{"(SEEN", 1, `"(" is never closed`, ""},
		{"SEEN)", 5, `")" closes nothing`, ""},
		{"()", 2, "a key is missing", ""},
		{"NOT", 4, "a key is missing behind NOT", "one key"},
		{"(NOT) SEEN", 5, "a key is missing behind NOT", "one key"},
		{"OR SEEN", 8, "a key is missing behind OR", "two keys"},
		{"HEADER", 7, "a text is missing behind HEADER", "List-Id"},
		{"HEADER List-Id", 15, "a text is missing behind HEADER", ""},
		{`HEADER "" x`, 8, "no name of a header field", "List-Id"},
		{`HEADER a:b x`, 8, "no name of a header field", "List-Id"},
		{`HEADER "a b" x`, 8, "no name of a header field", "List-Id"},
		{"KEYWORD", 8, "a keyword is missing", "$Junk"},
		{`KEYWORD "a"`, 9, "a keyword is missing", "without quotes"},
		{`KEYWORD \Flagged`, 9, "is no keyword", "FLAGGED or UNFLAGGED"},
		{"SINCE 2024-02-01", 7, "is no date", "SINCE 1-Feb-2024"},
		{"SINCE yesterday", 7, "is no date", "SINCE 1-Feb-2024"},
		{"BEFORE 30-Feb-2024", 8, "is no date", ""},
		{`ON "1-Jan`, 4, "never closed", ""},
		{"LARGER 10k", 8, "is not such a number", "octets"},
		{"LARGER -1", 8, "is not such a number", ""},
		{"SMALLER 9223372036854775808", 9, "is not such a number", ""},
		{"YOUNGER 0", 9, "is not such a number", "in seconds"},
		{"OLDER 4294967296", 7, "is not such a number", "in seconds"},
		{strings.Repeat("NOT ", maxSearchDepth+1) + "SEEN", 133, "nested more than 32", "fewer"},
		{strings.Repeat("(", maxSearchDepth+2), 34, "nested more than 32", "fewer"},
		{"SUBJECT \"" + strings.Repeat("a", maxSearch) + "\"", 1, "more than servers take", "2000"},
	} {
		got, wrong := parseSearch(c.text)
		if wrong == nil {
			t.Errorf("%q: got %+v, want a mistake", c.text, got)
			continue
		}
		if wrong.column != c.column || !strings.Contains(wrong.what, c.what) || !strings.Contains(wrong.hint, c.hint) || wrong.hint == "" || strings.ContainsAny(wrong.what+wrong.hint, "\r\n") {
			t.Errorf("%q: got column %d, %q, hint %q; want column %d, %q, hint %q", c.text, wrong.column, wrong.what, wrong.hint, c.column, c.what, c.hint)
		}
	}
}

// TestSearchOfPair: where search may stand.
func TestSearchOfPair(t *testing.T) {
	t.Parallel()
	const imap = "[repository.a]\ntype = \"imap\"\nhost = \"imap.example.org\"\nuser = \"ann\"\npassword_command = [\"pass\"]\n[repository.b]\ntype = \"maildir\"\npath = \"/b\"\n[pair.p]\n"
	const straight = imap + "far = \"a\"\nnear = \"b\"\n"
	for _, c := range []struct{ text, want string }{
		{straight + `search = 'from boss'`, ""},
		{straight + "search = 'seen'\nlast = 5\nmode = \"mirror\"\ndirection = \"far-to-near\"", ""},
		{straight + "search = 5", "search must be a string"},
		{straight + "search = ''", "search, column 1: a key is missing"},
		{straight + "search = 'FORM boss'", `search, column 1: unknown key "FORM"`},
		{straight + "search = \"SEEN\\nDRAFT\"", "search, column 5: a line end"},
		{imap + "far = \"b\"\nnear = \"a\"\nsearch = 'seen'", "far is a Maildir"},
		{straight + "search = 'seen'\nlast = 5\nprune = true", "search and prune do not go together"},
		{straight + "search = 'seen'\nmode = \"copy\"\ndirection = \"near-to-far\"", "nothing new is copied from far"},
		{straight + "search = 'seen'\nnew = \"none\"", "nothing new is copied from far"},
		{straight + "serach = 'seen'", `unknown key "serach"`},
	} {
		config, err := parseText(c.text)
		if c.want == "" {
			if err != nil || config.Pairs[0].Search.Text == "" {
				t.Errorf("%s: got %v", c.text, err)
			}
			continue
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(problems[0].What, c.want) || problems[0].Line < 10 || problems[0].Hint == "" {
			t.Errorf("%s: got %v, want %q with its line and a hint", c.text, err, c.want)
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, text := range []string{`FROM "boss" NOT (KEYWORD $Junk OR SEEN UID 1:*) SINCE 1-Feb-2024`, "OR HEADER A \"\\\"\" YOUNGER 5 (((", "SUBJECT \"ü\\"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, wrong := parseSearch(text)
		if wrong != nil {
			if wrong.column < 1 || wrong.what == "" || wrong.hint == "" {
				t.Fatalf("%q: got %+v", text, *wrong)
			}
			return
		}
		if again, wrong := parseSearch(got.Text); wrong != nil || again != got {
			t.Fatalf("%q: got %+v, then %+v, %v", text, got, again, fmt.Sprint(wrong))
		}
	})
}
