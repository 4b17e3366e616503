// Command bench runs mailtwin beside other tools, at the same jobs, on the same
// Dovecot, over the same distances, and prints what each took:
//
//	go run ./internal/bench                                    all of it: an hour or two
//	go run ./internal/bench -jobs noop20 -rtt 40 -tls off      one job, one distance
//	go run ./internal/bench -scale 0.02 -n 1                   all of it, with little mail
//	go run ./internal/bench -dir /dev/shm,/var/tmp             in memory, and on a disk
//	go run ./internal/bench -growth -rtt 0 -tls off            how cost grows
//	go run ./internal/bench -list                              what there is, without a run
//
// It is run in the repository, from which it builds mailtwin.
// With -write docs/BENCHMARKS.md the report becomes a file.
//
// Each tool has an account and a Maildir of its own, made alike, or two accounts on
// two servers. No-ops are timed on the third quiet run, everything else after the
// changes are three seconds old. After each run both sides are counted: a run that
// failed, did nothing where something was to be done, or something where nothing was,
// ends the benchmark with exit 1. Servers and proxies listen on the loopback address;
// everything is removed at the end, after Ctrl-C too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 2 && args[0] == bareWord {
		if err := runBare(ctx, args[1]); err != nil {
			fmt.Fprintln(stderr, "bare:", err)
			return 1
		}
		return 0
	}
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	case o.list:
		printList(stdout, o)
		return 0
	}
	if err := compare(ctx, o, args, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

func printList(w io.Writer, o options) {
	for _, j := range o.chosenJobs() {
		fmt.Fprintf(w, "%-24s %s\n", j.id, j.title)
	}
	for _, t := range tools() {
		state := "installed"
		if err := t.missing(); err != nil {
			state = "not installed"
		}
		fmt.Fprintf(w, "%-24s %s\n", t.name, state)
	}
}

// compare runs all that was asked for and reports it. Where nothing can be
// compared it does not start.
func compare(ctx context.Context, o options, args []string, stdout, stderr io.Writer) error {
	chosen, missing := o.chosenTools()
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	if len(chosen) == 0 || len(o.chosenJobs()) == 0 {
		return errors.New("no tool or no job matches; see -list")
	}
	r := report{args: args, scale: o.scale, times: o.times, age: o.age, tools: chosen, jobs: o.chosenJobs(), conditions: o.conditions()}
	for _, dir := range o.dirs {
		if err := compareIn(ctx, o, dir, &r, stderr); err != nil {
			return err
		}
	}
	text := r.markdown()
	if _, err := io.WriteString(stdout, text); err != nil || o.write == "" {
		return err
	}
	return os.WriteFile(o.write, []byte(text), 0o644)
}

// compareIn runs all jobs with the mail in one directory.
func compareIn(ctx context.Context, o options, dir string, r *report, progress io.Writer) error {
	l, err := newLab(ctx, dir)
	if err != nil {
		return err
	}
	defer l.close()
	if slices.ContainsFunc(r.tools, func(t tool) bool { return t.name == "mailtwin" }) {
		if err := l.build(ctx); err != nil {
			return err
		}
	}
	if r.machine == nil {
		if r.machine, err = describeMachine(ctx, l, r.tools); err != nil {
			return err
		}
	}
	c := &contest{lab: l, place: fileSystem(l.dir), tools: r.tools, conditions: r.conditions, times: o.times, age: o.age, progress: progress}
	r.places = append(r.places, c.place)
	for i, j := range r.jobs {
		c.tell("job %d of %d on %s: %s", i+1, len(r.jobs), c.place, j.title)
		results, err := c.run(ctx, j)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			return fmt.Errorf("%w; the server's log ends:\n%s", err, lastLines(l.server.Log(), 10))
		}
		r.results = append(r.results, results...)
		if err := l.leave(r.jobs[i+1:]); err != nil {
			return err
		}
	}
	return nil
}
