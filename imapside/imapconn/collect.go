package imapconn

import "github.com/emersion/go-imap/v2"

// delivery hands FETCH replies to a handler until that returns an error. Its
// fields are read and set by the reading goroutine only, while the command is
// kept from ending.
type delivery struct {
	body    func(*FetchMessage, *FetchBody) error
	message func(*FetchMessage) error
	err     error // the handler's
}

func (d *delivery) deliver() *delivery { return d }

func (d *delivery) giveMessage(m *FetchMessage) {
	if d.message != nil && d.err == nil {
		d.err = d.message(m)
	}
}

func (d *delivery) giveBody(m *FetchMessage, b *FetchBody) {
	if d.body != nil && d.err == nil {
		d.err = d.body(m, b)
	}
}

// fetchTaker is a collector that FETCH replies may belong to.
type fetchTaker interface {
	collector
	deliver() *delivery
	// wants says whether a reply of which m was read so far is for it.
	wants(m *FetchMessage) bool
	// took notes a reply that was read to its end.
	took(m *FetchMessage)
}

// fetchCollector is the collector of UID FETCH.
type fetchCollector struct {
	delivery
	uids     imap.UIDSet // canonical
	items    FetchItems
	arrived  setBuilder
	partial  map[imap.UID]progress // answered, but not in full
	vanished setBuilder
	data     FetchData
}

// progress is what came of one message over several replies.
type progress struct {
	flags    bool
	sections uint64
}

// specific are the items that a server does not send unasked.
const specific = HasInternalDate | HasSize | HasEmailID | HasGmailMsgID

func (f *fetchCollector) wants(m *FetchMessage) bool {
	items := &f.items
	onlyFlags := !items.InternalDate && !items.Size && !items.EmailID && !items.GmailMsgID && len(items.Sections) == 0
	asked := m.named&specific != 0 || m.part != 0
	if m.UID == 0 {
		return asked && !onlyFlags
	}
	return contains(f.uids, m.UID) && (asked || onlyFlags || m.named == 0)
}

func (f *fetchCollector) took(m *FetchMessage) {
	if m.UID == 0 {
		return
	}
	all := progress{flags: f.items.Flags, sections: 1<<len(f.items.Sections) - 1}
	got, begun := f.partial[m.UID]
	got.flags = got.flags || m.Has&HasFlags != 0
	got.sections |= m.whole
	if (got.flags || !all.flags) && got.sections&all.sections == all.sections {
		if begun {
			delete(f.partial, m.UID)
		}
		f.arrived.add(m.UID, m.UID)
		return
	}
	if f.partial == nil {
		f.partial = map[imap.UID]progress{}
	}
	f.partial[m.UID] = got
}

func (f *fetchCollector) complete(*statusLine) error {
	f.data.Arrived = f.arrived.set()
	f.data.Vanished = f.vanished.set()
	var incomplete setBuilder
	for uid := range f.partial {
		incomplete.add(uid, uid)
	}
	f.data.Incomplete = Missing(incomplete.set(), f.data.Arrived)
	f.partial = nil
	return f.err
}

func (s *storeCollector) wants(m *FetchMessage) bool {
	return m.UID != 0 && m.named&HasFlags != 0 && contains(s.uids, m.UID)
}

func (s *storeCollector) took(m *FetchMessage) {
	if m.Has&HasFlags != 0 {
		s.replied.add(m.UID, m.UID)
	}
}

func (s *storeCollector) complete(st *statusLine) error {
	s.data.Replied = s.replied.set()
	if st.Code == "MODIFIED" {
		s.data.Modified = st.source
	}
	return s.err
}

func (sel *selectCollector) wants(m *FetchMessage) bool {
	return sel.qresync && m.UID != 0 && m.named&HasFlags != 0
}

func (sel *selectCollector) took(*FetchMessage) {}
