package cli

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailtwin/internal/config"
	"mailtwin/mirror"
	"mailtwin/statedb"
)

// A report says what a copy did, for the one whose mail it is. Counts are those of the
// state, which the last run compared with both sides.
type report struct {
	From, To     string // URLs
	Began, Ended time.Time
	// Complete says that the last run came to its end.
	Complete  bool
	Mailboxes []reportMailbox
	Left      []reportMessage
	Problems  []reportProblem // whole mailboxes that were left out
}

// reportMailbox is one mailbox on both sides.
type reportMailbox struct {
	Name     string
	Messages [2]int
	Octets   [2]int64 // with CRLF line ends, as IMAP counts them
	Copied   int      // messages of far that near has
	Left     int      // and that it has not
	Extra    int      // messages of near that far has not
}

// reportMessage is a message that was not copied.
type reportMessage struct {
	Mailbox string
	UID     uint32
	File    string // its name in a Maildir
	Date    time.Time
	Octets  int64
	Reason  string
}

// reportProblem is a mailbox that was left out, or not taken care of in full.
type reportProblem struct {
	Where, Reason string
}

const (
	leftArrived   = "it arrived while mail was copied; run it again"
	leftUncertain = "the server has not shown what became of its copy; run it again"
	leftRemoved   = "its copy was removed since; a copy is not made twice"
	leftHeld      = "the server announced its copy and does not show it"
	leftMissing   = "its mailbox is no longer on the target"
)

// newReport counts what the state holds of both sides.
func newReport(db *statedb.DB, pair config.Pair, problems []mirror.Problem) (*report, error) {
	rep := &report{From: pair.Far.URL(), To: pair.Near.URL()}
	snapshot, err := db.Load()
	if err != nil {
		return nil, err
	}
	reasons := leftReasons(snapshot)
	for _, row := range snapshot.Mailboxes {
		last := len(rep.Mailboxes) - 1
		if last >= 0 && rep.Mailboxes[last].Name == row.Name.String() {
			continue // it is the other side's row
		}
		rep.Mailboxes = append(rep.Mailboxes, reportMailbox{Name: row.Name.String()})
		if err := rep.count(db, row.Name, missing(problems, row.Name), reasons); err != nil {
			return nil, err
		}
	}
	for _, p := range problems {
		if p.UID == 0 {
			rep.Problems = append(rep.Problems, reportProblem{place(p.Side, p.Mailbox, ""), tidy(p.Reason)})
		}
	}
	return rep, nil
}

// missing tells of which side a mailbox went away, as a whole. The state remembers what
// was in it.
func missing(problems []mirror.Problem, name mirror.Name) (on [2]bool) {
	for _, p := range problems {
		if p.Mailbox == name && p.UID == 0 && strings.Contains(p.Reason, errMissingMailbox.Error()) {
			on[p.Side] = true
		}
	}
	return on
}

// leftReasons are the reasons that the state knows.
func leftReasons(snapshot mirror.Snapshot) map[mirror.MessageKey]string {
	reasons := map[mirror.MessageKey]string{}
	for _, in := range snapshot.Intents {
		if in.Kind == mirror.CopyIntent {
			reasons[mirror.MessageKey{Side: in.Side, Mailbox: in.Mailbox, UID: in.Source.UID}] = leftUncertain
		}
	}
	for _, q := range snapshot.Quarantine {
		reasons[mirror.MessageKey{Side: q.Side, Mailbox: q.Mailbox, UID: q.UID}] = tidy(q.Reason)
	}
	return reasons
}

