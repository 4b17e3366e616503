package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mailtwin/mirror"
)

// options are the global flags. They may stand anywhere on the command line.
type options struct {
	config  string
	trace   string
	confirm string
	json    bool
	quiet   bool
	verbose bool
	dryRun  bool
	full    bool
	// passwordCommand and report are copy's.
	passwordCommand [2]string
	report          string
}

// flags declares the global flags; what they mean is said in words_help.go.
func (o *options) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: aboutFlag["config"], Destination: &o.config},
		&cli.BoolFlag{Name: "json", Usage: aboutFlag["json"], Destination: &o.json, DisableDefaultText: true},
		&cli.BoolFlag{Name: "quiet", Usage: aboutFlag["quiet"], Destination: &o.quiet, DisableDefaultText: true},
		&cli.BoolFlag{Name: "verbose", Usage: aboutFlag["verbose"], Destination: &o.verbose, DisableDefaultText: true},
		&cli.StringFlag{Name: "trace", Usage: aboutFlag["trace"], Destination: &o.trace},
		&cli.BoolFlag{Name: "dry-run", Usage: aboutFlag["dry-run"], Destination: &o.dryRun, DisableDefaultText: true},
		&cli.BoolFlag{Name: "full", Usage: aboutFlag["full"], Destination: &o.full, DisableDefaultText: true},
		&cli.StringFlag{Name: "confirm", Usage: aboutFlag["confirm"], Destination: &o.confirm},
		&cli.StringFlag{Name: "far-password-command", Usage: aboutFlag["far-password-command"], Destination: &o.passwordCommand[mirror.Far]},
		&cli.StringFlag{Name: "near-password-command", Usage: aboutFlag["near-password-command"], Destination: &o.passwordCommand[mirror.Near]},
		&cli.StringFlag{Name: "report", Usage: aboutFlag["report"], Destination: &o.report},
	}
}

// check refuses flags that contradict each other.
func (o *options) check() error {
	switch {
	case o.quiet && o.verbose:
		return contradiction("quiet", "verbose")
	case o.quiet && o.json:
		return contradiction("quiet", "json")
	case o.trace == "-":
		return traceToStdout
	}
	return nil
}

// commandLine is an argv, taken apart.
type commandLine struct {
	program string
	flags   [][]string // as given: a flag, or a flag and its value
	words   []string   // the command words and their arguments
	help    bool
}

// parseArguments takes argv apart. Flags may stand anywhere before a "--".
func parseArguments(argv []string, flags []cli.Flag) (commandLine, error) {
	l := commandLine{program: argv[0]}
	rest := argv[1:]
	for len(rest) > 0 {
		arg := rest[0]
		rest = rest[1:]
		switch {
		case arg == "--":
			l.words = append(l.words, rest...)
			return l, nil
		case arg == "-h" || arg == "-help" || arg == "--help":
			l.help = true
		case len(arg) < 2 || arg[0] != '-':
			l.words = append(l.words, arg)
		default:
			used, err := checkFlag(arg, rest, flags)
			if err != nil {
				return l, err
			}
			l.flags = append(l.flags, append([]string{arg}, rest[:used]...))
			rest = rest[used:]
		}
	}
	if len(l.words) > 0 && l.words[0] == "help" {
		l.help, l.words = true, l.words[1:]
	}
	return l, nil
}

// checkFlag returns how many of rest, none or one, are the value of arg.
func checkFlag(arg string, rest []string, flags []cli.Flag) (used int, err error) {
	name, value, given := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == name })
	if i < 0 {
		return 0, unknownFlag(arg, nearest(name, flagNames(flags)))
	}
	takesValue := flags[i].(cli.DocGenerationFlag).TakesValue()
	if takesValue && !given && len(rest) > 0 {
		value, used = rest[0], 1
	}
	switch {
	case takesValue && value == "":
		return 0, flagNeedsValue(name)
	case !takesValue && given:
		return 0, flagTakesNoValue(name)
	}
	return used, nil
}

func flagNames(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		names = append(names, f.Names()[0])
	}
	return append(names, "help")
}

// copyFlags mean something with copy only.
var copyFlags = []string{"far-password-command", "near-password-command", "report"}

// checkFlags refuses flags that mean nothing with a command.
func (l commandLine) checkFlags(command string) error {
	for _, flag := range l.flags {
		name, _, _ := strings.Cut(strings.TrimLeft(flag[0], "-"), "=")
		if command != copyName && slices.Contains(copyFlags, name) {
			return flagOfCopy(name)
		}
		if command == copyName && name == "config" {
			return copyHasNoConfig
		}
	}
	return nil
}

// has reports whether a flag without a value was given.
func (l commandLine) has(name string) bool {
	return slices.ContainsFunc(l.flags, func(f []string) bool { return strings.TrimLeft(f[0], "-") == name })
}

// ordered returns the argv as package cli wants it: flags, command words,
// arguments.
func (l commandLine) ordered(commands []*cli.Command) []string {
	depth := 0
	for depth < len(l.words) {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == l.words[depth] })
		if i < 0 {
			break
		}
		commands = commands[i].Subcommands
		depth++
	}
	argv := append([]string{l.program}, slices.Concat(l.flags...)...)
	argv = append(argv, l.words[:depth]...)
	switch {
	case l.help:
		return append(argv, "--help")
	case depth < len(l.words):
		return append(append(argv, "--"), l.words[depth:]...)
	}
	return argv
}

// again returns the command line that does the same for one pair, with token
// allowed: what a person may paste after having read a stop.
func (l commandLine) again(pair, token string) string {
	words := []string{l.program}
	for _, flag := range l.flags {
		switch name, _, _ := strings.Cut(strings.TrimLeft(flag[0], "-"), "="); name {
		case "dry-run", "confirm":
		default:
			words = append(words, flag...)
		}
	}
	return shellLine(append(words, "sync", pair, "--confirm", token))
}
