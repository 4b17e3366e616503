package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Search is which messages of far are copied, in the words of SEARCH (RFC 9051 §6.4.4,
// RFC 5032). The zero Search is all of them.
type Search struct {
	// Text are its keys in one spelling: upper case, parted by single spaces, every
	// string in quotes, at most maxSearch octets.
	Text string
	// Within says that YOUNGER or OLDER is among them, which not every server knows.
	Within bool
}

const (
	// maxSearch leaves most of a command line, which servers bound at about 8,000
	// octets, to the messages that are asked about.
	maxSearch = 2000
	// maxSearchDepth bounds brackets, NOT and OR within each other.
	maxSearchDepth = 32
)

// readSearch reads the key search.
func readSearch(t *table) Search {
	const key = "search"
	text, ok := t.value(key).(string)
	if !ok {
		if t.has(key) {
			t.wrong(key, searchExample, "%s must be a string", key)
		}
		return Search{}
	}
	search, wrong := parseSearch(text)
	if wrong != nil {
		t.wrong(key, wrong.hint, "%s, column %d: %s", key, wrong.column, wrong.what)
		return Search{}
	}
	return search
}

const searchExample = `write search = 'FROM "ann@example.org" NOT KEYWORD $Junk', say`

// checkSearch refuses search where there is nothing to be searched, and where what a
// server leaves out would be taken off near.
func checkSearch(t *table, p *Pair) {
	switch {
	case p.Search == Search{}:
	case p.Far.Maildir != nil:
		t.wrong("search", "make the IMAP repository far, or leave search out", "far is a Maildir, which cannot be searched")
	case p.Prune:
		t.wrong("search", "leave one of them out; max_age, since, before and last go with prune",
			"search and prune do not go together: a server that finds too little must not take mail off near")
	case p.New == TravelToFar || p.New == TravelNone:
		t.wrong("search", "leave it out", "nothing new is copied from far in this pair, so search means nothing")
	}
}

// searchError is a mistake in search keys. Columns count characters, from 1.
type searchError struct {
	column     int
	what, hint string
}

// searchKeys are the keys with what follows each; NOT and OR are followed by keys.
var searchKeys = map[string][]argument{
	"ALL": nil, "ANSWERED": nil, "DELETED": nil, "DRAFT": nil, "FLAGGED": nil, "SEEN": nil,
	"UNANSWERED": nil, "UNDELETED": nil, "UNDRAFT": nil, "UNFLAGGED": nil, "UNSEEN": nil,
	"BCC": {searchText}, "BODY": {searchText}, "CC": {searchText}, "FROM": {searchText}, "SUBJECT": {searchText}, "TEXT": {searchText}, "TO": {searchText},
	"HEADER": {searchField, searchText}, "KEYWORD": {searchFlag}, "UNKEYWORD": {searchFlag},
	"BEFORE": {searchDay}, "ON": {searchDay}, "SINCE": {searchDay}, "SENTBEFORE": {searchDay}, "SENTON": {searchDay}, "SENTSINCE": {searchDay},
	"LARGER": {searchSize}, "SMALLER": {searchSize}, "OLDER": {searchSeconds}, "YOUNGER": {searchSeconds},
	"UID": {searchSet}, "NOT": nil, "OR": nil,
}

// notHere says why words that belong to SEARCH, or did, are no keys here, and what to do.
var notHere = map[string][2]string{
	"$":       {"$ stands for the result of an earlier search, and there is none", "leave it out"},
	"CHARSET": {"CHARSET is named where it is needed", "leave it out, and write the text as it is"},
	"RETURN":  {"what is returned is not yours to choose", "leave it out"},
	"NEW":     {"NEW speaks of a session, and every run is another one", "write UNSEEN"},
	"OLD":     {"OLD speaks of a session, and every run is another one", "leave it out"},
	"RECENT":  {"RECENT speaks of a session, and every run is another one", "write UNSEEN"},
}

// A searchParser reads search keys and writes them in one spelling.
type searchParser struct {
	text   string
	pos    int // in octets
	out    strings.Builder
	within bool
}

// parseSearch reads search keys.
func parseSearch(text string) (Search, *searchError) {
	p := &searchParser{text: text}
	if i := strings.IndexAny(text, "\r\n\x00"); i >= 0 {
		return Search{}, p.wrong(i, "write it in one line", "a line end or NUL has no place here")
	}
	if err := p.keys(0); err != nil {
		return Search{}, err
	}
	if p.pos < len(p.text) { // only a bracket ends keys
		return Search{}, p.wrong(p.pos, `write "(" before it, or leave it out`, `")" closes nothing`)
	}
	if p.out.Len() > maxSearch {
		return Search{}, p.wrong(0, fmt.Sprintf("keep it under %d octets", maxSearch), "%d octets are more than servers take", p.out.Len())
	}
	return Search{Text: p.out.String(), Within: p.within}, nil
}

// wrong is a mistake at an octet.
func (p *searchParser) wrong(at int, hint, format string, args ...any) *searchError {
	return &searchError{utf8.RuneCountInString(p.text[:at]) + 1, fmt.Sprintf(format, args...), hint}
}

// keys reads keys up to the end or to a closing bracket.
func (p *searchParser) keys(depth int) *searchError {
	begin := p.pos
	for n := 0; ; n++ {
		p.spaces()
		if p.pos == len(p.text) || p.text[p.pos] == ')' {
			if n == 0 {
				return p.wrong(begin, searchExample, "a key is missing")
			}
			return nil
		}
		if n > 0 {
			p.out.WriteByte(' ')
		}
		if err := p.key(depth); err != nil {
			return err
		}
	}
}

// key reads one key with what belongs to it.
func (p *searchParser) key(depth int) *searchError {
	p.spaces()
	at := p.pos
	switch {
	case depth > maxSearchDepth:
		return p.wrong(at, "write it with fewer brackets, NOT and OR", "keys are nested more than %d deep", maxSearchDepth)
	case at < len(p.text) && p.text[at] == '(':
		return p.bracket(depth)
	}
	word := p.word()
	name := strings.ToUpper(word)
	arguments, known := searchKeys[name]
	if !known {
		return p.noKey(at, word)
	}
	p.out.WriteString(name)
	p.within = p.within || name == "YOUNGER" || name == "OLDER"
	operands := map[string]int{"NOT": 1, "OR": 2}[name]
	for range operands {
		if p.spaces(); p.pos == len(p.text) || p.text[p.pos] == ')' {
			return p.wrong(p.pos, fmt.Sprintf("%s is followed by %s; several that belong together stand in brackets", name, []string{1: "one key", 2: "two keys"}[operands]), "a key is missing behind %s", name)
		}
		p.out.WriteByte(' ')
		if err := p.key(depth + 1); err != nil {
			return err
		}
	}
	for _, read := range arguments {
		p.spaces()
		p.out.WriteByte(' ')
		if err := read(p, name); err != nil {
			return err
		}
	}
	return p.parted()
}

// parted refuses what stands right behind a key or its argument.
func (p *searchParser) parted() *searchError {
	if p.pos < len(p.text) && p.text[p.pos] != ' ' && p.text[p.pos] != ')' {
		return p.wrong(p.pos, "keys and what follows them are parted by spaces, text with spaces in it stands in quotes", "%q stands where a space is expected", p.rune())
	}
	return nil
}

// bracket reads keys in brackets.
func (p *searchParser) bracket(depth int) *searchError {
	at := p.pos
	p.pos++
	p.out.WriteByte('(')
	if err := p.keys(depth + 1); err != nil {
		return err
	}
	if p.pos == len(p.text) {
		return p.wrong(at, `write ")" where it ends`, `"(" is never closed`)
	}
	p.pos++
	p.out.WriteByte(')')
	return p.parted()
}

// noKey says why a word is no key.
func (p *searchParser) noKey(at int, word string) *searchError {
	name := strings.ToUpper(word)
	switch reason, is := notHere[name]; {
	case is:
		return p.wrong(at, reason[1], "%s", reason[0])
	case word == "":
		return p.wrong(at, searchExample, "%q begins no key", p.rune())
	case strings.Trim(word, "0123456789:,*") == "":
		return p.wrong(at, "write UID "+word+", if these are UIDs", "%s are message sequence numbers, which change from run to run", word)
	}
	hint := "the keys are those of RFC 9051, section 6.4.4, such as FROM, SUBJECT, KEYWORD, SINCE, LARGER, NOT, OR"
	if near := nearest(name, slices.Sorted(maps.Keys(searchKeys))); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return p.wrong(at, hint, "unknown key %q", word)
}

func (p *searchParser) spaces() {
	for p.pos < len(p.text) && p.text[p.pos] == ' ' {
		p.pos++
	}
}

// rune is the character that comes next, "" at the end.
func (p *searchParser) rune() string {
	_, n := utf8.DecodeRuneInString(p.text[p.pos:])
	return p.text[p.pos : p.pos+n]
}

// word reads the octets up to the next that no word of SEARCH can hold; "" is none. It may
// hold what an atom cannot: * in sets, \ in flags and ] in an astring (RFC 9051 §9).
func (p *searchParser) word() string {
	at := p.pos
	for p.pos < len(p.text) && p.text[p.pos] > ' ' && p.text[p.pos] < 0x7f && !strings.ContainsRune(`(){%"`, rune(p.text[p.pos])) {
		p.pos++
	}
	return p.text[at:p.pos]
}

// An argument reads what follows a key, which is called name.
type argument func(p *searchParser, name string) *searchError

// searchText reads an astring.
func searchText(p *searchParser, name string) *searchError {
	_, err := p.astring(name, fmt.Sprintf(`write %s "ann@example.org", say`, name))
	return err
}

// searchField reads the name of a header field.
func searchField(p *searchParser, name string) *searchError {
	const hint = `write HEADER List-Id "announce", say; "" is any`
	at := p.pos
	field, err := p.astring(name, hint)
	if err == nil && (field == "" || strings.ContainsFunc(field, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ':' })) {
		return p.wrong(at, hint, "%q is no name of a header field", field)
	}
	return err
}

