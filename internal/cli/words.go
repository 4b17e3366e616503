package cli

// This file holds the words for the user: every line that a person reads is
// made here, and nowhere else.
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
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailtwin/imapside/imapconn"
	"mailtwin/internal/config"
	"mailtwin/mirror"
	"mailtwin/nametrans"
	"mailtwin/statedb"
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

// Results.

const (
	nothingToDo    = "nothing to do"
	nothingChanged = "nothing changed"
	inAll          = "in all: "
)

// A noun is a word behind a number.
type noun struct{ one, many string }

var (
	wordMessage = noun{"message", "messages"}
	wordCopy    = noun{"copy", "copies"}
	wordPair    = noun{"pair", "pairs"}
	wordProblem = noun{"problem", "problems"}
	wordCreated = noun{"new mailbox", "new mailboxes"}
	wordFlagged = noun{"flag change", "flag changes"}
	wordMoved   = noun{"moved", "moved"}
	wordRemoved = noun{"removed", "removed"}
	wordPending = noun{`marked \Deleted, not expunged`, `marked \Deleted, not expunged`}
)

func ofSize(what string, octets int64) string { return fmt.Sprintf("%s (%s)", what, size(octets)) }

func oneWay(to mirror.Side, what string) string {
	return fmt.Sprintf("%s → %s %s", to.Other(), to, what)
}

func pairedWords(n int) string {
	return fmt.Sprintf("paired %s that both sides had", count(n, wordMessage))
}

// ending says how a run ended that did not do everything.
func ending(exit, problems int) string {
	switch exit {
	case mirror.ExitStopped:
		return "stopped"
	case mirror.ExitPartly:
		return count(problems, wordProblem)
	}
	return "not finished"
}

func pairLine(pair, text string) string { return pair + ": " + text }

// Actions.

// deed is one action in words. {ref} is the message, by UID or file and never
// by its subject, {where} the mailbox that is changed, {from} the one on the
// other side.
var deed = map[mirror.Kind]string{
	mirror.Create:     "create {where}{role}",
	mirror.Copy:       "copy {ref} of {from} to {where} ({size})",
	mirror.MoveTo:     "move {ref} of {where} to {target}",
	mirror.SetFlags:   "flags of {ref} in {where}:{flags}",
	mirror.Remove:     "remove {ref} from {where}",
	mirror.Pair:       "pair {ref} of {from} with its equal in {where}",
	mirror.Quarantine: "leave out {ref} of {from}: {reason}",
	mirror.Wait:       "wait for a copy of {ref} that may still arrive in {where}",
	mirror.Drop:       "forget {ref} of {where}, gone on both sides",
	mirror.Rebind:     "note the new name of {ref} in {where}",
	mirror.Confirm:    "note that the copy {ref} is in {where}",
	mirror.Depart:     "note that {ref} is gone from {where}",
	mirror.Hold:       "hold {ref}: {reason}",
	mirror.Prune:      "take {ref} off {where}: {reason}",
	mirror.Release:    "forget {ref} of {where}, gone and outside the window",
	mirror.Settled:    "note that an earlier copy to {where} is settled",
	mirror.Ghost:      "note {ref} of {where}: {reason}",
}

// deeds is a group of like actions. Those that only note something are left
// out.
var deeds = map[mirror.Kind]string{
	mirror.Create:     "create {where}",
	mirror.Copy:       "copy {messages} ({size}) to {where}",
	mirror.MoveTo:     "move {messages} of {where} to {target}",
	mirror.SetFlags:   "change flags of {messages} in {where}",
	mirror.Remove:     "remove {messages} from {where}",
	mirror.Prune:      "take {messages} off {where} that left the window",
	mirror.Pair:       "pair {messages} that both sides have in {mailbox}",
	mirror.Quarantine: "leave out {messages} of {from}",
	mirror.Wait:       "wait for {messages} that may still arrive in {where}",
	mirror.Hold:       "hold {messages} of {where}, announced and not shown",
	mirror.Ghost:      "note {messages} of {where} that arrived after all",
}

// The first run.

