package cli

import (
	"strings"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
	"mailtwin/statedb"
)

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
