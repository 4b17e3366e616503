package nametrans

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
//
// Where names are translated, Rules.Translate finds the collisions.
func Collisions(far, near []Name, foldCase bool) []Collision {
	groups := make(map[string]*Collision)
	used := newSpellings(slices.Concat(far, near), foldCase)
	collect := func(names []Name, member func(*Collision) *[]Name) {
		for n, c := range used.clashes(names) {
			if groups[c.top] == nil {
				groups[c.top] = &Collision{Reason: c.reason}
			}
			list := member(groups[c.top])
			*list = append(*list, slices.Repeat([]Name{n}, c.times)...)
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

// spellings are the names in use on a side, and above them.
type spellings struct {
	foldCase bool
	inUse    map[Name]bool
	byKey    map[string]*family
	several  bool // so it is with a family
}

// A family is what is known of all names in use that have one key.
type family struct {
	first   Name
	several bool // not all are spelled alike
	inCase  bool // some differ in more than their normalization
}

func newSpellings(names []Name, foldCase bool) *spellings {
	used := &spellings{foldCase: foldCase, inUse: make(map[Name]bool, len(names)), byKey: make(map[string]*family, len(names))}
	for _, n := range names {
		if used.inUse[n] {
			continue
		}
		// The key of a name above n is the key of n so far.
		for k := key(n, foldCase); n != "" && !used.inUse[n]; n, k = n.Parent(), above(k) {
			used.inUse[n] = true
			s := used.byKey[k]
			if s == nil {
				used.byKey[k] = &family{first: n}
				continue
			}
			used.several, s.several = true, true
			s.inCase = s.inCase || key(n, false) != key(s.first, false)
		}
	}
	return used
}

// A clash is why a name collides.
type clash struct {
	top    string // the key of the topmost name, from the name upwards, that is spelled in more ways than one
	reason Reason
	times  int // how often the name is listed
}

// clashes returns those of names, which are in use, that collide with a name in
// use or are listed more than once.
func (s *spellings) clashes(names []Name) map[Name]clash {
	found := make(map[Name]clash)
	times := make(map[Name]int, len(names))
	for _, n := range names {
		times[n]++
	}
	for n, count := range times {
		c := clash{times: count}
		if !s.several && count == 1 {
			continue
		}
		for k := key(n, s.foldCase); k != ""; k = above(k) {
			switch at := s.byKey[k]; {
			case at.inCase:
				c.top, c.reason = k, ReasonCase
			case at.several:
				c.top, c.reason = k, ReasonNormal
			}
		}
		if c.reason == "" && count > 1 {
			c.top, c.reason = key(n, s.foldCase), ReasonTwice
		}
		if c.reason != "" {
			found[n] = c
		}
	}
	return found
}

// clashesNew reports whether n, which need not be in use, would collide with a
// name in use. A nil s holds no names.
func (s *spellings) clashesNew(n Name) bool {
	if s == nil {
		return false
	}
	for k := key(n, s.foldCase); k != ""; n, k = n.Parent(), above(k) {
		if at := s.byKey[k]; at != nil && (at.several || at.first != n) {
			return true
		}
	}
	return false
}

// above returns the key of the parent of the name with the key k.
func above(k string) string { return string(Name(k).Parent()) }

// key is equal for names that some side may take for one: canonically
// equivalent ones and, with foldCase, ones that are so but for case. The
// folding is Unicode's simple one, rune by rune, as file systems do it.
func key(n Name, foldCase bool) string {
	if isASCII(string(n)) { // as it mostly is; the same, only sooner
		if foldCase {
			return strings.ToUpper(string(n))
		}
		return string(n)
	}
	if !foldCase {
		return norm.NFC.String(string(n))
	}
	folded := strings.Map(foldRune, norm.NFD.String(string(n)))
	return norm.NFC.String(folded)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foldRune returns the smallest rune that is r but for case.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}
