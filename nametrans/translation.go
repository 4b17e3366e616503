package nametrans

import (
	"cmp"
	"maps"
	"slices"
)

// A Translation is the map between the mailbox names of the two sides of a
// pair, proved one-to-one. It does not change and is safe for concurrent use.
// The zero Translation has every name mean the same on both sides.
type Translation struct {
	// Stopped are the mailboxes that must be left alone, sorted. No name is in
	// two of them.
	Stopped []Stop

	lookup  *lookup
	pairs   [2]map[Name]Name // from each side, names that occur or would be made
	stopped [2]map[Name]bool
	used    [2]*spellings
}

// A Stop is a group of mailboxes that must be left alone, because it cannot be
// proved which is whose counterpart. Nothing may be read from them, written to
// them or made under these names. Removing one of them, or changing a rule,
// may free the others. All lists are sorted.
type Stop struct {
	Far, Near []Name // as listed; at least one name in all

	// NewFar and NewNear are the names that are not listed and that the
	// mailboxes of the Stop would have on the other side.
	NewFar, NewNear []Name

	Reason Reason
	Rules  []string // the rules that were used, as Rules.String spells them; may be empty
}

// Near returns what the far mailbox is called on the near side. It is false for
// a mailbox that is stopped. A name that Translate did not see, such as that of
// a mailbox made since or of one that is not selected, is proved now, against
// all that Translate saw: it must come back, and collide with nothing. Two such
// names are never given one name, but whether they collide with each other (see
// Collisions) is known only when both are listed.
func (t Translation) Near(far Name) (Name, bool) { return t.image(farSide, far) }

// Far returns what the near mailbox is called on the far side, as Near does.
func (t Translation) Far(near Name) (Name, bool) { return t.image(nearSide, near) }

func (t Translation) image(from side, n Name) (Name, bool) {
	to := from.other()
	if there, ok := t.pairs[from][n]; ok {
		return there, true
	}
	if n == "" || t.stopped[from][n] {
		return "", false
	}
	there := t.lookup.image(from, n)
	if there.reason != "" || t.stopped[to][there.name] || t.lookup.image(to, there.name).name != n {
		return "", false
	}
	if t.used[from].clashesNew(n) || t.used[to].clashesNew(there.name) {
		return "", false
	}
	return there.name, true
}

// Translate applies the rules to what both sides list, and proves the result:
//
//   - Each name that occurs has one name on the other side, which leads back to
//     it. Names that occur are those listed and those they have, or would be
//     made under, on the other side.
//   - No two names of a side have one name on the other.
//   - No two names of a side collide: see Collisions.
//
// Mailboxes of which this does not hold are in Stopped, all others translate.
// What else is listed has no part in the translation of a name, but for what
// stands with it in one Stop and for the mailboxes of a special use that a rule
// asks for.
//
// selected tells by their near names which mailboxes belong to the pair; nil
// selects all. The others are not proved and stop nothing; a far mailbox that
// has no near name to tell it by belongs. foldCase is as for Collisions. The
// order of far and near does not matter. The cost grows in proportion to the
// number of names.
func (r Rules) Translate(far, near []Mailbox, selected func(near Name) bool, foldCase bool) Translation {
	var l *lookup
	if !r.Empty() {
		l = newLookup(r.rules, [2][]Mailbox{far, near}, foldCase)
	}
	if selected == nil {
		selected = func(Name) bool { return true }
	}
	var listed [2][]Name
	for s, list := range [2][]Mailbox{far, near} {
		for _, m := range list {
			listed[s] = append(listed[s], m.Name)
		}
	}
	return prove(l, listed, selected, foldCase)
}

// A proof joins the names of both sides that have to do with each other into
// groups. A group is good if it is one far name, one near name, and each leads
// to the other.
type proof struct {
	lookup *lookup
	nodes  []node
	ids    [2]map[Name]int // index in nodes
}

// A node is a name of one side.
type node struct {
	side    side
	name    Name
	listed  bool
	belongs bool   // listed, and selected
	image   *image // on the other side; nil until asked for
	reason  Reason // why it stops; empty when it does not, or only others of its group do
	up      int    // index of another node of the group, its own at the root
}

func prove(l *lookup, listed [2][]Name, selected func(near Name) bool, foldCase bool) Translation {
	count := len(listed[farSide]) + len(listed[nearSide])
	p := &proof{lookup: l, nodes: make([]node, 0, 2*count)}
	for _, s := range bothSides {
		p.ids[s] = make(map[Name]int, count)
	}
	members := p.join(listed, selected)
	for _, s := range bothSides {
		for _, n := range listed[s] {
			if id, ok := p.ids[s][n]; ok {
				p.nodes[id].listed = true
			}
		}
	}
	p.countSides()
	used := p.collide(members, foldCase)
	t := Translation{lookup: l, used: used}
	for _, s := range bothSides {
		t.pairs[s], t.stopped[s] = make(map[Name]Name, len(p.ids[s])), map[Name]bool{}
	}
	for _, group := range p.groups() {
		if stop, ok := p.stop(group); ok {
			t.Stopped = append(t.Stopped, stop)
			for _, id := range group {
				t.stopped[p.nodes[id].side][p.nodes[id].name] = true
			}
			continue
		}
		a, b := p.nodes[group[0]], p.nodes[group[1]]
		t.pairs[a.side][a.name], t.pairs[b.side][b.name] = b.name, a.name
	}
	slices.SortFunc(t.Stopped, func(a, b Stop) int {
		return cmp.Or(slices.Compare(a.Far, b.Far), slices.Compare(a.Near, b.Near))
	})
	return t
}

