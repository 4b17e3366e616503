package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mailtwin/nametrans"
)

// DefaultSettle is how long a server may take to finish what was cut, where nothing is
// set.
const DefaultSettle = time.Minute

const maxSettle = time.Hour

func readPairs(d *document, tables []*table, repositories []Repository) []Pair {
	var out []Pair
	for _, t := range tables {
		out = append(out, readPair(t, repositories))
	}
	return out
}

func readPair(t *table, repositories []Repository) Pair {
	p := Pair{
		Name: strings.TrimPrefix(t.name, "pair."),
		Far:  readEnd(t, "far", repositories),
		Near: readEnd(t, "near", repositories),
		Mode: choice(t, "mode", ModeTwoWay, ModeMirror, ModeCopy),
	}
	if p.Far.Name != "" && p.Far.Name == p.Near.Name {
		t.wrong("near", "a pair needs two different repositories", "far and near are both %q", p.Far.Name)
	}
	p.Direction = readDirection(t, p.Mode)
	p.Patterns, p.Mailboxes = readMailboxes(t)
	p.Subscribed = t.flag("subscribed")
	p.Rules = readRules(t)
	p.Window = readWindow(t)
	p.Prune = t.flag("prune")
	p.Search = readSearch(t)
	p.Deletions = choice(t, "deletions", DeletionsTrash, DeletionsExpunge, DeletionsKeep)
	p.Settle = t.duration("settle", DefaultSettle, maxSettle)
	p.Extra = choice(t, "extra", ExtraKeep, ExtraRemove)
	if t.has("extra") && (p.Mode == ModeTwoWay || p.Mode == ModeCopy) {
		t.wrong("extra", `leave it out, or use mode = "mirror"`, `extra means nothing with mode = %q`, p.Mode)
	}
	checkPrune(t, &p)
	readTravels(t, &p)
	checkSearch(t, &p)
	t.unknown(func(string) string { return "" })
	return p
}

func readEnd(t *table, key string, repositories []Repository) Repository {
	if !t.has(key) {
		t.wrong(key, fmt.Sprintf("add %s = \"NAME\" with the name of a repository", key), "%s is missing", key)
	}
	name := t.text(key)
	if name == "" {
		return Repository{}
	}
	var all []string
	for _, r := range repositories {
		if r.Name == name {
			return r
		}
		all = append(all, r.Name)
	}
	t.wrong(key, list("repository", all), "%s: there is no repository %q", key, name)
	return Repository{}
}

// readDirection allows a direction exactly where the mode has one.
func readDirection(t *table, mode Mode) Direction {
	direction := choice(t, "direction", FarToNear, NearToFar)
	switch {
	case mode == ModeTwoWay && t.has("direction"):
		t.wrong("direction", `leave it out, or use mode = "mirror" or mode = "copy"`, `direction means nothing with mode = "two-way"`)
	case mode == ModeTwoWay:
		return ""
	case mode != "" && !t.has("direction"):
		t.wrong("direction", `add direction = "far-to-near" or direction = "near-to-far"`, "mode = %q needs a direction", mode)
		return ""
	}
	return direction
}

func readMailboxes(t *table) ([]string, nametrans.Matcher) {
	const key = "mailboxes"
	patterns := []string{"*"}
	given := t.words(key, `["*", "!Spam"]`)
	if given != nil {
		patterns = given
	}
	matcher, err := nametrans.NewMatcher(patterns)
	var invalid *nametrans.PatternError
	if errors.As(err, &invalid) {
		t.wrong(key, `such as mailboxes = ["*", "!Spam"]: "*" any characters, "%" any but "/", "\Junk" a special use, "!" leaves out, the last match decides`, "%v", invalid)
	}
	return patterns, matcher
}

// targets is where changes travel in a direction.
var targets = map[Direction]Travel{FarToNear: TravelToNear, NearToFar: TravelToFar}

// readTravels reads where each kind of change may travel. Outside two-way that
// is towards the target or nowhere, so that the source is never written to.
func readTravels(t *table, p *Pair) {
	all := []Travel{TravelBoth, TravelToNear, TravelToFar, TravelNone}
	followed := all
	target, known := targets[p.Direction]
	if known && (p.Mode == ModeMirror || p.Mode == ModeCopy) {
		all, followed = []Travel{target, TravelNone}, []Travel{target, TravelNone}
		if p.Mode == ModeCopy {
			followed = []Travel{TravelNone, target}
		}
	}
	p.New = choice(t, "new", all...)
	p.Flags = choice(t, "flags", followed...)
	p.Gone = choice(t, "gone", followed...)
	p.Create = choice(t, "create", all...)
	removed := []Travel{TravelNone, TravelBoth, TravelToNear, TravelToFar}
	if len(all) < len(removed) {
		removed = []Travel{TravelNone, target}
	}
	p.Remove = choice(t, "remove", removed...)
}
