package imapconn

import "github.com/emersion/go-imap/v2"

// Missing returns those of asked that are not in arrived, as ranges. The open
// end of a dynamic range ("5:*") is not counted, as nobody knows where it ends.
// Both sets may be in any order.
func Missing(asked, arrived imap.UIDSet) imap.UIDSet { return nil }

// SplitUIDs cuts a set into sets of at most max octets on the wire each, in
// order; servers refuse lines longer than about 8,000 octets (RFC 7162 §4).
func SplitUIDs(set imap.UIDSet, max int) []imap.UIDSet { return nil }

// CountUIDs is the number of UIDs in a static set without duplicates.
func CountUIDs(set imap.UIDSet) uint64 { return 0 }

// Pairs calls f for each source UID with its copy, in the order of the wire,
// until f returns false. It returns false, without calling f, when the two sets
// do not hold equally many UIDs, or none.
func (d CopyData) Pairs(f func(source, target imap.UID) bool) bool { return false }
