package cli

// The files words*.go hold the words for the user: every line that a person reads
// is made there, and nowhere else.
//
// The rules:
//
//   - An error line says what failed, where and why; a hint line says what to
//     do. Both go to stderr, begin with "mailtwin: ", in lower case and without
//     a full stop. Each failure has both.
//   - Results go to stdout, everything else to stderr.
//   - A failure, a message that was left out and a stop are told always, also
//     with --quiet. With --quiet there is nothing else, and nothing on stdout.
//   - The result of a pair is one line. Where neither stdout nor stderr is a
//     terminal (cron, systemd, a pipe) a run that changed nothing and went well
//     says nothing at all, unless --verbose asks; one that moved mail says what
//     in its line. Who wants no mail from cron but for trouble says --quiet, as
//     examples/crontab does.
//   - Names are quoted with %q, paths too. A server's words stand verbatim, but
//     escape shows control, C1 and bidirectional characters. A subject, an
//     address or a secret is never shown.
//   - One thing, one word: far and near are sides; messages are copied, moved
//     and removed by us, gone when somebody else did it, and "deleted" is a flag.
//   - Counts are exact, sizes in decimal units, times as local clock shows them.

import (
	"fmt"
	"io/fs"
	"strings"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

// A trouble is an error in words: one fact, and what to do about it.
type trouble struct {
	what  string
	hints []string
	exit  int
}

func (t *trouble) Error() string { return t.what }

func usage(hint, format string, args ...any) *trouble {
	return &trouble{what: fmt.Sprintf(format, args...), hints: []string{hint}, exit: mirror.ExitUsage}
}

// The command line.

const seeHelp = `"mailtwin --help" lists commands and flags`

func didYouMean(near string) string {
	if near == "" {
		return seeHelp
	}
	return fmt.Sprintf("did you mean %q?", near)
}

func unknownFlag(flag, near string) error {
	if near != "" {
		near = "--" + near
	}
	return usage(didYouMean(near), "there is no flag %q", unsecret(flag))
}

func flagNeedsValue(name string) error {
	return usage(seeHelp, "flag --%s needs a value", name)
}

func flagTakesNoValue(name string) error {
	return usage(fmt.Sprintf("write --%s alone", name), "flag --%s takes no value", name)
}

func contradiction(a, b string) error {
	return usage("leave one of them out", "--%s and --%s contradict each other", a, b)
}

func unknownCommand(word, near string) error {
	return usage(didYouMean(near), "there is no command %q", unsecret(word))
}

// unsecret is a word of the command line as it may be shown: a URL ends with its scheme,
// as it may hold a password.
func unsecret(word string) string {
	if scheme, _, found := strings.Cut(word, "://"); found {
		return scheme + "://…"
	}
	return word
}

func tooFewWords(synopsis string) error {
	return usage(seeHelp, "%q needs more words", "mailtwin "+synopsis)
}

func tooManyWords(synopsis, word string) error {
	return usage(fmt.Sprintf("it is %q", "mailtwin "+synopsis), "%q is one word too many", unsecret(word))
}

var (
	noCommand     = usage(seeHelp, "no command given")
	traceToStdout = usage("name a file: --trace FILE", "the trace does not go to stdout, which holds results")
)

func traceUnusable(path string, err error) error {
	return usage("name a file in a directory of your own", "trace file %q: %v", path, bare(err))
}

func traceNotPlain(path string) error {
	return usage("name a plain file, or one that does not exist yet", "trace file %q is not a plain file", path)
}

func traceExposed(path string, mode fs.FileMode) error {
	return usage("chmod 600 "+shellWord(path), "trace file %q (mode %04o) can be read by group or others", path, mode)
}

// Configuration. Its problems come with words and hints of their own.

func noPlace(what string, err error) error {
	return usage("set $HOME, or $MAILTWIN_CONFIG and $MAILTWIN_STATE", "%s: %v", what, err)
}

func configTrouble(p config.Problem) *trouble {
	hint := p.Hint
	if hint == "" {
		hint = "mend it; \"mailtwin config check\" reads the file and changes nothing"
	}
	return &trouble{what: p.String(), hints: []string{hint}, exit: mirror.ExitUsage}
}
