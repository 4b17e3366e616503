package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// A screen is where a command writes. Lines are escaped as a whole, so nothing
// that a server or a file name holds reaches a terminal as a control sequence.
type screen struct {
	out io.Writer
	err *lines
	// terminal says, for out and err, that a person looks at it.
	outTerminal, errTerminal bool
	options
}

func newScreen() screen {
	return screen{out: os.Stdout, err: &lines{file: os.Stderr},
		outTerminal: term.IsTerminal(int(os.Stdout.Fd())), errTerminal: term.IsTerminal(int(os.Stderr.Fd()))}
}

// lines is stderr. While a progress bar is drawn there, lines go above it. Its
// methods may be called by several goroutines.
type lines struct {
	mu    sync.Mutex
	file  *os.File
	above io.Writer // nil without a bar
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.above != nil {
		return l.above.Write(text)
	}
	return l.file.Write(text)
}

// draw makes lines go above what to draws, from now on; nil ends it.
func (l *lines) draw(to io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.above = to
}

// home puts the cursor where a bar expects it: a terminal echoes ^C.
func (l *lines) home() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.above != nil {
		fmt.Fprint(l.file, "\r")
	}
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
	fmt.Fprintln(s.err, escape(programName+": "+text))
}