func firstRun(p config.Pair, state, undo string) []string {
	lines := []string{fmt.Sprintf("first run; what mailtwin remembers of this pair lies in %q (losing it loses no mail)", state)}
	policy := policyOf(p)
	ends := [2]config.Repository{p.Far, p.Near}
	for _, s := range mirror.Sides {
		lines = append(lines, fmt.Sprintf("a message removed on %s %s", s.Other(), fate(policy, s, ends[s], undo)))
	}
	return lines
}

// unitedWords tell of a first run between two sides that both held mail: also
// that of a pair whose state was lost without a trace.
func unitedWords(n int) string {
	return fmt.Sprintf("both sides held mail before this first run; %s paired by content, nothing removed", count(n, wordMessage))
}

// fate says what becomes of a message on side s once it is gone on the other.
func fate(policy mirror.Policy, s mirror.Side, end config.Repository, undo string) string {
	switch {
	case !policy.Gone.Allows(s) || policy.Deletions == mirror.DeleteNothing:
		return fmt.Sprintf("stays on %s", s)
	case policy.Deletions == mirror.DeleteForGood:
		return fmt.Sprintf("is removed on %s for good", s)
	case end.Maildir != nil:
		return fmt.Sprintf("goes from %s to the undo store %q, for at least 30 days", s, undo)
	}
	return fmt.Sprintf("goes to the trash mailbox of %s", s)
}

// Copy.

const inAllMailboxes = "in all"

var reportColumns = []string{"mailbox", "far", "", "near", "", "copied", "left out"}

func leftLine(left reportMessage) string {
	return fmt.Sprintf("not copied: %s (%s): %s", place(mirror.Far, "", inMailbox(left)), size(left.Octets), left.Reason)
}

func inMailbox(left reportMessage) string {
	return fmt.Sprintf("mailbox %q %s", left.Mailbox, refWords(mirror.Ref{UID: mirror.UID(left.UID), Base: left.File}))
}

func reportIn(path string) string {
	return pairLine(copyName, fmt.Sprintf("the report as a page: %q", path))
}

func copyRemembers(state string) string {
	return fmt.Sprintf("what mailtwin remembers of this copy, to go on from there, lies in %q; it can be removed once you are done", state)
}

func passwordOf(s mirror.Side, a *config.IMAP) string {
	return fmt.Sprintf("%s: password of %s at %s: ", s, a.User, a.Host)
}

func noPassword(s mirror.Side, a *config.IMAP) error {
	return usage(fmt.Sprintf("give --%s-password-command COMMAND, or run it on a terminal, where it is asked for", s), "%s: there is no password for %q at %q", s, a.User, a.Host)
}

func noPasswordCommand(s mirror.Side) error {
	return usage(fmt.Sprintf("such as --%s-password-command 'pass show mail/work'; it is split as a shell splits words, and run without a shell", s),
		"--%s-password-command cannot be split into words", s)
}

func noReport(path string, err error) *trouble {
	return &trouble{what: fmt.Sprintf("report %q: %v", path, bare(err)), hints: []string{"the copy itself is not concerned; name another file with --report FILE, and run it again"}}
}

func noSource(path string, err error) *trouble {
	return &trouble{what: fmt.Sprintf("far: Maildir %q: %v", path, bare(err)), hints: []string{"check the path; nothing was copied"}, exit: mirror.ExitFailed}
}

var (
	sameEnds        = usage("name two different places", "far and near are the same place, or one lies in the other")
	copyHasNoConfig = usage("copy takes all it needs from the two URLs; leave --config out", "copy reads no configuration")
)

func flagOfCopy(name string) error {
	return usage("leave it out", "--%s means something with copy only", name)
}

// Progress.

