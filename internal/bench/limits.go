package main

import (
	"fmt"
	"strings"
	"time"
)

// A limit is what mailtwin has to reach at a job, without TLS.
type limit struct {
	job string
	rtt time.Duration
	// place is a file system; "memory" and "disk" stand for kinds of them, ""
	// for all.
	place string
	what  quantity
	// than is the tool with which it is compared, or, with a job in front and a
	// colon, mailtwin at another job; "" means that most is absolute.
	than string
	most float64
}

// A quantity is a column of the tables.
type quantity int

const (
	wall     quantity = iota // seconds
	cpu                      // seconds
	peak                     // octets
	received                 // octets
	sent                     // octets
	most                     // turns on any connection
)

func (q quantity) of(s sample) float64 {
	return [...]float64{s.wall.Seconds(), s.cpu.Seconds(), float64(s.peak), float64(s.received), float64(s.sent), float64(s.most)}[q]
}

func (q quantity) String() string {
	return [...]string{"wall", "CPU", "peak memory", "octets received", "octets sent", "turns on any connection"}[q]
}

// show is a value of the quantity for people.
func (q quantity) show(value float64) string {
	switch q {
	case wall, cpu:
		return fmt.Sprintf("%.3f s", value)
	case most:
		return fmt.Sprintf("%.0f", value)
	case peak:
		return mebibytes(int64(value)) + " MiB"
	}
	return megabytes(int64(value))
}

const (
	near40 = 40 * time.Millisecond
	mebi   = 1 << 20
)

// limits are those of the project. "As with 1,000 messages" is taken as at most
// a quarter more; "octets follow the changes" as at most a tenth more than the
// new messages; "one APPEND a message, nothing more" as at most a fiftieth more
// than the messages.
var limits = []limit{
	{"first", near40, "", wall, "mbsync", 0.40},
	{"first", near40, "", wall, "bare", 1.5},
	{"first", 0, "memory", wall, "mbsync", 1.2},
	{"first", 0, "disk", wall, "mbsync", 0.8},
	{"first", near40, "", cpu, "mbsync", 1.5},
	{"first", near40, "", peak, "", 48 * mebi},
	{"noop20", near40, "", wall, "mbsync", 0.055},
	{"noop20", near40, "", wall, "bare", 1.0},
	{"noop20", near40, "", most, "", 2},
	{"noop20", near40, "", peak, "", 48 * mebi},
	{"noop200", near40, "", wall, "mbsync", 0.006},
	{"noop200", near40, "", wall, "bare", 1.0},
	{"noop200", near40, "", most, "", 2},
	{"noop200", near40, "", peak, "", 48 * mebi},
	{"noop100k", near40, "", wall, "mbsync", 0.30},
	{"noop100k", near40, "", wall, "bare", 1.0},
	{"noop100k", near40, "", received, "", 4_000},
	{"noop100k", near40, "", wall, "noop1k:", 1.25},
	{"noop100k", near40, "", peak, "noop1k:", 1.25},
	{"noop100k", near40, "", peak, "", 48 * mebi},
	{"incremental", near40, "", wall, "mbsync", 0.25},
	{"incremental", near40, "", received, "", 1.1 * 100 * 19_200},
	{"incremental", near40, "", peak, "", 48 * mebi},
	{"upload", near40, "", wall, "mbsync", 0.35},
	{"upload", near40, "", wall, "bare", 1.5},
	{"upload", near40, "", sent, "", 1.02 * 2_000 * 19_500},
	{"upload", near40, "", peak, "", 48 * mebi},
	{"moves", near40, "", wall, "mbsync", 0.35},
	{"moves", near40, "", sent, "", 20_000},
	{"moves", near40, "", peak, "", 48 * mebi},
	{"servers", near40, "", wall, "mbsync", 0.30},
	{"servers-noop", near40, "", wall, "mbsync", 0.12},
}

// holds reports whether the limit concerns a file system.
func (l limit) holds(place string) bool {
	memory := place == "tmpfs" || place == "ramfs"
	return l.place == "" || memory == (l.place == "memory")
}

// text says what the limit is.
func (l limit) text() string {
	switch other, same := strings.CutSuffix(l.than, ":"); {
	case same:
		return fmt.Sprintf("%s ≤ %g × that of %s", l.what, l.most, other)
	case l.than != "":
		return fmt.Sprintf("%s ≤ %g × %s", l.what, l.most, l.than)
	}
	return fmt.Sprintf("%s ≤ %s", l.what, l.what.show(l.most))
}

// judge compares the limit with what was measured; known is false where
// something is not measured.
func (l limit) judge(r *report, place string) (measured string, met, known bool) {
	under := condition{rtt: l.rtt}
	ours, found := r.find(place, l.job, "mailtwin", under)
	value := l.what.of(ours)
	if !found || l.what == peak && ours.peak == 0 {
		return "", false, false
	}
	if l.than == "" {
		return l.what.show(value), value <= l.most, true
	}
	job, tool := l.job, l.than
	if other, same := strings.CutSuffix(l.than, ":"); same {
		job, tool = other, "mailtwin"
	}
	theirs, found := r.find(place, job, tool, under)
	divisor := l.what.of(theirs)
	if !found || divisor == 0 {
		return "", false, false
	}
	return fmt.Sprintf("%.3f × (%s : %s)", value/divisor, l.what.show(value), l.what.show(divisor)), value/divisor <= l.most, true
}

// limits writes the table of limits, where the jobs have their full size.
func (r *report) limits(b *strings.Builder) {
	if r.scale != 1 {
		fmt.Fprintf(b, "\n## Limits\n\nNot judged: the jobs have %g of their size.\n", r.scale)
		return
	}
	var rows strings.Builder
	for _, place := range r.places {
		for _, l := range limits {
			measured, met, known := l.judge(r, place)
			if !known || !l.holds(place) {
				continue
			}
			verdict := "**missed**"
			if met {
				verdict = "met"
			}
			fmt.Fprintf(&rows, "| %s | %d ms, %s | %s | %s | %s |\n", l.job, l.rtt.Milliseconds(), place, l.text(), measured, verdict)
		}
	}
	if rows.Len() > 0 {
		fmt.Fprintf(b, "\n## Limits\n\nThey hold without TLS.\n\n| job | where | at most | measured | |\n|---|---|---|---|---|\n%s", rows.String())
	}
}
