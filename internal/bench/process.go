package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// usage is what one process took.
type usage struct {
	wall time.Duration // from its start to its end
	cpu  time.Duration // user and system, of the process and what it waited for
	peak int64         // octets of memory resident at most; 0 where not known
}

// runProcess runs a command to its end. An exit code other than 0 is an error
// that holds what the process said.
func runProcess(ctx context.Context, cmd *exec.Cmd) (usage, error) {
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = diesWithParent()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	floor := ownPeak()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	peak := make(chan int64, 1)
	go func() { peak <- watchPeak(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	u := usage{wall: time.Since(start)}
	stop()
	close(ended)
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	u.peak = max(<-peak, reportedPeak(cmd.ProcessState, floor))
	switch {
	case ctx.Err() != nil:
		return u, context.Cause(ctx)
	case err != nil:
		return u, fmt.Errorf("%s: %w; it said:\n%s", cmd.Path, err, lastLines(output.String(), 20))
	}
	return u, nil
}

// lastLines are the last n lines of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
