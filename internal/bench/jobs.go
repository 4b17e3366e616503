package main

import "fmt"

// A kind is what a tool has to do.
type kind int

const (
	download    kind = iota // everything is on the server, nothing here
	upload                  // the other way round
	noop                    // both sides are alike
	incremental             // they were, and the server has changed
	moves                   // they were, and messages changed their mailbox here
	across                  // everything is on the server, nothing on a second one
	acrossNoop              // both servers are alike
)

func (k kind) String() string {
	return [...]string{"download", "upload", "no-op", "incremental", "moves", "servers", "servers-noop"}[k]
}

// paired reports whether both sides are alike before the job.
func (k kind) paired() bool { return k.idle() || k == incremental || k == moves }

// idle reports whether there is nothing to do.
func (k kind) idle() bool { return k == noop || k == acrossNoop }

// twoServers reports whether the other side is an account on a second server and no
// Maildir.
func (k kind) twoServers() bool { return k == across || k == acrossNoop }

// A job is what the tools are compared at.
type job struct {
	id, title string
	kind      kind
	shape     shape // the mail that is there before
	change    change
	rate      int // octets a second that the server sends over each connection; 0: no limit
}

// A change is how much a job changes before each run.
type change struct {
	added, flagged, removed int // on the server
	moved                   int // in the Maildir
	mean                    int // octets of an added message, on average
}

// seed makes the same mail in every run.
const seed = 20

// jobs are those of the table, with a part of their mail.
func jobs(scale float64) []job {
	mail := func(mailboxes, each, mean int) shape { return shape{mailboxes, each, mean, seed}.scaled(scale) }
	large := mail(20, 500, 19_200)
	list := []job{
		{id: "first", kind: download, shape: large},
		{id: "narrow", kind: download, shape: mail(20, 100, 19_500), rate: 4_000_000},
		{id: "noop20", kind: noop, shape: mail(20, 500, 2_000)},
		{id: "noop200", kind: noop, shape: mail(200, 50, 2_000)},
		{id: "noop1k", kind: noop, shape: mail(1, 1_000, 700)},
		{id: "noop100k", kind: noop, shape: mail(1, 100_000, 700)},
		{id: "incremental", kind: incremental, shape: large, change: change{added: 100, flagged: 200, removed: 50, mean: 19_200}.scaled(scale)},
		{id: "upload", kind: upload, shape: mail(20, 100, 19_500)},
		{id: "moves", kind: moves, shape: large, change: change{moved: 100}.scaled(scale)},
		{id: "servers", kind: across, shape: mail(20, 100, 19_500)},
		{id: "servers-noop", kind: acrossNoop, shape: mail(20, 100, 19_500)},
	}
	for i := range list {
		list[i].title = list[i].describe()
	}
	return list
}

// scaled is a part of a change; what is not none stays at least one.
func (c change) scaled(by float64) change {
	for _, n := range []*int{&c.added, &c.flagged, &c.removed, &c.moved} {
		if *n > 0 {
			*n = scaled(*n, by)
		}
	}
	return c
}

// octets are those of the added messages, on the wire.
func (c change) octets() int64 { return int64(c.added) * int64(max(c.mean, smallest)) }

// describe says what a job is.
func (j job) describe() string {
	mail := fmt.Sprintf("%s in %s (%s)", plural(j.shape.messages(), "message"), plural(j.shape.mailboxes, "mailbox"), megabytes(j.shape.octets()))
	switch j.kind {
	case download:
		if j.rate > 0 {
			mail += fmt.Sprintf(", from a server that sends %s a second over each connection", megabytes(int64(j.rate)))
		}
		return "first download: " + mail
	case upload:
		return "upload to an empty server: " + mail
	case incremental:
		return "on the server " + j.change.describe() + "; " + mail
	case across:
		return "from an account to an empty one on a second server: " + mail
	case acrossNoop:
		return "nothing to do between two servers: " + mail
	case moves:
		return fmt.Sprintf("%s moved in the Maildir; %s", plural(j.change.moved, "message"), mail)
	}
	return "nothing to do: " + mail
}

// describe says what changes on the server.
func (c change) describe() string {
	text := fmt.Sprintf("%s new (%s)", plural(c.added, "message"), megabytes(c.octets()))
	if c.flagged > 0 {
		text += fmt.Sprintf(", %s changed", plural(c.flagged, "flag"))
	}
	if c.removed > 0 {
		text += fmt.Sprintf(", %d removed", c.removed)
	}
	return text
}

func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case what == "mailbox":
		what += "e"
	}
	return fmt.Sprintf("%s %ss", grouped(n), what)
}

// grouped is a number with commas between its thousands.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// megabytes is a size for people, in units of 1,000.
func megabytes(octets int64) string {
	switch {
	case octets < 1_000:
		return fmt.Sprintf("%d B", octets)
	case octets < 100_000:
		return fmt.Sprintf("%.1f kB", float64(octets)/1e3)
	case octets < 100_000_000:
		return fmt.Sprintf("%.1f MB", float64(octets)/1e6)
	}
	return fmt.Sprintf("%.0f MB", float64(octets)/1e6)
}
