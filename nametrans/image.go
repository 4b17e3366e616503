package nametrans

import (
	"slices"
	"strings"
)

// A Mailbox is what a side lists.
type Mailbox struct {
	Name Name
	Role string // its special use, such as `\Sent`, in any case; empty for none
}

// A lookup finds the rule for a name: Rules whose roles have become names. It
// does not change. A nil lookup has no rules.
type lookup struct {
	foldCase bool
	exact    [2]map[string][]*rule // by key
	roles    [2]map[string][]*roleUse
	prefixes [2]map[string][]*rule
	patterns []*rule
}

// A roleUse is a role rule with the mailboxes of each side that it stands for:
// one, or several where that side does not say which.
type roleUse struct {
	rule *rule
	ends [2][]Name
}

// An image is what a name of one side becomes on the other.
type image struct {
	name   Name   // empty when reason is not
	reason Reason // why there is none
	rules  []*rule
	tied   [2][]Name // with a reason: names that cannot be told apart from each other
}

func newLookup(rules []*rule, listed [2][]Mailbox, foldCase bool) *lookup {
	l := &lookup{foldCase: foldCase}
	for _, s := range bothSides {
		l.exact[s], l.prefixes[s], l.roles[s] = map[string][]*rule{}, map[string][]*rule{}, map[string][]*roleUse{}
	}
	for _, r := range rules {
		if r.isPattern() {
			l.patterns = append(l.patterns, r)
		}
		for _, s := range bothSides {
			k := key(r.ends[s].name, foldCase)
			switch {
			case r.isRole() || r.isPattern():
			case r.ends[s].kind == prefixKind:
				l.prefixes[s][k] = append(l.prefixes[s][k], r)
			default:
				l.exact[s][k] = append(l.exact[s][k], r)
			}
		}
	}
	for _, r := range rules {
		if r.isRole() {
			l.addRole(r, listed)
		}
	}
	return l
}

func (l *lookup) addRole(r *rule, listed [2][]Mailbox) {
	use := &roleUse{rule: r}
	for _, s := range bothSides {
		use.ends[s] = []Name{r.ends[s].name}
		if r.ends[s].kind == roleKind {
			use.ends[s] = l.withRole(r.ends[s].role, s, listed[s])
		}
	}
	for _, s := range bothSides {
		for _, n := range use.ends[s] {
			k := key(n, l.foldCase)
			l.roles[s][k] = append(l.roles[s][k], use)
		}
	}
}

// withRole returns the mailboxes that a role stands for on a side, sorted; at
// least one.
func (l *lookup) withRole(role string, s side, listed []Mailbox) []Name {
	var all, unclaimed []Name
	for _, m := range listed {
		if !strings.EqualFold(m.Role, `\`+role) {
			continue
		}
		all = append(all, m.Name)
		if len(l.exact[s][key(m.Name, l.foldCase)]) == 0 {
			unclaimed = append(unclaimed, m.Name)
		}
	}
	switch {
	case len(unclaimed) > 0:
		return sortedSet(unclaimed)
	case len(all) > 0:
		return sortedSet(all)
	}
	return []Name{usualNames[role]}
}

// image returns what n, a name of the side from, becomes on the other side.
func (l *lookup) image(from side, n Name) image {
	if l == nil {
		return image{name: n}
	}
	k := key(n, l.foldCase)
	if r := spelledAs(l.exact[from][k], from, n); r != nil {
		return image{name: r.ends[from.other()].name, rules: []*rule{r}}
	}
	if uses := l.roles[from][k]; len(uses) > 0 {
		return roleImage(uses, from.other())
	}
	if found, ok := l.prefixImage(from, n, k); ok {
		return found
	}
	for _, r := range l.patterns {
		if found, ok := patternImage(r, from, n); ok {
			return found
		}
	}
	return image{name: n}
}

// spelledAs returns the rule that says n as it is spelled, else the first one;
// nil when there is none.
func spelledAs(rules []*rule, s side, n Name) *rule {
	for _, r := range rules {
		if r.ends[s].name == n {
			return r
		}
	}
	if len(rules) > 0 {
		return rules[0]
	}
	return nil
}

func roleImage(uses []*roleUse, to side) image {
	only := image{name: uses[0].ends[to][0]}
	for _, use := range uses {
		only.rules = append(only.rules, use.rule)
		for _, s := range bothSides {
			only.tied[s] = append(only.tied[s], use.ends[s]...)
			if len(use.ends[s]) > 1 {
				only.reason = ReasonRoleTwice
			}
		}
		if use.ends[to][0] != only.name && only.reason == "" {
			only.reason = ReasonTwoRules
		}
	}
	if only.reason == "" {
		only.tied = [2][]Name{}
	} else {
		only.name = ""
	}
	return only
}

// prefixImage uses the longest prefix of n; k is the key of n, which has as
// many components.
func (l *lookup) prefixImage(from side, n Name, k string) (image, bool) {
	if len(l.prefixes[from]) == 0 {
		return image{}, false
	}
	for above := n; above != ""; {
		above = above.Parent()
		k = string(Name(k).Parent())
		r := spelledAs(l.prefixes[from][k], from, above)
		if r == nil {
			continue
		}
		rest := strings.TrimPrefix(string(n[len(above):]), separator)
		bare := r.ends[farSide].name == "" || r.ends[nearSide].name == ""
		if bare && isInbox(rest) {
			continue
		}
		components := append(r.ends[from.other()].name.Components(), strings.Split(rest, separator)...)
		n, err := NewName(components...)
		if err != nil {
			return image{reason: ReasonNoName, rules: []*rule{r}}, true
		}
		return image{name: n, rules: []*rule{r}}, true
	}
	return image{}, false
}

func patternImage(r *rule, from side, n Name) (image, bool) {
	e := r.ends[from]
	text := n.String()
	match := e.pattern.FindStringSubmatchIndex(text)
	if match == nil {
		return image{}, false
	}
	expanded := e.pattern.ExpandString(nil, r.ends[from.other()].template, text, match)
	name, reason := parseText(string(expanded))
	if reason != "" {
		return image{reason: ReasonNoName, rules: []*rule{r}}, true
	}
	return image{name: name, rules: []*rule{r}}, true
}

// sortedSet sorts names and drops repetitions, in place.
func sortedSet(names []Name) []Name {
	slices.Sort(names)
	return slices.Compact(names)
}
