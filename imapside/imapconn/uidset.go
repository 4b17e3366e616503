package imapconn

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/emersion/go-imap/v2"
)

// Missing returns those of asked that are not in arrived, as ranges. The open
// end of a dynamic range ("5:*") is not counted, as nobody knows where it ends:
// only its first UID is. Both sets may be in any order.
func Missing(asked, arrived imap.UIDSet) imap.UIDSet {
	asked, arrived = canonical(asked), canonical(arrived)
	var out imap.UIDSet
	j := 0
	for _, r := range asked {
		if r.Start == 0 {
			continue // "*" alone
		}
		if r.Stop == 0 {
			r.Stop = r.Start
		}
		next := uint64(r.Start) // the first UID not known to have arrived
		for j > 0 && arrived[j-1].Stop >= r.Start {
			j--
		}
		for ; j < len(arrived) && arrived[j].Start <= r.Stop; j++ {
			if a := uint64(arrived[j].Start); a > next {
				out = append(out, imap.UIDRange{Start: imap.UID(next), Stop: imap.UID(a - 1)})
			}
			next = max(next, uint64(arrived[j].Stop)+1)
		}
		if next <= uint64(r.Stop) {
			out = append(out, imap.UIDRange{Start: imap.UID(next), Stop: r.Stop})
		}
	}
	return out
}

// SplitUIDs cuts a set into sets of at most max octets on the wire each, in
// order; servers refuse lines longer than about 8,000 octets (RFC 7162 §4). A
// single range is never cut, whatever max is.
func SplitUIDs(set imap.UIDSet, max int) []imap.UIDSet {
	var out []imap.UIDSet
	var buf [24]byte
	begin, octets := 0, 0
	for i, r := range set {
		n := len(appendRange(buf[:0], r)) + 1
		if i > begin && octets+n-1 > max {
			out = append(out, set[begin:i:i])
			begin, octets = i, 0
		}
		octets += n
	}
	if begin < len(set) {
		out = append(out, set[begin:])
	}
	return out
}

// CountUIDs is the number of UIDs in a static set, each counted once.
func CountUIDs(set imap.UIDSet) uint64 {
	var n uint64
	for _, r := range canonical(set) {
		n += uint64(r.Stop) - uint64(r.Start) + 1
	}
	return n
}

// Pairs calls f for each source UID with its copy, in the order of the wire,
// until f returns false. It returns false, without calling f, when the two sets
// do not hold equally many UIDs, or none.
func (d CopyData) Pairs(f func(source, target imap.UID) bool) bool {
	if n := rawCount(d.Source); n == 0 || n != rawCount(d.Target) {
		return false
	}
	j, offset := 0, uint64(0)
	for _, r := range d.Source {
		for uid := uint64(r.Start); uid <= uint64(r.Stop); uid++ {
			t := d.Target[j]
			if !f(imap.UID(uid), imap.UID(uint64(t.Start)+offset)) {
				return true
			}
			if offset++; uint64(t.Start)+offset > uint64(t.Stop) {
				j, offset = j+1, 0
			}
		}
	}
	return true
}

func rawCount(set imap.UIDSet) uint64 {
	var n uint64
	for _, r := range set {
		n += uint64(r.Stop) - uint64(r.Start) + 1
	}
	return n
}

// setBuilder gathers ranges in the order of arrival and sorts them once, so
// that a server that answers in descending order costs nothing more.
type setBuilder struct {
	ranges   imap.UIDSet
	unsorted bool
}

func (b *setBuilder) add(start, stop imap.UID) {
	if n := len(b.ranges); n > 0 {
		last := &b.ranges[n-1]
		if last.Stop != math.MaxUint32 && last.Stop+1 == start {
			last.Stop = stop
			return
		}
		b.unsorted = b.unsorted || start <= last.Stop
	}
	b.ranges = append(b.ranges, imap.UIDRange{Start: start, Stop: stop})
}

func (b *setBuilder) addSet(set imap.UIDSet) {
	for _, r := range set {
		b.add(r.Start, r.Stop)
	}
}

