package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"mailtwin/mirror"
)

// With --json every line of stdout is one object. Its "type" says what it is;
// keys are stable, a key that means nothing here is left out, new keys may be
// added. Mailbox names are UTF-8 with "/" between components (a "/" within one
// is `\/`), sizes octets, times RFC 3339, sides "far" and "near".
//
//	sync, plan
//	  action   done:      pair action side mailbox [target uid_far uid_near file octets
//	                      flags_added flags_removed role reason donor]
//	  plan     intended:  the same, and withheld (true behind a stop; a sync shows
//	           these only, before its stops)
//	           donor, of a copy, is the mailbox of that side which has the message
//	           already, so that no body travels;
//	           action is create, copy, move, flags, remove, prune; in a plan also pair,
//	           drop, rebind, confirm, depart, release, hold, settled, wait, ghost, quarantine,
//	           which change the state only; file is the base name in a Maildir
//	  problem  left out:  pair side [mailbox uid file] reason hint
//	  stop     a rail:    pair rail side [mailbox] count of
//	  note     to know:   pair [side] text
//	  summary  the end:   pair exit changed far near paired bodies_fetched failed held ghosts
//	                      uncertain first [retry_after confirm error hint state undo]
//	           far and near hold what was changed there: created copied octets
//	           octets_saved moved flagged removed pending; in a plan, what would be
//	           retry_after is in seconds, confirm the token that allows what was
//	           withheld; state and undo say where they lie after a first run
//	copy       what sync has, with "copy" for a pair, and before the summary
//	  report   a mailbox: mailbox far_messages far_octets near_messages near_octets
//	           copied left extra
//	  left     a message that was not copied: mailbox [uid_far file] octets [date] reason
//	           its summary names the page: report
//	status     pair state undo records [last_run] quarantine pending open held
//	mailboxes  mailbox: name role [messages] subscribed; refused: name reason
//	config check  pair: name far near mode direction mailboxes deletions …
//	version    version: version go os arch
//	demo       step: text
//
// The last line is always a summary with the exit code of the process: that of
// the pair, or, without "pair", that of a command over several pairs or none.
type jsonAction struct {
	Type         string   `json:"type"`
	Pair         string   `json:"pair"`
	Action       string   `json:"action"`
	Side         string   `json:"side"`
	Mailbox      string   `json:"mailbox"`
	Target       string   `json:"target,omitempty"`
	UIDFar       uint32   `json:"uid_far,omitempty"`
	UIDNear      uint32   `json:"uid_near,omitempty"`
	File         string   `json:"file,omitempty"`
	Octets       int64    `json:"octets,omitempty"`
	FlagsAdded   []string `json:"flags_added,omitempty"`
	FlagsRemoved []string `json:"flags_removed,omitempty"`
	Role         string   `json:"role,omitempty"`
	Donor        string   `json:"donor,omitempty"`
	Reason       string   `json:"reason,omitempty"`
	Withheld     bool     `json:"withheld,omitempty"`
}

func newJSONAction(kind, pair string, a mirror.Action) jsonAction {
	j := jsonAction{Type: kind, Pair: pair, Action: a.Kind.String(), Side: a.Side.String(), Mailbox: a.Mailbox.String(),
		Target: a.Target.String(), UIDFar: uint32(a.UID[mirror.Far]), UIDNear: uint32(a.UID[mirror.Near]),
		File: a.Message.Base, Octets: a.Message.Size, Role: string(a.Role), Reason: a.Reason}
	if a.Kind == mirror.Copy {
		// Only the source's UID means anything, the other is not known yet.
		j.UIDFar, j.UIDNear = 0, 0
		if a.Side == mirror.Near {
			j.UIDFar = uint32(a.Message.UID)
		} else {
			j.UIDNear = uint32(a.Message.UID)
		}
	}
	if a.Donor != nil {
		j.Donor = a.Donor.Mailbox.String()
	}
	for flag := range a.Add.All() {
		j.FlagsAdded = append(j.FlagsAdded, string(flag))
	}
	for flag := range a.Remove.All() {
		j.FlagsRemoved = append(j.FlagsRemoved, string(flag))
	}
	return j
}

type jsonProblem struct {
	Type    string `json:"type"`
	Pair    string `json:"pair"`
	Side    string `json:"side"`
	Mailbox string `json:"mailbox,omitempty"`
	UID     uint32 `json:"uid,omitempty"`
	File    string `json:"file,omitempty"`
	Reason  string `json:"reason"`
	Hint    string `json:"hint"`
}

type jsonStop struct {
	Type    string `json:"type"`
	Pair    string `json:"pair"`
	Rail    string `json:"rail"`
	Side    string `json:"side"`
	Mailbox string `json:"mailbox,omitempty"`
	Count   int    `json:"count"`
	Of      int    `json:"of"`
}

type jsonNote struct {
	Type string `json:"type"`
	Pair string `json:"pair,omitempty"`
	Side string `json:"side,omitempty"`
	Text string `json:"text"`
}

// jsonSide is the part of a summary that changed one side.
type jsonSide struct {
	Created int   `json:"created"`
	Copied  int   `json:"copied"`
	Octets  int64 `json:"octets"`
	Saved   int64 `json:"octets_saved"`
	Moved   int   `json:"moved"`
	Flagged int   `json:"flagged"`
	Removed int   `json:"removed"`
	Pending int   `json:"pending"`
	Renamed int   `json:"mailboxes_renamed"`
	Deleted int   `json:"mailboxes_deleted"`
}

func newJSONSide(s mirror.Summary, side mirror.Side) *jsonSide {
	return &jsonSide{s.Created[side], s.Copied[side], s.Octets[side], s.Saved[side], s.Moved[side], s.Flagged[side], s.Removed[side], s.Pending[side], s.Renamed[side], s.Deleted[side]}
}

type jsonSummary struct {
	Type       string    `json:"type"`
	Pair       string    `json:"pair,omitempty"`
	Pairs      int       `json:"pairs,omitempty"`
	Exit       int       `json:"exit"`
	Changed    *bool     `json:"changed,omitempty"`
	Far        *jsonSide `json:"far,omitempty"`
	Near       *jsonSide `json:"near,omitempty"`
	Paired     int       `json:"paired,omitempty"`
	Compared   int       `json:"bodies_fetched,omitempty"` // to tell messages apart
	Failed     int       `json:"failed,omitempty"`
	Held       int       `json:"held,omitempty"`
	Ghosts     int       `json:"ghosts,omitempty"`
	Uncertain  int       `json:"uncertain,omitempty"`
	First      bool      `json:"first,omitempty"`
	RetryAfter int64     `json:"retry_after,omitempty"`
	Confirm    string    `json:"confirm,omitempty"`
	Error      string    `json:"error,omitempty"`
	Hint       string    `json:"hint,omitempty"`
	State      string    `json:"state,omitempty"`
	Undo       string    `json:"undo,omitempty"`
	Report     string    `json:"report,omitempty"`
}

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// object writes one line of JSON to stdout, if --json asks for it. What could
// turn or colour a terminal is escaped there too.
func (s *screen) object(v any) {
	if !s.json {
		return
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	// The objects above hold nothing that cannot be encoded.
	_ = encoder.Encode(v)
	var line bytes.Buffer
	for _, r := range string(bytes.TrimRight(b.Bytes(), "\n")) {
		if unsafeRune(r) {
			fmt.Fprintf(&line, `\u%04x`, r)
		} else {
			line.WriteRune(r)
		}
	}
	fmt.Fprintln(s.out, line.String())
}
