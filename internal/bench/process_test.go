package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The test binary stands in for the command where that runs itself, and for a
// tool that does what a test wants.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == bareWord:
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	case os.Getenv("BENCH_TEST_MEMORY") != "":
		hold(64 << 20)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold touches memory, and keeps the processor busy for a while.
func hold(octets int) {
	memory := make([]byte, octets)
	for begun := time.Now(); time.Since(begun) < 50*time.Millisecond; {
		for i := 0; i < len(memory); i += 4096 {
			memory[i]++
		}
	}
}

func TestUsageOfAProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BENCH_TEST_MEMORY=1")
	used, err := runProcess(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if used.wall < 50*time.Millisecond || used.cpu < 10*time.Millisecond {
		t.Errorf("got %v wall, %v CPU; want what it was busy at least", used.wall, used.cpu)
	}
	if runtime.GOOS == "linux" && (used.peak < 64<<20 || used.peak > 256<<20) {
		t.Errorf("got a peak of %d octets, want those it held and not many more", used.peak)
	}
}

// What the benchmark itself held before does not count as the tool's.
func TestPeakIsTheToolsOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is measured on Linux only")
	}
	hold(96 << 20)
	used, err := runProcess(t.Context(), exec.Command("sleep", "0.2"))
	if err != nil {
		t.Fatal(err)
	}
	if used.peak <= 0 || used.peak > 16<<20 {
		t.Errorf("got a peak of %d octets for sleep, want a few millions", used.peak)
	}
}

func TestFailedProcessSaysWhy(t *testing.T) {
	_, err := runProcess(t.Context(), exec.Command("sh", "-c", "echo no such mailbox >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("got %v, want the exit code and what it said", err)
	}
}

func TestCanceledProcessEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	used, err := runProcess(ctx, exec.Command("sleep", "60"))
	if !errors.Is(err, context.DeadlineExceeded) || used.wall > 30*time.Second {
		t.Errorf("got error %v after %v, want it ended by its context", err, used.wall)
	}
}