// set returns the ranges sorted, disjoint and merged.
func (b *setBuilder) set() imap.UIDSet {
	if b.unsorted {
		b.ranges, b.unsorted = sortRanges(b.ranges), false
	}
	return b.ranges
}

// canonical returns set sorted and merged, itself if it was.
func canonical(set imap.UIDSet) imap.UIDSet {
	for i, r := range set {
		if reversed(r) || i > 0 && !apart(set[i-1], r) {
			return sortRanges(slices.Clone(set))
		}
	}
	return set
}

func reversed(r imap.UIDRange) bool { return r.Stop != 0 && (r.Start == 0 || r.Start > r.Stop) }

// apart says that b comes after a and does not touch it.
func apart(a, b imap.UIDRange) bool {
	return b.Start == 0 && a.Stop != 0 || a.Stop != 0 && uint64(b.Start) > uint64(a.Stop)+1
}

// sortRanges sorts and merges in place. A Start or Stop of 0 is "*".
func sortRanges(set imap.UIDSet) imap.UIDSet {
	top := func(u imap.UID) uint64 { // "*" is above every UID
		if u == 0 {
			return math.MaxUint32 + 1
		}
		return uint64(u)
	}
	for i, r := range set {
		if top(r.Start) > top(r.Stop) {
			set[i] = imap.UIDRange{Start: r.Stop, Stop: r.Start}
		}
	}
	slices.SortFunc(set, func(a, b imap.UIDRange) int { return cmp.Compare(top(a.Start), top(b.Start)) })
	out := set[:0]
	for _, r := range set {
		if n := len(out); n > 0 && r.Start != 0 && top(r.Start) <= top(out[n-1].Stop)+1 {
			if top(r.Stop) > top(out[n-1].Stop) {
				out[n-1].Stop = r.Stop
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// contains says whether a reply with uid can answer a command on set, which is
// canonical. A dynamic set may be answered with the last message, wherever that
// is ("500:*" is "4:500" in a mailbox whose last UID is 4, RFC 9051 §9).
func contains(set imap.UIDSet, uid imap.UID) bool {
	if n := len(set); n > 0 && set[n-1].Stop == 0 {
		return true
	}
	_, found := slices.BinarySearchFunc(set, uid, func(r imap.UIDRange, uid imap.UID) int {
		switch {
		case r.Stop < uid:
			return -1
		case r.Start > uid:
			return 1
		}
		return 0
	})
	return found
}

func appendRange(out []byte, r imap.UIDRange) []byte {
	out = appendUID(out, r.Start)
	if r.Stop != r.Start {
		out = append(out, ':')
		out = appendUID(out, r.Stop)
	}
	return out
}

func appendUID(out []byte, uid imap.UID) []byte {
	if uid == 0 {
		return append(out, '*')
	}
	return strconv.AppendUint(out, uint64(uid), 10)
}

func appendSet(out []byte, set imap.UIDSet) []byte {
	for i, r := range set {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendRange(out, r)
	}
	return out
}

// uidSet reads a uid-set in the order of the wire.
func (s *scanner) uidSet(b *setBuilder) {
	for s.ok() {
		from := s.pos()
		s.uidRange(b)
		more := s.accept(',')
		s.uncount(from)
		if !more {
			return
		}
	}
}

// uncount takes what was read since from out of the line's length: an untagged
// SEARCH of a large mailbox is one line of megabytes. Limits.Ranges bounds it.
func (s *scanner) uncount(from int64) { s.start += s.pos() - from }

func (s *scanner) uidRange(b *setBuilder) {
	start := s.uid()
	stop := start
	if s.accept(':') {
		stop = s.uid()
	}
	if !s.ok() {
		return
	}
	if start > stop {
		start, stop = stop, start
	}
	b.add(start, stop)
	if len(b.ranges) > s.limits.Ranges {
		s.fatal(overLimit("more than %d ranges in a number set", s.limits.Ranges))
	}
}

func (s *scanner) uid() imap.UID {
	n := s.number32()
	if n == 0 {
		s.reject("uid")
	}
	return imap.UID(n)
}
