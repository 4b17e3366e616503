package cli

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"

	"mailtwin/internal/config"
	"mailtwin/mirror"
	"mailtwin/statedb"
)

// gravity orders exit codes: the first of several that hold is the process's.
var gravity = []int{mirror.ExitStopped, mirror.ExitFailed, mirror.ExitUsage, mirror.ExitTemporary, mirror.ExitLocked, mirror.ExitPartly, mirror.ExitDone}

// graver returns the one of two exit codes that asks for more of a person.
func graver(a, b int) int {
	if slices.Index(gravity, b) < slices.Index(gravity, a) {
		return b
	}
	return a
}

// sync runs the named pairs, all for no names, one after another. What becomes
// of one does not stop the others, but for a signal.
func (p *program) sync(ctx context.Context, names []string) int {
	pairs, stateDir, err := p.pairs(names)
	if err != nil {
		return p.failed(err)
	}
	trace, closeTrace, err := p.openTrace()
	if err != nil {
		return p.failed(err)
	}
	defer closeTrace()
	exit := mirror.ExitDone
	for _, pair := range pairs {
		if stoppedBySignal(ctx) { // this pair and those behind it did not run
			exit = graver(exit, p.failed(&sayInterrupted))
			break
		}
		r := newPairRun(pair, stateDir, p.line, p.options, &p.screen, trace, p.now)
		exit = graver(exit, r.do(ctx))
	}
	if len(pairs) != 1 {
		p.object(jsonSummary{Type: "summary", Pairs: len(pairs), Exit: exit})
	}
	return exit
}

// pairs reads the configuration and finds the state directory.
func (p *program) pairs(names []string) (pairs []config.Pair, stateDir string, err error) {
	c, err := p.load()
	if err != nil {
		return nil, "", err
	}
	if pairs, err = c.Select(names); err != nil {
		return nil, "", err
	}
	if stateDir, err = config.StateDir(p.env); err != nil {
		return nil, "", noPlace("state", err)
	}
	return pairs, stateDir, nil
}

// openTrace returns a function that makes trace writers, which are nil without
// --trace.
func (p *program) openTrace() (writer func(mark string) io.Writer, closeFile func(), err error) {
	if p.trace == "" {
		return func(string) io.Writer { return nil }, func() {}, nil
	}
	f, err := openTrace(p.trace)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	return func(mark string) io.Writer { return &traceWriter{&mu, f, mark} }, func() { f.Close() }, nil
}

// do runs the pair, tells everything about it, and returns its exit code.
func (r *pairRun) do(ctx context.Context) int {
	if err := r.open(); err != nil {
		return r.finish(mirror.Result{}, err)
	}
	result, err := r.watched(ctx)
	return r.close(r.finish(result, err))
}

// watched is run, shown as it goes on.
func (r *pairRun) watched(ctx context.Context) (mirror.Result, error) {
	bar := newProgress(r.screen, r.pair.Name, r.opts)
	result, err := r.run(ctx, func(e mirror.Event) {
		bar.see(e)
		r.see(e)
	})
	bar.stop()
	r.result = result
	return result, err
}

// close ends the use of the state and returns the exit code.
func (r *pairRun) close(exit int) int {
	if err := r.db.Close(); err != nil {
		r.screen.fail(r.pair.Name, r.scene.explain(err))
		exit = graver(exit, mirror.ExitFailed)
	}
	return exit
}

// see tells what is told while the run goes on.
func (r *pairRun) see(e mirror.Event) {
	switch e.Kind {
	case mirror.Viewing:
		frugal()
	case mirror.Done:
		if r.screen.verbose {
			r.screen.result(pairLine(r.pair.Name, oneDeed(*e.Action)))
		}
		if r.screen.json {
			r.screen.object(newJSONAction("action", r.pair.Name, *e.Action))
		}
	case mirror.Noted:
		r.tell(e.Text)
	}
}

// frugal lets the garbage collector work earlier from now on. A run that looks into
// mailboxes waits for others most of the time, and holds much that it soon does not
// need: memory is dearer to its user than the collector's work. GOGC has the last
// word.
var frugal = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
})

