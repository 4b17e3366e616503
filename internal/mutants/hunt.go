package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// timeout bounds the tests of one mutant. One that hangs is killed by it: a test
// that does not end has failed.
const timeout = "90s"

// A result is what became of a mutant.
type result struct {
	mutant mutant
	killer string // the test that failed; "" where none did
	err    error  // why nothing can be said
	took   time.Duration
}

func (r result) verdict() string {
	switch {
	case r.err != nil:
		return r.err.Error()
	case r.killer == "":
		return "SURVIVED"
	}
	return "killed by " + r.killer
}

// A hunt tries mutants. It may be used by several goroutines.
type hunt struct {
	root string
	mu   sync.Mutex
	// sound says, by package and pattern, how the tests end without a mutant.
	sound map[string]func() error
}

func newHunt(root string) *hunt { return &hunt{root: root, sound: map[string]func() error{}} }

// try runs the tests of a mutant: first without it, once for all with the same
// tests, as a test that fails anyway kills nothing.
func (h *hunt) try(m mutant) (r result) {
	r.mutant = m
	start := time.Now()
	defer func() { r.took = time.Since(start) }()
	if _, r.err = m.apply(h.root); r.err != nil {
		return r
	}
	if r.err = h.unmutated(m); r.err != nil {
		return r
	}
	start = time.Now()
	dir, err := os.MkdirTemp("", "mailtwin-mutant-")
	if err != nil {
		r.err = err
		return r
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(h.root, dir)
	if err != nil {
		r.err = err
		return r
	}
	r.killer, r.err = h.test(m, "-overlay="+overlay)
	return r
}

// unmutated returns an error unless the tests of m pass as things are.
func (h *hunt) unmutated(m mutant) error {
	key := fmt.Sprint(m.in(), m.tests, m.args)
	h.mu.Lock()
	if h.sound[key] == nil {
		h.sound[key] = sync.OnceValue(func() error {
			switch killer, err := h.test(m); {
			case err != nil:
				return fmt.Errorf("without the mutant: %w", err)
			case killer != "":
				return fmt.Errorf("without the mutant %s fails", killer)
			}
			return nil
		})
	}
	sound := h.sound[key]
	h.mu.Unlock()
	return sound()
}

// An event is a line of go test -json (go doc test2json).
type event struct {
	Action, Test, Output string
	FailedBuild          string
}

var (
	errBuild   = errors.New("it does not build")
	errNoTests = errors.New("no test has that name")
)

// test runs the tests of m and returns the one that failed, if any.
func (h *hunt) test(m mutant, more ...string) (killer string, err error) {
	args := append([]string{"test", "-json", "-count=1", "-vet=off", "-timeout=" + timeout, "-run=" + m.tests}, more...)
	args = append(append(args, m.in()), m.args...)
	cmd := exec.Command("go", args...)
	cmd.Dir = h.root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, runErr := cmd.Output()
	killer, ran, build := read(out)
	switch {
	case build != "":
		return "", fmt.Errorf("%w: %s", errBuild, firstLines(build))
	case !ran && killer == "":
		return "", fmt.Errorf("%w: %s in %s: %s", errNoTests, m.tests, m.in(), firstLines(stderr.String()))
	case runErr == nil:
		return "", nil
	case killer == "":
		return "", fmt.Errorf("go test failed and names no test: %s", firstLines(stderr.String()))
	}
	return killer, nil
}

// read finds in the output of go test -json the first test that failed, or the
// one that was under way when the process ended; of a test and its subtests it
// is the deepest. ran says that some test passed or failed.
func read(out []byte) (killer string, ran bool, build string) {
	open := map[string]bool{}
	var order []string
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var e event
		if decoder.Decode(&e) != nil {
			break
		}
		switch {
		case e.Action == "build-output":
			build += e.Output
		case e.Action == "build-fail" && build == "", e.FailedBuild != "" && build == "":
			build = "build failed"
		case e.Test == "":
		case e.Action == "run":
			open[e.Test] = true
			order = append(order, e.Test)
		case e.Action == "pass", e.Action == "skip", e.Action == "fail":
			delete(open, e.Test)
			ran = ran || e.Action != "skip"
			if e.Action == "fail" && killer == "" {
				killer = e.Test // subtests end before their parents
			}
		}
	}
	if killer == "" && build == "" {
		for _, name := range order { // it panicked, or the time was up
			if open[name] {
				killer = name
			}
		}
	}
	return killer, ran, build
}

func firstLines(text string) string {
	lines := strings.SplitN(strings.TrimSpace(text), "\n", 4)
	return strings.Join(lines[:min(3, len(lines))], "; ")
}
