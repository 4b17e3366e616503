package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	jobs, tools *regexp.Regexp
	rtts        []time.Duration
	tls         []bool
	times       int
	age         time.Duration
	scale       float64
	dirs        []string
	write       string
	list        bool
	growth      bool
}

// defaultTools are those that need not be asked for.
const defaultTools = "^(mailtwin|mbsync|bare)$"

// parseOptions reads the command line; what is wrong is said on stderr.
func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	jobs := flags.String("jobs", ".", "run only jobs whose id matches `REGEXP`")
	tools := flags.String("tools", defaultTools, "run only tools whose name matches `REGEXP`")
	rtts := flags.String("rtt", "0,40,150", "round-trip times, in `MILLISECONDS`, with commas between them")
	tls := flags.String("tls", "both", "`both`, off or on")
	dirs := flags.String("dir", "", "`DIRECTORIES` in which mail is kept, with commas between them: all is run in each (a memory file system, a disk); each short, as sockets lie in it (default: that of temporary files)")
	flags.IntVar(&o.times, "n", 5, "repetitions; the median is reported")
	flags.DurationVar(&o.age, "age", 3*time.Second, "how old changes are when a run begins: tools that go by time stamps cannot trust younger ones")
	flags.Float64Var(&o.scale, "scale", 1, "take this part of the mail and of the changes, to try things out")
	flags.StringVar(&o.write, "write", "", "write the report to `FILE`, too")
	flags.BoolVar(&o.list, "list", false, "print jobs and tools and run nothing")
	flags.BoolVar(&o.growth, "growth", false, "run the jobs that show how cost grows, instead of the others")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.jobs, err = regexp.Compile(*jobs); err != nil {
		return o, fmt.Errorf("-jobs: %w", err)
	}
	if o.tools, err = regexp.Compile(*tools); err != nil {
		return o, fmt.Errorf("-tools: %w", err)
	}
	if o.rtts, err = parseRTTs(*rtts); err != nil {
		return o, err
	}
	if o.tls, err = parseTLS(*tls); err != nil {
		return o, err
	}
	o.dirs = strings.Split(*dirs, ",")
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("argument %q is not understood", flags.Arg(0))
	case o.times < 1:
		return o, errors.New("-n: it takes one repetition at least")
	case o.age < 0:
		return o, errors.New("-age: it cannot be below 0")
	case !(o.scale > 0):
		return o, errors.New("-scale: it must be above 0")
	}
	return o, nil
}

func parseRTTs(text string) (list []time.Duration, err error) {
	for part := range strings.SplitSeq(text, ",") {
		ms, err := strconv.ParseFloat(part, 64)
		if err != nil || ms < 0 || ms > 60_000 {
			return nil, fmt.Errorf("-rtt: %q is no number of milliseconds", part)
		}
		list = append(list, time.Duration(ms*float64(time.Millisecond)))
	}
	return list, nil
}

func parseTLS(text string) ([]bool, error) {
	switch text {
	case "both":
		return []bool{false, true}, nil
	case "off":
		return []bool{false}, nil
	case "on":
		return []bool{true}, nil
	}
	return nil, fmt.Errorf("-tls: %q is none of both, off, on", text)
}

// conditions are all that were asked for, those without TLS first.
func (o options) conditions() (list []condition) {
	for _, tls := range o.tls {
		for _, rtt := range o.rtts {
			list = append(list, condition{rtt, tls})
		}
	}
	return list
}

// chosenJobs are the jobs that were asked for.
func (o options) chosenJobs() (list []job) {
	all := jobs(o.scale)
	if o.growth {
		all = growth(o.scale)
	}
	for _, j := range all {
		if o.jobs.MatchString(j.id) {
			list = append(list, j)
		}
	}
	return list
}

// chosenTools are the tools that were asked for; missing are those of them that
// are not installed.
func (o options) chosenTools() (list []tool, missing []error) {
	for _, t := range tools() {
		if !o.tools.MatchString(t.name) {
			continue
		}
		if err := t.missing(); err != nil {
			missing = append(missing, err)
			continue
		}
		list = append(list, t)
	}
	return list, missing
}
