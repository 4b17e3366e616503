package mirror

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// The tables of this package's planner tests are written `far|base|near`.
//
//	far, near   .       there, without flags
//	            SFDATKW there, with these flags (see flagLetters)
//	            x       gone, proved
//	            ?       unknown
//	            -       never seen there
//	base        -       no record
//	            . SF…   the flags after the last success, the same on both sides
//	            u. .u   a record whose far (near) copy is unconfirmed
//	            h. .h   a record whose far (near) copy is held
//	            a.      a record whose messages differ (altered)
//
// A row without a record that has something on both sides is one content.
// Rows are numbered from 1; UIDs are the row's number on far and 100 more on
// near. Actions are written by say.
var flagLetters = map[rune]imap.Flag{
	'S': imap.FlagSeen, 'F': imap.FlagFlagged, 'D': imap.FlagDeleted, 'A': imap.FlagAnswered, 'T': imap.FlagDraft,
	'K': "$Known", 'W': "$Work",
}

const boxA, boxB, boxTrash Name = "A", "B", "Trash"

func lettersOf(f Flags) string {
	var b strings.Builder
	for _, l := range "SFDATKW" {
		if f.Has(flagLetters[l]) {
			b.WriteRune(l)
		}
	}
	return b.String()
}

func flagsOf(letters string) Flags {
	var list []imap.Flag
	for _, l := range letters {
		if flagLetters[l] != "" {
			list = append(list, flagLetters[l])
		}
	}
	return MakeFlags(list...)
}

// content is the full identity of the n-th content of the tests: header and
// key of its own, Message-ID and Received.
func content(n int) Identity {
	d := func(kind byte) Digest { return Digest{kind, byte(n >> 8), byte(n), 1} }
	return Identity{Header: d('h'), Key: d('k'), Decisive: true, Body: d('b'), Exact: d('b')}
}

