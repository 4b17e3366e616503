package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mailtwin/nametrans"
)

// Runner keeps the two repositories of a pair alike. Fields are set by the
// caller before Run, and Run is called once.
type Runner struct {
	Repositories [2]Repository
	// Names are the repositories' names in the configuration; they must stay
	// the same as long as the state is used.
	Names  [2]string
	State  State
	Policy Policy
	// Rules translate the far side's names into those of the pair, which are the near
	// side's. The zero value translates nothing.
	Rules nametrans.Rules
	// Selected says which mailboxes take part, by the names of the pair; nil is all.
	Selected func(Selectable) bool
	// DryRun makes the plan and changes nothing, not even the state.
	DryRun bool
	// Full compares all mailboxes completely, and does not wait for a pause to end.
	Full bool
	// Untouched are sides to which nothing at all is written, not even the id that
	// tells a Maildir from another one. No policy may write to them.
	Untouched [2]bool
	// Confirm is the token of withheld actions that a person allows.
	Confirm string
	// Report is called with progress, from several goroutines but never at
	// the same time; nil is fine.
	Report func(Event)
	// Now and Sleep are the clock; nil is the real one.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Result is what a run did, also when it ended with an error.
type Result struct {
	Summary  Summary
	Problems []Problem
	// Plan is the plan of a dry run, and else the withheld part of it: Stops,
	// Withheld, Token.
	Plan Plan
	// First says that this was the first run of the pair that came to its end.
	First bool
	// Open counts copies that are still uncertain.
	Open int
	// Changed says that some mail was changed.
	Changed bool
	// Temporary says that something was left out for a reason that will pass.
	Temporary bool
}

// run is one run under way.
type run struct {
	*Runner
	result    Result
	snapshot  Snapshot
	traits    [2]Traits
	connected time.Time
	settled   bool
	// interrupted are the mailboxes of which copies of an earlier run are uncertain.
	interrupted map[MailboxKey]bool
	// trashes are the mailboxes that removals go to, selected or not; "" until
	// one is made.
	trashes   [2]Name
	reporting sync.Mutex
	wrote     bool
	listed    bool // the first listings are there
	// found says that something which a side showed was to change mail.
	found [2]bool
	// boxes are those of the round under way.
	boxes []*box
	// about is what Selected goes by, as far as the state and the listings say.
	about map[Name]Selectable
	// usable are the mailboxes that the last round could work in, on both sides.
	usable map[Name]bool
	// unreadOnce are the messages that could not be read to be compared; each
	// counts once a run.
	unreadOnce map[MessageKey]bool
	// unmoved are the messages whose partners were to be moved in this run, and
	// were not, by the place that they were moved to.
	unmoved map[MessageKey]Message
	// blind are the moves and removals that were interrupted, and whose source this
	// round does not look into, or not on both sides.
	blind []Intent
	// reported keeps a problem from being named once a round.
	reported map[Problem]bool
	writing
	// names are what Rules came to when both sides were listed last, and unmapped the
	// mailboxes that have no counterpart by them, or another than before, with the reason.
	names    nametrans.Translation
	unmapped map[Name]string
	// unseen are the mailboxes that could not be looked into when they were to be last, and
	// stopped those that a look stopped for this run, each with the reason.
	unseen, stopped map[MailboxKey]string
	// outside are the far mailboxes that have no name of the pair.
	outside []Listed
}

// rounds bounds how often a run looks again for copies whose UID the server
// did not tell: as sent, after settling, and after sending again.
const rounds = 5

// Run carries out one run. The state must be locked by the caller. What was
// done before an error stays done, and the next run goes on from there.
func (r *Runner) Run(ctx context.Context) (Result, error) {
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	x := &run{Runner: r, reported: map[Problem]bool{}, unreadOnce: map[MessageKey]bool{}, unmoved: map[MessageKey]Message{},
		unseen: map[MailboxKey]string{}, stopped: map[MailboxKey]string{}}
	if !x.Rules.Empty() {
		inner := *r // the caller's repositories stay as they are
		inner.Repositories[Far] = &translated{r.Repositories[Far], x}
		x.Runner = &inner
	}
	err := x.do(ctx)
	return x.result, err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *run) report(e Event) {
	if x.Report != nil {
		x.reporting.Lock()
		defer x.reporting.Unlock()
		x.Report(e)
	}
}

func (x *run) note(format string, args ...any) {
	x.report(Event{Kind: Noted, Text: fmt.Sprintf(format, args...)})
}

// problem names a mailbox or message that is left out, once a run.
func (x *run) problem(p Problem) {
	if x.reported[p] {
		return
	}
	x.reported[p] = true
	x.result.Problems = append(x.result.Problems, p)
	x.report(Event{Kind: Failed, Side: p.Side, Mailbox: p.Mailbox, Problem: &p})
}

func (x *run) do(ctx context.Context) error {
	start := x.Now()
	if err := x.load(); err != nil {
		return err
	}
	x.result.First = x.snapshot.Fresh
	x.interrupted = map[MailboxKey]bool{}
	for _, in := range x.snapshot.Intents {
		if in.Kind == CopyIntent {
			x.interrupted[MailboxKey{in.Side, in.Mailbox}] = true
		}
	}
	if err := x.paused(); err != nil {
		return err
	}
	if err := x.connect(ctx); err != nil {
		return x.pause(err)
	}
	defer x.close()
	if err := x.rounds(ctx); err != nil {
		x.remember()
		return x.pause(err)
	}
	return x.finish(start)
}

// remember keeps what the sides learned in a run that failed, which may be what made
// it fail. The run's own error is the one that counts.
func (x *run) remember() {
	var c Changes
	for _, s := range Sides {
		row := &x.snapshot.Sides[s]
		if memory := x.Repositories[s].Memory(); memory != row.Memory {
			row.Memory = memory
			c.Sides = append(c.Sides, SideChange{s, *row})
		}
	}
	_ = x.commit(&c)
}

// load reads the state. When it fails, what was read before stays.
func (x *run) load() error {
	snapshot, err := x.State.Load()
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	x.snapshot = snapshot
	for _, row := range snapshot.Mailboxes {
		x.learn(row.Name, row.Role, row.Subscribed, false)
	}
	return nil
}

// connect makes both sides ready at once. The side rows are written before
// anything else is done with a side.
func (x *run) connect(ctx context.Context) error {
	access := ReadWrite
	if x.DryRun {
		access = ReadOnly
	}
	for _, s := range Sides {
		if was := x.snapshot.Sides[s].Repository; was != "" && was != x.Names[s] {
			return &Error{Op: "identify repository", Side: s, Err: fmt.Errorf("%w: it was %q and is %q", ErrOtherIdentity, was, x.Names[s])}
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range Sides {
		row := x.snapshot.Sides[s]
		g.Go(func() error {
			want := access
			if x.Untouched[s] || !x.Policy.Writes(s) && row.Identity != "" {
				want = ReadOnly
			}
			traits, err := x.Repositories[s].Connect(gctx, Visit{Identity: row.Identity, Memory: row.Memory, Access: want})
			if err != nil {
				return &Error{Op: "connect", Side: s, Err: err}
			}
			x.traits[s] = traits
			x.report(Event{Kind: Connected, Side: s})
			return nil
		})
	}
	err := g.Wait()
	x.connected = x.Now()
	if err == nil {
		err = x.noteSides()
	}
	if err != nil {
		x.close()
	}
	return err
}

func (x *run) noteSides() error {
	var c Changes
	for _, s := range Sides {
		row := x.snapshot.Sides[s]
		now := row
		now.Repository, now.Identity = x.Names[s], x.traits[s].Identity
		if now != row {
			x.snapshot.Sides[s] = now
			c.Sides = append(c.Sides, SideChange{s, now})
		}
	}
	return x.commit(&c)
}

func (x *run) close() {
	for _, s := range Sides {
		// The session is over either way; what was to be durable is.
		_ = x.Repositories[s].Close()
	}
}

// rounds looks, plans and carries out until no copy is uncertain. The first
// round does all the work; later ones look only where something was left open.
func (x *run) rounds(ctx context.Context) error {
	var only map[Name]bool
	wide := true
	for i := range rounds {
		plan, err := x.round(ctx, only, wide)
		if err != nil || x.DryRun {
			return err
		}
		if err := x.load(); err != nil {
			return err
		}
		open := x.within(x.snapshot.Intents)
		only = unsettled(open)
		if x.settled && !anyAccepted(open) {
			clear(only) // what was sent again in this run is left to the next
		}
		x.result.Open = len(open)
		if len(only) > 0 && (plan.Waiting > 0 || i > 0) && i < rounds-1 {
			if err := x.settle(ctx); err != nil {
				return err
			}
		}
		for _, name := range plan.Revisit {
			only[name] = true
		}
		if wide = plan.Wide; wide {
			continue
		}
		if len(only) == 0 {
			return nil
		}
	}
	return nil
}

// unsettled returns the mailboxes that uncertain effects concern.
func unsettled(intents []Intent) map[Name]bool {
	names := map[Name]bool{}
	for _, in := range intents {
		names[in.Mailbox] = true
		if in.Target != "" {
			names[in.Target] = true
		}
	}
	return names
}

// within returns the uncertain effects that this run could look into: those of a
// mailbox that is missing, blocked or not selected wait until it is back.
func (x *run) within(intents []Intent) (list []Intent) {
	for _, in := range intents {
		if in.Kind != GhostIntent && x.usable[in.Mailbox] {
			list = append(list, in)
		}
	}
	return list
}

// anyAccepted reports whether a server accepted something without telling the
// UID.
func anyAccepted(intents []Intent) bool {
	return slices.ContainsFunc(intents, func(in Intent) bool { return in.Accepted })
}

// settle waits until a server can no longer finish what was cut before this
// run connected, or what it accepted in this run.
func (x *run) settle(ctx context.Context) error {
	since := x.connected
	for _, in := range x.snapshot.Intents {
		if in.Created.After(since) {
			since = in.Created
		}
	}
	// By a clock that was put back an intent may be of the future.
	if left := min(since.Add(x.Policy.Settle).Sub(x.Now()), x.Policy.Settle); left > 0 {
		x.report(Event{Kind: Settling, Count: len(x.within(x.snapshot.Intents)), Text: left.Round(time.Second).String()})
		if err := x.Sleep(ctx, left); err != nil {
			return err
		}
	}
	x.settled = true
	return nil
}

// finish notes that the run came to its end, if it was the first, changed mail
// or left something out. A run that only confirmed what the last one did is not
// worth a row.
func (x *run) finish(start time.Time) error {
	exit := Exit(x.result, nil)
	worth := x.result.Changed || x.snapshot.Fresh || x.newSettings() || (x.wrote && len(x.result.Problems) > 0)
	var c Changes
	if worth && !hasRail(x.result.Plan.Stops, RailWrongAccount) {
		c.Run = &RunRow{Start: start, End: x.Now(), Exit: exit, Settings: x.Policy.Settings(), Summary: x.result.Summary}
	}
	for _, s := range Sides {
		row := x.snapshot.Sides[s]
		row.Memory = x.Repositories[s].Memory()
		if x.wrote || c.Run != nil { // a run that found nothing writes nothing
			row.Quiet = !x.found[s]
		}
		if row != x.snapshot.Sides[s] {
			c.Sides = append(c.Sides, SideChange{s, row})
		}
	}
	return x.commit(&c)
}

func hasRail(stops []Stop, rail Rail) bool {
	for _, s := range stops {
		if s.Rail == rail {
			return true
		}
	}
	return false
}

// Exit codes of a run, a contract with scripts.
const (
	ExitDone      = 0
	ExitFailed    = 1
	ExitUsage     = 2
	ExitPartly    = 3
	ExitStopped   = 4
	ExitLocked    = 5
	ExitTemporary = 75
)

// Exit returns the exit code of a run. Where several hold, the one that asks
// for more of a person wins: 4, then 1, 75, 5, 3, 0.
func Exit(r Result, err error) int {
	switch {
	case len(r.Plan.Stops) > 0, isAny(err, ErrStopped, ErrRootMissing, ErrOtherIdentity):
		return ExitStopped
	case isAny(err, ErrNames):
		return ExitUsage
	case isAny(err, ErrSignIn, ErrCertificate, ErrProtocol, ErrFull, ErrStateNewer, ErrStateBroken):
		return ExitFailed
	case isAny(err, ErrCut, ErrUnreachable, ErrThrottled, ErrOverQuota):
		return ExitTemporary
	case isAny(err, ErrLocked):
		return ExitLocked
	case err != nil:
		return ExitFailed
	case r.Open > 0 || r.Temporary:
		return ExitTemporary
	case len(r.Problems) > 0:
		return ExitPartly
	}
	return ExitDone
}

func isAny(err error, sentinels ...error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