// count counts a mailbox, the last one, and names the messages that are left.
func (rep *report) count(db *statedb.DB, name mirror.Name, missing [2]bool, reasons map[mirror.MessageKey]string) error {
	m := &rep.Mailboxes[len(rep.Mailboxes)-1]
	var paired [2][]mirror.UID // ascending, once sorted
	gone := map[mirror.UID]mirror.Confirmation{}
	var departed [2]map[mirror.UID]bool
	departed[mirror.Far], departed[mirror.Near] = map[mirror.UID]bool{}, map[mirror.UID]bool{}
	err := db.EachRecord(name, func(r mirror.Record) {
		for _, s := range mirror.Sides {
			paired[s] = append(paired[s], r.UID[s])
			if state := r.State[s]; state == mirror.Departed || state == mirror.Withheld {
				departed[s][r.UID[s]] = true
			}
		}
		if state := r.State[mirror.Near]; state != mirror.Confirmed && state != mirror.Unconfirmed {
			gone[r.UID[mirror.Far]] = state
		}
	})
	if err != nil {
		return err
	}
	slices.Sort(paired[mirror.Near])
	for _, s := range mirror.Sides {
		if missing[s] {
			continue
		}
		err := db.EachMessage(s, name, func(message mirror.Message) {
			if departed[s][message.UID] {
				return
			}
			m.Messages[s]++
			m.Octets[s] += message.Size
			_, is := slices.BinarySearch(paired[s], message.UID)
			state, lost := gone[message.UID]
			switch {
			case s == mirror.Near && !is:
				m.Extra++
			case s == mirror.Near:
			case is && !lost && !missing[mirror.Near]:
				m.Copied++
			default:
				m.Left++
				left := leftMessage(name, message, is, state, reasons)
				if missing[mirror.Near] {
					left.Reason = leftMissing
				}
				rep.Left = append(rep.Left, left)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func leftMessage(name mirror.Name, m mirror.Message, paired bool, state mirror.Confirmation, reasons map[mirror.MessageKey]string) reportMessage {
	left := reportMessage{Mailbox: name.String(), UID: uint32(m.UID), File: m.Base, Date: m.Date, Octets: m.Size, Reason: leftArrived}
	switch reason := reasons[mirror.MessageKey{Side: mirror.Far, Mailbox: name, UID: m.UID}]; {
	case paired && state == mirror.Held:
		left.Reason = leftHeld
	case paired:
		left.Reason = leftRemoved
	case reason != "":
		left.Reason = reason
	}
	return left
}

// Total adds all mailboxes up.
func (rep *report) Total() reportMailbox {
	total := reportMailbox{Name: inAllMailboxes}
	for _, m := range rep.Mailboxes {
		for _, s := range mirror.Sides {
			total.Messages[s] += m.Messages[s]
			total.Octets[s] += m.Octets[s]
		}
		total.Copied, total.Left, total.Extra = total.Copied+m.Copied, total.Left+m.Left, total.Extra+m.Extra
	}
	return total
}

// lines are the report as text.
func (rep *report) lines() []string {
	table := [][]string{reportColumns}
	for _, m := range append(slices.Clone(rep.Mailboxes), rep.Total()) {
		table = append(table, []string{m.Name, strconv.Itoa(m.Messages[mirror.Far]), size(m.Octets[mirror.Far]),
			strconv.Itoa(m.Messages[mirror.Near]), size(m.Octets[mirror.Near]), strconv.Itoa(m.Copied), strconv.Itoa(m.Left)})
	}
	lines := columns(table)
	for _, left := range rep.Left {
		lines = append(lines, leftLine(left))
	}
	for _, p := range rep.Problems {
		lines = append(lines, p.Where+": "+p.Reason)
	}
	return lines
}

type jsonReport struct {
	Type         string `json:"type"`
	Mailbox      string `json:"mailbox"`
	FarMessages  int    `json:"far_messages"`
	FarOctets    int64  `json:"far_octets"`
	NearMessages int    `json:"near_messages"`
	NearOctets   int64  `json:"near_octets"`
	Copied       int    `json:"copied"`
	Left         int    `json:"left"`
	Extra        int    `json:"extra"`
}

type jsonLeft struct {
	Type    string `json:"type"`
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid_far,omitempty"`
	File    string `json:"file,omitempty"`
	Octets  int64  `json:"octets"`
	Date    string `json:"date,omitempty"`
	Reason  string `json:"reason"`
}

// objects writes the report as JSON.
func (rep *report) objects(s *screen) {
	for _, m := range rep.Mailboxes {
		s.object(jsonReport{"report", m.Name, m.Messages[mirror.Far], m.Octets[mirror.Far], m.Messages[mirror.Near], m.Octets[mirror.Near], m.Copied, m.Left, m.Extra})
	}
	for _, left := range rep.Left {
		j := jsonLeft{Type: "left", Mailbox: left.Mailbox, UID: left.UID, File: left.File, Octets: left.Octets, Reason: left.Reason}
		if !left.Date.IsZero() {
			j.Date = left.Date.UTC().Format(time.RFC3339)
		}
		s.object(j)
	}
}

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"size": size, "when": clock, "count": func(n int) string { return grouped(n) }, "escape": escape,
	"share": func(part, of int) string { return fmt.Sprintf("%.1f", percent(part, of)) },
	"far":   func(m reportMailbox) sideCount { return sideCount{m.Messages[mirror.Far], m.Octets[mirror.Far]} },
	"near":  func(m reportMailbox) sideCount { return sideCount{m.Messages[mirror.Near], m.Octets[mirror.Near]} },
}).Parse(pageText))

// sideCount is what one side holds of a mailbox.
type sideCount struct {
	Messages int
	Octets   int64
}

// percent is how much of a whole a part is; all of nothing.
func percent(part, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(part) / float64(of)
}

// grouped is a number with thin spaces between thousands.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// Largest is how many messages the largest mailbox has.
func (rep *report) Largest() (most int) {
	for _, m := range rep.Mailboxes {
		most = max(most, m.Messages[mirror.Far])
	}
	return most
}

// write writes the page to a file that only its owner can read. After an error what was
// there before is still there.
func (rep *report) write(path string) error {
	var b bytes.Buffer
	if err := page.Execute(&b, rep); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
