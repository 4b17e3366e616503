package nametrans

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Collision is a group of mailboxes that cannot all be kept alike on both
// sides, because a side may take one for another: they, or names above them,
// differ in nothing but case or Unicode normalization, or are listed more than
// once. Nothing may be read from or written to any of them; the other
// mailboxes of the pair are not concerned.
type Collision struct {
	// Far and Near are the names concerned on each side, sorted. Either may be
	// empty. A name that its side lists n times stands there n times.
	Far, Near []Name

	Reason Reason
}

// Reasons of a Collision.
const (
	ReasonCase   Reason = "these names differ only in case, which one of the sides does not keep apart"
	ReasonNormal Reason = "these names differ only in how their accents are encoded (Unicode normalization)"
	ReasonTwice  Reason = "this name is listed more than once"
)

// Collisions returns the collisions among the mailboxes of a pair, sorted; none
// when the identity maps far to near one-to-one. A name that stands once on
// each side is a mailbox and its counterpart, not a collision.
//
// foldCase says that at least one side takes names that differ only in case
// for one, as Gmail, Exchange, and the file systems of macOS and Windows do.
//
// Names below a colliding name collide with it: on the side that does not keep
// "Lists" and "lists" apart, "Lists/a" and "lists/b" have one parent.
func Collisions(far, near []Name, foldCase bool) []Collision {
	groups := make(map[string]*Collision)
	spellings := spellingsOf(slices.Concat(far, near), foldCase)
	collect := func(names []Name, member func(*Collision) *[]Name) {
		count := make(map[Name]int)
		for _, n := range names {
			count[n]++
		}
		for _, n := range names {
			top, reason := clash(n, spellings, foldCase)
			if reason == "" && count[n] > 1 {
				top, reason = n, ReasonTwice
			}
			if reason == "" {
				continue
			}
			k := key(top, foldCase)
			if groups[k] == nil {
				groups[k] = &Collision{Reason: reason}
			}
			list := member(groups[k])
			*list = append(*list, n)
		}
	}
	collect(far, func(c *Collision) *[]Name { return &c.Far })
	collect(near, func(c *Collision) *[]Name { return &c.Near })

	var found []Collision
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		slices.Sort(groups[k].Far)
		slices.Sort(groups[k].Near)
		found = append(found, *groups[k])
	}
	return found
}

// spellingsOf returns, for the key of every name in names and above them, the
// spellings in use.
func spellingsOf(names []Name, foldCase bool) map[string][]Name {
	spellings := make(map[string][]Name)
	for _, n := range names {
		for ; n != ""; n = n.Parent() {
			k := key(n, foldCase)
			if !slices.Contains(spellings[k], n) {
				spellings[k] = append(spellings[k], n)
			}
		}
	}
	return spellings
}

// clash returns the topmost name, from n upwards, that is spelled in more ways
// than one, and why that is a collision; an empty reason when none is.
func clash(n Name, spellings map[string][]Name, foldCase bool) (top Name, reason Reason) {
	for ; n != ""; n = n.Parent() {
		used := spellings[key(n, foldCase)]
		if len(used) < 2 {
			continue
		}
		top, reason = n, ReasonNormal
		for _, other := range used {
			if key(other, false) != key(n, false) {
				reason = ReasonCase
			}
		}
	}
	return top, reason
}

// key is equal for names that some side may take for one: canonically
// equivalent ones and, with foldCase, ones that are so but for case. The
// folding is Unicode's simple one, rune by rune, as file systems do it.
func key(n Name, foldCase bool) string {
	if !foldCase {
		return norm.NFC.String(string(n))
	}
	folded := strings.Map(foldRune, norm.NFD.String(string(n)))
	return norm.NFC.String(folded)
}

// foldRune returns the smallest rune that is r but for case.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}
