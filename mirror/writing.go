package mirror

import (
	"cmp"
	"fmt"
)

// writing is what the state does not hold yet (decision 009). Only while batches are
// copied is there any.
type writing struct {
	// parked is what the last batch showed, to be written while another is sent.
	parked *Changes
	// underway waits for a transaction that is being written; nil: there is none.
	underway func() error
}

// commit writes changes behind what is parked, unless this is a dry run.
func (x *run) commit(c *Changes) error {
	if err := x.writeParked(); err != nil {
		return err
	}
	return x.write(c)
}

// commitIntents writes what announces effects, before anything that is parked. That
// is written from then on, while the caller goes on. What was under way before was
// awaited.
func (x *run) commitIntents(c *Changes) error {
	if err := x.write(c); err != nil {
		return err
	}
	c, x.parked = x.parked, nil
	return x.begin(c)
}

// park leaves c to be written behind the next intents, and is at most one batch late.
func (x *run) park(c *Changes) error {
	if err := x.writeParked(); err != nil {
		return err
	}
	x.parked = c
	return nil
}

// writeParked returns when all that was to be written is durable.
func (x *run) writeParked() error {
	err := x.awaitState()
	c := x.parked
	x.parked = nil
	return cmp.Or(err, x.write(c))
}

// awaitState ends the transaction under way.
func (x *run) awaitState() error {
	if x.underway == nil {
		return nil
	}
	wait := x.underway
	x.underway = nil
	return stateError(wait())
}

// begin begins to write c, which is the state's until it is awaited.
func (x *run) begin(c *Changes) error {
	late, ok := x.State.(LateCommitter)
	if !ok {
		return x.write(c)
	}
	return x.hand(c, func() error {
		x.underway = late.CommitLate(c)
		return nil
	})
}

func (x *run) write(c *Changes) error {
	return x.hand(c, func() error { return x.State.Commit(c) })
}

// hand gives the state what is to be written, by commit.
func (x *run) hand(c *Changes, commit func() error) error {
	if x.DryRun || c == nil || c.Empty() {
		return nil
	}
	x.stir(c)
	if err := commit(); err != nil {
		return stateError(err)
	}
	x.wrote = true
	x.judgeRest(c)
	return nil
}

func stateError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write state: %w", err)
}
