package imapside

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// looker collects the FETCH replies of one look.
type looker struct {
	known   []mirror.KnownMessage
	seen    []glimpse // one for each of known
	next    int       // index in known of the message expected next
	arrived []arrival // in the order of the wire until settle
	flags   flagReader
}

// arrival is what was told of a message that is not known.
type arrival struct {
	mirror.Message
	flagged bool // its flags came; without them it does not count as shown
}

func newLooker(known []mirror.KnownMessage) *looker {
	return &looker{known: known, seen: make([]glimpse, len(known))}
}

// take is a FetchHandler.Message. Servers may answer in any order, twice, in
// pieces, and with messages that nobody asked for.
func (l *looker) take(msg *imapconn.FetchMessage) error {
	if msg.UID == 0 {
		return nil
	}
	if i := find(l.known, msg.UID, l.next); i >= 0 {
		if msg.Has&imapconn.HasFlags != 0 {
			l.seen[i] = glimpse{true, l.flags.read(msg.Flags)}
		}
		l.next = i + 1
		return nil
	}
	l.arrived = append(l.arrived, l.flags.arrival(msg))
	return nil
}

// arrival is what msg tells.
func (f *flagReader) arrival(msg *imapconn.FetchMessage) arrival {
	told := arrival{flagged: msg.Has&imapconn.HasFlags != 0}
	told.UID = msg.UID
	if told.flagged {
		told.Flags = f.read(msg.Flags)
	}
	describe(&told.Message, msg)
	return told
}

func (l *looker) settle() { l.arrived = merge(l.arrived) }

// merge sorts arrivals and makes one of several replies for a message: of each
// value the last one told.
func merge(arrived []arrival) []arrival {
	slices.SortStableFunc(arrived, func(a, b arrival) int { return cmp.Compare(a.UID, b.UID) })
	merged := arrived[:0]
	for _, next := range arrived {
		if last := len(merged) - 1; last >= 0 && merged[last].UID == next.UID {
			merged[last].add(next)
		} else {
			merged = append(merged, next)
		}
	}
	clear(arrived[len(merged):])
	return merged
}

func (a *arrival) add(later arrival) {
	if later.flagged {
		a.flagged, a.Flags = true, later.Flags
	}
	if later.Size != 0 {
		a.Size = later.Size
	}
	if !later.Date.IsZero() {
		a.Date = later.Date
	}
	if later.Identity.ObjectID != "" {
		a.Identity.ObjectID = later.Identity.ObjectID
	}
}

// describe fills in what msg tells of size, date and identity.
func describe(message *mirror.Message, msg *imapconn.FetchMessage) {
	if msg.Has&imapconn.HasSize != 0 {
		message.Size = msg.Size
	}
	if msg.Has&imapconn.HasInternalDate != 0 {
		message.Date = plausible(msg.InternalDate)
	}
	if id := objectID(msg); id != "" {
		message.Identity.ObjectID = id
	}
}

// plausible returns date in whole seconds, or the zero time, "not known", for
// the dates that servers make up: IceWarp's 30-Dec-1899, Gluon's 01-Jan-0001.
func plausible(date time.Time) time.Time {
	if date.Year() < 1900 {
		return time.Time{}
	}
	return date.Truncate(time.Second)
}

// objectID returns EMAILID, else X-GM-MSGID, else "".
func objectID(msg *imapconn.FetchMessage) string {
	switch {
	case msg.Has&imapconn.HasEmailID != 0:
		return msg.EmailID
	case msg.Has&imapconn.HasGmailMsgID != 0:
		return strconv.FormatUint(msg.GmailMsgID, 10)
	}
	return ""
}

// capGmail is Gmail's extension with X-GM-MSGID.
const capGmail imap.Cap = "X-GM-EXT-1"

// newItems are what a view tells of a message seen for the first time.
func (r *Repository) newItems() imapconn.FetchItems {
	return imapconn.FetchItems{
		Flags:        true,
		InternalDate: true,
		Size:         true,
		EmailID:      r.caps.Has(imap.CapObjectID),
		GmailMsgID:   r.caps.Has(capGmail),
	}
}

// below counts the messages shown with a UID less than next. It wants settle
// first, as the methods below do.
func (l *looker) below(next imap.UID) int {
	count := 0
	for i, seen := range l.seen {
		if seen.there && l.known[i].UID < next {
			count++
		}
	}
	return count + arrivedBelow(l.arrived, next)
}

func arrivedBelow(arrived []arrival, next imap.UID) (count int) {
	for i := range arrived {
		if arrived[i].flagged && arrived[i].UID < next {
			count++
		}
	}
	return count
}

func (l *looker) sight() sight {
	shown := sight{arrived: messagesOf(l.arrived)}
	for i, seen := range l.seen {
		switch known := l.known[i]; {
		case !seen.there:
			shown.missing = append(shown.missing, known.Ref)
		case !seen.flags.Equal(known.Flags):
			shown.changed = append(shown.changed, mirror.KnownMessage{Ref: known.Ref, Flags: seen.flags})
		}
	}
	shown.there = len(l.known) - len(shown.missing)
	return shown
}

