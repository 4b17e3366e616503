package maildir

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

// numbering gives UIDs to the messages of one mailbox. A Maildir keeps none:
// they are counted from what the state knows. All handles of a mailbox share
// one numbering, and so does a Move into it.
type numbering struct {
	mu   sync.Mutex
	next imap.UID
	// given are the UIDs given out in this run, by base.
	given map[string]imap.UID
}

// raise makes next no smaller than uid.
func (n *numbering) raise(uid imap.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = max(n.next, uid, 1)
}

// number returns the UID of a base that the state does not know.
func (n *numbering) number(base string) imap.UID {
	n.mu.Lock()
	defer n.mu.Unlock()
	uid, found := n.given[base]
	if !found {
		uid = n.next
		n.next++
		n.given[base] = uid
	}
	return uid
}

// bind says that base got the UID that was reserved for it, perhaps in another
// run.
func (n *numbering) bind(base string, uid imap.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.given[base] = uid
	n.next = max(n.next, uid+1)
}

func (n *numbering) uidNext() imap.UID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.next
}

// reserve returns count refs that nobody else has.
func (n *numbering) reserve(count int, now time.Time) []mirror.Ref {
	refs := make([]mirror.Ref, count)
	for i := range refs {
		base := newBase(now)
		refs[i] = mirror.Ref{UID: n.number(base), Base: base}
	}
	return refs
}

// numbering returns the numbering of a mailbox.
func (r *Repository) numbering(name mirror.Name) *numbering {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.numberings[name]
	if n == nil {
		n = &numbering{next: 1, given: map[string]imap.UID{}}
		r.numberings[name] = n
	}
	return n
}

// delivered counts the bases made by this process.
var delivered atomic.Uint64

// newBase returns a base as the Maildir format asks for: time, what is unique
// on this host, and the host. It holds neither UID nor size.
func newBase(now time.Time) string {
	return fmt.Sprintf("%d.M%dP%dQ%dR%s.%s", now.Unix(), now.Nanosecond()/1000, os.Getpid(), delivered.Add(1), randomHex(8), hostName())
}

// ownBase recognises the bases that newBase made on this host.
var ownBase = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d+\.M\d+P\d+Q\d+R[0-9a-f]{16}\.` + regexp.QuoteMeta(hostName()) + `$`)
})

// hostName returns the host as it stands in file names.
var hostName = sync.OnceValue(func() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return escapeHost(host)
})

// escapeHost writes what a file name cannot hold as octal.
func escapeHost(host string) string {
	return strings.NewReplacer("/", `\057`, ":", `\072`).Replace(host)
}

// randomHex returns n random octets in hexadecimal.
func randomHex(n int) string {
	octets := make([]byte, n)
	rand.Read(octets) // never fails; see crypto/rand
	return hex.EncodeToString(octets)
}