// finish tells how the run ended.
func (r *pairRun) finish(result mirror.Result, err error) int {
	exit := graver(mirror.Exit(result, err), r.least)
	summary := r.summary(result)
	summary.Report = r.reportFile
	r.tellProblems(result.Problems)
	if r.opts.dryRun && err == nil {
		r.tellPlan(result)
	}
	if len(result.Plan.Stops) > 0 {
		r.tellStops(result.Plan)
	}
	if err != nil {
		t := r.scene.explain(err)
		exit = graver(graver(t.exit, mirror.Exit(result, nil)), r.least)
		r.screen.fail(r.pair.Name, t)
		summary.Error, summary.Hint = t.what, strings.Join(t.hints, "; ")
		summary.RetryAfter = seconds(retryAfter(err))
	} else if result.Open > 0 && !r.opts.dryRun {
		r.screen.fail(r.pair.Name, notCertain(result.Open))
	}
	if !r.opts.dryRun {
		r.tellResult(result, exit)
	}
	first := result.First && err == nil && !r.opts.dryRun
	if first {
		if n := result.Summary.Paired; n > 0 && r.db.Rebuilt() == nil && len(result.Plan.Stops) == 0 {
			r.tell(unitedWords(n))
		}
		r.tellFirst()
		summary.State, summary.Undo = r.scene.state, r.db.UndoDir()
	}
	summary.Exit, summary.First = exit, first
	r.screen.object(summary)
	return exit
}

func (r *pairRun) summary(result mirror.Result) jsonSummary {
	s := result.Summary
	if r.opts.dryRun {
		s = intended(result.Plan)
	}
	changed := result.Changed
	return jsonSummary{Type: "summary", Pair: r.pair.Name, Changed: &changed,
		Far: newJSONSide(s, mirror.Far), Near: newJSONSide(s, mirror.Near),
		Paired: s.Paired, Compared: s.Fetched, Failed: s.Failed, Held: s.Held, Ghosts: s.Ghosts, Uncertain: result.Open, Confirm: result.Plan.Token}
}

// tellResult writes the pair's line, unless nobody looks on and nothing
// happened.
func (r *pairRun) tellResult(result mirror.Result, exit int) {
	text := outcome(result, exit)
	if text == nothingToDo && !r.screen.watched() {
		return
	}
	r.screen.result(pairLine(r.pair.Name, text))
}

func (r *pairRun) tellFirst() {
	for _, line := range r.firstLines() {
		r.screen.result(pairLine(r.pair.Name, line))
	}
}

// firstLines tell where things lie, and what becomes of mail that is removed.
func (r *pairRun) firstLines() []string {
	if r.scene.urls {
		return []string{copyRemembers(r.scene.state)}
	}
	return firstRun(r.pair, r.scene.state, r.db.UndoDir())
}

func (r *pairRun) tellStops(plan mirror.Plan) {
	if !r.opts.dryRun { // which shows it with the plan
		r.showWithheld(plan)
	}
	t := trouble{}
	for i, s := range plan.Stops {
		r.screen.object(jsonStop{"stop", r.pair.Name, string(s.Rail), s.Side.String(), s.Mailbox.String(), s.Count, s.Of})
		t.what = stopWords(s)
		t.hints = []string{r.scene.unintended(s)}
		if i == len(plan.Stops)-1 {
			t.hints = append(t.hints, r.scene.intended(plan))
			if r.opts.confirm != "" {
				t.hints = append(t.hints, otherToken)
			}
		}
		r.screen.fail(r.pair.Name, &t)
	}
}

// tellProblems names everything that was left out; those with the same hint
// stand together, with the hint once.
func (r *pairRun) tellProblems(problems []mirror.Problem) {
	var hints []string
	byHint := map[string][]mirror.Problem{}
	for _, p := range problems {
		hint := problemHint(p.Reason)
		if byHint[hint] == nil {
			hints = append(hints, hint)
		}
		byHint[hint] = append(byHint[hint], p)
	}
	files := fileNames{db: r.db, ends: r.scene.ends}
	for _, hint := range hints {
		for i, p := range byHint[hint] {
			t := &trouble{what: problemLine(p, files.ref(p.Side, p.Mailbox, p.UID))}
			if i == len(byHint[hint])-1 {
				t.hints = []string{hint}
			}
			r.screen.fail(r.pair.Name, t)
			r.screen.object(jsonProblem{"problem", r.pair.Name, p.Side.String(), p.Mailbox.String(), uint32(p.UID),
				files.name(p.Side, p.Mailbox, p.UID), p.Reason, hint})
		}
	}
}

// fileNames finds the file of a message by the number that the state gave it:
// in a Maildir a person knows files, not UIDs.
type fileNames struct {
	db   *statedb.DB
	ends [2]config.Repository
}

// name returns the base name of a message in a Maildir, "" elsewhere and where
// the state does not know it.
func (f *fileNames) name(side mirror.Side, mailbox mirror.Name, uid mirror.UID) string {
	if f.ends[side].Maildir == nil || uid == 0 || f.db == nil {
		return ""
	}
	found, err := f.db.MessagesIn(side, mailbox, imap.UIDSetNum(uid))
	if err != nil || len(found) == 0 {
		return "" // without the state's help the number has to do
	}
	return found[0].Base
}

func (f *fileNames) ref(side mirror.Side, mailbox mirror.Name, uid mirror.UID) string {
	return refWords(mirror.Ref{UID: uid, Base: f.name(side, mailbox, uid)})
}
