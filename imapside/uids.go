package imapside

import (
	"slices"

	"github.com/emersion/go-imap/v2"

	"mailtwin/imapside/imapconn"
	"mailtwin/mirror"
)

// maxSet is how many octets of a command line an UID set may take. Servers
// refuse lines longer than about 8,000 octets (RFC 7162 §4).
const maxSet = 7500

// ascending returns the UIDs of refs in ascending order, each once, without 0.
func ascending(refs []mirror.Ref) []imap.UID {
	uids := make([]imap.UID, 0, len(refs))
	for _, ref := range refs {
		if ref.UID != 0 {
			uids = append(uids, ref.UID)
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids)
}

// lines returns ascending uids as sets that fit a command line each.
func lines(uids []imap.UID) []imap.UIDSet {
	if len(uids) == 0 {
		return nil
	}
	return imapconn.SplitUIDs(mirror.Ranges(uids), maxSet)
}

// parts cuts ascending uids so that each part fits a command line.
func parts(uids []imap.UID) [][]imap.UID {
	var parts [][]imap.UID
	for _, set := range lines(uids) {
		last := set[len(set)-1].Stop
		end, _ := slices.BinarySearch(uids, last+1)
		parts = append(parts, uids[:end])
		uids = uids[end:]
	}
	return parts
}

// from is the set "first:*". Its answer holds the last message even where that
// is below first (RFC 9051 §9, seq-range).
func from(first imap.UID) imap.UIDSet { return imap.UIDSet{{Start: first, Stop: 0}} }

// within reports whether uid is in set, whose ranges are sorted.
func within(set imap.UIDSet, uid imap.UID) bool {
	i, found := slices.BinarySearchFunc(set, uid, func(r imap.UIDRange, uid imap.UID) int {
		switch {
		case r.Stop < uid:
			return -1
		case r.Start > uid:
			return 1
		}
		return 0
	})
	return found && i < len(set)
}

// refOf is the mirror's name of a message on this side.
func refOf(uid imap.UID) mirror.Ref { return mirror.Ref{UID: uid} }
