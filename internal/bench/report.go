package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A report is all that one run of the command found.
type report struct {
	args       []string
	scale      float64
	times      int
	age        time.Duration
	machine    []fact
	places     []string // file systems, in order
	tools      []tool
	jobs       []job
	conditions []condition
	results    []result
}

const reportIntro = `# Benchmarks

Written by ` + "`go run ./internal/bench`" + `; not edited by hand. The command of this page:

    go run ./internal/bench %s

Each tool has an account and a Maildir of its own, made alike, or two accounts on two servers, and runs as a process of
its own; in each repetition the tools run one after the other. Between the tool and each server stands a proxy on the
same machine, which takes its part of the processors. It delays each direction by half the round-trip time without
limiting bandwidth; TCP set-up costs one round trip, and a greeting comes after two. No-ops are timed on the third quiet
run and after; local and remote changes are %g seconds old when a run begins; before each repetition of the paired jobs
two quiet runs, not timed, settle what the one before left. After each run both sides were counted, with flags; a no-op
must change neither.
imapsync, which copies between servers only, is not among them.

%s

- **wall** and **CPU**: seconds of the tool's process (CPU: user and system); **peak**: its largest resident memory.
- **received**, **sent**: octets between tool and server on the wire, TLS included.
- **turns**: how often the client spoke after it had been spoken to, over all connections (their number in brackets),
  TLS included. A client that sends while an answer still arrives makes turns without waiting.
- **× mbsync**, **× bare**: wall as a multiple of theirs.

`

// markdown is the report.
func (r *report) markdown() string {
	var b strings.Builder
	repetitions := fmt.Sprintf("Each figure is the median of %d runs.", r.times)
	if r.times == 1 {
		repetitions = "Each figure is that of one run."
	}
	fmt.Fprintf(&b, reportIntro, shellWords(r.args), r.age.Seconds(), repetitions)
	b.WriteString("## Machine\n\n| what | which |\n|---|---|\n")
	for _, f := range r.machine {
		fmt.Fprintf(&b, "| %s | %s |\n", f.name, cell(f.value))
	}
	b.WriteString("\n## Jobs\n\n| job | what |\n|---|---|\n")
	for _, j := range r.jobs {
		fmt.Fprintf(&b, "| %s | %s |\n", j.id, cell(j.title))
	}
	r.limits(&b)
	for _, place := range r.places {
		for _, under := range r.conditions {
			r.table(&b, place, under)
		}
	}
	return b.String()
}

// table writes the results under one condition.
func (r *report) table(b *strings.Builder, place string, under condition) {
	fmt.Fprintf(b, "\n## %s, on %s\n\n", under, place)
	b.WriteString("| job | tool | wall s | × mbsync | × bare | CPU s | peak MiB | received | sent | turns |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, got := range r.results {
		if got.place != place || got.condition != under {
			continue
		}
		m := median(got.samples)
		fmt.Fprintf(b, "| %s | %s | %.3f | %s | %s | %.3f | %s | %s | %s | %d (%d) |\n", got.job.id, got.tool, m.wall.Seconds(),
			r.multiple(got, "mbsync"), r.multiple(got, "bare"), m.cpu.Seconds(), mebibytes(m.peak), grouped(int(m.received)), grouped(int(m.sent)), m.turns, m.connections)
	}
}

// find returns the median of a tool at a job, if it was measured.
func (r *report) find(place, job, tool string, under condition) (sample, bool) {
	i := slices.IndexFunc(r.results, func(got result) bool {
		return got.place == place && got.job.id == job && got.tool == tool && got.condition == under
	})
	if i < 0 {
		return sample{}, false
	}
	return median(r.results[i].samples), true
}

// multiple is the wall time of a result as a multiple of another tool's.
func (r *report) multiple(got result, tool string) string {
	other, found := r.find(got.place, got.job.id, tool, got.condition)
	if !found || got.tool == tool {
		return "–"
	}
	return fmt.Sprintf("%.3f", ratio(median(got.samples).wall, other.wall))
}

func ratio[T ~int | ~int64](a, b T) float64 { return float64(a) / float64(b) }

// mebibytes is memory in units of 2^20 octets; "?" where it is not known.
func mebibytes(octets int64) string {
	if octets == 0 {
		return "?"
	}
	return fmt.Sprintf("%.1f", float64(octets)/(1<<20))
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }

// shellWords are arguments as they can be typed.
func shellWords(args []string) string {
	var words []string
	for _, arg := range args {
		if arg == "" || strings.Trim(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=,:") != "" {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
