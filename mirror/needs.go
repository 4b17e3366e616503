package mirror

import (
	"cmp"
	"slices"
)

// needs collects what must be identified, without repeating itself.
type needs map[needKey]Depth

type needKey struct {
	side    Side
	mailbox Name
	ref     Ref
}

func (n needs) add(side Side, mailbox Name, list []Message, depths map[int]Depth) {
	for i, depth := range depths {
		key := needKey{side, mailbox, list[i].Ref}
		n[key] = max(n[key], depth)
	}
}

// list returns the needs by side, mailbox, depth and UID.
func (n needs) list() []Need {
	type group struct {
		side    Side
		mailbox Name
		depth   Depth
	}
	grouped := map[group]*Need{}
	for key, depth := range n {
		k := group{key.side, key.mailbox, depth}
		if grouped[k] == nil {
			grouped[k] = &Need{Side: key.side, Mailbox: key.mailbox, Depth: depth}
		}
		grouped[k].Refs = append(grouped[k].Refs, key.ref)
	}
	var out []Need
	for _, need := range grouped {
		slices.SortFunc(need.Refs, func(a, b Ref) int { return cmp.Compare(a.UID, b.UID) })
		out = append(out, *need)
	}
	slices.SortFunc(out, compareNeeds)
	return out
}

func compareNeeds(a, b Need) int {
	return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Depth, b.Depth))
}
