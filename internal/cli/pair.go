package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"time"

	"mailtwin/imapside"
	"mailtwin/internal/config"
	"mailtwin/maildir"
	"mailtwin/mirror"
	"mailtwin/statedb"
)

// newRepository makes the repository of an end. undo is the undo store for a
// Maildir, "" for none; label names the end there and in the trace.
func newRepository(end config.Repository, undo, label string, trace io.Writer) (mirror.Repository, error) {
	if m := end.Maildir; m != nil {
		opts := maildir.Options{Path: m.Path, Layout: maildir.Layout(m.Layout), Undo: undo, Label: label}
		if m.NamesGiven {
			opts.Names = maildir.Names(m.Names)
		}
		return maildir.New(opts)
	}
	a := end.IMAP
	opts := imapside.Options{Host: a.Host, Port: a.Port, CAFile: a.TLSCA, User: a.User, Password: askOnce(a), Trace: trace}
	if a.TLSFingerprint != nil {
		opts.Fingerprint = "sha256:" + hex.EncodeToString(a.TLSFingerprint)
	}
	switch a.TLS {
	case config.TLSStartTLS:
		opts.TLS = imapside.StartTLS
	case config.TLSNone:
		opts.TLS = imapside.Clear
	}
	return imapside.New(opts), nil
}

// askOnce returns a function that runs the password command when it is first
// called, and never again.
func askOnce(a *config.IMAP) func(context.Context) (string, error) {
	var once sync.Once
	var secret config.Secret
	var err error
	return func(ctx context.Context) (string, error) {
		once.Do(func() { secret, err = a.Secret(ctx) })
		return secret.Reveal(), err
	}
}

// policyOf translates a pair's settings.
func policyOf(p config.Pair) mirror.Policy {
	modes := map[config.Mode]mirror.Mode{config.ModeTwoWay: mirror.TwoWay, config.ModeMirror: mirror.OneWayMirror, config.ModeCopy: mirror.OneWayCopy}
	travels := map[config.Travel]mirror.Direction{config.TravelBoth: mirror.Both, config.TravelToNear: mirror.ToNear, config.TravelToFar: mirror.ToFar, config.TravelNone: mirror.None}
	deletions := map[config.Deletions]mirror.Deletions{config.DeletionsTrash: mirror.DeleteToTrash, config.DeletionsExpunge: mirror.DeleteForGood, config.DeletionsKeep: mirror.DeleteNothing}
	target := mirror.Near
	if p.Direction == config.NearToFar {
		target = mirror.Far
	}
	return mirror.Policy{Mode: modes[p.Mode], Target: target,
		New: travels[p.New], Flags: travels[p.Flags], Gone: travels[p.Gone], Create: travels[p.Create], Remove: travels[p.Remove],
		Window:      mirror.Window{Age: p.Window.MaxAge, Since: p.Window.Since, Before: p.Window.Before, MaxSize: p.Window.MaxSize, Last: p.Window.Last},
		Search:      mirror.Criteria{Text: p.Search.Text, Within: p.Search.Within},
		Prune:       p.Prune,
		RemoveExtra: p.Extra == config.ExtraRemove, Deletions: deletions[p.Deletions], Settle: p.Settle}
}

// A pairRun is one run of one pair.
type pairRun struct {
	pair   config.Pair
	scene  scene
	opts   options
	screen *screen
	trace  func(mark string) io.Writer // never nil; may return nil
	now    func() time.Time
	db     *statedb.DB
	sides  [2]mirror.Repository
	result mirror.Result // of the last run
	// stateName is what the state is called, the pair's name for most.
	stateName string
	// least is what the exit code is at least, and reportFile where a report was
	// written: a copy's.
	least      int
	reportFile string
}

func newPairRun(p config.Pair, stateDir string, line commandLine, opts options, s *screen, trace func(string) io.Writer, now func() time.Time) *pairRun {
	return &pairRun{pair: p, opts: opts, screen: s, trace: trace, now: now, stateName: p.Name,
		scene: scene{pair: p.Name, ends: [2]config.Repository{p.Far, p.Near}, line: line, state: stateDir}}
}

// open opens the state, and locks it unless this is a dry run.
func (r *pairRun) open() (err error) {
	r.db, err = statedb.Open(r.scene.state, r.stateName, statedb.Options{ReadOnly: r.opts.dryRun, Now: r.now})
	if err != nil {
		return err
	}
	r.scene.state = filepath.Dir(r.db.UndoDir())
	r.tellRebuilt()
	return nil
}

// run carries out one run, and another where the state proves broken on the
// way: it is then set aside, and both sides are paired anew.
func (r *pairRun) run(ctx context.Context, report func(mirror.Event)) (mirror.Result, error) {
	result, err := r.once(ctx, report)
	if errors.Is(err, mirror.ErrStateBroken) && !r.opts.dryRun {
		if asideErr := r.db.SetAside(err); asideErr != nil {
			return result, asideErr
		}
		r.tellRebuilt()
		result, err = r.once(ctx, report)
	}
	r.tellAlerts()
	if err != nil && stoppedBySignal(ctx) {
		err = &sayInterrupted
	}
	return result, err
}

func (r *pairRun) once(ctx context.Context, report func(mirror.Event)) (mirror.Result, error) {
	for _, s := range mirror.Sides {
		end := r.scene.ends[s]
		mark := r.pair.Name + " " + s.String() + " "
		side, err := newRepository(end, r.db.UndoDir(), r.pair.Name+"/"+end.Name, r.trace(mark))
		if err != nil {
			return mirror.Result{}, &mirror.Error{Op: "set up", Side: s, Err: err}
		}
		r.sides[s] = side
	}
	runner := mirror.Runner{
		Repositories: r.sides,
		Names:        [2]string{r.pair.Far.Name, r.pair.Near.Name},
		State:        r.db,
		Policy:       policyOf(r.pair),
		Rules:        r.pair.Rules,
		Selected:     func(s mirror.Selectable) bool { return chosen(r.pair, s) },
		DryRun:       r.opts.dryRun,
		Full:         r.opts.full,
		Untouched:    [2]bool{mirror.Far: r.scene.urls},
		Confirm:      r.opts.confirm,
		Report:       report,
		Now:          r.now,
	}
	result, err := runner.Run(ctx)
	if result.Changed {
		// What cannot be removed now is removed by a later run.
		_ = maildir.PurgeUndo(r.db.UndoDir(), r.now().Add(-undoAge))
	}
	return result, err
}

// chosen reports whether a mailbox takes part in a pair.
func chosen(p config.Pair, s mirror.Selectable) bool {
	var roles []string
	for _, role := range s.Roles {
		roles = append(roles, string(role))
	}
	return p.Mailboxes.Match(s.Name, roles...) && (s.Subscribed || !p.Subscribed)
}

// undoAge is how long a removed file can be brought back.
const undoAge = 30 * 24 * time.Hour

func (r *pairRun) tellRebuilt() {
	if rebuilt := r.db.Rebuilt(); rebuilt != nil {
		r.tell(stateRebuilt(rebuilt))
	}
}

// tellAlerts shows what a server wants its users to read (RFC 9051 §7.1).
func (r *pairRun) tellAlerts() {
	for _, s := range mirror.Sides {
		side, ok := r.sides[s].(*imapside.Repository)
		if !ok {
			continue
		}
		for _, text := range side.Alerts() {
			r.tell(serverAlert(s, text))
		}
	}
}

func (r *pairRun) tell(text string) {
	r.screen.note(r.pair.Name, text)
	r.screen.object(jsonNote{Type: "note", Pair: r.pair.Name, Text: text})
}
