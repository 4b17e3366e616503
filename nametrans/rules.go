// # Rules
//
// A pair knows each mailbox by its name on the near side. Rules say what the
// mailboxes of the far side are called there. A rule is written once, near = far,
// and stands for both directions; a regular expression gives its inverse, and both
// are checked. A mailbox that no rule matches has the same name on both sides.
//
// A text is a mailbox name as [Name.String] shows it: "/" between the parts of
// a name, `\/` for a slash within a part, `\\` for a backslash; and `\*` for an
// asterisk. INBOX as the first part is INBOX in any case.
//
//	near          far
//	"Sent"      = "[Gmail]/Sent Mail"   # exact: this mailbox
//	"Lists/*"   = "Mailing lists/*"     # prefix: all mailboxes below
//	"Work/*"    = "*"                   # prefix: all mailboxes
//	"Sent"      = '\Sent'               # role: whatever the far side uses for sent mail
//	'\Sent'     = '\Sent'               # role on both sides
//
// There are four kinds of rules.
//
//  1. Exact. One mailbox.
//  2. Prefix. Both texts end in "*", alone or behind a "/". It stands for one or
//     more whole parts, the same on both sides: "Lists/*" is what is below
//     Lists, at any depth, and not Lists itself. "*" alone is every mailbox but
//     INBOX, what is below INBOX included. "INBOX/*" is what is below INBOX.
//  3. Role. A text that is a backslash and a special use (RFC 6154 §2 and
//     RFC 8457), \All \Archive \Drafts \Flagged \Important \Junk \Sent \Trash, is the
//     mailbox that its side lists with this use. Where the side lists none, it
//     is the usual name: All Mail, Archive, Drafts, Starred, Important, Junk,
//     Sent, Trash. Where the side lists several, those that an exact rule names
//     do not count; if several are left, they and their counterpart are stopped.
//  4. Regular expressions, for what the others cannot say. Four texts: a far
//     pattern and the near template that makes the near name of what it
//     matched; a near pattern and the far template that lead back. Patterns are
//     those of Go (https://go.dev/s/re2syntax) and match whole names, INBOX like
//     any other. Templates hold $1 or ${1} for what a group matched, $$ for "$".
//
// The kind decides which rule is used for a name, not the order in which they
// are written: exact before role before prefix before regular expression. Of
// several prefixes the longest is used; of several regular expressions the
// first. Names in rules are compared as the sides compare them: without regard
// to how accents are encoded, nor to case where a side does not keep it apart.
//
// Nothing is taken on trust: see [Rules.Translate].
package nametrans

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Rules translate mailbox names between the two sides of a pair; the package
// documentation defines their language. The zero Rules translate nothing: a
// mailbox has the same name on both sides. Rules do not change and are safe for
// concurrent use.
type Rules struct {
	rules []*rule // regular expressions last, in the order given; the others by their text
}

// A RuleText is one rule as a person wrote it: either Near and Far, or the four
// texts of a regular expression with its inverse. The other fields are empty.
type RuleText struct {
	Near, Far string

	FarPattern, NearTemplate string // from far to near
	NearPattern, FarTemplate string // and back
}

// A RuleError says why a rule is refused.
type RuleError struct {
	Near, Far string // the texts as given; of a regular expression, the patterns
	Reason    string
}

// Error escapes control and bidirectional characters of the texts.
func (e *RuleError) Error() string {
	return fmt.Sprintf("rule %q = %q: %s", e.Near, e.Far, e.Reason)
}

// NewRules reads rules. The error is a *RuleError about the first rule that is
// malformed, or that says of a side what an earlier one has said.
//
// Rules that contradict each other in other ways are taken here, and stop the
// mailboxes concerned in Translate.
func NewRules(texts []RuleText) (Rules, error) {
	var named, patterns []*rule
	said := [2]map[string]*rule{{}, {}}
	for _, text := range texts {
		r, reason := newRule(text)
		if reason == "" {
			reason = saidTwice(r, said)
		}
		switch {
		case reason != "":
			return Rules{}, text.refuse(reason)
		case r.isPattern():
			patterns = append(patterns, r)
		default:
			named = append(named, r)
		}
	}
	slices.SortFunc(named, func(a, b *rule) int { return strings.Compare(a.String(), b.String()) })
	return Rules{append(named, patterns...)}, nil
}

// saidTwice says which text of r an earlier rule has too, and adds its texts to
// said.
func saidTwice(r *rule, said [2]map[string]*rule) (reason string) {
	for _, s := range bothSides {
		text := r.ends[s].text()
		k := r.ends[s].kind.String() + norm.NFC.String(text)
		if earlier := said[s][k]; earlier != nil {
			return fmt.Sprintf("%s %q stands in another rule already: %s", s, text, earlier)
		}
		said[s][k] = r
	}
	return ""
}

func (t RuleText) refuse(reason string) *RuleError {
	if t.patterns() {
		return &RuleError{Near: t.NearPattern, Far: t.FarPattern, Reason: reason}
	}
	return &RuleError{Near: t.Near, Far: t.Far, Reason: reason}
}

func (t RuleText) patterns() bool {
	return t.FarPattern != "" || t.NearTemplate != "" || t.NearPattern != "" || t.FarTemplate != ""
}

// Empty reports whether r translates nothing.
func (r Rules) Empty() bool { return len(r.rules) == 0 }

// String returns the rules in one spelling, a line each: Rules with the same
// text translate alike. It is empty for the zero Rules.
func (r Rules) String() string {
	var out strings.Builder
	for _, rule := range r.rules {
		out.WriteString(rule.String() + "\n")
	}
	return out.String()
}

// A side of the pair.
type side int

const (
	farSide side = iota
	nearSide
)

var bothSides = []side{farSide, nearSide}

func (s side) other() side { return 1 - s }

func (s side) String() string { return [...]string{"far", "near"}[s] }

// A rule is what it says of each side. Both ends are of one kind, but for a
// role, whose other end may be a name.
type rule struct {
	ends [2]end
}

type kind int

const (
	exactKind kind = iota
	roleKind
	prefixKind
	patternKind
)

func (k kind) String() string {
	return [...]string{"name", "role", "prefix", "pattern"}[k]
}

// An end is what a rule says of one side.
type end struct {
	kind kind

	name Name   // exactKind: the mailbox; prefixKind: what stands before the "*", "" for nothing
	role string // roleKind: as in usualNames

	source, template string         // patternKind: as given
	pattern          *regexp.Regexp // patternKind: matches whole names only
}

func (r *rule) isPattern() bool { return r.ends[farSide].kind == patternKind }

func (r *rule) isRole() bool {
	return r.ends[farSide].kind == roleKind || r.ends[nearSide].kind == roleKind
}

// String returns the one spelling of r.
func (r *rule) String() string {
	far, near := r.ends[farSide], r.ends[nearSide]
	if r.isPattern() {
		return fmt.Sprintf("far %q is near %q, near %q is far %q", far.source, near.template, near.source, far.template)
	}
	return fmt.Sprintf("%q = %q", near.text(), far.text())
}

// text returns what the rule says of this side, in one spelling.
func (e end) text() string {
	switch e.kind {
	case roleKind:
		return `\` + e.role
	case patternKind:
		return e.source
	}
	text := strings.ReplaceAll(e.name.String(), "*", `\*`)
	switch {
	case e.kind == exactKind:
		return text
	case e.name == "":
		return "*"
	}
	return text + "/*"
}
