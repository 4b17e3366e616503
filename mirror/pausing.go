package mirror

import (
	"errors"
	"fmt"
	"time"
)

// How long a side is left alone that asked for a pause: as long as it says, but no
// longer than mostPause. Where it does not say, leastPause, and twice as long each time
// it asks again soon after.
const (
	leastPause  = time.Minute
	mostPause   = time.Hour
	againWithin = time.Hour
)

// paused returns an error where a side asked for a pause in an earlier run that is
// not over: nothing is sent to it. A clock that was set back does not prolong it, and
// a full run tries nevertheless.
func (x *run) paused() error {
	if x.Full {
		return nil
	}
	for _, s := range Sides {
		row := x.snapshot.Sides[s]
		if left := row.PauseUntil.Sub(x.Now()); left > 0 && left <= row.Pause+time.Second {
			err := fmt.Errorf("%w until %s", ErrPaused, row.PauseUntil.Local().Format(time.DateTime))
			return &Error{Op: "connect", Side: s, Err: &RetryError{After: left, Err: err}}
		}
	}
	return nil
}

// pause keeps for the runs to come that err asks for a pause, and returns err with
// the length of it.
func (x *run) pause(err error) error {
	var side *Error
	var retry *RetryError
	if !errors.As(err, &side) || !errors.As(err, &retry) || !errors.Is(err, ErrThrottled) || x.DryRun {
		return err
	}
	row := x.snapshot.Sides[side.Side]
	length := min(retry.After, mostPause)
	if length <= 0 {
		length = leastPause
		if row.Pause > 0 && x.Now().Sub(row.PauseUntil) < againWithin {
			length = min(2*row.Pause, mostPause)
		}
	}
	row.Pause = (length + time.Second - 1).Truncate(time.Second)
	row.PauseUntil = x.Now().UTC().Add(row.Pause + time.Second - 1).Truncate(time.Second)
	retry.After = length
	if failed := x.commit(&Changes{Sides: []SideChange{{side.Side, row}}}); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}
