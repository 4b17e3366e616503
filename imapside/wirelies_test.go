package imapside_test

import (
	"testing"
	"testing/synctest"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/proof"
	"mailtwin/mirror"
)

// lies are APPENDUIDs that servers should not send.
var lies = []struct {
	name string
	tell func(*imap.AppendData)
}{
	{"of another UIDVALIDITY", func(d *imap.AppendData) { d.UIDValidity++ }},
	{"of no UIDVALIDITY", func(d *imap.AppendData) { d.UIDValidity = 0 }},
	{"below UIDNEXT", func(d *imap.AppendData) { d.UID = 1 }},
	{"of the message before", func(d *imap.AppendData) { d.UID-- }},
	{"of the first one always", func(d *imap.AppendData) { d.UID = 4 }},
	{"of no message", func(d *imap.AppendData) { d.UID = 0 }},
	{"of a message that is not there", func(d *imap.AppendData) { d.UID += 1000 }},
}

// TestLies: a server that lies in APPENDUID costs nothing but a look: the copies
// are found by their digests, and every message is there once.
func TestLies(t *testing.T) {
	for _, lie := range lies {
		for _, kind := range []serverKind{serverKinds[0], serverKinds[3]} {
			t.Run(lie.name+"/"+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newWirePair(t, lie.name, kind)
					defer p.end()
					inStep(p)
					p.quiet()
					p.server.lie = lie.tell
					uploads(p)
					p.run(nil)
					p.quiet()
					v := p.judge()
					p.paired()
					p.still()
					proof.Note(proof.Tally{Layer: "lies", Cases: 1, Lost: v.lost, Doubled: v.doubled, Changed: v.changed})
				})
			})
		}
	}
}

// paired wants every record of the state to name a message on far, each once.
func (p *wirePair) paired() {
	p.t.Helper()
	for name, list := range p.server.messages(p.t) {
		there := map[mirror.UID]bool{}
		for _, m := range list {
			there[m.uid] = true
		}
		records, err := p.state.Records(name)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(records) != len(list) {
			p.errorf("the state has %d records of %s, want %d", len(records), name, len(list))
		}
		for _, rec := range records {
			if uid := rec.UID[mirror.Far]; !there[uid] {
				p.errorf("the state names message %d in %s, which is not there or was named before", uid, name)
			}
			delete(there, rec.UID[mirror.Far])
		}
	}
}
