package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A stage is one tool at one job: its account, its Maildir or its second account,
// and what both must hold after the next run.
type stage struct {
	lab  *lab
	job  job
	tool tool
	site
	account account
	source  account // what the account is made from
	second  account // on the second server, where the kind wants one
	// due is what both sides must hold after the next run.
	due census
	// round counts the changes so far, so that each is another one.
	round int
}

// patience is how long a run may take.
const patience = time.Hour

var errStuck = errors.New("it did not end within an hour")

// newStage gives a tool an account and a directory of its own, both empty, and a
// second account where the kind wants one.
func newStage(ctx context.Context, l *lab, j job, t tool) (*stage, error) {
	s := &stage{lab: l, job: j, tool: t, account: l.newAccount(&l.post), due: j.shape.census()}
	if j.kind.twoServers() {
		other, err := l.second(ctx)
		if err != nil {
			return nil, err
		}
		s.second = l.newAccount(other)
	}
	s.site = site{dir: filepath.Join(l.dir, j.id+"-"+t.name), kind: j.kind}
	return s, os.Mkdir(s.dir, 0o700)
}

// prepare makes the stage as it is before the first run: of a paired job with
// both sides alike, by the tool itself.
func (s *stage) prepare(ctx context.Context) (err error) {
	if s.job.kind == upload {
		return nil // restore makes it all
	}
	if s.source, err = s.lab.account(ctx, s.job.shape); err != nil {
		return err
	}
	if !s.job.kind.paired() {
		return nil
	}
	if err := s.restore(ctx); err != nil {
		return err
	}
	if s.tool.plain {
		return nil // it keeps nothing, so that there is nothing to pair
	}
	if _, err := s.run(ctx, condition{}); err != nil {
		return err
	}
	return s.verify(ctx)
}

// restore brings a job that is not paired back to its beginning.
func (s *stage) restore(ctx context.Context) error {
	for _, path := range []string{s.mail(), s.state()} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if s.job.kind == upload {
		if err := s.fillLocal(); err != nil {
			return err
		}
		return s.account.restore(ctx, nil)
	}
	if s.job.kind.twoServers() {
		if err := s.second.restore(ctx, nil); err != nil {
			return err
		}
	}
	return s.account.restore(ctx, &s.source)
}

// fillLocal makes the Maildir hold the mail of the shape, by links to a copy
// that all tools share.
func (s *stage) fillLocal() error {
	master := filepath.Join(s.lab.dir, s.job.id+"-mail")
	if _, err := os.Stat(master); errors.Is(err, os.ErrNotExist) {
		if err := fillMaildir(master, s.job.shape); err != nil {
			return err
		}
	}
	return clone(master, s.mail())
}

// fillMaildir writes the mail of a shape into a nested Maildir.
func fillMaildir(root string, of shape) error {
	for i := range of.mailboxes {
		if _, err := makeMaildir(root, mailboxName(i)); err != nil {
			return err
		}
	}
	return of.eachLetter(func(mailbox string, n int, body []byte) error {
		name := fmt.Sprintf("%d.M%dP1.bench:2,%s", letterDate(n).Unix(), n, letterFlags(n))
		path := filepath.Join(root, mailbox, "cur", name)
		if err := os.WriteFile(path, localForm(body), 0o600); err != nil {
			return err
		}
		return os.Chtimes(path, letterDate(n), letterDate(n))
	})
}

// before makes what the next run has to do.
func (s *stage) before(ctx context.Context) error {
	s.round++
	switch s.job.kind {
	case noop, acrossNoop:
		return nil
	case incremental:
		if err := s.changeServer(ctx); err != nil {
			return err
		}
		due, err := s.account.look(ctx)
		s.due = due
		return err
	case moves:
		if err := s.moveLocal(); err != nil {
			return err
		}
		due, err := lookLocal(s.mail(), false)
		s.due = due
		return err
	}
	return s.restore(ctx)
}

