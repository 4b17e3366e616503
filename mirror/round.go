package mirror

import (
	"context"
	"fmt"
	"slices"
)

// round is one pass: look, plan, carry out, store the checkpoints. It returns
// the plan that it carried out. only, where it is not nil, limits what is looked
// into; wide adds every mailbox that changed.
func (x *run) round(ctx context.Context, only map[Name]bool, wide bool) (plan Plan, err error) {
	boxes, plan, err := x.decide(ctx, only, wide)
	if err != nil {
		return Plan{}, err
	}
	for _, p := range plan.Problems {
		x.problem(p)
	}
	if only == nil || len(x.result.Plan.Stops) == 0 {
		x.result.Plan = Plan{Stops: plan.Stops, Withheld: plan.Withheld, Token: plan.Token}
	}
	if x.DryRun {
		x.result.Plan = plan
		return plan, nil
	}
	x.noteFound(plan)
	e := newEffects(x, boxes, plan)
	if err := e.carryOut(ctx); err != nil {
		return Plan{}, err
	}
	x.usable = map[Name]bool{}
	for _, b := range boxes {
		x.usable[b.name] = b.usable(Far) && b.usable(Near) && !b.hidden
	}
	return plan, e.checkpoints()
}

// noteFound notes which sides gave cause to change mail.
func (x *run) noteFound(plan Plan) {
	for _, list := range [...][]Action{plan.Actions, plan.Withheld} {
		for i := range list {
			if list[i].Kind.ChangesMail() {
				x.found[list[i].Side.Other()] = true
			}
		}
	}
}

// identifyRounds bounds how often a plan may ask for more: headers, bodies,
// and once more for what a rename in between uncovered.
const identifyRounds = 6

// plan asks the planner, and identifies messages as long as it needs more.
func (x *run) plan(ctx context.Context, boxes []*box, later, wide bool) (Plan, error) {
	for range identifyRounds {
		plan, needs := MakePlan(x.input(boxes, later, wide))
		if len(needs) == 0 {
			return plan, x.findDonors(ctx, boxes, &plan)
		}
		x.expectNeeds(ctx, boxes, needs)
		for _, need := range needs {
			if err := x.identify(ctx, boxes, need); err != nil {
				return Plan{}, err
			}
		}
	}
	return Plan{}, fmt.Errorf("%w: the plan keeps asking for more", ErrStopped)
}

// expectNeeds announces to the sides what is going to be identified.
func (x *run) expectNeeds(ctx context.Context, boxes []*box, needs []Need) {
	var calls [2][]Expected
	for _, need := range needs {
		call := Expected{Name: need.Mailbox, Depth: need.Depth}
		side := &findBox(boxes, need.Mailbox).sides[need.Side]
		for _, ref := range need.Refs {
			if m := side.messages[ref.UID]; m != nil {
				call.Identify = append(call.Identify, *m)
			}
		}
		if len(call.Identify) > 0 {
			calls[need.Side] = append(calls[need.Side], call)
		}
	}
	for _, s := range Sides {
		if len(calls[s]) > 0 {
			x.Repositories[s].Expect(ctx, calls[s])
		}
	}
}

// findBox returns the box of a mailbox, nil where there is none.
func findBox(boxes []*box, name Name) *box {
	i, found := slices.BinarySearchFunc(boxes, name, func(b *box, n Name) int {
		if b.name < n {
			return -1
		} else if b.name > n {
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return boxes[i]
}
