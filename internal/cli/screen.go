package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// A screen is where a command writes. Lines are escaped as a whole, so nothing
// that a server or a file name holds reaches a terminal as a control sequence.
type screen struct {
	out, err io.Writer
	// terminal says, for out and err, that a person looks at it.
	outTerminal, errTerminal bool
	options
	// above, when set, takes the lines for err: a progress bar is being drawn
	// there.
	above io.Writer
}

func newScreen() screen {
	return screen{out: os.Stdout, err: os.Stderr,
		outTerminal: term.IsTerminal(int(os.Stdout.Fd())), errTerminal: term.IsTerminal(int(os.Stderr.Fd()))}
}

// watched reports whether somebody looks on, so that "nothing to do" is worth
// a line.
func (s *screen) watched() bool { return s.outTerminal || s.errTerminal || s.verbose }

// result writes a line to stdout.
func (s *screen) result(line string) {
	if !s.quiet && !s.json {
		fmt.Fprintln(s.out, escape(line))
	}
}

// fail writes an error and its hints to stderr, whatever the flags.
func (s *screen) fail(pair string, t *trouble) {
	what := t.what
	if pair != "" {
		what = inPair(pair, what)
	}
	s.line(what)
	for _, hint := range t.hints {
		s.line(asHint(hint))
	}
}

// note writes what a person should know and need not act on to stderr.
func (s *screen) note(pair, text string) {
	if !s.quiet {
		s.line(inPair(pair, text))
	}
}

func (s *screen) line(text string) {
	to := s.err
	if s.above != nil {
		to = s.above
	}
	fmt.Fprintln(to, escape(programName+": "+text))
}
