package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
	"golang.org/x/term"

	"mailtwin/internal/config"
	"mailtwin/mirror"
	"mailtwin/nametrans"
)

// copyName is what a copy is called where a pair has its name.
const copyName = "copy"

// A copyRun is one call of copy: runs of a pair that no configuration names, until
// nothing is left to be done, and a report.
type copyRun struct {
	*pairRun
	page string // the file that the report goes to, "" for one beside the state
}

// copy copies all mail of one repository that another one does not have.
func (p *program) copy(ctx context.Context, urls []string) int {
	pair, err := p.copyPair(ctx, urls)
	if err != nil {
		return p.failed(err)
	}
	stateDir, err := config.StateDir(p.env)
	if err != nil {
		return p.failed(noPlace("state", err))
	}
	trace, closeTrace, err := p.openTrace()
	if err != nil {
		return p.failed(err)
	}
	defer closeTrace()
	r := &copyRun{newPairRun(pair, stateDir, p.line, p.options, &p.screen, trace, p.now), p.report}
	r.scene.urls, r.stateName = true, copyState(pair)
	return r.do(ctx)
}

// copyPair is the pair of two URLs, as if it were written in a configuration. Passwords
// are asked for where no command gives them.
func (p *program) copyPair(ctx context.Context, urls []string) (pair config.Pair, err error) {
	var ends [2]config.Repository
	var problems config.Problems
	for _, s := range mirror.Sides {
		end, err := config.ParseURL(s.String(), urls[s], p.env)
		var found config.Problems
		if errors.As(err, &found) {
			problems = append(problems, found...)
		}
		ends[s] = end
	}
	if problems != nil {
		return pair, problems
	}
	if config.Overlap(ends[mirror.Far], ends[mirror.Near]) {
		return pair, sameEnds
	}
	if m := ends[mirror.Far].Maildir; m != nil {
		if _, err := os.Stat(m.Path); err != nil {
			return pair, noSource(m.Path, err)
		}
	}
	for _, s := range mirror.Sides {
		if a := ends[s].IMAP; a != nil {
			if err := p.givePassword(ctx, s, a); err != nil {
				return pair, err
			}
		}
	}
	all, err := nametrans.NewMatcher([]string{"*"})
	if err != nil {
		return pair, err
	}
	return config.Pair{Name: copyName, Far: ends[mirror.Far], Near: ends[mirror.Near],
		Mode: config.ModeCopy, Direction: config.FarToNear, Patterns: []string{"*"}, Mailboxes: all,
		Deletions: config.DeletionsKeep, Settle: config.DefaultSettle, Extra: config.ExtraKeep,
		New: config.TravelToNear, Flags: config.TravelNone, Gone: config.TravelNone, Create: config.TravelToNear, Remove: config.TravelNone,
	}, nil
}

// copyState names the state of a copy: the same two ends go on where they stopped.
func copyState(p config.Pair) string {
	var ends []string
	for _, end := range []config.Repository{p.Far, p.Near} {
		ends = append(ends, end.URL())
		if m := end.Maildir; m != nil && (m.Layout != config.LayoutNested || m.Names != config.NamesUTF8) {
			ends = append(ends, string(m.Layout), string(m.Names)) // the same tree, read in another way
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(ends, "\n")))
	return copyName + "-" + hex.EncodeToString(sum[:8])
}

// givePassword sets the account's password command, or asks for the password.
func (p *program) givePassword(ctx context.Context, s mirror.Side, a *config.IMAP) error {
	if command := p.passwordCommand[s]; command != "" {
		words, err := shellquote.Split(command)
		if err != nil || len(words) == 0 || words[0] == "" {
			return noPasswordCommand(s)
		}
		a.PasswordCommand = words
		return nil
	}
	secret, err := p.askPassword(ctx, s, a)
	a.Password = secret
	return err
}

// askPassword asks on the terminal, which does not show what is typed.
func (p *program) askPassword(ctx context.Context, s mirror.Side, a *config.IMAP) (config.Secret, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil { // no terminal
		return config.Secret{}, noPassword(s, a)
	}
	fmt.Fprint(p.err, escape(passwordOf(s, a)))
	typed := make(chan config.Secret, 1)
	failed := make(chan error, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		if err != nil {
			failed <- err
			return
		}
		typed <- config.NewSecret(string(text))
	}()
	defer fmt.Fprintln(p.err)
	select {
	case secret := <-typed:
		if secret.Reveal() == "" {
			return secret, noPassword(s, a)
		}
		return secret, nil
	case err := <-failed:
		return config.Secret{}, fmt.Errorf("read password: %w", err)
	case <-ctx.Done():
		_ = term.Restore(fd, before) // it still waits, without an echo
		return config.Secret{}, &sayInterrupted
	}
}

// copyRounds bounds how often a copy looks again: for what arrived meanwhile, and to
// see what was copied.
const copyRounds = 3

// do copies, tells everything about it, and returns the exit code.
func (r *copyRun) do(ctx context.Context) int {
	began := r.now()
	if err := r.open(); err != nil {
		return r.finish(mirror.Result{}, err)
	}
	result, err := r.rounds(ctx)
	if !r.opts.dryRun {
		r.tellReport(began, result.Problems, err)
	}
	exit := r.finish(result, err)
	return r.close(exit)
}

// rounds runs until nothing was left to be done: the last run has seen what the others
// copied. The result is that of all of them.
func (r *copyRun) rounds(ctx context.Context) (all mirror.Result, err error) {
	for range copyRounds {
		var result mirror.Result
		result, err = r.watched(ctx)
		problems := slices.Clone(result.Problems)
		for _, p := range all.Problems { // a mailbox that is well now is no problem; a message was named once
			if p.UID != 0 && !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
		sum := all.Summary
		sum.Add(result.Summary)
		first, changed := all.First || result.First, all.Changed || result.Changed
		all, all.Summary, all.Problems, all.First, all.Changed = result, sum, problems, first, changed
		if err != nil || !result.Changed || r.opts.dryRun {
			break
		}
	}
	return all, err
}

// tellReport makes the report, shows it and writes the page. Where something is left
// out, the exit code says so.
func (r *copyRun) tellReport(began time.Time, problems []mirror.Problem, runErr error) {
	rep, err := newReport(r.db, r.pair, problems)
	if err != nil {
		r.screen.fail(r.pair.Name, r.scene.explain(err))
		r.least = mirror.ExitFailed
		return
	}
	if runErr != nil && len(rep.Mailboxes) == 0 {
		return // it never came to see any
	}
	rep.Began, rep.Ended, rep.Complete = began, r.now(), runErr == nil
	if len(rep.Left)+len(rep.Problems) > 0 {
		r.least = mirror.ExitPartly
	}
	for _, line := range rep.lines() {
		r.screen.result(line)
	}
	rep.objects(r.screen)
	path := r.page
	if path == "" {
		path = filepath.Join(r.scene.state, "report.html")
	}
	if err := rep.write(path); err != nil {
		r.screen.fail(r.pair.Name, noReport(path, err))
		r.least = graver(r.least, mirror.ExitFailed)
		return
	}
	r.reportFile = path
	r.screen.result(reportIn(path))
}
