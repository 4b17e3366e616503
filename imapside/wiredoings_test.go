package imapside_test

import (
	"bytes"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// The following are people's doings. Each also says what must become of it.

// mailbox makes a mailbox on one side.
func (p *wirePair) mailbox(s mirror.Side, name mirror.Name) {
	p.want[name] = p.want[name][:len(p.want[name]):len(p.want[name])]
	if s == mirror.Far {
		p.server.create(wireName(name))
	} else {
		p.near.CreateMailbox(name, "")
	}
}

// mailboxes makes mailboxes on both sides.
func (p *wirePair) mailboxes(names ...mirror.Name) {
	for _, name := range names {
		p.mailbox(mirror.Far, name)
		p.mailbox(mirror.Near, name)
	}
}

// put delivers a letter to one side.
func (p *wirePair) put(s mirror.Side, name mirror.Name, l letter) {
	p.want[name] = append(p.want[name], l)
	p.place(s, name, l)
}

// both has a letter on both sides from before the first run.
func (p *wirePair) both(name mirror.Name, l letter) {
	p.put(mirror.Far, name, l)
	p.place(mirror.Near, name, l)
}

func (p *wirePair) place(s mirror.Side, name mirror.Name, l letter) {
	if s == mirror.Far {
		p.server.deliver(name, l.body(), l.flags, l.date())
		return
	}
	body := l.body()
	if !p.server.kind.account {
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	p.near.Deliver(name, body, l.flags, l.date())
}

// flag sets and clears flags on one side.
func (p *wirePair) flag(s mirror.Side, name mirror.Name, id string, add, remove mirror.Flags) {
	l := &p.want[name][p.index(name, id)]
	l.flags = l.flags.Union(add).Minus(remove)
	uid := p.find(s, name, id)
	if s == mirror.Near {
		was := p.near.Messages(name)
		i := slices.IndexFunc(was, func(m mirrortest.Held) bool { return m.ID == uid })
		p.near.SetFlags(name, uid, was[i].Flags.Union(add).Minus(remove))
		return
	}
	p.server.flag(name, uid, imap.StoreFlagsAdd, add)
	p.server.flag(name, uid, imap.StoreFlagsDel, remove)
}

// move moves a letter on one side.
func (p *wirePair) move(s mirror.Side, from mirror.Name, id string, to mirror.Name) {
	p.want[to] = append(p.want[to], p.take(from, id))
	if s == mirror.Far {
		p.server.move(from, p.find(s, from, id), to)
		return
	}
	p.near.Move(from, p.find(s, from, id), to)
	if p.server.kind.tombs() {
		p.tombs++
	}
}

// copyNear copies a letter on near, and gives the copy flags of its own.
func (p *wirePair) copyNear(from mirror.Name, id string, to mirror.Name, flags mirror.Flags) {
	l := p.want[from][p.index(from, id)]
	l.flags = flags
	p.want[to] = append(p.want[to], l)
	p.near.SetFlags(to, p.near.Copy(from, p.find(mirror.Near, from, id), to), flags)
}

// rename gives a mailbox another name on one side.
func (p *wirePair) rename(s mirror.Side, from, to mirror.Name) {
	p.want[to] = p.want[from]
	delete(p.want, from)
	if s == mirror.Near {
		p.near.RenameMailbox(from, to)
	} else {
		p.server.rename(from, to)
	}
}

// remove takes a letter away for good on one side: from far it goes to near's
// undo store, where near is a Maildir, from near to the trash.
func (p *wirePair) remove(s mirror.Side, name mirror.Name, id string) {
	l := p.take(name, id)
	if s == mirror.Far {
		p.server.remove(name, p.find(s, name, id))
		if p.server.kind.account {
			p.want[trash] = append(p.want[trash], l)
		} else {
			p.undone = append(p.undone, l)
		}
		return
	}
	p.near.Remove(name, p.find(s, name, id))
	p.want[trash] = append(p.want[trash], l)
	if p.server.kind.tombs() {
		p.tombs++
	}
}

func (p *wirePair) index(name mirror.Name, id string) int {
	return slices.IndexFunc(p.want[name], func(l letter) bool { return l.id == id })
}

func (p *wirePair) take(name mirror.Name, id string) letter {
	i := p.index(name, id)
	l := p.want[name][i]
	p.want[name] = slices.Delete(slices.Clone(p.want[name]), i, i+1)
	return l
}

// find returns a letter's number on one side.
func (p *wirePair) find(s mirror.Side, name mirror.Name, id string) (uid imap.UID) {
	if s == mirror.Near {
		for _, m := range p.near.Messages(name) {
			if bytes.Contains(m.Body, []byte("<"+id+"@")) {
				return m.ID
			}
		}
		panic("no letter " + id)
	}
	p.server.at(name, func(c *imapmemserver.UserSession) error {
		criteria := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "<" + id + "@"}}}
		data, err := c.Search(imapserver.NumKindUID, criteria, &imap.SearchOptions{})
		if err == nil {
			uid = imap.UID(data.Min)
		}
		return err
	})
	return uid
}
