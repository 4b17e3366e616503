package maildir

import (
	"slices"
	"strings"
)

// fileName is the name of a message's file, taken apart.
type fileName struct {
	// base identifies the message: everything before ":2,".
	base string
	// letters are the flags as they stand in the name, in any order.
	letters string
	// rest is what other programs put behind the flags; it begins with "," or
	// is empty, and is never touched.
	rest string
}

// infoSeparators introduce the flags. The first is the one that is written;
// the others are what other programs write where a colon is not allowed.
var infoSeparators = []string{infoSeparator, ":2,", ";2,", "!2,"}

// parseName takes any file name apart. A name without flags is all base, and a
// base has at least one octet.
func parseName(name string) fileName {
	if name == "" {
		return fileName{}
	}
	for _, sep := range infoSeparators {
		i := strings.Index(name[1:], sep)
		if i < 0 {
			continue
		}
		base, info := name[:i+1], name[i+1+len(sep):]
		n := fileName{base: base, letters: info}
		if i := strings.IndexByte(info, ','); i >= 0 {
			n.letters, n.rest = info[:i], info[i:]
		}
		return n
	}
	return fileName{base: name}
}

// inCur is the name as a file in cur.
func (n fileName) inCur() string { return n.base + infoSeparator + n.letters + n.rest }

// hasFlags reports whether a file of this name must be in cur.
func (n fileName) hasFlags() bool { return n.letters+n.rest != "" }

// with returns the name with letters added and removed. Letters that are in
// neither set stay, whatever they mean. When nothing changes, neither does
// their order.
func (n fileName) with(add, remove string) fileName {
	letters := []byte(n.letters)
	letters = slices.DeleteFunc(letters, func(b byte) bool { return strings.IndexByte(remove, b) >= 0 })
	for i := range len(add) {
		if !slices.Contains(letters, add[i]) {
			letters = append(letters, add[i])
		}
	}
	if len(letters) != len(n.letters) || string(letters) != n.letters {
		slices.Sort(letters)
		n.letters = string(slices.Compact(letters))
	}
	return n
}

// isMessageName reports whether a directory entry may be a message.
func isMessageName(name string) bool { return name != "" && name[0] != '.' }

// validBase reports whether base can be written as the base of a file name.
func validBase(base string) bool {
	return isMessageName(base) && !strings.ContainsAny(base, "/\x00") && parseName(base).base == base &&
		parseName(base+infoSeparator).base == base
}
