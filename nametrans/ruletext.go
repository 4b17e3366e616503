package nametrans

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// usualNames are the special uses that a rule may ask for, without their
// backslash, with the name of a mailbox of that use where a side lists none.
var usualNames = map[string]Name{
	"All":       "All Mail",
	"Archive":   "Archive",
	"Drafts":    "Drafts",
	"Flagged":   "Starred",
	"Important": "Important",
	"Junk":      "Junk",
	"Sent":      "Sent",
	"Trash":     "Trash",
}

// newRule reads a rule, or says what is wrong with it.
func newRule(t RuleText) (r *rule, reason string) {
	if t.patterns() {
		return newPatternRule(t)
	}
	r = &rule{}
	for _, s := range bothSides {
		text := [2]string{farSide: t.Far, nearSide: t.Near}[s]
		e, reason := newEnd(text)
		if reason != "" {
			return nil, fmt.Sprintf("%s: %s", s, reason)
		}
		r.ends[s] = e
	}
	for _, s := range bothSides {
		if r.ends[s].kind == prefixKind && r.ends[s.other()].kind != prefixKind {
			return nil, fmt.Sprintf(`a "*" must stand at the end of both texts, and %s has none`, s.other())
		}
	}
	return r, ""
}

// newEnd reads the text of one side.
func newEnd(text string) (end, string) {
	if word, ok := strings.CutPrefix(text, `\`); ok && isWord(word) {
		for role := range usualNames {
			if strings.EqualFold(role, word) {
				return end{kind: roleKind, role: role}, ""
			}
		}
		known := slices.Sorted(maps.Keys(usualNames))
		return end{}, fmt.Sprintf(`\%s is no special use; those are \%s (a backslash in a name is written "\\")`, word, strings.Join(known, ` \`))
	}
	components, star, reason := splitText(text, true)
	if reason != "" {
		return end{}, reason
	}
	if star && len(components) == 0 {
		return end{kind: prefixKind}, ""
	}
	n, reason := nameOf(components)
	if reason != "" {
		return end{}, reason
	}
	if star {
		return end{kind: prefixKind, name: n}, ""
	}
	return end{kind: exactKind, name: n}, ""
}

// parseText returns the name that Name.String shows as text. In it "*" is a
// character like any other.
func parseText(text string) (n Name, reason string) {
	components, _, reason := splitText(text, false)
	if reason != "" {
		return "", reason
	}
	return nameOf(components)
}

func nameOf(components []string) (n Name, reason string) {
	n, err := NewName(components...)
	var invalid *NameError
	if errors.As(err, &invalid) {
		return "", string(invalid.Reason)
	}
	return n, ""
}

// splitText undoes the escapes of a text and splits it at each "/" that is not
// escaped. With stars, a "*" may stand for the last component, which is then
// left out and reported.
func splitText(text string, stars bool) (components []string, star bool, reason string) {
	switch {
	case text == "":
		return nil, false, string(ReasonEmpty)
	case !utf8.ValidString(text):
		return nil, false, string(ReasonNotUTF8)
	}
	var part strings.Builder
	escaped := false
	for i, r := range text {
		switch {
		case escaped && !strings.ContainsRune(`*%!/\`, r):
			return nil, false, fmt.Sprintf(`"\%c" means nothing; a backslash is written "\\"`, r)
		case escaped:
			part.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '/':
			components = append(components, part.String())
			part.Reset()
		case r == '*' && stars && i == len(text)-1 && part.Len() == 0:
			return components, true, ""
		case r == '*' && stars:
			return nil, false, `a "*" stands at the end only, alone or behind a "/"; one that is part of a name is written "\*"`
		default:
			part.WriteRune(r)
		}
	}
	if escaped {
		return nil, false, `it ends in a "\"; a backslash is written "\\"`
	}
	return append(components, part.String()), false, ""
}

func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

// newPatternRule reads the four texts of a regular expression.
func newPatternRule(t RuleText) (r *rule, reason string) {
	if t.Near != "" || t.Far != "" {
		return nil, "a rule has either two texts or the four of a regular expression, not both"
	}
	for _, missing := range []struct{ text, what string }{
		{t.FarPattern, "the far pattern"}, {t.NearTemplate, "the near template"},
		{t.NearPattern, "the near pattern"}, {t.FarTemplate, "the far template"},
	} {
		if missing.text == "" {
			return nil, missing.what + " is missing; a regular expression needs its inverse"
		}
	}
	r = &rule{ends: [2]end{
		farSide:  {kind: patternKind, source: t.FarPattern, template: t.FarTemplate},
		nearSide: {kind: patternKind, source: t.NearPattern, template: t.NearTemplate},
	}}
	for _, s := range bothSides {
		e := &r.ends[s]
		// On its own first: "a)(b" would be valid within our brackets.
		if _, err := regexp.Compile(e.source); err != nil {
			return nil, fmt.Sprintf("%s pattern: %v", s, err)
		}
		whole, err := regexp.Compile(`\A(?:` + e.source + `)\z`)
		if err != nil {
			return nil, fmt.Sprintf("%s pattern: %v", s, err)
		}
		e.pattern = whole
		if reason := checkTemplate(r.ends[s.other()].template, whole); reason != "" {
			return nil, fmt.Sprintf("%s template: %s", s.other(), reason)
		}
	}
	return r, ""
}

// checkTemplate says what regexp.Expand would silently drop or take literally.
func checkTemplate(template string, pattern *regexp.Regexp) (reason string) {
	if !utf8.ValidString(template) {
		return string(ReasonNotUTF8)
	}
	for {
		_, rest, found := strings.Cut(template, "$")
		if !found {
			return ""
		}
		if after, ok := strings.CutPrefix(rest, "$"); ok {
			template = after
			continue
		}
		group, after, closed := "", rest, true
		if inner, ok := strings.CutPrefix(rest, "{"); ok {
			group, after, closed = strings.Cut(inner, "}")
		} else {
			after = strings.TrimLeftFunc(rest, isGroupRune)
			group = strings.TrimSuffix(rest, after)
		}
		if group == "" || !closed || strings.ContainsFunc(group, func(r rune) bool { return !isGroupRune(r) }) {
			return `behind a "$" stands the number of a group, as in $1 or ${1}; a "$" itself is written "$$"`
		}
		if !hasGroup(pattern, group) {
			return fmt.Sprintf(`its pattern has no group %q (write ${1}2 where a digit or letter follows)`, group)
		}
		template = after
	}
}

func isGroupRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func hasGroup(pattern *regexp.Regexp, group string) bool {
	if i, err := strconv.Atoi(group); err == nil {
		return strconv.Itoa(i) == group && i <= pattern.NumSubexp()
	}
	return pattern.SubexpIndex(group) >= 0
}
