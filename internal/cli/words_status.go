package cli

import (
	"fmt"
	"strings"
	"time"

	"mailtwin/internal/config"
	"mailtwin/mirror"
)

// Status, mailboxes, configuration, version.

const neverRan = "no run has come to its end yet"

// words tell the status of a pair.
func (s *pairStatus) words(now time.Time) []string {
	lines := []string{pairLine(s.pair.Name, neverRan)}
	if s.last != nil {
		lines[0] = pairLine(s.pair.Name, fmt.Sprintf("last run that changed anything ended %s (%s) with exit %d: %s",
			clock(s.last.End), ago(s.last.End, now), s.last.Exit, outcome(mirror.Result{Summary: s.last.Summary}, mirror.ExitDone)))
	}
	add := func(n int, one, many string) {
		if n > 0 {
			lines = append(lines, "  "+count(n, noun{one, many}))
		}
	}
	add(s.records, "message paired", "messages paired")
	add(len(s.intents), "copy or removal not certain yet; the next run looks for it", "copies or removals not certain yet; the next run looks for them")
	add(len(s.tombs), `message marked \Deleted and not expunged, as the server cannot expunge single messages`, `messages marked \Deleted and not expunged, as the server cannot expunge single messages`)
	add(s.held, "message held: a server announced its copy and does not show it", "messages held: a server announced their copies and does not show them")
	for _, q := range s.quarantine {
		lines = append(lines, fmt.Sprintf("  left out: %s: %s", place(q.Side, q.Mailbox, s.ref(q)), q.Reason), "    "+trials(q))
	}
	return append(lines, fmt.Sprintf("  state: %q", s.dir), fmt.Sprintf("  undo store: %q", s.undo))
}

func trials(q mirror.Quarantined) string {
	if q.Next.IsZero() {
		return fmt.Sprintf("since %s, not tried again", clock(q.Since))
	}
	return fmt.Sprintf("since %s, tried %s, again from %s on", clock(q.Since), count(q.Tries, noun{"time", "times"}), clock(q.Next))
}

var mailboxColumns = []string{"mailbox", "role", "messages", "subscribed"}

const (
	yes           = "yes"
	noMailHere    = "–"
	unknownNumber = "?"
)

func inRepository(repo, what string) string {
	return fmt.Sprintf("repository %s: %s", repo, strings.TrimPrefix(what, "far: "))
}

func refusedName(repo string, r mirror.RefusedName) *trouble {
	return &trouble{what: fmt.Sprintf("repository %s: mailbox %q cannot be mirrored: %v", repo, r.Raw, r.Err), hints: []string{problemHint(mirror.ErrName.Error())}}
}

func noMaildir(path string, err error) error {
	return &trouble{what: fmt.Sprintf("%q: %v", path, bare(err)), hints: []string{"check path; the first sync of a pair makes the directory"}, exit: mirror.ExitFailed}
}

func configRead(file string, pairs int) string {
	return fmt.Sprintf("%s: read and found right; %s", file, count(pairs, wordPair))
}

// pairWords show a pair as understood, defaults filled in.
func pairWords(p config.Pair) []string {
	direction := ""
	if p.Direction != "" {
		direction = ", " + string(p.Direction)
	}
	lines := []string{
		"", fmt.Sprintf("pair %s: %s%s", p.Name, p.Mode, direction),
		"  far   " + endWords(p.Far),
		"  near  " + endWords(p.Near),
		fmt.Sprintf("  mailboxes %q%s, deletions %s, settle %s", p.Patterns, subscribedOnly(p), p.Deletions, p.Settle),
		"  changes that travel: " + travels(p),
	}
	for _, rule := range strings.Split(p.Rules.String(), "\n") {
		if rule != "" {
			lines = append(lines, "  near = far: "+rule)
		}
	}
	if p.Search.Text != "" {
		lines = append(lines, "  copied from far only: what its server finds for "+p.Search.Text)
	}
	if window := windowWords(p.Window); window != "" {
		lines = append(lines, "  copied only: messages "+window)
		if p.Prune {
			lines[len(lines)-1] += "; near copies of others are taken off"
		}
	}
	return lines
}

// windowWords are what bounds the messages that are copied, "" for nothing.
func windowWords(w config.Window) string {
	var parts []string
	add := func(is bool, format string, args ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(w.MaxAge > 0, "of the last %s", count(int(w.MaxAge/time.Hour), noun{"hour", "hours"}))
	if days := int(w.MaxAge / (24 * time.Hour)); w.MaxAge > 0 && w.MaxAge%(24*time.Hour) == 0 {
		parts[0] = "of the last " + count(days, noun{"day", "days"})
	}
	add(!w.Since.IsZero(), "since %s", w.Since.Format(time.DateOnly))
	add(!w.Before.IsZero(), "before %s", w.Before.Format(time.DateOnly))
	add(w.MaxSize > 0, "of at most %s", size(w.MaxSize))
	add(w.Last > 0, "among the last %d of their mailbox", w.Last)
	return strings.Join(parts, ", ")
}

func subscribedOnly(p config.Pair) string {
	if p.Subscribed {
		return " if subscribed"
	}
	return ""
}

func endWords(end config.Repository) string {
	if m := end.Maildir; m != nil {
		return fmt.Sprintf("%s: Maildir %q, layout %s, names %s", end.Name, m.Path, m.Layout, m.Names)
	}
	a := end.IMAP
	return fmt.Sprintf("%s: IMAP %q, port %d, tls %s, user %q", end.Name, a.Host, a.Port, a.TLS, a.User)
}

const unknownVersion = "(unknown)"

func versionLine(v jsonVersion) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", programName, v.Version, v.Go, v.OS, v.Arch)
}
