package mirror

import "slices"

// matcher pairs messages that are equal. It never takes unequal size or digest
// as proof of a difference: what is left over is tried by Message-ID, Date and
// From before it counts as no match.
type matcher struct {
	a, b []Message
	// byKey allows Message-ID, Date and From to decide what digests could not.
	byKey bool

	usedA, usedB []bool
	pairs        []match
	doubtA       []int // several candidates: never sent
	doubtB       []int
	needA, needB map[int]Depth
}

// match is one pair of indexes.
type match struct {
	a, b    int
	altered bool
}

// matchMessages pairs a with b. When it needs more to decide, needA and needB
// are filled and the pairs are not to be used.
func matchMessages(a, b []Message, byKey bool) *matcher {
	m := &matcher{a: a, b: b, byKey: byKey,
		usedA: make([]bool, len(a)), usedB: make([]bool, len(b)),
		needA: map[int]Depth{}, needB: map[int]Depth{}}
	if len(a) == 0 || len(b) == 0 {
		return m
	}
	m.needHeaders()
	if m.needs() {
		return m
	}
	m.pairByHeader()
	m.pairByBody()
	if m.byKey && !m.needs() {
		m.pairByKey()
	}
	return m
}

func (m *matcher) needs() bool { return len(m.needA)+len(m.needB) > 0 }

func (m *matcher) needHeaders() {
	for i, msg := range m.a {
		if !msg.Identity.Header.Known() {
			m.needA[i] = Headers
		}
	}
	for i, msg := range m.b {
		if !msg.Identity.Header.Known() {
			m.needB[i] = Headers
		}
	}
}

func (m *matcher) pair(a, b int, altered bool) {
	m.usedA[a], m.usedB[b] = true, true
	m.pairs = append(m.pairs, match{a, b, altered})
}

// groups calls visit with the unused members of a and b that share a key, in
// the order of a.
func (m *matcher) groups(key func(Message) Digest, visit func(inA, inB []int)) {
	inB := map[Digest][]int{}
	for i, msg := range m.b {
		if k := key(msg); k.Known() && !m.usedB[i] {
			inB[k] = append(inB[k], i)
		}
	}
	inA := map[Digest][]int{}
	var order []Digest
	for i, msg := range m.a {
		k := key(msg)
		if !k.Known() || m.usedA[i] || len(inB[k]) == 0 {
			continue
		}
		if len(inA[k]) == 0 {
			order = append(order, k)
		}
		inA[k] = append(inA[k], i)
	}
	for _, k := range order {
		visit(inA[k], inB[k])
	}
}

func headerOf(m Message) Digest { return m.Identity.Header }
func bodyOf(m Message) Digest   { return m.Identity.Body }
func keyOf(m Message) Digest    { return m.Identity.Key }

// pairByHeader pairs where header digest and size are unique on both sides and
// the header may decide; for the rest of each group it asks for the bodies.
func (m *matcher) pairByHeader() {
	m.groups(headerOf, func(inA, inB []int) {
		if len(inA) == 1 && len(inB) == 1 && headerDecides(m.a[inA[0]], m.b[inB[0]]) {
			m.pair(inA[0], inB[0], false)
			return
		}
		for _, i := range inA {
			if !bodyOf(m.a[i]).Known() {
				m.needA[i] = Bodies
			}
		}
		for _, i := range inB {
			if !bodyOf(m.b[i]).Known() {
				m.needB[i] = Bodies
			}
		}
	})
}

func headerDecides(a, b Message) bool {
	return a.Identity.Decisive && b.Identity.Decisive && a.Size-a.Identity.Foreign == b.Size-b.Identity.Foreign
}

// pairByBody pairs equal bodies as multisets, lowest with lowest.
func (m *matcher) pairByBody() {
	m.groups(bodyOf, func(inA, inB []int) {
		for i := range min(len(inA), len(inB)) {
			m.pair(inA[i], inB[i], false)
		}
	})
}

// pairByKey pairs what a server changed. Where several share Message-ID, Date
// and From, equal INTERNALDATE may single one out; what is left on both sides
// is in doubt.
func (m *matcher) pairByKey() {
	m.groups(keyOf, func(inA, inB []int) {
		if len(inA) == 1 && len(inB) == 1 {
			m.pair(inA[0], inB[0], true)
			return
		}
		m.pairByDate(inA, inB)
		leftA, leftB := unused(inA, m.usedA), unused(inB, m.usedB)
		switch {
		case len(leftA) == 1 && len(leftB) == 1:
			m.pair(leftA[0], leftB[0], true)
		case len(leftA) > 0 && len(leftB) > 0:
			m.doubtA, m.doubtB = append(m.doubtA, leftA...), append(m.doubtB, leftB...)
		}
	})
	slices.Sort(m.doubtA)
	slices.Sort(m.doubtB)
}

func unused(index []int, used []bool) (left []int) {
	for _, i := range index {
		if !used[i] {
			left = append(left, i)
		}
	}
	return left
}

func (m *matcher) pairByDate(inA, inB []int) {
	for _, i := range inA {
		sameA, sameB := 0, -1
		for _, k := range inA {
			if m.a[k].Date.Equal(m.a[i].Date) {
				sameA++
			}
		}
		count := 0
		for _, k := range inB {
			if m.b[k].Date.Equal(m.a[i].Date) {
				sameB = k
				count++
			}
		}
		if sameA == 1 && count == 1 && !m.a[i].Date.IsZero() {
			m.pair(i, sameB, true)
		}
	}
}
