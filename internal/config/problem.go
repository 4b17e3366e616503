package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing wrong with the configuration: a fact, and what to do.
// Neither ever holds a secret.
type Problem struct {
	File string
	Line int    // from 1; 0 when no line is to blame
	What string // lower case, no full stop, names quoted
	Hint string // may be empty
	Err  error  // the cause, such as fs.ErrNotExist; may be nil
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.What
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
}

// Problems is the error of this package about a configuration file: at least
// one problem, in the order of the file, those without a line first.
type Problems []Problem

// Error returns one line a problem, without hints.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the causes that are known.
func (p Problems) Unwrap() []error {
	var causes []error
	for _, problem := range p {
		if problem.Err != nil {
			causes = append(causes, problem.Err)
		}
	}
	return causes
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.What, b.What))
	})
}

// missing is the problem that nothing of the given kind is called name.
func missing(file, kind, name string, all []string) Problem {
	return Problem{
		File: file,
		What: fmt.Sprintf("there is no %s %q", kind, name),
		Hint: list(kind, all),
	}
}

// list says which things of a kind there are.
func list(kind string, names []string) string {
	switch {
	case len(names) == 0:
		return fmt.Sprintf("there is no %s; add a table [%s.NAME]", kind, kind)
	case kind == "repository":
		return "the repositories are " + quoted(names)
	}
	return fmt.Sprintf("the %ss are %s", kind, quoted(names))
}

// quoted returns names in quotes, joined by commas.
func quoted(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(out, ", ")
}
