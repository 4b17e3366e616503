package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// A lab is a server, the proxies before it and room for mail, all on one file
// system. It is used by one goroutine.
type lab struct {
	dir string // its own, removed by close
	post
	// other is a second server, nil until a job needs it.
	other *post
	// program is the built mailtwin, "" before build; self is this program.
	program, self string
	// filled are accounts that hold the mail of a shape and are only copied.
	filled map[shape]account
	users  int
}

// newLab starts a lab in a directory of its own below parent; "" is the
// system's for temporary files.
func newLab(ctx context.Context, parent string) (*lab, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.EvalSymlinks(parent)
	if err != nil {
		return nil, err
	}
	if parent, err = filepath.Abs(parent); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "mtbench")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, filled: map[shape]account{}}
	if err := l.start(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) start(ctx context.Context) (err error) {
	// The server's own accounts pass through.
	if err := os.Chmod(l.dir, 0o711); err != nil {
		return err
	}
	if l.self, err = os.Executable(); err != nil {
		return err
	}
	return l.post.start(ctx, l.dir)
}

// second is the second server, started when it is needed first.
func (l *lab) second(ctx context.Context) (*post, error) {
	if l.other == nil {
		l.other = &post{}
		if err := l.other.start(ctx, l.dir); err != nil {
			return nil, fmt.Errorf("the second server: %w", err)
		}
	}
	return l.other, nil
}

// build builds mailtwin as its README says. It works within the repository.
func (l *lab) build(ctx context.Context) error {
	l.program = filepath.Join(l.dir, "mailtwin")
	build := exec.CommandContext(ctx, "go", "build", "-o", l.program, "mailtwin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build mailtwin: %w\n%s", err, out)
	}
	return nil
}

// close ends everything and removes all mail.
func (l *lab) close() {
	l.post.close()
	if l.other != nil {
		l.other.close()
	}
	os.RemoveAll(l.dir)
}

// newAccount is an account of a server that nobody used, without mail.
func (l *lab) newAccount(at *post) account {
	l.users++
	return account{at, fmt.Sprintf("user%d", l.users)}
}

// account returns one that holds the mail of s, to be copied.
func (l *lab) account(ctx context.Context, s shape) (account, error) {
	if a, found := l.filled[s]; found {
		return a, nil
	}
	a := l.newAccount(&l.post)
	if err := a.fill(s); err != nil {
		return a, err
	}
	if err := a.index(ctx); err != nil {
		return a, err
	}
	l.filled[s] = a
	return a, nil
}

// leave removes the mail of shapes that none of the jobs to come needs.
func (l *lab) leave(jobs []job) error {
	for s, a := range l.filled {
		if slices.ContainsFunc(jobs, func(j job) bool { return j.shape == s }) {
			continue
		}
		if err := a.remove(); err != nil {
			return err
		}
		delete(l.filled, s)
	}
	return nil
}
