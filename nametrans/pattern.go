package nametrans

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Matcher chooses mailboxes by a list of patterns, each matched against the
// whole of a name as String shows it:
//
//   - any characters, "/" among them (RFC 9051 §6.3.9)
//     %      any characters but the "/" between two components
//     !      as the first character: leave out what the rest matches
//     \      before one of * % ! / \: that character itself
//     \Word  as the whole pattern: any mailbox of this special use (RFC 6154)
//
// Everything else stands for itself; INBOX as the first component does so in
// any case, and letters with accents however they are encoded. The last
// pattern that matches a name decides; a name that none matches is left out.
// The zero Matcher matches nothing.
type Matcher struct {
	patterns []pattern
}

type pattern struct {
	exclude bool
	tokens  []string
	role    string // instead of tokens
}

// The tokens that are not characters.
const (
	anything  = "*"
	component = "%"
	level     = "/" // between components; a "/" within one is the token `\/`
)

// A PatternError says why a mailbox pattern is invalid.
type PatternError struct {
	Pattern string // empty when the list itself is at fault
	Reason  string
}

func (e *PatternError) Error() string {
	if e.Pattern == "" {
		return "mailbox patterns: " + e.Reason
	}
	return fmt.Sprintf("mailbox pattern %q: %s", e.Pattern, e.Reason)
}

// NewMatcher returns the Matcher of patterns. The error is a *PatternError: a
// pattern that is malformed or can match no name, or a list that is empty or
// only leaves out.
func NewMatcher(patterns []string) (Matcher, error) {
	var m Matcher
	includes := false
	for _, p := range patterns {
		text, exclude := strings.CutPrefix(p, "!")
		if p == "" {
			return Matcher{}, &PatternError{Reason: "one of them is empty"}
		}
		r := pattern{exclude: exclude}
		var reason string
		if isRole(text) {
			r.role, reason = roleOf(text)
		} else {
			r.tokens, reason = tokenizePattern(text)
		}
		if reason != "" {
			return Matcher{}, &PatternError{Pattern: p, Reason: reason}
		}
		includes = includes || !exclude
		m.patterns = append(m.patterns, r)
	}
	if len(patterns) == 0 {
		return Matcher{}, &PatternError{Reason: "the list is empty"}
	}
	if !includes {
		return Matcher{}, &PatternError{Reason: `every pattern leaves out; put "*" first`}
	}
	return m, nil
}

// isRole reports whether a pattern asks for a special use: a backslash stands before a
// letter nowhere else.
func isRole(pattern string) bool {
	return len(pattern) > 1 && pattern[0] == '\\' && unicode.IsLetter(rune(pattern[1]))
}

// roleOf returns the special use that a pattern asks for, in any case, or says what is
// wrong with it.
func roleOf(pattern string) (role, reason string) {
	var known []string
	for _, use := range slices.Sorted(maps.Keys(usualNames)) {
		if strings.EqualFold(use, pattern[1:]) {
			return `\` + use, ""
		}
		known = append(known, `\`+use)
	}
	return "", "there is no such special use; they are " + strings.Join(known, " ")
}

// Match reports whether m chooses n, which has these special uses. The zero Name is
// never chosen.
func (m Matcher) Match(n Name, roles ...string) bool {
	if n == "" {
		return false
	}
	tokens := tokenizeName(n)
	foldUntil := 0
	if strings.SplitN(string(n), separator, 2)[0] == string(Inbox) {
		foldUntil = len(Inbox)
	}
	for _, r := range slices.Backward(m.patterns) {
		of := func(role string) bool { return strings.EqualFold(role, r.role) }
		if r.role != "" && slices.ContainsFunc(roles, of) || r.role == "" && matchTokens(r.tokens, tokens, foldUntil) {
			return !r.exclude
		}
	}
	return false
}

// matchTokens reports whether pattern matches all of name, whose first
// foldUntil tokens are compared without regard to case. It takes time in
// proportion to the product of their lengths, whatever the wildcards.
func matchTokens(pattern, name []string, foldUntil int) bool {
	// reached[i] is true when the pattern so far matches name[:i].
	reached := make([]bool, len(name)+1)
	reached[0] = true
	for _, p := range pattern {
		if p == anything || p == component {
			for i, t := range name {
				reached[i+1] = reached[i+1] || reached[i] && (p == anything || t != level)
			}
			continue
		}
		for i := len(name); i > 0; i-- {
			t := name[i-1]
			reached[i] = reached[i-1] && (t == p || i <= foldUntil && strings.EqualFold(t, p))
		}
		reached[0] = false
	}
	return reached[len(name)]
}

// tokenizeName returns the characters of n, with level between components.
func tokenizeName(n Name) []string {
	var tokens []string
	for _, r := range norm.NFC.String(string(n)) {
		tokens = append(tokens, literal(r))
	}
	return tokens
}

// literal returns the token of a character of a Name: itself, but for NUL,
// which joins components, and for what would be taken for another token.
func literal(r rune) string {
	switch r {
	case 0:
		return level
	case '*', '%', '/':
		return `\` + string(r)
	}
	return string(r)
}

// tokenizePattern returns the tokens of a pattern without its "!", or says
// what is wrong with it.
func tokenizePattern(pattern string) (tokens []string, reason string) {
	switch {
	case pattern == "":
		return nil, "nothing to match"
	case !utf8.ValidString(pattern):
		return nil, "it is not UTF-8"
	case strings.ContainsFunc(pattern, unicode.IsControl):
		return nil, "it holds a control character"
	}
	escaped := false
	for _, r := range norm.NFC.String(pattern) {
		switch {
		case escaped && !strings.ContainsRune(`*%!/\`, r):
			return nil, fmt.Sprintf(`"\%c" means nothing; a backslash is written "\\"`, r)
		case escaped:
			tokens, escaped = append(tokens, literal(r)), false
		case r == '\\':
			escaped = true
		default:
			tokens = append(tokens, string(r))
		}
	}
	if escaped {
		return nil, `it ends in a "\"; a backslash is written "\\"`
	}
	if tokens[0] == level || tokens[len(tokens)-1] == level || doubled(tokens, level) {
		return nil, `it matches no name: nothing stands before or after a "/"`
	}
	return tokens, ""
}

func doubled(tokens []string, token string) bool {
	for i := 1; i < len(tokens); i++ {
		if tokens[i] == token && tokens[i-1] == token {
			return true
		}
	}
	return false
}
