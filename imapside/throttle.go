package imapside

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// Servers that have had enough of us say so in prose. The words are those of
// Exchange ("Request is throttled. Suggested Backoff Time: 299961
// milliseconds"), Yahoo ("[LIMIT] UID FETCH Rate limit hit"), Gmail ("Account
// exceeded command or bandwidth limits", "Too many simultaneous connections")
// and Dovecot ("Maximum number of connections from user+IP exceeded").
var (
	throttleWords = regexp.MustCompile(`(?i)throttl|rate.?limit|back-?off|bandwidth|too many (simultaneous|concurrent|requests|commands|connections|logins)|number of connections`)
	quotaWords    = regexp.MustCompile(`(?i)over.?quota|quota (is |was )?exceeded|exceeds? .*quota`)
	pauseWords    = regexp.MustCompile(`(?i)(?:wait|retry|again|back|backoff|pause)\b[^0-9]{0,40}(\d{1,9})\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|hours?)\b`)
)

// temporary returns what a refusal that will pass means, nil for any other.
func temporary(status *imapconn.StatusError) error {
	switch {
	case throttleWords.MatchString(status.Text):
		return mirror.ErrThrottled
	case status.Code == imap.ResponseCodeUnavailable:
		return mirror.ErrUnreachable
	}
	return nil
}

// pause returns the time to wait that text names, 0 where it names none.
func pause(text string) time.Duration {
	found := pauseWords.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	count, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	unit := time.Second
	switch word := strings.ToLower(found[2]); {
	case strings.HasPrefix(word, "mil"), strings.HasPrefix(word, "ms"):
		unit = time.Millisecond
	case strings.HasPrefix(word, "min"):
		unit = time.Minute
	case strings.HasPrefix(word, "h"):
		unit = time.Hour
	}
	return time.Duration(count) * unit
}