// astring reads an atom or a quoted string, and writes it in quotes.
func (p *searchParser) astring(name, hint string) (text string, err *searchError) {
	at := p.pos
	if p.rune() == `"` {
		if text, err = p.quoted(); err != nil {
			return "", err
		}
	} else if text = p.word(); text == "" || strings.ContainsAny(text, `\*`) || p.pos < len(p.text) && p.text[p.pos] != ' ' && p.text[p.pos] != ')' {
		return "", p.notPlain(at, name, hint)
	}
	p.out.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`)
	return text, nil
}

// notPlain says what is wrong with a text that is not in quotes.
func (p *searchParser) notPlain(at int, name, hint string) *searchError {
	switch p.pos = at; p.rune() {
	case "", "(", ")":
		return p.wrong(at, hint, "a text is missing behind %s", name)
	case "{":
		return p.wrong(at, "write the text in quotes", "a literal has no place here")
	}
	return p.wrong(at, fmt.Sprintf(`write %s "…"`, name), "the text behind %s must stand in quotes: it holds other characters than an atom", name)
}

// quoted reads a quoted string.
func (p *searchParser) quoted() (string, *searchError) {
	at := p.pos
	var b strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			return b.String(), nil
		case '\\':
			if p.pos++; p.pos == len(p.text) || p.text[p.pos] != '"' && p.text[p.pos] != '\\' {
				return "", p.wrong(p.pos-1, `write \\ for a backslash`, `a \ in a text stands before " or \ only`)
			}
			b.WriteByte(p.text[p.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.wrong(at, `write " where it ends`, "the text is never closed")
}

// searchFlag reads a keyword. System flags have keys of their own.
func searchFlag(p *searchParser, name string) *searchError {
	at := p.pos
	word := p.word()
	switch {
	case strings.HasPrefix(word, `\`):
		return p.wrong(at, "write "+strings.ToUpper(word[1:])+" or UN"+strings.ToUpper(word[1:]), "%s is no keyword: system flags have keys of their own", word)
	case word == "" || strings.ContainsAny(word, `\*]`):
		return p.wrong(at, fmt.Sprintf("write %s $Junk, say, without quotes", name), "a keyword is missing behind %s", name)
	}
	p.out.WriteString(word)
	return nil
}

// searchDay reads a date, in quotes or not.
func searchDay(p *searchParser, name string) *searchError {
	at := p.pos
	var word string
	if p.rune() == `"` {
		text, err := p.quoted()
		if err != nil {
			return err
		}
		word = text
	} else {
		word = p.word()
	}
	day, err := time.Parse("2-Jan-2006", word)
	if err != nil {
		example := "1-Feb-2024"
		if iso, err := time.Parse(time.DateOnly, word); err == nil {
			example = iso.Format("2-Jan-2006")
		}
		return p.wrong(at, fmt.Sprintf("write %s %s", name, example), "%q is no date", word)
	}
	p.out.WriteString(day.Format("2-Jan-2006"))
	return nil
}

// searchSize reads a number64 (RFC 9051 §9).
func searchSize(p *searchParser, name string) *searchError {
	return p.number(63, 0, fmt.Sprintf("write %s 1000000, say: a whole number of octets", name))
}

// searchSeconds reads an interval of RFC 5032.
func searchSeconds(p *searchParser, name string) *searchError {
	return p.number(32, 1, fmt.Sprintf("write %s 604800, say: a week, in seconds", name))
}

func (p *searchParser) number(bits int, least uint64, hint string) *searchError {
	at := p.pos
	word := p.word()
	n, err := strconv.ParseUint(word, 10, bits)
	if err != nil || n < least {
		return p.wrong(at, hint, "%q is not such a number", word)
	}
	p.out.WriteString(strconv.FormatUint(n, 10))
	return nil
}

// searchSet reads a set of UIDs.
func searchSet(p *searchParser, _ string) *searchError {
	at := p.pos
	word := p.word()
	for _, one := range strings.Split(word, ",") {
		first, last, is := strings.Cut(one, ":")
		if !isUID(first) || is && !isUID(last) {
			return p.wrong(at, "write UID 100:200,300:*, say", "%q is no set of UIDs", word)
		}
	}
	p.out.WriteString(word)
	return nil
}

func isUID(s string) bool {
	n, err := strconv.ParseUint(s, 10, 32)
	return s == "*" || err == nil && n > 0 && s[0] != '0'
}
