package imapside_test

import (
	"maps"
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
	"mailtwin/mirror/mirrortest"
)

// verdict counts messages that are not as they must be.
type verdict struct{ lost, doubled, changed int }

func (v verdict) plus(o verdict) verdict {
	return verdict{v.lost + o.lost, v.doubled + o.doubled, v.changed + o.changed}
}

// judge compares what is stored with what must be: every message on both sides
// exactly once, with its octets, flags and date.
func (p *wirePair) judge() verdict {
	p.t.Helper()
	far := p.farEntries()
	v := p.compare("far", far, nil).plus(p.compare("near", p.near.Dump(), nil))
	var undone []mirrortest.Entry
	for _, l := range p.undone {
		undone = append(undone, l.entry())
	}
	return v.plus(p.compareBox("near's undo store", p.near.Undone(), undone))
}

// farEntries reads the server, without the messages that the state knows to be
// left over there.
func (p *wirePair) farEntries() map[mirror.Name][]mirrortest.Entry {
	p.t.Helper()
	snapshot, err := p.state.Load()
	if err != nil {
		p.t.Fatal(err)
	}
	tombs := map[mirror.MessageKey]bool{}
	for _, tomb := range snapshot.Tombs {
		tombs[mirror.MessageKey{Side: tomb.Side, Mailbox: tomb.Mailbox, UID: tomb.UID}] = true
	}
	all, left := map[mirror.Name][]mirrortest.Entry{}, 0
	for name, list := range p.server.messages(p.t) {
		all[name] = []mirrortest.Entry{}
		for _, m := range list {
			if tombs[mirror.MessageKey{Side: mirror.Far, Mailbox: name, UID: m.uid}] && m.flags.Has(imap.FlagDeleted) {
				left++
				continue
			}
			all[name] = append(all[name], m.entry)
		}
	}
	if left != p.tombs {
		p.errorf("far: got %d messages left over, want %d", left, p.tombs)
	}
	if len(p.server.forbade) > 0 {
		p.errorf("far: never to be sent: %q", p.server.forbade)
	}
	return all
}

// compare judges one side. Extra are entries that may be there once more.
func (p *wirePair) compare(side string, got map[mirror.Name][]mirrortest.Entry, extra []mirrortest.Entry) (v verdict) {
	p.t.Helper()
	names := slices.Sorted(maps.Keys(got))
	if want := slices.Sorted(maps.Keys(p.want)); !slices.Equal(names, want) {
		p.errorf("%s: got mailboxes %q, want %q", side, names, want)
		v.lost++
	}
	for name, letters := range p.want {
		var want []mirrortest.Entry
		for _, l := range letters {
			want = append(want, l.entry())
		}
		if name == inbox {
			want = append(want, extra...)
		}
		v = v.plus(p.compareBox(side+" "+name.String(), got[name], want))
	}
	return v
}

func (p *wirePair) compareBox(where string, got, want []mirrortest.Entry) (v verdict) {
	p.t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	mirrortest.SortEntries(got)
	mirrortest.SortEntries(want)
	if slices.Equal(got, want) {
		return verdict{}
	}
	v = difference(got, want)
	p.errorf("%s: lost %d, doubled %d, changed %d:\n got %v\nwant %v", where, v.lost, v.doubled, v.changed, got, want)
	return v
}

// difference counts, by digest, what is missing, what is there too often, and
// what has other flags, another date or unknown octets.
func difference(got, want []mirrortest.Entry) (v verdict) {
	count := map[mirror.Digest]int{}
	known := map[mirror.Digest]bool{}
	whole := map[mirrortest.Entry]int{}
	for _, e := range want {
		count[e.Digest]++
		whole[e]++
		known[e.Digest] = true
	}
	for _, e := range got {
		count[e.Digest]--
		whole[e]--
		if !known[e.Digest] {
			v.changed++
		}
	}
	for d, n := range count {
		if n > 0 {
			v.lost += n
		} else if known[d] {
			v.doubled -= n
		}
	}
	if v == (verdict{}) {
		for _, n := range whole {
			v.changed += max(n, 0)
		}
	}
	return v
}