// join makes a node of each name that belongs to the pair and joins it with
// its image. It returns the names of each side that belong, repetitions kept.
func (p *proof) join(listed [2][]Name, selected func(near Name) bool) (members [2][]Name) {
	for _, s := range bothSides {
		for _, n := range listed[s] {
			if id, ok := p.ids[s][n]; ok && p.nodes[id].belongs { // listed twice
				members[s] = append(members[s], n)
				continue
			}
			there := p.image(s, n)
			if !isSelected(s, n, there, selected) {
				continue
			}
			members[s] = append(members[s], n)
			id := p.node(s, n)
			p.nodes[id].belongs, p.nodes[id].image = true, &there
			if there.reason != "" {
				p.nodes[id].reason = there.reason
				for _, tied := range bothSides {
					for _, other := range there.tied[tied] {
						p.union(id, p.node(tied, other))
					}
				}
				continue
			}
			other := p.node(s.other(), there.name)
			p.union(id, other)
			back := p.image(s.other(), there.name)
			p.nodes[other].image = &back
			if back.name != n {
				p.nodes[id].reason = p.noReturn(back.name, n)
			}
		}
	}
	return members
}

// image is lookup.image, which is asked once for each node.
func (p *proof) image(from side, n Name) image {
	if id, ok := p.ids[from][n]; ok && p.nodes[id].image != nil {
		return *p.nodes[id].image
	}
	return p.lookup.image(from, n)
}

// isSelected reports whether n, a name of side s, belongs to the pair. A far
// name that has no near name to tell it by does.
func isSelected(s side, n Name, there image, selected func(near Name) bool) bool {
	switch {
	case s == nearSide:
		return selected(n)
	case there.reason == "":
		return selected(there.name)
	case len(there.tied[nearSide]) == 0:
		return true
	}
	return slices.ContainsFunc(there.tied[nearSide], selected)
}

func (p *proof) noReturn(back, n Name) Reason {
	if p.lookup != nil && key(back, p.lookup.foldCase) == key(n, p.lookup.foldCase) {
		return ReasonSpelling
	}
	return ReasonNoReturn
}

// countSides stops groups with two names on a side.
func (p *proof) countSides() {
	type sideOf struct {
		root int
		side side
	}
	first := map[sideOf]bool{}
	for id, n := range p.nodes {
		at := sideOf{p.root(id), n.side}
		if first[at] {
			p.nodes[id].reason = urgent(n.reason, ReasonShared)
		}
		first[at] = true
	}
}

// collide stops what collides on a side: members, with repetitions, and what
// would be made. It returns the names of each side.
func (p *proof) collide(members [2][]Name, foldCase bool) (used [2]*spellings) {
	for _, n := range p.nodes {
		if !n.belongs {
			members[n.side] = append(members[n.side], n.name)
		}
	}
	for _, s := range bothSides {
		used[s] = newSpellings(members[s], foldCase)
		first := map[string]int{}
		for n, c := range used[s].clashes(members[s]) {
			id := p.ids[s][n]
			p.nodes[id].reason = urgent(p.nodes[id].reason, c.reason)
			if other, ok := first[c.top]; ok {
				p.union(other, id)
			}
			first[c.top] = id
		}
	}
	return used
}

// stop returns the Stop of a group; false when the group is good.
func (p *proof) stop(group []int) (Stop, bool) {
	var s Stop
	rules := map[string]bool{}
	for _, id := range group {
		n := p.nodes[id]
		s.Reason = urgent(s.Reason, n.reason)
		list := [2]*[]Name{&s.NewFar, &s.NewNear}[n.side]
		if n.listed {
			list = [2]*[]Name{&s.Far, &s.Near}[n.side]
		}
		*list = append(*list, n.name)
	}
	if s.Reason == "" {
		return Stop{}, false
	}
	for _, id := range group {
		if n := p.nodes[id]; n.belongs {
			there := p.image(n.side, n.name)
			for _, r := range there.rules {
				rules[r.String()] = true
			}
			if there.reason == "" {
				for _, r := range p.image(n.side.other(), there.name).rules {
					rules[r.String()] = true
				}
			}
		}
	}
	for _, list := range []*[]Name{&s.Far, &s.Near, &s.NewFar, &s.NewNear} {
		slices.Sort(*list)
	}
	s.Rules = slices.Sorted(maps.Keys(rules))
	return s, true
}

// urgency orders the reasons of a group: the first says most.
var urgency = []Reason{
	ReasonRoleTwice, ReasonTwoRules, ReasonNoName, ReasonCase, ReasonNormal, ReasonTwice, ReasonSpelling, ReasonShared, ReasonNoReturn,
}

// urgent returns the reason that says more; either may be empty.
func urgent(a, b Reason) Reason {
	if a == "" || b != "" && slices.Index(urgency, b) < slices.Index(urgency, a) {
		return b
	}
	return a
}

// groups returns the nodes of each group, in an order that depends on nothing
// but the order of the nodes.
func (p *proof) groups() [][]int {
	var groups [][]int
	at := map[int]int{}
	for id := range p.nodes {
		root := p.root(id)
		i, ok := at[root]
		if !ok {
			i = len(groups)
			at[root] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], id)
	}
	return groups
}

// node returns the index of the node of a name, which it makes.
func (p *proof) node(s side, n Name) int {
	id, ok := p.ids[s][n]
	if !ok {
		id = len(p.nodes)
		p.ids[s][n] = id
		p.nodes = append(p.nodes, node{side: s, name: n, up: id})
	}
	return id
}

func (p *proof) root(id int) int {
	for p.nodes[id].up != id {
		p.nodes[id].up = p.nodes[p.nodes[id].up].up
		id = p.nodes[id].up
	}
	return id
}

func (p *proof) union(a, b int) {
	p.nodes[p.root(a)].up = p.root(b)
}