// messagesOf returns the messages that count as shown.
func messagesOf(arrived []arrival) []mirror.Message {
	messages := make([]mirror.Message, 0, len(arrived))
	for i := range arrived {
		if arrived[i].flagged {
			messages = append(messages, arrived[i].Message)
		}
	}
	return messages
}

// undescribed returns the UIDs of messages that showed up where only known
// ones were expected, so that their size and date were not asked for.
func (l *looker) undescribed(upTo imap.UID) []imap.UID {
	var uids []imap.UID
	for i := range l.arrived {
		if uid := l.arrived[i].UID; uid <= upTo {
			uids = append(uids, uid)
		}
	}
	return uids
}

// flagReader makes sets of the flags in FETCH replies, most of which repeat.
type flagReader struct {
	sets    map[string]mirror.Flags
	scratch []byte
}

// maxFlagSets bounds the memory that odd flags can take.
const maxFlagSets = 4096

func (f *flagReader) read(flags []imap.Flag) mirror.Flags {
	f.scratch = f.scratch[:0]
	for _, flag := range flags {
		f.scratch = append(append(f.scratch, flag...), ' ')
	}
	if set, ok := f.sets[string(f.scratch)]; ok {
		return set
	}
	set := mirror.MakeFlags(flags...)
	if f.sets == nil || len(f.sets) >= maxFlagSets {
		f.sets = make(map[string]mirror.Flags)
	}
	f.sets[string(f.scratch)] = set
	return set
}

// leave drops what was shown of messages that are not there.
func (l *looker) leave(there func(imap.UID) bool) {
	for i, message := range l.known {
		l.seen[i].there = l.seen[i].there && there(message.UID)
	}
	l.arrived = slices.DeleteFunc(l.arrived, func(a arrival) bool { return !there(a.UID) })
}

// glimpse is what was seen of one known message.
type glimpse struct {
	there bool
	flags mirror.Flags
}

// fullLook asks for everything.
type fullLook struct {
	*looker
	asked []*imapconn.DataCommand[imapconn.FetchData]
	last  imap.UID // of the known
}

// askFully asks for the flags of every known UID and for all of every other, in
// one turn. The mailbox selected last must not be empty: "1:*" names nothing
// there, and some servers say BAD.
func (r *Repository) askFully(ctx context.Context, known []mirror.KnownMessage) fullLook {
	l := fullLook{looker: newLooker(known)}
	handler := imapconn.FetchHandler{Message: l.take}
	if len(known) > 0 {
		l.last = known[len(known)-1].UID
		l.asked = append(l.asked, r.conn.UIDFetch(ctx, imap.UIDSet{{Start: 1, Stop: l.last}}, imapconn.FetchItems{Flags: true}, handler))
	}
	if l.last != ^imap.UID(0) {
		l.asked = append(l.asked, r.conn.UIDFetch(ctx, from(l.last+1), r.newItems(), handler))
	}
	return l
}

// judge waits for the answer and asks describe about messages that showed up
// where only known ones were expected. complete says that it showed every message
// that was there when the mailbox was selected, with all that is to be known.
func (l fullLook) judge(status mirror.Checkpoint, describe func([]imap.UID) []*imapconn.DataCommand[imapconn.FetchData]) (shown sight, complete bool, err error) {
	all, err := finish(l.asked)
	if err != nil {
		return sight{}, false, err
	}
	l.settle()
	if unexpected := l.undescribed(l.last); len(unexpected) > 0 {
		asked := describe(unexpected)
		described, err := finish(asked)
		if err != nil {
			return sight{}, false, err
		}
		all = all && described && len(asked) > 0
		l.settle()
	}
	return l.sight(), all && l.below(status.UIDNext) >= int(status.Messages), nil
}

// lookFully is askFully and judge for the selected mailbox.
func (m *mailbox) lookFully(ctx context.Context, known mirror.Known, status mirror.Checkpoint) (shown sight, complete bool, err error) {
	var messages []mirror.KnownMessage
	if !renumbered(m.known, status) {
		if messages, err = known.All(); err != nil {
			return sight{}, false, err
		}
	}
	if status.Messages == 0 {
		return newLooker(messages).sight(), true, nil
	}
	look := m.repo.askFully(ctx, messages)
	return look.judge(status, func(unexpected []imap.UID) (asked []*imapconn.DataCommand[imapconn.FetchData]) {
		for _, set := range lines(unexpected) {
			asked = append(asked, m.repo.conn.UIDFetch(ctx, set, m.repo.newItems(), imapconn.FetchHandler{Message: look.take}))
		}
		return asked
	})
}

// finish waits for commands of one look. ok is false when the server refused
// one (RFC 2180 §4.1.2: NO, because another session expunged a message) or sent
// a reply that could not be read: what arrived is true but not everything.
func finish(asked []*imapconn.DataCommand[imapconn.FetchData]) (ok bool, err error) {
	ok = true
	for _, command := range asked {
		_, commandErr := command.Wait()
		switch {
		case commandErr == nil:
		case partial(commandErr):
			ok = false
		case err == nil:
			err = failure("list messages", commandErr, mirror.ErrDenied)
		}
	}
	return ok, err
}
