package mirror_test

import (
	"bytes"
	"fmt"
	"testing"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
	"mailtwin/nametrans"
)

// holdsBody reports whether a mailbox holds a message with part in it.
func (p *pair) holdsBody(s mirror.Side, name mirror.Name, part string) bool {
	for _, m := range p.servers[s].Messages(name) {
		if bytes.Contains(m.Body, []byte(part)) {
			return true
		}
	}
	return false
}

// TestEditedKeepsDate is about a message rewritten in place that keeps Message-ID, Date,
// From and INTERNALDATE: the new content passes.
func TestEditedKeepsDate(t *testing.T) {
	t.Parallel()
	p := newPair(t, mirrortest.Options{}, maildirLike())
	for i := range 3 {
		p.deliverFar(nametrans.Inbox, letter(i), mirror.Flags{})
	}
	p.settle()
	far := p.servers[mirror.Far]
	m := far.Messages(nametrans.Inbox)[1]
	p.deliverFar(nametrans.Inbox, append(bytes.Clone(m.Body), "A NEW PARAGRAPH\r\n"...), m.Flags)
	far.Remove(nametrans.Inbox, m.ID)
	p.settle()
	if !p.holdsBody(mirror.Near, nametrans.Inbox, "A NEW PARAGRAPH") {
		t.Errorf("near never gets the new content: %v", p.dump(mirror.Near))
	}
	p.alike()
}

// TestEditedIntoAnotherMailbox is the same between mailboxes.
func TestEditedIntoAnotherMailbox(t *testing.T) {
	t.Parallel()
	p := inStep(t, 3, mirrortest.Options{}, maildirLike())
	far := p.servers[mirror.Far]
	m := far.Messages(nametrans.Inbox)[1]
	p.deliverFar(box("Archive"), append(bytes.Clone(m.Body), "A NEW PARAGRAPH\r\n"...), m.Flags)
	far.Remove(nametrans.Inbox, m.ID)
	p.settle()
	if !p.holdsBody(mirror.Near, box("Archive"), "A NEW PARAGRAPH") {
		t.Errorf("near never gets the new content: %v", p.dump(mirror.Near))
	}
	p.alike()
}

// TestEditedOnAnyServer tries servers that keep octets, name no UIDs or change octets. One that
// is known to change them is left out: see docs/decisions/003.
func TestEditedOnAnyServer(t *testing.T) {
	t.Parallel()
	for i, o := range []mirrortest.Options{{}, {NoUIDPlus: true}, {Alter: addLine}} {
		for _, probed := range []bool{false, true} {
			for _, name := range []mirror.Name{nametrans.Inbox, box("Drafts")} {
				if o.Alter != nil && probed && name == nametrans.Inbox {
					continue
				}
				t.Run(fmt.Sprint(i, probed, name), func(t *testing.T) {
					p := newPair(t, o, maildirLike())
					far := p.servers[mirror.Far]
					far.CreateMailbox(box("Drafts"), `\Drafts`)
					for i := range 3 {
						p.deliverFar(name, letter(i), mirror.Flags{})
					}
					p.settle()
					if probed {
						p.deliverNear(name, letter(9), mirror.Flags{})
						p.settle()
						p.settle()
					}
					m := far.Messages(name)[1]
					p.deliverFar(name, append(bytes.Clone(m.Body), "A NEW PARAGRAPH\r\n"...), m.Flags)
					far.Remove(name, m.ID)
					p.settle()
					if !p.holdsBody(mirror.Near, name, "A NEW PARAGRAPH") {
						t.Errorf("near never gets the new content")
					}
				})
			}
		}
	}
}