const (
	phaseConnecting = "connecting …"
	phaseViewing    = "looking at %s …"
	phaseComparing  = "comparing %s of %s …"
	phaseSettling   = "waiting %s for %s that may still arrive …"
	barCounts       = "%s: %d of %s  %s of %s "
	barRate         = " %s/s, %s left"
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

// Notes: to know, nothing to do.

const interrupting = "interrupted; ending in good order (again: at once)"

func stateRebuilt(r *statedb.Rebuilt) string {
	return fmt.Sprintf("the state was not usable (%v); it was set aside as %q and both sides are paired anew by content, nothing is removed in this run", r.Reason, r.Aside)
}

func serverAlert(s mirror.Side, text string) string {
	return fmt.Sprintf("%s: the server says: %s", s, text)
}

func inPair(pair, text string) string { return fmt.Sprintf("pair %s: %s", pair, text) }
func asHint(text string) string       { return "hint: " + text }

// Stops.

// stopped are the words for the rails: mail is missing on {side}, and {other}
// is spared.
var stopped = map[mirror.Rail]string{
	mirror.RailEmptySide:    "stopped: {side} shows no message and had {of}; nothing was removed on {other}",
	mirror.RailMailboxes:    "stopped: {side} no longer lists {count} of the {of} mailboxes that it had; nothing was removed on {other}",
	mirror.RailMailbox:      "stopped: {count} of the {of} messages of {where} are gone; none of them was removed on {other}",
	mirror.RailSide:         "stopped: {count} of the {of} messages of {side} are gone; none of them was removed on {other}",
	mirror.RailWrongAccount: "stopped: both sides hold mail, and of the {of} messages of the smaller one only {count} are on the other; nothing was changed",
}

// stillStopped are the words for a stop that stands since an earlier run.
const stillStopped = "stopped: {count} of the {of} messages of {side} are still gone since an earlier stop; none of them was removed on {other}"

// unintended is the hint for somebody who did not mean it.
func (sc scene) unintended(s mirror.Stop) string {
	if s.Rail == mirror.RailWrongAccount {
		return fmt.Sprintf("are these two the same account? see far = %q and near = %q in [pair.%s]", sc.ends[mirror.Far].Name, sc.ends[mirror.Near].Name, sc.pair)
	}
	if m := sc.ends[s.Side].Maildir; m != nil {
		return fmt.Sprintf("if nobody removed them: look whether %q is the right directory, its disk mounted and its mail there; put it back and run again", m.Path)
	}
	return "if nobody removed them: look at the account with another mail program; once the messages show again, run again"
}

// The hint for somebody who did: the whole command.
const (
	intendedAny  = "if it is right: %s"
	intendedOne  = "to remove exactly these %s on %s as well: %s"
	intendedBoth = "to remove exactly these %d messages on far and %d on near: %s"
)

const otherToken = "the token given with --confirm is for another set: what would be removed has changed since"

// Failures.

// sayings are the words for the errors that end a run; the first that matches
// holds. "far: " or "near: " stands before them. In braces: {host} the server
// or directory, {port}, {user}, {repo} and {pair} the names of their tables,
// {wire} what the server or the connection said, {rest} what the error says
// behind its sentinel, {state} the state's directory, {pid} and {held} of who
// holds the lock, {later} when to come back, {again} and {renew} as below.
var sayings = []saying{
	{errCommandFailed, "{secret}", "run the command by hand; under cron it has no terminal, a short PATH and no keyring"},
	{mirror.ErrCertificate, "the certificate of {host} is not valid: {check}", "no password was sent; only if this is the certificate that your server should show, write into [repository.{repo}]: tls_fingerprint = {fingerprint}"},
	{mirror.ErrSignIn, "{host} refused to sign in {user}: {wire}", "one attempt was made, no mail was changed; check user and password in [repository.{repo}] (many providers want an app password)"},
	{mirror.ErrUnreachable, "cannot reach {host}, port {port}: {wire}", "no mail was changed; check the network, and host, port and tls in [repository.{repo}], then run it again"},
	{mirror.ErrCut, "lost the connection to {host}: {wire}", "{again}"},
	{mirror.ErrPaused, "{host} asked for a pause{rest}", "nothing was sent to it; run it again {later}, or with --full to try at once"},
	{mirror.ErrThrottled, "{host} asks to come back later: {wire}", "run it again {later}: it goes on where it stopped"},
	{mirror.ErrOverQuota, "over quota: {wire}", "make room in this account, then run it again"},
	{mirror.ErrBusy, "in use by another program: {wire}", "run it again when that program is done"},
	{mirror.ErrProtocol, "{host} does not speak as IMAP should: {wire}", "check port and tls in [repository.{repo}]; else run it again with --trace FILE and report what the file shows"},
	{mirror.ErrFull, "{wire}", "make room on the disk, then run it again"},
	{errLockedByPID, "another run is at work: process {pid}{held}", "wait until process {pid} ends; this one did nothing"},
	{mirror.ErrLocked, "another run is at work{held}", "wait until it ends; this one did nothing"},
	{errRootGone, "the Maildir {host} is missing, and it was there at the last run", "nothing was removed anywhere; mount its disk or rename it back, then run again; if it is gone for good, {renew}"},
	{mirror.ErrRootMissing, "the Maildir {host} is not the one of the last run{rest}", "nothing was removed anywhere; mount its disk or rename it back, then run again; if it is gone for good, {renew}"},
	{errOtherMarker, "the Maildir {host} is not the one of the last run: it has another .mailtwin-id", "nothing was removed anywhere; mount its disk or rename it back, then run again; if it is gone for good, {renew}"},
	{mirror.ErrOtherIdentity, "this is not the repository of the last run{rest}", "nothing was changed; set it back, or {renew}"},
	{mirror.ErrNames, "mailbox names are kept in another encoding{rest}", "add that line to [repository.{repo}]; nothing was changed"},
	{mirror.ErrStateNewer, "the state was written by a newer mailtwin", "use that one; the state in {state} was left as it is"},
	{mirror.ErrStateBroken, "the state is broken{rest}", "a sync sets it aside and pairs both sides anew by content; no mail is lost"},
	{mirror.ErrStopped, "stopped{rest}", "nothing was removed; run it again with --full, and report it if it stays"},
	{statedb.ErrExposed, "{error}", "take the right to write from group and others (chmod go-w), or set $MAILTWIN_STATE to a directory of your own"},
	{mirror.ErrDenied, "{wire}", "the account or the file system does not allow it; what was done before stays done"},
	{errAny, "{error}", "what was done stays done; {again}, and with --trace FILE if it fails again"},
}

const (
	runAgain    = "run it again: it goes on where it stopped"
	giveNewName = "give [pair.%s] a new name: a new pair unites both sides and removes nothing"
	later       = "later"
	itHolds     = " (it holds %q)"
	inAWhile    = "in %s"
)

// inURLs says in hints where a setting stands when there is no configuration. In
// braces: {url} of the end that is to blame.
var inURLs = strings.NewReplacer(
	", write into [repository.{repo}]: tls_fingerprint = {fingerprint}", ", write ?tls_fingerprint={fingerprint} behind {url}",
	"add that line to [repository.{repo}]", "write ?names=utf-7 behind {url}",
	" in [repository.{repo}]", " in {url}",
)

const newTarget = "copy to another place"

var sayInterrupted = trouble{what: "interrupted", hints: []string{runAgain}, exit: mirror.ExitTemporary}

// checks are the checks of a certificate, as they failed.
var checks = map[imapconn.CertificateCheck]string{
	imapconn.CheckAuthority:   "no authority that this machine trusts signed it",
	imapconn.CheckName:        "it is for another host",
	imapconn.CheckDates:       "it has expired, or is not valid yet",
	imapconn.CheckFingerprint: "it is not the one that tls_fingerprint pins",
	imapconn.CheckOther:       "it cannot be checked",
}

// Problems: what a run left out.

// problemHints say what to do about messages and mailboxes that were left out.
// A problem is kept as text in the state, so it is known by its sentinel's.
var problemHints = []struct {
	is   error
	hint string
}{
	{mirror.ErrTooBig, "the other side takes no message of this size; it stays where it is, the rest goes on, and it is tried again after a growing pause"},
	{mirror.ErrRefused, "the message stays where it is, the rest goes on, and it is tried again after a growing pause"},
	{mirror.ErrEmptyBody, "the server lists this message and gives no body for it; look at it with another mail program"},
	{mirror.ErrShortBody, "the server gives less of this message than it announced; look at it with another mail program"},
	{mirror.ErrNUL, "IMAP cannot carry this message; it stays where it is"},
	{mirror.ErrGone, "it was removed while this run was at work; the next run sees to it"},
	{mirror.ErrTogether, "it is sent alone as soon as it is certain that it is not there"},
	{mirror.ErrFlagRefused, "the flag stays on the other side and is not asked for again"},
	{mirror.ErrNoMailbox, "it went away while this run was at work; run it again"},
	{mirror.ErrName, `rename the mailbox, or leave it out with "!NAME" in mailboxes`},
	{mirror.ErrRenumbered, "run it again: the mailbox is paired anew by content, nothing is removed"},
	{mirror.ErrOverQuota, "make room in this account, then run it again"},
	{mirror.ErrBusy, "run it again when that program is done"},
	{mirror.ErrDenied, `ask for the right to it, or leave the mailbox out with "!NAME" in mailboxes; the others went on`},
	{mirror.ErrNotDone, "nothing was done about it; the next run tries again"},
	{errOtherOrigin, "set the rules back, or give the pair a new name: a new pair unites both sides and removes nothing"},
	{errMissingMailbox, "if it was removed or renamed on purpose, do the same on the other side; until then its mail is left alone"},
	{errRefusedFlags, "they stay on the other side and are not asked for again"},
}

// What the planner and the executor say of problems that have no sentinel.
var (
	errMissingMailbox = errors.New("mailbox is missing")
	errRefusedFlags   = errors.New("flags that this side does not store")
	errOtherOrigin    = errors.New("is now paired with ")
)

// stoppedByRules are the reasons why rules stop mailboxes.
var stoppedByRules = []nametrans.Reason{nametrans.ReasonShared, nametrans.ReasonNoReturn, nametrans.ReasonSpelling,
	nametrans.ReasonRoleTwice, nametrans.ReasonTwoRules, nametrans.ReasonNoName}

func problemHint(reason string) string {
	if slices.ContainsFunc(stoppedByRules, func(r nametrans.Reason) bool { return strings.Contains(reason, string(r)) }) {
		return "change the rules in [pair.NAME.nametrans], or rename one of the mailboxes; nothing of them was touched"
	}
	for _, p := range problemHints {
		if strings.Contains(reason, p.is.Error()) {
			return p.hint
		}
	}
	return `it is left as it is on both sides, the rest went on; "mailtwin status" lists what waits`
}

func problemLine(p mirror.Problem, ref string) string {
	return place(p.Side, p.Mailbox, ref) + ": " + tidy(p.Reason)
}

func notCertain(n int) *trouble {
	return &trouble{what: count(n, noun{"copy is", "copies are"}) + " not certain yet: the server has not shown what became of it", hints: []string{runAgain}}
}

// The demo.

const (
	demoFirst    = "first sync, into a Maildir that is not there yet:"
	demoAgain    = "sync again:"
	demoChange   = "meanwhile other programs change both sides:"
	demoCarry    = "sync, with --verbose:"
	demoTrash    = "what was removed on near lies in the trash of far now, a mailbox like any other; sync:"
	demoNewMail  = `a new message in "INBOX"`
	demoNewList  = `a new message in "Lists/go-nuts"`
	demoAnswered = `the newest message of "旅行" answered`
	demoExpunged = `the newest message of "Архив/2024" expunged`
	demoWritten  = `a draft written to "Entwürfe"`
	demoFlagged  = `the newest file of "Projects/2026/Haus" flagged`
	demoMoved    = `the newest file of "Sent" moved to "Архив/2024"`
	demoUnlinked = `the newest file of "Lists/imap" removed`
)

var errNotEmpty = errors.New("it is not empty")

func demoServerUp(port, messages, mailboxes int) string {
	return fmt.Sprintf("an IMAP server runs in this process, on 127.0.0.1 port %d: %d made-up messages in %d mailboxes (far)", port, messages, mailboxes)
}

func demoChanged(side mirror.Side, what string) string {
	return fmt.Sprintf("    %-4s  %s", side, what)
}

func demoEqual(messages, mailboxes int) string {
	return fmt.Sprintf("read with other eyes, both sides hold the same %d messages in %d mailboxes: same octets, flags and dates", messages, mailboxes)
}

func demoPlaces(dir, mail, state, undo string) []string {
	return []string{"", "look at:", "    the Maildir        " + shellWord(mail), "    the configuration  " + shellWord(filepath.Join(dir, "config.toml")),
		"    the state          " + shellWord(state), "    the undo store     " + shellWord(undo), "when done: rm -r " + shellWord(dir)}
}

func demoFailed(err error) *trouble {
	var known *trouble
	if errors.As(err, &known) {
		return known
	}
	return &trouble{what: fmt.Sprintf("the demo went wrong: %v", err), hints: []string{"please report this, with the lines above"}, exit: mirror.ExitFailed}
}

func demoNoDir(dir string, err error) error {
	return usage("name a directory that is empty or not there yet", "demo in %q: %v", dir, err)
}

func demoUnexpected(exit int, got, want string) error {
	return fmt.Errorf("the sync ended with exit %d and did %q instead of %q", exit, got, want)
}

func demoDiffers(mailbox string, far, near int) error {
	return fmt.Errorf("mailbox %q differs: far has %d messages, near has %d", mailbox, far, near)
}

// Help.

const aboutProgram = "keeps two mail repositories alike, IMAP or Maildir"

var aboutCommand = map[string]string{
	"sync":         "carry changes both ways; no PAIR means all",
	"plan":         "show what sync would do, and do nothing (sync --dry-run)",
	"copy":         "copy all mail of FAR that NEAR lacks, and report; URLs such as imaps://ann@imap.example.org or maildir:~/Mail",
	"status":       "last run, what waits or was left out, where the state lies; no network",
	"mailboxes":    "list a repository's mailboxes, and change nothing",
	"config check": "read the configuration and show it as understood; no network",
	"demo":         "show a whole life on an in-process server, in DIR or a temporary directory",
	"version":      "print the version",
}

var aboutFlag = map[string]string{
	"config":                "configuration `FILE` (else $MAILTWIN_CONFIG, else ~/.config/mailtwin/config.toml)",
	"json":                  "one JSON object a line on stdout, the last is the summary",
	"quiet":                 "say nothing but what went wrong",
	"verbose":               "one line for each action, and a line when there was nothing to do",
	"trace":                 "append what goes over the wire to `FILE`, without passwords",
	"dry-run":               "plan, and change nothing",
	"full":                  "compare everything, whatever could be saved, and try though a server asked for a pause",
	"far-password-command":  "copy: the `COMMAND` that prints FAR's password, split as a shell does and run without one (else it is asked for)",
	"near-password-command": "copy: the `COMMAND` for NEAR's password",
	"report":                "copy: write the report as a page to `FILE` (else beside the state)",
	"confirm":               "allow exactly what a stop withheld; it shows the `TOKEN`",
}

const helpProgram = `mailtwin {{.Usage}}

usage: mailtwin [flags] command [arguments]; flags may also stand behind the command

commands:
{{- range .VisibleCommands}}{{if .Subcommands}}{{$first := .Name}}{{range .Subcommands}}{{if ne .Name "help"}}
  {{printf "%-18s" (printf "%s %s" $first .Name)}} {{.Usage}}{{end}}{{end}}{{else}}
  {{printf "%-18s" (printf "%s %s" .Name .ArgsUsage)}} {{.Usage}}{{end}}{{end}}

flags:
{{- range .VisibleFlags}}
  {{.}}{{end}}

exit codes:
  0  done
  1  failed: sign-in, certificate, …
  2  command line or configuration
  3  done, but some messages or mailboxes were left out; each is named
  4  stopped before removing too much; a person must decide
  5  another run is at work
  75 temporary: network, throttled, interrupted; run it again

Under cron a run that changes nothing and goes well prints nothing; --quiet
prints nothing but what went wrong. Nothing is ever asked, but copy asks for
passwords on a terminal.
`

const helpCommand = `usage: {{.HelpName}}{{range .Subcommands}} {{.Name}}{{end}}{{with .ArgsUsage}} {{.}}{{end}}

{{.Usage}}

flags and exit codes: mailtwin --help
`
