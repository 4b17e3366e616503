package mirror

import (
	"iter"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Flags is a set of message flags and keywords (RFC 9051 §2.3.2). It is
// immutable and small: system flags are bits, keywords a sorted list. Flags
// compare without case everywhere; a keyword keeps the spelling in which it
// was first seen. \Recent is never part of it. The zero value is the empty set.
type Flags struct {
	system   systemFlags
	keywords string // space-joined, sorted by their lower case, unique
}

type systemFlags uint8

const (
	answered systemFlags = 1 << iota
	flagged
	deleted
	seen
	draft
)

// systemNames is in the order in which flags are listed.
var systemNames = [...]struct {
	bit  systemFlags
	flag imap.Flag
}{
	{answered, imap.FlagAnswered},
	{flagged, imap.FlagFlagged},
	{deleted, imap.FlagDeleted},
	{seen, imap.FlagSeen},
	{draft, imap.FlagDraft},
}

// MakeFlags returns the set of list. \Recent and empty strings are left out.
func MakeFlags(list ...imap.Flag) Flags {
	var f Flags
	var keywords []string
	for _, flag := range list {
		if bit := systemBit(flag); bit != 0 {
			f.system |= bit
		} else if flag != "" && !strings.EqualFold(string(flag), `\Recent`) {
			keywords = append(keywords, string(flag))
		}
	}
	f.keywords = joinKeywords(keywords)
	return f
}

// ParseFlags is the inverse of String.
func ParseFlags(s string) Flags {
	var list []imap.Flag
	for _, word := range strings.Fields(s) {
		list = append(list, imap.Flag(word))
	}
	return MakeFlags(list...)
}

func systemBit(flag imap.Flag) systemFlags {
	if !strings.HasPrefix(string(flag), `\`) {
		return 0
	}
	for _, s := range systemNames {
		if strings.EqualFold(string(flag), string(s.flag)) {
			return s.bit
		}
	}
	return 0
}

func joinKeywords(list []string) string {
	if len(list) == 0 {
		return ""
	}
	slices.SortStableFunc(list, func(a, b string) int { return strings.Compare(fold(a), fold(b)) })
	list = slices.CompactFunc(list, strings.EqualFold)
	return strings.Join(list, " ")
}

func fold(s string) string { return strings.ToLower(s) }

// All yields the system flags in RFC spelling, then the keywords.
func (f Flags) All() iter.Seq[imap.Flag] {
	return func(yield func(imap.Flag) bool) {
		for _, s := range systemNames {
			if f.system&s.bit != 0 && !yield(s.flag) {
				return
			}
		}
		for word := range strings.FieldsSeq(f.keywords) {
			if !yield(imap.Flag(word)) {
				return
			}
		}
	}
}

// List returns the flags of All as a slice; nil when empty.
func (f Flags) List() []imap.Flag { return slices.Collect(f.All()) }

// String joins the flags with spaces; "" is the empty set.
func (f Flags) String() string {
	var b strings.Builder
	for flag := range f.All() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(flag))
	}
	return b.String()
}

// Empty reports whether no flag is set.
func (f Flags) Empty() bool { return f == Flags{} }

// Has reports whether flag is in the set.
func (f Flags) Has(flag imap.Flag) bool {
	if bit := systemBit(flag); bit != 0 {
		return f.system&bit != 0
	}
	for word := range strings.FieldsSeq(f.keywords) {
		if strings.EqualFold(word, string(flag)) {
			return true
		}
	}
	return false
}

// Equal reports whether both sets hold the same flags, without case.
func (f Flags) Equal(g Flags) bool {
	return f.system == g.system && strings.EqualFold(f.keywords, g.keywords)
}

// Union returns f ∪ g; where only the spelling differs, f's is kept.
func (f Flags) Union(g Flags) Flags {
	if g.keywords == "" || f.keywords == g.keywords {
		return Flags{f.system | g.system, f.keywords}
	}
	words := append(strings.Fields(f.keywords), strings.Fields(g.keywords)...)
	return Flags{f.system | g.system, joinKeywords(words)}
}

// Minus returns f \ g.
func (f Flags) Minus(g Flags) Flags {
	left := Flags{system: f.system &^ g.system}
	if g.keywords == "" {
		left.keywords = f.keywords
		return left
	}
	words := slices.DeleteFunc(strings.Fields(f.keywords), func(w string) bool { return g.Has(imap.Flag(w)) })
	left.keywords = strings.Join(words, " ")
	return left
}

// Intersect returns f ∩ g in f's spelling.
func (f Flags) Intersect(g Flags) Flags { return f.Minus(f.Minus(g)) }
