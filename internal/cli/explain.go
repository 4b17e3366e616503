package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailtwin/imapside/imapconn"
	"mailtwin/internal/config"
	"mailtwin/mirror"
)

// A scene is what is known where something fails.
type scene struct {
	pair  string
	ends  [2]config.Repository
	line  commandLine
	state string // the directory with the pair's state
	// urls says that the ends were given as URLs, and stand in no configuration.
	urls bool
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// A saying is the words for an error. Both formats are for fill.
type saying struct {
	is         error
	what, hint string
}

// Finer than the sentinels, for sayings: see matches.
var (
	errCommandFailed = errors.New("the password command failed")
	errLockedByPID   = errors.New("the lock's holder is known")
	errRootGone      = errors.New("there is nothing where the root was")
	errOtherMarker   = errors.New("a Maildir has another id")
	errAny           = errors.New("any error")
)

// matches reports whether s is for err, which end is to blame for.
func (s saying) matches(err error, end config.Repository) bool {
	var held *mirror.LockedError
	var secret *config.SecretError
	switch s.is {
	case errCommandFailed:
		return errors.As(err, &secret)
	case errLockedByPID:
		return errors.As(err, &held) && held.PID != 0
	case errRootGone:
		return errors.Is(err, mirror.ErrRootMissing) && errors.Is(err, fs.ErrNotExist)
	case errOtherMarker:
		// The side itself says so; another name in the configuration is found
		// before it is asked.
		var at *mirror.Error
		return end.Maildir != nil && errors.Is(err, mirror.ErrOtherIdentity) && errors.As(err, &at) && at.Op == "connect"
	case errAny:
		return true
	}
	return errors.Is(err, s.is)
}

// explain puts the error of a run into words.
func (sc scene) explain(err error) *trouble {
	var known *trouble
	if errors.As(err, &known) {
		return known
	}
	where, end := "", config.Repository{}
	var at *mirror.Error
	if errors.As(err, &at) {
		where, end = place(at.Side, at.Mailbox, "")+": ", sc.ends[at.Side]
	}
	i := slices.IndexFunc(sayings, func(s saying) bool { return s.matches(err, end) })
	values, hint := sc.values(sayings[i].is, end, err), sayings[i].hint
	if sc.urls {
		hint = inURLs.Replace(hint)
	}
	return &trouble{what: where + fill(sayings[i].what, values), hints: []string{fill(hint, values)}, exit: mirror.Exit(mirror.Result{}, err)}
}

// values are what stands for the words in braces in a saying.
func (sc scene) values(is error, end config.Repository, err error) map[string]string {
	v := map[string]string{
		"host": host(end), "repo": end.Name, "pair": sc.pair, "state": strconv.Quote(sc.state), "wire": wire(err), "error": placeless(err),
		"again": runAgain, "renew": fmt.Sprintf(giveNewName, sc.pair), "later": later, "held": "",
	}
	if sc.urls {
		v["renew"] = newTarget
		if end.IMAP != nil || end.Maildir != nil {
			v["url"] = strconv.Quote(end.URL())
		}
	}
	_, v["rest"], _ = strings.Cut(err.Error(), is.Error())
	if a := end.IMAP; a != nil {
		v["user"], v["port"] = strconv.Quote(a.User), strconv.Itoa(a.Port)
	}
	if d := retryAfter(err); d > 0 {
		v["later"] = fmt.Sprintf(inAWhile, d.Round(time.Second))
	}
	var held *mirror.LockedError
	if errors.As(err, &held) {
		v["pid"], v["held"] = strconv.Itoa(held.PID), fmt.Sprintf(itHolds, held.What)
	}
	var secret *config.SecretError
	if errors.As(err, &secret) {
		v["secret"] = secret.Error()
	}
	var certificate *imapconn.CertificateError
	if errors.As(err, &certificate) {
		v["check"], v["fingerprint"] = checks[certificate.Check], strconv.Quote(certificate.Fingerprint)
		// Who did not sign it, package x509 can only guess at.
		if certificate.Err != nil && certificate.Check != imapconn.CheckAuthority {
			v["check"] += fmt.Sprintf(" (%v)", certificate.Err)
		}
	}
	return v
}

// fill puts values in place of the words in braces. What a value holds is not
// looked at again.
func fill(format string, values map[string]string) string {
	var pairs []string
	for key, value := range values {
		pairs = append(pairs, "{"+key+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(format)
}

// host names an end as the user knows it: the server, or the directory.
func host(end config.Repository) string {
	switch {
	case end.IMAP != nil:
		return strconv.Quote(end.IMAP.Host)
	case end.Maildir != nil:
		return strconv.Quote(end.Maildir.Path)
	}
	return ""
}

// wire is what a server, or the connection to it, said: verbatim, without the
// words of ours around it.
func wire(err error) string {
	var conn *imapconn.ConnError
	if errors.As(err, &conn) {
		switch {
		case conn.Bye != nil:
			return fmt.Sprintf("%v: %s", conn.Kind, serverWords(conn.Bye))
		case conn.Err != nil && conn.Kind != imapconn.ErrRefused:
			return fmt.Sprintf("%v: %v", conn.Kind, conn.Err)
		}
		return conn.Kind.Error()
	}
	var status *imapconn.StatusError
	if errors.As(err, &status) {
		return serverWords(status)
	}
	return placeless(err)
}

// placeless is an error's text without the place, which stands before it.
func placeless(err error) string {
	var at *mirror.Error
	if errors.As(err, &at) {
		return fmt.Sprintf("%s: %v", at.Op, at.Err)
	}
	return err.Error()
}

func serverWords(s *imapconn.StatusError) string {
	words := *s
	words.Command = ""
	return words.Error()
}

// tidy takes out of a problem's reason what was said twice on its way up. The
// server's words, at its end, stay as they are.
func tidy(reason string) string {
	reason = strings.Replace(reason, mirror.ErrNotDone.Error()+": ", "", 1)
	if op, rest, found := strings.Cut(reason, ": "); found && strings.HasPrefix(rest, op+": ") {
		return rest
	}
	return reason
}

// bare is an error of a file without the path, which stands before it.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// retryAfter is the pause that a server asked for; 0 where it did not.
func retryAfter(err error) time.Duration {
	var retry *mirror.RetryError
	if errors.As(err, &retry) {
		return retry.After
	}
	return 0
}

// stoppedBySignal reports whether ctx ended because of a signal.
func stoppedBySignal(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errInterrupted) }