// run runs the tool once, under a condition, and counts what it took.
func (s *stage) run(ctx context.Context, under condition) (sample, error) {
	proxies := []*proxy{s.account.at.proxy(under.tls)}
	s.endpoint = s.account.by(proxies[0], under.tls)
	if s.kind.twoServers() {
		proxies = append(proxies, s.second.at.proxy(under.tls))
		s.other = s.second.by(proxies[1], under.tls)
	}
	if err := s.tool.configure(&s.site); err != nil {
		return sample{}, err
	}
	for _, p := range proxies {
		p.reset(under.rtt, s.job.rate)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	used, err := runProcess(ctx, s.tool.command(s.lab, &s.site))
	if err != nil {
		return sample{}, err
	}
	var counted []traffic
	for i, p := range proxies {
		links := p.counts()
		if len(links) == 0 {
			return sample{}, fmt.Errorf("it made no connection to server %d", i+1)
		}
		counted = append(counted, links...)
	}
	return newSample(used, counted), nil
}

// measure runs the tool and looks whether it did what it had to.
func (s *stage) measure(ctx context.Context, under condition) (sample, error) {
	if s.job.kind.idle() {
		return s.quiet(ctx, under)
	}
	sample, err := s.run(ctx, under)
	if err != nil {
		return sample, err
	}
	return sample, s.verify(ctx)
}

// quiet is a run that must change neither side.
func (s *stage) quiet(ctx context.Context, under condition) (sample, error) {
	before, err := s.stamps(ctx)
	if err != nil {
		return sample{}, err
	}
	result, err := s.run(ctx, under)
	if err != nil {
		return sample{}, err
	}
	after, err := s.stamps(ctx)
	if err == nil && before != after {
		err = errors.New("a run with nothing to do changed something")
	}
	return result, err
}

// stamps are digests of both sides.
func (s *stage) stamps(ctx context.Context) (both [2]string, err error) {
	if both[0], err = s.account.stamp(ctx); err != nil {
		return both, err
	}
	if s.kind.twoServers() {
		both[1], err = s.second.stamp(ctx)
	} else {
		both[1], err = stamp(s.mail())
	}
	return both, err
}

// verify compares both sides with what is due.
func (s *stage) verify(ctx context.Context) error {
	far, err := s.account.look(ctx)
	if err != nil {
		return err
	}
	near, err := s.lookNear(ctx)
	if err != nil {
		return err
	}
	return compareSides(far, near, s.due)
}

// lookNear counts what the Maildir, or the second account, holds.
func (s *stage) lookNear(ctx context.Context) (census, error) {
	if s.kind.twoServers() {
		return s.second.look(ctx)
	}
	return lookLocal(s.mail(), true)
}

// compareSides says what is wrong with both sides after a run.
func compareSides(far, near, due census) error {
	if err := far.differs(due); err != nil {
		return fmt.Errorf("after the run on the server: %w", err)
	}
	if err := near.differs(due); err != nil {
		return fmt.Errorf("after the run on the other side: %w", err)
	}
	// LF is one octet less a line than CRLF, and a line here is long.
	if near.octets() < far.octets()*9/10 {
		return fmt.Errorf("after the run the other side holds %d octets, the server %d", near.octets(), far.octets())
	}
	return nil
}

// settle runs the tool twice without a distance: what it learns or writes after
// a change, or in another condition, is behind it then. The second run must
// change nothing.
func (s *stage) settle(ctx context.Context, tls bool) error {
	if s.tool.plain {
		return nil
	}
	if _, err := s.run(ctx, condition{tls: tls}); err != nil {
		return err
	}
	_, err := s.quiet(ctx, condition{tls: tls})
	return err
}

// remove ends the stage.
func (s *stage) remove() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if s.kind.twoServers() {
		if err := s.second.remove(); err != nil {
			return err
		}
	}
	return s.account.remove()
}
