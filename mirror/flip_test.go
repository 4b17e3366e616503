package mirror

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// flip swaps the sides of a model.
func (m *model) flip() { m.in, m.real = flipInput(m.in), flipReal(m.real) }

func flipReal(real map[MessageKey]Identity) map[MessageKey]Identity {
	out := map[MessageKey]Identity{}
	for k, id := range real {
		out[MessageKey{k.Side.Other(), k.Mailbox, k.UID}] = id
	}
	return out
}

func swap[T any](pair [2]T) [2]T { return [2]T{pair[1], pair[0]} }

func flipDirection(d Direction) (out Direction) {
	for _, s := range Sides {
		if d.Allows(s) {
			out |= Towards(s.Other())
		}
	}
	return out
}

func flipPolicy(p Policy) Policy {
	p.Target = p.Target.Other()
	p.New, p.Flags, p.Gone, p.Create = flipDirection(p.New), flipDirection(p.Flags), flipDirection(p.Gone), flipDirection(p.Create)
	return p
}

func flipRecord(r Record) Record {
	r.UID, r.Base, r.Masked, r.State = swap(r.UID), swap(r.Base), swap(r.Masked), swap(r.State)
	return r
}

func flipInput(in Input) Input {
	in = cloneInput(in)
	in.Policy, in.Sides = flipPolicy(in.Policy), swap(in.Sides)
	for i := range in.Mailboxes {
		b := &in.Mailboxes[i]
		b.Sides, b.Unpaired, b.Departed = swap(b.Sides), swap(b.Unpaired), swap(b.Departed)
		b.Searched, b.Found = swap(b.Searched), swap(b.Found)
		b.Quarantined, b.Late, b.Unknown = swap(b.Quarantined), swap(b.Late), swap(b.Unknown)
		for k, r := range b.Records {
			b.Records[k] = RecordInput{flipRecord(r.Record), swap(r.Seen)}
		}
		for k := range b.Intents {
			b.Intents[k].Side = b.Intents[k].Side.Other()
		}
		for k := range b.Ghosts {
			b.Ghosts[k].Intent.Side = b.Ghosts[k].Intent.Side.Other()
		}
	}
	return in
}

func flipAction(a Action) Action {
	switch a.Kind {
	case Drop, Pair:
		// these speak of no side
	default:
		a.Side = a.Side.Other()
	}
	a.UID, a.Record = swap(a.UID), flipRecord(a.Record)
	if a.Kind == Pair {
		was := a.Message
		a.Message, a.Partner = *a.Partner, &was
	}
	return a
}

func flipPlan(p Plan) Plan {
	flipAll := func(list []Action) (out []Action) {
		for _, a := range list {
			out = append(out, flipAction(a))
		}
		sortActions(out)
		return out
	}
	p.Actions, p.Withheld = flipAll(p.Actions), flipAll(p.Withheld)
	p.Problems, p.Stops = slices.Clone(p.Problems), slices.Clone(p.Stops)
	for i := range p.Problems {
		p.Problems[i].Side = p.Problems[i].Side.Other()
	}
	for i := range p.Stops {
		if p.Stops[i].Rail != RailWrongAccount { // concerns both
			p.Stops[i].Side = p.Stops[i].Side.Other()
		}
	}
	return p
}

// comparablePlan brings a plan into a form in which mirror images are equal: the
// note that a record's bases changed names no side of its own.
func comparablePlan(p Plan) Plan {
	level := func(list []Action) []Action {
		list = slices.Clone(list)
		for i := range list {
			if list[i].Kind == Confirm {
				list[i].Side = Far
			}
		}
		slices.SortStableFunc(list, func(a, b Action) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Side, b.Side),
				cmp.Compare(a.UID[Far], b.UID[Far]), cmp.Compare(a.UID[Near], b.UID[Near]), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
		})
		return list
	}
	p.Actions, p.Withheld = level(p.Actions), level(p.Withheld)
	p.Problems, p.Stops = slices.Clone(p.Problems), slices.Clone(p.Stops)
	slices.SortFunc(p.Problems, func(a, b Problem) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	slices.SortFunc(p.Stops, func(a, b Stop) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	p.Token = ""
	return p
}

func flipWords(s string) string {
	s = strings.ReplaceAll(s, "near", "FAR")
	s = strings.ReplaceAll(s, "far", "near")
	return strings.ReplaceAll(s, "FAR", "far")
}

// flipped runs a test as it is and with the sides swapped; build makes the
// model, and want is given in its words.
func flipped(t *testing.T, name string, build func(t *testing.T) *model, want string) {
	t.Helper()
	t.Run(name, func(t *testing.T) { build(t).check(want) })
	t.Run(name+", flipped", func(t *testing.T) {
		m := build(t)
		straight := build(t).plan()
		m.flip()
		if got, want := comparablePlan(m.plan()), comparablePlan(flipPlan(straight)); !reflect.DeepEqual(got, want) {
			t.Errorf("not a mirror image: got %q, want %q", sayAll(got.Actions), sayAll(want.Actions))
		}
		m.check(flipWords(want))
	})
}