var testDay = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testMessage(uid UID, n int, f Flags) Message {
	return Message{Ref: Ref{UID: uid}, Flags: f, Size: int64(1000 + n), Date: testDay.Add(time.Duration(n) * time.Hour), Identity: content(n)}
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// model is a planner input together with what the planner was not told yet. It
// carries plans out on itself.
type model struct {
	t    failer
	in   Input
	real map[MessageKey]Identity // what Identify would find
	next UID
	// asked lists the needs of the last plan call by call: "far A 1,2 headers".
	asked []string
}

func newModel(t failer, p Policy) *model {
	m := &model{t: t, real: map[MessageKey]Identity{}, next: 1000}
	m.in.Policy, m.in.Wide = p, true
	for _, s := range Sides {
		m.in.Sides[s] = SideInput{Traits: Traits{Numbers: true, UIDPlus: true}, KeepsBytes: true, Known: 1, Listed: 1, Records: 10000, Shown: 10000}
	}
	return m
}

// box returns the mailbox, made on both sides when it is new.
func (m *model) box(name Name) *MailboxInput {
	i, found := slices.BinarySearchFunc(m.in.Mailboxes, name, func(b MailboxInput, n Name) int { return cmp.Compare(b.Name, n) })
	if !found {
		b := MailboxInput{Name: name, Total: 1000, Quarantined: [2]map[UID]bool{{}, {}}, Late: [2]map[UID]bool{{}, {}}}
		for _, s := range Sides {
			b.Sides[s] = MailboxSide{Known: true, Exists: true, Since: 500, Keeps: AllFlags()}
		}
		m.in.Mailboxes = slices.Insert(m.in.Mailboxes, i, b)
	}
	return &m.in.Mailboxes[i]
}

// row adds one row of a table.
func (m *model) row(name Name, n int, row string) { m.t.Helper(); m.rowOf(name, n, n, row) }

// rowOf adds row n with another row's content.
func (m *model) rowOf(name Name, n, number int, row string) {
	m.t.Helper()
	cells := strings.Split(row, "|")
	if len(cells) != 3 {
		m.t.Fatalf("row %q: want far|base|near", row)
	}
	b := m.box(name)
	at := [2]string{Far: strings.TrimSpace(cells[0]), Near: strings.TrimSpace(cells[2])}
	base := strings.TrimSpace(cells[1])
	uid := [2]UID{UID(n), UID(100 + n)}
	if base == "-" {
		for _, s := range Sides {
			if at[s] != "-" && at[s] != "x" && at[s] != "?" {
				m.unpaired(b, s, testMessage(uid[s], number, flagsOf(at[s])))
			}
		}
		return
	}
	r := RecordInput{Record: Record{Mailbox: name, UID: uid}}
	for i, l := range base {
		s := Far
		if i > 0 {
			s = Near
		}
		switch l {
		case 'u':
			r.State[s] = Unconfirmed
		case 'h':
			r.State[s] = Held
		case 'a':
			r.Altered = true
		}
	}
	for _, s := range Sides {
		r.Base[s] = flagsOf(base)
		r.Seen[s] = Sighting{Present, testMessage(uid[s], number, flagsOf(at[s])), r.Base[s]}
		switch at[s] {
		case "x":
			r.Seen[s].Sight, r.Seen[s].Message.Flags = Gone, r.Base[s]
		case "?":
			r.Seen[s] = Sighting{}
		}
		m.real[MessageKey{s, name, uid[s]}] = content(number)
	}
	b.Records = append(b.Records, r)
}

func (m *model) unpaired(b *MailboxInput, s Side, msg Message) {
	b.Unpaired[s] = append(b.Unpaired[s], msg)
	slices.SortFunc(b.Unpaired[s], func(x, y Message) int { return cmp.Compare(x.UID, y.UID) })
	m.real[MessageKey{s, b.Name, msg.UID}] = msg.Identity
}

// forget makes the planner ask for identities: it knows none.
func (m *model) forget() {
	m.eachMessage(func(_ Side, _ Name, msg *Message) {
		object := msg.Identity.ObjectID
		msg.Identity = Identity{ObjectID: object}
	})
}

func (m *model) eachMessage(visit func(Side, Name, *Message)) {
	for i := range m.in.Mailboxes {
		b := &m.in.Mailboxes[i]
		for _, s := range Sides {
			for k := range b.Unpaired[s] {
				visit(s, b.Name, &b.Unpaired[s][k])
			}
			for k := range b.Records {
				if b.Records[k].Seen[s].Sight != Unknown {
					visit(s, b.Name, &b.Records[k].Seen[s].Message)
				}
			}
		}
	}
}

// plan asks until the planner needs nothing more.
func (m *model) plan() Plan {
	m.t.Helper()
	m.asked = nil
	for range identifyRounds {
		before := cloneInput(m.in)
		p, needs := MakePlan(m.in)
		if !reflect.DeepEqual(before, m.in) {
			m.t.Errorf("MakePlan changed its input: got %+v, want %+v", m.in, before)
			m.in = before
		}
		if len(needs) == 0 {
			return p
		}
		for _, n := range needs {
			m.identify(n)
		}
	}
	m.t.Fatalf("the plan keeps asking: %q", m.asked)
	return Plan{}
}

func (m *model) identify(n Need) {
	var uids []string
	want := map[UID]bool{}
	for _, ref := range n.Refs {
		uids = append(uids, fmt.Sprint(ref.UID))
		want[ref.UID] = true
	}
	depth := map[Depth]string{Headers: "headers", Bodies: "bodies"}[n.Depth]
	m.asked = append(m.asked, fmt.Sprintf("%s %s %s %s", n.Side, n.Mailbox, strings.Join(uids, ","), depth))
	m.eachMessage(func(s Side, name Name, msg *Message) {
		if s != n.Side || name != n.Mailbox || !want[msg.UID] {
			return
		}
		is, ok := m.real[MessageKey{s, name, msg.UID}]
		if !ok {
			m.t.Fatalf("need for a message that is not there: %s", m.asked[len(m.asked)-1])
		}
		is.ObjectID = msg.Identity.ObjectID
		if n.Depth == Bodies {
			msg.Identity = is
		} else {
			msg.Identity.Header, msg.Identity.Key, msg.Identity.Decisive = is.Header, is.Key, is.Decisive
		}
	})
}

func cloneInput(in Input) Input {
	in.Mailboxes = slices.Clone(in.Mailboxes)
	for i := range in.Mailboxes {
		b := &in.Mailboxes[i]
		b.Records, b.Intents, b.Ghosts = slices.Clone(b.Records), slices.Clone(b.Intents), slices.Clone(b.Ghosts)
		for _, s := range Sides {
			b.Unpaired[s] = slices.Clone(b.Unpaired[s])
			b.Quarantined[s], b.Unknown[s] = maps.Clone(b.Quarantined[s]), maps.Clone(b.Unknown[s])
			b.Late[s] = maps.Clone(b.Late[s])
			b.Departed[s] = slices.Clone(b.Departed[s])
		}
	}
	return in
}

// apply carries a plan out, as the executor and obedient sides would.
func (m *model) apply(p Plan) {
	m.in = cloneInput(m.in)
	for _, a := range p.Actions {
		m.act(a)
	}
}

func (m *model) act(a Action) {
	b := m.box(a.Mailbox)
	if a.Intent != 0 && a.Kind != Wait {
		for i := range m.in.Mailboxes { // that of an interrupted move is where it came from
			o := &m.in.Mailboxes[i]
			o.Intents = slices.DeleteFunc(o.Intents, func(in Intent) bool { return in.ID == a.Intent })
		}
		b.Ghosts = slices.DeleteFunc(b.Ghosts, func(g GhostInput) bool { return g.Intent.ID == a.Intent })
	}
	switch a.Kind {
	case Create:
		b.Sides[a.Side] = MailboxSide{Known: true, Exists: true, Keeps: AllFlags(), Role: a.Role, Subscribed: a.Subscribed}
	case Drop:
		if a.UID == [2]UID{} {
			m.in.Mailboxes = slices.DeleteFunc(m.in.Mailboxes, func(o MailboxInput) bool { return o.Name == a.Mailbox })
			return
		}
		m.dropRecord(b, a.UID)
	case Pair:
		m.takeUnpaired(b, Far, a.UID[Far])
		m.takeUnpaired(b, Near, a.UID[Near])
		b.Records = append(b.Records, RecordInput{a.Record, [2]Sighting{{Present, a.Message, a.Message.Flags}, {Present, *a.Partner, a.Partner.Flags}}})
	case Rebind:
		r := m.dropRecord(b, a.UID)
		m.takeUnpaired(b, a.Side, a.Message.UID)
		r.Record, r.Seen[a.Side] = a.Record, Sighting{Present, a.Message, a.Message.Flags}
		b.Records = append(b.Records, r)
	case Confirm, Depart, Hold:
		m.record(b, a.UID).Record = a.Record
	case Ghost:
		b.Quarantined[a.Side][a.Message.UID], b.Late[a.Side][a.Message.UID] = true, true
	case Quarantine:
		b.Quarantined[a.Side.Other()][a.Message.UID] = true
	case SetFlags:
		r := m.record(b, a.UID)
		msg := &r.Seen[a.Side].Message
		msg.Flags = msg.Flags.Minus(a.Remove).Union(b.Sides[a.Side].Keeps.Only(a.Add))
		r.Record = a.Record
	case Release:
		left := m.dropRecord(b, a.UID).Seen[a.Side.Other()]
		if left.Sight == Present {
			b.Unpaired[a.Side.Other()] = append(b.Unpaired[a.Side.Other()], left.Message)
			slices.SortFunc(b.Unpaired[a.Side.Other()], func(x, y Message) int { return cmp.Compare(x.UID, y.UID) })
		}
	case Remove:
		if a.UID[a.Side.Other()] == 0 {
			m.takeUnpaired(b, a.Side, a.Message.UID)
		} else {
			m.dropRecord(b, a.UID)
		}
	case Copy:
		m.copy(b, a)
	case MoveTo:
		m.move(b, a)
	}
}

func (m *model) copy(b *MailboxInput, a Action) {
	from, to := a.Side.Other(), a.Side
	whole := a.Message.Flags.Union(a.Record.Masked[from])
	r := RecordInput{Record: Record{Mailbox: b.Name, Base: [2]Flags{whole, whole}}}
	if a.Again {
		m.dropRecord(b, a.UID)
		r.Masked[from] = a.Record.Masked[from]
	} else {
		m.takeUnpaired(b, from, a.Message.UID)
	}
	arrived := a.Message
	arrived.Ref = Ref{UID: m.number()}
	arrived.Flags = b.Sides[to].Keeps.Only(whole)
	arrived.Identity = m.real[MessageKey{from, b.Name, a.Message.UID}]
	m.real[MessageKey{to, b.Name, arrived.UID}] = arrived.Identity
	r.UID[from], r.UID[to] = a.Message.UID, arrived.UID
	r.Masked[to] = whole.Minus(arrived.Flags)
	r.State[to] = Unconfirmed
	r.Seen[from], r.Seen[to] = Sighting{Present, a.Message, a.Message.Flags}, Sighting{Present, arrived, arrived.Flags}
	b.Records = append(b.Records, r)
}

func (m *model) move(b *MailboxInput, a Action) {
	o := a.Side
	if a.UID[o.Other()] == 0 { // its copy was never recorded
		m.takeUnpaired(b, o, a.Message.UID)
	} else {
		m.dropRecord(b, a.UID)
	}
	to := m.box(a.Target)
	m.takeUnpaired(to, o.Other(), a.Partner.UID)
	arrived := a.Message
	arrived.Ref = Ref{UID: m.number(), Base: a.Message.Base}
	m.real[MessageKey{o, a.Target, arrived.UID}] = m.real[MessageKey{o, b.Name, a.Message.UID}]
	r := RecordInput{Record: a.Record}
	r.UID[o] = arrived.UID
	r.Seen[o], r.Seen[o.Other()] = Sighting{Present, arrived, arrived.Flags}, Sighting{Present, *a.Partner, a.Partner.Flags}
	to.Records = append(to.Records, r)
}

func (m *model) number() UID { m.next++; return m.next }

func (m *model) record(b *MailboxInput, uid [2]UID) *RecordInput {
	m.t.Helper()
	for i := range b.Records {
		if b.Records[i].UID == uid {
			return &b.Records[i]
		}
	}
	m.t.Fatalf("action on a record that is not there: %s %d", b.Name, uid)
	return nil
}

func (m *model) dropRecord(b *MailboxInput, uid [2]UID) RecordInput {
	m.t.Helper()
	r := *m.record(b, uid)
	b.Records = slices.DeleteFunc(b.Records, func(o RecordInput) bool { return o.UID == uid })
	return r
}

func (m *model) takeUnpaired(b *MailboxInput, s Side, uid UID) {
	m.t.Helper()
	n := len(b.Unpaired[s])
	b.Unpaired[s] = slices.DeleteFunc(b.Unpaired[s], func(msg Message) bool { return msg.UID == uid })
	if len(b.Unpaired[s]) != n-1 {
		m.t.Fatalf("action on a message that is not unpaired: %s %s %d", s, b.Name, uid)
	}
}

// say writes an action in the tables' words.
func say(a Action) string {
	side := a.Side.String()
	switch a.Kind {
	case Drop:
		if a.UID == [2]UID{} {
			return "drop mailbox"
		}
		return "drop"
	case Pair:
		if a.Record.Altered {
			return "pair altered"
		}
		return "pair"
	case Confirm, Settled:
		return a.Kind.String()
	case MoveTo:
		return fmt.Sprintf("move %s %s>%s", side, a.Mailbox, a.Target)
	case Copy:
		if a.Again {
			return "copy " + side + " again"
		}
	case SetFlags:
		words := "flags " + side + " "
		if !a.Add.Empty() {
			words += "+" + lettersOf(a.Add)
		}
		if !a.Remove.Empty() {
			words += "-" + lettersOf(a.Remove)
		}
		return words
	case Remove:
		if a.ForGood {
			return "remove " + side + " for good"
		}
	}
	return a.Kind.String() + " " + side
}

// sayAll writes a plan's actions, sorted by their words. That a departure was
// noted where nothing is decided goes without saying.
func sayAll(actions []Action) string {
	var list []string
	for _, a := range actions {
		if a.Kind == Depart {
			continue
		}
		list = append(list, say(a))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func sorted(want string) string {
	if want == "" {
		return ""
	}
	list := strings.Split(want, ", ")
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// check plans, compares with want and carries the plan out, for every plan that
// want names ("first; second"), and then until nothing is left to do: after a
// copy or a move the next plan confirms it, and what a rename or a move hid of
// the flags follows then.
func (m *model) check(want string) {
	m.t.Helper()
	plans := strings.Split(want, "; ")
	for i, want := range plans {
		p := m.plan()
		if got := sayAll(p.Actions); got != sorted(want) {
			m.t.Errorf("plan %d: got %q, want %q", i+1, got, sorted(want))
		}
		if i == len(plans)-1 {
			m.settlesAfter(p)
		} else {
			m.apply(p)
		}
	}
}

func (m *model) settlesAfter(first Plan) {
	m.t.Helper()
	m.apply(first)
	second := m.plan()
	did := map[Kind]bool{Wait: false}
	for _, a := range first.Actions {
		did[a.Kind] = true
	}
	for _, a := range second.Actions {
		switch {
		case a.Kind == Depart:
		case a.Kind == Confirm && (did[Copy] || did[MoveTo]):
		case a.Kind == SetFlags && did[MoveTo]:
		case a.Kind == Wait && did[Wait]:
		default:
			m.t.Errorf("second plan: got %q after %q, want nothing", say(a), sayAll(first.Actions))
		}
	}
	m.apply(second)
	third := m.plan()
	for _, a := range third.Actions {
		if a.Kind != Wait {
			m.t.Errorf("third plan: got %q after %q, want nothing", say(a), sayAll(second.Actions))
		}
	}
}

// parsePolicy reads "two-way", "mirror>near", "copy>far" followed by options.
func parsePolicy(t failer, s string) Policy {
	t.Helper()
	words := strings.Fields(s)
	modes := map[string]Policy{
		"two-way": NewPolicy(TwoWay, Far), "mirror>near": NewPolicy(OneWayMirror, Near), "mirror>far": NewPolicy(OneWayMirror, Far),
		"copy>near": NewPolicy(OneWayCopy, Near), "copy>far": NewPolicy(OneWayCopy, Far),
	}
	directions := map[string]Direction{"both": Both, "none": None, "far": ToFar, "near": ToNear}
	p, ok := modes[words[0]]
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "new":
			p.New = directions[value]
		case "flags":
			p.Flags = directions[value]
		case "gone":
			p.Gone = directions[value]
		case "create":
			p.Create = directions[value]
		case "extra":
			p.RemoveExtra = true
		case "keep":
			p.Deletions = DeleteNothing
		case "expunge":
			p.Deletions = DeleteForGood
		default:
			ok = false
		}
	}
	if !ok {
		t.Fatalf("policy %q is not one", s)
	}
	return p
}
