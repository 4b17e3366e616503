// Package cli is mailtwin's command line: it reads the configuration, runs
// pairs, and tells the user about it in the words of words*.go.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

const programName = "mailtwin"

// A program is one call of mailtwin.
type program struct {
	screen
	line commandLine
	env  func(string) string
	now  func() time.Time
	exit int
}

// Main carries out a command line, argv[0] being the program, and returns the
// exit code of the process.
func Main(argv []string) int { return run(argv, time.Now) }

// run is Main by another clock.
func run(argv []string, now func() time.Time) int {
	p := &program{screen: newScreen(), env: os.Getenv, now: now}
	app := p.app()
	line, err := parseArguments(argv, app.Flags)
	if err != nil {
		// The flags are not read yet, but hold for this error too.
		p.json, p.quiet = line.has("json"), line.has("quiet")
		return p.failed(err)
	}
	p.line = line
	p.line.program = callable(argv[0])
	ctx, stop := untilSignal(context.Background(), func() {
		p.err.home()
		p.screen.line(interrupting)
	})
	defer stop()
	if err := app.RunContext(ctx, line.ordered(app.Commands)); err != nil {
		return p.failed(err)
	}
	return p.exit
}

// callable is argv[0] for a hint. "go run" starts a file that is gone when the
// hint is read.
func callable(argv0 string) string {
	if strings.Contains(argv0, "/go-build") {
		return "go run ."
	}
	return argv0
}

// A command is what a command word starts.
type command struct {
	name     string // with a blank where it has two words
	args     string // their names, for the help
	min, max int    // how many of them; a max of -1 is any number
	run      func(ctx context.Context, args []string) int
}

func (p *program) commands() []command {
	return []command{
		{"sync", "[PAIR…]", 0, -1, p.sync},
		{"plan", "[PAIR…]", 0, -1, p.plan},
		{copyName, "FAR NEAR", 2, 2, p.copy},
		{"status", "[PAIR…]", 0, -1, p.status},
		{"mailboxes", "REPO", 1, 1, p.mailboxes},
		{"config check", "", 0, 0, p.configCheck},
		{"demo", "[DIR]", 0, 1, p.demo},
		{"version", "", 0, 0, p.version},
	}
}

// app declares the commands to package cli.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name: programName, HelpName: programName, Usage: aboutProgram, CustomAppHelpTemplate: helpProgram,
		HideHelpCommand: true, HideVersion: true,
		Flags:  p.options.flags(),
		Writer: p.out, ErrWriter: io.Discard,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return err },
		Before:         func(*cli.Context) error { return p.options.check() },
	}
	var names []string
	for _, c := range p.commands() {
		names = append(names, c.name)
		p.declare(&app.Commands, c)
	}
	app.Action = func(c *cli.Context) error {
		if !c.Args().Present() {
			return noCommand
		}
		word := strings.Join(c.Args().Slice(), " ")
		if !slices.Contains(names, word) {
			word = c.Args().First()
		}
		return unknownCommand(word, nearest(word, names))
	}
	return app
}

// declare adds c to a list of commands; the first word of two becomes a
// command of its own, with the second below it.
func (p *program) declare(list *[]*cli.Command, c command) {
	declared := &cli.Command{Usage: aboutCommand[c.name], ArgsUsage: c.args, HideHelpCommand: true,
		CustomHelpTemplate: helpCommand, Action: p.action(c)}
	first, second, two := strings.Cut(c.name, " ")
	declared.Name = first
	if two {
		declared.Name = second
		declared = &cli.Command{Name: first, Usage: aboutCommand[c.name], HideHelpCommand: true,
			CustomHelpTemplate: helpCommand, Subcommands: []*cli.Command{declared},
			Action: func(ctx *cli.Context) error {
				if word := ctx.Args().First(); word != "" {
					word = first + " " + word
					return unknownCommand(word, nearest(word, []string{c.name}))
				}
				return tooFewWords(c.name)
			}}
	}
	*list = append(*list, declared)
}

func (p *program) action(c command) cli.ActionFunc {
	return func(ctx *cli.Context) error {
		args := ctx.Args().Slice()
		synopsis := strings.TrimSpace(c.name + " " + c.args)
		switch {
		case len(args) < c.min:
			return tooFewWords(synopsis)
		case c.max >= 0 && len(args) > c.max:
			return tooManyWords(synopsis, args[c.max])
		}
		if err := p.line.checkFlags(c.name); err != nil {
			return err
		}
		p.exit = c.run(ctx.Context, args)
		return nil
	}
}

// plan is sync --dry-run.
func (p *program) plan(ctx context.Context, names []string) int {
	p.dryRun = true
	return p.sync(ctx, names)
}

// load reads the configuration. Nothing else is touched before it is found
// right.
func (p *program) load() (*config.Config, error) {
	path, err := config.Find(p.config, p.env)
	if err != nil {
		return nil, noPlace("configuration", err)
	}
	return config.Load(path)
}

// failed tells of an error that no pair is to blame for, and returns the exit
// code.
func (p *program) failed(err error) int {
	var problems config.Problems
	summary := jsonSummary{Type: "summary", Exit: mirror.ExitUsage}
	switch {
	case errors.As(err, &problems):
		for _, problem := range problems {
			t := configTrouble(problem)
			p.fail("", t)
		}
		first := configTrouble(problems[0])
		summary.Error, summary.Hint = first.what, strings.Join(first.hints, "; ")
	default:
		t := scene{}.explain(err)
		p.fail("", t)
		summary.Exit, summary.Error, summary.Hint = t.exit, t.what, strings.Join(t.hints, "; ")
	}
	p.object(summary)
	return summary.Exit
}
