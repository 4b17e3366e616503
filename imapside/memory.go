package imapside

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
)

// memory is what one visit teaches the next. Nothing in it is believed against
// what the server says: it only lets us ask before we were answered, and believe
// less.
type memory struct {
	// Address is the server's; another one is another server.
	Address string `json:"address"`
	// Before and After are the capabilities in front of and behind the sign-in.
	Before []imap.Cap `json:"before"`
	After  []imap.Cap `json:"after"`
	// Burst says whether the server answers what stands behind the sign-in in
	// the same write: Courier loses it.
	Burst verdict `json:"burst,omitempty"`
	// Told says that the greeting listed the capabilities, and Early whether the server
	// answers what is sent before it has greeted.
	Told  bool    `json:"told,omitempty"`
	Early verdict `json:"early,omitempty"`
	// Whole says that a listing took one turn then, sign-in and all.
	Whole bool `json:"whole,omitempty"`
	// Alone says that the server refused messages that went together.
	Alone bool `json:"alone,omitempty"`
	// Untrue says that the server was caught at mod-sequences that are not true.
	Untrue bool `json:"untrue,omitempty"`
	// Single is until when no second connection is made, in seconds since 1970: one
	// was turned away, or failed beside the first one.
	Single int64 `json:"single,omitempty"`
}

// keepSingle is how long a server is not asked for a second connection again.
const keepSingle = 24 * time.Hour

// single reports whether there is to be one connection only.
func (m memory) single(now time.Time) bool {
	left := time.Unix(m.Single, 0).Sub(now)
	return left > 0 && left <= keepSingle
}

// verdict is what a trial showed; "" before there was one.
type verdict string

const (
	proved    verdict = "yes"
	disproved verdict = "no"
)

// recall reads a memory of the server at address. Any other is as good as none.
func recall(text, address string) memory {
	var m memory
	if text == "" || json.Unmarshal([]byte(text), &m) != nil || m.Address != address {
		return memory{}
	}
	return m
}

// bursts reports whether the sign-in and what follows it are sent together.
func (m memory) bursts() bool { return m.Address != "" && m.Burst != disproved }

// speaksFirst reports whether a session begins before the greeting has come: where a
// server answers bursts, and greets in the same way every time.
func (m memory) speaksFirst() bool {
	return m.Burst == proved && m.Told && m.Early != disproved
}

// Memory implements mirror.Repository.
func (r *Repository) Memory() string {
	m := r.memory
	if r.lanes.lost && r.conn.Err() == nil {
		m.Single = time.Now().Add(keepSingle).Unix()
	}
	m.Address, m.Before, m.After = r.address(), capList(r.before), capList(r.caps)
	text, err := json.Marshal(m)
	if err != nil {
		return "" // strings cannot fail
	}
	return string(text)
}

func capList(set imap.CapSet) []imap.Cap { return slices.Sorted(maps.Keys(set)) }

func capSet(list []imap.Cap) imap.CapSet {
	set := make(imap.CapSet, len(list))
	for _, word := range list {
		set[word] = struct{}{}
	}
	return set
}
